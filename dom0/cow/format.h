/* SPDX-License-Identifier: BSD-2-Clause */
/* The format of overlays on the medium; README.md explains it. All numbers are little-endian. */
#ifndef DOM0_COW_FORMAT_H
#define DOM0_COW_FORMAT_H

#include <stddef.h>
#include <core/types.h>

#define COW_MAGIC            0x31574F434E494C50ull /* "PLINCOW1" */
#define COW_RECORD_MAGIC     0x52434C50u           /* "PLCR" */
#define COW_VERSION          1u
#define COW_SECTOR           512u
#define COW_HEADER_SECTOR(i) ((u64)(i)*8) /* of the two headers, each in 4 KiB of its own */
#define COW_ZERO_CLUSTER     1u           /* of the overlay: zeroes */
#define COW_FIRST_CLUSTER    2u
#define COW_SHIFT_MIN        16u
#define COW_SHIFT_MAX        22u
#define COW_CLUSTERS_MAX     262144u /* of the disk: the map has 4 bytes for each */
#define COW_ZERO             0xFFFFFFFFu
#define COW_RECORD_MAX       4096u

struct cow_header {
	u64 magic;
	u32 version;
	u32 shift;      /* a cluster has 2^shift bytes */
	u64 generation; /* of the two headers the one with the higher one holds */
	u64 sectors;    /* of the disk */
	u64 base_sectors;
	u8 base_id[32];
	u64 log;          /* the cluster in which the log begins */
	u64 sequence;     /* of its first record */
	u32 record_bytes; /* 512 to 4096, a power of two */
	u8 reserved[COW_SECTOR - 96];
	u32 checksum; /* CRC-32C of what comes before */
};
_Static_assert(sizeof(struct cow_header) == COW_SECTOR, "a header is a sector");

struct cow_entry {
	u32 cluster; /* of the disk */
	u32 place;   /* of the overlay; COW_ZERO: reads as zeroes */
};

/* The head of a record; entries follow, and its last 4 bytes are the CRC-32C of what comes before
 * them. */
struct cow_record {
	u32 magic;
	u32 count;
	u64 sequence;
	u32 next;     /* 0; in a cluster's last record where the log goes on */
	u32 previous; /* checksum of the record, or at first the header, before */
};
_Static_assert(sizeof(struct cow_record) == 24, "as documented");

u32 cow_crc32c(const void *data, size_t bytes);

#endif
