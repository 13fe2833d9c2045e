/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that a device does not take as they are, cut into parts that it takes.
 *
 * A part describes one request to the device. The first part of a request is its head: it counts
 * the others and stays until the request ends. Parts come from a pool that grows as more devices
 * are open than ever before. Each use has at most one request that is being cut; its head can
 * always carry the next part once its own is done, so requests go on even when all other parts are
 * taken by heads: there is no deadlock. Uses take turns, a part each. */
#include <dom0/block/block_internal.h>

#include <stdlib.h>

#define PART_SEGMENTS 16u
#define PARTS_MAX     65536u

struct part {
	struct block_request r;
	struct part *next; /* in the pool */
	struct part *head;
	struct block_use *use;
	struct cut from; /* where it begins in the request */
	void *bounce;    /* its data goes through this memory */
	bool busy;       /* the device has it */
	/* Of a head: */
	struct block_request *whole;
	unsigned int pending; /* parts that the device has */
	bool all_issued;
	enum block_status status; /* the first that was not good */
	struct block_segment own[PART_SEGMENTS];
};

/* One for each level: a file's parts wait for its partition's, never the other way round. */
static struct {
	struct part *spare;
	unsigned int total, wanted;
} pools[BLOCK_LEVELS];
static struct block_use *turns, *turns_last;
static bool pumping;

bool split_reserve(unsigned int level, unsigned int parts)
{
	struct part *chunk;

	pools[level].wanted += parts;
	if (pools[level].wanted <= pools[level].total || pools[level].total + parts > PARTS_MAX)
		return true;
	chunk = calloc(parts, sizeof(*chunk));
	if (!chunk) {
		pools[level].wanted -= parts;
		return false;
	}
	for (unsigned int i = 0; i < parts; i++) {
		chunk[i].next = pools[level].spare;
		pools[level].spare = &chunk[i];
	}
	pools[level].total += parts;
	return true;
}

void split_unreserve(unsigned int level, unsigned int parts)
{
	pools[level].wanted -= parts;
}

static struct part *take(struct block_use *u)
{
	struct part *p = pools[u->level].spare;

	if (p) {
		pools[u->level].spare = p->next;
		p->use = u;
	}
	return p;
}

static void put(struct part *p)
{
	p->next = pools[p->use->level].spare;
	pools[p->use->level].spare = p;
}

/* --- whose turn it is --- */

static void turn_add(struct block_use *u)
{
	if (u->has_turn)
		return;
	u->has_turn = true;
	u->next_turn = NULL;
	if (turns)
		turns_last->next_turn = u;
	else
		turns = u;
	turns_last = u;
}

static void turn_remove(struct block_use *u)
{
	struct block_use *before = NULL, *i = turns;

	if (!u->has_turn)
		return;
	while (i != u) {
		before = i;
		i = i->next_turn;
	}
	if (before)
		before->next_turn = u->next_turn;
	else
		turns = u->next_turn;
	if (turns_last == u)
		turns_last = before;
	u->has_turn = false;
}

static bool wants_turn(const struct block_use *u)
{
	return u->cut.head || u->waiting;
}

/* --- one part --- */

static void end_head(struct part *head)
{
	struct block_request *whole = head->whole;
	enum block_status status = head->status;

	put(head);
	whole->done(whole, status);
}

/* No further part of it is issued. */
static void stop_cutting(struct part *head)
{
	struct block_use *u = head->use;

	head->all_issued = true;
	if (u->cut.head == head)
		u->cut.head = NULL;
}

static void fail(struct part *head, enum block_status status)
{
	if (head->status == BLOCK_OK)
		head->status = status;
	stop_cutting(head);
}

static void pump(const struct block_device *kicked_later);

static void part_done(struct block_request *r, enum block_status status)
{
	struct part *p = r->ctx, *head = p->head;

	if (p->bounce) {
		if (r->op == BLOCK_READ && status == BLOCK_OK)
			bounce_copy(head->whole, p->from.segment, p->from.offset, p->bounce,
				    (u32)(r->count * BLOCK_SECTOR), true);
		bounce_put(p->bounce);
		p->bounce = NULL;
	}
	p->busy = false;
	if (status != BLOCK_OK)
		fail(head, status);
	if (p != head)
		put(p);
	if (--head->pending == 0 && head->all_issued)
		end_head(head);
	if (turns)
		pump(NULL);
}

/* How much of segment s, from offset on, may be one segment for the device; 0: it does not reach
 * it. */
static u32 reach(const struct block_limits *l, const struct block_segment *s, u32 offset)
{
	u64 bus = s->bus + offset, n = min_u64(s->bytes - offset, l->max_segment);

	if (bus & l->bus_mask || bus > l->address_limit)
		return 0;
	if (n - 1 > l->address_limit - bus)
		n = l->address_limit - bus + 1;
	if (n - 1 > l->boundary - (bus & l->boundary))
		n = l->boundary - (bus & l->boundary) + 1;
	return (u32)align_down(n, BLOCK_SECTOR);
}

