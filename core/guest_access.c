/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: the walk of a guest's own page tables, and copies by linear and physical address.
 */
#include <core/guest_access.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <xen/errno.h>

#define PTE_P     (1ull << 0)
#define PTE_W     (1ull << 1)
#define PTE_U     (1ull << 2)
#define PTE_A     (1ull << 5)
#define PTE_D     (1ull << 6)
#define PTE_PS    (1ull << 7)
#define PTE_NX    (1ull << 63)
#define PTE_FRAME 0x000FFFFFFFFFF000ull

#define FAULT_P    (1u << 0)
#define FAULT_RSVD (1u << 3)

/* Arguments of hypercalls lie on the same few pages, so most walks repeat an earlier one. Such a
 * trail is checked, not repeated: see trail_holds(). */
#define never_inline __attribute__((noinline))

/* The part of a domain's memory that one leaf of its nested table maps: tables and data of one
 * access mostly share a large page, so that one lookup serves them all. Good while p2m_lock is
 * held. */
struct view {
	u64 first, pages; /* gfns; 0 pages: nothing looked up yet, or no memory */
	u64 offset;       /* to be added to a gfn to get its frame */
	bool writable;
};

static never_inline void view_load(const struct domain *d, struct view *w, u64 g)
{
	struct ept_leaf leaf = {.type = EPT_TYPE_none};
	u64 pages;

	*w = (struct view){0};
	if (g >> (48 - PAGE_SHIFT) == 0)
		leaf = ept_lookup(&d->p2m, gfn(g));
	if (leaf.type == EPT_TYPE_none || leaf.type == EPT_TYPE_mmio || !(leaf.rights & EPT_R))
		return;
	pages = 1ull << leaf.order;
	*w = (struct view){g & ~(pages - 1), pages, leaf.frame.v - g, leaf.rights & EPT_W};
}

/* Makes w the view of gfn g; false if that is not memory. */
static inline bool view_of(const struct domain *d, struct view *w, u64 g)
{
	if (unlikely(g - w->first >= w->pages))
		view_load(d, w, g);
	return w->pages;
}

/* A word of 4 or 8 bytes at host-physical at. */
static inline u32 read_u32(u64 at)
{
	u8 *page = frame_map(hpa_to_hfn(hpa(at)));
	u32 value = __atomic_load_n((u32 *)(void *)(page + (at & PAGE_MASK)), __ATOMIC_RELAXED);

	frame_unmap(page);
	return value;
}
/* The mapping that is noted outlives its map and unmap: the direct map is for ever. */
static inline u64 *word_at(u64 at)
{
	u8 *page = frame_map(hpa_to_hfn(hpa(at)));

	frame_unmap(page);
	return (u64 *)(void *)(page + (at & PAGE_MASK));
}

/* Bits that every entry of the way must have for this access. NX counts inverted. */
static inline u64 needed_bits(const struct plinth_vcpu_state *r, unsigned int access)
{
	u64 need = access & ACCESS_USER ? PTE_U : 0;

	if (access & ACCESS_WRITE && (access & ACCESS_USER || r->cr0 & CR0_WP))
		need |= PTE_W;
	return access & ACCESS_FETCH ? need | PTE_NX : need;
}

/* 32-bit paging without PAE; with PSE, 4 MiB pages whose bits 20:13 hold address bits 39:32. AMD
 * APM vol. 2, "Legacy-Mode Page Translation". Accessed and dirty bits: see set_dirty(). */
static u32 walk_legacy(const struct domain *d, struct view *w, const struct plinth_vcpu_state *r,
		       u32 at, unsigned int access, u64 *out)
{
	u32 need = (u32)needed_bits(r, access), have = ~0u;
	u32 table = (u32)r->cr3 & 0xFFFFF000u, entry;
	unsigned int shift = 22;

	for (;; shift = 12) {
		if (!view_of(d, w, table >> PAGE_SHIFT))
			return 0;
		entry = read_u32(table + (w->offset << PAGE_SHIFT) + (at >> shift & 1023) * 4);
		if (!(entry & PTE_P))
			return 0;
		have &= entry;
		if (shift == 12 || ((entry & PTE_PS) && (r->cr4 & CR4_PSE)))
			break;
		table = entry & 0xFFFFF000u;
	}
	if (need & ~have)
		return FAULT_P;
	*out = entry & 0xFFFFF000u;
	if (shift == 22)
		*out = (entry & 0xFFC00000u) | (u64)(entry >> 13 & 0xFF) << 32;
	*out |= at & low_mask(shift);
	return ~0u;
}

