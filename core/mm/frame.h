/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame allocator: who owns each 4 KiB frame of the machine, and how many users it has. */
#ifndef CORE_MM_FRAME_H
#define CORE_MM_FRAME_H

#include <core/types.h>
#include <xen/hypercall.h>

/* Owners besides the domain ids (which are below DOMID_FIRST_RESERVED). */
#define OWNER_FREE       0xFFFFu /* in the buddy lists */
#define OWNER_RESERVED   0xFFFEu /* not RAM, or RAM never given away (firmware, boot image) */
#define OWNER_HYPERVISOR 0xFFFDu /* page tables, control blocks, stacks */

#define FRAME_ORDER_MAX ORDER_1G

/* One entry of the frame table, 16 bytes. The fields are the allocator's own; others use the
 * functions. refs counts: 1 for the allocation, 1 for each further user (grant mapping, foreign
 * mapping, registered area). word holds count and owner together, so that one compare-and-swap
 * checks and changes both: no reference can be taken of a frame that changed hands meanwhile. */
struct frame {
	union {
		struct {
			u32 refs;
			u16 owner;
			u8 order; /* of the free block that starts here */
			u8 flags;
		};
		u64 word;
	};
	u32 next, prev; /* free list links, as frame numbers */
};
_Static_assert(sizeof(struct frame) == 16, "the table costs 16 bytes for each frame");

/* Start-up, in this order, on one CPU, before anything else. frame_init() builds the table for
 * frames 0..frames-1 at `table` (frames * sizeof(struct frame) bytes, mapped); all frames start
 * reserved. frame_add_region() then hands the RAM of [start, end) to the allocator; a part that
 * is not page-aligned is left out; call it only for RAM that nothing uses. */
void frame_init(struct frame *table, u64 frames);
void frame_add_region(hpa_t start, hpa_t end);

/* Allocates 2^order frames (order 0..18), naturally aligned, owned by owner with refs 1 on each.
 * Content is scrubbed (zero) already. Returns 0 or -XEN_ENOMEM. */
must_use int frame_alloc(u16 owner, unsigned int order, hfn_t *first);
/* Like frame_alloc, but `frames` contiguous frames (> 0), 2 MiB-aligned, any count; for the control
 * domain. Surplus frames of the last block go back to the pool. Free them by frame_free() in pieces
 * of any order. */
must_use int frame_alloc_contiguous(u16 owner, u64 frames, hfn_t *first);

/* Drops the allocation's own reference of 2^order frames: each goes back to the pool, scrubbed,
 * when its count reaches zero. The caller has flushed all TLBs that knew them. */
void frame_free(hfn_t first, unsigned int order);

/* Takes one more reference of a frame that is owned by owner and allocated.
 * Returns 0, or -XEN_EINVAL if it is not owner's, out of range, free, or the count is full. */
must_use int frame_get(hfn_t f, u16 owner);
/* Drops one reference (any owner); frees at zero. */
void frame_put(hfn_t f);

u16 frame_owner(hfn_t f); /* OWNER_RESERVED if out of range */
u32 frame_refs(hfn_t f);
u64 frames_free(void); /* 4 KiB frames in the pool */

/* Hypervisor's own memory: one zeroed page or 2^order pages, as a pointer. NULL when out. Counted
 * to nobody; core's domain code counts what it spends for each domain. */
must_use void *page_alloc(unsigned int order);
void page_free(void *page, unsigned int order);

/* The only way to reach a frame's content: a pointer valid until frame_unmap() on the same CPU.
 * Today all RAM is mapped; callers must not rely on it. f must be RAM. */
void *frame_map(hfn_t f);
void frame_unmap(const void *p);
/* Pointer into memory from page_alloc() to its frame. */
hfn_t page_to_hfn(const void *page);

#endif
