/* SPDX-License-Identifier: BSD-2-Clause */
/* Each interrupt is delivered once, whatever else the CPU below has to do in that moment. A second
 * delivery by mistake needs no more than an unlucky moment, so there are many interrupts. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "interrupts are delivered once";
#define VECTOR  0x5B
#define TEST_NS 2000000000ull

static volatile u32 taken;

static void handler(struct trap_frame *f)
{
	taken++;
	if (!(f->rflags & 0x200))
		test_fail("interrupt %u came with interrupts off, at 0x%lx", taken,
			  (unsigned long)f->rip);
	apic_write(APIC_EOI, 0);
}

void test_main(void)
{
	u64 end = clock_ns() + TEST_NS;

	apic_enable();
	trap_set_handler(VECTOR, handler);
	interrupts_on();
	for (u32 sent = 1; clock_ns() < end; sent++) {
		apic_icr(cpu_apic_id(0), VECTOR);
		if (!WAIT_FOR(taken >= sent, 1000))
			test_fail("interrupt %u did not come", sent);
		CHECK_EQ(taken, sent, "interrupts taken");
	}
	interrupts_off();
}
