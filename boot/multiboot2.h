/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot loader told: copied out of its memory, checked, bounded. Multiboot2 Specification
 * 2.0, "Boot information format". */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include <core/types.h>

#define MULTIBOOT2_MAGIC 0x36d76289u /* in EAX at entry */

#define BOOT_MAX_RANGES  256u
#define BOOT_MAX_MODULES 512u
#define BOOT_STRINGS     32768u /* bytes for all command lines together */
#define BOOT_RSDP_MAX    36u

/* Types of the memory map, as the firmware has them. */
#define BOOT_MEM_RAM  1u
#define BOOT_MEM_ACPI 3u /* tables; RAM once they are read */
#define BOOT_MEM_NVS  4u

struct boot_range {
	u64 start, end; /* bytes, end exclusive */
	u32 type;
};
struct boot_module {
	u64 start, end;      /* physical, end exclusive, page-aligned start */
	const char *cmdline; /* into boot_info.strings, NUL-terminated */
};
struct boot_info {
	struct boot_range ranges[BOOT_MAX_RANGES]; /* sorted by start */
	u32 range_count;
	struct boot_module modules[BOOT_MAX_MODULES]; /* in the loader's order */
	u32 module_count;
	const char *cmdline; /* "" if none */
	const char *loader;
	u8 rsdp[BOOT_RSDP_MAX];
	u32 rsdp_size; /* 0: none; 20 or 36 */
	char strings[BOOT_STRINGS];
	u32 strings_used;
};

/* Parses the `size` bytes at mbi. Returns NULL, or what is wrong, in words; info is then not to be
 * used. Overlapping memory ranges are kept; the caller treats a byte as RAM only if no other type
 * claims it (boot_ram_next()). */
must_use const char *multiboot2_parse(struct boot_info *info, const void *mbi, size_t size);

/* RAM by elimination: finds the first stretch of [from, ...) that is RAM in the map and claimed by
 * nothing else (no other type, no module), and sets [*start, *end). False at the end. */
bool boot_ram_next(const struct boot_info *info, u64 from, u64 *start, u64 *end);
/* Does the map call any byte of [start, end) RAM, whatever else claims it? */
bool boot_overlaps_ram(const struct boot_info *info, u64 start, u64 end);

#endif
