/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk for host tests: it keeps what is written, reaches memory by bus addresses only, completes
 * in random order, and fails the test on a request beyond its limits. */
#ifndef FAKE_BLOCK_FAKE_H
#define FAKE_BLOCK_FAKE_H

#include <drivers/block.h>

#define BLOCK_FAKE_QUEUE 4096u

struct block_fake {
	struct block_device dev; /* first; the test sets limits before it adds it */
	u8 *data;
	struct block_request *queue[BLOCK_FAKE_QUEUE];
	unsigned int queued;
	bool at_once;             /* completes in submit() */
	unsigned int fail_one_in; /* 0: never fails */
	u64 bad_sector;           /* requests that touch it fail; ~0: none */
	bool gone;                /* everything ends with BLOCK_GONE */
	unsigned int requests, kicks, flushes, failed;
	bool unkicked; /* a request came after the last kick */
};

/* Numbers that are random, and the same in each run. */
u64 fake_random(u64 below);
void block_fake_init(struct block_fake *f, u64 sectors, u32 sector_size);
void block_fake_free(struct block_fake *f);
/* Completes one of its requests. false: it has none. */
bool block_fake_complete(struct block_fake *f);
/* A bus address beyond 4 GiB of p, unlike paging_gpa()'s, which are below. */
u64 fake_high_bus(const void *p);
/* Lines of the log so far; empty it by writing a NUL to the first byte. */
extern char fake_log[65536];

#endif
