/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated machine: an event for each CPU and each sleeper, in a tournament tree. */
#include "sim.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define EVENTS 4096u /* CPUs first, then tasks */
#define LOOK   (250 * US)

struct policy p;
struct task task[SIM_TASKS];
struct policy_group group[SIM_GROUPS];
unsigned int tasks, groups, cpus;
u64 now, seed, skew, decisions, blocks, most_blocks, longest_idle, yields_heeded;

static struct task *on[POLICY_MAX_CPUS];
static u64 look_at[POLICY_MAX_CPUS], until[POLICY_MAX_CPUS], idles_since[POLICY_MAX_CPUS];
static u64 next_check;
static u32 event[2 * EVENTS]; /* the earliest of the two below */
static u64 event_at[EVENTS];
static u64 floor_before[POLICY_MAX_CPUS];

/* The compiler calls this for each basic block (-fsanitize-coverage=trace-pc). */
void __sanitizer_cov_trace_pc(void);
static u64 blocks_run;
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	blocks_run++;
}

u64 rnd(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static u64 clock_now(void)
{
	return now + (skew ? rnd(skew) : 0);
}

/* --- events --- */

static void set_event(u32 i, u64 at)
{
	event_at[i] = at;
	for (i = (i + EVENTS) / 2; i; i /= 2) {
		u32 a = event[2 * i], b = event[2 * i + 1];

		event[i] = event_at[b] < event_at[a] ? b : a;
	}
}

static void cpu_changed(unsigned int cpu)
{
	u64 at = min_u64(look_at[cpu], until[cpu]);
	const struct task *t = on[cpu];

	if (t && t->sleep)
		at = min_u64(at, t->since + t->left);
	if (t && t->yield_every)
		at = min_u64(at, t->since + t->yield_left);
	set_event(cpu, at);
}

static void poke(u32 cpu)
{
	if (cpu == POLICY_NO_CPU)
		return;
	look_at[cpu] = min_u64(look_at[cpu], now + POKE);
	cpu_changed(cpu);
}

static void sleep_until(struct task *t, u64 at)
{
	t->wake_at = at;
	set_event(POLICY_MAX_CPUS + (u32)(t - task), at);
}

/* --- what must hold --- */

static u32 check_queue(struct policy_cpu *c)
{
	u32 n = 0, movable = 0;
	u64 load = c->running ? c->running->share : 0, last = 0;
	struct list *pos;

	list_for_each(pos, &c->arrivals)
	{
		const struct policy_entity *e = list_entry(pos, struct policy_entity, arrival);
		u32 allowed = 0;

		assert_int_equal(e->state, POLICY_QUEUED);
		assert_ptr_equal(&p.cpu[e->cpu], c);
		assert_true(cpuset_has(&e->allowed, e->cpu));
		assert_true(e->since + skew >= last);
		last = e->since;
		load += e->share;
		for (u32 i = 0; i < cpus; i++)
			allowed += cpuset_has(&e->allowed, i);
		movable += allowed > 1;
		n++;
	}
	assert_int_equal(n, c->queued);
	assert_int_equal(movable, c->movable);
	assert_int_equal(load, c->load);
	return n;
}

static u32 check_heap(const struct heap *h, enum policy_state state)
{
	u32 n = 0;

	for (struct heap_node *i = h->top; i; i = heap_next(i, true)) {
		const struct policy_entity *e = container_of(i, struct policy_entity, node);

		assert_int_equal(e->state, state);
		assert_true(i->up ? i->key >= i->up->key : i == h->top);
		assert_true(state != POLICY_QUEUED || i->key == e->virtual_ns);
		n++;
	}
	return n;
}

/* Somebody will look at cpu's queue soon: it, or an idle one. */
static bool is_looked_at(u32 cpu)
{
	for (u32 i = 0; i < cpus; i++)
		if (look_at[i] != POLICY_NEVER && (i == cpu || p.cpu[i].hint == cpu))
			return true;
	return false;
}

void check(void)
{
	u32 count[4] = {0};
	u32 compete[SIM_GROUPS] = {0};

	for (u32 i = 0; i < cpus; i++) {
		struct policy_cpu *c = &p.cpu[i];
		u32 n = check_queue(c);

		assert_int_equal(n, check_heap(&c->queue, POLICY_QUEUED));
		count[POLICY_QUEUED] += n;
		count[POLICY_PARKED] += check_heap(&c->parked, POLICY_PARKED);
		assert_int_equal(cpuset_has(&p.crowded, i), c->movable != 0);
		assert_false(cpuset_has(&p.idle, i) && c->running);
		assert_true(c->floor_ns >= floor_before[i]);
		floor_before[i] = c->floor_ns;
		assert_int_equal(c->lock.next, c->lock.owner);
		if (c->running) {
			assert_int_equal(c->running->state, POLICY_RUNNING);
			assert_int_equal(c->running->cpu, i);
			assert_true(!c->queued || until[i] != POLICY_NEVER || is_looked_at(i));
			count[POLICY_RUNNING]++;
		}
	}
	for (unsigned int i = 0; i < tasks; i++) {
		count[task[i].e.state]--;
		compete[task[i].e.group - group] += task[i].e.state != POLICY_ASLEEP;
	}
	for (unsigned int i = 0; i < groups; i++)
		assert_int_equal(group[i].clock & 127, compete[i]);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(count[i], 0);
}

/* No CPU idles while another one queues two that it may run. */
static void check_idle(void)
{
	for (u32 i = 0; i < cpus; i++) {
		bool wanted = false;

		for (u32 k = 0; !p.cpu[i].running && !wanted && k < cpus; k++) {
			const struct heap_node *n = p.cpu[k].queue.top;

			if (p.cpu[k].queued < 2)
				continue;
			for (; n && !wanted; n = heap_next(n, true))
				wanted = cpuset_has(&container_of((struct heap_node *)n,
								  struct policy_entity, node)
							     ->allowed,
						    i);
		}
		if (!wanted)
			idles_since[i] = now;
		longest_idle = max_u64(longest_idle, now - idles_since[i]);
	}
}

/* --- the machine --- */

void machine(unsigned int n, u64 with_seed)
{
	seed = with_seed * 2654435761u + 88172645463325252ull;
	policy_init(&p, n);
	cpus = n;
	tasks = groups = 0;
	now = 1;
	skew = 0;
	decisions = blocks = most_blocks = longest_idle = yields_heeded = next_check = 0;
	memset(task, 0, sizeof(task));
	memset(on, 0, sizeof(on));
	memset(floor_before, 0, sizeof(floor_before));
	for (u32 i = 0; i < EVENTS; i++) {
		event[EVENTS + i] = i;
		event_at[i] = POLICY_NEVER;
	}
	for (u32 i = EVENTS - 1; i; i--)
		event[i] = event[2 * i];
	for (unsigned int i = 0; i < POLICY_MAX_CPUS; i++) {
		look_at[i] = until[i] = POLICY_NEVER;
		idles_since[i] = 0;
	}
	for (unsigned int i = 0; i < n; i++)
		sim_look(i);
}

struct policy_group *domain(u32 weight, u32 cap)
{
	struct policy_group *g = &group[groups++];

	*g = (struct policy_group){.weight = weight, .cap = cap};
	return g;
}

struct task *add(struct policy_group *g, u64 burst, u64 sleep)
{
	struct task *t = &task[tasks++];

	*t = (struct task){.burst = burst, .sleep = sleep, .left = burst};
	policy_add(&p, &t->e, g);
	sleep_until(t, now);
	return t;
}

struct task *add_alone(u32 weight, u64 burst, u64 sleep)
{
	return add(domain(weight, 0), burst, sleep);
}

static void account(unsigned int cpu)
{
	struct task *t = on[cpu];

	if (!t)
		return;
	t->ran += now - t->since;
	t->left -= min_u64(t->left, now - t->since);
	t->yield_left -= min_u64(t->yield_left, now - t->since);
	t->since = now;
}

static void count_blocks(u64 before)
{
	decisions++;
	blocks += blocks_run - before;
	most_blocks = max_u64(most_blocks, blocks_run - before);
}

static void enters(struct task *t)
{
	u64 w = now - max_u64(t->since, t->e.group->cap ? t->e.since : 0);

	t->longest_wait = max_u64(t->longest_wait, w);
	t->waits++;
	t->late += w > MS;
	t->over += w > t->longest_queue * POLICY_SLICE_NS;
	if (t->stopped_at)
		t->longest_gap = max_u64(t->longest_gap, now - t->stopped_at);
	t->since = now;
}

/* Of those that wait on cpu: how many compete there, at most. */
static void note_queue(u32 cpu)
{
	struct list *pos;

	list_for_each(pos, &p.cpu[cpu].arrivals)
	{
		struct task *t = container_of(pos, struct task, e.arrival);

		t->longest_queue = (u32)max_u64(t->longest_queue, p.cpu[cpu].queued + 1);
	}
}

void wake_up(struct task *t)
{
	u64 before = blocks_run;
	spinlock_t *lock = policy_lock(&p, &t->e);
	u32 home = t->e.cpu, cpu;

	assert_int_equal(t->e.state, POLICY_ASLEEP);
	cpu = policy_wake(&p, &t->e, clock_now());
	spin_unlock(lock);
	count_blocks(before);
	sleep_until(t, POLICY_NEVER);
	t->since = now;
	t->longest_queue = 0;
	note_queue(home);
	poke(cpu);
}

void sim_look(unsigned int cpu)
{
	struct policy_decision d;
	struct task *old = on[cpu], *next;
	u64 before;

	account(cpu);
	look_at[cpu] = POLICY_NEVER;
	before = blocks_run;
	spin_lock(&p.cpu[cpu].lock);
	if (old && old->sleep && old->left == 0) {
		policy_sleep(&p, &old->e, clock_now());
		sleep_until(old, now + (old->jitter ? 1 + rnd(2 * old->sleep) : old->sleep));
		old->left = old->jitter ? 1 + rnd(2 * old->burst) : old->burst;
	} else if (old && old->yield_every && old->yield_left == 0) {
		yields_heeded += policy_yield(&p, &old->e);
		old->yield_left = old->yield_every;
	}
	d = policy_pick(&p, cpu, clock_now());
	spin_unlock(&p.cpu[cpu].lock);
	count_blocks(before);
	next = d.run ? container_of(d.run, struct task, e) : NULL;
	if (next != old) {
		if (old) {
			old->since = old->stopped_at = now;
			old->longest_queue = 0;
		}
		if (next)
			enters(next);
	}
	note_queue(cpu);
	on[cpu] = next;
	until[cpu] = d.until;
	cpu_changed(cpu);
	poke(d.poke[0]);
	poke(d.poke[1]);
	if (d.moved)
		wake_up(container_of(d.moved, struct task, e));
}

void halt(struct task *t)
{
	spinlock_t *lock = policy_lock(&p, &t->e);

	if (t->e.state == POLICY_QUEUED || t->e.state == POLICY_PARKED)
		policy_sleep(&p, &t->e, clock_now());
	spin_unlock(lock);
}

/* As the mechanism does it. */
void pin(struct task *t, const struct cpuset *allowed)
{
	spinlock_t *lock = policy_lock(&p, &t->e);
	u32 cpu = t->e.cpu;
	bool waits = t->e.state == POLICY_QUEUED || t->e.state == POLICY_PARKED;
	bool leaves = t->e.state == POLICY_RUNNING && !cpuset_has(allowed, cpu);

	if (waits)
		policy_sleep(&p, &t->e, clock_now());
	policy_allow(&p, &t->e, allowed);
	spin_unlock(lock);
	if (waits)
		wake_up(t);
	if (leaves)
		poke(cpu);
}

void run(u64 ns)
{
	u64 end = now + ns;

	for (;;) {
		u32 i = event[1];

		if (now >= next_check) {
			if (cpus < 16 || next_check % (8 * LOOK) == 0)
				check();
			check_idle();
			next_check += LOOK;
		}
		if (min_u64(event_at[i], next_check) >= end)
			break;
		now = max_u64(now, min_u64(event_at[i], next_check));
		if (event_at[i] > now)
			continue;
		if (i >= POLICY_MAX_CPUS)
			wake_up(&task[i - POLICY_MAX_CPUS]);
		else
			sim_look(i);
	}
	now = end;
	for (unsigned int i = 0; i < cpus; i++) {
		account(i);
		cpu_changed(i);
	}
}

void forget(void)
{
	longest_idle = 0;
	for (unsigned int i = 0; i < tasks; i++) {
		struct task *t = &task[i];

		t->ran = t->longest_wait = t->longest_gap = t->waits = t->late = t->over = 0;
		t->stopped_at = 0;
	}
}

u64 ran_by(const struct policy_group *g)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < tasks; i++)
		sum += task[i].e.group == g ? task[i].ran : 0;
	return sum;
}
