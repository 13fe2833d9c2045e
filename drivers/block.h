/* SPDX-License-Identifier: BSD-2-Clause */
/* Block devices: what drivers offer, and what the block layer and the back ends use.
 * Single-threaded; everything runs in the control domain's event loop. */
#ifndef DRIVERS_BLOCK_H
#define DRIVERS_BLOCK_H

#include <core/types.h>

#define BLOCK_SECTOR \
	512u /* bytes; the unit of all sector numbers and counts, whatever the medium's */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };

enum block_status {
	BLOCK_OK,
	BLOCK_ERROR,       /* the medium or the device failed, retries included */
	BLOCK_GONE,        /* the device was removed */
	BLOCK_UNSUPPORTED, /* no such operation on this device */
	BLOCK_INVALID,     /* outside the device, not aligned to its sectors, read-only */
	BLOCK_NO_SPACE,    /* a thin device cannot grow */
};

/* One piece of memory. cpu is NULL where only devices reach it (see needs_cpu). bytes is a multiple
 * of BLOCK_SECTOR and the piece does not cross a 4 KiB page unless it is contiguous for the device.
 */
struct block_segment {
	u64 bus; /* the device's address */
	void *cpu;
	u32 bytes;
};

struct block_request {
	enum block_op op;
	u64 sector;
	u64 count; /* sectors; for reads and writes the sum of the segments. 0 for a flush */
	const struct block_segment *segments; /* the submitter's, until done */
	unsigned int segment_count;
	/* Called once for each submitted request, maybe before submit() returns. The request is the
	 * submitter's again and may be used anew at once. */
	void (*done)(struct block_request *r, enum block_status status);
	void *ctx; /* the submitter's */
	/* While submitted, these belong to the device that has it. */
	struct block_request *next;
	u64 deadline;
	u32 tag;
};

struct block_device;

struct block_device_ops {
	/* Takes a request that is within the limits below; it may wait in the device's own queue.
	 */
	void (*submit)(struct block_device *b, struct block_request *r);
	/* Ends a batch of submit() calls: what was held back to be told to the hardware in one go.
	 */
	void (*kick)(struct block_device *b);
};

/* Filled in by who offers the device, before it is added; constant while it is there, but for
 * `sectors`, which may change (the block layer is told by block_add() of the changed device). */
struct block_device {
	const struct block_device_ops *ops;
	void *owner; /* who offers it: a driver's own */
	u64 sectors;
	u32 sector_size, physical_sector_size; /* bytes: 512 or more, powers of two */
	bool read_only;
	bool removable;
	bool needs_cpu;   /* segments must have cpu set */
	bool write_cache; /* writes are on the medium only after BLOCK_FLUSH; else flush is a no-op
			   */
	bool discard;
	u32 discard_granularity; /* bytes, if discard */
	/* Limits of one request. 0: none. */
	u64 max_discard; /* sectors of one discard; 0: 16 MiB */
	unsigned int max_segments;
	u32 max_bytes;   /* of all segments together */
	u32 max_segment; /* bytes of one segment */
	u64 page_mask; /* 0, or e.g. 4095: only the first segment may begin, only the last may end,
			* within such a page (NVMe's PRP lists) */
	u64 segment_boundary;       /* 0, or e.g. 65535: no segment crosses such a boundary (IDE) */
	u64 address_limit;          /* the highest bus address that it reaches, e.g. 0xFFFFFFFF */
	unsigned int queue_depth;   /* how many requests the hardware works on at a time */
	char serial[41], model[41]; /* may be empty */
};

#endif
