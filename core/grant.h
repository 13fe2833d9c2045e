/* SPDX-License-Identifier: BSD-2-Clause */
/* Grant tables, version 1: a guest lets another domain use single pages of its memory. */
#ifndef CORE_GRANT_H
#define CORE_GRANT_H

#include <core/lib/lock.h>
#include <core/types.h>
#include <xen/hypercall.h>

struct domain;
struct vcpu;
struct grant_map;

#define GRANT_MAX_FRAMES     64u
#define GRANT_INITIAL_FRAMES 1u
#define GRANT_PER_FRAME      512u
#define GRANT_PINS_PER_PAGE  2048u
#define GRANT_MAPS_PER_PAGE  128u
#define GRANT_MAX_MAPS       16384u /* that one domain holds */

/* Of each domain. lock guards the frames (they only grow), the pin counts of own entries and the
 * mappings this domain made. No two domains' locks are ever held together. */
struct grant_domain {
	spinlock_t lock;
	u32 frames;
	struct grant_entry_v1 *frame[GRANT_MAX_FRAMES];
	u64 frame_gfn[GRANT_MAX_FRAMES]; /* where the guest put each, ~0: nowhere; p2m_lock */
	/* Users of each entry: those who only read in the low byte, those who write in the high. */
	u16 *pins[GRANT_MAX_FRAMES * GRANT_PER_FRAME / GRANT_PINS_PER_PAGE];
	struct grant_map *maps[GRANT_MAX_MAPS / GRANT_MAPS_PER_PAGE]; /* by handle */
	u32 maps_size, maps_used;
	u32 maps_free;     /* first of the list of free handles, GRANT_MAX_MAPS: none */
	u32 maps_unmapped; /* handles that grant_domain_unmap_all() has done */
};

must_use int grant_domain_init(struct domain *d); /* first frame; -XEN_ENOMEM */
/* Releases the mappings d holds, in bounded pieces (-XEN_EAGAIN until 0). No vCPU of d runs any
 * more; before p2m_tear_down(). */
must_use int grant_domain_unmap_all(struct domain *d);
void grant_domain_free(struct domain *d); /* last reference is gone */

/* add_to_physmap space 1: grows the table up to idx; its frame. -XEN_EINVAL, -XEN_ENOMEM. */
must_use int grant_table_frame(struct domain *d, u64 idx, hfn_t *frame);
/* Writes a reserved entry for a new guest (control interface). -XEN_EINVAL. */
must_use int grant_seed(struct domain *d, grant_ref_t ref, domid_t to, gfn_t frame);

#endif
