/* SPDX-License-Identifier: BSD-2-Clause */
/* Fibers, with a loop that the test turns by hand. */
// links: dom0/loop/fiber.c dom0/loop/fiber_switch.S
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/entry/panic.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>

static struct loop_work *works[8];
static struct loop_timer *armed;
static u64 now;
static char order[64];

void panic(const char *format, ...)
{
	(void)format;
	abort();
}
u64 loop_now(void)
{
	return now;
}
void loop_add_work(struct loop_work *w)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(works); i++)
		if (!works[i]) {
			works[i] = w;
			return;
		}
	abort();
}
void loop_remove_work(struct loop_work *w)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(works); i++)
		if (works[i] == w)
			works[i] = NULL;
}
void loop_set_timer(struct loop_timer *t, u64 abs_ns)
{
	t->at = abs_ns;
	armed = t;
}
void loop_stop_timer(struct loop_timer *t)
{
	t->at = 0;
	if (armed == t)
		armed = NULL;
}

static void turn(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(works); i++)
		if (works[i] && works[i]->due) {
			works[i]->due = false;
			works[i]->fn(works[i]->ctx);
		}
}

static unsigned int living(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(works); i++)
		n += works[i] != NULL;
	return n;
}

static void say(const char *what)
{
	strcat(order, what);
}

static struct fiber *waiting;
static void waits_twice(void *ctx)
{
	char text[16];
	double kept = 1.5;

	waiting = fiber_self();
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s%d", (const char *)ctx, i);
		say(text);
		fiber_wait();
		kept *= 2;
	}
	assert_true(kept == 6.0);
	say("e");
}

static int set_up(void **state)
{
	(void)state;
	memset(works, 0, sizeof(works));
	order[0] = '\0';
	now = 1000;
	armed = NULL;
	return 0;
}

static void a_fiber_runs_from_the_loop_and_ends(void **state)
{
	(void)state;
	assert_true(fiber_start(waits_twice, "a"));
	assert_string_equal(order, "");
	turn();
	assert_string_equal(order, "a0");
	assert_null(fiber_self());
	turn(); /* not woken: nothing */
	assert_string_equal(order, "a0");
	fiber_wake(waiting);
	assert_string_equal(order, "a0");
	turn();
	assert_string_equal(order, "a0a1");
	fiber_wake(waiting);
	turn();
	assert_string_equal(order, "a0a1e");
	assert_int_equal(living(), 0);
}

static void two_fibers_take_turns(void **state)
{
	struct fiber *a, *b;

	(void)state;
	assert_true(fiber_start(waits_twice, "a"));
	turn();
	a = waiting;
	assert_true(fiber_start(waits_twice, "b"));
	turn();
	b = waiting;
	fiber_wake(b);
	turn();
	fiber_wake(a);
	turn();
	assert_string_equal(order, "a0b0b1a1");
	fiber_wake(a);
	fiber_wake(b);
	turn();
	assert_string_equal(order, "a0b0b1a1ee");
	assert_int_equal(living(), 0);
}

static void wakes_itself(void *ctx)
{
	(void)ctx;
	fiber_wake(fiber_self());
	fiber_wait();
	say("not lost");
}

static void a_wake_before_the_wait_is_not_lost(void **state)
{
	(void)state;
	assert_true(fiber_start(wakes_itself, NULL));
	turn();
	assert_string_equal(order, "not lost");
	turn();
	assert_int_equal(living(), 0);
}

static void sleeps(void *ctx)
{
	(void)ctx;
	waiting = fiber_self();
	fiber_sleep(500);
	say("slept");
}

static void a_sleep_lasts_its_time(void **state)
{
	(void)state;
	assert_true(fiber_start(sleeps, NULL));
	turn();
	assert_non_null(armed);
	assert_int_equal(armed->at, 1500);
	fiber_wake(waiting); /* somebody else's wake does not end it */
	turn();
	assert_string_equal(order, "");
	now = 1500;
	armed->fn(armed->ctx);
	turn();
	assert_string_equal(order, "slept");
	assert_null(armed);
	assert_int_equal(living(), 0);
}

static struct fiber_mutex mutex;
static void locks(void *ctx)
{
	fiber_lock(&mutex);
	say(ctx);
	waiting = fiber_self();
	fiber_wait();
	say(ctx);
	fiber_unlock(&mutex);
}

static void a_mutex_is_given_on_in_order(void **state)
{
	(void)state;
	assert_true(fiber_start(locks, "a"));
	turn();
	assert_true(fiber_start(locks, "b"));
	assert_true(fiber_start(locks, "c"));
	turn();
	assert_string_equal(order, "a");
	for (int i = 0; i < 3; i++) {
		fiber_wake(waiting);
		turn();
		turn();
	}
	assert_string_equal(order, "aabbcc");
	assert_null(mutex.holder);
	assert_int_equal(living(), 0);
}

static void yields(void *ctx)
{
	for (int i = 0; i < 3; i++) {
		say(ctx);
		fiber_yield();
	}
}

static void a_yield_lets_others_run(void **state)
{
	(void)state;
	assert_true(fiber_start(yields, "a"));
	assert_true(fiber_start(yields, "b"));
	for (int i = 0; i < 4; i++)
		turn();
	assert_string_equal(order, "ababab");
	assert_int_equal(living(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_fiber_runs_from_the_loop_and_ends, set_up),
		cmocka_unit_test_setup(two_fibers_take_turns, set_up),
		cmocka_unit_test_setup(a_wake_before_the_wait_is_not_lost, set_up),
		cmocka_unit_test_setup(a_sleep_lasts_its_time, set_up),
		cmocka_unit_test_setup(a_mutex_is_given_on_in_order, set_up),
		cmocka_unit_test_setup(a_yield_lets_others_run, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
