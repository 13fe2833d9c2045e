/* SPDX-License-Identifier: BSD-2-Clause */
/* Device interrupts as events of the control domain. */
#include <core/irq.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/traps.h>
#include <arch/x86_64/irq/ioapic.h>
#include <core/domain.h>
#include <core/event.h>
#include <xen/errno.h>

#define IRQ_MAX     (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1u)
#define MSI_ADDRESS 0xFEE00000u /* fixed, edge, to the APIC id in bits 19:12 */
#define NO_GSI      (~0ull)     /* message-signalled: no input to mask */

struct irq {
	u64 gsi;
	evtchn_port_t port;
	bool used, level;
};

static struct irq irqs[IRQ_MAX]; /* by vector; written before the vector is unmasked */
static spinlock_t irq_lock;

static void irq_arrived(u8 vector)
{
	const struct irq *irq = &irqs[vector - VECTOR_DEVICE_FIRST];

	if (irq->level)
		ioapic_mask((u32)irq->gsi, true);
	event_raise_irq(control_domain, irq->port);
}

static struct irq *find(u32 gsi)
{
	for (u32 i = 0; i < IRQ_MAX; i++)
		if (irqs[i].used && irqs[i].gsi == gsi)
			return &irqs[i];
	return NULL;
}

static u8 vector_of(const struct irq *irq)
{
	return (u8)(VECTOR_DEVICE_FIRST + (irq - irqs));
}

static struct irq *find_free(void)
{
	for (u32 i = 0; i < IRQ_MAX; i++)
		if (!irqs[i].used)
			return &irqs[i];
	return NULL;
}

static int bind_locked(u32 gsi, u32 flags, evtchn_port_t *port)
{
	struct irq *irq = find_free();
	u8 vector;
	int err;

	if (flags & ~(PLINTH_IRQ_level | PLINTH_IRQ_active_low))
		return -XEN_EINVAL;
	if (find(gsi))
		return -XEN_EBUSY;
	if (!irq)
		return -XEN_ENOSPC;
	vector = vector_of(irq);
	irq_set_handler(vector, irq_arrived);
	err = ioapic_route(gsi, vector, 0, flags & PLINTH_IRQ_level, flags & PLINTH_IRQ_active_low);
	if (!err)
		err = event_alloc_irq(control_domain, gsi, port);
	if (err)
		return err;
	*irq = (struct irq){
		.used = true, .level = flags & PLINTH_IRQ_level, .gsi = gsi, .port = *port};
	ioapic_mask(gsi, false);
	return 0;
}

int irq_bind(u32 gsi, u32 flags, evtchn_port_t *port)
{
	int err;

	spin_lock(&irq_lock);
	err = bind_locked(gsi, flags, port);
	spin_unlock(&irq_lock);
	return err;
}

int irq_bind_msi(struct plinth_ctl_msi *m)
{
	u32 apic_id = cpu_by_id(0)->apic_id;
	int err = -XEN_ENOSPC;
	struct irq *irq;

	if (apic_id > 254) /* the address has room for eight bits, 255 is everybody */
		return -XEN_EINVAL;
	spin_lock(&irq_lock);
	irq = find_free();
	if (irq)
		err = event_alloc_irq(control_domain, (u32)NO_GSI, &m->port);
	if (!err) {
		*irq = (struct irq){.used = true, .gsi = NO_GSI, .port = m->port};
		irq_set_handler(vector_of(irq), irq_arrived);
		m->address = MSI_ADDRESS | apic_id << 12;
		m->data = vector_of(irq);
	}
	spin_unlock(&irq_lock);
	return err;
}

/* One that is under way may still raise the port, or one that has its number by then: an event
 * without a cause, which every handler has to bear anyway. */
int irq_unbind(evtchn_port_t port)
{
	int err = -XEN_ENOENT;

	spin_lock(&irq_lock);
	for (u32 i = 0; i < IRQ_MAX; i++)
		if (irqs[i].used && irqs[i].port == port) {
			if (irqs[i].gsi != NO_GSI)
				ioapic_mask((u32)irqs[i].gsi, true);
			event_free_irq(control_domain, port);
			irqs[i].used = false;
			err = 0;
		}
	spin_unlock(&irq_lock);
	return err;
}

int irq_eoi(u32 gsi)
{
	const struct irq *irq;

	spin_lock(&irq_lock);
	irq = find(gsi);
	spin_unlock(&irq_lock);
	if (!irq)
		return -XEN_ENOENT;
	ioapic_mask(gsi, false);
	return 0;
}
