/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls that are not there, callers that may not, sub-operations that do not exist. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "unknown hypercalls, CPL 3, the control hypercall";

static u64 zeros[64] __attribute__((aligned(4096)));

static bool known(u64 nr)
{
	static const u8 numbers[] = {12, 15, 17, 18, 20, 21, 24, 29, 32, 34, 48};

	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i] == nr)
			return true;
	return false;
}

static void unknown_number(u64 nr)
{
	s64 r = hypercall_native(nr, 0, 0, 0, 0, 0);

	if (r != -XEN_ENOSYS)
		test_fail("hypercall %lx returns %ld", nr, (long)r);
}

struct user_hypercall {
	u64 nr;
	s64 result;
};
static void user_call(void *arg)
{
	struct user_hypercall *u = arg;

	u->result = hypercall_native(u->nr, 0, 0, 0, 0, 0);
}

static void unknown_sub(u64 nr, u64 cmd)
{
	s64 r = hypercall_native(nr, cmd, (u64)zeros, 1, 0, 0);

	/* vcpu_op and vm_assist take other arguments there: any error will do. */
	if (r != -XEN_ENOSYS &&
	    !(r < 0 && (nr == HYPERVISOR_vcpu_op || nr == HYPERVISOR_vm_assist ||
			nr == HYPERVISOR_console_io)))
		test_fail("hypercall %lu sub-operation %lx returns %ld", nr, cmd, (long)r);
}

void test_main(void)
{
	static const u64 wild[] = {0xFFFFFFFF, 0x100000000ull, 0x7FFFFFFFFFFFFFFF, ~0ull,
				   1ull << 63, 0x10000000Cull, 0x80000000};
	static const u8 with_sub[] = {12, 17, 20, 24, 29, 32, 34};
	struct user_hypercall u;

	for (u64 nr = 0; nr < 600; nr++)
		if (!known(nr))
			unknown_number(nr);
	for (u32 i = 0; i < ARRAY_SIZE(wild); i++)
		if (!known(wild[i] & 0xFFFFFFFF))
			unknown_number(wild[i]);
	CHECK_EQ(hypercall_native(HYPERVISOR_plinth_control, (u64)zeros, 0, 0, 0, 0), -XEN_EPERM,
		 "control hypercall from a guest");
	for (u32 cmd = 0; cmd < 64; cmd++) {
		u32 *c = (u32 *)zeros;

		c[0] = cmd;
		c[1] = 1;
		CHECK_EQ(hypercall_native(HYPERVISOR_plinth_control, (u64)zeros, 0, 0, 0, 0),
			 -XEN_EPERM, "control sub-operation from a guest");
	}
	zeros[0] = 0;
	for (u64 nr = 0; nr < 64; nr++) {
		struct fault f;

		u = (struct user_hypercall){nr, 1};
		f = run_user(user_call, &u);
		CHECK_EQ(f.vector, 0x80, "user mode returned");
		if (u.result != -XEN_EPERM)
			test_fail("hypercall %lu at CPL 3 returns %ld", nr, (long)u.result);
	}
	for (u32 i = 0; i < ARRAY_SIZE(with_sub); i++) {
		unknown_sub(with_sub[i], 63);
		unknown_sub(with_sub[i], 62);
	}
	CHECK_EQ(hypercall3(HYPERVISOR_xen_version, 1000, (u64)zeros, 0), -XEN_ENOSYS,
		 "xen_version 1000");
	CHECK_EQ(hypercall3(HYPERVISOR_sched_op, 1000, (u64)zeros, 0), -XEN_ENOSYS,
		 "sched_op 1000");
	CHECK_EQ(hypercall3(HYPERVISOR_hvm_op, 1000, (u64)zeros, 0), -XEN_ENOSYS, "hvm_op 1000");
	CHECK_EQ(hypercall3(HYPERVISOR_event_channel_op, 1000, (u64)zeros, 0), -XEN_ENOSYS,
		 "event_channel_op 1000");
	CHECK(event_op(EVTCHNOP_init_control, zeros) < 0, "FIFO events are refused");
	CHECK(event_op(EVTCHNOP_expand_array, zeros) < 0, "FIFO arrays are refused");
	CHECK(hvm_op(HVMOP_pagetable_dying, zeros) < 0, "hvm_op 9 must be negative");
}
