/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on their way: descriptors, what the device returns, and what becomes of those that fail.
 * Virtual I/O Device (VIRTIO) Version 1.1, "Block Device", "Device Operation". */
#include <drivers/virtio_blk/virtio_blk_private.h>

#include <errno.h>

#define ERRORS_SHOWN  16u /* a bad disk shall not fill the log */
#define MISSED_MAX    3u
#define STATUS_UNSET  0xFFu
#define AREA(s, part) ((s)->area_bus + offsetof(struct virtio_area, part))

/* --- slots: free descriptors in a list, requests in another from the oldest to the newest --- */

static void slots_reset(struct virtio_blk *v)
{
	v->oldest = v->newest = VIRTIO_NO_SLOT;
	v->busy = 0;
	v->free_first = 0;
	v->free_count = v->usable;
	for (u16 i = 0; i < v->ring.size; i++) {
		v->slots[i].request = NULL;
		v->chain[i] = (u16)(i + 1);
	}
}

static void slot_take(struct virtio_blk *v, struct block_request *r, u16 head)
{
	struct virtio_slot *s = &v->slots[head];

	s->request = r;
	s->next = VIRTIO_NO_SLOT;
	s->previous = v->newest;
	if (v->newest == VIRTIO_NO_SLOT)
		v->oldest = head;
	else
		v->slots[v->newest].next = head;
	v->newest = head;
	v->busy++;
	v->free_first = v->chain[s->last];
	v->free_count = (u16)(v->free_count - s->count);
}

static void slot_give(struct virtio_blk *v, u16 head)
{
	struct virtio_slot *s = &v->slots[head];

	if (s->previous == VIRTIO_NO_SLOT)
		v->oldest = s->next;
	else
		v->slots[s->previous].next = s->next;
	if (s->next == VIRTIO_NO_SLOT)
		v->newest = s->previous;
	else
		v->slots[s->next].previous = s->previous;
	s->request = NULL;
	v->busy--;
	v->chain[s->last] = v->free_first;
	v->free_first = head;
	v->free_count = (u16)(v->free_count + s->count);
}

static bool alloc_areas(struct virtio_blk *v)
{
	u32 each = v->ring.indirect ? VIRTIO_AREA_INDIRECT : VIRTIO_AREA_BYTES;
	u32 in_chunk = VIRTIO_CHUNK_BYTES / each;

	for (u32 i = 0; i < v->usable; i++) {
		u32 c = i / in_chunk, at = i % in_chunk * each;

		if (!v->chunks[c])
			v->chunks[c] = v->d->ops->dma_alloc(v->d, VIRTIO_CHUNK_BYTES, PAGE_SIZE,
							    &v->chunks_bus[c]);
		if (!v->chunks[c])
			return false;
		v->slots[i].area = (void *)((u8 *)v->chunks[c] + at);
		v->slots[i].area_bus = v->chunks_bus[c] + at;
	}
	return true;
}

int virtio_io_alloc(struct virtio_blk *v)
{
	u16 size = v->ring.size;

	/* An indirect table for each of a long queue would be too much memory. */
	v->usable = v->ring.indirect && size > VIRTIO_QUEUE_WANTED ? VIRTIO_QUEUE_WANTED : size;
	v->slots = v->d->ops->alloc(v->d, size * sizeof(*v->slots));
	v->chain = v->d->ops->alloc(v->d, size * sizeof(*v->chain));
	v->id = v->d->ops->dma_alloc(v->d, PAGE_SIZE, PAGE_SIZE, &v->id_bus);
	if (!v->slots || !v->chain || !v->id || !alloc_areas(v)) {
		v->d->ops->log(v->d, "no memory for its requests");
		return -ENOMEM;
	}
	slots_reset(v);
	return 0;
}

void virtio_io_free(struct virtio_blk *v)
{
	for (u32 i = 0; i < VIRTIO_CHUNKS; i++)
		if (v->chunks[i])
			v->d->ops->dma_free(v->d, v->chunks[i], VIRTIO_CHUNK_BYTES);
	if (v->id)
		v->d->ops->dma_free(v->d, v->id, PAGE_SIZE);
	v->d->ops->free(v->d, v->slots);
	v->d->ops->free(v->d, v->chain);
}

/* --- requests to the device --- */

/* Where the next descriptor goes: into the ring's table along the list of free ones, or one behind
 * the other into an indirect table. */
struct cursor {
	struct virtio_desc *table;
	const u16 *chain;
	u16 at, last;
};

