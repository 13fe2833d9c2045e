/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands around the hypercalls in host tests: domains with vCPUs, frames with owners and
 * counts, a nested table that is an array, guest memory that is a buffer, and records of kicks and
 * log lines. Everything lives until fake_end(). */
#ifndef FAKE_CORE_FAKE_H
#define FAKE_CORE_FAKE_H

#include <core/domain.h>
#include <core/mm/p2m.h>
#include <core/vcpu.h>

#define FAKE_GFNS   2048u /* of each domain; higher ones can't be mapped */
#define FAKE_FRAMES 4096u
#define FAKE_VCPUS  64u
#define FAKE_BUFFER 65536u /* bytes of guest linear memory, the same for all domains */

struct fake_domain {
	struct domain d;
	struct ept_leaf leaf[FAKE_GFNS];
	struct vcpu vcpus[FAKE_VCPUS];
	struct vcpu *pointers[FAKE_VCPUS];
	unsigned int kicks[FAKE_VCPUS], wakes[FAKE_VCPUS], irqs[256];
	struct fake_domain *next;
};

extern u8 fake_buffer[FAKE_BUFFER]; /* all that copy_from_guest() and copy_to_guest() reach */
extern u64 fake_now;                /* clock_ns() */
extern char fake_log[1u << 20];     /* text of log_line() and log_write_raw() */
extern size_t fake_log_length;
extern char fake_typed[256]; /* what serial_read() gives */
extern size_t fake_typed_length;
extern unsigned int fake_flushes;        /* for mappings taken away */
extern void (*fake_on_unmap)(void);      /* called before p2m_unmap(), p2m_unmap_grants() return */
extern int fake_map_error;               /* what p2m_map() says, unless 0 */
extern int fake_allow_error;             /* what iommu_allow() says, unless 0 */
extern u32 fake_dma[FAKE_FRAMES][2];     /* devices' users of each frame: reading, writing */
extern unsigned int fake_pages_left;     /* page_alloc() fails when it reaches 0 */
extern unsigned int fake_domains_living; /* structures not freed yet */

/* A domain with shared_info, event and grant tables, vcpus vCPUs, no memory. id 0: control. */
struct domain *fake_domain_new(domid_t id, u32 vcpus);
struct fake_domain *fake_of(struct domain *d);
/* As domain_destroy_step() does, to the end. Drops the list's reference. */
void fake_domain_destroy(struct domain *d);
/* Gives d a RAM page at g; its content. */
u8 *fake_ram_at(struct domain *d, u64 g);
u64 fake_frames_used(void);
/* Destroys all domains; fails (aborts) if a frame or a domain is left. */
void fake_end(void);

/* Linear address of an offset in the buffer. */
u64 fake_gva(size_t offset);

#endif