/* The segments of r from the cut on that fit whole: how many make a part, *bytes together. */
static unsigned int whole_segments(const struct block_use *u, const struct block_request *r,
				   u32 *bytes)
{
	const struct block_limits *l = &u->limits;
	unsigned int first = u->cut.segment, good = 0;
	u32 total = 0;

	*bytes = 0;
	if (u->cut.offset)
		return 0;
	for (unsigned int i = first; i < r->segment_count && i - first < l->max_segments; i++) {
		const struct block_segment *s = &r->segments[i];

		if (reach(l, s, 0) != s->bytes || s->bytes > l->max_bytes - total ||
		    (i > first && s->bus & l->page_mask))
			break;
		total += s->bytes;
		if (total % l->sector_bytes == 0) {
			good = i - first + 1;
			*bytes = total;
		}
		if ((s->bus + s->bytes) & l->page_mask)
			break;
	}
	return good;
}

/* Takes the last bytes off, as many as are more than whole sectors. */
static void trim(struct part *p, u32 excess)
{
	while (excess) {
		struct block_segment *s = &p->own[p->r.segment_count - 1];
		u32 n = s->bytes < excess ? s->bytes : excess;

		s->bytes -= n;
		excess -= n;
		if (!s->bytes)
			p->r.segment_count--;
	}
}

/* Pieces of segments, described in the part itself. Returns the bytes. */
static u32 cut_segments(const struct block_use *u, const struct block_request *r, struct part *p)
{
	const struct block_limits *l = &u->limits;
	unsigned int i = u->cut.segment, n = 0;
	u32 offset = u->cut.offset, total = 0;

	while (i < r->segment_count && n < PART_SEGMENTS && n < l->max_segments) {
		const struct block_segment *s = &r->segments[i];
		u32 bytes = (u32)min_u64(reach(l, s, offset), l->max_bytes - total);
		u64 bus = s->bus + offset;

		if (!bytes || (n && bus & l->page_mask))
			break;
		p->own[n++] = (struct block_segment){
			.bus = bus, .cpu = s->cpu ? (u8 *)s->cpu + offset : NULL, .bytes = bytes};
		total += bytes;
		offset += bytes;
		if (offset == s->bytes) {
			i++;
			offset = 0;
		}
		if ((bus + bytes) & l->page_mask)
			break;
	}
	p->r.segments = p->own;
	p->r.segment_count = n;
	trim(p, total % l->sector_bytes);
	return total - total % l->sector_bytes;
}

enum filling { FILLED, NO_MEMORY_NOW, IMPOSSIBLE };

/* Data that the device cannot take from where it is goes through memory of our own. */
static enum filling fill_bounce(struct block_use *u, const struct block_request *r, struct part *p,
				u32 *bytes)
{
	const struct block_limits *l = &u->limits;
	u64 n = min_u64(min_u64(BOUNCE_BYTES, l->max_bytes), l->max_segment);

	n = min_u64(n, min_u64(l->boundary, BOUNCE_BYTES - 1) + 1);
	n = align_down(min_u64(n, (u->cut.end - u->cut.at) * BLOCK_SECTOR), l->sector_bytes);
	if (!n || !bounce_reaches(l->address_limit) ||
	    !bounce_possible(r, u->cut.segment, u->cut.offset, (u32)n))
		return IMPOSSIBLE;
	p->bounce = bounce_take(l->address_limit, &p->own[0].bus);
	if (!p->bounce)
		return NO_MEMORY_NOW;
	if (r->op == BLOCK_WRITE)
		bounce_copy(r, u->cut.segment, u->cut.offset, p->bounce, (u32)n, false);
	p->own[0].cpu = p->bounce;
	p->own[0].bytes = (u32)n;
	p->r.segments = p->own;
	p->r.segment_count = 1;
	*bytes = (u32)n;
	return FILLED;
}

static void advance(struct cut *c, const struct block_request *r, u32 bytes)
{
	c->at += bytes / BLOCK_SECTOR;
	while (bytes) {
		u32 left = r->segments[c->segment].bytes - c->offset;

		if (bytes < left) {
			c->offset += bytes;
			return;
		}
		bytes -= left;
		c->segment++;
		c->offset = 0;
	}
}

static enum filling fill_data(struct block_use *u, const struct block_request *r, struct part *p)
{
	enum filling f = FILLED;
	u32 bytes;

	p->from = u->cut;
	p->r.segment_count = whole_segments(u, r, &bytes);
	p->r.segments = r->segments + u->cut.segment;
	if (!bytes)
		bytes = cut_segments(u, r, p);
	if (!bytes)
		f = fill_bounce(u, r, p, &bytes);
	if (f != FILLED)
		return f;
	p->r.sector = u->cut.at;
	p->r.count = bytes / BLOCK_SECTOR;
	advance(&u->cut, r, bytes);
	return FILLED;
}

/* Describes the next part of the request that u is cutting. */
static enum filling fill(struct block_use *u, struct part *p)
{
	const struct block_request *whole = u->cut.head->whole;
	u64 n = u->cut.end - u->cut.at;

