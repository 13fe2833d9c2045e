/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's devices, and the fiber in which each driver works. */
#include <dom0/device/devices.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/device/config_space.h>
#include <dom0/device/device_private.h>
#include <dom0/device/drivers.h>
#include <dom0/entry/panic.h>
#include <xen/errno.h>

#define POWER_ON   10000000u  /* ns that a device may take to wake up */
#define SLOT_ON    NS_PER_SEC /* until what is in it answers */
#define LOOK_EVERY NS_PER_SEC /* at whether a device is still there */

/* A fiber that waits for the drivers. */
struct waiter {
	struct waiter *next;
	struct fiber *fiber;
};

static struct pci_config *config;
static struct machine_device *devices; /* in order of address; none is ever forgotten */
static struct waiter *waiters;
static struct loop_timer look_timer;

/* --- waiting --- */

static void wake_waiters(void)
{
	for (struct waiter *w = waiters; w; w = w->next)
		fiber_wake(w->fiber);
}

static void wait_for_drivers(void)
{
	struct waiter self = {waiters, fiber_self()}, **link = &waiters;

	waiters = &self;
	fiber_wait();
	while (*link != &self)
		link = &(*link)->next;
	*link = self.next;
}

bool devices_settled(void)
{
	for (const struct machine_device *m = devices; m; m = m->next)
		if (m->attaching)
			return false;
	return true;
}

void devices_settle(void)
{
	while (!devices_settled())
		wait_for_drivers();
}

/* --- the worker: from attach to detach --- */

static void look_again(void)
{
	for (const struct machine_device *m = devices; m; m = m->next)
		if (m->attached || m->slot.at) {
			loop_set_timer(&look_timer, loop_now() + LOOK_EVERY);
			return;
		}
}

static bool is_there(struct machine_device *m)
{
	return pci_present(config, m->address);
}

/* Windows of one kind are switched on together, and one without an address would be at 0. What
 * firmware switched on stays so. */
static u16 decoding(const struct machine_device *m)
{
	bool good[2] = {false}, bad[2] = {false};

	for (unsigned int i = 0; i < DEVICE_BARS; i++) {
		good[m->bars[i].port] |= m->bars[i].state == PCI_BAR_GOOD;
		bad[m->bars[i].port] |= m->bars[i].state > PCI_BAR_GOOD;
	}
	return (u16)((good[0] && !bad[0] ? PCI_COMMAND_MEMORY : 0) |
		     (good[1] && !bad[1] ? PCI_COMMAND_PORTS : 0));
}

/* Also stops what the driver left behind. */
static void release(struct machine_device *m)
{
	m->d.driver = NULL;
	loop_stop_timer(&m->timer);
	device_irq_release(m);
	pci_command(config, m->address, 0, PCI_COMMAND_MASTER);
	m->d.state = NULL;
	m->name[0] = '\0';
	m->worker = NULL;
	m->attached = m->leave = m->service_due = false;
}

static void serve(struct machine_device *m)
{
	while (!m->leave) {
		if (!m->service_due) {
			fiber_wait();
			continue;
		}
		m->service_due = false;
		if (!is_there(m))
			m->leave = m->gone = true;
		else if (m->d.driver->service)
			m->d.driver->service(&m->d);
	}
	if (m->gone)
		device_log(m, "is gone");
	m->d.driver->detach(&m->d, m->gone);
}

static bool is_above(const struct machine_device *b, const struct machine_device *m)
{
	return b->platform && b->address.segment == m->address.segment &&
	       pci_is_above(config, b->address, m->address.bus);
}

/* DMA and messages pass through the bridges above. They stay open: nothing behind them may send
 * without a driver. Returns where a device that was put into a slot can have its windows. */
static struct pci_room *open_bridges(const struct machine_device *m)
{
	struct pci_room *room = NULL;

