/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices from their discovery to their end, with drivers that the test plays: names, bus
 * mastering, interrupts of all kinds, services, removal. The loop is turned by hand; a memory
 * window is a piece of the test's memory below 4 GiB. */
// links: dom0/device/devices.c dom0/device/device_ops.c dom0/device/device_irq.c
// links: dom0/device/reach.c drivers/pci/pci_scan.c drivers/pci/pci_bar.c drivers/pci/pci_msi.c
// links: drivers/pci/pci_capability.c dom0/loop/fiber.c dom0/loop/fiber_switch.S
// links: drivers/pci/pci_slot.c tests/fake/pci_fake.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <dom0/block/block.h>
#include <dom0/device/config_space.h>
#include <dom0/device/devices.h>
#include <dom0/device/drivers.h>
#include <dom0/device/reach.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/paging.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>
#include <pci_fake.h>

#define PORTS  64u
#define WINDOW 0x4000u

static struct fake_pci pci;
static u8 *windows; /* a WINDOW for each of eight slots */
static char said[8192];

/* --- the loop --- */

static struct loop_work *works[16];
static struct loop_timer *timers[16];
static u64 now;
static struct {
	loop_fn fn;
	void *ctx;
} events[PORTS];

void panic(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fail();
	abort();
}
u64 loop_now(void)
{
	return now;
}
void loop_add_work(struct loop_work *w)
{
	unsigned int i = 0;

	while (works[i])
		assert_true(++i < ARRAY_SIZE(works));
	works[i] = w;
}
void loop_remove_work(struct loop_work *w)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(works); i++)
		if (works[i] == w)
			works[i] = NULL;
}
void loop_set_timer(struct loop_timer *t, u64 at)
{
	unsigned int i = 0;

	loop_stop_timer(t);
	while (timers[i])
		assert_true(++i < ARRAY_SIZE(timers));
	timers[i] = t;
	t->at = at;
}
void loop_stop_timer(struct loop_timer *t)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++)
		if (timers[i] == t)
			timers[i] = NULL;
	t->at = 0;
}
void loop_on_event(evtchn_port_t port, loop_fn fn, void *ctx)
{
	assert_true(port < PORTS && !events[port].fn);
	events[port].fn = fn;
	events[port].ctx = ctx;
}
void loop_forget_event(evtchn_port_t port)
{
	assert_true(port < PORTS && events[port].fn);
	events[port].fn = NULL;
}

static void turn(void)
{
	for (unsigned int n = 0; n < 200; n++)
		for (unsigned int i = 0; i < ARRAY_SIZE(works); i++)
			if (works[i] && works[i]->due) {
				works[i]->due = false;
				works[i]->fn(works[i]->ctx);
			}
}

static void pass(u64 ns)
{
	u64 end = now + ns;

	turn();
	while (now < end) {
		now += 100000000;
		for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++)
			if (timers[i] && timers[i]->at <= now) {
				struct loop_timer *t = timers[i];

				loop_stop_timer(t);
				t->fn(t->ctx);
			}
		turn();
	}
}

/* --- the hypervisor: vectors, wires --- */

static struct {
	bool used, wired;
	u32 gsi, flags;
} ports[PORTS];
static unsigned int messages_left, eois, irqs[8][16];

static int bind_port(bool is_wire, u32 gsi, u32 flags, evtchn_port_t *port)
{
	for (u32 p = 1; p < PORTS; p++)
		if (ports[p].used && is_wire && ports[p].wired && ports[p].gsi == gsi)
			return -XEN_EBUSY;
	for (u32 p = 1; p < PORTS; p++)
		if (!ports[p].used) {
			ports[p].used = true;
			ports[p].wired = is_wire;
			ports[p].gsi = gsi;
			ports[p].flags = flags;
			*port = p;
			return 0;
		}
	return -XEN_ENOSPC;
}

