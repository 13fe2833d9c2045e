/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests in trouble: late ones, lost interrupts, what is taken back for a reset or ends without
 * the controller. */
#include <drivers/nvme/nvme_private.h>

#define MISSED_MAX 3u
/* The last look at a late command. */
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
	nvme_slots_reset(n);
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
		nvme_slots_reset(n);
	}
	n->waiting = NULL;
	n->waiting_end = &n->waiting;
	for (; r; r = next) {
		next = r->next;
		if (ns && nvme_namespace_of(n, r) != ns) {
			nvme_wait_in_line(n, r);
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
		if (nvme_namespace_of(n, n->slots[i].request) == ns)
			return true;
	for (const struct block_request *r = n->waiting; r; r = r->next)
		if (nvme_namespace_of(n, r) == ns)
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

static bool is_late(const struct nvme *n)
{
	return n->running && n->busy &&
	       n->slots[n->oldest].request->deadline <= n->d->ops->now(n->d);
}

/* Where the clock leaps while nothing runs, as an emulator's may, a controller had no time for what
 * seems late. It gets some in which instructions pass, and a reset is saved. */
static bool stays_late(struct nvme *n)
{
	u64 end = n->d->ops->now(n->d) + LOOK_NS;

	for (u32 i = 0; is_late(n) && i < LOOK_TIMES && n->d->ops->now(n->d) < end; i++)
		nvme_io_complete(n);
	return is_late(n);
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
	if (stays_late(n))
		nvme_fail(n, false, "a command takes too long");
	else if (n->running)
		nvme_io_arm(n);
}
