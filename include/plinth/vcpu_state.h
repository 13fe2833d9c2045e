/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's register state in one neutral, versioned block: the same on AMD-V and VT-x. */
#ifndef PLINTH_VCPU_STATE_H
#define PLINTH_VCPU_STATE_H

#include <stddef.h>
#include <stdint.h>

#define PLINTH_VCPU_STATE_VERSION 1u

/* Index of the general registers as instructions encode them. */
enum plinth_gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R15 = 15,
	GPR_COUNT
};

/* Index of the segment registers as instructions encode them, then the two system segments. */
enum plinth_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* attr: the second dword of a descriptor, bits 8-15 at 0-7 and bits 20-23 at 8-11 (as a VMCB
 * has it): type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11. 0 = unusable. */
struct plinth_segment {
	uint16_t selector;
	uint16_t attr;
	uint32_t limit; /* in bytes, granularity applied */
	uint64_t base;
};
struct plinth_table {
	uint64_t base;
	uint32_t limit;
	uint32_t pad;
};

struct plinth_syscall_msrs {
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
};

struct plinth_vcpu_state {
	uint32_t version;
	uint32_t flags; /* bit 0: online */
	uint64_t gpr[GPR_COUNT];
	uint64_t rip, rflags;
	uint64_t cr0, cr2, cr3, cr4, cr8, efer, xcr0;
	uint64_t dr[4], dr6, dr7;
	struct plinth_segment seg[SEG_COUNT];
	struct plinth_table gdtr, idtr;
	uint64_t pat;
	struct plinth_syscall_msrs msr;
	uint64_t tsc_aux;
};
#define PLINTH_VCPU_ONLINE 1u

_Static_assert(sizeof(struct plinth_segment) == 16, "ABI");
_Static_assert(offsetof(struct plinth_vcpu_state, gpr) == 8, "ABI");
_Static_assert(offsetof(struct plinth_vcpu_state, rip) == 136, "ABI");
_Static_assert(sizeof(struct plinth_vcpu_state) == 496, "ABI");

#endif