int control_op(struct plinth_control *c, enum plinth_control_cmd cmd)
{
	struct plinth_ctl_irq *i = &c->u.irq;

	switch (cmd) {
	case PLINTH_CTL_irq_bind:
		return i->gsi < 24 ? bind_port(true, i->gsi, i->flags, &i->port) : -XEN_ENOENT;
	case PLINTH_CTL_irq_unbind:
		assert_true(i->port < PORTS && ports[i->port].used);
		assert_null(events[i->port].fn);
		messages_left += !ports[i->port].wired;
		ports[i->port].used = false;
		return 0;
	case PLINTH_CTL_irq_eoi:
		eois++;
		return 0;
	case PLINTH_CTL_msi_bind:
		if (messages_left == 0)
			return -XEN_ENOSPC;
		messages_left--;
		c->u.msi.address = 0xFEE00000;
		if (bind_port(false, 0, 0, &c->u.msi.port))
			return -XEN_ENOSPC;
		c->u.msi.data = 0x40 + c->u.msi.port;
		return 0;
	default:
		fail();
		return 0;
	}
}

static unsigned int ports_used(void)
{
	unsigned int n = 0;

	for (u32 p = 0; p < PORTS; p++)
		n += ports[p].used;
	return n;
}

/* The port of a wire; 0: it is not bound. */
static u32 wire(u32 gsi)
{
	for (u32 p = 1; p < PORTS; p++)
		if (ports[p].used && ports[p].wired && ports[p].gsi == gsi)
			return p;
	return 0;
}

/* Asked now and then until the first interrupt, of which none is needed for that. */
static void polled_until_first(unsigned int slot)
{
	unsigned int before = irqs[slot][0];

	pass(NS_PER_SEC);
	assert_true(irqs[slot][0] > before);
	assert_int_equal(eois, 0);
	memset(irqs, 0, sizeof(irqs));
}

static void raise_port(u32 p)
{
	assert_true(p && p < PORTS && events[p].fn);
	events[p].fn(events[p].ctx);
}

/* --- the rest of the control domain --- */

void *paging_reach(gpa_t at, u64 size)
{
	assert_true(at.v >= (u64)(uintptr_t)windows);
	assert_true(at.v + size <= (u64)(uintptr_t)windows + 8 * WINDOW);
	return (void *)(uintptr_t)at.v;
}
gpa_t paging_gpa(const void *p)
{
	return gpa((u64)(uintptr_t)p);
}
void machine_console_line(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
	strncat(said, "\n", sizeof(said) - strlen(said) - 1);
}
int block_add(struct block_device *dev, const char *name)
{
	(void)dev;
	machine_console_line("disk %s", name);
	return 0;
}
void block_remove(struct block_device *dev)
{
	(void)dev;
	machine_console_line("no disk");
}
struct pci_config *config_space_init(u64 rsdp)
{
	(void)rsdp;
	return &pci.config;
}
bool config_space_range(unsigned int i, struct pci_range *r)
{
	*r = (struct pci_range){0, 0, 1, true};
	return i == 0;
}

/* --- a driver: of mass storage (class 1), how it behaves is in `plan` --- */

static struct {
	unsigned int wanted; /* interrupts */
	u64 attach_takes;
	bool fails, serve_at_once;
	u64 service_takes;
} plan;
static unsigned int attaches, services, detaches, gone, due[8], got;
static struct block_device disk;
static struct device *by_slot[8];

static unsigned int slot_of(struct device *d)
{
	return d->id.product & 7;
}

static bool match(const struct device_id *id)
{
	return id->class_code == 1;
}

static int attach(struct device *d)
{
	attaches++;
	by_slot[slot_of(d)] = d;
	/* It may do DMA from here on. */
	assert_int_equal(d->ops->config_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 4);
	got = d->ops->irq_request(d, plan.wanted);
	d->ops->timer_set(d, now + 1);
	if (plan.serve_at_once)
		d->ops->need_service(d);
	if (plan.attach_takes)
		d->ops->sleep(d, plan.attach_takes);
	if (plan.fails) {
		d->ops->log(d, "does not answer");
		return -1;
	}
	d->state = &plan;
	assert_int_equal(d->ops->block_add(d, &disk, "p1"), 0);
	return 0;
}