static void put(struct cursor *c, u64 address, u32 bytes, u32 flags)
{
	c->last = c->at;
	c->at = c->chain ? c->chain[c->at] : (u16)(c->at + 1);
	c->table[c->last] = (struct virtio_desc){
		.address = address,
		.bytes = bytes,
		.flags = (u16)flags,
		.next = c->at,
	};
}

static bool put_segments(struct cursor *c, const struct block_request *r, u32 write)
{
	u64 bytes = 0;

	for (unsigned int i = 0; i < r->segment_count; i++) {
		if (!r->segments[i].bytes)
			return false;
		put(c, r->segments[i].bus, r->segments[i].bytes, VIRTIO_DESC_NEXT | write);
		bytes += r->segments[i].bytes;
	}
	return bytes && bytes == r->count * BLOCK_SECTOR;
}

/* As much of it as one command takes; the rest goes when that is done. */
static void put_ranges(const struct virtio_blk *v, struct virtio_slot *s, struct cursor *c,
		       const struct block_request *r)
{
	u32 count = 0;

	for (s->to = s->from; s->to < r->count && count < v->discard_ranges; count++) {
		u32 n = (u32)min_u64(r->count - s->to, v->discard_sectors);

		s->area->ranges[count] =
			(struct virtio_blk_range){.sector = r->sector + s->to, .sectors = n};
		s->to += n;
	}
	put(c, AREA(s, ranges), count * (u32)sizeof(s->area->ranges[0]), VIRTIO_DESC_NEXT);
}

static bool put_request(const struct virtio_blk *v, struct virtio_slot *s, struct cursor *c,
			const struct block_request *r)
{
	struct virtio_blk_header h = {.type = VIRTIO_BLK_T_FLUSH};
	bool good = true;

	s->bytes = s->least = 0;
	put(c, AREA(s, header), sizeof(h), VIRTIO_DESC_NEXT);
	switch (r->op) {
	case BLOCK_READ:
		if (r == &v->id_request) {
			h.type = VIRTIO_BLK_T_GET_ID;
			s->bytes = VIRTIO_BLK_ID_BYTES;
			put(c, v->id_bus, s->bytes, VIRTIO_DESC_NEXT | VIRTIO_DESC_WRITE);
			break;
		}
		h.type = VIRTIO_BLK_T_IN;
		h.sector = r->sector;
		s->bytes = s->least = (u32)r->count * BLOCK_SECTOR;
		good = put_segments(c, r, VIRTIO_DESC_WRITE);
		break;
	case BLOCK_WRITE:
		h.type = VIRTIO_BLK_T_OUT;
		h.sector = r->sector;
		good = put_segments(c, r, 0);
		break;
	case BLOCK_FLUSH:
		break;
	case BLOCK_DISCARD:
		h.type = VIRTIO_BLK_T_DISCARD;
		put_ranges(v, s, c, r);
		break;
	}
	put(c, AREA(s, status), 1, VIRTIO_DESC_WRITE);
	s->area->header = h;
	s->area->status = STATUS_UNSET;
	return good;
}

static unsigned int parts(const struct block_request *r)
{
	return r->op == BLOCK_FLUSH ? 2 : r->op == BLOCK_DISCARD ? 3 : r->segment_count + 2;
}

static bool has_room(const struct virtio_blk *v, const struct block_request *r)
{
	return v->free_count >= (v->ring.indirect ? 1 : parts(r));
}

/* There is room. */
static void issue(struct virtio_blk *v, struct block_request *r)
{
	u16 head = v->free_first;
	struct virtio_slot *s = &v->slots[head];
	struct cursor c = {.table = v->ring.desc, .chain = v->chain, .at = head};

	if (v->ring.indirect)
		c = (struct cursor){.table = (void *)(s->area + 1)};
	s->from = r->deadline;
	if (unlikely(!put_request(v, s, &c, r))) {
		r->done(r, BLOCK_INVALID);
		return;
	}
	s->last = v->ring.indirect ? head : c.last;
	s->count = v->ring.indirect ? 1 : (u16)parts(r);
	if (v->ring.indirect)
		v->ring.desc[head] = (struct virtio_desc){
			.address = s->area_bus + sizeof(*s->area),
			.bytes = parts(r) * (u32)sizeof(struct virtio_desc),
			.flags = VIRTIO_DESC_INDIRECT,
		};
	slot_take(v, r, head);
	r->deadline = v->d->ops->now(v->d) + VIRTIO_REQUEST_NS;
	virtio_ring_put(&v->ring, head);
}

