/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of devices: MSI-X, MSI, or a wire that several devices may share. */
#include <dom0/device/device_private.h>

#include <stdlib.h>
#include <dom0/entry/paging.h>
#include <dom0/hyper/hypercall.h>

#define IDE_GSI    14u       /* of the first channel, where the ISA bus has it */
#define POLL_EVERY 10000000u /* ns */

/* Where a pin leads to is known for sure to the firmware's AML alone. Until the first interrupt
 * shows that what is said of it is true, its devices are asked now and then: a machine whose wires
 * go elsewhere is slow, but works. */
struct wire {
	struct wire *next;
	u32 gsi;
	bool level;
	evtchn_port_t port;
	struct loop_timer poll;
	struct device_interrupt *on; /* those that share it */
};

static struct wire *wires;

/* Only what has the device hears of it: between the driver's detach and the end of the interrupt
 * nobody does. */
static void deliver(const struct device_interrupt *i)
{
	struct machine_device *m = i->dev;

	if (m->d.driver && m->d.driver->irq)
		m->d.driver->irq(&m->d, i->index);
}

static void message(void *ctx)
{
	deliver(ctx);
}

static void ask_all(const struct wire *w)
{
	for (const struct device_interrupt *i = w->on; i; i = i->next)
		deliver(i);
}

static void wire_poll(void *ctx)
{
	struct wire *w = ctx;

	ask_all(w);
	loop_set_timer(&w->poll, loop_now() + POLL_EVERY);
}

static void wire_event(void *ctx)
{
	struct wire *w = ctx;
	struct plinth_control c = {.u.irq = {.gsi = w->gsi}};

	loop_stop_timer(&w->poll);
	ask_all(w);
	if (w->level)
		(void)!control_op(&c, PLINTH_CTL_irq_eoi);
}

static void unbind(evtchn_port_t port)
{
	struct plinth_control c = {.u.irq = {.port = port}};

	loop_forget_event(port);
	(void)!control_op(&c, PLINTH_CTL_irq_unbind);
}

/* The wire of that GSI, bound if it is not yet. NULL: it cannot be had. */
static struct wire *wire_get(u32 gsi, u32 flags)
{
	struct plinth_control c = {.u.irq = {.gsi = gsi, .flags = flags}};
	struct wire *w = wires;

	while (w && w->gsi != gsi)
		w = w->next;
	if (w)
		return w->level == !!(flags & PLINTH_IRQ_level) ? w : NULL;
	w = calloc(1, sizeof(*w));
	if (!w || control_op(&c, PLINTH_CTL_irq_bind)) {
		free(w);
		return NULL;
	}
	*w = (struct wire){.next = wires,
			   .gsi = gsi,
			   .level = flags & PLINTH_IRQ_level,
			   .port = c.u.irq.port,
			   .poll = {.fn = wire_poll, .ctx = w}};
	wires = w;
	return w;
}

static void wire_drop(struct wire *w)
{
	struct wire **link = &wires;

	if (w->on)
		return;
	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	loop_stop_timer(&w->poll);
	unbind(w->port);
	free(w);
}

static void take_off(struct device_interrupt *i)
{
	for (struct wire *w = wires; w; w = w->next)
		for (struct device_interrupt **l = &w->on; *l; l = &(*l)->next)
			if (*l == i) {
				*l = i->next;
				wire_drop(w);
				return;
			}
}

static bool put_on(struct machine_device *m, u32 gsi, u32 flags)
{
	struct wire *w = wire_get(gsi, flags);
	struct device_interrupt *i = &m->interrupts[m->interrupt_count];

	if (!w)
		return false;
	*i = (struct device_interrupt){.dev = m, .index = m->interrupt_count, .next = w->on};
	if (!w->on) {
		w->on = i;
		loop_on_event(w->port, wire_event, w);
		if (w->level)
			loop_set_timer(&w->poll, loop_now() + POLL_EVERY);
	}
	w->on = i;
	m->interrupt_count++;
	m->kind = DEVICE_WIRED;
	return true;
}

