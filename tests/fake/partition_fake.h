/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables for host tests, written by the book. */
#ifndef FAKE_PARTITION_FAKE_H
#define FAKE_PARTITION_FAKE_H

#include <core/types.h>

struct gpt_part {
	u64 first, last;  /* the disk's sectors */
	u8 id;            /* its unique GUID is this byte 16 times */
	const char *name; /* ASCII */
};

struct gpt_maker {
	u8 *disk;
	u64 sectors; /* of sector_size */
	u32 sector_size;
	u32 entries, entry_size;
	u64 first_usable, last_usable;
};

/* Both copies and the protective MBR; parts go to the entries 0, 1... */
void gpt_make(struct gpt_maker *m, const struct gpt_part *parts, unsigned int count);
/* Makes the checksums of the copy whose header is at lba right again. */
void gpt_seal(const struct gpt_maker *m, u64 lba);
/* The entries of the copy whose header is at lba. */
u8 *gpt_entries(const struct gpt_maker *m, u64 lba);
/* One of the four entries of an MBR or a link of the chain, and the signature. */
void mbr_put(u8 *sector, unsigned int i, u8 type, u32 start, u32 count);
void put_le32(u8 *p, u32 v);
void put_le64(u8 *p, u64 v);

#endif