static void wait_in_line(struct virtio_blk *v, struct block_request *r)
{
	r->next = NULL;
	*v->waiting_end = r;
	v->waiting_end = &r->next;
}

static void wait_first(struct virtio_blk *v, struct block_request *r)
{
	r->next = v->waiting;
	if (!v->waiting)
		v->waiting_end = &r->next;
	v->waiting = r;
}

void virtio_io_start_waiting(struct virtio_blk *v)
{
	while (v->running && v->waiting && has_room(v, v->waiting)) {
		struct block_request *r = v->waiting;

		v->waiting = r->next;
		if (!v->waiting)
			v->waiting_end = &v->waiting;
		issue(v, r);
	}
	if (v->running) {
		virtio_ring_kick(v);
		virtio_io_arm(v);
	}
}

static bool is_within(const struct block_device *b, const struct block_request *r)
{
	return !((r->sector | r->count) & (b->sector_size / BLOCK_SECTOR - 1)) && r->count &&
	       r->count <= b->sectors && r->sector <= b->sectors - r->count &&
	       (r->op == BLOCK_READ || !b->read_only) &&
	       (r->op == BLOCK_DISCARD ||
		(r->segment_count <= b->max_segments && r->count <= b->max_bytes / BLOCK_SECTOR));
}

static void virtio_submit(struct block_device *b, struct block_request *r)
{
	struct virtio_blk *v = b->owner;

	if (unlikely(v->gone || v->dead)) {
		r->done(r, v->gone ? BLOCK_GONE : BLOCK_ERROR);
		return;
	}
	if (r->op == BLOCK_FLUSH) {
		if (!b->write_cache) {
			r->done(r, BLOCK_OK);
			return;
		}
	} else if (r->op == BLOCK_DISCARD && !b->discard) {
		r->done(r, BLOCK_UNSUPPORTED);
		return;
	} else if (unlikely(!is_within(b, r))) {
		r->done(r, BLOCK_INVALID);
		return;
	}
	r->tag = 0;      /* how often it was tried in vain */
	r->deadline = 0; /* until it is issued: how much of a discard is done */
	if (likely(v->running && !v->waiting && has_room(v, r)))
		issue(v, r);
	else
		wait_in_line(v, r);
}

static void virtio_kick(struct block_device *b)
{
	struct virtio_blk *v = b->owner;

	if (v->running && !v->in_batch) {
		virtio_ring_kick(v);
		virtio_io_arm(v);
	}
}

void virtio_io_ask_id(struct virtio_blk *v)
{
	v->id_request.tag = 0;
	v->id_request.deadline = 0;
	issue(v, &v->id_request);
	virtio_ring_kick(v);
	virtio_io_arm(v);
}

const struct block_device_ops virtio_block_ops = {.submit = virtio_submit, .kick = virtio_kick};

/* --- requests from the device --- */

static void failed(struct virtio_blk *v, struct block_request *r, u8 status, u64 from)
{
	static const char *const names[] = {"read", "write", "flush", "discard"};

	if (status == VIRTIO_BLK_S_UNSUPPORTED || r == &v->id_request) {
		r->done(r, BLOCK_UNSUPPORTED);
		return;
	}
	if (++r->tag < VIRTIO_TRIES) {
		r->deadline = from;
		wait_first(v, r);
		return;
	}
	if (v->errors_logged < ERRORS_SHOWN && ++v->errors_logged)
		v->d->ops->log(v->d, "%s of %llu sectors at %llu failed, status %u%s", names[r->op],
			       (unsigned long long)r->count, (unsigned long long)r->sector, status,
			       v->errors_logged == ERRORS_SHOWN ? "; no more are logged" : "");
	r->done(r, BLOCK_ERROR);
}

static void finish(struct virtio_blk *v, struct virtio_used_entry e)
{
	struct virtio_slot *s = e.id < v->ring.size ? &v->slots[e.id] : NULL;
	struct block_request *r = s ? s->request : NULL;
	u8 status;

	if (unlikely(!r)) {
		virtio_fail(v, true, "returned a request that it was not given");
		return;
	}
	status = READ_ONCE(s->area->status);
	/* Legacy devices were lax about lengths. */
	if (unlikely(status == STATUS_UNSET ||
		     (!v->legacy && (e.bytes > s->bytes + 1 ||
				     (status == VIRTIO_BLK_S_OK && e.bytes < s->least))))) {
		virtio_fail(v, true, "returned a request half done");
		return;
	}
	slot_give(v, (u16)e.id);
	if (unlikely(status != VIRTIO_BLK_S_OK)) {
		failed(v, r, status, s->from);
	} else if (r->op == BLOCK_DISCARD && s->to < r->count) {
		r->deadline = s->to;
		wait_first(v, r);
	} else {
		r->done(r, BLOCK_OK);
	}
}

