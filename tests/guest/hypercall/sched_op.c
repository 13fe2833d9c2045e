/* SPDX-License-Identifier: BSD-2-Clause */
/* sched_op: yield, block, and arguments that are wrong. Suspension is offered or refused. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "sched_op";

static u32 ports[200];

void test_main(void)
{
	struct sched_poll p = {
		.ports = (u64)ports, .nr_ports = SCHED_POLL_MAX_PORTS + 1, .timeout = 1};
	u32 port;

	CHECK_EQ(sched_op(SCHEDOP_yield, NULL), 0, "yield");
	event_init();
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), -XEN_EINVAL, "poll of 129 ports");
	p.nr_ports = ~0u;
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), -XEN_EINVAL, "poll of 2^32 - 1 ports");
	p.nr_ports = 1;
	ports[0] = XEN_EVTCHN_COUNT;
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), -XEN_EINVAL, "poll of port 4096");
	ports[0] = ~0u;
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), -XEN_EINVAL, "poll of port 2^32 - 1");
	/* Block ends with a timer event although interrupts are off. */
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &port), 0, "bind the timer");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, port), 0, "unmask");
	for (u32 i = 0; i < 3; i++) {
		u64 due = clock_ns() + 100000000;

		CHECK_EQ(set_singleshot(0, due), 0, "timer");
		CHECK_EQ(sched_op(SCHEDOP_block, NULL), 0, "block");
		interrupts_off();
		CHECK(WAIT_FOR(event_count[port] == i + 1, 5000), "timer event after block");
		CHECK(clock_ns() >= due, "block lasted until the timer");
	}
}