static void service(struct device *d)
{
	assert_ptr_equal(d->state, &plan);
	if (plan.service_takes)
		d->ops->sleep(d, plan.service_takes);
	services++;
}

static void irq(struct device *d, unsigned int index)
{
	irqs[slot_of(d)][index]++;
}

static void timer(struct device *d)
{
	due[slot_of(d)]++;
}

static void detach(struct device *d, bool is_gone)
{
	detaches++;
	gone += is_gone;
	d->ops->block_remove(d, &disk);
}

static const struct driver driver = {"disk", match, attach, service, irq, timer, detach};
const struct driver *const drivers[] = {&driver, NULL};

/* --- the machine --- */

static struct fake_function *add(u8 slot)
{
	struct fake_function *f = fake_pci_add(&pci, (struct pci_address){0, 0, slot, 0},
					       (u32)slot << 16 | 0x8086, 0x010802);

	fake_pci_set(f, PCI_COMMAND, 2, 0x0006);
	f->space[PCI_LINE] = 11;
	f->space[PCI_PIN] = 1;
	fake_pci_bar(f, 0, (u32)(uintptr_t)windows + slot * WINDOW, ~(WINDOW - 1));
	return f;
}

static void with_msix(struct fake_function *f, unsigned int entries)
{
	fake_pci_capability(f, 0x40, PCI_CAP_MSIX, 0x60);
	fake_pci_set(f, 0x42, 2, entries - 1);
	fake_pci_set(f, 0x44, 4, 0x2000);
	f->writable[0x43] = 0xC0;
}

static void with_msi(struct fake_function *f)
{
	fake_pci_capability(f, 0x60, PCI_CAP_MSI, 0);
	f->writable[0x62] = 0x71;
	memset(f->writable + 0x64, 0xFF, 12);
}

static u32 command(const struct fake_function *f)
{
	return fake_pci_get(f, PCI_COMMAND, 2);
}

static void in_fiber(void (*fn)(void *ctx), void *ctx)
{
	assert_true(fiber_start(fn, ctx));
	pass(NS_PER_SEC);
}
static void rescan(void *ctx)
{
	device_rescan();
	*(bool *)ctx = true;
}
static void take_away(void *ctx)
{
	*(int *)ctx = device_detach("disk0");
}
static void settle(void *ctx)
{
	devices_settle();
	*(bool *)ctx = true;
}

