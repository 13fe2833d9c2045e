/* SPDX-License-Identifier: BSD-2-Clause */
/* 10,000 sends, to oneself and from another vCPU: none is lost, none comes twice. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "event storm";
#define SENDS 10000u

static u32 a, b, c, d;
static volatile u32 sent;

static void sender(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < SENDS; i++) {
		CHECK_EQ(event_send(c), 0, "send from vCPU 1");
		sent = i + 1;
	}
}

void test_main(void)
{
	event_init();
	event_loop_pair(&a, &b);
	event_loop_pair(&c, &d);
	event_clear(b);
	event_clear(d);
	event_scan();
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, d), 0, "unmask");
	interrupts_on();
	for (u32 i = 0; i < SENDS; i++) {
		CHECK_EQ(event_send(a), 0, "send");
		if (event_count[b] != i + 1)
			test_fail("after send %u: %u events", i + 1, event_count[b]);
	}
	cpu_start(1, sender, NULL);
	CHECK(WAIT_FOR(sent == SENDS, 60000), "the other vCPU's sends");
	CHECK(WAIT_FOR(!event_pending(d), 10000), "all was taken");
	CHECK(event_count[d] > 0 && event_count[d] <= SENDS, "events may merge, not multiply");
	cpu_join(1);
	/* One more still arrives. */
	u32 n = event_count[d];
	CHECK_EQ(event_send(c), 0, "last send");
	CHECK(WAIT_FOR(event_count[d] == n + 1, 10000), "last event");
	CHECK_EQ(event_count[b], SENDS, "own events");
}
// guest: vcpus=2
