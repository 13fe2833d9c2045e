/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: order, what the hardware is armed for, moving between CPUs, and stopping one while it
 * fires elsewhere. */
// links: core/timer.c
// cflags: -include tests/fake/loop_cpu.h
// libs: -lpthread
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include <arch/x86_64/irq/lapic.h>
#include <arch/x86_64/platform/clock.h>
#include <core/timer.h>

#define TIMERS 40u

static struct pcpu cpus[3];
u32 cpu_count = 3;
__thread struct pcpu *fake_cpu = cpus;
static u64 now, armed_for[3];
static unsigned int arms;

static struct timer timer[TIMERS];
static unsigned int fired[TIMERS], order[1000], count;

u64 clock_ns(void)
{
	return __atomic_load_n(&now, __ATOMIC_SEQ_CST);
}

void lapic_timer_arm(u64 at)
{
	armed_for[fake_cpu->id] = at;
	arms++;
}

static void note(struct timer *t)
{
	fired[t - timer]++;
	if (count < ARRAY_SIZE(order))
		order[count++] = (unsigned int)(t - timer);
}

static void start(void)
{
	memset(timer, 0, sizeof(timer));
	memset(fired, 0, sizeof(fired));
	now = 1000;
	arms = count = 0;
	for (u32 i = 0; i < 3; i++) {
		cpus[i] = (struct pcpu){.self = &cpus[i], .id = i};
		fake_cpu = &cpus[i];
		timer_init_cpu();
		timer_run(); /* what an earlier test left is due on none */
		armed_for[i] = TIMER_NEVER;
	}
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_init(&timer[i], note);
	fake_cpu = cpus;
}

static void at(u64 t)
{
	now = t;
	cpus[0].timer_due = true;
	timer_run();
	assert_false(cpus[0].timer_due);
}

