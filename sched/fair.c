/* SPDX-License-Identifier: BSD-2-Clause */
/* Fair round-robin: whoever ran least, measured by weight, runs next, on any CPU. Run time is
 * accounted exactly, at each decision, never by sampling. */
#include <sched/policy.h>

#define SLICE_NS   10000000ull /* how long a CPU goes without a decision while anyone waits */
#define CREDIT_NS  2000000ull  /* how far behind the floor a sleeper may wake: its head start */
#define PREEMPT_NS 500000ull   /* one must be this far behind to push another out */
#define YIELD_NS   20000000ull /* one that yields lets pass who is at most this far ahead */
/* CPUs where nobody waits and weights that are more than a CPU's worth let virtual times drift
 * apart without anyone owing anything. More than this is forgiven, to both sides. */
#define DRIFT_NS 50000000ull

void policy_init(struct policy *p, u32 cpus)
{
	list_init(&p->queue);
	p->floor_ns = DRIFT_NS;
	p->cpus = cpus;
	p->endless = 0;
	for (u32 i = 0; i < POLICY_MAX_CPUS; i++)
		p->cpu[i] = (struct policy_cpu){0};
}

void policy_add(struct policy *p, struct policy_entity *e, u32 weight)
{
	*e = (struct policy_entity){.weight = weight, .virtual_ns = p->floor_ns};
	list_init(&e->link);
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

static u64 scaled(const struct policy_entity *e, u64 ns)
{
	return likely(e->weight == POLICY_DEFAULT_WEIGHT) ? ns
							  : ns * POLICY_DEFAULT_WEIGHT / e->weight;
}

static u64 virtual_at(const struct policy_entity *e, u64 now)
{
	return e->virtual_ns + (now > e->charged_at ? scaled(e, now - e->charged_at) : 0);
}

/* Brings v to at least `behind` below the floor, and not further above it than one slice takes e.
 */
static u64 bounded(const struct policy *p, const struct policy_entity *e, u64 v, u64 behind)
{
	return min_u64(max_u64(v, p->floor_ns - behind),
		       p->floor_ns + DRIFT_NS + scaled(e, SLICE_NS));
}

static void charge(const struct policy *p, struct policy_entity *e, u64 now)
{
	e->virtual_ns = bounded(p, e, virtual_at(e, now), DRIFT_NS);
	e->charged_at = max_u64(e->charged_at, now);
}

static void set_running(struct policy *p, u32 cpu, struct policy_entity *e, u64 until)
{
	struct policy_cpu *c = &p->cpu[cpu];

	p->endless -= c->running && c->until == POLICY_NEVER;
	p->endless += e && until == POLICY_NEVER;
	c->running = e;
	c->until = until;
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

static u32 promise(struct policy *p, u32 cpu)
{
	p->cpu[cpu].promised = true;
	return cpu;
}

/* The CPU that should take e: its last one if idle, else any idle one, else the one whose entity is
 * furthest ahead; each only once, as it takes one entity from the queue. Where none is idle the
 * floor is brought up to date: e must not owe or be owed for a time in which nobody waited. */
static u32 place(struct policy *p, const struct policy_entity *e, u64 now)
{
	u64 most = 0, least = ~0ull;
	u32 best = POLICY_NO_CPU;

	if (!p->cpu[e->cpu].running && !p->cpu[e->cpu].promised)
		return promise(p, e->cpu);
	for (u32 i = 0; i < p->cpus; i++) {
		const struct policy_cpu *c = &p->cpu[i];
		u64 v;

		if (!c->running) {
			if (!c->promised)
				return promise(p, i);
			least = 0;
			continue;
		}
		v = virtual_at(c->running, now);
		least = min_u64(least, v);
		if (!c->promised && v >= most) {
			most = v;
			best = i;
		}
	}
	if (list_empty(&p->queue))
		p->floor_ns = max_u64(p->floor_ns, least);
	return best == POLICY_NO_CPU ? best : promise(p, best);
}

u32 policy_wake(struct policy *p, struct policy_entity *e, u64 now)
{
	u32 cpu;

	if (e->state != POLICY_ASLEEP)
		return POLICY_NO_CPU;
	cpu = place(p, e, now);
	e->virtual_ns = bounded(p, e, e->virtual_ns, CREDIT_NS);
	enqueue(p, e);
	return cpu;
}

void policy_sleep(struct policy *p, struct policy_entity *e, u64 now)
{
	if (e->state == POLICY_RUNNING) {
		charge(p, e, now);
		set_running(p, e->cpu, NULL, POLICY_NEVER);
	} else if (e->state == POLICY_QUEUED) {
		list_remove(&e->link);
	}
	e->state = POLICY_ASLEEP;
	e->yielded = false;
}

void policy_yield(struct policy *p, struct policy_entity *e, u64 now)
{
	(void)p;
	(void)now;
	e->yielded = e->state == POLICY_RUNNING;
}

/* Whether the head of the queue takes the place of who runs. */
static bool displaces(const struct policy_entity *head, const struct policy_entity *e)
{
	if (!e)
		return true;
	if (e->yielded)
		return head->virtual_ns <= e->virtual_ns + YIELD_NS;
	return head->virtual_ns + scaled(e, PREEMPT_NS) < e->virtual_ns;
}

/* One that a decision let run for ever though someone waits now. Asked for at the end of a slice
 * only: most waits are shorter and concern one CPU. */
static u32 find_endless(struct policy *p)
{
	for (u32 i = 0; p->endless && i < p->cpus; i++) {
		const struct policy_cpu *c = &p->cpu[i];

		if (c->running && c->until == POLICY_NEVER && !c->promised)
			return promise(p, i);
	}
	return POLICY_NO_CPU;
}

struct policy_decision policy_pick(struct policy *p, u32 cpu, u64 now)
{
	struct policy_entity *old = p->cpu[cpu].running, *head = first(p), *chosen = old;
	bool slice_over = p->cpu[cpu].until <= now;
	struct policy_decision d = {.until = POLICY_NEVER, .poke = POLICY_NO_CPU};

	p->cpu[cpu].promised = false;
	if (old)
		charge(p, old, now);
	if (head && displaces(head, old)) {
		list_remove(&head->link);
		if (old)
			enqueue(p, old);
		chosen = head;
	}
	if (old)
		old->yielded = false;
	head = first(p);
	if (chosen) {
		chosen->state = POLICY_RUNNING;
		chosen->cpu = cpu;
		chosen->charged_at = now;
	}
	if (head && chosen) {
		p->floor_ns = max_u64(p->floor_ns, min_u64(head->virtual_ns, chosen->virtual_ns));
		d.until = now + SLICE_NS;
		if (chosen == old && !slice_over)
			d.until = min_u64(d.until, p->cpu[cpu].until);
	}
	d.run = chosen;
	set_running(p, cpu, chosen, d.until);
	if (head && slice_over)
		d.poke = find_endless(p);
	return d;
}
