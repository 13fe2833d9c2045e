/* SPDX-License-Identifier: BSD-2-Clause */
/* Event IPIs between 4 vCPUs: each sends to each, each arrives at its own. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "event IPIs on 4 vCPUs";
#define ROUNDS 200u

static u32 port[4];
static volatile u32 go, stop;

static void send_round(u32 to)
{
	u32 before = event_count[port[to]];

	CHECK_EQ(event_send(port[to]), 0, "send");
	if (!WAIT_FOR(event_count[port[to]] != before, 20000))
		test_fail("IPI from vCPU %u to %u got lost", cpu_id(), to);
	if (event_last_cpu[port[to]] != to)
		test_fail("IPI for vCPU %u came at %u", to, event_last_cpu[port[to]]);
}

static void worker(void *arg)
{
	(void)arg;
	interrupts_on();
	while (!stop) {
		if (go == cpu_id()) {
			for (u32 i = 0; i < ROUNDS; i++)
				send_round(i % 4);
			interrupts_on();
			go = 0;
		}
		cpu_relax();
	}
}
static void sleeper(void *arg)
{
	(void)arg;
	while (!stop)
		halt_once();
}

void test_main(void)
{
	u64 end;

	event_init();
	for (u32 i = 0; i < 4; i++) {
		CHECK_EQ(bind_ipi(i, &port[i]), 0, "bind_ipi");
		CHECK_EQ(event_port_op(EVTCHNOP_unmask, port[i]), 0, "unmask");
	}
	cpu_start_all(worker, NULL);
	for (u32 i = 1; i < 4; i++) {
		go = i;
		end = clock_ns() + 60000000000ull;
		while (go) {
			interrupts_poll();
			CHECK(clock_ns() < end, "a vCPU did not finish");
		}
	}
	for (u32 i = 0; i < ROUNDS; i++)
		send_round(i % 4);
	stop = 1;
	for (u32 i = 1; i < 4; i++)
		cpu_join(i);
	/* The same to vCPUs that sleep. */
	stop = 0;
	cpu_start_all(sleeper, NULL);
	for (u32 i = 0; i < ROUNDS; i++)
		send_round(1 + i % 3);
	stop = 1;
	for (u32 i = 1; i < 4; i++) {
		(void)event_send(port[i]);
		cpu_join(i);
	}
}
// guest: vcpus=4
