/* SPDX-License-Identifier: BSD-2-Clause */
/* Upcalls by callback type 2: like a level, without the local APIC, held back by IF and by the
 * shadow of STI. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "upcall by callback type 2";

static u32 a, b;

static volatile u64 *taken(void)
{
	return &this_cpu()->interrupts[UPCALL_VECTOR];
}

static void one_upcall(const char *what)
{
	u64 before = *taken();
	u32 events = event_count[b];

	CHECK_EQ(event_send(a), 0, "send");
	CHECK_EQ(*taken(), before, "held back while IF is 0");
	interrupts_poll();
	if (*taken() != before + 1)
		test_fail("%s: %lu upcalls", what, (unsigned long)(*taken() - before));
	CHECK_EQ(event_count[b], events + 1, "one event");
	interrupts_poll();
	CHECK_EQ(*taken(), before + 1, "no second upcall");
}

static volatile u32 stubborn;

/* Leaves upcall_pending set the first times: it must come again. */
static void stubborn_upcall(struct trap_frame *f)
{
	(void)f;
	if (++stubborn == 3)
		event_scan();
}

void test_main(void)
{
	u64 before, rip_flags;

	event_init();
	event_loop_pair(&a, &b);
	event_clear(b);
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask");
	(void)event_scan();
	one_upcall("local APIC as it is at start");
	apic_write(APIC_SVR, 0x0FF);
	one_upcall("local APIC disabled by software");
	apic_enable();
	apic_write(APIC_TPR, 0xFF);
	one_upcall("highest task priority");
	CHECK(!apic_bit(APIC_ISR, UPCALL_VECTOR), "not in service");
	CHECK(!apic_bit(APIC_IRR, UPCALL_VECTOR), "not requested");
	apic_write(APIC_TPR, 0);

	/* With interrupts on it comes before the next instruction but one. */
	interrupts_on();
	before = *taken();
	CHECK_EQ(event_send(a), 0, "send");
	__asm__ volatile("nop");
	CHECK_EQ(*taken(), before + 1, "immediate upcall");
	interrupts_off();

	/* STI; HLT with an event pending must not sleep for ever. */
	for (u32 i = 0; i < 100; i++) {
		CHECK_EQ(event_send(a), 0, "send");
		halt_once();
	}
	/* Nothing gets in between STI and CLI. */
	before = *taken();
	CHECK_EQ(event_send(a), 0, "send");
	for (u32 i = 0; i < 10; i++)
		__asm__ volatile("sti; cli" ::: "memory");
	CHECK_EQ(*taken(), before, "shadow of STI");
	interrupts_poll();
	CHECK_EQ(*taken(), before + 1, "after the shadow");

	trap_set_handler(UPCALL_VECTOR, stubborn_upcall);
	CHECK_EQ(event_send(a), 0, "send");
	for (u32 i = 0; i < 10 && stubborn < 3; i++) { /* looked at when the guest is entered */
		(void)cpuid(0, 0);
		interrupts_poll();
	}
	CHECK_EQ(stubborn, 3, "comes again until upcall_pending is clear");
	rip_flags = read_rflags();
	CHECK(!(rip_flags & RFLAGS_IF), "flags");
	/* A guest may set the byte itself. */
	vcpu_info(0)->evtchn_upcall_pending = 1;
	stubborn = 2;
	(void)xen_version(XENVER_version, NULL);
	interrupts_poll();
	CHECK_EQ(stubborn, 3, "upcall_pending set by the guest");
}
