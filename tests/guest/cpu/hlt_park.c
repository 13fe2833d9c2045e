/* SPDX-License-Identifier: BSD-2-Clause */
/* HLT with interrupts off parks a vCPU; INIT and STARTUP start it again; HLT with them on sleeps.
 */
#include <tests/guest/lib/guest.h>

const char test_title[] = "HLT with IF=0 parks a vCPU";

static volatile u32 runs;

static void count(void *arg)
{
	(void)arg;
	runs++;
}

void test_main(void)
{
	CHECK_EQ(vcpu_op(VCPUOP_is_up, 0, NULL), 1, "vCPU 0 is up");
	CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0, "vCPU 1 is not");
	for (u32 i = 0; i < 20; i++) {
		cpu_start(1, count, NULL);
		cpu_join(1);
		CHECK(WAIT_FOR(vcpu_op(VCPUOP_is_up, 1, NULL) == 0, 20000),
		      "it parks after its work");
		CHECK_EQ(runs, i + 1, "ran once");
	}
	/* An interrupt does not wake a parked one. */
	apic_icr(cpu_apic_id(1), 0x55);
	delay_ns(2000000);
	CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0, "still parked");
	CHECK(vcpu_op(VCPUOP_is_up, 2, NULL) < 0, "vCPU 2 is not there");
	CHECK(vcpu_op(VCPUOP_is_up, ~0u, NULL) < 0, "vCPU 2^32 - 1");
}
// guest: vcpus=2
