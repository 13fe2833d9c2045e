/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduling policy, simulated for hours: shares, latency, no CPU idle while anyone waits. */
// links: sched/fair.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <sched/policy.h>

#define MAX  700u
#define POKE 5000ull /* ns until another CPU looks */
#define US   1000ull
#define MS   1000000ull
#define HOUR (3600 * NS_PER_SEC)

/* A vCPU that runs for `burst` and sleeps for `sleep`, in turn; sleep 0: never sleeps. */
struct task {
	struct policy_entity e;
	u64 burst, sleep, left, wake_at;
	u64 yield_every; /* ns of run time; 0: never */
	u64 yield_left, ran, since, longest_wait, waits, late;
};

static struct policy p;
static struct task task[MAX];
static unsigned int tasks, cpus;
static u64 now, floor_before, look_at[POLICY_MAX_CPUS], until[POLICY_MAX_CPUS];
static struct task *on[POLICY_MAX_CPUS];
static u64 seed = 88172645463325252ull;

static u64 rnd(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/* --- invariants --- */

static void check(void)
{
	unsigned int queued = 0, idle = 0, asked = 0, endless = 0, looks = 0, running = 0;
	struct list *pos;
	u64 last = 0;

	list_for_each(pos, &p.queue)
	{
		struct policy_entity *e = list_entry(pos, struct policy_entity, link);

		assert_int_equal(e->state, POLICY_QUEUED);
		assert_true(e->virtual_ns >= last);
		last = e->virtual_ns;
		queued++;
	}
	for (u32 i = 0; i < p.cpus; i++) {
		const struct policy_cpu *c = &p.cpu[i];

		if (c->running) {
			assert_int_equal(c->running->state, POLICY_RUNNING);
			assert_int_equal(c->running->cpu, i);
			running++;
			endless += c->until == POLICY_NEVER;
			looks += c->until != POLICY_NEVER || c->promised;
		} else {
			idle += !c->promised;
			asked += c->promised;
			looks += c->promised;
		}
	}
	for (unsigned int i = 0; i < tasks; i++) {
		queued -= task[i].e.state == POLICY_QUEUED;
		running -= task[i].e.state == POLICY_RUNNING;
	}
	assert_int_equal(running, 0);
	assert_int_equal(queued, 0);
	assert_int_equal(endless, p.endless);
	if (!list_empty(&p.queue)) {
		unsigned int waiting = 0;

		list_for_each(pos, &p.queue) waiting++;
		/* Nobody idles but for those who were told and have not looked yet. */
		assert_true(idle == 0 || waiting <= asked);
		assert_true(looks > 0);
	}
	assert_true(p.floor_ns >= floor_before);
	floor_before = p.floor_ns;
}

/* --- the machine --- */

static void machine(unsigned int n)
{
	policy_init(&p, n);
	cpus = n;
	tasks = 0;
	now = floor_before = 0;
	memset(task, 0, sizeof(task));
	memset(on, 0, sizeof(on));
	for (unsigned int i = 0; i < n; i++)
		look_at[i] = until[i] = POLICY_NEVER;
}

static struct task *add(u32 weight, u64 burst, u64 sleep)
{
	struct task *t = &task[tasks++];

	policy_add(&p, &t->e, weight);
	*t = (struct task){.e = t->e, .burst = burst, .sleep = sleep, .left = burst};
	list_init(&t->e.link);
	t->wake_at = now;
	return t;
}

static void account(unsigned int cpu)
{
	struct task *t = on[cpu];

	if (!t)
		return;
	t->ran += now - t->since;
	if (t->sleep)
		t->left -= min_u64(t->left, now - t->since);
	if (t->yield_every)
		t->yield_left -= min_u64(t->yield_left, now - t->since);
	t->since = now;
}

static void waited(struct task *t)
{
	u64 w = now - t->since;

	t->longest_wait = max_u64(t->longest_wait, w);
	t->waits++;
	t->late += w > 200 * US;
}

static void look(unsigned int cpu)
{
	struct policy_decision d;
	struct task *old = on[cpu], *next;

	account(cpu);
	look_at[cpu] = POLICY_NEVER;
	if (old && old->sleep && old->left == 0) {
		policy_sleep(&p, &old->e, now);
		old->wake_at = now + old->sleep;
		old->left = old->burst;
	} else if (old && old->yield_every && old->yield_left == 0) {
		policy_yield(&p, &old->e, now);
		old->yield_left = old->yield_every;
	}
	d = policy_pick(&p, cpu, now);
	next = d.run ? container_of(d.run, struct task, e) : NULL;
	if (next != old) {
		if (old)
			old->since = now; /* waits from now on, if it did not go to sleep */
		if (next) {
			waited(next);
			next->since = now;
		}
	}
	on[cpu] = next;
	until[cpu] = d.until;
	if (d.poke != POLICY_NO_CPU)
		look_at[d.poke] = min_u64(look_at[d.poke], now + POKE);
}

static void wake(struct task *t)
{
	u32 cpu = policy_wake(&p, &t->e, now);

	t->wake_at = POLICY_NEVER;
	t->since = now;
	if (cpu != POLICY_NO_CPU)
		look_at[cpu] = min_u64(look_at[cpu], now + POKE);
}

static u64 cpu_event(unsigned int cpu)
{
	u64 at = min_u64(look_at[cpu], until[cpu]);
	const struct task *t = on[cpu];

	if (t && t->sleep)
		at = min_u64(at, t->since + t->left);
	if (t && t->yield_every)
		at = min_u64(at, t->since + t->yield_left);
	return at;
}

static void run(u64 ns)
{
	u64 end = now + ns;
	unsigned int events = 0;

	for (;;) {
		u64 first = end;

		for (unsigned int i = 0; i < cpus; i++)
			first = min_u64(first, cpu_event(i));
		for (unsigned int i = 0; i < tasks; i++)
			first = min_u64(first, task[i].wake_at);
		now = max_u64(now, first);
		if (now >= end)
			break;
		for (unsigned int i = 0; i < tasks; i++)
			if (task[i].wake_at <= now)
				wake(&task[i]);
		for (unsigned int i = 0; i < cpus; i++)
			if (cpu_event(i) <= now)
				look(i);
		if (events++ % 16 == 0)
			check();
	}
	now = end;
	for (unsigned int i = 0; i < cpus; i++)
		account(i);
	check();
}

static void forget(void)
{
	for (unsigned int i = 0; i < tasks; i++)
		task[i].ran = task[i].longest_wait = task[i].waits = task[i].late = 0;
}

/* t had `want` per mille of one CPU, within `by` per mille of that. */
static void assert_share(const struct task *t, u64 of, u64 want, u64 by)
{
	u64 got = t->ran * 1000000 / of;

	assert_in_range(got, want * (1000 - by), want * (1000 + by));
}

/* --- tests --- */

static void weights_on_one_cpu(void **state)
{
	static const u32 w[] = {256, 512, 128, 1024, 65, 2048};
	u64 sum = 0;

	(void)state;
	machine(1);
	for (unsigned int i = 0; i < ARRAY_SIZE(w); i++) {
		add(w[i], 0, 0);
		sum += w[i];
	}
	run(2 * HOUR);
	for (unsigned int i = 0; i < ARRAY_SIZE(w); i++)
		assert_share(&task[i], 2 * HOUR, 1000 * w[i] / sum, 40);
}

static void extreme_weights(void **state)
{
	(void)state;
	machine(1);
	add(1, 0, 0);
	add(256, 0, 0);
	run(HOUR);
	assert_in_range(task[0].ran, HOUR / 257 / 2, HOUR / 257 * 2);

	machine(1);
	add(65535, 0, 0);
	add(65535, 0, 0);
	add(256, 0, 0);
	run(HOUR);
	assert_share(&task[0], HOUR, 499, 20);
	assert_share(&task[1], HOUR, 499, 20);
	assert_true(task[2].ran > HOUR / 1024 && task[0].longest_wait < 40 * MS);
}

static void equals_on_many_cpus(void **state)
{
	static const unsigned int sizes[][2] = {{2, 3}, {3, 4}, {4, 5}, {4, 40}, {16, 17}, {7, 13}};

	(void)state;
	for (unsigned int k = 0; k < ARRAY_SIZE(sizes); k++) {
		machine(sizes[k][0]);
		for (unsigned int i = 0; i < sizes[k][1]; i++)
			add(256, 0, 0);
		run(60 * NS_PER_SEC);
		for (unsigned int i = 0; i < tasks; i++) {
			assert_share(&task[i], 60 * NS_PER_SEC, 1000 * cpus / tasks, 30);
			assert_true(task[i].longest_wait < 250 * MS);
		}
	}
}

static void weights_on_many_cpus(void **state)
{
	u64 t = 300 * NS_PER_SEC;

	(void)state;
	machine(4);
	for (unsigned int i = 0; i < 12; i++)
		add(i < 4 ? 512 : 256, 0, 0); /* 1000 each CPU: 4096 / 4 */
	run(t);
	for (unsigned int i = 0; i < 12; i++)
		assert_share(&task[i], t, i < 4 ? 500 : 250, 50);

	/* One that weighs more than a CPU has a whole one, the others share the rest. */
	machine(2);
	add(65535, 0, 0);
	for (unsigned int i = 0; i < 3; i++)
		add(256, 0, 0);
	run(t);
	assert_share(&task[0], t, 995, 6);
	for (unsigned int i = 1; i < 4; i++)
		assert_share(&task[i], t, 333, 30);

	/* Its weight is taken away: what it was ahead of its due is soon forgotten. */
	task[0].e.weight = 256;
	run(NS_PER_SEC);
	forget();
	run(t);
	for (unsigned int i = 0; i < 4; i++)
		assert_share(&task[i], t, 500, 30);
}

static void many_cpus(void **state)
{
	u64 t = 2 * NS_PER_SEC;

	(void)state;
	machine(256);
	for (unsigned int i = 0; i < 300; i++)
		add(256, 0, 0);
	run(NS_PER_SEC);
	forget();
	run(t);
	for (unsigned int i = 0; i < tasks; i++) {
		assert_share(&task[i], t, 853, 60);
		assert_true(task[i].longest_wait < 200 * MS);
	}
	machine(256);
	for (unsigned int i = 0; i < 600; i++)
		add(256, 200 * US + rnd(MS), 100 * US + rnd(MS));
	run(NS_PER_SEC / 4);
	for (unsigned int i = 0; i < tasks; i++)
		assert_true(task[i].ran > 0 && task[i].longest_wait < 50 * MS);
}

/* Who sleeps most of the time is served at once, and gets all it asks for. */
static void sleepers_are_prompt(void **state)
{
	struct task *s;

	(void)state;
	for (unsigned int n = 1; n <= 4; n *= 2) {
		machine(n);
		for (unsigned int i = 0; i < 3 * n; i++)
			add(256, 0, 0);
		s = add(256, 100 * US, 10 * MS);
		run(NS_PER_SEC);
		forget();
		run(HOUR / 12);
		assert_true(s->longest_wait <= 12 * MS);
		assert_true(s->late * 100 < s->waits);
		assert_in_range(s->ran, HOUR / 12 / 104, HOUR / 12 / 100);
	}
	/* One hog, and sleepers of many kinds that ask for less than their share. */
	machine(1);
	add(256, 0, 0);
	for (unsigned int i = 0; i < 8; i++)
		add(256, (50 + 60 * i) * US, (5 + i) * MS);
	run(HOUR / 6);
	for (unsigned int i = 1; i < tasks; i++) {
		assert_true(task[i].longest_wait < 40 * MS);
		assert_true(task[i].ran > HOUR / 6 / 1000 * 9);
	}
}

/* A sleeper that wants more than its share shares fairly with one that never sleeps. */
static void greedy_sleepers(void **state)
{
	(void)state;
	machine(1);
	add(256, 0, 0);
	add(256, 9 * MS, MS);
	run(HOUR / 4);
	assert_in_range(task[0].ran, HOUR / 4 / 100 * 40, HOUR / 4 / 100 * 55);
	assert_true(task[0].longest_wait < 40 * MS && task[1].longest_wait < 40 * MS);
}

/* Hours alone on a CPU are no debt. */
static void alone_for_long(void **state)
{
	struct task *late;

	(void)state;
	for (unsigned int n = 1; n <= 3; n++) {
		machine(n);
		for (unsigned int i = 0; i < n; i++)
			add(i ? 256 : 2048, 0, 0);
		run(3 * HOUR);
		forget();
		late = add(256, 0, 0);
		run(10 * NS_PER_SEC);
		for (unsigned int i = 0; i < tasks; i++)
			assert_true(task[i].longest_wait < 120 * MS);
		assert_true(late->ran > 10 * NS_PER_SEC / (n == 1 ? 12 : 3));
		/* Nor are hours of sleep a credit. */
		late->sleep = HOUR;
		late->burst = late->left = 5 * NS_PER_SEC;
		run(2 * HOUR);
		forget();
		run(2 * HOUR);
		for (unsigned int i = 0; i < tasks; i++)
			assert_true(task[i].longest_wait < 120 * MS);
	}
}

/* Two that wake at the same time go to two idle CPUs, though the first one has not looked yet. */
static void promised_cpus(void **state)
{
	bool seen[8] = {false};
	u32 cpu;

	(void)state;
	machine(8);
	for (unsigned int i = 0; i < 8; i++) {
		cpu = policy_wake(&p, &add(256, 0, 0)->e, 0);
		assert_true(cpu < 8 && !seen[cpu]);
		seen[cpu] = true;
	}
	/* All will look anyway. */
	assert_int_equal(policy_wake(&p, &add(256, 0, 0)->e, 0), POLICY_NO_CPU);
	for (unsigned int i = 0; i < 8; i++)
		look(i);
	check();
	/* Awake already. */
	assert_int_equal(policy_wake(&p, &task[0].e, 0), POLICY_NO_CPU);
	/* The last CPU if it is idle. */
	policy_sleep(&p, &task[8].e, 0);
	for (unsigned int i = 0; i < 8; i++) {
		u32 was = task[i].e.cpu;

		policy_sleep(&p, &task[i].e, MS);
		assert_null(policy_pick(&p, was, MS).run);
		assert_int_equal(policy_wake(&p, &task[i].e, 2 * MS), was);
		assert_ptr_equal(policy_pick(&p, was, 2 * MS).run, &task[i].e);
	}
	check();
}

static void yields(void **state)
{
	struct policy_decision d;
	struct task *a, *b;

	(void)state;
	machine(1);
	a = add(256, 0, 0);
	b = add(256, 0, 0);
	(void)!policy_wake(&p, &a->e, 0);
	(void)!policy_wake(&p, &b->e, 0);
	d = policy_pick(&p, 0, 0);
	for (unsigned int i = 0; i < 10; i++) { /* at once, and as often as asked */
		policy_yield(&p, d.run, i * US);
		assert_ptr_not_equal(policy_pick(&p, 0, i * US).run, d.run);
		d.run = p.cpu[0].running;
	}
	check();
	/* With nobody there it goes on. */
	policy_sleep(&p, d.run == &a->e ? &b->e : &a->e, MS);
	policy_yield(&p, d.run, MS);
	assert_ptr_equal(policy_pick(&p, 0, MS).run, d.run);
	assert_false(d.run->yielded);

	/* Yielding costs little, gains nothing, and does not hand the CPU to a lighter one. */
	machine(1);
	add(256, 0, 0)->yield_every = 50 * US;
	add(256, 0, 0);
	add(1, 0, 0);
	run(HOUR / 6);
	assert_in_range(task[0].ran, HOUR / 6 / 100 * 30, HOUR / 6 / 100 * 51);
	assert_true(task[2].ran < HOUR / 6 / 50);
	assert_true(task[0].longest_wait < 60 * MS);
}

static void removal(void **state)
{
	struct task *t;
	static const struct policy_cpu none;

	(void)state;
	machine(2);
	for (unsigned int i = 0; i < 3; i++)
		(void)!policy_wake(&p, &add(256, 0, 0)->e, 0);
	look(0);
	look(1);
	for (unsigned int i = 0; i < 3; i++) {
		t = &task[i];
		policy_sleep(&p, &t->e, MS);
		policy_remove(&p, &t->e);
		memset(&t->e, 0xA5, sizeof(t->e)); /* whoever still knows it trips */
	}
	tasks = 0;
	check();
	assert_null(policy_pick(&p, 0, MS).run);
	assert_null(policy_pick(&p, 1, MS).run);
	for (unsigned int i = 0; i < 2; i++)
		assert_ptr_equal(p.cpu[i].running, none.running);
	t = add(256, 0, 0);
	assert_true(policy_wake(&p, &t->e, MS) < 2);
	check();
}

/* A mixture at random, for hours. */
static void mixture(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 12; round++) {
		u64 t = HOUR / 30;

		machine(1 + (unsigned int)rnd(6));
		for (unsigned int i = 0, n = 2 + (unsigned int)rnd(20); i < n; i++) {
			struct task *k = add(64u << rnd(5), 0, 0);

			if (rnd(3)) {
				k->burst = k->left = 20 * US + rnd(20 * MS);
				k->sleep = 20 * US + rnd(rnd(2) ? 40 * MS : MS);
			} else if (rnd(3) == 0) {
				k->yield_every = 30 * US + rnd(MS);
			}
		}
		run(t);
		for (unsigned int i = 0; i < tasks; i++) {
			assert_true(task[i].ran > 0);
			assert_true(task[i].longest_wait < 4 * NS_PER_SEC);
		}
	}
}

