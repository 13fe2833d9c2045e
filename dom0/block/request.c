/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on their way to a device: checked, and passed on at once where the device takes them as
 * they are. */
#include <dom0/block/block_internal.h>

enum verdict { BAD, FITS, TO_BE_CUT };

/* One look at each segment. What a device does not take as it is adds bits to `over`. */
static enum verdict judge_data(const struct block_use *u, const struct block_request *r)
{
	const struct block_limits *l = &u->limits;
	u64 bytes = 0, over = 0, joints = 0;

	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];
		u64 last = s->bus + s->bytes - 1;

		if (!s->bytes || s->bytes % BLOCK_SECTOR || last < s->bus ||
		    (u->view.needs_cpu && !s->cpu))
			return BAD;
		bytes += s->bytes;
		over |= ((s->bus ^ last) & ~l->boundary) | (s->bus & l->bus_mask);
		over |= (u64)(s->bytes > l->max_segment) | (u64)(last > l->address_limit);
		joints |= i ? s->bus : 0;
		joints |= i + 1 < r->segment_count ? last + 1 : 0;
	}
	if (bytes / BLOCK_SECTOR != r->count || !r->count)
		return BAD;
	over |= (joints & l->page_mask) | (u64)(bytes > l->max_bytes);
	return over || r->segment_count > l->max_segments ? TO_BE_CUT : FITS;
}

static bool in_bounds(const struct block_use *u, const struct block_request *r)
{
	return r->count <= u->view.sectors && r->sector <= u->view.sectors - r->count;
}

static void submit_data(struct block_use *u, struct block_request *r)
{
	enum verdict v = BAD;

	if (in_bounds(u, r) && ((r->sector | r->count) & u->limits.sector_mask) == 0)
		v = judge_data(u, r);
	if (v == BAD)
		r->done(r, BLOCK_INVALID);
	else if (v == FITS && !u->start)
		u->dev->ops->submit(u->dev, r);
	else if (v != FITS || !split_pass(u, r))
		split_submit(u, r);
}

static void submit_flush(struct block_use *u, struct block_request *r)
{
	if (!u->view.write_cache)
		r->done(r, BLOCK_OK);
	else if (!split_pass(u, r))
		split_submit(u, r);
}

static void submit_discard(struct block_use *u, struct block_request *r)
{
	if (u->view.read_only || !in_bounds(u, r))
		r->done(r, BLOCK_INVALID);
	else if (!u->view.discard)
		r->done(r, BLOCK_UNSUPPORTED);
	else
		split_submit(u, r);
}

void block_submit(struct block_use *u, struct block_request *r)
{
	if (unlikely(!u->dev)) {
		r->done(r, BLOCK_GONE);
		return;
	}
	switch (r->op) {
	case BLOCK_WRITE:
		if (u->view.read_only) {
			r->done(r, BLOCK_INVALID);
			return;
		}
		submit_data(u, r);
		return;
	case BLOCK_READ:
		submit_data(u, r);
		return;
	case BLOCK_FLUSH:
		submit_flush(u, r);
		return;
	case BLOCK_DISCARD:
		submit_discard(u, r);
		return;
	}
	r->done(r, BLOCK_UNSUPPORTED);
}

void block_kick(struct block_use *u)
{
	if (u->dev && u->dev->ops->kick)
		u->dev->ops->kick(u->dev);
}
