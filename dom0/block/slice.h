/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of a request's memory, for devices that pass parts of a request on to others. */
#ifndef DOM0_BLOCK_SLICE_H
#define DOM0_BLOCK_SLICE_H

#include <drivers/block.h>

/* Describes the memory of `count` sectors from sector `from` on, within r, by at most as many
 * segments as r has. Returns how many. */
unsigned int block_slice(const struct block_request *r, u64 from, u64 count,
			 struct block_segment *out);
/* Fills it with zeroes. false: it has no cpu address. */
bool block_slice_zero(const struct block_request *r, u64 from, u64 count) must_use;

#endif
