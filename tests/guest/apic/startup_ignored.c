/* SPDX-License-Identifier: BSD-2-Clause */
/* STARTUP to a running vCPU does nothing; INIT stops one that computes, STARTUP starts it afresh.
 */
#include <tests/guest/lib/guest.h>

const char test_title[] = "INIT and STARTUP of a running vCPU";

static volatile u64 beats;

static void beat(void *arg)
{
	(void)arg;
	for (;;)
		beats++;
}

static bool beating(void)
{
	u64 before = beats;

	return WAIT_FOR(beats != before, 3000);
}

void test_main(void)
{
	u64 base;

	for (u32 round = 0; round < 5; round++) {
		cpu_start(1, beat, NULL);
		CHECK(beating(), "runs");
		cpu_get(1)->running = 0;
		apic_icr(cpu_apic_id(1), ICR_STARTUP | TRAMPOLINE >> 12);
		delay_ns(3000000);
		CHECK(beating(), "runs on after STARTUP");
		CHECK_EQ(cpu_get(1)->running, 0, "did not start again");
		apic_icr(cpu_apic_id(1), ICR_INIT | ICR_ASSERT);
		delay_ns(20000000);
		u64 before = beats;
		delay_ns(100000000);
		CHECK_EQ(beats, before, "INIT stops it");
	}
	/* INIT to a vCPU that is not there, STARTUP without INIT, INIT deassert. */
	apic_icr(77, ICR_INIT | ICR_ASSERT);
	apic_icr(77, ICR_STARTUP | 8);
	apic_icr(0, ICR_OTHERS | ICR_INIT | 0x8000);
	base = rdmsr(MSR_APIC_BASE);
	CHECK(base & 0x100, "still the boot CPU");
}
// guest: vcpus=2
