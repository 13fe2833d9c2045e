/* SPDX-License-Identifier: BSD-2-Clause */
/* Upcalls by a per-vCPU vector (HVMOP 23): through the local APIC, with EOI. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "upcall by per-vCPU vector";
#define VECTOR 0x71

static u32 a, b;
static volatile u32 taken;
static volatile bool give_eoi = true;

static void upcall(struct trap_frame *f)
{
	(void)f;
	taken++;
	CHECK(apic_bit(APIC_ISR, VECTOR), "in service");
	event_scan();
	if (give_eoi)
		apic_write(APIC_EOI, 0);
}

void test_main(void)
{
	struct xen_hvm_evtchn_upcall_vector v = {.vcpu = 0, .vector = VECTOR};
	u64 value;

	for (u32 i = 0; i < 64; i++)
		shared_info()->evtchn_mask[i] = ~0ull;
	trap_set_handler(VECTOR, upcall);
	CHECK_EQ(hvm_op(HVMOP_set_evtchn_upcall_vector, &v), 0, "HVMOP 23");
	CHECK_EQ(hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 1), 0, "callback 1 says: by vector");
	CHECK_EQ(hvm_get_param(HVM_PARAM_CALLBACK_IRQ, &value), 0, "read it");
	event_loop_pair(&a, &b);
	event_clear(b);
	event_scan();
	apic_write(APIC_SVR, 0xFF); /* software-disabled */
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask");
	CHECK_EQ(event_send(a), 0, "send");
	interrupts_poll();
	CHECK_EQ(taken, 0, "no vector while the APIC is disabled");
	CHECK(vcpu_info(0)->evtchn_upcall_pending, "but pending");
	apic_enable();
	interrupts_poll();
	CHECK_EQ(taken, 1, "shown again when the APIC is enabled");
	CHECK_EQ(event_send(a), 0, "send");
	CHECK(apic_bit(APIC_IRR, VECTOR), "in IRR");
	interrupts_poll();
	CHECK_EQ(taken, 2, "second");
	CHECK(!apic_bit(APIC_ISR, VECTOR), "EOI ends it");
	/* Task priority and the in-service vector hold it back. */
	apic_write(APIC_TPR, 0x70);
	CHECK_EQ(event_send(a), 0, "send");
	interrupts_poll();
	CHECK_EQ(taken, 2, "task priority");
	apic_write(APIC_TPR, 0x60);
	interrupts_poll();
	CHECK_EQ(taken, 3, "lower priority");
	apic_write(APIC_TPR, 0);
	give_eoi = false;
	CHECK_EQ(event_send(a), 0, "send");
	interrupts_poll();
	CHECK_EQ(taken, 4, "without EOI");
	CHECK_EQ(event_send(a), 0, "send");
	interrupts_poll();
	CHECK_EQ(taken, 4, "held by the one in service");
	give_eoi = true;
	apic_write(APIC_EOI, 0);
	interrupts_poll();
	CHECK_EQ(taken, 5, "after EOI");
	CHECK_EQ(event_count[b], 5, "all events came");
	for (u32 i = 0; i < 50; i++) {
		CHECK_EQ(event_send(a), 0, "send");
		halt_once();
	}
	CHECK_EQ(taken, 55, "HLT ends by the vector");
}
