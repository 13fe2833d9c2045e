/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduling policy, simulated: what the scenarios of table_test.c do not show. */
// links: sched/credit.c sched/heap.c tests/host/sched/sim.c
// cflags: -Itests/host/sched
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sim.h"

#define HOUR (3100 * SEC)

/* t had `want` per mille of one CPU, within `by` per mille of that. */
static void assert_share(u64 ran, u64 of, u64 want, u64 by)
{
	u64 got = ran * 1000000 / of;

	assert_in_range(got, want * (1000 - by), want * (1000 + by));
}

static void extreme_weights(void **state)
{
	(void)state;
	machine(1, 1);
	add_alone(1, 0, 0);
	add_alone(256, 0, 0);
	run(100 * SEC);
	/* It may not wait for more than two slices: that is what it has too much. */
	assert_in_range(task[0].ran, 100 * SEC / 257, 100 * SEC / 50);
	assert_true(task[0].longest_wait <= 2 * POLICY_SLICE_NS);

	machine(1, 1);
	add_alone(65535, 0, 0);
	add_alone(65535, 0, 0);
	add_alone(256, 0, 0);
	run(100 * SEC);
	assert_share(task[0].ran, 100 * SEC, 498, 20);
	assert_share(task[1].ran, 100 * SEC, 498, 20);
	assert_true(task[2].ran >= 100 * SEC / 513 && task[0].longest_wait < 30 * MS);

	/* More than a CPU's worth: has a whole one, the others share the rest. */
	machine(2, 1);
	add_alone(65535, 0, 0);
	for (unsigned int i = 0; i < 3; i++)
		add_alone(256, 0, 0);
	run(60 * SEC);
	assert_share(task[0].ran, 60 * SEC, 998, 2);
	/* Its weight is taken away: what it was ahead of its due is soon forgotten. */
	group[0].weight = 256;
	run(SEC);
	forget();
	run(60 * SEC);
	for (unsigned int i = 0; i < 4; i++)
		assert_share(task[i].ran, 60 * SEC, 500, 20);
}

static void equals_on_many_cpus(void **state)
{
	static const unsigned int sizes[][2] = {{2, 3}, {3, 4}, {4, 5}, {4, 40}, {16, 17}, {7, 13}};

	(void)state;
	for (unsigned int k = 0; k < ARRAY_SIZE(sizes); k++) {
		machine(sizes[k][0], k);
		for (unsigned int i = 0; i < sizes[k][1]; i++)
			add_alone(256, 0, 0);
		run(SEC);
		forget();
		run(20 * SEC);
		for (unsigned int i = 0; i < tasks; i++)
			assert_share(task[i].ran, 20 * SEC, 1000 * cpus / tasks, 10);
	}
}

/* A sleeper that wants more than its share has its share. */
static void greedy_sleepers(void **state)
{
	(void)state;
	machine(1, 1);
	add_alone(256, 0, 0);
	add_alone(256, 9 * MS, MS);
	run(60 * SEC);
	assert_in_range(task[1].ran, 60 * SEC / 100 * 47, 60 * SEC / 100 * 51);
	assert_true(task[0].longest_wait < 20 * MS && task[1].longest_wait < 20 * MS);
}

/* Hours alone on a CPU are no debt, and hours of sleep no credit. */
static void alone_for_long(void **state)
{
	struct task *late;

	(void)state;
	for (unsigned int n = 1; n <= 3; n++) {
		machine(n, n);
		for (unsigned int i = 0; i < n; i++)
			add_alone(i ? 256 : 2048, 0, 0);
		run(30 * SEC);
		decisions = 0;
		run(SEC);
		assert_int_equal(decisions, 0); /* no tick */
		now += HOUR;
		late = add_alone(256, 0, 0);
		forget();
		run(10 * SEC);
		assert_true(late->ran > 10 * SEC / (n == 1 ? 10 : 3));
		for (unsigned int i = 0; i < tasks; i++)
			assert_true(task[i].longest_wait < 40 * MS);
		late->sleep = 60 * SEC;
		late->burst = late->left = 5 * SEC;
		run(130 * SEC);
		for (unsigned int i = 0; i < tasks; i++)
			assert_true(task[i].longest_wait < 40 * MS);
	}
}

static void yields(void **state)
{
	(void)state;
	/* Yielding gains nothing, and does not hand the CPU to a lighter one. */
	machine(1, 1);
	add_alone(256, 0, 0)->yield_every = 50 * US;
	add_alone(256, 0, 0);
	add_alone(1, 0, 0);
	run(60 * SEC);
	assert_in_range(task[0].ran, 60 * SEC / 100 * 40, 60 * SEC / 100 * 51);
	assert_true(task[2].ran < 60 * SEC / 40 && task[0].longest_wait < 30 * MS);
	/* At once; and with nobody there it goes on. */
	machine(1, 1);
	add_alone(256, 0, 0)->yield_every = 10 * US;
	add_alone(256, 0, 0)->yield_every = 10 * US;
	run(SEC);
	assert_true(task[0].waits + task[1].waits > SEC / (10 * US) - 10);
	assert_true(yields_heeded > SEC / (10 * US) - 10);
	halt(p.cpu[0].running == &task[0].e ? &task[1] : &task[0]);
	forget();
	yields_heeded = 0;
	run(SEC);
	assert_int_equal(yields_heeded, 0);
	assert_int_equal(task[0].waits + task[1].waits, 0);
	assert_int_equal(task[0].ran + task[1].ran, SEC);
}

