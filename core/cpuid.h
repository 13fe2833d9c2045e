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
u64 cpuid_xcr0_mask(void);          /* XCR0 bits a guest may set; 0 without XSAVE */
u64 cpuid_efer_mask(void);          /* EFER bits a guest may set */
u64 cpuid_cr4_mask(void);           /* CR4 bits a guest may set */
unsigned int cpuid_phys_bits(void); /* guest's physical address width */

#endif
