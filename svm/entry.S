/* SPDX-License-Identifier: BSD-2-Clause */
/* Into the guest and back: AMD64 Architecture Programmer's Manual, volume 2, "VMRUN Instruction". */
#include <arch/x86_64/cpu/guest_gprs.h>

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
	GPRS_LOAD %rdi

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
	GPRS_SAVE %rax
	/* What waits is taken here, in between. Bochs needs it: it forgets the host's interrupts
	 * while a guest that was entered with IF=0 leaves IF alone, so they end no run of it. */
	stgi
	cli

	addq $16, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size svm_enter, . - svm_enter

	.globl svm_write_cr2
	.type svm_write_cr2, @function
svm_write_cr2:
	movq %rdi, %cr2
	ret
	.size svm_write_cr2, . - svm_write_cr2

	.section .note.GNU-stack, "", @progbits
