/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a started CPU begins: real mode, at a page below 1 MiB to which this code was copied. It
 * finds out where it is by itself, so only trampoline_args must be filled in. */
#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/regs.h>

#define AT(sym) (sym - trampoline_start)

	.section .rodata
	.balign 16
	.global trampoline_start, trampoline_args, trampoline_end
	.code16
trampoline_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movzwl %ax, %ebx
	shll $4, %ebx /* the page's address */
	leal AT(gdt)(%ebx), %eax
	movl %eax, AT(gdtr) + 2
	leal AT(protected)(%ebx), %eax
	movl %eax, AT(far_protected)
	leal AT(long_mode)(%ebx), %eax
	movl %eax, AT(far_long)
	lgdtl AT(gdtr)
	movl $CR0_PE | CR0_ET, %eax
	movl %eax, %cr0
	ljmpl *AT(far_protected)

	.code32
protected:
	movl $SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl AT(arg_root)(%ebx), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME | EFER_NXE, %eax
	wrmsr
	movl $CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE, %eax
	movl %eax, %cr0
	ljmpl *AT(far_long)(%ebx)

	.code64
long_mode:
	movl %ebx, %ebx
	movq AT(arg_stack)(%rbx), %rsp
	movq AT(arg_cpu)(%rbx), %rdi
	movq AT(arg_entry)(%rbx), %rax
	xorl %ebp, %ebp /* ends backtraces */
	pushq %rbp      /* as if called */
	jmp *%rax

	.balign 8
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
	.quad 0x00cf9b000000ffff /* 32-bit code, here only */
gdtr:
	.word gdtr - gdt - 1
	.long 0
far_protected:
	.long 0
	.word 0x18
far_long:
	.long 0
	.word SEL_CODE
	.balign 8
trampoline_args: /* struct trampoline_args */
arg_root:
	.quad 0
arg_stack:
	.quad 0
arg_cpu:
	.quad 0
arg_entry:
	.quad 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