/* Ends: each takes a slot's request, and what done() submits is not told before the end. */
static unsigned int complete_batch(struct virtio_blk *v)
{
	unsigned int total = 0;
	u16 n;

	while (v->running && (n = virtio_ring_used(&v->ring)) != 0) {
		if (n > v->busy) {
			virtio_fail(v, true, "returned more than it was given");
			break;
		}
		for (; n && v->running; n--, total++)
			finish(v, virtio_ring_take(&v->ring));
		if (v->running)
			virtio_ring_ask(&v->ring);
	}
	return total;
}

unsigned int virtio_io_complete(struct virtio_blk *v)
{
	unsigned int total;

	v->in_batch = true;
	total = complete_batch(v);
	v->in_batch = false;
	if (total)
		virtio_io_start_waiting(v);
	return total;
}

/* --- trouble --- */

static void end_list(struct block_request *r, enum block_status status)
{
	while (r) {
		struct block_request *next = r->next;

		r->done(r, status);
		r = next;
	}
}

void virtio_io_take_back(struct virtio_blk *v)
{
	struct block_request *again = NULL, **end = &again, *over = NULL, **over_end = &over;
	u64 now = v->d->ops->now(v->d);

	for (u16 i = v->oldest; i != VIRTIO_NO_SLOT; i = v->slots[i].next) {
		struct block_request *r = v->slots[i].request;
		bool counts = v->suspect || r->deadline <= now;

		if (counts && ++r->tag >= VIRTIO_TRIES) {
			*over_end = r;
			over_end = &r->next;
		} else {
			r->deadline = v->slots[i].from;
			*end = r;
			end = &r->next;
		}
	}
	*over_end = NULL;
	*end = v->waiting;
	if (!v->waiting)
		v->waiting_end = end;
	v->waiting = again;
	if (v->waiting_end == &again)
		v->waiting_end = &v->waiting;
	slots_reset(v);
	end_list(over, BLOCK_ERROR);
}

void virtio_io_end_all(struct virtio_blk *v, enum block_status status)
{
	struct block_request *over = NULL, **end = &over;

	for (u16 i = v->slots ? v->oldest : VIRTIO_NO_SLOT; i != VIRTIO_NO_SLOT;
	     i = v->slots[i].next) {
		*end = v->slots[i].request;
		end = &v->slots[i].request->next;
	}
	if (v->slots && v->chain)
		slots_reset(v);
	*end = v->waiting;
	v->waiting = NULL;
	v->waiting_end = &v->waiting;
	end_list(over, status);
}

/* The timer may ring for nothing; that is cheaper than to set it for each request. Without
 * interrupts it also looks for changes now and then. */
void virtio_io_arm(struct virtio_blk *v)
{
	u64 at;

	if (!v->polled && (v->timer_at || !v->busy))
		return;
	at = v->d->ops->now(v->d) + (v->polled && v->busy ? VIRTIO_POLL_NS : VIRTIO_WATCH_NS);
	if (v->timer_at && v->timer_at <= at)
		return;
	v->timer_at = at;
	v->d->ops->timer_set(v->d, at);
}

/* Returned without an interrupt: once may be chance, again and again is a lost interrupt. */
static void count_missed(struct virtio_blk *v, bool found)
{
	if (v->irq_seen)
		v->missed = 0;
	else if (found && ++v->missed == MISSED_MAX) {
		v->d->ops->log(v->d, "does not interrupt: polled from now on");
		v->polled = true;
	}
	v->irq_seen = false;
}

void virtio_io_timer(struct virtio_blk *v)
{
	bool found;

	v->timer_at = 0;
	if (!v->running)
		return;
	found = virtio_io_complete(v) != 0;
	if (!v->polled)
		count_missed(v, found);
	if (!v->running || !(v->busy || v->polled) || !virtio_look(v))
		return;
	if (v->polled && !v->busy) {
		v->config_changed = true;
		v->d->ops->need_service(v->d);
	}
	if (v->busy && v->slots[v->oldest].request->deadline <= v->d->ops->now(v->d))
		virtio_fail(v, false, "a request takes too long");
	else
		virtio_io_arm(v);
}
