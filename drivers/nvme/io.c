/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on their way: slots, commands, completions, and what becomes of those that fail. */
#include <drivers/nvme/nvme_private.h>

#include <errno.h>

#define ERRORS_SHOWN 16u /* a bad disk shall not fill the log */
#define MISSED_MAX   3u

/* --- slots: the free ones in a stack, the others in a list from the oldest to the newest --- */

static void slots_reset(struct nvme *n)
{
	n->oldest = n->newest = n->free_slot = NVME_NO_SLOT;
	n->busy = 0;
	for (u16 i = n->slot_count; i-- > 0;) {
		n->slots[i].request = NULL;
		n->slots[i].next = n->free_slot;
		n->free_slot = i;
	}
}

static u16 slot_take(struct nvme *n, struct block_request *r)
{
	u16 i = n->free_slot;
	struct nvme_slot *s = &n->slots[i];

	n->free_slot = s->next;
	s->request = r;
	s->next = NVME_NO_SLOT;
	s->previous = n->newest;
	if (n->newest == NVME_NO_SLOT)
		n->oldest = i;
	else
		n->slots[n->newest].next = i;
	n->newest = i;
	n->busy++;
	return i;
}

static void slot_give(struct nvme *n, u16 i)
{
	struct nvme_slot *s = &n->slots[i];

	if (s->previous == NVME_NO_SLOT)
		n->oldest = s->next;
	else
		n->slots[s->previous].next = s->next;
	if (s->next == NVME_NO_SLOT)
		n->newest = s->previous;
	else
		n->slots[s->next].previous = s->previous;
	s->request = NULL;
	s->next = n->free_slot;
	n->free_slot = i;
	n->busy--;
}

int nvme_io_alloc(struct nvme *n)
{
	const struct device_ops *ops = n->d->ops;
	u16 count = (u16)(n->io.entries - 1);

	if (n->max_commands && n->max_commands < count)
		count = (u16)n->max_commands;
	n->slots = ops->alloc(n->d, count * sizeof(*n->slots));
	for (u32 i = 0; n->slots && i * NVME_LISTS_IN_CHUNK < count; i++) {
		n->lists[i] = ops->dma_alloc(n->d, NVME_LISTS_IN_CHUNK * NVME_LIST_BYTES, PAGE_SIZE,
					     &n->lists_bus[i]);
		if (!n->lists[i]) {
			nvme_io_free(n);
			break;
		}
	}
	if (!n->slots) {
		ops->log(n->d, "no memory for its requests");
		return -ENOMEM;
	}
	for (u32 i = 0; i < count; i++) {
		u32 chunk = i / NVME_LISTS_IN_CHUNK;
		u32 at = i % NVME_LISTS_IN_CHUNK * NVME_LIST_BYTES;

		n->slots[i].list = (u8 *)n->lists[chunk] + at;
		n->slots[i].list_bus = n->lists_bus[chunk] + at;
	}
	n->slot_count = count;
	slots_reset(n);
	return 0;
}

void nvme_io_free(struct nvme *n)
{
	for (u32 i = 0; i < NVME_LIST_CHUNKS; i++) {
		if (n->lists[i])
			n->d->ops->dma_free(n->d, n->lists[i],
					    NVME_LISTS_IN_CHUNK * NVME_LIST_BYTES);
		n->lists[i] = NULL;
	}
	n->d->ops->free(n->d, n->slots);
	n->slots = NULL;
	n->slot_count = 0;
}

/* --- commands --- */

/* "Physical Region Page Entry and List". false: the segments cannot be said so. */
static bool make_prp(const struct nvme_slot *s, const struct block_request *r,
		     struct nvme_command *c)
{
	u64 *prp = s->list, first = 0, second = 0, bytes = 0;
	u32 pages = 0;

	for (unsigned int i = 0; i < r->segment_count; i++) {
		u64 at = r->segments[i].bus, end = at + r->segments[i].bytes;

		if ((at & (i ? PAGE_MASK : 3u)) || end <= at ||
		    (i + 1 < r->segment_count && (end & PAGE_MASK)))
			return false;
		bytes += r->segments[i].bytes;
		for (; at < end; at = (at | PAGE_MASK) + 1, pages++) {
			if (pages > NVME_LIST_ENTRIES)
				return false;
			if (pages == 0)
				first = at;
			else
				prp[pages - 1] = second = at;
		}
	}
	c->prp1 = first;
	c->prp2 = pages > 2 ? s->list_bus : second;
	return bytes && bytes == r->count * BLOCK_SECTOR;
}

/* "Dataset Management command": ranges of at most 2^32 - 1 blocks. */
static bool make_ranges(const struct nvme_namespace *ns, const struct nvme_slot *s,
			const struct block_request *r, struct nvme_command *c)
{
	struct nvme_range *range = s->list;
	u64 start = r->sector >> ns->shift, left = r->count >> ns->shift;
	u32 count = 0;

	for (; left; count++) {
		u32 blocks = (u32)min_u64(left, 0xFFFFFFFFu);

		if (count == NVME_LIST_BYTES / sizeof(*range))
			return false;
		range[count] = (struct nvme_range){.blocks = blocks, .start = start};
		start += blocks;
		left -= blocks;
	}
	c->prp1 = s->list_bus;
	c->dword10 = count - 1;
	c->dword11 = NVME_DATASET_DEALLOCATE;
	return count != 0;
}

