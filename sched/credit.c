/* SPDX-License-Identifier: BSD-2-Clause */
/* Credit scheduling. Whoever ran least, measured by weight, runs next. Run time is accounted
 * exactly, at each decision, never by sampling.
 *
 * Each CPU serves its own queue in order of virtual time: run time times what one nanosecond costs
 * the entity, which is the number of its group's entities that compete, divided by the group's
 * weight. Virtual times mean the same on all CPUs: a CPU that looks at its queue also looks at a
 * few others, and takes over who waits there longer behind. So weights hold across CPUs, nobody
 * needs a lock but that of a queue (another one is only tried), and no decision grows with the
 * number of CPUs.
 *
 * A group with a cap pays for each piece of run time before it: that gives the piece the time at
 * which it may begin, so that pieces are spread evenly. */
#include <sched/policy.h>

#define SLICE_NS   POLICY_SLICE_NS
#define PIECE_NS   1000000ull  /* of a capped group */
#define BURST_NS   20000000ull /* a capped group may have been late by this much */
#define MIN_NS     200000ull   /* nobody runs for less, unless someone wakes */
#define CREDIT_NS  500000ull   /* how far behind the floor a sleeper may wake: its head start */
#define PREEMPT_NS 250000ull   /* who is this far behind pushes another out in its slice */
#define RETRY_NS   20000ull    /* an idle CPU that found a queue locked looks again */
/* CPUs where nobody waits, and weights that are more than a CPU's worth, let virtual times drift
 * apart without anyone owing anything. More run time than this is forgiven, to both sides. */
#define DRIFT_NS 100000000ull
#define LOOKS    4u  /* other CPUs looked at in a decision */
#define VISITS   32u /* entities looked at in another CPU's queue */

u32 cpuset_words;

/* --- what run time costs --- */

/* A group's clock is the integral over time of n, the number of its entities that compete: n * t
 * less the sum of the times at which n grew, plus that of the times at which it shrank. n and the
 * sum are one word, so that each change is one atomic addition and each reading is consistent. */
#define CLOCK_SHIFT 7u
#define CLOCK_MASK  low_mask(64 - CLOCK_SHIFT)

static u64 competing(const struct policy_group *g)
{
	return max_u64(READ_ONCE(g->clock) & low_mask(CLOCK_SHIFT), 1);
}

static void compete(struct policy_group *g, u64 now, bool more)
{
	u64 step = (now << CLOCK_SHIFT) + 1;

	__atomic_fetch_add(&g->clock, more ? step : -step, __ATOMIC_RELAXED);
}

static u64 group_clock(const struct policy_group *g, u64 now)
{
	u64 word = READ_ONCE(g->clock);

	return ((word & low_mask(CLOCK_SHIFT)) * now - (word >> CLOCK_SHIFT)) & CLOCK_MASK;
}

static u64 scaled(const struct policy_entity *e, u64 ns)
{
	return ns * competing(e->group) * POLICY_DEFAULT_WEIGHT / READ_ONCE(e->group->weight);
}

/* Not further behind the floor than `behind`, nor ahead than DRIFT_NS. */
static void bound(const struct policy_cpu *c, struct policy_entity *e, u64 behind)
{
	e->virtual_ns = min_u64(max_u64(e->virtual_ns, c->floor_ns - scaled(e, behind)),
				c->floor_ns + scaled(e, DRIFT_NS));
}

static void raise_floor(struct policy_cpu *c, u64 to)
{
	WRITE_ONCE(c->floor_ns, max_u64(c->floor_ns, to));
}

/* The running e ran until now. */
static void charge(struct policy_cpu *c, struct policy_entity *e, u64 now)
{
	struct policy_group *g = e->group;
	u64 clock = group_clock(g, now), used = (clock - e->clock) & CLOCK_MASK, ran, cap;

	if (now <= e->charged_at || used > CLOCK_MASK / 2)
		return; /* clocks of two CPUs differ a little */
	ran = now - e->charged_at;
	e->clock = clock;
	e->charged_at = now;
	e->virtual_ns += used * POLICY_DEFAULT_WEIGHT / READ_ONCE(g->weight);
	bound(c, e, DRIFT_NS);
	cap = READ_ONCE(g->cap);
	if (cap && ran > e->left) /* at most a slice: it may have run long before it had a cap */
		__atomic_fetch_add(&g->paid, min_u64(ran - e->left, SLICE_NS) * 100 / cap,
				   __ATOMIC_RELAXED);
	e->left -= min_u64(e->left, ran);
}

