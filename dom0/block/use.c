/* SPDX-License-Identifier: BSD-2-Clause */
/* Openings of devices: what a user sees of a device, and who keeps whom out. */
#include <dom0/block/block_internal.h>

#include <stdio.h>
#include <stdlib.h>

/* What one opening adds to the memory for parts of requests. */
#define PARTS_EACH 32u
/* Where a device does not say how much it discards at a time: every kind's command takes this. */
#define DISCARD_SECTORS (MIB(16) / BLOCK_SECTOR)

static u64 or_none(u64 limit)
{
	return limit ? limit : ~0ull;
}

static struct block_limits limits_of(const struct block_device *d)
{
	u32 sectors = d->sector_size / BLOCK_SECTOR;
	u64 granularity = d->discard_granularity / BLOCK_SECTOR;
	u64 max_discard = d->max_discard ? d->max_discard : DISCARD_SECTORS;

	granularity = max_u64(granularity, sectors);
	return (struct block_limits){
		.page_mask = d->page_mask,
		.boundary = or_none(d->segment_boundary),
		.address_limit = or_none(d->address_limit),
		.granularity = granularity,
		.max_discard = max_u64(max_discard - max_discard % granularity, granularity),
		/* What all the controllers' descriptors can say; memory of the processor's own
		 * copying may lie anywhere. */
		.bus_mask = d->needs_cpu ? 0 : 3,
		.max_bytes =
			(u32)align_down(min_u64(or_none(d->max_bytes), 0xFFFFFFFF), d->sector_size),
		.max_segment = (u32)min_u64(or_none(d->max_segment), 0xFFFFFFFF),
		.max_segments = (unsigned int)min_u64(or_none(d->max_segments), 0xFFFFFFFF),
		.sector_bytes = d->sector_size,
		.sector_mask = sectors - 1,
	};
}

void use_refresh(struct block_use *u)
{
	struct block_device v = *node_device(u->node);

	u->limits = limits_of(u->node->dev);
	if (u->limits.address_limit < block_memory_end())
		v.needs_cpu = true;
	v.ops = NULL;
	v.owner = NULL;
	v.read_only = v.read_only || !u->write;
	v.max_segments = 0;
	v.max_bytes = v.max_segment = 0;
	v.page_mask = v.segment_boundary = v.max_discard = 0;
	v.address_limit = ~0ull;
	u->view = v;
}

struct block_use *use_new(struct block_node *n, bool write, const char *holder)
{
	struct block_use *u = calloc(1, sizeof(*u));

	if (!u || !split_reserve(n->level, PARTS_EACH)) {
		free(u);
		return NULL;
	}
	u->node = n;
	u->dev = n->dev;
	u->start = n->start;
	u->level = n->level;
	u->write = write;
	snprintf(u->holder, sizeof(u->holder), "%s", holder);
	use_refresh(u);
	u->next = n->uses;
	n->uses = u;
	return u;
}

void use_free(struct block_use *u)
{
	if (u->node)
		for (struct block_use **l = &u->node->uses; *l; l = &(*l)->next)
			if (*l == u) {
				*l = u->next;
				break;
			}
	split_gone(u);
	split_unreserve(u->level, PARTS_EACH);
	free(u);
}

void use_gone(struct block_use *u)
{
	u->node = NULL;
	u->dev = NULL;
	u->next = NULL;
	split_gone(u);
	if (u->changed)
		u->changed(u->changed_ctx, BLOCK_WENT_AWAY);
}

/* Who has n open in a way that keeps another one out. */
static const struct block_use *obstacle(const struct block_node *n, bool write)
{
	for (const struct block_use *u = n->uses; u; u = u->next)
		if (!u->hidden && (u->write || write))
			return u;
	return NULL;
}

static bool conflict(const struct block_node *n, const struct block_node *asked, bool write,
		     char why[BLOCK_WHY_MAX])
{
	const struct block_use *u = obstacle(n, write);
	const char *how = u && u->write ? "writing" : "reading";

	if (!u)
		return false;
	if (n == asked)
		snprintf(why, BLOCK_WHY_MAX, "%s is in use for %s by %s", n->title, how, u->holder);
	else if (n == asked->parent)
		snprintf(why, BLOCK_WHY_MAX, "%s, which %s is a part of, is in use for %s by %s",
			 n->title, asked->title, how, u->holder);
	else
		snprintf(why, BLOCK_WHY_MAX, "%s, a part of %s, is in use for %s by %s", n->title,
			 asked->title, how, u->holder);
	return true;
}

bool use_allowed(const struct block_node *n, bool write, char why[BLOCK_WHY_MAX])
{
	if (conflict(n, n, write, why) || (n->parent && conflict(n->parent, n, write, why)))
		return false;
	for (const struct block_node *p = node_first(); p; p = p->next)
		if (p->parent == n && conflict(p, n, write, why))
			return false;
	return true;
}
