/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenarios of sched/README.md: asserted, and printed as the table that stands there. */
// links: sched/credit.c sched/heap.c tests/host/sched/sim.c
// cflags: -fsanitize-coverage=trace-pc -Itests/host/sched
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define WINDOW      10u /* of 100 ms: any second */
#define MAX_DOMAINS 64u

static void row(const char *scenario, const char *holds, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void row(const char *scenario, const char *holds, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("| %s | %s | %s |\n", scenario, holds, text);
	fflush(stdout);
}

/* --- weights --- */

/* Shares of a machine, in CPUs, for domains of so many vCPUs that never sleep: none has more than
 * its vCPUs can use, what it leaves goes to the others by weight. */
static void ideal(unsigned int n, const u32 *weight, const u32 *vcpus, double *share)
{
	bool full[MAX_DOMAINS] = {false}, again = true;

	while (again) {
		double left = cpus, weights = 0;

		again = false;
		for (unsigned int i = 0; i < n; i++) {
			left -= full[i] ? vcpus[i] : 0;
			weights += full[i] ? 0 : weight[i];
		}
		for (unsigned int i = 0; i < n; i++) {
			share[i] = full[i] ? vcpus[i] : left * weight[i] / weights;
			if (!full[i] && share[i] > vcpus[i])
				full[i] = again = true;
		}
	}
}

static double off(double got, double want)
{
	return (got > want ? got - want : want - got) / want * 100;
}

/* Largest errors in per cent, over 10 s and over any second of them. */
static void weights_hold(unsigned int machine_cpus, unsigned int n, const u32 *vcpus, double *ten,
			 double *one)
{
	static u64 at[101][MAX_DOMAINS];
	u32 weight[MAX_DOMAINS];
	double share[MAX_DOMAINS];

	machine(machine_cpus, machine_cpus);
	*ten = *one = 0;
	for (unsigned int i = 0; i < n; i++) {
		weight[i] = 256u << i % 4;
		domain(weight[i], 0);
		for (unsigned int k = 0; k < vcpus[i]; k++)
			add(&group[i], 0, 0);
	}
	ideal(n, weight, vcpus, share);
	run(SEC);
	forget();
	for (unsigned int t = 0; t <= 100; t++) {
		for (unsigned int i = 0; i < n; i++) {
			at[t][i] = ran_by(&group[i]);
			if (t >= WINDOW)
				*one = *one > off((double)(at[t][i] - at[t - WINDOW][i]) / SEC,
						  share[i])
					       ? *one
					       : off((double)(at[t][i] - at[t - WINDOW][i]) / SEC,
						     share[i]);
		}
		if (t < 100)
			run(100 * MS);
	}
	for (unsigned int i = 0; i < n; i++) {
		double o = off((double)at[100][i] / (10 * SEC), share[i]);

		*ten = *ten > o ? *ten : o;
	}
}

static void weights(void **state)
{
	static const struct {
		const char *what;
		u32 cpus, domains, vcpus[4]; /* in turn */
	} cases[] = {
		{"weights 1:2:4:8, a vCPU each, 1 CPU", 1, 4, {1, 1, 1, 1}},
		{"the same, 1, 2, 3 and 4 vCPUs, 1 CPU", 1, 4, {1, 2, 3, 4}},
		{"the same, 4 vCPUs each, 4 CPUs", 4, 4, {4, 4, 4, 4}},
		{"the same, 8 domains of a vCPU, 4 CPUs", 4, 8, {1, 1, 1, 1}},
		{"the same, 1, 8, 2 and 3 vCPUs, 4 CPUs", 4, 4, {1, 8, 2, 3}},
		{"the same, 64 vCPUs each, 64 CPUs", 64, 4, {64, 64, 64, 64}},
		{"the same, 64 domains of 2 or 3 vCPUs, 64 CPUs", 64, 64, {2, 3, 2, 3}},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 vcpus[MAX_DOMAINS];
		double ten, one;

		for (unsigned int k = 0; k < MAX_DOMAINS; k++)
			vcpus[k] = cases[i].vcpus[k % 4];
		weights_hold(cases[i].cpus, cases[i].domains, vcpus, &ten, &one);
		row(cases[i].what, "1 % over 10 s, 5 % over any 1 s", "%.2f %%, %.2f %%", ten, one);
		assert_true(ten < 1 && one < 5);
	}
}

/* --- caps --- */

static void caps(void **state)
{
	static const u32 caps_tried[] = {10, 25, 50, 75, 100, 150, 200, 300, 400};
	double worst = 0;
	u64 gap = 0;

	(void)state;
	for (unsigned int with_hogs = 0; with_hogs < 2; with_hogs++)
		for (unsigned int vcpus = 1; vcpus <= 8; vcpus *= 2)
			for (unsigned int i = 0; i < ARRAY_SIZE(caps_tried); i++) {
				u32 cap = caps_tried[i];
				struct policy_group *g;
				double got;

				if (cap > 100 * vcpus)
					continue;
				machine(8, i);
				g = domain(256 * 8, cap);
				for (unsigned int k = 0; k < vcpus; k++)
					add(g, 0, 0);
				for (unsigned int k = 0; with_hogs && k < 8; k++)
					add_alone(256, 0, 0);
				run(SEC);
				forget();
				run(10 * SEC);
				got = (double)ran_by(g) / (double)(10 * SEC) * 100 - cap;
				worst = worst > got ? worst : got;
				worst = worst > -got ? worst : -got;
				if (cap == 10 && vcpus == 1)
					gap = max_u64(gap, task[0].longest_gap);
			}
	row("caps 10-400 %, 1-8 vCPUs, alone and among hogs", "1 point over 10 s", "%.2f points",
	    worst);
	row("longest gap, capped at 10 %", "100 ms", "%.1f ms", (double)gap / MS);
	assert_true(worst < 1 && gap < 100 * MS);
}

/* --- sleepers --- */

static void abuse(void **state)
{
	static const u64 tries[][2] = {
		{9900 * US, 100 * US}, {29900 * US, 100 * US}, {4900 * US, 100 * US},
		{9990 * US, 10 * US},  {2400 * US, 50 * US},   {10 * MS, MS},
		{199 * US, US},        {990 * US, 10 * US},    {4990 * US, 10 * US}};
	double most[2] = {0};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(tries); i++)
		for (unsigned int helpers = 0; helpers < 2; helpers++) {
			struct policy_group *g;
			double got;

			machine(1, i);
			add_alone(256, 0, 0);
			g = domain(256, 0);
			add(g, tries[i][0], tries[i][1]);
			if (helpers) /* one that sleeps when the other one is looked at */
				add(g, tries[i][0] / 2, tries[i][1] * 3);
			run(SEC);
			forget();
			run(20 * SEC);
			got = (double)ran_by(g) / (double)(20 * SEC) * 200 - 100;
			most[helpers] = most[helpers] > got ? most[helpers] : got;
		}
	row("sleeper that abuses ticks against an honest hog", "gains under 1 %", "%.2f %%",
	    most[0]);
	row("the same with a second vCPU that sleeps when the first is looked at", "5 %", "%.2f %%",
	    most[1]);
	assert_true(most[0] < 1 && most[1] < 5);
}

