/* SPDX-License-Identifier: BSD-2-Clause */
/* The state behind <svm/cpu.h>. */
#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <stdlib.h>

static struct pcpu cpu0;
struct pcpu *fake_cpu = &cpu0;
struct cpu_features cpu_features;
struct cpuid_regs (*fake_cpuid)(u32 leaf, u32 subleaf);
u64 fake_dr[8], fake_xcr0, fake_cr2;
unsigned int fake_saves, fake_restores;
const void *fake_restored;

u64 *fake_msr(u32 msr, bool create)
{
	static struct {
		u32 msr;
		u64 value;
	} msrs[16];
	static unsigned int count;

	for (unsigned int i = 0; i < count; i++)
		if (msrs[i].msr == msr)
			return &msrs[i].value;
	if (!create)
		return NULL;
	msrs[count].msr = msr;
	return &msrs[count++].value;
}

struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	return fake_cpuid ? fake_cpuid(leaf, subleaf) : (struct cpuid_regs){0};
}
u64 rdmsr(u32 msr)
{
	const u64 *p = fake_msr(msr, false);

	if (!p)
		abort();
	return *p;
}
void wrmsr(u32 msr, u64 v)
{
	u64 *p = fake_msr(msr, false);

	if (!p)
		abort();
	*p = v;
}
bool rdmsr_safe(u32 msr, u64 *v)
{
	const u64 *p = fake_msr(msr, false);

	*v = p ? *p : 0;
	return p != NULL;
}
void svm_write_cr2(u64 value)
{
	fake_cr2 = value;
}
u64 xgetbv(u32 index)
{
	return index == 0 ? fake_xcr0 : 0;
}
void xsetbv(u32 index, u64 v)
{
	if (index != 0 || !(v & 1))
		abort(); /* #GP */
	fake_xcr0 = v;
}
void xsave(void *area, u64 mask)
{
	(void)area;
	if (mask != fake_xcr0)
		abort(); /* a part would be left out */
	fake_saves++;
}
void xrstor(const void *area, u64 mask)
{
	if (mask != fake_xcr0)
		abort();
	fake_restores++;
	fake_restored = area;
}
void fxsave(void *area)
{
	(void)area;
	fake_saves++;
}
void fxrstor(const void *area)
{
	fake_restores++;
	fake_restored = area;
}
