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

/* The part of a domain's memory that one leaf of its nested table maps: tables and data of one
 * access mostly share a large page, so that one lookup serves them all. Good while p2m_lock is
 * held. */
struct view {
	struct domain *d;
	u64 first, pages; /* gfns; 0 pages: nothing looked up yet */
	u64 frame;        /* behind first */
	unsigned int rights;
};

static bool view_load(struct view *w, u64 g)
{
	struct ept_leaf leaf;
	u64 within;

	if (g >> (48 - PAGE_SHIFT))
		return false;
	leaf = ept_lookup(&w->d->p2m, gfn(g));
	if (leaf.type == EPT_TYPE_none || leaf.type == EPT_TYPE_mmio)
		return false;
	within = g & low_mask(leaf.order);
	w->first = g - within;
	w->pages = 1ull << leaf.order;
	w->frame = leaf.frame.v - within;
	w->rights = leaf.rights;
	return true;
}

/* The page at gfn g, to be given to frame_unmap(); NULL if it is not memory, or lacks the right. */
static inline u8 *view_page(struct view *w, u64 g, unsigned int right)
{
	if (unlikely(g - w->first >= w->pages) && !view_load(w, g))
		return NULL;
	if (unlikely(!(w->rights & right)))
		return NULL;
	return frame_map(hfn(w->frame + (g - w->first)));
}

/* 32-bit paging without PAE; with PSE, 4 MiB pages whose bits 20:13 hold address bits 39:32. AMD
 * APM vol. 2, "Legacy-Mode Page Translation". Accessed and dirty bits: see set_dirty(). */