/* Those that wake at the same time go to idle CPUs, each to one that was not asked before. */
static void idle_cpus(void **state)
{
	(void)state;
	machine(8, 1);
	for (unsigned int i = 0; i < 9; i++) {
		struct cpuset home = {{1}};

		pin(add_alone(256, 0, 0), &home);
	}
	for (unsigned int i = 0; i < 8; i++) {
		pin(&task[i], &p.all);
		assert_int_equal(task[i].e.cpu, 0); /* asleep at home */
	}
	run(2 * POKE);
	for (unsigned int i = 0; i < 8; i++)
		assert_non_null(p.cpu[i].running);
	check();
}

static void affinity(void **state)
{
	struct cpuset one = {{1}}, two = {{6}};
	struct task *t;

	(void)state;
	machine(4, 1);
	for (unsigned int i = 0; i < 8; i++)
		add_alone(256, 0, 0);
	t = &task[0];
	run(SEC);
	pin(t, &one);
	run(2 * POKE + 1);
	for (unsigned int i = 0; i < 400; i++) {
		assert_int_equal(t->e.cpu, i < 200 ? 0 : t->e.cpu == 1 ? 1 : 2);
		run(MS);
		if (i == 199) {
			pin(t, &two);
			assert_true(t->e.state == POLICY_RUNNING || t->e.cpu != 0);
			run(2 * POKE + 1);
		}
	}
	/* Weights hold among those on one CPU, and whom the others push away. */
	machine(4, 1);
	for (unsigned int i = 0; i < 4; i++)
		pin(add_alone(256u << i, 0, 0), &one);
	for (unsigned int i = 0; i < 6; i++)
		add_alone(256, 0, 0);
	run(SEC);
	forget();
	run(10 * SEC);
	for (unsigned int i = 0; i < 4; i++)
		assert_share(task[i].ran, 10 * SEC, 1000 * (1u << i) / 15, 20);
	for (unsigned int i = 4; i < 10; i++)
		assert_share(task[i].ran, 10 * SEC, 500, 30);
}

/* A cap set, changed and lifted has effect at once. */
static void caps_change(void **state)
{
	static const u32 caps[] = {0, 50, 1, 100, 0, 20};

	(void)state;
	machine(2, 1);
	add(domain(256, 0), 0, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(caps); i++) {
		group[0].cap = caps[i];
		group[0].paid = 0;
		pin(&task[0], &p.all);
		sim_look(task[0].e.cpu);
		run(100 * MS);
		forget();
		run(10 * SEC);
		assert_share(task[0].ran, 10 * SEC, caps[i] ? caps[i] * 10 : 1000, 20);
	}
}

/* Anything in any order, on clocks that differ a little. */
static void any_calls(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 30; round++) {
		machine(1 + round % 5 + (round % 10 == 9 ? 60 : 0), round);
		skew = 300;
		for (unsigned int i = 0; i < 40; i++) {
			struct policy_group *g = i % 3 ? &group[groups - 1] : domain(1, 0);

			add(g, 1 + rnd(MS), rnd(2) ? 0 : 1 + rnd(MS))->jitter = true;
		}
		for (unsigned int step = 0; step < 1500; step++) {
			struct task *t = &task[rnd(tasks)];
			struct cpuset set = {{1 | rnd(256)}};

			run(rnd(rnd(8) ? 100 * US : 20 * MS));
			switch (rnd(6)) {
			case 0:
				halt(t);
				break;
			case 1:
				if (t->e.state == POLICY_ASLEEP)
					wake_up(t);
				break;
			case 2:
				pin(t, &set);
				break;
			case 3:
				t->e.group->weight = 1 + (u32)rnd(rnd(2) ? 65535 : 512);
				t->e.group->cap = rnd(2) ? 0 : 1 + (u32)rnd(300);
				break;
			case 4:
				if (t->e.state == POLICY_RUNNING)
					yields_heeded += policy_yield(&p, &t->e);
				break;
			default:
				sim_look((u32)rnd(cpus));
			}
			check();
		}
	}
}

/* A heap against a sorted array. */
static void heaps(void **state)
{
	static struct heap_node node[300];
	bool in[300] = {false};
	struct heap h = {NULL};
	u64 steps = 0;

	(void)state;
	machine(1, 7);
	for (unsigned int i = 0; i < 60000; i++) {
		u64 least = POLICY_NEVER, seen = 0, there = 0;
		unsigned int k = (unsigned int)rnd(300);

		if (in[k])
			heap_remove(&h, &node[k]);
		else
			heap_insert(&h, &node[k], rnd(1000));
		in[k] = !in[k];
		if (i % 50)
			continue;
		for (k = 0; k < 300; k++)
			if (in[k]) {
				there++;
				least = min_u64(least, node[k].key);
			}
		for (struct heap_node *n = h.top; n; n = heap_next(n, true)) {
			assert_true(!n->up || n->up->key <= n->key);
			seen++;
			steps = max_u64(steps, seen);
		}
		assert_int_equal(seen, there);
		assert_true(h.top ? h.top->key == least : there == 0);
	}
	assert_true(steps > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extreme_weights), cmocka_unit_test(equals_on_many_cpus),
		cmocka_unit_test(greedy_sleepers), cmocka_unit_test(alone_for_long),
		cmocka_unit_test(yields),          cmocka_unit_test(idle_cpus),
		cmocka_unit_test(affinity),        cmocka_unit_test(caps_change),
		cmocka_unit_test(any_calls),       cmocka_unit_test(heaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
