/* SPDX-License-Identifier: BSD-2-Clause */
/* Into the guest and back: SDM volume 3, "VM Entries" and "VM Exits". */
#include <vmx/offsets.h>

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
	movl $FIELD_HOST_RSP, %eax
	vmwrite %rsp, %rax
1:
	testb %sil, %sil
	movq REGS_RAX(%rdi), %rax
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

	/* The CPU takes host interrupts as exits whatever IF is. Some emulators go by the host's IF
	 * all the same; STI's shadow keeps any interrupt away until the guest runs. */
	jz 2f
	sti
	vmresume
	jmp 3f
2:
	sti
	vmlaunch
3:
	/* Refused: nothing was changed, and interrupts that came meanwhile were taken here. */
	cli
	movl $1, %eax
	jmp 4f

	.globl vmx_exit_entry
vmx_exit_entry:
	/* RSP and all but the general registers are the host's, and IF is 0. */
	pushq %rax
	movq 8(%rsp), %rax
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
	popq REGS_RAX(%rax)
	xorl %eax, %eax
4:
	/* No guest value stays where the host might speculate on it; the popped ones do not. */
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d

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
