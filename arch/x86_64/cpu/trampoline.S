/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a started CPU begins: real mode, at a page below 1 MiB to which this code was copied. It
 * finds out where it is by itself, so only trampoline_args must be filled in. */
#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/regs.h>

#define AT(sym) (sym - trampoline_start)
#define ARG(n)  (AT(trampoline_args) + 8 * (n))

	.section .rodata
	.balign 16
	.global trampoline_start, trampoline_args, trampoline_end, trampoline_gdt
	.code16
trampoline_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movzwl %ax, %ebx
	shll $4, %ebx /* the page's address */
	leal AT(trampoline_gdt)(%ebx), %eax
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
	movl ARG(0)(%ebx), %eax
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
	movq ARG(1)(%rbx), %rsp
	movq ARG(2)(%rbx), %rdi
	movq ARG(3)(%rbx), %rax
	xorl %ebp, %ebp /* ends backtraces */
	pushq %rbp      /* as if called */
	jmp *%rax

	.balign 8
trampoline_gdt: /* the boot CPU begins with it, too */
	.quad 0, GDT_CODE64, GDT_DATA
	.quad 0x00cf9b000000ffff /* 32-bit code, here only */
gdtr:
	.word gdtr - trampoline_gdt - 1
	.long 0
far_protected:
	.long 0
	.word 0x18
far_long:
	.long 0
	.word SEL_CODE
	.balign 8
trampoline_args: /* struct trampoline_args */
	.quad 0, 0, 0, 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
