/* SPDX-License-Identifier: BSD-2-Clause */
/* For assembly: the guest's general registers, all but RAX and RSP, from and to its struct
 * plinth_vcpu_state. */
#ifndef ARCH_X86_64_CPU_GUEST_GPRS_H
#define ARCH_X86_64_CPU_GUEST_GPRS_H

#ifdef __ASSEMBLER__
/* clang-format off */
	/* gpr[] begins at 8, in the order in which instructions encode the registers. */
	.set at, 8
	.irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	.set GPR_\reg, at
	.set at, at + 8
	.endr

/* RDI last: it may be the base. */
.macro GPRS_LOAD base
	.irp reg, rcx, rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, r15, rdi
	movq GPR_\reg(\base), %\reg
	.endr
.endm

/* No guest value stays where the host might speculate on it; the others the exit code pops. */
.macro GPRS_SAVE base
	.irp reg, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	movq %\reg, GPR_\reg(\base)
	.endr
	.irp reg, ecx, edx, esi, edi, r8d, r9d, r10d, r11d
	xorl %\reg, %\reg
	.endr
.endm
#endif

#endif
