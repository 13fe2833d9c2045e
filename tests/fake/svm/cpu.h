/* SPDX-License-Identifier: BSD-2-Clause */
/* A CPU for tests: instructions are functions over plain variables. Include it first; it takes the
 * place of <arch/x86_64/cpu/insn.h> and gives this_cpu() a settable pointer. */
#ifndef ARCH_X86_64_CPU_INSN_H
#define ARCH_X86_64_CPU_INSN_H

#include <core/types.h>
#define this_cpu hardware_this_cpu
#include <arch/x86_64/cpu/percpu.h>
#undef this_cpu

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

extern struct pcpu *fake_cpu;
extern struct cpuid_regs (*fake_cpuid)(u32 leaf, u32 subleaf);
extern u64 fake_dr[8], fake_xcr0, fake_cr2;
void svm_write_cr2(u64 value);
extern unsigned int fake_saves, fake_restores; /* of extended state */
extern const void *fake_restored;
/* MSRs that exist; others make rdmsr_safe() fail and abort the rest. */
u64 *fake_msr(u32 msr, bool create);

static inline struct pcpu *this_cpu(void)
{
	return fake_cpu;
}

struct cpuid_regs cpuid(u32 leaf, u32 subleaf);
u64 rdmsr(u32 msr);
void wrmsr(u32 msr, u64 v);
bool rdmsr_safe(u32 msr, u64 *v);
u64 xgetbv(u32 index);
void xsetbv(u32 index, u64 v);
void xsave(void *area, u64 mask);
void xrstor(const void *area, u64 mask);
void fxsave(void *area);
void fxrstor(const void *area);

static inline void read_debug(u64 dr[4])
{
	for (int i = 0; i < 4; i++)
		dr[i] = fake_dr[i];
}
static inline void write_debug(const u64 dr[4])
{
	for (int i = 0; i < 4; i++)
		fake_dr[i] = dr[i];
}

#endif
