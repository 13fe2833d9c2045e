/* SPDX-License-Identifier: BSD-2-Clause */
/* From the PVH entry (32 bits, no paging, loaded anywhere) to 64-bit C, and the trap stubs. */
#define VIRT    0xffffffff80000000
#define OFF(x)  ((x) - VIRT)
#define PRESENT 0x1
#define WRITE   0x2
#define LARGE   0x80

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18 /* PHYS32_ENTRY */
	.asciz "Xen"
	.long OFF(dom0_entry)

	.section .entry, "ax"
	.code32
	.globl dom0_entry
dom0_entry:
	cld
	/* The start info lies at the end of memory: what is below it can serve as a stack. */
	mov	%ebx, %esp
	call	1f
1:	pop	%ebp
	sub	$OFF(1b), %ebp /* the load base */

	/* Identity: 4 GiB in 2 MiB pages. */
	lea	OFF(boot_pd)(%ebp), %edi
	mov	$(PRESENT | WRITE | LARGE), %eax
	mov	$2048, %ecx
2:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	2b
	lea	OFF(boot_pdpt)(%ebp), %edi
	lea	(OFF(boot_pd) + PRESENT + WRITE)(%ebp), %eax
	mov	$4, %ecx
3:	mov	%eax, (%edi)
	add	$0x1000, %eax
	add	$8, %edi
	loop	3b
	/* The image: 32 MiB from the load base. */
	lea	OFF(boot_pd_image)(%ebp), %edi
	lea	(PRESENT | WRITE | LARGE)(%ebp), %eax
	mov	$16, %ecx
4:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	4b
	lea	(OFF(boot_pd_image) + PRESENT + WRITE)(%ebp), %eax
	mov	%eax, OFF(boot_pdpt_image) + 510 * 8(%ebp)
	lea	(OFF(boot_pdpt) + PRESENT + WRITE)(%ebp), %eax
	mov	%eax, OFF(boot_pml4)(%ebp)
	lea	(OFF(boot_pdpt_image) + PRESENT + WRITE)(%ebp), %eax
	mov	%eax, OFF(boot_pml4) + 511 * 8(%ebp)

	/* Long mode; SSE for the C library and the decompressors. */
	mov	$0x6a0, %eax /* PAE, PGE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	lea	OFF(boot_pml4)(%ebp), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x900, %eax /* LME, NXE */
	wrmsr
	mov	$0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov	%eax, %cr0
	lea	OFF(boot_gdt)(%ebp), %eax
	mov	%eax, OFF(boot_gdt_pointer) + 2(%ebp)
	lgdt	OFF(boot_gdt_pointer)(%ebp)
	lea	OFF(5f)(%ebp), %eax
	push	$8
	push	%eax
	lret

	.code64
5:	mov	$boot_gdt_pointer64, %rax
	lgdt	(%rax)
	mov	$dom0_stack_top, %rsp
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%ebx, %edi
	mov	%ebp, %esi
	xor	%ebp, %ebp
	mov	$dom0_main, %rax
	call	*%rax
	ud2

	.text
/* Every exception is the end of the control domain: say what happened, with the registers. */
	.balign 16
	.globl trap_stubs
trap_stubs:
	n = 0
	.rept 32
	.balign 16
	.if !((n == 8) || ((n >= 10) && (n <= 14)) || (n == 17) || (n == 21) || (n == 29) || (n == 30))
	push	$0 /* no error code: one in its place */
	.endif
	push	$n
	jmp	trap_common
	n = n + 1
	.endr

trap_common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	trap_report
	ud2

	.section .rodata
	.balign 16
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
boot_gdt_end:
boot_gdt_pointer64:
	.word boot_gdt_end - boot_gdt - 1
	.quad boot_gdt

	.data
	.balign 8
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long 0

	.bss
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_image:
	.skip 4096
boot_pd_image:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.skip 65536
dom0_stack_top:

	.section .note.GNU-stack, "", @progbits