static bool make_command(const struct nvme_namespace *ns, u16 slot, const struct block_request *r,
			 struct nvme_command *c)
{
	const struct nvme_slot *s = &ns->n->slots[slot];
	u64 block = r->sector >> ns->shift;

	*c = (struct nvme_command){.id = slot, .nsid = ns->nsid};
	switch (r->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		c->opcode = r->op == BLOCK_READ ? NVME_READ : NVME_WRITE;
		c->dword10 = (u32)block;
		c->dword11 = (u32)(block >> 32);
		c->dword12 = (u32)(r->count >> ns->shift) - 1;
		return make_prp(s, r, c);
	case BLOCK_FLUSH:
		c->opcode = NVME_FLUSH;
		return true;
	case BLOCK_DISCARD:
		c->opcode = NVME_DATASET;
		return make_ranges(ns, s, r, c);
	}
	return false;
}

static struct nvme_namespace *namespace_of(const struct nvme *n, const struct block_request *r)
{
	return n->namespaces[NVME_TAG_INDEX(r->tag)];
}

/* There is a free slot. */
static void issue(struct nvme *n, const struct nvme_namespace *ns, struct block_request *r)
{
	u16 slot = slot_take(n, r);
	struct nvme_command c;

	if (unlikely(!make_command(ns, slot, r, &c))) {
		slot_give(n, slot);
		r->done(r, BLOCK_INVALID);
		return;
	}
	*nvme_queue_next(&n->io) = c;
	r->deadline = n->d->ops->now(n->d) + NVME_REQUEST_NS;
}

static void wait_in_line(struct nvme *n, struct block_request *r)
{
	r->next = NULL;
	*n->waiting_end = r;
	n->waiting_end = &r->next;
}

static struct block_request *first_in_line(struct nvme *n)
{
	struct block_request *r = n->waiting;

	n->waiting = r->next;
	if (!n->waiting)
		n->waiting_end = &n->waiting;
	return r;
}

void nvme_io_start_waiting(struct nvme *n)
{
	while (n->running && n->waiting && n->free_slot != NVME_NO_SLOT) {
		struct block_request *r = first_in_line(n);

		issue(n, namespace_of(n, r), r);
	}
	if (n->running) {
		nvme_queue_ring(n, &n->io);
		nvme_io_arm(n);
	}
}

static bool is_within(const struct nvme_namespace *ns, const struct block_request *r)
{
	const struct block_device *b = &ns->block;

	return !((r->sector | r->count) & (b->sector_size / BLOCK_SECTOR - 1)) &&
	       r->count <= b->sectors && r->sector <= b->sectors - r->count &&
	       (r->op == BLOCK_READ || !b->read_only);
}

static void nvme_submit(struct block_device *b, struct block_request *r)
{
	struct nvme_namespace *ns = b->owner;
	struct nvme *n = ns->n;

	if (unlikely(n->gone || n->dead || ns->leaving)) {
		r->done(r, n->dead ? BLOCK_ERROR : BLOCK_GONE);
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
	} else if (unlikely(!is_within(ns, r))) {
		r->done(r, BLOCK_INVALID);
		return;
	}
	r->tag = NVME_TAG(ns->index);
	if (likely(n->running && !n->waiting && n->free_slot != NVME_NO_SLOT))
		issue(n, ns, r);
	else
		wait_in_line(n, r);
}

static void nvme_kick(struct block_device *b)
{
	struct nvme *n = ((struct nvme_namespace *)b->owner)->n;

	if (n->running && !n->in_batch) {
		nvme_queue_ring(n, &n->io);
		nvme_io_arm(n);
	}
}

const struct block_device_ops nvme_block_ops = {.submit = nvme_submit, .kick = nvme_kick};

/* --- completions --- */

static enum block_status status_of(u16 status)
{
	switch (NVME_STATUS_CODE(status)) {
	case NVME_STATUS_OPCODE:
		return BLOCK_UNSUPPORTED;
	case NVME_STATUS_NAMESPACE:
		return BLOCK_GONE;
	case NVME_STATUS_LBA_RANGE:
	case NVME_STATUS_WRITE_PROTECTED:
	case NVME_STATUS_READ_ONLY:
		return BLOCK_INVALID;
	case NVME_STATUS_CAPACITY:
		return BLOCK_NO_SPACE;
	default:
		return BLOCK_ERROR;
	}
}

static void failed(struct nvme *n, struct block_request *r, u16 status)
{
	static const char *const names[] = {"read", "write", "flush", "discard"};

	if (!(status & NVME_STATUS_DNR) && NVME_TAG_TRIES(++r->tag) < NVME_TRIES) {
		r->next = n->waiting;
		if (!n->waiting)
			n->waiting_end = &r->next;
		n->waiting = r;
		return;
	}
	if (n->errors_logged < ERRORS_SHOWN && ++n->errors_logged)
		n->d->ops->log(n->d, "%s: %s of %llu sectors at %llu failed, status 0x%x%s",
			       namespace_of(n, r)->name, names[r->op], (unsigned long long)r->count,
			       (unsigned long long)r->sector, NVME_STATUS_CODE(status),
			       n->errors_logged == ERRORS_SHOWN ? "; no more are logged" : "");
	r->done(r, status_of(status));
}

