/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers, kept in order for each CPU. */
#include <core/timer.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/irq/lapic.h>
#include <arch/x86_64/platform/clock.h>
#include <core/lib/lock.h>

struct timer_queue {
	spinlock_t lock;
	struct list armed;     /* by time */
	struct timer *running; /* whose fn runs now, without the lock */
	u64 programmed;        /* what the hardware was armed for */
};

static struct timer_queue queues[MAX_CPUS];

void timer_init_cpu(void)
{
	struct timer_queue *q = &queues[this_cpu()->id];

	list_init(&q->armed);
	q->programmed = TIMER_NEVER;
	this_cpu()->timers = q;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){.fn = fn, .expires = TIMER_NEVER};
	list_init(&t->link);
}

static u64 first_expiry(const struct timer_queue *q)
{
	return list_empty(&q->armed) ? TIMER_NEVER
				     : list_entry(q->armed.next, struct timer, link)->expires;
}

/* An armed hardware timer that is too early costs one interrupt; disarming and re-arming for each
 * change would cost more. So only an earlier time is programmed here. */
static void program(struct timer_queue *q)
{
	u64 first = first_expiry(q);

	if (first < q->programmed) {
		q->programmed = first;
		lapic_timer_arm(first);
	}
}

static void unlink_timer(struct timer *t)
{
	struct timer_queue *q = &queues[t->cpu];

	spin_lock(&q->lock);
	if (t->armed) {
		list_remove(&t->link);
		t->armed = false;
	}
	spin_unlock(&q->lock);
}

void timer_set(struct timer *t, u64 expires)
{
	struct timer_queue *q = this_cpu()->timers;
	struct list *pos;

	if (t->armed)
		unlink_timer(t);
	spin_lock(&q->lock);
	t->expires = expires;
	t->cpu = this_cpu()->id;
	t->armed = true;
	list_for_each(pos, &q->armed)
	{
		if (list_entry(pos, struct timer, link)->expires > expires)
			break;
	}
	list_insert_before(pos, &t->link);
	program(q);
	spin_unlock(&q->lock);
}

void timer_stop(struct timer *t)
{
	do { /* fn may arm it again while it is waited for */
		struct timer_queue *q = &queues[READ_ONCE(t->cpu)];

		if (__atomic_load_n(&t->armed, __ATOMIC_ACQUIRE))
			unlink_timer(t);
		if (q != this_cpu()->timers)
			while (READ_ONCE(q->running) == t)
				cpu_relax();
	} while (READ_ONCE(t->armed));
}

void timer_end(struct timer *t)
{
	timer_stop(t);
	for (u32 i = 0; i < cpu_count; i++)
		while (READ_ONCE(queues[i].running) == t)
			cpu_relax();
}

void timer_run(void)
{
	struct timer_queue *q = this_cpu()->timers;
	u64 now = clock_ns();

	this_cpu()->timer_due = false;
	spin_lock(&q->lock);
	q->programmed = 0; /* what fn arms is programmed once, at the end */
	while (first_expiry(q) <= now) {
		struct timer *t = list_entry(q->armed.next, struct timer, link);

		WRITE_ONCE(q->running, t); /* first: who sees it not armed must see it run */
		list_remove(&t->link);
		__atomic_store_n(&t->armed, false, __ATOMIC_RELEASE);
		spin_unlock(&q->lock);
		t->fn(t);
		spin_lock(&q->lock);
		WRITE_ONCE(q->running, NULL);
	}
	q->programmed = TIMER_NEVER;
	program(q);
	spin_unlock(&q->lock);
}
