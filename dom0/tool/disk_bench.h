/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures a disk from the control domain: no guest, ring or grant in between. */
#ifndef DOM0_TOOL_DISK_BENCH_H
#define DOM0_TOOL_DISK_BENCH_H

#include <core/types.h>

struct disk_bench {
	char device[128]; /* as for block_open() */
	bool write, random;
	u32 bytes; /* of each request */
	u32 depth; /* requests at a time */
	u32 count; /* requests altogether */
};

/* Begins; the result is one line of the log. false: one is running, or out of memory. */
bool disk_bench_start(const struct disk_bench *b) must_use;

#endif
