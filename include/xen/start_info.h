/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PVH guest finds at EBX on its first instruction, and the notes a kernel carries. */
#ifndef XEN_START_INFO_H
#define XEN_START_INFO_H

#include <stddef.h>
#include <stdint.h>

#define XEN_HVM_START_MAGIC 0x336EC578u
#define SIF_PRIVILEGED      (1u << 0)
#define SIF_INITDOMAIN      (1u << 1)

struct hvm_start_info {
	uint32_t magic;
	uint32_t version; /* 1 */
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};
struct hvm_modlist_entry {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
};
struct hvm_memmap_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};
#define XEN_HVM_MEMMAP_RAM      1u
#define XEN_HVM_MEMMAP_RESERVED 2u
#define XEN_HVM_MEMMAP_NVS      4u

#define XEN_ELFNOTE_FEATURES     17u
#define XEN_ELFNOTE_PHYS32_ENTRY 18u
#define XEN_ELFNOTE_PHYS32_RELOC 19u

_Static_assert(sizeof(struct hvm_start_info) == 56, "ABI");
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "ABI");
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "ABI");

#endif