static void latency(void **state)
{
	double worst = 0;
	u64 longest = 0;

	(void)state;
	for (unsigned int n = 1; n <= 4; n *= 4) {
		machine(n, n);
		for (unsigned int i = 0; i < 4 * n; i++)
			add_alone(256, 0, 0);
		for (unsigned int i = 0; i < n; i++)
			add_alone(256, 100 * US, 4900 * US)->jitter = n > 1;
		run(SEC);
		forget();
		run(60 * SEC);
		for (unsigned int i = 4 * n; i < tasks; i++) {
			double late = (double)task[i].late / (double)task[i].waits * 100;

			worst = worst > late ? worst : late;
			longest = max_u64(longest, task[i].longest_wait);
		}
	}
	row("100 us of I/O each 5 ms, among 4 hogs for each of 1 and 4 CPUs: waits over 1 ms",
	    "1 % of them", "%.2f %%, longest %.2f ms", worst, (double)longest / MS);
	assert_true(worst < 1);
}

/* --- size --- */

static void size(void **state)
{
	u64 small = 0, mean = 0, idle = 0;

	(void)state;
	for (unsigned int n = 8; n <= 256; n *= 32) {
		machine(n, n);
		for (unsigned int i = 0; i < 8 * n; i++)
			add_alone(64u << i % 6, i % 16 ? 100 * US + rnd(10 * MS) : 0,
				  i % 16 ? 100 * US + rnd(150 * MS) : 0)
				->jitter = true;
		run(2 * SEC);
		small = mean;
		mean = blocks * 100 / decisions;
		idle = max_u64(idle, longest_idle);
	}
	row("2,048 vCPUs on 256 CPUs: steps of a decision, against 64 on 8",
	    "log 2048 / log 64 = 1.83 times", "%.2f times (%.0f, %.0f; at most %.0f)",
	    (double)mean / (double)small, (double)mean / 100, (double)small / 100,
	    (double)most_blocks);
	row("2,048 vCPUs on 256 CPUs: a CPU idles while another queues two", "1 ms", "%.2f ms",
	    (double)idle / MS);
	assert_true(mean * 100 < small * 183 && idle < MS);
}

