/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's memory: its nested table, the frames behind it, and the flushes that changes owe. */
#ifndef CORE_MM_P2M_H
#define CORE_MM_P2M_H

#include <core/domain.h>
#include <core/types.h>

/* All take d->p2m_lock themselves. When one returns, every TLB is clean of what it took away. */

/* Maps 2^order frames at g. Foreign, grant and ram mappings: the caller holds the references and
 * hands them over. -XEN_EEXIST, -XEN_ENOMEM, -XEN_EINVAL. */
must_use int p2m_map(struct domain *d, gfn_t g, hfn_t f, unsigned int order, unsigned int rights,
		     enum ept_type type);
/* Takes out what is at g if it is of `type` and gives it to the caller (who drops references).
 * -XEN_ENOENT if something else, or nothing, is there. */
must_use int p2m_unmap(struct domain *d, gfn_t g, unsigned int order, enum ept_type type,
		       struct ept_leaf *old);
/* Takes out the grants mapped at the n gfns, with one flush for all. Nothing else is touched. */
void p2m_unmap_grants(struct domain *d, const gfn_t *at, u32 n);
/* Puts the hypervisor page f at g, whatever RAM was there is freed (guest-abi: add_to_physmap). If
 * f is mapped at another gfn of d already (*where, ~0 for none) it is moved. */
must_use int p2m_place_shared(struct domain *d, gfn_t g, hfn_t f, u64 *where);
/* Frees the domain's own RAM page at g. -XEN_ENOENT if there is no RAM page, -XEN_EINVAL if it is
 * the control domain's. */
must_use int p2m_release_page(struct domain *d, gfn_t g);
/* Gives fresh zeroed RAM for gfns [g, g+count) in the largest pages that fit; *done counts. Works
 * off a bounded piece (4096 pages or one leaf) and returns 0; -XEN_EEXIST, -XEN_ENOMEM. */
must_use int p2m_populate(struct domain *d, gfn_t g, u64 count, u64 *done);
struct ept_leaf p2m_lookup(struct domain *d, gfn_t g);
/* The RAM frame at g with one more reference. -XEN_EINVAL if it is not the domain's own RAM (or not
 * writable though write). frame_put() when done. */
must_use int p2m_get_ram(struct domain *d, gfn_t g, bool write, hfn_t *f);
/* Bounded piece of taking all mappings down, -XEN_EAGAIN until 0. No vCPU of d runs any more. */
must_use int p2m_tear_down(struct domain *d);

/* All TLBs that may know d's mappings: flushed on return (core/tlb.c). */
void tlb_flush_domain(struct domain *d);

#endif
