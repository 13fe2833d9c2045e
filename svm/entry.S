/* SPDX-License-Identifier: BSD-2-Clause */
/* Into the guest and back: AMD64 Architecture Programmer's Manual, volume 2, "VMRUN Instruction". */
#include <svm/offsets.h>

	.text
	.globl svm_enter
	.type svm_enter, @function
/* void svm_enter(struct plinth_vcpu_state *regs, u64 vmcb, u64 host): svm/svm.h */
svm_enter:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdx		/* host: 8(%rsp) */
	pushq %rdi		/* regs: (%rsp) */

	/* From here to STGI nothing can interrupt, NMIs included: GS, TR and the stubs' stacks are
	 * not the host's all that time. */
	clgi
	movq %rsi, %rax
	movq REGS_RCX(%rdi), %rcx
	movq REGS_RDX(%rdi), %rdx
	movq REGS_RBX(%rdi), %rbx
	movq REGS_RBP(%rdi), %rbp
	movq REGS_RSI(%rdi), %rsi
	movq REGS_R8(%rdi), %r8
	movq REGS_R9(%rdi), %r9
	movq REGS_R10(%rdi), %r10
	movq REGS_R11(%rdi), %r11
	movq REGS_R12(%rdi), %r12
	movq REGS_R13(%rdi), %r13
	movq REGS_R14(%rdi), %r14
	movq REGS_R15(%rdi), %r15
	movq REGS_RDI(%rdi), %rdi

	/* The host's IF decides whether its interrupts end the guest's run, as V_INTR_MASKING is
	 * set. VMLOAD takes the shadow of STI, which must not reach into the guest. */
	sti
	vmload %rax
	vmrun %rax
	/* RAX and RSP are the host's again, the other registers still the guest's. */
	vmsave %rax
	movq 8(%rsp), %rax
	vmload %rax
	movq (%rsp), %rax
	movq %rcx, REGS_RCX(%rax)
	movq %rdx, REGS_RDX(%rax)
	movq %rbx, REGS_RBX(%rax)
	movq %rbp, REGS_RBP(%rax)
	movq %rsi, REGS_RSI(%rax)
	movq %rdi, REGS_RDI(%rax)
	movq %r8, REGS_R8(%rax)
	movq %r9, REGS_R9(%rax)
	movq %r10, REGS_R10(%rax)
	movq %r11, REGS_R11(%rax)
	movq %r12, REGS_R12(%rax)
	movq %r13, REGS_R13(%rax)
	movq %r14, REGS_R14(%rax)
	movq %r15, REGS_R15(%rax)
	/* No guest value stays where the host might speculate on it; the popped ones do not. */
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	cli
	stgi

	addq $16, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size svm_enter, . - svm_enter

	.section .note.GNU-stack, "", @progbits
