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
/* Results of a walk besides those: ~0, it went well; and */
#define NOT_CANONICAL (~0u - 1)

/* Written for the common case, a 64-bit guest's argument within one page: it lies on the path of
 * every hypercall, so what helps the compiler keep a walk in registers is done. */
#define inline_always inline __attribute__((always_inline))
#define never_inline  __attribute__((noinline))

/* The part of a domain's memory that one leaf of its nested table maps: tables and data of one
 * access mostly share a large page, so that one lookup serves them all. Good while p2m_lock is
 * held. */
struct view {
	u64 first, pages; /* gfns; 0 pages: nothing looked up yet */
	u64 offset;       /* to be added to a gfn to get its frame */
	bool writable;
};

static never_inline struct view view_load(const struct domain *d, u64 g)
{
	struct ept_leaf leaf;
	u64 pages;

	if (g >> (48 - PAGE_SHIFT))
		return (struct view){0};
	leaf = ept_lookup(&d->p2m, gfn(g));
	if (leaf.type == EPT_TYPE_none || leaf.type == EPT_TYPE_mmio || !(leaf.rights & EPT_R))
		return (struct view){0};
	pages = 1ull << leaf.order;
	return (struct view){g & ~(pages - 1), pages, leaf.frame.v - g, leaf.rights & EPT_W};
}

/* The page at gfn g, to be given to frame_unmap(); NULL if it is not memory. */
static inline_always u8 *view_page(const struct domain *d, struct view *w, u64 g)
{
	if (unlikely(g - w->first >= w->pages)) {
		*w = view_load(d, g);
		if (unlikely(!w->pages))
			return NULL;
	}
	return frame_map(hfn(g + w->offset));
}

/* Bits that every entry of the way must have for this access. NX counts inverted. */
static inline_always u64 needed_bits(const struct plinth_vcpu_state *r, unsigned int access)
{
	u64 need = access & ACCESS_USER ? PTE_U : 0;

	if (access & ACCESS_WRITE && (access & ACCESS_USER || r->cr0 & CR0_WP))
		need |= PTE_W;
	return access & ACCESS_FETCH ? need | PTE_NX : need;
}

/* 32-bit paging without PAE; with PSE, 4 MiB pages whose bits 20:13 hold address bits 39:32. AMD
 * APM vol. 2, "Legacy-Mode Page Translation". Accessed and dirty bits: see set_dirty(). */
