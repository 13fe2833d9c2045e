/* SPDX-License-Identifier: BSD-2-Clause */
/* The two-level rules (guest-abi 4.2): pending, mask, selector and upcall bits, one step at a time.
 */
#include <tests/guest/lib/guest.h>

const char test_title[] = "two-level event rules";

static volatile struct vcpu_info *info;
static u32 a, b;

static void clear_all(void)
{
	info->evtchn_upcall_pending = 0;
	info->evtchn_pending_sel = 0;
	event_clear(a);
	event_clear(b);
}

static void expect_bits(bool pending, bool sel, bool upcall, const char *what)
{
	if (event_pending(b) != pending)
		test_fail("%s: pending is %u", what, !pending);
	if (!!(info->evtchn_pending_sel >> (b / 64) & 1) != sel)
		test_fail("%s: selector is %u", what, !sel);
	if (!!info->evtchn_upcall_pending != upcall)
		test_fail("%s: upcall_pending is %u", what, !upcall);
}

void test_main(void)
{
	info = vcpu_info(0);
	for (u32 i = 0; i < 64; i++)
		shared_info()->evtchn_mask[i] = ~0ull;
	event_loop_pair(&a, &b);
	expect_bits(true, false, info->evtchn_upcall_pending, "new port, masked");
	clear_all();

	CHECK_EQ(event_send(a), 0, "send, masked");
	expect_bits(true, false, false, "masked");
	CHECK(!event_pending(a), "the sender's own port");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask a pending port");
	expect_bits(true, true, true, "unmasked while pending");
	CHECK(!event_masked(b), "unmask clears the mask");
	clear_all();

	CHECK_EQ(event_send(a), 0, "send, open");
	expect_bits(true, true, true, "open");
	info->evtchn_upcall_pending = 0;
	info->evtchn_pending_sel = 0;
	CHECK_EQ(event_send(a), 0, "send again");
	expect_bits(true, false, false, "already pending: nothing more");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask an open port");
	expect_bits(true, false, false, "unmask of an open port does nothing");
	clear_all();

	info->evtchn_pending_sel = 1ull << (b / 64);
	CHECK_EQ(event_send(a), 0, "send with the selector set");
	expect_bits(true, true, false, "selector was set: no second upcall");
	clear_all();

	event_mask(b);
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask, nothing pending");
	expect_bits(false, false, false, "unmask without pending");
	CHECK_EQ(event_send(b), 0, "send the other way");
	CHECK(event_pending(a), "pending at the other end");
	expect_bits(false, false, false, "other direction, masked");
	/* Closing clears what was pending. */
	CHECK_EQ(event_send(a), 0, "send");
	CHECK_EQ(event_port_op(EVTCHNOP_close, b), 0, "close");
	CHECK_EQ(event_send(a), 0, "send to a closed peer is dropped");
}
