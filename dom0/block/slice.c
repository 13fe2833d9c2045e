/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of a request's memory. */
#include <dom0/block/slice.h>

#include <string.h>

/* The segment in which the piece begins, *skip bytes in. */
static const struct block_segment *first_of(const struct block_request *r, u64 from, u64 *skip)
{
	const struct block_segment *s = r->segments;

	*skip = (from - r->sector) * BLOCK_SECTOR;
	for (; *skip >= s->bytes; s++)
		*skip -= s->bytes;
	return s;
}

unsigned int block_slice(const struct block_request *r, u64 from, u64 count,
			 struct block_segment *out)
{
	u64 left = count * BLOCK_SECTOR, skip;
	const struct block_segment *s = first_of(r, from, &skip);
	unsigned int n = 0;

	for (; left; s++, n++) {
		u64 bytes = min_u64(left, s->bytes - skip);

		out[n] = (struct block_segment){
			.bus = s->bus + skip,
			.cpu = s->cpu ? (u8 *)s->cpu + skip : NULL,
			.bytes = (u32)bytes,
		};
		left -= bytes;
		skip = 0;
	}
	return n;
}

bool block_slice_zero(const struct block_request *r, u64 from, u64 count)
{
	u64 left = count * BLOCK_SECTOR, skip;
	const struct block_segment *s = first_of(r, from, &skip);

	for (; left; s++) {
		u64 bytes = min_u64(left, s->bytes - skip);

		if (!s->cpu)
			return false;
		memset((u8 *)s->cpu + skip, 0, bytes);
		left -= bytes;
		skip = 0;
	}
	return true;
}
