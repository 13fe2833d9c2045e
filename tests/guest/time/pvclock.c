/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock: never backwards, also between vCPUs, and in step with the TSC. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "pvclock on 4 vCPUs";
#define READS 20000u

static volatile u64 latest;
static volatile u64 behind[4];

static void reader(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < READS; i++) {
		u64 seen = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);
		u64 now = clock_ns();

		if (now < seen && seen - now > behind[cpu_id()])
			behind[cpu_id()] = seen - now;
		while (seen < now &&
		       !__atomic_compare_exchange_n(&latest, &seen, now, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST))
			;
		if (i % 1000 == 0)
			sched_op(SCHEDOP_yield, NULL);
	}
}

void test_main(void)
{
	const volatile struct vcpu_time_info *t = &vcpu_info(0)->time;
	u64 last = 0, tsc0, tsc1, ns0, ns1, khz, said = cpuid(0x40000003, 0).ecx;

	CHECK(!(t->version & 1), "version is even");
	CHECK(t->tsc_to_system_mul, "multiplier is not zero");
	for (u32 i = 0; i < READS; i++) {
		u64 now = clock_ns();

		CHECK(now >= last, "backwards on one vCPU");
		last = now;
	}
	ns0 = pvclock_read(t, &tsc0);
	delay_ns(50000000);
	ns1 = pvclock_read(t, &tsc1);
	khz = (tsc1 - tsc0) * 1000000 / (ns1 - ns0);
	if (khz > said + said / 100 || khz + said / 100 < said)
		test_fail("clock says %lu kHz, CPUID %lu", (unsigned long)khz, (unsigned long)said);
	for (u32 i = 1; i < 4; i++)
		CHECK(vcpu_info(i)->time.tsc_to_system_mul, "multiplier of a vCPU that is down");
	cpu_start_all(reader, NULL);
	reader(NULL);
	for (u32 i = 1; i < 4; i++)
		cpu_join(i);
	for (u32 i = 0; i < 4; i++)
		if (behind[i] > (t->flags & XEN_PVCLOCK_TSC_STABLE ? 0 : 1000000))
			test_fail("vCPU %u was behind by %lu ns", i, (unsigned long)behind[i]);
}
// guest: vcpus=4