	p->r = (struct block_request){.op = whole->op, .done = part_done, .ctx = p};
	p->head = u->cut.head;
	if (whole->op == BLOCK_READ || whole->op == BLOCK_WRITE)
		return fill_data(u, whole, p);
	if (whole->op == BLOCK_DISCARD) {
		p->r.sector = u->cut.at;
		p->r.count = min_u64(n, u->limits.max_discard);
		u->cut.at += p->r.count;
	}
	return FILLED;
}

/* --- requests --- */

/* The sectors of a discard that make whole units of the device. */
static void clip_discard(const struct block_use *u, struct cut *c)
{
	u64 unit = u->limits.granularity;

	c->at += (unit - c->at % unit) % unit;
	c->end -= c->end % unit;
}

/* Begins to cut the request that waits longest. false: no memory now. */
static bool begin(struct block_use *u)
{
	struct block_request *r = u->waiting;
	struct part *head = take(u);

	if (!head)
		return false;
	u->waiting = r->next;
	head->head = head;
	head->whole = r;
	head->bounce = NULL;
	head->busy = head->all_issued = false;
	head->pending = 0;
	head->status = BLOCK_OK;
	u->cut = (struct cut){
		.head = head, .at = u->start + r->sector, .end = u->start + r->sector + r->count};
	if (r->op == BLOCK_DISCARD)
		clip_discard(u, &u->cut);
	if (r->op != BLOCK_FLUSH && u->cut.at >= u->cut.end) {
		stop_cutting(head);
		end_head(head);
	}
	return true;
}

static void issue(struct block_use *u, struct part *p)
{
	p->busy = true;
	p->head->pending++;
	if (u->cut.at >= u->cut.end) /* a flush has one part */
		stop_cutting(p->head);
	u->dev->ops->submit(u->dev, &p->r);
}

/* One part of one request of u. false: nothing can be done for it now. */
static bool step(struct block_use *u)
{
	struct part *head = u->cut.head, *p;
	enum filling f;

	if (!head) {
		if (!u->waiting || !begin(u))
			return false;
		head = u->cut.head;
		if (!head) /* there was nothing to do for it */
			return true;
	}
	p = head->busy ? take(u) : head;
	if (!p)
		return false;
	f = fill(u, p);
	if (f == FILLED) {
		issue(u, p);
		return true;
	}
	if (p != head)
		put(p);
	if (f == NO_MEMORY_NOW)
		return false;
	fail(head, BLOCK_INVALID);
	if (!head->pending)
		end_head(head);
	return true;
}

static void kick(struct block_device *d, const struct block_device *kicked_later)
{
	if (d && d != kicked_later && d->ops->kick)
		d->ops->kick(d);
}

/* The first use in turn for which something can be done; one that has to wait keeps its place.
 * NULL: nothing can be done for any. */
static struct block_device *pump_once(void)
{
	/* As long as step() returns false, it has called nobody. */
	for (struct block_use *u = turns; u; u = u->next_turn) {
		struct block_device *d = u->dev;

		if (!step(u))
			continue;
		turn_remove(u);
		if (wants_turn(u))
			turn_add(u);
		return d;
	}
	return NULL;
}

/* Gives each use a part in turn, until nothing moves. Callbacks may come here again: then it goes
 * on out there. */
static void pump(const struct block_device *kicked_later)
{
	struct block_device *to_kick = NULL, *d;

	if (pumping)
		return;
	pumping = true;
	while ((d = pump_once()) != NULL) {
		if (to_kick != d)
			kick(to_kick, kicked_later);
		to_kick = d;
	}
	pumping = false;
	kick(to_kick, kicked_later);
}

void split_submit(struct block_use *u, struct block_request *r)
{
	r->next = NULL;
	if (u->waiting)
		u->waiting_last->next = r;
	else
		u->waiting = r;
	u->waiting_last = r;
	turn_add(u);
	pump(u->dev);
}

static void pass_done(struct block_request *r, enum block_status status)
{
	struct part *p = r->ctx;
	struct block_request *whole = p->whole;

	put(p);
	whole->done(whole, status);
	if (turns)
		pump(NULL);
}

bool split_pass(struct block_use *u, struct block_request *r)
{
	/* Those that wait come first. */
	struct part *p = turns ? NULL : take(u);

	if (!p)
		return false;
	p->r.op = r->op;
	p->r.sector = u->start + r->sector;
	p->r.count = r->count;
	p->r.segments = r->segments;
	p->r.segment_count = r->segment_count;
	p->r.done = pass_done;
	p->r.ctx = p;
	p->whole = r;
	u->dev->ops->submit(u->dev, &p->r);
	return true;
}

void split_gone(struct block_use *u)
{
	struct part *head = u->cut.head;

	turn_remove(u);
	if (head) {
		fail(head, BLOCK_GONE);
		if (!head->pending)
			end_head(head);
	}
	while (u->waiting) {
		struct block_request *r = u->waiting;

		u->waiting = r->next;
		r->done(r, BLOCK_GONE);
	}
}
