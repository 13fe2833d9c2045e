/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks an ELF kernel with a PVH note and puts it into a guest's memory. */
#ifndef DOM0_BUILDER_ELF_H
#define DOM0_BUILDER_ELF_H

#include <core/types.h>
#include <dom0/builder/error.h>

#define ELF_SEGMENTS_MAX 32u

/* One PT_LOAD with memory, by physical address. */
struct elf_segment {
	u64 offset;  /* in the file */
	u64 gpa;     /* p_paddr */
	u64 filesz;  /* bytes from the file, */
	u64 memsz;   /* then zeroes up to here */
	u32 program; /* index of the program header, for messages */
};

struct elf_image {
	const u8 *data; /* the caller's */
	u64 size;
	struct elf_segment segments[ELF_SEGMENTS_MAX]; /* sorted by gpa, disjoint */
	unsigned int segment_count;
	u64 start, end;   /* guest physical range from first to last segment */
	u64 entry;        /* PHYS32_ENTRY, inside a segment, under 4 GiB */
	u32 features;     /* note 17, or 0 */
	bool relocatable; /* note 19 is there; the loader does not make use of it */
	u32 reloc_align, reloc_min, reloc_max;
};

/* A piece of guest-physical memory that is RAM. */
struct elf_ram {
	u64 start;
	u64 size;
};

/* How bytes reach the guest. Both return 0 or a negative errno, which ends the loading. */
struct elf_sink {
	int (*store)(void *ctx, u64 gpa, const void *data, u64 len);
	int (*zero)(void *ctx, u64 gpa, u64 len);
	void *ctx;
};

/* Parses the size bytes at data. -EINVAL with a text if this is no sound ELF32 or ELF64 for x86
 * or has no PVH entry note. data must outlive elf. */
int elf_open(struct elf_image *elf, const void *data, u64 size, struct build_error *err) must_use;

/* Whether all segments lie in the guest's RAM; -ENOMEM with a text if one does not. */
int elf_check_memory(const struct elf_image *elf, const struct elf_ram *ram, unsigned int count,
		     struct build_error *err) must_use;

#define ELF_NOT_IN_GUEST (~0ull)
/* Stores the segments in ascending order of gpa. If the file's bytes themselves lie in this
 * guest's memory (unpacked there for want of room), source_gpa tells where; else
 * ELF_NOT_IN_GUEST. A source that the loading would overwrite before its use is refused with
 * -ENOMEM before anything is stored; one placed above the last segment always works. */
int elf_load(const struct elf_image *elf, const struct elf_sink *sink, u64 source_gpa,
	     struct build_error *err) must_use;

#endif
