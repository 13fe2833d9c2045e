/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC's timer: one-shot, periodic, masked, stopped, its current count and divider. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "APIC timer";
#define VECTOR 0x62

static u64 taken(void)
{
	return this_cpu()->interrupts[VECTOR];
}

/* Counts in 10 ms at divider 1. */
static u32 calibrate(void)
{
	u64 until;
	u32 left;

	apic_write(APIC_TDCR, 0xB);
	apic_write(APIC_LVT_TIMER, 0x10000 | VECTOR);
	apic_write(APIC_TMICT, 0xFFFFFFFF);
	until = clock_ns() + 10000000;
	while (clock_ns() < until)
		cpu_relax();
	left = apic_read(APIC_TMCCT);
	apic_write(APIC_TMICT, 0);
	CHECK(left && left != 0xFFFFFFFF, "the timer counts down");
	return 0xFFFFFFFF - left;
}

void test_main(void)
{
	u32 count, first, second;
	u64 t0, n;

	trap_set_handler(VECTOR, count_interrupt);
	apic_enable();
	CHECK_EQ(apic_read(APIC_TMCCT), 0, "stopped at first");
	count = calibrate();
	CHECK(count > 1000, "it counts fast enough");
	CHECK_EQ(apic_read(APIC_TMCCT), 0, "stopped");

	apic_write(APIC_LVT_TIMER, VECTOR);
	t0 = clock_ns();
	apic_write(APIC_TMICT, count);
	first = apic_read(APIC_TMCCT);
	second = apic_read(APIC_TMCCT);
	CHECK(second <= first && first <= count, "falls");
	CHECK(WAIT_FOR(taken() == 1, 20000), "one shot");
	CHECK(clock_ns() - t0 >= 4000000, "not early");
	delay_ns(30000000);
	interrupts_poll();
	CHECK_EQ(taken(), 1, "one shot is one");
	CHECK_EQ(apic_read(APIC_TMCCT), 0, "and has stopped");

	/* HLT is ended by it. */
	apic_write(APIC_TMICT, count / 10 + 1);
	while (taken() == 1)
		halt_once();
	CHECK_EQ(taken(), 2, "ends HLT");

	/* Masked: no interrupt. Stopped: neither. */
	apic_write(APIC_LVT_TIMER, 0x10000 | VECTOR);
	apic_write(APIC_TMICT, count / 100 + 1);
	delay_ns(5000000);
	interrupts_poll();
	CHECK_EQ(taken(), 2, "masked");
	apic_write(APIC_LVT_TIMER, VECTOR);
	apic_write(APIC_TMICT, count * 50);
	apic_write(APIC_TMICT, 0);
	CHECK_EQ(apic_read(APIC_TMCCT), 0, "count after stop");

	apic_write(APIC_LVT_TIMER, 0x20000 | VECTOR);
	n = taken();
	t0 = clock_ns();
	apic_write(APIC_TMICT, count);
	CHECK(WAIT_FOR(taken() >= n + 5, 60000), "periodic");
	CHECK(clock_ns() - t0 >= 35000000, "five periods take their time");
	apic_write(APIC_TMICT, 0);
	interrupts_poll();
	n = taken();
	delay_ns(20000000);
	interrupts_poll();
	CHECK_EQ(taken(), n, "stopped");
	/* Divider 16 is slower than divider 1. */
	apic_write(APIC_TDCR, 0x3);
	CHECK_EQ(apic_read(APIC_TDCR) & 0xB, 3, "divider");
	apic_write(APIC_LVT_TIMER, VECTOR);
	t0 = clock_ns();
	apic_write(APIC_TMICT, count / 8);
	CHECK(WAIT_FOR(taken() == n + 1, 20000), "divided");
	CHECK(clock_ns() - t0 >= 8000000, "16 times slower");
}
