/* SPDX-License-Identifier: BSD-2-Clause */
/* Device interrupts: vectors and ports are given out once and come back, wired ones are masked when
 * they must be, message-signalled ones never. */
// links: core/irq.c core/event.c core/event_port.c core/grant.c core/grant_map.c
// links: core/grant_copy.c core/hypercall_op.c core/lib/string.c tests/fake/core_fake.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/traps.h>
#include <arch/x86_64/irq/ioapic.h>
#include <core/event_port.h>
#include <core/irq.h>
#include <core_fake.h>
#include <xen/errno.h>

#define INPUTS  24u
#define VECTORS (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1u)

static struct domain *d0;
static void (*handlers[256])(u8 vector);
static struct {
	u8 vector;
	bool masked, level, low;
	unsigned int masks;
} inputs[INPUTS];
static struct pcpu boot_cpu;

/* --- the machine --- */

void irq_set_handler(u8 vector, void (*fn)(u8 vector))
{
	handlers[vector] = fn;
}
struct pcpu *cpu_by_id(u32 id)
{
	assert_int_equal(id, 0);
	return &boot_cpu;
}
int ioapic_route(u32 gsi, u8 vector, u32 cpu, bool level, bool low)
{
	assert_int_equal(cpu, 0);
	if (gsi >= INPUTS)
		return -XEN_ENOENT;
	inputs[gsi].vector = vector;
	inputs[gsi].masked = true;
	inputs[gsi].level = level;
	inputs[gsi].low = low;
	return 0;
}
void ioapic_mask(u32 gsi, bool mask)
{
	assert_true(gsi < INPUTS); /* never called for what has no input */
	inputs[gsi].masked = mask;
	inputs[gsi].masks++;
}

static int set_up(void **state)
{
	(void)state;
	d0 = fake_domain_new(0, 1);
	control_domain = d0;
	memset(inputs, 0, sizeof(inputs));
	boot_cpu.apic_id = 3;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (u32 port = 1; port < 4096; port++)
		(void)!irq_unbind(port);
	fake_end();
	return 0;
}

static bool pending(u32 port)
{
	return event_is_pending(d0, port);
}

static u8 state_of(u32 port)
{
	return event_port(d0, port)->state;
}

/* --- tests --- */

static void wired(void **state)
{
	u32 port, other;

	(void)state;
	assert_int_equal(irq_bind(INPUTS, 0, &port), -XEN_ENOENT);
	assert_int_equal(irq_bind(11, 4, &port), -XEN_EINVAL);
	assert_int_equal(irq_bind(11, PLINTH_IRQ_level | PLINTH_IRQ_active_low, &port), 0);
	assert_int_equal(irq_bind(11, 0, &other), -XEN_EBUSY);
	assert_true(inputs[11].level && inputs[11].low && !inputs[11].masked);
	handlers[inputs[11].vector](inputs[11].vector);
	assert_true(inputs[11].masked && pending(port));
	assert_int_equal(irq_eoi(11), 0);
	assert_false(inputs[11].masked);
	assert_int_equal(irq_eoi(10), -XEN_ENOENT);

	assert_int_equal(irq_bind(14, 0, &other), 0); /* edge: not masked when it comes */
	handlers[inputs[14].vector](inputs[14].vector);
	assert_true(!inputs[14].masked && pending(other));
	assert_int_not_equal(inputs[14].vector, inputs[11].vector);

	assert_int_equal(irq_unbind(port), 0);
	assert_true(inputs[11].masked && !inputs[14].masked);
	assert_int_equal(state_of(port), EVTCHNSTAT_closed);
	assert_int_equal(irq_unbind(port), -XEN_ENOENT);
	assert_int_equal(irq_eoi(11), -XEN_ENOENT);
	assert_int_equal(irq_bind(11, 0, &port), 0);
}

static void message_signalled(void **state)
{
	struct plinth_ctl_msi a, b;
	u32 port;

	(void)state;
	assert_int_equal(irq_bind_msi(&a), 0);
	assert_int_equal(irq_bind_msi(&b), 0);
	assert_int_equal(a.address, 0xFEE03000);
	assert_true(a.data >= VECTOR_DEVICE_FIRST && a.data <= VECTOR_DEVICE_LAST);
	assert_true(a.data != b.data && a.port != b.port);
	handlers[b.data]((u8)b.data);
	assert_true(pending(b.port) && !pending(a.port));
	for (u32 i = 0; i < INPUTS; i++)
		assert_int_equal(inputs[i].masks, 0);
	assert_int_equal(irq_bind(~0u, 0, &port), -XEN_ENOENT);
	assert_int_equal(irq_eoi(~0u), -XEN_ENOENT);
	assert_int_equal(irq_unbind(b.port), 0);
	assert_int_equal(state_of(b.port), EVTCHNSTAT_closed);
	assert_int_equal(irq_bind_msi(&b), 0);
	boot_cpu.apic_id = 255;
	assert_int_equal(irq_bind_msi(&b), -XEN_EINVAL);
}

static void others_ports_stay(void **state)
{
	u32 port;

	(void)state;
	spin_lock(&d0->event.lock);
	assert_int_equal(event_port_alloc(d0, EVTCHNSTAT_ipi, 0, 0, &port), 0);
	spin_unlock(&d0->event.lock);
	assert_int_equal(irq_unbind(port), -XEN_ENOENT);
	assert_int_equal(irq_unbind(0), -XEN_ENOENT);
	assert_int_equal(irq_unbind(~0u), -XEN_ENOENT);
	assert_int_equal(state_of(port), EVTCHNSTAT_ipi);
}

static void vectors_come_back(void **state)
{
	struct plinth_ctl_msi m[VECTORS + 1];
	u32 port;

	(void)state;
	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < VECTORS; i++)
			assert_int_equal(irq_bind_msi(&m[i]), 0);
		assert_int_equal(irq_bind_msi(&m[VECTORS]), -XEN_ENOSPC);
		assert_int_equal(irq_bind(9, 0, &port), -XEN_ENOSPC);
		for (u32 i = 0; i < VECTORS; i++)
			assert_int_equal(irq_unbind(m[i].port), 0);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(wired),
		TEST(message_signalled),
		TEST(others_ports_stay),
		TEST(vectors_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
