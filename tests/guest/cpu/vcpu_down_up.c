/* SPDX-License-Identifier: BSD-2-Clause */
/* VCPUOP_down and up: a vCPU stops where it is and goes on from there. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "vcpu_op down and up";

static volatile u64 beats;
static volatile u32 downs;

static void beat(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 10; i++) {
		beats++;
		CHECK_EQ(vcpu_op(VCPUOP_down, 1, NULL), 0, "down");
		downs++;
	}
}

void test_main(void)
{
	CHECK(vcpu_op(VCPUOP_up, 1, NULL) == -XEN_EINVAL, "up of a vCPU without state");
	CHECK(vcpu_op(VCPUOP_up, 2, NULL) < 0, "up of vCPU 2");
	CHECK(vcpu_op(VCPUOP_up, ~0u, NULL) < 0, "up of vCPU 2^32 - 1");
	cpu_start(1, beat, NULL);
	for (u32 i = 0; i < 10; i++) {
		CHECK(WAIT_FOR(vcpu_op(VCPUOP_is_up, 1, NULL) == 0, 20000), "goes down");
		CHECK_EQ(beats, i + 1, "went down at its own word");
		CHECK_EQ(downs, i, "and stays there");
		CHECK_EQ(vcpu_op(VCPUOP_up, 1, NULL), 0, "up");
		CHECK(WAIT_FOR(downs == i + 1, 20000), "goes on behind the call");
	}
	cpu_join(1);
	CHECK_EQ(vcpu_op(VCPUOP_up, 0, NULL), 0, "up of one that is up");
}
// guest: vcpus=2
