/* SPDX-License-Identifier: BSD-2-Clause */
/* The way into a test guest: PVH entry, start of further vCPUs, trap stubs, calls that may fault. */

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, 18		/* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long pvh_entry

	.text
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	movl $boot_stack_end, %esp
	movl %ebx, start_info_address
	/* Identity map of the low 4 GiB in 2 MiB pages, open to user mode too. */
	movl $boot_pd, %edi
	movl $0x87, %eax
	movl $2048, %ecx
1:	movl %eax, (%edi)
	movl $0, 4(%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b
	movl $boot_pd + 7, %eax
	movl $boot_pdpt, %edi
	movl $4, %ecx
2:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	loop 2b
	movl $boot_pdpt + 7, boot_pml4
	lgdt boot_gdt_pointer
	call enter_long_mode
	ljmp $0x08, $start64

/* Turns on long mode's paging with boot_pml4; the caller jumps to 64-bit code. */
enter_long_mode:
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl $boot_pml4, %eax
	movl %eax, %cr3
	movl $0xC0000080, %ecx
	rdmsr
	orl $0x101, %eax	/* SCE, LME */
	wrmsr
	movl %cr0, %eax
	andl $~0x6000000C, %eax	/* caches on, no EM, no TS */
	orl $0x80010023, %eax	/* PG, WP, NE, MP, PE */
	movl %eax, %cr0
	ret

	.code64
start64:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movl $cpu_stacks + 0x4000, %esp
	xorl %ebp, %ebp
	call guest_main
1:	cli
	hlt
	jmp 1b

/* Copied below 1 MiB; runs in real mode at CS:0. */
	.globl ap_trampoline, ap_trampoline_end, ap_stack
	.code16
ap_trampoline:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl ap_gdt_pointer - ap_trampoline
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x18, $ap_start32
	.align 4
ap_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long boot_gdt
ap_trampoline_end:

	.code32
ap_start32:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $ap_boot_stack_end, %esp
	call enter_long_mode
	ljmp $0x08, $ap_start64
	.code64
ap_start64:
	movw $0x10, %ax
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movq ap_stack, %rsp
	xorl %ebp, %ebp
	call ap_main
1:	cli
	hlt
	jmp 1b

/* 256 stubs of 16 bytes; those of exceptions without an error code push a zero. */
	.globl trap_stubs
	.align 16
trap_stubs:
	.set vector, 0
	.rept 256
	.align 16
	.if (vector != 8) && (vector != 10) && (vector != 11) && (vector != 12) && (vector != 13) && (vector != 14) && (vector != 17) && (vector != 21)
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	call trap_entry
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

/* int guard_call(u64 *saved_rsp, void (*fn)(void *), void *arg): 0 when fn returned. A fault inside
 * goes on at guard_resume with RSP = *saved_rsp and RAX = what to return. */
	.globl guard_call, guard_resume
guard_call:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rdx, %rdi
	call *%rsi
	xorl %eax, %eax
guard_resume:
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* void user_enter(void (*fn)(void *), void *arg, void *stack_top, u64 *rsp0): fn(arg) at CPL 3; ends
 * by INT 0x80 or a fault, both under guard_call. */
	.globl user_enter
user_enter:
	movq %rsp, (%rcx)
	movl $user_return, %eax
	subq $8, %rdx
	movq %rax, (%rdx)
	pushq $0x23
	pushq %rdx
	pushq $0x202
	pushq $0x2B
	pushq %rdi
	movq %rsi, %rdi
	iretq
user_return:
	int $0x80
	ud2

/* s64 hypercall_*(nr, a1, a2, a3, a4, a5) in C's registers. */
	.globl hypercall_vmcall, hypercall_vmmcall
	.macro hypercall_stub name, bytes:vararg
\name:
	movq %rdi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	movq %r8, %r10
	movq %r9, %r8
	.byte \bytes
	ret
	.endm
	hypercall_stub hypercall_vmcall, 0x0F, 0x01, 0xC1
	hypercall_stub hypercall_vmmcall, 0x0F, 0x01, 0xD9
/* The same through the hypercall page in hypercall_page_address. */
	.globl hypercall_by_page
hypercall_by_page:
	movl %edi, %eax
	shll $5, %eax
	addq hypercall_page_address, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	movq %r8, %r10
	movq %r9, %r8
	jmp *%rax

	.data
	.align 8
boot_gdt:
	.quad 0
	.quad 0x00AF9B000000FFFF	/* 08: 64-bit code */
	.quad 0x00CF93000000FFFF	/* 10: data */
	.quad 0x00CF9B000000FFFF	/* 18: 32-bit code */
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.quad boot_gdt
	.align 8
	.globl start_info_address
start_info_address:
	.quad 0
ap_stack:
	.quad 0

	.bss
	.align 4096
	.globl boot_pml4, cpu_stacks
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.align 0x4000
cpu_stacks:			/* CPU_MAX stacks of 16 KiB; struct cpu at the foot of each */
	.skip 8 * 0x4000
	.skip 512
boot_stack_end:
	.skip 64
ap_boot_stack_end:
	.section .note.GNU-stack, "", @progbits