/* A write leaves the leaf accessed and dirty, as it does on hardware: a guest that drops clean
 * pages would lose it otherwise. If the guest changes the entry meanwhile its change wins: it
 * cannot have seen this CPU's TLB flushed yet. The accessed bits above, and those of reads, are
 * left to the CPU: they are hints for aging, and the guest's own accesses around the call set them.
 */
static void set_dirty(u64 *slot, u64 *entry)
{
	u64 dirty = *entry | PTE_A | PTE_D;

	if (__atomic_compare_exchange_n(slot, entry, dirty, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		*entry = dirty;
}

/* PAE (3 levels), 4 and 5 levels. Returns ~0 with *out, or the error code's P and RSVD bits. Notes
 * its way in t. */
static u32 walk_wide(const struct domain *d, struct view *w, const struct plinth_vcpu_state *r,
		     u64 at, unsigned int levels, unsigned int access, struct guest_trail *t,
		     u64 *out)
{
	u64 table = levels == 3 ? r->cr3 & 0xFFFFFFE0u : r->cr3 & PTE_FRAME;
	u64 have = ~0ull, reserved = PTE_FRAME & (~0ull << cpuid_limits.phys_bits), entry;
	unsigned int shift = PAGE_SHIFT + 9 * (levels - 1), n = 0;

	if (!(r->efer & EFER_NXE))
		reserved |= PTE_NX;
	for (;; shift -= 9, n++) {
		if (!view_of(d, w, table >> PAGE_SHIFT))
			return 0;
		t->step[n].slot =
			word_at(table + (w->offset << PAGE_SHIFT) + (at >> shift & 511) * 8);
		t->step[n].entry = entry = READ_ONCE(*t->step[n].slot);
		if ((entry & (reserved | PTE_P)) != PTE_P)
			return entry & PTE_P ? FAULT_P | FAULT_RSVD : 0;
		table = entry & PTE_FRAME;
		if (levels == 3 && shift == 30)
			continue; /* a page-directory pointer of PAE carries no rights */
		have &= entry ^ PTE_NX;
		if (shift == PAGE_SHIFT)
			break;
		if (entry & PTE_PS) {
			/* Bit 12 is the PAT bit; those between it and the frame are reserved. */
			u64 bad = shift > 30 ? PTE_PS : low_mask(shift) & PTE_FRAME & ~0x1FFFull;

			if (entry & bad)
				return FAULT_P | FAULT_RSVD;
			break;
		}
	}
	if (needed_bits(r, access) & ~have)
		return FAULT_P;
	if (access & ACCESS_WRITE && (entry & (PTE_A | PTE_D)) != (PTE_A | PTE_D) && w->writable)
		set_dirty(t->step[n].slot, &t->step[n].entry);
	t->have = have;
	t->levels = n + 1;
	*out = (table & ~low_mask(shift)) | (at & low_mask(shift));
	return ~0u;
}

static inline bool is_canonical(u64 at, unsigned int bits)
{
	return (u64)((s64)(at << (64 - bits)) >> (64 - bits)) == at;
}

/* What a walk that failed returns: the error code with WALK_FAILED, or FAULT_NONCANONICAL. */
#define WALK_FAILED (1u << 31)

/* With p2m_lock held for reading. 0 with *out. */
static u32 walk(struct vcpu *v, struct view *w, u64 at, unsigned int access, struct guest_trail *t,
		u64 *out)
{
	const struct plinth_vcpu_state *r = &v->regs;
	const struct domain *d = v->domain;
	unsigned int levels = r->cr4 & CR4_LA57 ? 5 : 4;
	u32 result = ~0u;

	if (r->efer & EFER_LMA) {
		if (!is_canonical(at, PAGE_SHIFT + 9 * levels))
			return FAULT_NONCANONICAL;
		result = walk_wide(d, w, r, at, levels, access, t, out);
	} else if (!(r->cr0 & CR0_PG)) {
		*out = (u32)at;
	} else if (r->cr4 & CR4_PAE) {
		result = walk_wide(d, w, r, (u32)at, 3, access, t, out);
	} else {
		result = walk_legacy(d, w, r, (u32)at, access, out);
	}
	if (result == ~0u)
		return 0;
	if (!(r->efer & EFER_NXE) && !(r->cr4 & CR4_SMEP))
		access &= ~ACCESS_FETCH; /* the code's bit 4 exists only with one of them */
	return result | access | WALK_FAILED;
}

static inline u32 fault_of(u32 failed)
{
	return failed == FAULT_NONCANONICAL ? failed : failed & ~WALK_FAILED;
}

int guest_walk(struct vcpu *v, gva_t at, unsigned int access, gpa_t *out, u32 *fault)
{
	struct guest_trail t;
	struct view w = {0};
	u32 failed;

	vcpu_need(v, HVM_STATE_cr);
	read_lock(&v->domain->p2m_lock);
	failed = walk(v, &w, at.v, access, &t, &out->v);
	read_unlock(&v->domain->p2m_lock);
	*fault = fault_of(failed);
	return failed ? -XEN_EFAULT : 0;
}

/* All slots of a trail can be read: those that the walk did not get to are the last one's. */
static inline bool entries_unchanged(const struct guest_trail *t)
{
	u64 differs = 0;

#pragma GCC unroll 5
	for (u32 i = 0; i < ARRAY_SIZE(t->step); i++)
		differs |= READ_ONCE(*t->step[i].slot) ^ t->step[i].entry;
	return !differs;
}

/* One flush came after the trail was made: does it concern none of the trail's frames? So a guest
 * that gives back pages one by one does not lose its trails with each. */
static bool trail_survives(const struct domain *d, struct guest_trail *t)
{
	u64 first = d->removed_frame.v, count = d->removed_pages;

	if (t->generation + 1 != READ_ONCE(d->tlb_generation) || t->frame.v - first < count)
		return false;
	for (u32 i = 0; i < t->levels; i++)
		if (page_to_hfn(t->step[i].slot).v - first < count)
			return false;
	t->generation++;
	return true;
}

/* Would a walk for this access go the same way to the same page? The tables are read anew, so a
 * change by the guest is seen at once. That their host addresses still hold is the nested table's
 * business: taking a leaf or a right away counts tlb_generation up, under p2m_lock. */
static inline bool trail_holds(const struct vcpu *v, struct guest_trail *t, u64 at,
			       unsigned int access)
{
	const struct plinth_vcpu_state *r = &v->regs;
	u64 differs = (t->page ^ at >> PAGE_SHIFT) | (t->cr3 ^ r->cr3) | (t->cr4 ^ r->cr4) |
		      (t->efer ^ r->efer);

	if (differs || !t->levels)
		return false;
	if (t->generation != READ_ONCE(v->domain->tlb_generation) && !trail_survives(v->domain, t))
		return false;
	if (access &&
	    ((needed_bits(r, access) & ~t->have) || (access & ACCESS_WRITE && !t->writable)))
		return false;
	return entries_unchanged(t);
}

/* Walks to the page of `at` and leaves the way, if it is one that can be used again, in t. */
static never_inline u32 trail_make(struct vcpu *v, struct guest_trail *t, u64 at,
				   unsigned int access)
{
	struct view w = {0};
	u64 physical = 0, leaf;
	u32 failed;

	t->levels = 0;
	failed = walk(v, &w, at, access, t, &physical);
	if (failed)
		return failed;
	if (!view_of(v->domain, &w, physical >> PAGE_SHIFT) ||
	    (access & ACCESS_WRITE && !w.writable)) {
		t->levels = 0;
		return WALK_FAILED | access; /* no memory: as if not present */
	}
	t->frame = hfn((physical >> PAGE_SHIFT) + w.offset);
	t->page_at = word_at(hfn_to_hpa(t->frame).v);
	if (!(v->regs.efer & EFER_LMA)) {
		t->levels = 0; /* CR0.PG would have to be looked at too */
		return 0;
	}
	leaf = t->step[t->levels - 1].entry;
	for (u32 i = t->levels; i < ARRAY_SIZE(t->step); i++)
		t->step[i] = t->step[t->levels - 1];
	t->writable = w.writable && (leaf & (PTE_A | PTE_D)) == (PTE_A | PTE_D);
	t->page = at >> PAGE_SHIFT;
	t->cr3 = v->regs.cr3;
	t->cr4 = v->regs.cr4;
	t->efer = v->regs.efer;
	t->generation = READ_ONCE(v->domain->tlb_generation);
	return 0;
}

/* Arguments are a few words: moved here without a call. */
static inline void copy_bytes(u8 *dst, const u8 *src, size_t n)
{
	if (unlikely(n > 64)) {
		memcpy(dst, src, n);
		return;
	}
	for (; n >= 8; n -= 8, dst += 8, src += 8)
		__builtin_memcpy(dst, src, 8);
	for (; n; n--)
		*dst++ = *src++;
}

/* Code, data and stack of one operation are often neighbours, or a power of two apart. */
static inline u64 trail_index(u64 at)
{
	u64 page = at >> PAGE_SHIFT;

	return (page ^ page >> 3 ^ page >> 7) & (GUEST_TRAILS - 1);
}

/* n bytes from or to linear memory that do not cross a page. 0, or as walk(). */
static never_inline u32 copy_page(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access)
{
	struct guest_trail *t = &v->trail[trail_index(at)];
	struct domain *d = v->domain;
	u32 failed = 0;

	vcpu_need(v, HVM_STATE_cr);
	read_lock(&d->p2m_lock);
	if (unlikely(!trail_holds(v, t, at, access)))
		failed = trail_make(v, t, at, access);
	if (likely(!failed)) {
		u8 *there = (u8 *)t->page_at + (at & PAGE_MASK);

		if (access & ACCESS_WRITE)
			copy_bytes(there, buf, n);
		else
			copy_bytes(buf, there, n);
	}
	read_unlock(&d->p2m_lock);
	return failed;
}

static inline size_t page_rest(u64 at, size_t n)
{
	return (size_t)min_u64(n, PAGE_SIZE - (at & PAGE_MASK));
}

/* Page by page; *done counts the bytes. The lock is dropped between pages, so that one who wants to
 * change the table waits for one page at most. */
static never_inline u32 copy_pages(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access,
				   size_t *done)
{
	for (*done = 0; *done < n;) {
		size_t piece = page_rest(at + *done, n - *done);
		u32 failed = copy_page(v, at + *done, buf + *done, piece, access);

		if (failed)
			return failed;
		*done += piece;
	}
	return 0;
}

static inline int copy_linear(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access)
{
	size_t done;

	if (likely(n - 1 < PAGE_SIZE - (at & PAGE_MASK))) /* not empty, in one page */
		return copy_page(v, at, buf, n, access) ? -XEN_EFAULT : 0;
	return copy_pages(v, at, buf, n, access, &done) ? -XEN_EFAULT : 0;
}

int copy_from_guest(struct vcpu *v, void *dst, gva_t src, size_t n)
{
	return copy_linear(v, src.v, dst, n, 0);
}

int copy_to_guest(struct vcpu *v, gva_t dst, const void *src, size_t n)
{
	return copy_linear(v, dst.v, (u8 *)(uintptr_t)src, n, ACCESS_WRITE);
}

int copy_gpa(struct domain *d, gpa_t at, void *buf, size_t n, bool write)
{
	int err = -XEN_EFAULT;
	struct view w;

	read_lock(&d->p2m_lock);
	view_load(d, &w, at.v >> PAGE_SHIFT);
	if (w.pages && (w.writable || !write) && n <= PAGE_SIZE - (at.v & PAGE_MASK)) {
		u8 *page = frame_map(hfn((at.v >> PAGE_SHIFT) + w.offset));
		u8 *there = page + (at.v & PAGE_MASK);

		copy_bytes(write ? there : buf, write ? buf : there, n);
		frame_unmap(page);
		err = 0;
	}
	read_unlock(&d->p2m_lock);
	return err;
}

bool guest_peek(const struct vcpu *v, u64 at, u64 cr3, u64 cr4, u64 efer, u64 *word)
{
	const struct guest_trail *t = &v->trail[trail_index(at)];
	u64 differs = (t->page ^ at >> PAGE_SHIFT) | (t->cr3 ^ cr3) | (t->cr4 ^ cr4) |
		      (t->efer ^ efer) | (t->generation ^ READ_ONCE(v->domain->tlb_generation));

	if (differs || !t->levels || (at & PAGE_MASK) > PAGE_SIZE - sizeof(*word) ||
	    !entries_unchanged(t))
		return false;
	__builtin_memcpy(word, (const u8 *)t->page_at + (at & PAGE_MASK), sizeof(*word));
	return true;
}

int guest_fetch(struct vcpu *v, u8 *buf, size_t n, size_t *got)
{
	unsigned int access = ACCESS_FETCH | (hvm->cpl(v) == 3 ? ACCESS_USER : 0);
	u64 at = v->regs.rip;
	u32 failed;

	if (unlikely(hvm->code_bits(v) != 64)) {
		vcpu_need(v, HVM_STATE_seg);
		at = (u32)(at + v->regs.seg[SEG_CS].base);
	}
	failed = copy_pages(v, at, buf, n, access, got);
	if (likely(!failed) || *got > 0)
		return 0;
	if (failed == FAULT_NONCANONICAL)
		vcpu_raise_error(v, X86_GP, 0);
	else
		vcpu_raise_page_fault(v, gva(at), fault_of(failed));
	return -XEN_EFAULT;
}