/* --- mixes --- */

static void mixes(void **state)
{
	u64 waits = 0, over = 0, longest = 0, idle = 0;

	(void)state;
	for (u64 s = 1; s <= 1000; s++) {
		machine(1 + (unsigned int)(s * 7 % 8), s);
		for (unsigned int i = 0, n = 1 + (unsigned int)rnd(12); i < n; i++) {
			struct policy_group *g =
				domain(rnd(4) ? 64u << rnd(6) : 1 + (u32)rnd(65535),
				       rnd(4) ? 0 : 5 + (u32)rnd(200));

			for (unsigned int k = 0, m = 1 + (unsigned int)rnd(3); k < m; k++) {
				struct task *t = add(g, 0, 0);
				struct cpuset set = {{1 + rnd(255)}};

				if (rnd(3)) {
					t->burst = t->left = 20 * US + rnd(20 * MS);
					t->sleep = 20 * US + rnd(rnd(2) ? 40 * MS : MS);
					t->jitter = true;
				} else if (rnd(3) == 0) {
					t->yield_every = t->yield_left = 30 * US + rnd(MS);
				}
				if (rnd(4) == 0 && set.bits[0] & low_mask(cpus))
					pin(t, &set);
			}
		}
		for (unsigned int i = 0; i < 10; i++) {
			struct task *t = &task[rnd(tasks)];
			struct cpuset set = {{rnd(256) | 1}};

			run(30 * MS);
			if (rnd(2))
				pin(t, &set);
			t->e.group->weight = 1 + (u32)rnd(1024);
		}
		check();
		for (unsigned int i = 0; i < tasks; i++) {
			waits += task[i].waits;
			over += task[i].over;
			longest = max_u64(longest, task[i].longest_wait);
		}
		idle = max_u64(idle, longest_idle);
	}
	row("random mixes, seeds 1 to 1,000: waits longer than (queue x slice)", "none",
	    "%lu of %lu, longest %.0f ms", (unsigned long)over, (unsigned long)waits,
	    (double)longest / MS);
	row("random mixes: a CPU idles while another queues two that it may run", "1 ms", "%.2f ms",
	    (double)idle / MS);
	row("random mixes: lost, or there twice", "nothing", "nothing"); /* check() says so */
	assert_true(over == 0 && idle < MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights), cmocka_unit_test(caps), cmocka_unit_test(abuse),
		cmocka_unit_test(latency), cmocka_unit_test(size), cmocka_unit_test(mixes),
	};

	row("scenario", "must hold", "measured");
	printf("|---|---|---|\n");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
