/* SPDX-License-Identifier: BSD-2-Clause */
/* libext2fs's way to the medium: its io_manager over a block device, with a small cache in which
 * changes wait until they are written back in an order that the caller chooses. */
#ifndef DOM0_FS_IO_BLOCK_H
#define DOM0_FS_IO_BLOCK_H

#include <dom0/fs/libext2fs.h>
#include <dom0/block/block.h>

#define IO_CACHE_BYTES (256u << 10) /* of what can be read again */

struct io_entry {
	struct io_entry *next; /* the most recently used first */
	u64 unit;
	bool dirty;
	u8 rank; /* the order of writing back, the lowest first: enum io_rank */
	u8 *data;
};

/* One device. The owner registers it under a name before ext2fs_open() is called with that. */
struct io_block {
	struct io_block *next;
	const char *name;
	struct block_use *use;
	u32 unit_bytes;
	struct io_entry *entries;
	unsigned int count, dirty;
	bool hold;    /* nothing dirty reaches the medium but by io_block_write_back() */
	bool written; /* since the last device flush */
	bool failed;  /* a write did: what is on the medium is not known */
};

/* What must be on the medium before what else. */
enum io_rank {
	IO_FRESH, /* nothing on the medium refers to it yet; or it must be there before what does */
	IO_USUAL,
	IO_LATE, /* says that something is free that IO_USUAL gave up */
};

extern io_manager io_block_manager;

void io_block_register(struct io_block *io);
/* Forgets what the cache has, dirty or not. */
void io_block_unregister(struct io_block *io);
/* Writes what is dirty and of no higher rank to its place; no flush. */
errcode_t io_block_write_back(struct io_block *io, enum io_rank most) must_use;
/* A flush of the device. */
errcode_t io_block_flush(struct io_block *io) must_use;
/* Sets the rank of a block that is cached and dirty, until it is written back. */
void io_block_rank(struct io_block *io, u64 unit, enum io_rank rank);
/* Drops what is cached of blocks that are written by somebody else from now on. */
void io_block_forget(struct io_block *io, u64 first, u64 count);
/* What a status of the block layer is in libext2fs's terms. */
errcode_t io_block_error(enum block_status status);

#endif
