/* SPDX-License-Identifier: BSD-2-Clause */
/* Device interrupts as events of the control domain. */
#include <core/irq.h>

#include <arch/x86_64/cpu/traps.h>
#include <arch/x86_64/irq/ioapic.h>
#include <core/domain.h>
#include <core/event.h>
#include <xen/errno.h>

#define IRQ_MAX (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1u)

struct irq {
	bool used, level;
	u32 gsi;
	evtchn_port_t port;
};

static struct irq irqs[IRQ_MAX]; /* by vector; written before the vector is unmasked */
static spinlock_t irq_lock;

static void irq_arrived(u8 vector)
{
	const struct irq *irq = &irqs[vector - VECTOR_DEVICE_FIRST];

	if (irq->level)
		ioapic_mask(irq->gsi, true);
	event_raise_irq(control_domain, irq->port);
}

static struct irq *find(u32 gsi)
{
	for (u32 i = 0; i < IRQ_MAX; i++)
		if (irqs[i].used && irqs[i].gsi == gsi)
			return &irqs[i];
	return NULL;
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
	vector = (u8)(VECTOR_DEVICE_FIRST + (irq - irqs));
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