/* Devices stay known for ever: each test begins by losing those of the one before. */
static int set_up(void **state)
{
	bool done = false;

	(void)state;
	if (!windows) {
		windows = mmap(NULL, MIB(2), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		assert_ptr_not_equal(windows, MAP_FAILED);
		windows = (u8 *)(uintptr_t)align_up((u64)(uintptr_t)windows, MIB(1));
		fake_pci_init(&pci);
		devices_init(0);
	}
	for (unsigned int i = 0; i < pci.count; i++)
		pci.functions[i].there = false;
	in_fiber(rescan, &done);
	assert_true(done);
	assert_int_equal(ports_used(), 0);
	fake_pci_init(&pci);
	memset(&plan, 0, sizeof(plan));
	plan.wanted = 1;
	attaches = services = detaches = gone = eois = got = 0;
	memset(irqs, 0, sizeof(irqs));
	memset(due, 0, sizeof(due));
	memset(said, 0, sizeof(said));
	memset(windows, 0, 8 * WINDOW);
	messages_left = 32;
	return 0;
}

static void start(void)
{
	bool done = false;

	in_fiber(rescan, &done);
	assert_true(done && devices_settled());
}

/* --- tests --- */

static void names_and_listing(void **state)
{
	struct fake_function *f[3], *iommu;
	struct device_info i;

	(void)state;
	iommu = fake_pci_add(&pci, (struct pci_address){0, 0, 8, 0}, 0x14511022, 0x080600);
	fake_pci_set(iommu, PCI_COMMAND, 2, 0x0006);
	f[0] = add(5);
	f[1] = add(2);
	f[2] = add(3);
	fake_pci_set(f[2], PCI_REVISION, 4, 0x02000000); /* a network card: nobody's */
	start();
	assert_int_equal(attaches, 2);
	assert_true(device_list(0, &i) && i.address.slot == 2);
	assert_string_equal(i.name, "disk0");
	assert_string_equal(i.driver, "disk");
	assert_true(i.kind == DEVICE_WIRED && i.interrupts == 1 && !i.platform);
	assert_true(device_list(1, &i) && i.address.slot == 3 && !i.driver);
	assert_string_equal(i.name, "");
	assert_true(device_list(2, &i) && i.address.slot == 5);
	assert_string_equal(i.name, "disk1");
	assert_true(device_list(3, &i) && i.platform);
	assert_int_equal(command(iommu), 0x0006); /* the hypervisor's */
	assert_false(device_list(4, &i));
	assert_non_null(strstr(said, "disk disk0p1"));
	/* Only who has a driver may do DMA; nobody else interrupts. */
	assert_int_equal(command(f[0]) & 0x0406, 0x0006);
	assert_int_equal(command(f[1]) & 0x0406, 0x0006);
	assert_int_equal(command(f[2]) & 0x0406, 0x0402);
}

static void registers_and_memory(void **state)
{
	struct device *d;
	u64 bus;
	u8 *p;

	(void)state;
	add(1);
	start();
	d = by_slot[1];
	assert_true(d->bar_size[0] == WINDOW && d->bar_size[1] == 0 && !d->bar_is_port[0]);
	device_write32(d, 0, 0x10, 0x12345678);
	device_write16(d, 0, 0x14, 0xABCD);
	device_write8(d, 0, 0x16, 0xEF);
	d->ops->write(d, 0, WINDOW - 8, 8, 0x1122334455667788);
	assert_memory_equal(windows + WINDOW + 0x10, "\x78\x56\x34\x12\xCD\xAB\xEF", 7);
	assert_int_equal(device_read32(d, 0, 0x14), 0xEFABCD);
	assert_int_equal(device_read16(d, 0, 0x10), 0x5678);
	assert_int_equal(device_read8(d, 0, 0x13), 0x12);
	assert_true(d->ops->read(d, 0, WINDOW - 8, 8) == 0x1122334455667788);
	assert_int_equal(d->ops->config_read(d, 0, 4), 0x00018086);
	p = d->ops->dma_alloc(d, 5000, 16384, &bus);
	assert_true(p && bus % 16384 == 0 && bus == (u64)(uintptr_t)p);
	for (unsigned int i = 0; i < 5000; i++)
		assert_int_equal(p[i], 0);
	d->ops->dma_free(d, p, 5000);
	assert_true(d->ops->now(d) == now);
}

static void timers_of_devices(void **state)
{
	(void)state;
	add(1);
	start();
	pass(NS_PER_SEC);
	assert_int_equal(due[1], 1);
	by_slot[1]->ops->timer_set(by_slot[1], now + NS_PER_SEC);
	by_slot[1]->ops->timer_set(by_slot[1], 0);
	pass(2 * NS_PER_SEC);
	assert_int_equal(due[1], 1);
}

static void many_messages(void **state)
{
	struct fake_function *f = add(1);
	u32 *table = (u32 *)(void *)(windows + WINDOW + 0x2000);

	(void)state;
	with_msix(f, 5);
	with_msi(f);
	plan.wanted = 3;
	start();
	assert_int_equal(got, 3);
	assert_int_equal(fake_pci_get(f, 0x42, 2), 0x8004);
	assert_int_equal(fake_pci_get(f, 0x62, 2), 0);
	assert_int_equal(command(f) & PCI_COMMAND_NO_INTX, PCI_COMMAND_NO_INTX);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(table[4 * i] == 0xFEE00000 && table[4 * i + 3] == 0);
		raise_port(table[4 * i + 2] - 0x40);
		assert_int_equal(irqs[1][i], 1);
	}
	assert_true(table[15] == 1 && table[19] == 1); /* the others stay masked */
	assert_int_equal(eois, 0);
}

