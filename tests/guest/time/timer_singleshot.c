/* SPDX-License-Identifier: BSD-2-Clause */
/* VCPUOP_set_singleshot_timer and set_timer_op: never early, ends HLT, past fires now, stops. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "singleshot timer and set_timer_op";

static u32 port;

static u64 wait_event(u32 before)
{
	while (event_count[port] == before)
		halt_once();
	return clock_ns();
}

static void quiet(u64 ns, const char *what)
{
	u32 before = event_count[port];

	delay_ns(ns);
	interrupts_poll();
	if (event_count[port] != before)
		test_fail("%s", what);
}

void test_main(void)
{
	u64 due, late, worst = 0, sum = 0;
	struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = 1, .flags = VCPU_SSHOTTMR_future};

	event_init();
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &port), 0, "bind");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, port), 0, "unmask");
	CHECK_EQ(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0, "stop_periodic");
	for (u32 i = 0; i < 100; i++) {
		u32 before = event_count[port];

		due = clock_ns() + 1000000;
		if (i & 1)
			CHECK_EQ(set_timer_op(due), 0, "set_timer_op");
		else
			CHECK_EQ(set_singleshot(0, due), 0, "set_singleshot");
		late = wait_event(before);
		CHECK(late >= due, "the timer was early");
		late -= due;
		sum += late;
		worst = late > worst ? late : worst;
	}
	print("1 ms timer: late by %lu us on average, %lu us at worst\n",
	      (unsigned long)(sum / 100000), (unsigned long)(worst / 1000));
	CHECK_EQ(event_count[port], 100, "one event each");
	CHECK_EQ(set_singleshot(0, 1), 0, "in the past");
	CHECK(WAIT_FOR(event_count[port] == 101, 5000), "fires now");
	(void)vcpu_op(VCPUOP_set_singleshot_timer, 0, &t);
	(void)vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
	interrupts_poll();
	CHECK_EQ(set_singleshot(0, clock_ns() + 20000000), 0, "arm");
	CHECK_EQ(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0, "stop");
	quiet(40000000, "fired after stop_singleshot");
	CHECK_EQ(set_timer_op(clock_ns() + 20000000), 0, "arm");
	CHECK_EQ(set_timer_op(0), 0, "stop");
	quiet(40000000, "fired after set_timer_op(0)");
	/* The later setting wins. */
	u32 before = event_count[port];
	due = clock_ns() + 60000000;
	CHECK_EQ(set_singleshot(0, due - 40000000), 0, "arm");
	CHECK_EQ(set_singleshot(0, due), 0, "arm later");
	CHECK(wait_event(before) >= due, "the first setting is void");
	/* Absurd times: within reason, and no hang. */
	before = event_count[port];
	CHECK_EQ(set_timer_op(1ull << 63), 0, "negative");
	CHECK(WAIT_FOR(event_count[port] != before, 20000), "fires soon");
	before = event_count[port];
	CHECK_EQ(set_timer_op(clock_ns() + (1ull << 55)), 0, "a year ahead");
	(void)set_timer_op(0);
	/* For oneself only. */
	CHECK_EQ(set_singleshot(1, clock_ns()), -XEN_EINVAL, "another vCPU's singleshot timer");
	CHECK_EQ(vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL), -XEN_EINVAL, "stop another's");
	CHECK_EQ(vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL), 0, "stop_periodic of another");
	CHECK(vcpu_op(VCPUOP_stop_periodic_timer, 2, NULL) < 0, "of one that is not there");
	CHECK(vcpu_op(VCPUOP_stop_periodic_timer, ~0u, NULL) < 0, "of vCPU 2^32 - 1");
}
// guest: vcpus=2
