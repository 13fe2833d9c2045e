/* SPDX-License-Identifier: BSD-2-Clause */
/* The Multiboot2 header, and the way from the loader's 32-bit protected mode to 64-bit C.
 * Multiboot2 Specification 2.0, "OS image format" and "Machine state". */
#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/mm/layout.h>
#include <boot/multiboot2_tags.h>

#define PHYS(sym) (sym - IMAGE_VIRT_OFFSET)

#define MB2_HEADER_MAGIC   0xe85250d6
#define MB2_TAG_INFO       1
#define MB2_TAG_ENTRY      3
#define MB2_TAG_ALIGN      6
#define MB2_OPTIONAL       1

	.section .multiboot2, "a"
	.balign 8
header:
	.long MB2_HEADER_MAGIC, 0, header_end - header
	.long -(MB2_HEADER_MAGIC + (header_end - header))
	.balign 8
1:	.word MB2_TAG_INFO, 0
	.long 2f - 1b, TAG_CMDLINE, TAG_MODULE, TAG_MEMORY
2:	.balign 8
1:	.word MB2_TAG_INFO, MB2_OPTIONAL
	.long 2f - 1b, TAG_LOADER, TAG_ACPI_OLD, TAG_ACPI_NEW
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
boot_gdtr:
	.word SEL_TSS - 1
	.long PHYS(trampoline_gdt)

	/* 4 GiB in 2 MiB pages: present, writable, large. The same four tables at 0, in the direct
	 * map, and (the first) at the image's place. */
	.data
	.balign 4096
boot_pml4:
	.quad PHYS(boot_pdpt) + 3
	.fill ((DIRECT_MAP_BASE >> 39) & 511) - 1, 8, 0
	.quad PHYS(boot_pdpt) + 3
	.fill 510 - ((DIRECT_MAP_BASE >> 39) & 511), 8, 0
	.quad PHYS(boot_pdpt_image) + 3
boot_pdpt:
	.quad PHYS(boot_pd) + 3, PHYS(boot_pd) + 0x1003
	.quad PHYS(boot_pd) + 0x2003, PHYS(boot_pd) + 0x3003
	.fill 508, 8, 0
boot_pdpt_image:
	.fill 510, 8, 0
	.quad PHYS(boot_pd) + 3, 0
boot_pd:
	.set page, 0x83
	.rept 4 * 512
	.quad page
	.set page, page + 0x200000
	.endr

	.section .note.GNU-stack, "", @progbits