static void fewer_messages(void **state)
{
	struct fake_function *f = add(1), *g = add(2), *h = add(3);

	(void)state;
	with_msix(f, 5);
	with_msix(g, 5);
	with_msi(h);
	plan.wanted = 4;
	messages_left = 3;
	start();
	assert_int_equal(messages_left, 0);
	assert_int_equal(fake_pci_get(f, 0x42, 2), 0x8004);
	assert_int_equal(fake_pci_get(g, 0x42, 2), 0x0004); /* the wire instead */
	assert_int_equal(fake_pci_get(h, 0x62, 2), 0);
	polled_until_first(2);
	raise_port(wire(11));
	assert_true(irqs[1][0] == 0 && irqs[2][0] == 1 && irqs[3][0] == 1 && eois == 1);
}

static void one_message(void **state)
{
	struct fake_function *f = add(1);

	(void)state;
	with_msi(f);
	plan.wanted = 4;
	start();
	assert_int_equal(got, 1);
	assert_int_equal(fake_pci_get(f, 0x62, 2), 1);
	assert_int_equal(fake_pci_get(f, 0x64, 4), 0xFEE00000);
	raise_port(fake_pci_get(f, 0x68, 2) - 0x40);
	assert_int_equal(irqs[1][0], 1);
}

static void shared_wire(void **state)
{
	struct fake_function *f = add(1), *g = add(2), *h = add(3);
	int result = 1;

	(void)state;
	h->space[PCI_LINE] = 255; /* not connected: polled */
	start();
	assert_int_equal(got, 0);
	assert_int_equal(ports_used(), 1);
	assert_int_equal(ports[wire(11)].flags, PLINTH_IRQ_level | PLINTH_IRQ_active_low);
	assert_int_equal(command(f) & PCI_COMMAND_NO_INTX, 0);
	polled_until_first(1);
	raise_port(wire(11));
	pass(NS_PER_SEC);
	assert_true(irqs[1][0] == 1 && irqs[2][0] == 1 && irqs[3][0] == 0 && eois == 1);
	in_fiber(take_away, &result);
	assert_int_equal(result, 0);
	assert_int_equal(command(f) & 0x0404, PCI_COMMAND_NO_INTX);
	raise_port(wire(11));
	assert_true(irqs[1][0] == 1 && irqs[2][0] == 2);
	g->there = false;
	pass(3 * NS_PER_SEC);
	assert_int_equal(wire(11), 0);
}

static void ide_channels(void **state)
{
	struct fake_function *f = add(1);

	(void)state;
	fake_pci_set(f, PCI_REVISION, 4, 0x01018000);
	plan.wanted = 2;
	start();
	assert_int_equal(got, 2);
	assert_true(by_slot[1]->bar_is_port[0] && by_slot[1]->bar_size[0] == 8);
	assert_true(by_slot[1]->bar_is_port[3] && by_slot[1]->bar_size[3] == 4);
	assert_true(wire(14) && wire(15) && ports[wire(14)].flags == 0);
	raise_port(wire(15));
	assert_true(irqs[1][0] == 0 && irqs[1][1] == 1 && eois == 0);
}

static void services_run(void **state)
{
	(void)state;
	add(1);
	plan.serve_at_once = true; /* asked for in attach(): runs behind it */
	plan.attach_takes = NS_PER_SEC / 2;
	start();
	pass(NS_PER_SEC);
	assert_int_equal(services, 1);
	plan.service_takes = NS_PER_SEC;
	by_slot[1]->ops->need_service(by_slot[1]);
	turn();
	assert_int_equal(services, 1);
	by_slot[1]->ops->need_service(by_slot[1]); /* while it runs: once more */
	pass(3 * NS_PER_SEC);
	assert_int_equal(services, 3);
}

