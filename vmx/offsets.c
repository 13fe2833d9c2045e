/* SPDX-License-Identifier: BSD-2-Clause */
/* Structure offsets for entry.S. Compiled to assembly, never linked: the build turns the strings
 * "->NAME value" into build/vmx/offsets.h. */
#include <core/types.h>
#include <plinth/vcpu_state.h>
#include <vmx/vmcs.h>

void vmx_offsets(void);

#define OFFSET(name, type, field) \
	__asm__ volatile(".ascii \"->" #name " %c0\"" ::"i"(offsetof(struct type, field)))
#define FIELD(name) __asm__ volatile(".ascii \"->FIELD_" #name " %c0\"" ::"i"(name))
#define GPR(name)   OFFSET(REGS_##name, plinth_vcpu_state, gpr[GPR_##name])

void vmx_offsets(void)
{
	FIELD(HOST_RSP);
	GPR(RAX);
	GPR(RCX);
	GPR(RDX);
	GPR(RBX);
	GPR(RBP);
	GPR(RSI);
	GPR(RDI);
	GPR(R8);
	GPR(R9);
	GPR(R10);
	GPR(R11);
	GPR(R12);
	GPR(R13);
	GPR(R14);
	GPR(R15);
}
