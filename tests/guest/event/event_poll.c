/* SPDX-License-Identifier: BSD-2-Clause */
/* SCHEDOP_poll: a pending port (masked too) ends it at once, another vCPU's event wakes it, the
 * timeout ends it. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "poll";

static u32 a, b, c, d;

static void other(void *arg)
{
	(void)arg;
	delay_ns(30000000);
	(void)event_send(a);
}

static s64 poll(u32 *ports, u32 n, u64 timeout)
{
	struct sched_poll p = {.ports = (u64)ports, .nr_ports = n, .timeout = timeout};

	return sched_op(SCHEDOP_poll, &p);
}

void test_main(void)
{
	u32 ports[3];
	u64 now, due;

	event_init();
	event_loop_pair(&a, &b);
	event_loop_pair(&c, &d);
	vcpu_info(0)->evtchn_upcall_pending = 0;
	ports[0] = d;
	ports[1] = b;
	CHECK(event_pending(b) && event_masked(b), "b is pending and masked");
	event_clear(d);
	CHECK_EQ(poll(ports, 2, 0), 0, "one of two is pending");
	event_clear(b);
	now = clock_ns();
	due = now + 20000000;
	CHECK_EQ(poll(ports, 2, due), 0, "timeout");
	CHECK(clock_ns() >= due, "poll waits until the timeout");
	CHECK_EQ(poll(ports, 2, 1), 0, "timeout in the past");
	due = clock_ns() + 5000000;
	CHECK_EQ(poll(NULL, 0, due), 0, "no ports, timeout");
	CHECK(clock_ns() >= due, "poll of no ports waits too");
	cpu_start(1, other, NULL);
	CHECK_EQ(poll(ports, 2, clock_ns() + 20000000000ull), 0, "woken");
	CHECK(event_pending(b), "by the event");
	cpu_join(1);
	event_clear(b);
	/* An upcall that can be delivered ends it as well. */
	event_clear(d);
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, d), 0, "unmask");
	CHECK_EQ(event_send(c), 0, "send");
	ports[0] = b;
	interrupts_on();
	CHECK_EQ(poll(ports, 1, clock_ns() + 10000000000ull), 0, "poll with an upcall");
	CHECK_EQ(event_count[d], 1, "the upcall came");
}
// guest: vcpus=2