static void failure(void **state)
{
	struct fake_function *f = add(1);
	struct device_info i;

	(void)state;
	plan.fails = true;
	start();
	assert_non_null(strstr(said, "disk0: does not answer"));
	assert_int_equal(detaches, 0);
	assert_int_equal(ports_used(), 0);
	assert_int_equal(command(f) & 0x0404, 0x0400);
	assert_true(device_list(0, &i) && i.name[0] == '\0');
	plan.fails = false;
	start(); /* it gets another chance */
	assert_true(device_list(0, &i));
	assert_string_equal(i.name, "disk0");
}

static void settling(void **state)
{
	bool one = false, two = false, scanned = false;

	(void)state;
	add(1);
	add(2);
	plan.attach_takes = 2 * NS_PER_SEC;
	in_fiber(rescan, &scanned);
	in_fiber(settle, &one);
	in_fiber(settle, &two);
	assert_true(!devices_settled() || (one && two));
	pass(3 * NS_PER_SEC);
	assert_true(one && two && scanned && devices_settled());
}

static void hot_removal(void **state)
{
	struct fake_function *f = add(1);
	struct device_info i;

	(void)state;
	with_msi(f);
	add(2);
	start();
	f->there = false;
	pass(2 * NS_PER_SEC);
	assert_true(detaches == 1 && gone == 1);
	assert_non_null(strstr(said, "disk0: is gone"));
	assert_true(device_list(0, &i) && i.address.slot == 2);
	assert_false(device_list(1, &i));
	f->there = true; /* plugged in again */
	start();
	assert_true(device_list(0, &i) && i.address.slot == 1);
	assert_string_equal(i.name, "disk0");
	assert_int_equal(attaches, 3);

	/* The driver finds out first. */
	f->there = false;
	by_slot[1]->ops->need_service(by_slot[1]);
	turn();
	assert_true(detaches == 2 && gone == 2 && services == 0);
}

static void removal_while_attaching(void **state)
{
	struct fake_function *f = add(1);
	int result = 1;
	bool done = false;

	(void)state;
	plan.attach_takes = 3 * NS_PER_SEC;
	in_fiber(rescan, &done);
	in_fiber(take_away, &result);
	assert_int_equal(detaches, 0);
	pass(3 * NS_PER_SEC);
	assert_true(done && result == 0 && detaches == 1 && gone == 0);
	assert_int_equal(command(f) & PCI_COMMAND_MASTER, 0);
	in_fiber(take_away, &result);
	assert_int_equal(result, -XEN_ENOENT);
}

/* A bridge that firmware left shut, one beside it, and a device that sleeps. */
static void behind_a_bridge(void **state)
{
	struct fake_function *b =
		fake_pci_add(&pci, (struct pci_address){0, 0, 6, 0}, 0x00011B36, 0x060400);
	struct fake_function *other =
		fake_pci_add(&pci, (struct pci_address){0, 0, 7, 0}, 0x00011B36, 0x060400);
	struct fake_function *f = add(1);

	(void)state;
	b->space[PCI_HEADER_TYPE] = other->space[PCI_HEADER_TYPE] = 1;
	b->space[PCI_SECONDARY_BUS] = b->space[PCI_LAST_BUS] = 1;
	other->space[PCI_SECONDARY_BUS] = other->space[PCI_LAST_BUS] = 2;
	f->address.bus = 1;
	fake_pci_capability(f, 0x80, PCI_CAP_POWER, 0);
	f->space[0x84] = 3;
	f->writable[0x84] = 3;
	start();
	assert_int_equal(attaches, 1);
	assert_int_equal(command(b), 7);
	assert_int_equal(command(other), 0);
	assert_int_equal(f->space[0x84], 0);
	pass(2 * NS_PER_SEC);
	f->there = false;
	pass(2 * NS_PER_SEC);
	assert_int_equal(gone, 1);
}

