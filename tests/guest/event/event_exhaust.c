/* SPDX-License-Identifier: BSD-2-Clause */
/* All 4,095 ports can be had, not one more; reset gives them back. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "exhausting event ports";

static u32 take_all(void)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
	u32 n = 0;
	s64 r;

	while (!(r = event_op(EVTCHNOP_alloc_unbound, &a))) {
		CHECK(a.port > 0 && a.port < XEN_EVTCHN_COUNT, "port in range");
		n++;
		CHECK(n < XEN_EVTCHN_COUNT, "more ports than there are");
	}
	CHECK_EQ(r, -XEN_ENOSPC, "no port left");
	return n;
}

void test_main(void)
{
	struct evtchn_reset reset = {DOMID_SELF};
	u32 first = take_all(), p;

	CHECK(first >= 4000, "nearly all ports are free at first");
	CHECK_EQ(bind_ipi(0, &p), -XEN_ENOSPC, "bind_ipi without ports");
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &p), -XEN_ENOSPC, "bind_virq without ports");
	CHECK_EQ(event_port_op(EVTCHNOP_close, 2000), 0, "close one");
	CHECK_EQ(event_alloc_self(), 2000, "the one that is free");
	CHECK_EQ(event_op(EVTCHNOP_reset, &reset), 0, "reset");
	CHECK_EQ(take_all(), XEN_EVTCHN_COUNT - 1, "all ports after reset");
}
