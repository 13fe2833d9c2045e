/* SPDX-License-Identifier: BSD-2-Clause */
/* What CPUID shows a guest: a table of leaves, default deny. */
#ifndef CORE_CPUID_H
#define CORE_CPUID_H

#include <arch/x86_64/cpu/insn.h>
#include <core/types.h>

struct vcpu;

/* Boot CPU, after clock_init(): works out the policy from the host's features once. */
void cpuid_init(void);
/* For v, with its current CR4, XCR0 and APIC mode where they show. */
void cpuid_guest(struct vcpu *v, u32 leaf, u32 subleaf, struct cpuid_regs *out);

/* What a guest may set, and the width of its physical addresses. */
extern struct cpuid_limits {
	u64 xcr0, efer, cr4; /* bits; xcr0 is 0 without XSAVE */
	unsigned int phys_bits;
} cpuid_limits;

#endif