/* Pays for e's next piece. Returns when it may begin. */
static u64 pay(struct policy_entity *e, u64 now)
{
	struct policy_group *g = e->group;
	u64 cap = READ_ONCE(g->cap), paid = READ_ONCE(g->paid), begin;

	if (!cap || e->left)
		return 0;
	do
		begin = max_u64(paid, now > BURST_NS ? now - BURST_NS : 0);
	while (!__atomic_compare_exchange_n(&g->paid, &paid, begin + PIECE_NS * 100 / cap, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	e->left = PIECE_NS;
	return begin;
}

/* --- queues, under their locks --- */

#define SHARE_ONE (POLICY_DEFAULT_WEIGHT << 10)

static void join(struct policy_cpu *c, struct policy_entity *e)
{
	e->share = (u32)((READ_ONCE(e->group->weight) << 10) / competing(e->group));
	c->load += e->share;
}

static struct policy_entity *first(const struct policy_cpu *c)
{
	return c->queue.top ? container_of(c->queue.top, struct policy_entity, node) : NULL;
}

/* e entered (1) or left (-1) c's queue. */
static void queue_changed(struct policy *p, struct policy_cpu *c, const struct policy_entity *e,
			  u32 by)
{
	const struct policy_entity *head = first(c);

	c->queued += by;
	c->movable += e->movable ? by : 0;
	WRITE_ONCE(c->least_ns, head ? head->virtual_ns : POLICY_NEVER);
	cpuset_put(&p->crowded, e->cpu, c->movable != 0);
}

static void queue_put(struct policy *p, struct policy_cpu *c, struct policy_entity *e, u64 since)
{
	e->state = POLICY_QUEUED;
	e->since = since;
	list_insert_before(&c->arrivals, &e->arrival);
	heap_insert(&c->queue, &e->node, e->virtual_ns);
	queue_changed(p, c, e, 1);
}

static void queue_take(struct policy *p, struct policy_cpu *c, struct policy_entity *e)
{
	list_remove(&e->arrival);
	heap_remove(&c->queue, &e->node);
	queue_changed(p, c, e, ~0u);
}

static void set_running(struct policy_cpu *c, struct policy_entity *e, u64 now)
{
	c->running = e;
	if (!e || e->state == POLICY_RUNNING)
		return;
	e->state = POLICY_RUNNING;
	e->charged_at = now;
	e->clock = group_clock(e->group, now);
}

static void park(struct policy_cpu *c, struct policy_entity *e, u64 until)
{
	c->load -= e->share;
	e->state = POLICY_PARKED;
	heap_insert(&c->parked, &e->node, until);
}

/* The virtual time for which one runs ahead of the next: as much for all, so that nobody waits for
 * more than half a slice for each in the queue. */
static u64 quantum(const struct policy_cpu *c)
{
	return (c->queued + 1) * (SLICE_NS / 4) * SHARE_ONE / max_u64(c->load, 1);
}

/* --- set up --- */

void policy_init(struct policy *p, u32 cpus)
{
	*p = (struct policy){.cpus = cpus};
	cpuset_words = (cpus + 63) / 64;
	for (u32 i = 0; i < cpus; i++) {
		struct policy_cpu *c = &p->cpu[i];

		cpuset_put(&p->all, i, true);
		list_init(&c->arrivals);
		c->until = c->least_ns = POLICY_NEVER;
		c->floor_ns = 1ull << 60; /* nobody's head start is before 0 */
		c->hint = POLICY_NO_CPU;
		c->rotor = i;
	}
}

void policy_add(struct policy *p, struct policy_entity *e, struct policy_group *g)
{
	*e = (struct policy_entity){.group = g, .allowed = p->all};
	e->cpu = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED) % p->cpus;
	e->virtual_ns = READ_ONCE(p->cpu[e->cpu].floor_ns);
	list_init(&e->arrival);
	e->movable = p->cpus > 1;
}

spinlock_t *policy_lock(struct policy *p, const struct policy_entity *e)
{
	for (;;) {
		u32 cpu = __atomic_load_n(&e->cpu, __ATOMIC_ACQUIRE);

		spin_lock(&p->cpu[cpu].lock);
		if (READ_ONCE(e->cpu) == cpu)
			return &p->cpu[cpu].lock;
		spin_unlock(&p->cpu[cpu].lock);
	}
}

/* The asleep e goes into another queue's care, if it may not run here: not to be touched any more.
 */
static void go_home(struct policy *p, struct policy_entity *e)
{
	u32 cpu = e->cpu;

	if (cpuset_has(&e->allowed, cpu))
		return;
	cpu = cpuset_next(&e->allowed, &p->idle, cpu);
	if (cpu == POLICY_NO_CPU)
		cpu = cpuset_next(&e->allowed, &p->all, e->cpu);
	__atomic_store_n(&e->cpu, cpu, __ATOMIC_RELEASE);
}

void policy_allow(struct policy *p, struct policy_entity *e, const struct cpuset *allowed)
{
	u32 one = cpuset_next(allowed, &p->all, 0);

	e->allowed = *allowed;
	e->movable = cpuset_next(allowed, &p->all, (one + 1) % POLICY_MAX_CPUS) != one;
	if (e->state == POLICY_ASLEEP)
		go_home(p, e);
}

static bool is_empty(const struct policy *p, const struct cpuset *set)
{
	return cpuset_next(set, &p->all, 0) == POLICY_NO_CPU;
}

/* --- events --- */

/* Takes one CPU that e may run on out of set: that one is to be poked. */
static u32 claim(const struct cpuset *allowed, struct cpuset *set, u32 near)
{
	for (;;) {
		u32 cpu = cpuset_next(allowed, set, near);

		if (cpu == POLICY_NO_CPU || cpuset_put(set, cpu, false))
			return cpu;
	}
}

/* An idle CPU for the queued e. It knows where to look first. */
static u32 claim_idle(struct policy *p, const struct policy_entity *e)
{
	u32 cpu = e->cpu;

	if (cpuset_has(&e->allowed, cpu) && cpuset_put(&p->idle, cpu, false))
		return cpu;
	cpu = claim(&e->allowed, &p->idle, cpu);
	if (cpu != POLICY_NO_CPU && cpu != e->cpu)
		WRITE_ONCE(p->cpu[cpu].hint, e->cpu);
	return cpu;
}

/* Is e so far behind that it may push out one at virtual time v in its slice? */
static bool is_entitled(const struct policy_cpu *c, const struct policy_entity *e, u64 v)
{
	return e->virtual_ns + scaled(e, PREEMPT_NS) < min_u64(v, c->floor_ns) ||
	       e->virtual_ns + quantum(c) < v;
}

static u32 call_for(struct policy *p, struct policy_cpu *c, const struct policy_entity *e)
{
	u32 cpu = claim_idle(p, e);

	if (cpu != POLICY_NO_CPU || c->promised || !c->running)
		return cpu;
	if (c->until != POLICY_NEVER && !is_entitled(c, e, c->running->virtual_ns))
		return POLICY_NO_CPU;
	c->promised = true;
	cpuset_put(&p->alone, e->cpu, false);
	return e->cpu;
}

u32 policy_wake(struct policy *p, struct policy_entity *e, u64 now)
{
	struct policy_cpu *c = &p->cpu[e->cpu];

	compete(e->group, now, true);
	if (c->running) {
		charge(c, c->running, now);
		if (!c->queued) /* it owes nothing for a time in which nobody waited */
			raise_floor(c, c->running->virtual_ns);
	}
	bound(c, e, max_u64(CREDIT_NS, e->owed));
	join(c, e);
	queue_put(p, c, e, now);
	return call_for(p, c, e);
}

void policy_sleep(struct policy *p, struct policy_entity *e, u64 now)
{
	struct policy_cpu *c = &p->cpu[e->cpu];
	const struct policy_entity *head;

	if (e->state == POLICY_ASLEEP)
		return;
	if (e->state == POLICY_PARKED) {
		heap_remove(&c->parked, &e->node);
	} else {
		if (e->state == POLICY_RUNNING) {
			charge(c, e, now);
			set_running(c, NULL, now);
		} else {
			queue_take(p, c, e);
		}
		c->load -= e->share;
	}
	head = first(c);
	e->owed = head && head->virtual_ns > e->virtual_ns
			  ? min_u64((head->virtual_ns - e->virtual_ns) * 1024 / scaled(e, 1024),
				    SLICE_NS / 2)
			  : 0;
	compete(e->group, now, false);
	e->state = POLICY_ASLEEP;
	e->yielded = false;
	go_home(p, e);
}

bool policy_yield(struct policy *p, struct policy_entity *e)
{
	e->yielded = e->state == POLICY_RUNNING;
	return READ_ONCE(p->cpu[e->cpu].queued) || !is_empty(p, &p->crowded);
}

/* --- decisions --- */

static u64 longest_wait_ends(const struct policy_cpu *c)
{
	return list_entry(c->arrivals.next, struct policy_entity, arrival)->since +
	       (c->queued + 1) * (SLICE_NS / 4 * 3);
}

/* Someone waited so long that virtual times do not count. */
static bool is_overdue(const struct policy_cpu *c, u64 now)
{
	return c->queued && longest_wait_ends(c) <= now;
}

/* Who of the own queue and old (may be NULL) is next. */
static struct policy_entity *choose(const struct policy_cpu *c, struct policy_entity *old, u64 now)
{
	struct policy_entity *head = first(c);

	if (!head)
		return old;
	if ((old || c->queued > 1) && is_overdue(c, now))
		return list_entry(c->arrivals.next, struct policy_entity, arrival);
	if (!old)
		return head;
	if (old->yielded)
		return head->virtual_ns <= old->virtual_ns + 4 * quantum(c) ? head : old;
	if (c->until <= now)
		return head->virtual_ns < old->virtual_ns ? head : old;
	return is_entitled(c, head, old->virtual_ns) ? head : old;
}

/* The one furthest behind in from's queue that may run on cpu, and is behind virtual time v. */
static struct policy_entity *find_behind(const struct policy_cpu *from, u32 cpu, u64 v)
{
	struct heap_node *n = from->queue.top;
	struct policy_entity *best = NULL;

	for (u32 i = 0; n && i < VISITS; i++) {
		struct policy_entity *e = container_of(n, struct policy_entity, node);
		bool behind = e->virtual_ns < v;

		if (behind && cpuset_has(&e->allowed, cpu)) {
			best = e;
			v = e->virtual_ns;
			behind = false; /* those below it are not */
		}
		n = heap_next(n, behind);
	}
	return best;
}

/* Moves one that is behind v from another queue to cpu's; *retry: could not be looked at. */
static struct policy_entity *pull_from(struct policy *p, u32 from, u32 cpu, u64 v, bool *retry)
{
	struct policy_cpu *c = &p->cpu[cpu], *f = &p->cpu[from];
	struct policy_entity *e;

	if (!spin_trylock(&f->lock)) { /* not waited for: its holder may be trying ours */
		*retry = true;
		return NULL;
	}
	e = find_behind(f, cpu, v);
	if (e) {
		queue_take(p, f, e);
		f->load -= e->share;
		__atomic_store_n(&e->cpu, cpu, __ATOMIC_RELEASE);
		bound(c, e, DRIFT_NS);
		join(c, e);
		queue_put(p, c, e, e->since);
	}
	spin_unlock(&f->lock);
	return e;
}

/* Someone in another queue who is further behind than e by a quantum; anyone if e is NULL, and if
 * there is no one the CPU is known to be idle. */
static struct policy_entity *pull(struct policy *p, u32 cpu, const struct policy_entity *e, u64 now,
				  u64 *until)
{
	struct policy_cpu *c = &p->cpu[cpu];
	u64 v = e ? e->virtual_ns - min_u64(quantum(c), e->virtual_ns) : POLICY_NEVER;
	struct policy_entity *found = NULL;
	bool retry = false;

	if (!e) /* first known, then looking: whoever queues one does it the other way round */
		cpuset_put(&p->idle, cpu, true);
	if (c->look != POLICY_NO_CPU)
		found = pull_from(p, c->look, cpu, e ? e->virtual_ns : v, &retry);
	if (found)
		c->look = POLICY_NO_CPU;
	for (u32 i = 0; !found && i < (e ? LOOKS : p->cpus); i++) {
		u32 from = cpuset_next(&p->crowded, &p->all, (c->rotor + 1) % POLICY_MAX_CPUS);

		if (from == POLICY_NO_CPU)
			break;
		c->rotor = from;
		if (!c->queued) /* who runs alone is compared with them */
			raise_floor(c, READ_ONCE(p->cpu[from].floor_ns));
		if (from != cpu && READ_ONCE(p->cpu[from].least_ns) < v)
			found = pull_from(p, from, cpu, v, &retry);
	}
	if (!e && found)
		cpuset_put(&p->idle, cpu, false);
	else if (!e && retry)
		*until = now + RETRY_NS;
	return found;
}

/* One whose piece may begin now goes to the queue. */
static struct policy_entity *unpark(struct policy *p, struct policy_cpu *c, u64 now)
{
	struct policy_entity *e;

	if (!c->parked.top || c->parked.top->key > now)
		return NULL;
	e = container_of(c->parked.top, struct policy_entity, node);
	heap_remove(&c->parked, &e->node);
	bound(c, e, CREDIT_NS);
	join(c, e);
	queue_put(p, c, e, now);
	return e;
}

/* How long the chosen e may run. */
static u64 slice_end(struct policy *p, u32 cpu, const struct policy_entity *e, bool goes_on,
		     u64 now)
{
	struct policy_cpu *c = &p->cpu[cpu];
	const struct policy_entity *head = first(c);
	u64 until = now + SLICE_NS / 4; /* alone: for a look at who waits elsewhere */

	if (head) {
		u64 to = head->virtual_ns + quantum(c);
		u64 ns = to > e->virtual_ns ? (to - e->virtual_ns) / scaled(e, 1024) * 1024 : 0;

		until = now + min_u64(max_u64(ns, MIN_NS), SLICE_NS);
		if (goes_on && c->until > now)
			until = min_u64(until, c->until);
		until = min_u64(until, max_u64(longest_wait_ends(c), now + MIN_NS));
	} else {
		/* First known, then looking, as above. */
		cpuset_put(&p->alone, cpu, true);
		if (is_empty(p, &p->crowded))
			until = POLICY_NEVER;
		else
			cpuset_put(&p->alone, cpu, false);
	}
	return READ_ONCE(e->group->cap) ? min_u64(until, now + e->left) : until;
}

/* What runs on cpu next; sets c->running. Those that cannot pay on the way there are parked. */
static struct policy_entity *decide(struct policy *p, u32 cpu, u64 now, u64 *until)
{
	struct policy_cpu *c = &p->cpu[cpu];
	struct policy_entity *old = c->running, *e;

	for (;;) {
		u64 begin;

		e = choose(c, old, now);
		if (!(e && c->look == POLICY_NO_CPU && is_empty(p, &p->crowded)) &&
		    !is_overdue(c, now)) {
			struct policy_entity *other = pull(p, cpu, e, now, until);

			e = other ? other : e;
		}
		begin = e ? pay(e, now) : 0;
		if (e && e != old)
			queue_take(p, c, e);
		if (begin <= now)
			break;
		if (e == old)
			old = NULL;
		park(c, e, begin);
	}
	if (old && e != old)
		queue_put(p, c, old, now);
	set_running(c, e, now);
	return e;
}

struct policy_decision policy_pick(struct policy *p, u32 cpu, u64 now)
{
	struct policy_cpu *c = &p->cpu[cpu];
	struct policy_decision d = {.until = POLICY_NEVER, .poke = {POLICY_NO_CPU, POLICY_NO_CPU}};
	struct policy_entity *old = c->running, *spare, *head;
	bool over = c->until <= now;

	c->promised = false;
	cpuset_put(&p->idle, cpu, false);
	cpuset_put(&p->alone, cpu, false);
	c->look = POLICY_NO_CPU;
	if (READ_ONCE(c->hint) != POLICY_NO_CPU)
		c->look = __atomic_exchange_n(&c->hint, POLICY_NO_CPU, __ATOMIC_ACQUIRE);
	if (old)
		charge(c, old, now);
	if (old && !cpuset_has(&old->allowed, cpu)) {
		policy_sleep(p, old, now);
		d.moved = old;
		old = NULL;
	}
	spare = unpark(p, c, now);
	d.run = decide(p, cpu, now, &d.until);
	head = first(c);
	if (d.run) {
		if (head)
			raise_floor(c, min_u64(head->virtual_ns, d.run->virtual_ns));
		c->until = d.until = slice_end(p, cpu, d.run, d.run == old, now);
	}
	c->until = d.until;
	if (old)
		old->yielded = false;
	if (c->parked.top)
		d.until = min_u64(d.until, max_u64(c->parked.top->key, now));
	/* Who was put into the queue here may run elsewhere at once; and those that run alone
	 * elsewhere ought to compare themselves with who waits here. */
	if (!spare || spare->state != POLICY_QUEUED)
		spare = old;
	if (spare && spare->state == POLICY_QUEUED)
		d.poke[0] = claim_idle(p, spare);
	if (d.poke[0] == POLICY_NO_CPU && over && c->movable)
		d.poke[0] = claim(&p->all, &p->alone, cpu);
	/* Whom this CPU was called for was not taken: its own CPU may not know that it waits. */
	if (c->look != POLICY_NO_CPU && cpuset_has(&p->crowded, c->look))
		d.poke[1] = c->look;
	return d;
}
