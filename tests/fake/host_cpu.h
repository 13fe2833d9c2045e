/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for <arch/x86_64/cpu/insn.h> (same guard; included first by -include): a CPU whose
 * CPUID, MSRs and TSC the test sets. */
#ifndef ARCH_X86_64_CPU_INSN_H
#define ARCH_X86_64_CPU_INSN_H

#include <core/types.h>

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};
struct fake_leaf {
	u32 leaf, sub;
	struct cpuid_regs regs;
};
extern const struct fake_leaf *fake_leaves; /* ends with leaf ~0; others read zero */
extern u64 fake_tsc, fake_xcr0;
extern u64 fake_msr_value; /* what each MSR but the TSC reads */
extern bool fake_msr_there;

struct cpuid_regs cpuid(u32 leaf, u32 subleaf);
static inline u64 rdtsc(void)
{
	return fake_tsc;
}
static inline u64 xgetbv(u32 index)
{
	(void)index;
	return fake_xcr0;
}
static inline bool rdmsr_safe(u32 msr, u64 *v)
{
	bool tsc = msr == 0x10;

	*v = tsc ? fake_tsc : fake_msr_there ? fake_msr_value : 0;
	return tsc || fake_msr_there;
}

#endif
