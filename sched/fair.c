/* SPDX-License-Identifier: BSD-2-Clause */
/* Fair round-robin: whoever ran least, measured by weight, runs next, on any CPU. Run time is
 * accounted exactly, at each decision, never by sampling. */
#include <sched/policy.h>

#define SLICE_NS   10000000ull /* how far one may get ahead of the next in the queue */
#define CREDIT_NS  2000000ull  /* how far behind the floor a sleeper may wake: its head start */
#define PREEMPT_NS 500000ull   /* a woken one must be this far behind to push another out */

void policy_init(struct policy *p, u32 cpus)
{
	list_init(&p->queue);
	p->floor_ns = CREDIT_NS;
	p->cpus = cpus;
	for (u32 i = 0; i < POLICY_MAX_CPUS; i++)
		p->running[i] = NULL;
}

void policy_add(struct policy *p, struct policy_entity *e, u32 weight)
{
	list_init(&e->link);
	e->state = POLICY_ASLEEP;
	e->weight = weight;
	e->cpu = 0;
	e->virtual_ns = p->floor_ns;
	e->charged_at = 0;
}

void policy_remove(struct policy *p, struct policy_entity *e)
{
	(void)p;
	list_remove(&e->link);
}

static struct policy_entity *first(struct policy *p)
{
	return list_empty(&p->queue) ? NULL : list_entry(p->queue.next, struct policy_entity, link);
}

static void charge(struct policy_entity *e, u64 now)
{
	u64 ran = now > e->charged_at ? now - e->charged_at : 0;

	if (e->weight != POLICY_DEFAULT_WEIGHT)
		ran = ran * POLICY_DEFAULT_WEIGHT / e->weight;
	e->virtual_ns += ran;
	e->charged_at = now;
}

static void enqueue(struct policy *p, struct policy_entity *e)
{
	struct list *pos;

	list_for_each(pos, &p->queue)
	{
		if (list_entry(pos, struct policy_entity, link)->virtual_ns > e->virtual_ns)
			break;
	}
	list_insert_before(pos, &e->link);
	e->state = POLICY_QUEUED;
}

/* The CPU where e should run: its last one if idle, else any idle one, else the one whose entity
 * is furthest ahead. */
static u32 place(const struct policy *p, const struct policy_entity *e, u64 now)
{
	u32 best = 0;
	u64 most = 0;

	if (!p->running[e->cpu])
		return e->cpu;
	for (u32 i = 0; i < p->cpus; i++) {
		const struct policy_entity *r = p->running[i];
		u64 v;

		if (!r)
			return i;
		v = r->virtual_ns + (now > r->charged_at ? now - r->charged_at : 0);
		if (v >= most) {
			most = v;
			best = i;
		}
	}
	return best;
}

u32 policy_wake(struct policy *p, struct policy_entity *e, u64 now)
{
	if (e->state != POLICY_ASLEEP)
		return POLICY_NO_CPU;
	e->virtual_ns = max_u64(e->virtual_ns, p->floor_ns - CREDIT_NS);
	enqueue(p, e);
	return place(p, e, now);
}

void policy_sleep(struct policy *p, struct policy_entity *e, u64 now)
{
	if (e->state == POLICY_RUNNING) {
		charge(e, now);
		p->running[e->cpu] = NULL;
	} else if (e->state == POLICY_QUEUED) {
		list_remove(&e->link);
	}
	e->state = POLICY_ASLEEP;
}

void policy_yield(struct policy *p, struct policy_entity *e, u64 now)
{
	const struct policy_entity *head = first(p);

	charge(e, now);
	if (head && head->virtual_ns >= e->virtual_ns)
		e->virtual_ns = head->virtual_ns + 1;
}

struct policy_decision policy_pick(struct policy *p, u32 cpu, u64 now)
{
	struct policy_entity *now_running = p->running[cpu];
	struct policy_entity *head = first(p);
	struct policy_entity *chosen = now_running;
	u64 until = POLICY_NEVER;

	if (now_running)
		charge(now_running, now);
	if (head && (!now_running || head->virtual_ns + PREEMPT_NS < now_running->virtual_ns)) {
		list_remove(&head->link);
		if (now_running)
			enqueue(p, now_running);
		chosen = head;
	}
	if (chosen) {
		chosen->state = POLICY_RUNNING;
		chosen->cpu = cpu;
		chosen->charged_at = now;
		head = first(p);
		p->floor_ns =
			max_u64(p->floor_ns, head ? min_u64(head->virtual_ns, chosen->virtual_ns)
						  : chosen->virtual_ns);
		if (head) /* it stays until it is a slice ahead of the next one */
			until = now + SLICE_NS +
				(head->virtual_ns > chosen->virtual_ns
					 ? head->virtual_ns - chosen->virtual_ns
					 : 0);
	}
	p->running[cpu] = chosen;
	return (struct policy_decision){chosen, until};
}