/* Calls in any order, on clocks that differ a little between CPUs. */
static void any_calls(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 60; round++) {
		unsigned int n = 1 + (unsigned int)rnd(round % 10 ? 5 : 256);

		machine(n);
		for (unsigned int i = 0; i < 40; i++)
			add(1 + (u32)rnd(rnd(2) ? 65535 : 512), 0, 0);
		now = 1;
		for (unsigned int step = 0; step < 4000; step++) {
			struct task *t = &task[rnd(tasks)];
			u64 at = now + rnd(300);

			now += rnd(rnd(8) ? 100 * US : 30 * MS);
			switch (rnd(6)) {
			case 0:
			case 1:
				(void)!policy_wake(&p, &t->e, at);
				break;
			case 2:
				if (t->e.state == POLICY_RUNNING) { /* as sched_next() does */
					u32 cpu = t->e.cpu;

					policy_sleep(&p, &t->e, at);
					(void)!policy_pick(&p, cpu, at).until;
				} else {
					policy_sleep(&p, &t->e, at);
				}
				break;
			case 3:
				policy_yield(&p, &t->e, at);
				break;
			case 4:
				t->e.weight = 1 + (u32)rnd(65535);
				break;
			default:
				(void)!policy_pick(&p, (u32)rnd(n), at).until;
			}
			check();
		}
		for (unsigned int i = 0; i < tasks; i++)
			policy_sleep(&p, &task[i].e, now);
		check();
		for (u32 i = 0; i < n; i++)
			assert_null(policy_pick(&p, i, now).run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_on_one_cpu),
		cmocka_unit_test(extreme_weights),
		cmocka_unit_test(equals_on_many_cpus),
		cmocka_unit_test(weights_on_many_cpus),
		cmocka_unit_test(many_cpus),
		cmocka_unit_test(sleepers_are_prompt),
		cmocka_unit_test(greedy_sleepers),
		cmocka_unit_test(alone_for_long),
		cmocka_unit_test(promised_cpus),
		cmocka_unit_test(yields),
		cmocka_unit_test(removal),
		cmocka_unit_test(mixture),
		cmocka_unit_test(any_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
