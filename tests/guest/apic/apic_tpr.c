/* SPDX-License-Identifier: BSD-2-Clause */
/* Priorities of the local APIC: TPR and CR8, nesting in service, EOI order, spurious cases. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "APIC priorities";

static volatile u32 order[16], taken;
static volatile bool nest;

static void handler(struct trap_frame *f)
{
	order[taken++ & 15] = (u32)f->vector;
	CHECK(apic_bit(APIC_ISR, (u8)f->vector), "in service");
	CHECK_EQ(apic_read(APIC_PPR) & 0xF0, f->vector & 0xF0, "processor priority");
	if (nest) {
		nest = false;
		apic_icr(0, ICR_SELF | 0x45); /* lower: waits */
		apic_icr(0, ICR_SELF | 0x58); /* same class: waits */
		apic_icr(0, ICR_SELF | 0x65); /* higher: now */
		interrupts_poll();
		CHECK_EQ(taken, 2, "only the higher class interrupts a handler");
		CHECK_EQ(order[1], 0x65, "the higher one");
	}
	apic_write(APIC_EOI, 0);
	CHECK(!apic_bit(APIC_ISR, (u8)f->vector), "EOI ends the highest in service");
}

static void expect_order(u32 n, const u32 *want, const char *what)
{
	if (taken != n)
		test_fail("%s: %u interrupts instead of %u", what, taken, n);
	for (u32 i = 0; i < n; i++)
		if (order[i] != want[i])
			test_fail("%s: place %u is vector %x", what, i, order[i]);
	taken = 0;
}

static void bad_cr8(void *arg)
{
	(void)arg;
	write_cr8(16);
}

void test_main(void)
{
	static const u32 falling[] = {0x65, 0x58, 0x55, 0x45};
	static const u32 nested[] = {0x55, 0x65, 0x58, 0x45};
	static const u8 vectors[] = {0x45, 0x55, 0x58, 0x65};

	for (u32 i = 0; i < 4; i++)
		trap_set_handler(vectors[i], handler);
	apic_enable();
	for (u32 i = 0; i < 4; i++)
		apic_icr(0, ICR_SELF | vectors[i]);
	for (u32 i = 0; i < 10; i++)
		interrupts_poll();
	expect_order(4, falling, "highest first");

	for (u64 p = 0; p < 16; p++) {
		write_cr8(p);
		CHECK_EQ(read_cr8(), p, "CR8");
		CHECK_EQ(apic_read(APIC_TPR), p << 4, "CR8 in TPR");
	}
	/* The emulator takes it; a real CPU says #GP. The priority must not be wild then. */
	(void)expect_fault(bad_cr8, NULL);
	CHECK(read_cr8() < 16, "CR8 = 16");
	apic_write(APIC_TPR, 0x5F);
	CHECK_EQ(read_cr8(), 5, "TPR in CR8");
	CHECK_EQ(apic_read(APIC_PPR), 0x5F, "PPR follows TPR");
	for (u32 i = 0; i < 4; i++)
		apic_icr(0, ICR_SELF | vectors[i]);
	for (u32 i = 0; i < 4; i++)
		interrupts_poll();
	expect_order(1, falling, "TPR 0x5F lets 0x65 through only");
	write_cr8(5);
	interrupts_poll();
	expect_order(0, falling, "CR8 = 5 holds class 5");
	write_cr8(4);
	for (u32 i = 0; i < 4; i++)
		interrupts_poll();
	expect_order(2, falling + 1, "CR8 = 4 lets class 5 through");
	/* Lowered with interrupts on: at once. */
	interrupts_on();
	CHECK_EQ(taken, 0, "still held");
	write_cr8(0);
	__asm__ volatile("nop; nop");
	interrupts_off();
	expect_order(1, falling + 3, "CR8 = 0 with IF = 1");

	nest = true;
	apic_icr(0, ICR_SELF | 0x55);
	for (u32 i = 0; i < 6; i++)
		interrupts_poll();
	expect_order(4, nested, "nesting");

	/* The same vector twice while it is in IRR is one; a masked IF keeps it. */
	apic_icr(0, ICR_SELF | 0x45);
	apic_icr(0, ICR_SELF | 0x45);
	for (u32 i = 0; i < 4; i++)
		interrupts_poll();
	expect_order(1, falling + 3, "merged in IRR");
	apic_write(APIC_EOI, 0); /* nothing in service */
	apic_icr(0, ICR_SELF | 0x45);
	write_cr8(15);
	write_cr8(0);
	interrupts_poll();
	interrupts_poll();
	expect_order(1, falling + 3, "EOI of nothing");
}
