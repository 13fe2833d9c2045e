/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a guest's pieces go in its memory, and the start info that tells it so. */
#ifndef DOM0_BUILDER_START_INFO_H
#define DOM0_BUILDER_START_INFO_H

#include <core/types.h>
#include <dom0/builder/error.h>

/* RAM below 4 GiB ends here at the latest; the rest begins at 4 GiB. */
#define GUEST_LOWMEM_MAX 0xF0000000ull
/* xenstore and console rings, and room for more of their kind. */
#define GUEST_SPECIAL_GPA  0xFEFF8000ull
#define GUEST_SPECIAL_SIZE 0x8000ull
#define GUEST_XENSTORE_GFN 0xFEFFCull
#define GUEST_CONSOLE_GFN  0xFEFFFull
/* Longest command line, without its end. Linux keeps this much and drops the rest. */
#define GUEST_CMDLINE_MAX 2047u

struct guest_layout {
	u64 lowmem_size;  /* RAM from 0 */
	u64 highmem_size; /* RAM from 4 GiB, or 0 */
	u64 acpi_size;    /* at ACPI_TABLES_GPA, whole pages */
	gpa_t start_info; /* page-aligned, below 1 GiB */
	u64 start_info_size;
	gpa_t initrd; /* page-aligned, below 4 GiB; 0 if there is none */
	u64 initrd_size;
};

/* Plans a guest of memory bytes of RAM (whole pages) around a kernel that occupies
 * [kernel_start, kernel_end). Start info and then the initrd come right above the kernel, as
 * guests expect from Xen. -ENOMEM with a text (asked, needed) if they do not fit in RAM below
 * 4 GiB; -EINVAL for a command line that is too long or a kernel too high for a start info
 * below 1 GiB. */
int guest_layout_plan(struct guest_layout *layout, u64 memory, u64 kernel_start, u64 kernel_end,
		      u64 initrd_size, size_t cmdline_len, unsigned int vcpus,
		      struct build_error *err) must_use;

/* Writes the layout->start_info_size bytes that the guest will find at layout->start_info:
 * hvm_start_info, module list, memory map, command line. EBX gets layout->start_info.
 * cmdline is as long as in the plan, at most. -ENOSPC if size is too small. */
int start_info_build(void *buffer, u64 size, const struct guest_layout *layout, gpa_t rsdp,
		     const char *cmdline) must_use;

#endif
