/* SPDX-License-Identifier: BSD-2-Clause */
/* What the CPU can do, read once on the boot CPU. */
#ifndef ARCH_X86_64_CPU_FEATURES_H
#define ARCH_X86_64_CPU_FEATURES_H

#include <core/types.h>

/* The CPUID registers that are kept. A feature is word * 32 + bit. */
enum cpu_word {
	CPU_1_ECX,
	CPU_1_EDX,
	CPU_7_EBX,
	CPU_7_ECX,
	CPU_7_EDX,
	CPU_E1_ECX, /* 0x80000001 */
	CPU_E1_EDX,
	CPU_E8_EBX,  /* 0x80000008 */
	CPU_EA_EDX,  /* 0x8000000A: SVM */
	CPU_E21_EAX, /* 0x80000021 */
	CPU_WORD_COUNT
};

#define CPU_BIT(word, bit) ((unsigned int)(word)*32u + (bit))
enum cpu_feature {
	CPU_VMX = CPU_BIT(CPU_1_ECX, 5),
	CPU_X2APIC = CPU_BIT(CPU_1_ECX, 21),
	CPU_TSC_DEADLINE = CPU_BIT(CPU_1_ECX, 24),
	CPU_XSAVE = CPU_BIT(CPU_1_ECX, 26),
	CPU_HYPERVISOR = CPU_BIT(CPU_1_ECX, 31),
	CPU_TSC = CPU_BIT(CPU_1_EDX, 4),
	CPU_APIC = CPU_BIT(CPU_1_EDX, 9),
	CPU_MCE = CPU_BIT(CPU_1_EDX, 7),
	CPU_PGE = CPU_BIT(CPU_1_EDX, 13),
	CPU_PAT = CPU_BIT(CPU_1_EDX, 16),
	CPU_SMEP = CPU_BIT(CPU_7_EBX, 7),
	CPU_INVPCID = CPU_BIT(CPU_7_EBX, 10),
	CPU_SMAP = CPU_BIT(CPU_7_EBX, 20),
	CPU_UMIP = CPU_BIT(CPU_7_ECX, 2),
	CPU_IBPB_INTEL = CPU_BIT(CPU_7_EDX, 26),
	CPU_SVM = CPU_BIT(CPU_E1_ECX, 2),
	CPU_NX = CPU_BIT(CPU_E1_EDX, 20),
	CPU_PAGE1GB = CPU_BIT(CPU_E1_EDX, 26),
	CPU_RDTSCP = CPU_BIT(CPU_E1_EDX, 27),
	CPU_XSAVE_ERR_PTR = CPU_BIT(CPU_E8_EBX, 2),
	CPU_IBPB_AMD = CPU_BIT(CPU_E8_EBX, 12),
	CPU_SVM_NPT = CPU_BIT(CPU_EA_EDX, 0),
	CPU_SVM_NRIP_SAVE = CPU_BIT(CPU_EA_EDX, 3),
	CPU_SVM_CLEAN_BITS = CPU_BIT(CPU_EA_EDX, 5),
	CPU_SVM_PAUSE_FILTER = CPU_BIT(CPU_EA_EDX, 10),
	CPU_AUTO_IBRS = CPU_BIT(CPU_E21_EAX, 8),
};

struct cpu_features {
	u32 max_leaf, max_ext_leaf;
	u32 phys_bits; /* of physical addresses */
	u32 words[CPU_WORD_COUNT];
};

extern struct cpu_features cpu_features; /* constant after features_init() */

static inline bool cpu_has(enum cpu_feature f)
{
	return (cpu_features.words[f / 32] >> (f % 32)) & 1u;
}

/* Boot CPU only, before anything asks. */
void features_init(void);
/* Every CPU: SMEP, SMAP, UMIP, OSFXSR, OSXSAVE, global pages, automatic IBRS, where present. The
 * start-up code has set CR0 and EFER. */
void features_enable(void);

#endif
