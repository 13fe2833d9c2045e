/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID read once, and the control bits that protect the hypervisor from itself. */
#include <arch/x86_64/cpu/features.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/lib/print.h>
#include <core/lib/string.h>

struct cpu_features cpu_features;

static const struct cpu_word_source {
	u32 leaf;
	u8 reg; /* 0..3: EAX, EBX, ECX, EDX */
} word_sources[CPU_WORD_COUNT] = {
	[CPU_1_ECX] = {1, 2},           [CPU_1_EDX] = {1, 3},
	[CPU_7_EBX] = {7, 1},           [CPU_7_ECX] = {7, 2},
	[CPU_7_EDX] = {7, 3},           [CPU_E21_EAX] = {0x80000021, 0},
	[CPU_E1_ECX] = {0x80000001, 2}, [CPU_E1_EDX] = {0x80000001, 3},
	[CPU_E8_EBX] = {0x80000008, 1}, [CPU_EA_EDX] = {0x8000000A, 3},
};

static bool leaf_exists(u32 leaf)
{
	return leaf <= (leaf >= 0x80000000 ? cpu_features.max_ext_leaf : cpu_features.max_leaf);
}

static u32 read_word(const struct cpu_word_source *s)
{
	struct cpuid_regs r;
	u32 regs[4];

	if (!leaf_exists(s->leaf))
		return 0;
	r = cpuid(s->leaf, 0);
	memcpy(regs, &r, sizeof(r));
	return s->leaf == 0x8000000A && !cpu_has(CPU_SVM) ? 0 : regs[s->reg];
}

void features_init(void)
{
	struct cpu_features *f = &cpu_features;

	f->max_leaf = cpuid(0, 0).eax;
	f->max_ext_leaf = cpuid(0x80000000, 0).eax;
	for (u32 i = 0; i < CPU_WORD_COUNT; i++)
		f->words[i] = read_word(&word_sources[i]);
	f->phys_bits = leaf_exists(0x80000008) ? cpuid(0x80000008, 0).eax & 0xff : 36;
	if (!cpu_has(CPU_NX) || !cpu_has(CPU_TSC) || !cpu_has(CPU_APIC))
		panic("this CPU lacks no-execute pages, a TSC or a local APIC");
}

void features_enable(void)
{
	static const struct {
		enum cpu_feature feature;
		u64 cr4;
	} bits[] = {
		{CPU_SMEP, CR4_SMEP},     {CPU_SMAP, CR4_SMAP}, {CPU_UMIP, CR4_UMIP},
		{CPU_XSAVE, CR4_OSXSAVE}, {CPU_PGE, CR4_PGE},   {CPU_MCE, CR4_MCE},
	};
	u64 cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (cpu_has(bits[i].feature))
			cr4 |= bits[i].cr4;
	write_cr4(cr4);
	if (cpu_has(CPU_AUTO_IBRS)) /* what guests taught the predictors does not count here */
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
}