/* The button of a slot: the driver lets go in order, then the power goes off. */
static void ejection(void **state)
{
	struct fake_function *b =
		fake_pci_add(&pci, (struct pci_address){0, 0, 6, 0}, 0x000C1B36, 0x060400);
	struct fake_function *f = add(1);

	(void)state;
	b->space[PCI_HEADER_TYPE] = 1;
	b->space[PCI_SECONDARY_BUS] = b->space[PCI_LAST_BUS] = 1;
	fake_pci_capability(b, 0x54, PCI_CAP_EXPRESS, 0);
	fake_pci_set(b, 0x56, 2, 0x0142);
	fake_pci_set(b, 0x68, 4, 0x0053);
	fake_pci_set(b, 0x6C, 2, 0x0100);
	memset(b->writable + 0x6C, 0xFF, 2);
	f->address.bus = 1;
	plan.service_takes = 3 * NS_PER_SEC;
	start();
	by_slot[1]->ops->need_service(by_slot[1]); /* it is busy for a while */
	pass(NS_PER_SEC / 2);
	fake_pci_set(b, 0x6E, 2, 1);
	b->ones_clear[0x6E] = 0xFF;
	pass(NS_PER_SEC);
	assert_int_equal(fake_pci_get(b, 0x6E, 2), 0);
	assert_true(detaches == 0 && fake_pci_get(b, 0x6C, 2) == 0x0100);
	pass(4 * NS_PER_SEC);
	assert_true(detaches == 1 && gone == 0);
	assert_int_equal(fake_pci_get(b, 0x6C, 2), 0x0700);
	assert_non_null(strstr(said, "the slot of bus 1 is switched off"));

	/* Another one is put into it: without addresses, and the button is pressed. */
	fake_pci_set(b, PCI_BRIDGE_MEMORY, 2, (u32)(uintptr_t)windows >> 16);
	fake_pci_set(b, PCI_BRIDGE_MEMORY + 2, 2, (u32)(uintptr_t)windows >> 16);
	fake_pci_set(f, PCI_BAR, 4, 0);
	fake_pci_set(f, PCI_COMMAND, 2, 0);
	fake_pci_set(b, 0x6E, 2, 1);
	pass(4 * NS_PER_SEC);
	assert_int_equal(attaches, 2);
	assert_int_equal(fake_pci_get(b, 0x6C, 2), 0x0100);
	assert_int_equal(fake_pci_get(f, PCI_BAR, 4), (u32)(uintptr_t)windows);
	assert_int_equal(by_slot[1]->bar_size[0], WINDOW);
	assert_int_equal(command(f) & 7, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void bad_windows(void **state)
{
	struct fake_function *f = add(1), *g = add(2), *h = add(3);

	(void)state;
	reach_exclude((u64)(uintptr_t)windows + 1 * WINDOW, WINDOW); /* memory, it turns out */
	fake_pci_set(g, PCI_BAR, 4, 0);
	fake_pci_bar(h, 1, 1, 0xFFFFFFC0); /* ports without address, switched off */
	fake_pci_set(g, PCI_COMMAND, 2, 0);
	fake_pci_set(h, PCI_COMMAND, 2, 0);
	start();
	assert_non_null(strstr(said, "disk0: window 0 at"));
	assert_non_null(strstr(said, "disk1: window 0 of 0x4000 bytes has no address"));
	assert_true(by_slot[1]->bar_size[0] == 0 && by_slot[2]->bar_size[0] == 0);
	assert_true(by_slot[3]->bar_size[0] == WINDOW && by_slot[3]->bar_size[1] == 0);
	/* What has no address is not switched on: it would be at 0. */
	assert_int_equal(command(g) & 3, 0);
	assert_int_equal(command(h) & 3, PCI_COMMAND_MEMORY);
	(void)f;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(names_and_listing),
		TEST(registers_and_memory),
		TEST(timers_of_devices),
		TEST(many_messages),
		TEST(fewer_messages),
		TEST(one_message),
		TEST(shared_wire),
		TEST(ide_channels),
		TEST(services_run),
		TEST(failure),
		TEST(settling),
		TEST(hot_removal),
		TEST(removal_while_attaching),
		TEST(behind_a_bridge),
		TEST(ejection),
		TEST(bad_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
