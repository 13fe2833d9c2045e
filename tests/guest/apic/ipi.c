/* SPDX-License-Identifier: BSD-2-Clause */
/* Interprocessor interrupts on 4 vCPUs: physical, logical, shorthands, broadcast, NMI. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "IPIs on 4 vCPUs";
#define VECTOR 0x55

static volatile u32 ready, stop;
static volatile u32 nmis[CPU_MAX];

static void nmi(struct trap_frame *f)
{
	(void)f;
	__atomic_fetch_add(&nmis[cpu_id()], 1, __ATOMIC_SEQ_CST);
}

static void worker(void *arg)
{
	bool sleeps = arg;

	apic_enable();
	apic_write(APIC_DFR, 0xFFFFFFFF);
	apic_write(APIC_LDR, 1u << (24 + cpu_id()));
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	interrupts_on();
	while (!stop) {
		if (sleeps)
			__asm__ volatile("hlt");
		else
			cpu_relax();
	}
	interrupts_off();
}

static u64 count(u32 cpu)
{
	return cpu_get(cpu)->interrupts[VECTOR];
}

/* Sends, then expects one interrupt at each CPU in the mask and none elsewhere. */
static void expect_at(u32 dest, u32 low, u32 mask, const char *what)
{
	u64 before[4];

	for (u32 i = 0; i < 4; i++)
		before[i] = count(i);
	apic_icr(dest, low | VECTOR);
	for (u32 i = 0; i < 4; i++)
		if (mask >> i & 1 && !WAIT_FOR(count(i) == before[i] + 1, 20000))
			test_fail("%s: CPU %u took %lu", what, i,
				  (unsigned long)(count(i) - before[i]));
	interrupts_poll();
	delay_ns(200000);
	for (u32 i = 0; i < 4; i++)
		if (count(i) != before[i] + (mask >> i & 1))
			test_fail("%s: CPU %u took %lu in the end", what, i,
				  (unsigned long)(count(i) - before[i]));
}

static void all_forms(void)
{
	for (u32 i = 0; i < 4; i++)
		expect_at(cpu_apic_id(i), 0, 1u << i, "physical");
	expect_at(0, ICR_SELF, 1, "self");
	expect_at(0, ICR_ALL, 15, "all with self");
	expect_at(0, ICR_OTHERS, 14, "all but self");
	expect_at(0xFF, 0, 15, "physical broadcast");
	for (u32 i = 0; i < 16; i++)
		expect_at(i, ICR_LOGICAL, i, "logical, flat");
	expect_at(0x77, 0, 0, "nobody");
	for (u32 i = 0; i < 50; i++)
		expect_at(cpu_apic_id(1 + i % 3), ICR_ASSERT, 1u << (1 + i % 3), "many");
}

static void expect_nmi(u32 dest, u32 low, u32 mask, const char *what)
{
	u32 before[4];

	for (u32 i = 0; i < 4; i++)
		before[i] = nmis[i];
	apic_icr(dest, low | ICR_NMI);
	for (u32 i = 0; i < 4; i++)
		if (!WAIT_FOR(nmis[i] == before[i] + (mask >> i & 1), 20000))
			test_fail("%s: CPU %u took %u NMIs", what, i, nmis[i] - before[i]);
}

static void finish(void)
{
	stop = 1;
	apic_icr(0, ICR_OTHERS | VECTOR);
	for (u32 i = 1; i < 4; i++)
		cpu_join(i);
	stop = ready = 0;
}

void test_main(void)
{
	if (apic_x2_mode())
		test_skip("vCPUs start in x2APIC mode");
	trap_set_handler(VECTOR, count_interrupt);
	trap_set_handler(2, nmi);
	apic_enable();
	apic_write(APIC_DFR, 0xFFFFFFFF);
	apic_write(APIC_LDR, 1u << 24);
	CHECK_EQ(cpu_count(), 4, "4 CPUs in the MADT");
	for (u32 sleeps = 0; sleeps < 2; sleeps++) {
		cpu_start_all(worker, sleeps ? (void *)1 : NULL);
		CHECK(WAIT_FOR(ready == 3, 20000), "workers");
		all_forms();
		for (u32 i = 0; i < 4; i++)
			expect_nmi(cpu_apic_id(i), 0, 1u << i, "NMI");
		expect_nmi(0, ICR_OTHERS, 14, "NMI to all but self");
		/* Still fit for ordinary ones: NMIs are unblocked by IRET. */
		expect_at(0, ICR_ALL, 15, "after NMIs");
		finish();
	}
}
// guest: vcpus=4
