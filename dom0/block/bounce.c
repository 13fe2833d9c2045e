/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for data that a device does not reach where it is. */
#include <dom0/block/block_internal.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/entry/paging.h>

#define BUFFERS 16u

static u8 *base; /* aligned; made at the first need and kept */
static u8 *spare[BUFFERS];
static unsigned int spare_count;

static bool make(void)
{
	u8 *p = base ? NULL : malloc((BUFFERS + 1) * BOUNCE_BYTES);

	if (!p)
		return base != NULL;
	base = p + (BOUNCE_BYTES - ((uintptr_t)p & (BOUNCE_BYTES - 1)));
	for (unsigned int i = 0; i < BUFFERS; i++)
		spare[spare_count++] = base + (size_t)i * BOUNCE_BYTES;
	return true;
}

bool bounce_reaches(u64 address_limit)
{
	return make() && paging_gpa(base).v + BUFFERS * BOUNCE_BYTES - 1 <= address_limit;
}

void *bounce_take(u64 address_limit, u64 *bus)
{
	void *p;

	if (!bounce_reaches(address_limit) || !spare_count)
		return NULL;
	p = spare[--spare_count];
	*bus = paging_gpa(p).v;
	return p;
}

void bounce_put(void *p)
{
	spare[spare_count++] = p;
}

bool bounce_possible(const struct block_request *r, unsigned int segment, u32 offset, u32 bytes)
{
	for (; bytes && segment < r->segment_count; segment++, offset = 0) {
		if (!r->segments[segment].cpu)
			return false;
		bytes -= (u32)min_u64(bytes, r->segments[segment].bytes - offset);
	}
	return bytes == 0;
}

void bounce_copy(const struct block_request *r, unsigned int segment, u32 offset, void *p,
		 u32 bytes, bool to_request)
{
	u8 *at = p;

	for (; bytes && segment < r->segment_count; segment++, offset = 0) {
		const struct block_segment *s = &r->segments[segment];
		u32 n = (u32)min_u64(bytes, s->bytes - offset);
		u8 *theirs = (u8 *)s->cpu + offset;

		if (to_request)
			memcpy(theirs, at, n);
		else
			memcpy(at, theirs, n);
		at += n;
		bytes -= n;
	}
}