static u32 walk_legacy(struct view *w, const struct plinth_vcpu_state *r, u32 at,
		       unsigned int access, u64 *out)
{
	u32 table = (u32)r->cr3 & 0xFFFFF000u, entry = 0, allow = ~0u;
	unsigned int shift = 22;

	for (;; shift = 12) {
		u8 *page = view_page(w, table >> PAGE_SHIFT, EPT_R);
		u32 *slot = (u32 *)(void *)page + (at >> shift & 1023);

		if (!page)
			return 0;
		entry = __atomic_load_n(slot, __ATOMIC_RELAXED);
		frame_unmap(page);
		if (!(entry & PTE_P))
			return 0;
		allow &= entry;
		if (shift == 12 || ((entry & PTE_PS) && (r->cr4 & CR4_PSE)))
			break;
		table = entry & 0xFFFFF000u;
	}
	if ((access & ACCESS_USER && !(allow & PTE_U)) ||
	    (access & ACCESS_WRITE && !(allow & PTE_W) &&
	     (access & ACCESS_USER || r->cr0 & CR0_WP)))
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
static void set_dirty(const struct view *w, u64 *slot, u64 entry)
{
	if ((entry & (PTE_A | PTE_D)) != (PTE_A | PTE_D) && (w->rights & EPT_W))
		__atomic_compare_exchange_n(slot, &entry, entry | PTE_A | PTE_D, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* PAE (3 levels), 4 and 5 levels. Returns ~0 with *out, or the error code's P and RSVD bits. */
static u32 walk_wide(struct view *w, const struct plinth_vcpu_state *r, u64 at, unsigned int levels,
		     unsigned int access, u64 *out)
{
	u64 reserved = PTE_FRAME & ~low_mask(cpuid_phys_bits());
	u64 table = levels == 3 ? r->cr3 & 0xFFFFFFE0u : r->cr3 & PTE_FRAME;
	u64 allow = PTE_W | PTE_U, nx = 0, entry, *slot;
	unsigned int shift = PAGE_SHIFT + 9 * (levels - 1);
	u8 *page;

	if (!(r->efer & EFER_NXE))
		reserved |= PTE_NX;
	for (;; shift -= 9, frame_unmap(page)) {
		page = view_page(w, table >> PAGE_SHIFT, EPT_R);
		if (!page)
			return 0;
		slot = (u64 *)(void *)(page + (table & PAGE_MASK)) + (at >> shift & 511);
		entry = __atomic_load_n(slot, __ATOMIC_RELAXED);
		if (!(entry & PTE_P)) {
			frame_unmap(page);
			return 0;
		}
		if (unlikely(entry & reserved))
			break;
		table = entry & PTE_FRAME;
		if (levels == 3 && shift == 30)
			continue; /* a page-directory pointer of PAE carries no rights */
		allow &= entry;
		nx |= entry;
		if (shift == PAGE_SHIFT)
			break;
		if (entry & PTE_PS) {
			/* Bit 12 is the PAT bit; those between it and the frame are reserved. */
			reserved |= shift > 30 ? PTE_PS : low_mask(shift) & ~0x1FFFull & PTE_FRAME;
			break;
		}
	}
	if (unlikely(entry & reserved)) {
		frame_unmap(page);
		return FAULT_P | FAULT_RSVD;
	}
	if (unlikely((access & ACCESS_USER && !(allow & PTE_U)) ||
		     (access & ACCESS_WRITE && !(allow & PTE_W) &&
		      (access & ACCESS_USER || r->cr0 & CR0_WP)) ||
		     (access & ACCESS_FETCH && nx & PTE_NX))) {
		frame_unmap(page);
		return FAULT_P;
	}
	if (access & ACCESS_WRITE)
		set_dirty(w, slot, entry);
	frame_unmap(page);
	*out = (table & ~low_mask(shift)) | (at & low_mask(shift));
	return ~0u;
}

static bool is_canonical(u64 at, unsigned int bits)
{
	return (u64)((s64)(at << (64 - bits)) >> (64 - bits)) == at;
}

/* With p2m_lock held for reading. */
static int walk(struct view *w, struct vcpu *v, u64 at, unsigned int access, u64 *out, u32 *fault)
{
	const struct plinth_vcpu_state *r = &v->regs;
	u32 result;

	if (likely(r->efer & EFER_LMA)) {
		unsigned int levels = r->cr4 & CR4_LA57 ? 5 : 4;

		if (unlikely(!is_canonical(at, PAGE_SHIFT + 9 * levels))) {
			*fault = FAULT_NONCANONICAL;
			return -XEN_EFAULT;
		}
		result = walk_wide(w, r, at, levels, access, out);
	} else {
		at &= 0xFFFFFFFFu;
		if (!(r->cr0 & CR0_PG)) {
			*out = at;
			return 0;
		}
		result = r->cr4 & CR4_PAE ? walk_wide(w, r, at, 3, access, out)
					  : walk_legacy(w, r, (u32)at, access, out);
	}
	if (likely(result == ~0u))
		return 0;
	if (!(r->efer & EFER_NXE) && !(r->cr4 & CR4_SMEP))
		access &= ~ACCESS_FETCH; /* the code's bit 4 exists only with one of them */
	*fault = result | access;
	return -XEN_EFAULT;
}

int guest_walk(struct vcpu *v, gva_t at, unsigned int access, gpa_t *out, u32 *fault)
{
	struct view w = {.d = v->domain};
	int err;

	vcpu_need(v, HVM_STATE_cr);
	read_lock(&w.d->p2m_lock);
	err = walk(&w, v, at.v, access, &out->v, fault);
	read_unlock(&w.d->p2m_lock);
	return err;
}

/* Arguments are a few words: moved here without a call. */
static inline void copy_bytes(u8 *dst, const u8 *src, size_t n)
{
	if (n > 64) {
		memcpy(dst, src, n);
		return;
	}
	for (; n >= 8; n -= 8, dst += 8, src += 8)
		__builtin_memcpy(dst, src, 8);
	for (; n; n--)
		*dst++ = *src++;
}

/* n bytes that do not cross a page, from or to guest-physical at, under p2m_lock. */
static inline int copy_physical(struct view *w, u64 at, u8 *buf, size_t n, bool write)
{
	u8 *page = view_page(w, at >> PAGE_SHIFT, write ? EPT_W : EPT_R);

	if (unlikely(!page))
		return -XEN_EFAULT;
	if (write)
		copy_bytes(page + (at & PAGE_MASK), buf, n);
	else
		copy_bytes(buf, page + (at & PAGE_MASK), n);
	frame_unmap(page);
	return 0;
}

static inline size_t page_rest(u64 at, size_t n)
{
	return (size_t)min_u64(n, PAGE_SIZE - (at & PAGE_MASK));
}

/* Page by page; *done counts the bytes. The lock is dropped between pages, so that one who wants to
 * change the table waits for one page at most. */
static int copy_linear(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access, size_t *done,
		       u32 *fault)
{
	struct domain *d = v->domain;

	vcpu_need(v, HVM_STATE_cr);
	for (*done = 0; *done < n;) {
		struct view w = {.d = d};
		size_t piece = page_rest(at + *done, n - *done);
		u64 physical = 0;
		int err;

		read_lock(&d->p2m_lock);
		err = walk(&w, v, at + *done, access, &physical, fault);
		if (likely(!err))
			err = copy_physical(&w, physical, buf + *done, piece,
					    access & ACCESS_WRITE);
		read_unlock(&d->p2m_lock);
		if (unlikely(err))
			return err;
		*done += piece;
	}
	return 0;
}

int copy_from_guest(struct vcpu *v, void *dst, gva_t src, size_t n)
{
	size_t done;
	u32 fault;

	return copy_linear(v, src.v, dst, n, 0, &done, &fault);
}

int copy_to_guest(struct vcpu *v, gva_t dst, const void *src, size_t n)
{
	size_t done;
	u32 fault;

	return copy_linear(v, dst.v, (u8 *)(uintptr_t)src, n, ACCESS_WRITE, &done, &fault);
}

static int copy_gpa(struct domain *d, u64 at, u8 *buf, size_t n, bool write)
{
	for (size_t done = 0, piece; done < n; done += piece) {
		struct view w = {.d = d};
		int err;

		piece = page_rest(at + done, n - done);
		read_lock(&d->p2m_lock);
		err = copy_physical(&w, at + done, buf + done, piece, write);
		read_unlock(&d->p2m_lock);
		if (err)
			return err;
	}
	return 0;
}

int copy_from_gpa(struct domain *d, void *dst, gpa_t src, size_t n)
{
	return copy_gpa(d, src.v, dst, n, false);
}

int copy_to_gpa(struct domain *d, gpa_t dst, const void *src, size_t n)
{
	return copy_gpa(d, dst.v, (u8 *)(uintptr_t)src, n, true);
}

int guest_fetch(struct vcpu *v, u8 *buf, size_t n, size_t *got)
{
	unsigned int access = ACCESS_FETCH | (hvm->cpl(v) == 3 ? ACCESS_USER : 0);
	u64 at = v->regs.rip;
	u32 fault = 0;

	if (unlikely(hvm->code_bits(v) != 64)) {
		vcpu_need(v, HVM_STATE_seg);
		at = (u32)(at + v->regs.seg[SEG_CS].base);
	}
	if (likely(copy_linear(v, at, buf, n, access, got, &fault) == 0) || *got > 0)
		return 0;
	if (fault == FAULT_NONCANONICAL)
		vcpu_raise_error(v, X86_GP, 0);
	else
		vcpu_raise_page_fault(v, gva(at), fault);
	return -XEN_EFAULT;
}