	for (struct machine_device *b = devices; b; b = b->next)
		if (is_above(b, m)) {
			pci_command(config, b->address,
				    PCI_COMMAND_PORTS | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
			if (b->room.end)
				room = &b->room;
		}
	return room;
}

static void work(void *ctx)
{
	struct machine_device *m = ctx;

	m->worker = fiber_self();
	if (pci_power_on(config, m->address))
		fiber_sleep(POWER_ON);
	device_windows(m, open_bridges(m));
	pci_command(config, m->address, (u16)(decoding(m) | PCI_COMMAND_MASTER), 0);
	m->attached = m->d.driver->attach(&m->d) == 0;
	m->attaching = false;
	wake_waiters();
	if (m->attached) {
		look_again();
		serve(m);
	}
	release(m);
	wake_waiters();
}

static void timer_due(void *ctx)
{
	struct machine_device *m = ctx;

	if (m->d.driver && m->d.driver->timer)
		m->d.driver->timer(&m->d);
}

static void take_from_driver(struct machine_device *m)
{
	m->leave = true;
	if (m->worker)
		fiber_wake(m->worker);
}

/* Somebody wants to take out what is behind port b. */
static void eject(struct machine_device *b)
{
	bool held = false;

	for (struct machine_device *m = devices; m; m = m->next)
		if (m->name[0] && is_above(b, m)) {
			take_from_driver(m);
			held = true;
		}
	b->ejecting = held;
	if (held)
		return;
	b->room = (struct pci_room){0, 0};
	pci_slot_switch(config, b->address, &b->slot, false);
	machine_console_line("pci: the slot of bus %u is switched off",
			     config->read(config, b->address, PCI_SECONDARY_BUS, 1));
}

/* What comes up behind a slot is new, all of it: firmware gave it nothing. */
static void plugged(void *ctx)
{
	struct machine_device *b = ctx;

	pci_bridge_room(config, b->address, &b->room);
	pci_slot_switch(config, b->address, &b->slot, true);
	fiber_sleep(SLOT_ON);
	device_rescan();
}

static void look_at_slot(struct machine_device *b)
{
	bool pressed = pci_slot_pressed(config, b->address, &b->slot);

	if (pressed && pci_slot_is_off(config, b->address, &b->slot)) {
		if (!fiber_start(plugged, b))
			machine_console_line("pci: out of memory for a slot");
	} else if (pressed || b->ejecting) {
		eject(b);
	}
}

static void look(void *ctx)
{
	(void)ctx;
	for (struct machine_device *m = devices; m; m = m->next) {
		if (m->slot.at)
			look_at_slot(m);
		if (m->attached && !is_there(m)) {
			m->gone = true;
			take_from_driver(m);
		}
	}
	look_again();
}

/* --- finding --- */

/* The lowest number that none of the driver's devices has. */
static void give_name(struct machine_device *m)
{
	const struct machine_device *other;
	char name[DEVICE_NAME_MAX];
	unsigned int n = 0;

	do {
		snprintf(name, sizeof(name), "%.11s%u", m->driver->name, n++);
		for (other = devices; other && strcmp(other->name, name) != 0;)
			other = other->next;
	} while (other);
	memcpy(m->name, name, sizeof(name));
}

static void begin(struct machine_device *m)
{
	if (!m->driver || m->name[0] || !is_there(m))
		return;
	give_name(m);
	m->d.driver = m->driver;
	m->attaching = true;
	m->gone = false;
	if (!fiber_start(work, m)) {
		device_log(m, "out of memory");
		m->d.driver = NULL;
		m->attaching = false;
		m->name[0] = '\0';
	}
}

static u64 order_of(struct pci_address a)
{
	return (u64)a.segment << 32 | (u64)a.bus << 16 | (u64)a.slot << 8 | a.function;
}

static void recognise(struct machine_device *m)
{
	pci_read_id(config, m->address, &m->d.id);
	m->platform = pci_is_platform(config, m->address);
	m->driver = NULL;
	pci_slot_find(config, m->address, &m->slot);
	if (m->platform)
		return;
	pci_quiet(config, m->address);
	for (unsigned int i = 0; !m->driver && drivers[i]; i++)
		if (drivers[i]->match(&m->d.id))
			m->driver = drivers[i];
}

static void found(void *ctx, struct pci_address a)
{
	struct machine_device **link = &devices, *m;

	(void)ctx;
	while (*link && order_of((*link)->address) < order_of(a))
		link = &(*link)->next;
	m = *link;
	if (!m || !pci_same(m->address, a)) {
		m = calloc(1, sizeof(*m));
		if (!m)
			panic("out of memory for the devices");
		m->next = *link;
		m->address = a;
		m->config = config;
		m->d.ops = &machine_device_ops;
		m->timer = (struct loop_timer){.fn = timer_due, .ctx = m};
		*link = m;
	}
	if (!m->name[0])
		recognise(m);
}

static void scan(void)
{
	struct pci_range r;

	for (unsigned int i = 0; config_space_range(i, &r); i++)
		pci_scan(config, &r, found, NULL);
	for (struct machine_device *m = devices; m; m = m->next)
		begin(m);
}

void devices_init(u64 rsdp)
{
	look_timer = (struct loop_timer){.fn = look};
	config = config_space_init(rsdp);
	scan();
	look_again();
}

/* --- changes --- */

static void wait_until_free(const struct machine_device *m)
{
	while (m->name[0])
		wait_for_drivers();
}

int device_detach(const char *name)
{
	struct machine_device *m = devices;

	while (m && (!name[0] || strcmp(m->name, name) != 0))
		m = m->next;
	if (!m)
		return -XEN_ENOENT;
	take_from_driver(m);
	wait_until_free(m);
	return 0;
}

void device_rescan(void)
{
	devices_settle();
	for (struct machine_device *m = devices; m; m = m->next)
		if (m->attached && !is_there(m)) {
			m->gone = true;
			take_from_driver(m);
			wait_until_free(m);
		}
	scan();
	devices_settle();
}

bool device_list(unsigned int i, struct device_info *info)
{
	const struct machine_device *m = devices;

	while (m && (i || !(m->name[0] || pci_present(config, m->address)))) {
		if (m->name[0] || pci_present(config, m->address))
			i--;
		m = m->next;
	}
	if (!m)
		return false;
	*info = (struct device_info){.address = m->address,
				     .id = m->d.id,
				     .name = m->name,
				     .driver = m->driver ? m->driver->name : NULL,
				     .platform = m->platform,
				     .kind = m->kind,
				     .interrupts = m->interrupt_count};
	return true;
}
