/* SPDX-License-Identifier: BSD-2-Clause */
/* The Multiboot2 header, and the way from the loader's 32-bit protected mode to 64-bit C.
 * Multiboot2 Specification 2.0, "OS image format" and "Machine state". */
#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/mm/layout.h>

#define PHYS(sym) (sym - IMAGE_VIRT_OFFSET)

#define MB2_HEADER_MAGIC   0xe85250d6
#define MB2_TAG_INFO       1
#define MB2_TAG_ENTRY      3
#define MB2_TAG_ALIGN      6
#define MB2_OPTIONAL       1
#define MB2_INFO_CMDLINE   1
#define MB2_INFO_LOADER    2
#define MB2_INFO_MODULES   3
#define MB2_INFO_MEMORY    6
#define MB2_INFO_ACPI_OLD  14
#define MB2_INFO_ACPI_NEW  15

	.section .multiboot2, "a"
	.balign 8
header:
	.long MB2_HEADER_MAGIC, 0, header_end - header
	.long -(MB2_HEADER_MAGIC + (header_end - header))
	.balign 8
1:	.word MB2_TAG_INFO, 0
	.long 2f - 1b, MB2_INFO_CMDLINE, MB2_INFO_MODULES, MB2_INFO_MEMORY
2:	.balign 8
1:	.word MB2_TAG_INFO, MB2_OPTIONAL
	.long 2f - 1b, MB2_INFO_LOADER, MB2_INFO_ACPI_OLD, MB2_INFO_ACPI_NEW
2:	.balign 8
	.word MB2_TAG_ENTRY, 0
	.long 12, PHYS(boot_entry)
	.balign 8
	.word MB2_TAG_ALIGN, 0
	.long 8
	.balign 8
	.word 0, 0
	.long 8
header_end:

	.text
	.code32
	.global boot_entry
boot_entry:
	cli
	cld
	movl %eax, %edi /* magic */
	movl %ebx, %esi /* information */
	movl $PHYS(boot_cpu_area) + CPU_AREA_SIZE, %esp

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx /* long mode */
	jnc no_long_mode
	btl $20, %edx /* NX */
	jnc no_long_mode

	/* 4 GiB in 2 MiB pages: present, writable, large. */
	movl $PHYS(boot_pd), %ebx
	movl $0x83, %eax
	xorl %ecx, %ecx
1:	movl %eax, (%ebx, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $2048, %ecx
	jb 1b
	/* The same four tables at 0, in the direct map, and (the first) at the image's place. */
	movl $PHYS(boot_pd) + 3, %eax
	xorl %ecx, %ecx
1:	movl %eax, PHYS(boot_pdpt)(, %ecx, 8)
	addl $4096, %eax
	incl %ecx
	cmpl $4, %ecx
	jb 1b
	movl $PHYS(boot_pd) + 3, PHYS(boot_pdpt_image) + 510 * 8
	movl $PHYS(boot_pdpt) + 3, PHYS(boot_pml4)
	movl $PHYS(boot_pdpt) + 3, PHYS(boot_pml4) + ((DIRECT_MAP_BASE >> 39) & 511) * 8
	movl $PHYS(boot_pdpt_image) + 3, PHYS(boot_pml4) + 511 * 8

	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME | EFER_NXE, %eax
	wrmsr
	movl $CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE, %eax
	movl %eax, %cr0
	lgdt PHYS(boot_gdtr)
	ljmp $SEL_CODE, $PHYS(entry64)

	.code64
entry64:
	movabsq $1f, %rax
	jmp *%rax
1:	movl $SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_cpu_area + CPU_AREA_SIZE, %rsp
	xorl %ebp, %ebp /* ends backtraces */
	call hypervisor_main
	ud2

	.code32
no_long_mode:
	movl $PHYS(message), %esi
1:	movw $0x3FD, %dx
	inb %dx, %al
	testb $0x20, %al
	jz 1b
	lodsb
	testb %al, %al
	jz 2f
	movw $0x3F8, %dx
	outb %al, %dx
	jmp 1b
2:	hlt
	jmp 2b

	.section .rodata
message:
	.asciz "Plinth: this CPU has no 64-bit mode with no-execute pages\r\n"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
boot_gdtr:
	.word boot_gdtr - boot_gdt - 1
	.long PHYS(boot_gdt)

	.section .bss.page_aligned, "aw", @nobits
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_image:
	.skip 4096
boot_pd:
	.skip 4 * 4096

	.section .note.GNU-stack, "", @progbits
