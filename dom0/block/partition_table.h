/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables: GPT and MBR. What a table says is checked against the disk before it counts. */
#ifndef DOM0_BLOCK_PARTITION_TABLE_H
#define DOM0_BLOCK_PARTITION_TABLE_H

#include <core/types.h>

#define PARTITIONS_MAX      128u
#define PARTITION_LABEL_MAX (37 * 3) /* bytes with the NUL: 36 characters in UTF-8 */
#define PARTITION_UUID_MAX  37

struct partition {
	unsigned int number; /* 1... */
	u64 start, count;    /* BLOCK_SECTOR */
	char label[PARTITION_LABEL_MAX], uuid[PARTITION_UUID_MAX];
};

struct partition_table {
	const char *kind; /* "GPT", "MBR" or NULL: none */
	unsigned int count;
	struct partition parts[PARTITIONS_MAX];
};

/* The disk as the readers see it. */
struct partition_disk {
	u64 sectors; /* BLOCK_SECTOR */
	u32 sector_size;
	/* bytes: whole sectors of the disk. false: not readable. */
	bool (*read)(void *ctx, u64 sector, void *data, size_t bytes);
	/* A line about something that is wrong. */
	void (*log)(void *ctx, const char *text);
	void *ctx;
};

/* false: the disk could not be read, or out of memory; t is not filled in then. A disk without a
 * table has no partitions. */
bool partition_table_read(const struct partition_disk *d, struct partition_table *t) must_use;

/* --- for the readers --- */

void partition_log(const struct partition_disk *d, const char *fmt, ...) printf_like(2, 3);
/* Adds one, start and count in the disk's own sectors, unless it leaves the range from first to
 * last (included) or the disk, or overlaps another: then a line says so. */
struct partition *partition_add(const struct partition_disk *d, struct partition_table *t,
				unsigned int number, u64 start, u64 count, u64 first, u64 last);
/* One sector of the disk, in its own numbering. */
bool partition_read_sector(const struct partition_disk *d, u64 lba, void *data) must_use;

/* Reads the GPT at the disk's beginning, or that at its end. false: there is none that holds. */
bool gpt_read(const struct partition_disk *d, struct partition_table *t) must_use;
enum mbr_kind { MBR_NONE, MBR_PROTECTIVE, MBR_TABLE };
/* What a disk's first sector is. */
enum mbr_kind mbr_kind_of(const u8 *sector) must_use;
/* The partitions of the MBR in sector. false: out of memory. */
bool mbr_read(const struct partition_disk *d, const u8 *sector, struct partition_table *t) must_use;

static inline u32 partition_le32(const u8 *p)
{
	return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}
static inline u64 partition_le64(const u8 *p)
{
	return partition_le32(p) | (u64)partition_le32(p + 4) << 32;
}

#endif