static void finish(struct nvme *n, u32 id_status)
{
	u16 id = (u16)id_status, status = (u16)(id_status >> 17);
	struct block_request *r = id < n->slot_count ? n->slots[id].request : NULL;

	if (unlikely(!r)) {
		nvme_fail(n, true, "a command ended that was not given");
		return;
	}
	slot_give(n, id);
	if (likely(!status))
		r->done(r, BLOCK_OK);
	else
		failed(n, r, status);
}

void nvme_io_complete(struct nvme *n)
{
	struct nvme_completion c;
	bool any = false;

	/* Ends: each takes a slot's request, and what done() submits is not told before the end. */
	n->in_batch = true;
	while (n->running && nvme_queue_take(&n->io, &c)) {
		any = true;
		finish(n, c.id_status);
	}
	n->in_batch = false;
	if (!any)
		return;
	if (n->has_leaving)
		n->d->ops->need_service(n->d);
	if (!n->running)
		return;
	nvme_queue_taken(n, &n->io);
	nvme_io_start_waiting(n);
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

void nvme_io_take_back(struct nvme *n)
{
	struct block_request *again = NULL, **end = &again, *over = NULL, **over_end = &over;
	u64 now = n->d->ops->now(n->d);

	for (u16 i = n->oldest; i != NVME_NO_SLOT; i = n->slots[i].next) {
		struct block_request *r = n->slots[i].request;
		bool counts = n->suspect || r->deadline <= now;

		if (counts && NVME_TAG_TRIES(++r->tag) >= NVME_TRIES) {
			*over_end = r;
			over_end = &r->next;
		} else {
			*end = r;
			end = &r->next;
		}
	}
	*over_end = NULL;
	*end = n->waiting;
	if (!n->waiting)
		n->waiting_end = end;
	n->waiting = again;
	if (n->waiting_end == &again)
		n->waiting_end = &n->waiting;
	slots_reset(n);
	end_list(over, BLOCK_ERROR);
}

void nvme_io_end_all(struct nvme *n, const struct nvme_namespace *ns, enum block_status status)
{
	struct block_request *over = NULL, **end = &over, *r = n->waiting, *next;

	if (!ns && n->slots) {
		for (u16 i = n->oldest; i != NVME_NO_SLOT; i = n->slots[i].next) {
			*end = n->slots[i].request;
			end = &n->slots[i].request->next;
		}
		slots_reset(n);
	}
	n->waiting = NULL;
	n->waiting_end = &n->waiting;
	for (; r; r = next) {
		next = r->next;
		if (ns && namespace_of(n, r) != ns) {
			wait_in_line(n, r);
		} else {
			*end = r;
			end = &r->next;
		}
	}
	*end = NULL;
	end_list(over, status);
}

bool nvme_io_has(const struct nvme *n, const struct nvme_namespace *ns)
{
	for (u16 i = n->oldest; i != NVME_NO_SLOT; i = n->slots[i].next)
		if (namespace_of(n, n->slots[i].request) == ns)
			return true;
	for (const struct block_request *r = n->waiting; r; r = r->next)
		if (namespace_of(n, r) == ns)
			return true;
	return false;
}

/* The timer may ring for nothing; that is cheaper than to set it for each request. Without
 * interrupts it also looks for events now and then. */
void nvme_io_arm(struct nvme *n)
{
	u64 at;

	if (!n->polled && (n->timer_at || !n->busy))
		return;
	at = n->d->ops->now(n->d) + (n->polled && n->busy ? NVME_POLL_NS : NVME_WATCH_NS);
	if (n->timer_at && n->timer_at <= at)
		return;
	n->timer_at = at;
	n->d->ops->timer_set(n->d, at);
}

/* Completions that no interrupt told of: once may be chance, again and again is a lost interrupt.
 */
static void count_missed(struct nvme *n, bool found)
{
	if (n->irq_seen)
		n->missed = 0;
	else if (found && ++n->missed == MISSED_MAX) {
		n->d->ops->log(n->d, "does not interrupt: polled from now on");
		n->polled = true;
	}
	n->irq_seen = false;
}

void nvme_io_timer(struct nvme *n)
{
	u16 head = n->io.head;

	n->timer_at = 0;
	if (n->admin_up)
		nvme_admin_complete(n);
	if (!n->running)
		return;
	nvme_io_complete(n);
	if (!n->polled)
		count_missed(n, n->io.head != head);
	if (!n->running || !(n->busy || n->polled) || !nvme_look(n))
		return;
	if (n->busy && n->slots[n->oldest].request->deadline <= n->d->ops->now(n->d))
		nvme_fail(n, false, "a command takes too long");
	else
		nvme_io_arm(n);
}
