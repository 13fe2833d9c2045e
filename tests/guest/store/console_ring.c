/* SPDX-License-Identifier: BSD-2-Clause */
/* The console ring: text goes out, also more than fits at once; wild indices harm nobody. */
#include <dom0/hyper/rings.h>
#include <tests/guest/lib/guest.h>

const char test_title[] = "console ring";

static volatile struct xencons_interface *ring;
static u64 port;

static bool drained(void)
{
	return ring->out_cons == ring->out_prod;
}
static bool put_line(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ring->out_prod - ring->out_cons >= sizeof(ring->out)) {
			(void)event_send((u32)port);
			if (!WAIT_FOR(ring->out_prod - ring->out_cons < sizeof(ring->out), 30000))
				return false;
		}
		ring->out[ring->out_prod % sizeof(ring->out)] = s[i];
		barrier();
		ring->out_prod = ring->out_prod + 1;
	}
	(void)event_send((u32)port);
	return true;
}

void test_main(void)
{
	static const char hello[] = "through the ring\r\n";
	u64 pfn;
	char line[100];

	event_init();
	CHECK_EQ(hvm_get_param(HVM_PARAM_CONSOLE_PFN, &pfn), 0, "page");
	CHECK_EQ(hvm_get_param(HVM_PARAM_CONSOLE_EVTCHN, &port), 0, "port");
	ring = (volatile struct xencons_interface *)(pfn << 12);
	CHECK(ring->out_prod == ring->out_cons, "empty at start");
	CHECK(put_line(hello, sizeof(hello) - 1), "a line");
	CHECK(WAIT_FOR(drained(), 30000), "the line is taken");
	for (u32 i = 0; i < 40; i++) { /* the ring is full more than once */
		memset(line, 'a' + (int)i % 26, sizeof(line));
		line[98] = '\r';
		line[99] = '\n';
		CHECK(put_line(line, sizeof(line)), "much text");
	}
	CHECK(WAIT_FOR(drained(), 30000), "all is taken");
	/* Wild indices: no answer is owed, but others live on. */
	ring->out_prod = ring->out_cons + 0x7FFFFFFF;
	(void)event_send((u32)port);
	ring->in_cons = ring->in_prod + 12345;
	(void)event_send((u32)port);
	delay_ns(5000000);
	ring->out_cons = 0xFFFFFFFF;
	ring->out_prod = 3;
	for (u32 i = 0; i < 100; i++)
		(void)event_send((u32)port);
	delay_ns(5000000);
}
// guest: plinth_console=log
