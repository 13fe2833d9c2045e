/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended state: AMD64 Architecture Programmer's Manual, volume 2, "XSAVE/XRSTOR Instructions",
 * and volume 1, "Saving and Restoring Processor State". */
#include <core/xstate.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <core/domain.h>
#include <core/vcpu.h>
#include <xen/errno.h>

#define XCR0_X87    (1ull << 0)
#define XCR0_SSE    (1ull << 1)
#define XCR0_AVX    (1ull << 2)
#define XCR0_AVX512 (7ull << 5)
#define XCR0_PKRU   (1ull << 9)

#define LEGACY_SIZE   512u
#define HEADER_SIZE   64u
#define INITIAL_FCW   0x37Fu
#define INITIAL_MXCSR 0x1F80u

/* The head of an area. Bytes 464-511 are left to software by all its instructions. */
struct xsave_area {
	u16 fcw, fsw;
	u16 ftw, fop;
	u64 pointers[2];
	u32 mxcsr, mxcsr_mask;
	u64 st[16]; /* 8 registers */
	u8 registers[464 - 160];
	u32 cpu; /* CPU whose registers held this state last, plus 1 */
	u8 pad2[44];
	u64 held; /* XSTATE_BV: parts that are not in their initial state */
	u8 header[HEADER_SIZE - 8];
};
_Static_assert(sizeof(struct xsave_area) == LEGACY_SIZE + HEADER_SIZE, "XSAVE format");
_Static_assert(offsetof(struct xsave_area, mxcsr) == 24, "FXSAVE format");
_Static_assert(offsetof(struct xsave_area, st) == 32, "FXSAVE format");
_Static_assert(offsetof(struct xsave_area, cpu) == 464, "FXSAVE format");

static u64 mask; /* 0: FXSAVE is all there is */
static void measure(void)
{
	struct cpuid_regs r = cpuid(0xD, 0);
	u32 size = LEGACY_SIZE + HEADER_SIZE;

	mask = ((u64)r.edx << 32 | r.eax) &
	       (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU);
	for (u32 i = 2; i < 64; i++) {
		if (!(mask & bit64(i)))
			continue;
		r = cpuid(0xD, i); /* EAX: size, EBX: offset */
		size = (u32)max_u64(size, (u64)r.eax + r.ebx);
	}
	assert(size <= PAGE_SIZE);
}

void xstate_init_cpu(void)
{
	if (this_cpu()->id == 0 && cpu_has(CPU_XSAVE))
		measure();
	if (mask)
		xsetbv(0, mask);
}

int xstate_init(struct vcpu *v)
{
	struct xsave_area *a = domain_page_alloc(v->domain, 0);

	if (!a)
		return -XEN_ENOMEM;
	/* An empty header stands for the initial state of all but MXCSR. */
	a->fcw = INITIAL_FCW;
	a->mxcsr = INITIAL_MXCSR;
	v->xsave = a;
	return 0;
}

void xstate_destroy(struct vcpu *v)
{
	if (v->xsave)
		domain_page_free(v->domain, v->xsave, 0);
	v->xsave = NULL;
}

bool xstate_valid(u64 x)
{
	u64 avx512 = x & XCR0_AVX512;

	return (x & XCR0_X87) && !(x & ~mask) && (!(x & XCR0_AVX) || (x & XCR0_SSE)) &&
	       (!avx512 || (avx512 == XCR0_AVX512 && (x & XCR0_AVX)));
}

static void restore(const struct xsave_area *a)
{
	static const u32 zero;

	if (hvm->keeps_x87_pointers && !cpu_has(CPU_XSAVE_ERR_PTR))
		__asm__ volatile("fnclex\n emms\n fildl %0" ::"m"(zero));
	if (mask)
		xrstor(a, mask);
	else
		fxrstor(a);
}

void xstate_switch_in(struct vcpu *v)
{
	struct pcpu *cpu = this_cpu();
	struct xsave_area *a = v->xsave;

	/* It may have run elsewhere since it left its state here. */
	if (cpu->fpu_owner != v || a->cpu != cpu->id + 1)
		restore(a);
	cpu->fpu_owner = v;
	a->cpu = cpu->id + 1;
	if (mask)
		xsetbv(0, xstate_valid(v->regs.xcr0) ? v->regs.xcr0 : XCR0_X87);
}

/* Most guests' x87 never leaves its initial state, which not every CPU and no emulator notices,
 * and which is cheaper to restore as such. QEMU's TCG must be spared the rest: each x87 status that
 * is loaded changes the CPU state of its first processor, unlocked, from the thread of whichever
 * CPU does it. If the first one goes into or out of a guest at that moment, it may come back with
 * nested paging on, or interrupts let through, and dies. */
static void find_x87_initial(struct xsave_area *a)
{
	u64 any = (u64)(a->fcw ^ INITIAL_FCW) | a->fsw | a->ftw | a->fop | a->pointers[0] |
		  a->pointers[1];

	for (u32 i = 0; i < ARRAY_SIZE(a->st); i++)
		any |= a->st[i];
	if (!any)
		a->held &= ~XCR0_X87;
}

void xstate_switch_out(struct vcpu *v)
{
	if (!mask) {
		fxsave(v->xsave);
		return;
	}
	v->regs.xcr0 = xgetbv(0); /* some emulators let the guest's XSETBV through */
	xsetbv(0, mask);
	xsave(v->xsave, mask);
	find_x87_initial(v->xsave);
}
