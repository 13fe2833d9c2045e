/* SPDX-License-Identifier: BSD-2-Clause */
/* Into the guest and back: SDM volume 3, "VM Entries" and "VM Exits". */
#include <arch/x86_64/cpu/guest_gprs.h>

#define HOST_RSP 0x6C14 /* vmx/vmcs.h */

	.text
	.globl vmx_enter
	.type vmx_enter, @function
/* bool vmx_enter(struct plinth_vcpu_state *regs, bool launched, u64 *host_rsp): vmx/vmx.h */
vmx_enter:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdi		/* regs: (%rsp) */

	cmpq %rsp, (%rdx)
	je 1f
	movq %rsp, (%rdx)
	movl $HOST_RSP, %eax
	vmwrite %rsp, %rax
1:
	testb %sil, %sil
	movq GPR_rax(%rdi), %rax
	GPRS_LOAD %rdi

	jz 2f
	vmresume
	jmp 3f
2:
	vmlaunch
3:
	/* Refused: the guest's registers are unchanged. */
	movl $1, %eax
	jmp 4f

	.globl vmx_exit_entry
vmx_exit_entry:
	/* RSP and all but the general registers are the host's, and IF is 0. */
	pushq %rax
	movq 8(%rsp), %rax
	GPRS_SAVE %rax
	popq GPR_rax(%rax)
	xorl %eax, %eax
4:
	addq $8, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size vmx_enter, . - vmx_enter

	.section .note.GNU-stack, "", @progbits