/* The number that firmware left for the operating system: "Interrupt Line". */
static bool put_on_pin(struct machine_device *m)
{
	u32 line = m->config->read(m->config, m->address, PCI_LINE, 1);
	u32 pin = m->config->read(m->config, m->address, PCI_PIN, 1);

	if (pin == 0 || line == 0 || line == 255 ||
	    !put_on(m, line, PLINTH_IRQ_level | PLINTH_IRQ_active_low))
		return false;
	pci_command(m->config, m->address, 0, PCI_COMMAND_NO_INTX);
	return true;
}

/* A vector and a port for the next interrupt of m. */
static bool bind_message(struct machine_device *m, u64 *address, u32 *data)
{
	struct device_interrupt *i = &m->interrupts[m->interrupt_count];
	struct plinth_control c = {0};

	if (control_op(&c, PLINTH_CTL_msi_bind))
		return false;
	*i = (struct device_interrupt){.dev = m, .index = m->interrupt_count, .port = c.u.msi.port};
	*address = c.u.msi.address;
	*data = c.u.msi.data;
	loop_on_event(i->port, message, i);
	m->interrupt_count++;
	return true;
}

static bool use_msix(struct machine_device *m, unsigned int wanted)
{
	volatile u32 *table;
	u64 address;
	u32 data;

	pci_msix_find(m->config, m->address, m->bars, &m->msix);
	if (!m->msix.at)
		return false;
	table = paging_reach(gpa(m->bars[m->msix.bar].address + m->msix.offset),
			     m->msix.entries * 16u);
	if (!table || !bind_message(m, &address, &data))
		return false;
	pci_msix_enable(m->config, m->address, &m->msix, table);
	pci_msix_set(table, 0, address, data);
	m->kind = DEVICE_MSIX;
	while (m->interrupt_count < min_u64(wanted, m->msix.entries) &&
	       bind_message(m, &address, &data))
		pci_msix_set(table, m->interrupt_count - 1, address, data);
	return true;
}

static bool use_msi(struct machine_device *m)
{
	u64 address;
	u32 data;

	pci_msi_find(m->config, m->address, &m->msi);
	if (!m->msi.at || !bind_message(m, &address, &data))
		return false;
	pci_msi_enable(m->config, m->address, &m->msi, address, data);
	m->kind = DEVICE_MSI;
	return true;
}

/* A channel that is not at its ISA place uses the function's pin. */
static void use_ide(struct machine_device *m, unsigned int wanted)
{
	for (unsigned int i = 0; i < wanted && i < 2; i++)
		if (!(m->ide_channels & (1u << i) ? put_on(m, IDE_GSI + i, 0) : put_on_pin(m)))
			return;
	pci_command(m->config, m->address, 0, PCI_COMMAND_NO_INTX);
}

unsigned int device_irq_request(struct device *d, unsigned int wanted)
{
	struct machine_device *m = machine_device(d);

	device_irq_release(m);
	if (wanted > DEVICE_INTERRUPTS)
		wanted = DEVICE_INTERRUPTS;
	if (wanted == 0)
		return 0;
	if (m->ide_channels)
		use_ide(m, wanted);
	else if (!use_msix(m, wanted) && !use_msi(m))
		(void)!put_on_pin(m);
	return m->interrupt_count;
}

void device_irq_release(struct machine_device *m)
{
	pci_command(m->config, m->address, PCI_COMMAND_NO_INTX, 0);
	pci_msi_disable(m->config, m->address, &m->msi);
	pci_msix_disable(m->config, m->address, &m->msix);
	for (unsigned int i = 0; i < m->interrupt_count; i++) {
		if (m->interrupts[i].port)
			unbind(m->interrupts[i].port);
		else
			take_off(&m->interrupts[i]);
	}
	m->interrupt_count = 0;
	m->kind = DEVICE_POLLED;
}