static u32 walk_legacy(const struct domain *d, const struct plinth_vcpu_state *r, u32 at,
		       unsigned int access, u64 *out)
{
	u32 need = (u32)needed_bits(r, access), have = ~0u;
	u32 table = (u32)r->cr3 & 0xFFFFF000u, entry;
	unsigned int shift = 22;
	struct view w = {0};

	for (;; shift = 12) {
		u8 *page = view_page(d, &w, table >> PAGE_SHIFT);
		u32 *slot = (u32 *)(void *)page + (at >> shift & 1023);

		if (!page)
			return 0;
		entry = __atomic_load_n(slot, __ATOMIC_RELAXED);
		frame_unmap(page);
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
static void set_dirty(u64 *slot, u64 entry)
{
	if ((entry & (PTE_A | PTE_D)) != (PTE_A | PTE_D))
		__atomic_compare_exchange_n(slot, &entry, entry | PTE_A | PTE_D, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline u64 reserved_frame_bits(void)
{
	return PTE_FRAME & (~0ull << cpuid_phys_bits());
}

/* PAE (3 levels), 4 and 5 levels. Returns ~0 with *out, or the error code's P and RSVD bits. */
static inline __attribute__((always_inline)) u32 walk_wide(const struct domain *d, struct view *w,
							   const struct plinth_vcpu_state *r,
							   u64 at, unsigned int levels,
							   unsigned int access, u64 *out)
{
	u64 table = levels == 3 ? r->cr3 & 0xFFFFFFE0u : r->cr3 & PTE_FRAME;
	u64 have = ~0ull, reserved = reserved_frame_bits(), entry, *slot;
	unsigned int shift = PAGE_SHIFT + 9 * (levels - 1);
	u8 *page;

	if (unlikely(!(r->efer & EFER_NXE)))
		reserved |= PTE_NX;
	for (;; shift -= 9, frame_unmap(page)) {
		page = view_page(d, w, table >> PAGE_SHIFT);
		if (unlikely(!page))
			return 0;
		slot = (u64 *)(void *)(page + (levels == 3 ? table & PAGE_MASK : 0));
		slot += at >> shift & 511;
		entry = __atomic_load_n(slot, __ATOMIC_RELAXED);
		if (unlikely((entry & (reserved | PTE_P)) != PTE_P)) {
			frame_unmap(page);
			return entry & PTE_P ? FAULT_P | FAULT_RSVD : 0;
		}
		table = entry & PTE_FRAME;
		if (levels == 3 && shift == 30)
			continue; /* a page-directory pointer of PAE carries no rights */
		have &= entry ^ PTE_NX;
		if (shift == PAGE_SHIFT)
			break;
		if (entry & PTE_PS) {
			/* Bit 12 is the PAT bit; those between it and the frame are reserved. */
			u64 bad = shift > 30 ? PTE_PS : low_mask(shift) & PTE_FRAME & ~0x1FFFull;

			if (likely(!(entry & bad)))
				break;
			frame_unmap(page);
			return FAULT_P | FAULT_RSVD;
		}
	}
	if (unlikely(needed_bits(r, access) & ~have)) {
		frame_unmap(page);
		return FAULT_P;
	}
	if (access & ACCESS_WRITE && w->writable)
		set_dirty(slot, entry);
	frame_unmap(page);
	at &= (1ull << shift) - 1;
	*out = (table & ~((1ull << shift) - 1)) | at;
	return ~0u;
}

static inline bool is_canonical(u64 at, unsigned int bits)
{
	return (u64)((s64)(at << (64 - bits)) >> (64 - bits)) == at;
}

static int walk_failed(const struct plinth_vcpu_state *r, unsigned int access, u32 result,
		       u32 *fault)
{
	if (!(r->efer & EFER_NXE) && !(r->cr4 & CR4_SMEP))
		access &= ~ACCESS_FETCH; /* the code's bit 4 exists only with one of them */
	*fault = result == NOT_CANONICAL ? FAULT_NONCANONICAL : result | access;
	return -XEN_EFAULT;
}

/* What is not a 64-bit kernel of today. */
static never_inline u32 walk_rare(const struct domain *d, const struct plinth_vcpu_state *r, u64 at,
				  unsigned int access, u64 *out)
{
	struct view w = {0};

	if (r->efer & EFER_LMA)
		return is_canonical(at, 57) ? walk_wide(d, &w, r, at, 5, access, out)
					    : NOT_CANONICAL;
	if (r->cr4 & CR4_PAE && r->cr0 & CR0_PG)
		return walk_wide(d, &w, r, (u32)at, 3, access, out);
	if (r->cr0 & CR0_PG)
		return walk_legacy(d, r, (u32)at, access, out);
	*out = (u32)at;
	return ~0u;
}

/* With p2m_lock held for reading. */
static inline_always u32 walk(struct view *w, const struct vcpu *v, u64 at, unsigned int access,
			      u64 *out)
{
	const struct plinth_vcpu_state *r = &v->regs;
	u64 rare;
	u32 result;

	if (likely((r->efer & EFER_LMA) && !(r->cr4 & CR4_LA57)))
		return likely(is_canonical(at, 48)) ? walk_wide(v->domain, w, r, at, 4, access, out)
						    : NOT_CANONICAL;
	result = walk_rare(v->domain, r, at, access, &rare);
	*out = rare;
	return result;
}

int guest_walk(struct vcpu *v, gva_t at, unsigned int access, gpa_t *out, u32 *fault)
{
	struct domain *d = v->domain;
	struct view w = {0};
	u32 result;

	vcpu_need(v, HVM_STATE_cr);
	read_lock(&d->p2m_lock);
	result = walk(&w, v, at.v, access, &out->v);
	read_unlock(&d->p2m_lock);
	return result == ~0u ? 0 : walk_failed(&v->regs, access, result, fault);
}

/* Arguments are a few words: moved here without a call. */
static inline_always void copy_bytes(u8 *dst, const u8 *src, size_t n)
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

/* n bytes that do not cross a page, from or to guest-physical at, under p2m_lock. */
static inline_always int copy_physical(const struct domain *d, struct view *w, u64 at, u8 *buf,
				       size_t n, bool write)
{
	u8 *page = view_page(d, w, at >> PAGE_SHIFT), *dst = buf, *src;

	if (unlikely(!page))
		return -XEN_EFAULT;
	src = page + (at & PAGE_MASK);
	if (write) {
		if (unlikely(!w->writable)) {
			frame_unmap(page);
			return -XEN_EFAULT;
		}
		dst = src;
		src = buf;
	}
	copy_bytes(dst, src, n);
	frame_unmap(page);
	return 0;
}

/* The same by linear address. */
static never_inline int copy_page(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access,
				  u32 *fault)
{
	struct domain *d = v->domain;
	struct view w = {0};
	u64 physical;
	u32 result;
	int err = 0;

	read_lock(&d->p2m_lock);
	result = walk(&w, v, at, access, &physical);
	if (likely(result == ~0u))
		err = copy_physical(d, &w, physical, buf, n, access & ACCESS_WRITE);
	read_unlock(&d->p2m_lock);
	return likely(result == ~0u) ? err : walk_failed(&v->regs, access, result, fault);
}

static inline size_t page_rest(u64 at, size_t n)
{
	return (size_t)min_u64(n, PAGE_SIZE - (at & PAGE_MASK));
}

/* Page by page; *done counts the bytes. The lock is dropped between pages, so that one who wants to
 * change the table waits for one page at most. */
static never_inline int copy_pages(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access,
				   size_t *done, u32 *fault)
{
	for (*done = 0; *done < n;) {
		size_t piece = page_rest(at + *done, n - *done);
		int err = copy_page(v, at + *done, buf + *done, piece, access, fault);

		if (unlikely(err))
			return err;
		*done += piece;
	}
	return 0;
}

static inline_always int copy_linear(struct vcpu *v, u64 at, u8 *buf, size_t n, unsigned int access)
{
	size_t done;
	u32 fault;

	vcpu_need(v, HVM_STATE_cr);
	if (likely(n - 1 < PAGE_SIZE - (at & PAGE_MASK))) /* not empty, in one page */
		return copy_page(v, at, buf, n, access, &fault);
	return copy_pages(v, at, buf, n, access, &done, &fault);
}

int copy_from_guest(struct vcpu *v, void *dst, gva_t src, size_t n)
{
	return copy_linear(v, src.v, dst, n, 0);
}

int copy_to_guest(struct vcpu *v, gva_t dst, const void *src, size_t n)
{
	return copy_linear(v, dst.v, (u8 *)(uintptr_t)src, n, ACCESS_WRITE);
}

static int copy_gpa(struct domain *d, u64 at, u8 *buf, size_t n, bool write)
{
	for (size_t done = 0, piece; done < n; done += piece) {
		struct view w = {0};
		int err;

		piece = page_rest(at + done, n - done);
		read_lock(&d->p2m_lock);
		err = copy_physical(d, &w, at + done, buf + done, piece, write);
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
	vcpu_need(v, HVM_STATE_cr);
	if (likely(copy_pages(v, at, buf, n, access, got, &fault) == 0) || *got > 0)
		return 0;
	if (fault == FAULT_NONCANONICAL)
		vcpu_raise_error(v, X86_GP, 0);
	else
		vcpu_raise_page_fault(v, gva(at), fault);
	return -XEN_EFAULT;
}
