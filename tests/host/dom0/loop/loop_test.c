/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop over a shared info page that the test writes as the hypervisor does. */
// links: dom0/loop/loop.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/hyper/hypercall.h>
#include <dom0/loop/loop.h>

#define TIMER_PORT 7u

bool hypercall_vmmcall;
static struct shared_info info;
static u64 timer_at;
static unsigned int ran[8], blocks;
static jmp_buf out;
static char order[80];

void panic(const char *format, ...)
{
	(void)format;
	abort();
}
int hyper_bind_virq(u32 virq, evtchn_port_t *port)
{
	assert_int_equal(virq, VIRQ_TIMER);
	*port = TIMER_PORT;
	return 0;
}
void hyper_set_timer(u64 abs_ns)
{
	timer_at = abs_ns;
}
void hyper_block(void)
{
	blocks++;
	longjmp(out, 1);
}

static void set_now(u64 ns)
{
	info.vcpu_info[0].time.system_time = ns; /* the multiplier is 0: time stands still */
}

static int set_up(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	memset(ran, 0, sizeof(ran));
	memset(order, 0, sizeof(order));
	blocks = 0;
	timer_at = 0;
	set_now(1000);
	loop_init(&info);
	return 0;
}

/* As event_set_pending() in the hypervisor. */
static void raise(evtchn_port_t port)
{
	info.evtchn_pending[port / 64] |= bit64(port % 64);
	if (info.evtchn_mask[port / 64] & bit64(port % 64))
		return;
	info.vcpu_info[0].evtchn_pending_sel |= bit64(port / 64);
	info.vcpu_info[0].evtchn_upcall_pending = 1;
}

static void note(void *ctx)
{
	char name[2] = {(char)('a' + (uintptr_t)ctx), 0};

	ran[(uintptr_t)ctx]++;
	strcat(order, name);
}
#define CTX(n) ((void *)(uintptr_t)(n))

static void events(void **state)
{
	(void)state;
	raise(100); /* nobody listens yet: masked */
	loop_turn();
	loop_on_event(100, note, CTX(1));
	loop_turn(); /* it was not lost */
	assert_int_equal(ran[1], 1);
	loop_turn();
	assert_int_equal(ran[1], 1);

	loop_on_event(4095, note, CTX(2));
	loop_on_event(0, note, CTX(3));
	raise(4095);
	raise(0);
	raise(100);
	raise(100);
	loop_turn();
	assert_string_equal(order, "bdbc");
	assert_int_equal(info.evtchn_pending[0] | info.evtchn_pending[1] | info.evtchn_pending[63],
			 0);

	loop_forget_event(100);
	raise(100);
	loop_turn();
	assert_int_equal(ran[1], 2);
	loop_on_event(100, note, CTX(1)); /* whoever gets the port next */
	loop_turn();
	assert_int_equal(ran[1], 3);
	loop_forget_event(100);
	loop_forget_event(4095);
	loop_forget_event(0);
}

static void raise_again(void *ctx)
{
	note(ctx);
	if (ran[(uintptr_t)ctx] < 3)
		raise(50);
}

static void events_within(void **state)
{
	(void)state;
	loop_on_event(50, raise_again, CTX(4));
	raise(50);
	for (int i = 0; i < 5; i++)
		loop_turn();
	assert_int_equal(ran[4], 3);
	loop_forget_event(50);
}

static struct loop_timer timers[4];

static void rearm(void *ctx)
{
	note(ctx);
	loop_set_timer(&timers[0], loop_now() + 100);
	loop_stop_timer(&timers[1]);
}

static void timers_test(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		timers[i] = (struct loop_timer){.fn = note, .ctx = CTX(i)};
	loop_set_timer(&timers[0], 5000);
	assert_int_equal(timer_at, 5000);
	loop_set_timer(&timers[1], 3000);
	loop_set_timer(&timers[2], 9000);
	assert_int_equal(timer_at, 3000);
	loop_set_timer(&timers[1], 6000); /* replaces */
	assert_int_equal(timer_at, 5000);
	set_now(4999);
	raise(TIMER_PORT); /* too early: armed again */
	timer_at = 0;
	loop_turn();
	assert_true(order[0] == 0 && timer_at == 5000);
	set_now(6000);
	raise(TIMER_PORT);
	loop_turn();
	assert_true(ran[0] == 1 && ran[1] == 1 && ran[2] == 0);
	assert_true(timers[0].at == 0 && timers[1].at == 0 && timer_at == 9000);
	loop_stop_timer(&timers[2]);
	loop_stop_timer(&timers[2]);
	loop_stop_timer(&timers[0]);
	set_now(10000);
	raise(TIMER_PORT);
	loop_turn();
	assert_int_equal(ran[2], 0);
	assert_int_equal(timer_at, 0); /* none: off */

	/* One that arms itself again and takes another one away, while both are due. */
	timers[0].fn = rearm;
	loop_set_timer(&timers[1], 10000);
	loop_set_timer(&timers[0], 10000);
	raise(TIMER_PORT);
	loop_turn();
	assert_true(ran[0] == 2 && ran[1] == 1 && timer_at == 10100);
	loop_set_timer(&timers[0], 0); /* in the past, and still a time */
	assert_true(timers[0].at == 1 && timer_at == 1);
	loop_stop_timer(&timers[0]);
}

static struct loop_work works[3];

static bool always(void *ctx)
{
	note(ctx);
	return true;
}
static bool once(void *ctx)
{
	note(ctx);
	return false;
}
static bool removes(void *ctx)
{
	note(ctx);
	loop_remove_work(&works[0]);
	loop_remove_work(&works[2]);
	return true; /* it removed itself: no more */
}

static void works_test(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		works[i] = (struct loop_work){.fn = once, .ctx = CTX(i)};
		loop_add_work(&works[i]);
	}
	loop_turn();
	assert_string_equal(order, "");
	works[1].due = true;
	loop_turn();
	assert_string_equal(order, "b");
	assert_false(works[1].due);

	/* One that always has more does not hold up the others, nor the events: once in a turn. */
	works[0].fn = always;
	works[0].due = works[1].due = true;
	memset(ran, 0, sizeof(ran));
	memset(order, 0, sizeof(order));
	loop_turn();
	assert_true(ran[0] == 1 && ran[1] == 1 && works[0].due);
	assert_non_null(memchr(order, 'b', 2));
	works[0].due = false;
	loop_turn();

	memset(order, 0, sizeof(order));
	memset(ran, 0, sizeof(ran));
	works[0].fn = once;
	works[2].fn = removes;
	works[0].due = works[2].due = true;
	loop_turn();
	loop_turn();
	assert_true(ran[2] == 1 && ran[0] <= 1);
	works[1].due = true;
	loop_turn();
	assert_int_equal(ran[1], 1);
	loop_remove_work(&works[1]);
	loop_remove_work(&works[1]);
}

/* Blocks only when there is nothing to do. */
static void running(void **state)
{
	static struct loop_work w;

	(void)state;
	w = (struct loop_work){.fn = once, .ctx = CTX(6), .due = true};
	loop_add_work(&w);
	loop_on_event(9, note, CTX(7));
	raise(9);
	if (!setjmp(out))
		loop_run();
	assert_true(ran[6] == 1 && ran[7] == 1 && blocks == 1);
	loop_remove_work(&w);
	loop_forget_event(9);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(events),     TEST(events_within), TEST(timers_test),
		TEST(works_test), TEST(running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