static void in_order(void **state)
{
	static const u64 when[] = {5000, 3000, 4000, 3000, TIMER_NEVER - 1, 1000, 0};
	static const unsigned int want[] = {6, 5, 1, 3, 2, 0};

	(void)state;
	start();
	for (unsigned int i = 0; i < ARRAY_SIZE(when); i++)
		timer_set(&timer[i], when[i]);
	at(1000);
	assert_int_equal(count, 2); /* what was past at once */
	at(2999);
	assert_int_equal(count, 2);
	at(3000);
	assert_int_equal(count, 4);
	at(1ull << 62);
	assert_int_equal(count, ARRAY_SIZE(want));
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(order[i], want[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(when); i++)
		assert_int_equal(timer[i].armed, i == 4);
	timer_stop(&timer[4]);
	at(TIMER_NEVER - 1);
	assert_int_equal(count, ARRAY_SIZE(want));
}

static void hardware(void **state)
{
	(void)state;
	start();
	timer_set(&timer[0], 5000);
	assert_int_equal(armed_for[0], 5000);
	timer_set(&timer[1], 6000); /* later: nothing to do */
	assert_int_equal(arms, 1);
	timer_set(&timer[2], 4000);
	assert_int_equal(armed_for[0], 4000);
	timer_stop(&timer[2]); /* too early is cheaper than arming again */
	assert_int_equal(arms, 2);
	at(4000);
	assert_true(count == 0 && armed_for[0] == 5000);
	at(4500); /* the hardware may fire early */
	assert_true(count == 0 && armed_for[0] == 5000 && arms == 4);
	at(5000);
	assert_true(count == 1 && armed_for[0] == 6000);
	at(6000);
	assert_true(count == 2 && arms == 5);
	timer_set(&timer[0], 9000); /* nothing is armed any more: any time is the first */
	assert_int_equal(armed_for[0], 9000);
}

static void moved(void **state)
{
	(void)state;
	start();
	timer_set(&timer[0], 5000);
	timer_set(&timer[0], 7000);
	at(5000);
	assert_int_equal(count, 0);
	fake_cpu = &cpus[1];
	timer_set(&timer[0], 6000); /* armed on CPU 0, now on CPU 1 */
	assert_true(timer[0].cpu == 1 && armed_for[1] == 6000);
	fake_cpu = &cpus[0];
	at(10000);
	assert_int_equal(count, 0);
	fake_cpu = &cpus[1];
	timer_run();
	assert_int_equal(count, 1);
	timer_set(&timer[1], 20000);
	fake_cpu = &cpus[2];
	timer_stop(&timer[1]); /* from a third one; twice, and one that never ran */
	timer_stop(&timer[1]);
	timer_stop(&timer[2]);
	fake_cpu = &cpus[1];
	now = 30000;
	timer_run();
	assert_int_equal(count, 1);
}

static void again(struct timer *t)
{
	note(t);
	timer_set(t, clock_ns() + 100);
	timer_set(&timer[1], clock_ns()); /* due at once, though this run is under way */
}

static void stop_other(struct timer *t)
{
	note(t);
	timer_stop(&timer[3]);
}

static void from_within(void **state)
{
	(void)state;
	start();
	timer[0].fn = again;
	timer_set(&timer[0], 2000);
	at(2000);
	assert_true(fired[0] == 1 && fired[1] == 1 && timer[0].armed && armed_for[0] == 2100);
	at(2100);
	assert_int_equal(fired[0], 2);
	timer_stop(&timer[0]);

	timer[2].fn = stop_other;
	timer_set(&timer[2], 3000);
	timer_set(&timer[3], 3000);
	at(3000);
	assert_true(fired[2] == 1 && fired[3] == 0);
}

static void any_order(void **state)
{
	u64 seed = 88172645463325252ull, due[TIMERS];
	bool set[TIMERS] = {false};

	(void)state;
	start();
	for (unsigned int step = 0; step < 100000; step++) {
		unsigned int i;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		i = (unsigned int)(seed >> 20) % TIMERS;
		if (seed & 1) {
			due[i] = now + (seed >> 30) % 5000;
			timer_set(&timer[i], due[i]);
			set[i] = true;
		} else if (seed & 2) {
			timer_stop(&timer[i]);
			set[i] = false;
		} else {
			memset(fired, 0, sizeof(fired));
			at(now + (seed >> 40) % 500);
			for (unsigned int k = 0; k < TIMERS; k++) {
				assert_int_equal(fired[k], set[k] && due[k] <= now);
				set[k] = set[k] && !fired[k];
				assert_int_equal(timer[k].armed, set[k]);
				assert_true(!set[k] || armed_for[0] <= due[k]);
			}
		}
	}
	for (unsigned int k = 0; k < TIMERS; k++)
		timer_stop(&timer[k]);
}

/* --- several CPUs at once --- */

static bool ended, may_fire[TIMERS];
static pthread_mutex_t owner[TIMERS]; /* as a vCPU that runs on one CPU at a time */
static u64 wrong, total;

static void checked(struct timer *t)
{
	if (!__atomic_load_n(&may_fire[t - timer], __ATOMIC_SEQ_CST))
		__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
}

static void *cpu_thread(void *arg)
{
	u64 seed = 0x9E3779B97F4A7C15ull * (1 + (u64)((struct pcpu *)arg)->id);

	fake_cpu = arg;
	while (!__atomic_load_n(&ended, __ATOMIC_SEQ_CST)) {
		unsigned int i;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		i = (unsigned int)(seed >> 20) % TIMERS;
		timer_run();
		__atomic_fetch_add(&now, 3, __ATOMIC_SEQ_CST);
		if (pthread_mutex_trylock(&owner[i]))
			continue;
		if (seed & 1) {
			__atomic_store_n(&may_fire[i], true, __ATOMIC_SEQ_CST);
			timer_set(&timer[i], clock_ns() + (seed >> 40) % 30);
		} else {
			timer_stop(&timer[i]);
			__atomic_store_n(&may_fire[i], false, __ATOMIC_SEQ_CST);
		}
		pthread_mutex_unlock(&owner[i]);
	}
	return NULL;
}

static void several_cpus(void **state)
{
	pthread_t t[3];

	(void)state;
	start();
	for (unsigned int i = 0; i < TIMERS; i++) {
		timer[i].fn = checked;
		pthread_mutex_init(&owner[i], NULL);
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, cpu_thread, &cpus[i]), 0);
	while (__atomic_load_n(&total, __ATOMIC_SEQ_CST) < 30000)
		;
	__atomic_store_n(&ended, true, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(wrong, 0);
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_stop(&timer[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),  cmocka_unit_test(hardware),
		cmocka_unit_test(moved),     cmocka_unit_test(from_within),
		cmocka_unit_test(any_order), cmocka_unit_test(several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
