/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests in trouble: late ones, lost interrupts, what is taken back for a reset or ends without
 * the device. */
#include <drivers/virtio_blk/virtio_blk_private.h>

#define MISSED_MAX 3u
/* The last look at a late request. */
#define LOOK_NS    50000000u
#define LOOK_TIMES 500000u

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
	virtio_slots_reset(v);
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
		virtio_slots_reset(v);
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

static bool is_late(const struct virtio_blk *v)
{
	return v->running && v->busy &&
	       v->slots[v->oldest].request->deadline <= v->d->ops->now(v->d);
}

/* Where the clock leaps while nothing runs, as an emulator's may, a device had no time for what
 * seems late. It gets some in which instructions pass, and a reset is saved. */
static bool stays_late(struct virtio_blk *v)
{
	u64 end = v->d->ops->now(v->d) + LOOK_NS;

	for (u32 i = 0; is_late(v) && i < LOOK_TIMES && v->d->ops->now(v->d) < end; i++)
		virtio_io_complete(v);
	return is_late(v);
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
	if (stays_late(v))
		virtio_fail(v, false, "a request takes too long");
	else if (v->running)
		virtio_io_arm(v);
}
