/* SPDX-License-Identifier: BSD-2-Clause */
/* The controller: taken over from the firmware, reset, its interrupts and its clock. */
#include <drivers/ahci/ahci.h>

#include <drivers/ahci/port.h>

#define US           1000ull
#define MS           (1000 * US)
#define TICK         (1000 * MS)
#define POLL         (1 * MS) /* without an interrupt */
#define WAIT_BIOS    (25 * MS)
#define WAIT_BUSY    (2000 * MS)
#define WAIT_RESET   (1000 * MS) /* AHCI 1.3.1, "HBA Reset" */
#define WAIT_SIGN    (250 * MS)
#define HBA_RESETS   3
#define DETACH_SPINS 100000u /* reads of a register: detach() cannot sleep */

static u32 hba_read(struct ahci *h, u32 offset)
{
	return device_read32(h->d, AHCI_BAR, offset);
}

static void hba_write(struct ahci *h, u32 offset, u32 value)
{
	device_write32(h->d, AHCI_BAR, offset, value);
}

static bool match(const struct device_id *id)
{
	return id->class_code == 0x01 && id->subclass == 0x06 && id->prog_if == 0x01;
}

static bool wait_clear(struct ahci *h, u32 offset, u32 mask, u64 limit)
{
	u64 end = h->d->ops->now(h->d) + limit;

	while (hba_read(h, offset) & mask) {
		if (h->d->ops->now(h->d) > end)
			return false;
		h->d->ops->sleep(h->d, MS);
	}
	return true;
}

/* AHCI 1.3.1, "BIOS/OS Handoff". A firmware that does not let go is not waited for longer. */
static void take_from_bios(struct ahci *h)
{
	if (hba_read(h, AHCI_VS) < VS_1_2 || !(hba_read(h, AHCI_CAP2) & CAP2_BOH))
		return;
	hba_write(h, AHCI_BOHC, hba_read(h, AHCI_BOHC) | BOHC_OOS);
	if (wait_clear(h, AHCI_BOHC, BOHC_BOS, WAIT_BIOS))
		return;
	if (!(hba_read(h, AHCI_BOHC) & BOHC_BB) ||
	    !wait_clear(h, AHCI_BOHC, BOHC_BOS | BOHC_BB, WAIT_BUSY))
		h->d->ops->log(h->d, "the firmware does not hand the controller over; taken");
}

static bool reset(struct ahci *h)
{
	hba_write(h, AHCI_GHC, hba_read(h, AHCI_GHC) | GHC_AE);
	hba_write(h, AHCI_GHC, GHC_AE | GHC_HR);
	if (!wait_clear(h, AHCI_GHC, GHC_HR, WAIT_RESET))
		return false;
	hba_write(h, AHCI_GHC, GHC_AE);
	/* Some controllers forget what the firmware wrote there once. */
	if (hba_read(h, AHCI_PI) != h->ports_implemented)
		hba_write(h, AHCI_PI, h->ports_implemented);
	return true;
}

static int give_memory(struct ahci *h)
{
	u64 room = (h->d->bar_size[AHCI_BAR] - AHCI_PORT_BASE) / AHCI_PORT_BYTES;

	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = &h->port[i];

		p->hba = h;
		p->d = h->d;
		p->index = i;
		p->base = AHCI_PORT_BASE + i * AHCI_PORT_BYTES;
		ahci_port_queue_init(p);
		if (!(h->ports_implemented >> i & 1) || i >= room)
			continue;
		p->page = h->d->ops->dma_alloc(h->d, sizeof(*p->page), PAGE_SIZE, &p->page_bus);
		if (!p->page)
			return -1;
		p->usable = true;
	}
	return 0;
}

/* All ports begin at once unless their disks are to be spun up one after the other. */
static void set_up_ports(struct ahci *h)
{
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (h->port[i].usable)
			ahci_port_set_up(&h->port[i]);
}

static void bring_up_ports(struct ahci *h)
{
	u64 until = h->d->ops->now(h->d) + WAIT_SIGN;

	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = &h->port[i];

		if (!p->usable)
			continue;
		if (h->cap & CAP_SSS) {
			ahci_port_set_up(p);
			until = h->d->ops->now(h->d) + WAIT_SIGN;
		}
		if (ahci_port_wait_link(p, until))
			ahci_disk_bring_up(p);
		else
			ahci_port_listen(p);
	}
}

/* Stops all DMA without sleeping. */
static void quiet(struct ahci *h)
{
	hba_write(h, AHCI_GHC, GHC_AE);
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (h->port[i].usable)
			port_write(&h->port[i], PORT_CMD,
				   port_read(&h->port[i], PORT_CMD) &
					   ~(PORT_CMD_ST | PORT_CMD_FRE));
	hba_write(h, AHCI_GHC, GHC_AE | GHC_HR);
	for (unsigned int i = 0; i < DETACH_SPINS && (hba_read(h, AHCI_GHC) & GHC_HR); i++)
		;
}

static void release(struct ahci *h)
{
	struct device *d = h->d;

	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = &h->port[i];

		if (p->tables)
			d->ops->dma_free(d, p->tables, sizeof(*p->tables) * AHCI_SLOTS);
		if (p->page)
			d->ops->dma_free(d, p->page, sizeof(*p->page));
	}
	d->state = NULL;
	d->ops->free(d, h);
}

static int start(struct ahci *h)
{
	struct device *d = h->d;

	take_from_bios(h);
	hba_write(h, AHCI_GHC, hba_read(h, AHCI_GHC) | GHC_AE);
	h->cap = hba_read(h, AHCI_CAP);
	h->ports_implemented = hba_read(h, AHCI_PI);
	if (h->cap == ~0u || !h->ports_implemented) {
		d->ops->log(d, "the controller has no ports");
		return -1;
	}
	if (!reset(h)) {
		d->ops->log(d, "the controller does not come out of reset");
		return -1;
	}
	if (give_memory(h)) {
		d->ops->log(d, "no memory for its ports");
		return -1;
	}
	if (!(h->cap & CAP_SSS))
		set_up_ports(h);
	h->polled = d->ops->irq_request(d, 1) == 0;
	if (!h->polled)
		hba_write(h, AHCI_GHC, GHC_AE | GHC_IE);
	bring_up_ports(h);
	return 0;
}

static int attach(struct device *d)
{
	struct ahci *h;
	int rc;

	if (d->bar_is_port[AHCI_BAR] || d->bar_size[AHCI_BAR] < AHCI_PORT_BASE + AHCI_PORT_BYTES) {
		d->ops->log(d, "its registers are not there");
		return -1;
	}
	h = d->ops->alloc(d, sizeof(*h));
	if (!h) {
		d->ops->log(d, "out of memory");
		return -1;
	}
	h->d = d;
	d->state = h;
	rc = start(h);
	if (rc) {
		quiet(h);
		release(h);
	}
	return rc;
}

/* No register answers, or no reset helps. */
static void die(struct ahci *h, const char *why)
{
	h->dead = true;
	h->d->ops->log(h->d, "%s; its disks are gone", why);
	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = &h->port[i];

		if (!p->usable)
			continue;
		port_write(p, PORT_IE, 0);
		p->refused = true;
		p->trouble = TROUBLE_NONE;
		ahci_disk_drop(p, BLOCK_GONE);
	}
}

/* A port that does not stop is got hold of by a reset of all. */
static void reset_all(struct ahci *h)
{
	bool had[AHCI_PORTS] = {false};

	h->d->ops->log(h->d, "the controller is reset");
	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = &h->port[i];

		if (!p->usable)
			continue;
		port_write(p, PORT_IE, 0);
		had[i] = p->state == PORT_READY;
		if (had[i]) {
			p->state = PORT_TROUBLE;
			ahci_port_complete_unasked(p);
		}
		p->trouble = TROUBLE_NONE;
	}
	if (!reset(h)) {
		die(h, "the controller does not come out of reset");
		return;
	}
	set_up_ports(h);
	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = &h->port[i];

		if (!p->usable)
			continue;
		/* Who had no trouble of its own is not to blame. */
		ahci_port_put_back(p, !had[i]);
		if (p->state == PORT_EMPTY)
			ahci_port_listen(p);
		else
			ahci_disk_restart(p);
	}
	if (!h->polled)
		hba_write(h, AHCI_GHC, GHC_AE | GHC_IE);
}

static void service(struct device *d)
{
	struct ahci *h = d->state;

	if (!h || h->dead)
		return;
	if (hba_read(h, AHCI_CAP) == ~0u) {
		die(h, "the controller does not answer");
		return;
	}
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (h->port[i].trouble != TROUBLE_NONE)
			ahci_disk_recover(&h->port[i]);
	for (int i = 0; h->reset_wanted && !h->dead; i++) {
		h->reset_wanted = false;
		if (i == HBA_RESETS)
			die(h, "the controller does not stop");
		else
			reset_all(h);
	}
}

static void port_irq(struct ahci_port *p)
{
	u32 is = port_read(p, PORT_IS);

	port_write(p, PORT_IS, is);
	if (p->state == PORT_READY)
		ahci_port_complete(p);
	if (unlikely(is & PORT_IS_CHANGE))
		ahci_port_trouble(p, TROUBLE_LINK);
	else if (unlikely((is & PORT_IS_ERRORS) && p->state == PORT_READY))
		ahci_port_trouble(p, TROUBLE_ERROR);
}

static void irq(struct device *d, unsigned int index)
{
	struct ahci *h = d->state;
	u32 pending;

	(void)index;
	if (!h || h->dead)
		return;
	pending = hba_read(h, AHCI_IS);
	if (unlikely(pending == ~0u) && hba_read(h, AHCI_CAP) == ~0u) {
		d->ops->need_service(d);
		return;
	}
	for (u32 left = pending; left; left &= left - 1) {
		struct ahci_port *p = &h->port[__builtin_ctz(left)];

		if (p->usable)
			port_irq(p);
	}
	/* After the ports' own: each is set as long as something is set below it. */
	if (pending)
		hba_write(h, AHCI_IS, pending);
}

static void set_timer(struct ahci *h, u64 now)
{
	h->d->ops->timer_set(h->d, h->polled ? now + POLL : h->next_tick);
}

void ahci_tick_start(struct ahci *h)
{
	u64 now = h->d->ops->now(h->d);

	h->ticking = true;
	h->next_tick = now + TICK;
	set_timer(h, now);
}

/* It was reset from elsewhere: it raises no interrupt, and the ports know nothing of us. */
static bool forgot(struct ahci *h)
{
	u32 want = GHC_AE | (h->polled ? 0 : GHC_IE);

	return (hba_read(h, AHCI_GHC) & want) != want;
}

static void timer(struct device *d)
{
	struct ahci *h = d->state;
	u64 now;
	u32 busy = 0;

	if (!h || h->dead)
		return;
	now = d->ops->now(d);
	if ((h->polled || now >= h->next_tick) && unlikely(forgot(h))) {
		h->reset_wanted = true;
		d->ops->need_service(d);
	} else if (h->polled) {
		for (unsigned int i = 0; i < AHCI_PORTS; i++)
			if (h->port[i].state == PORT_READY)
				port_irq(&h->port[i]);
	}
	if (now >= h->next_tick) {
		h->next_tick = now + TICK;
		h->tick++;
		for (unsigned int i = 0; i < AHCI_PORTS; i++)
			ahci_port_check_late(&h->port[i]);
	}
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		busy |= h->port[i].issued;
	h->ticking = busy != 0;
	if (busy)
		set_timer(h, now);
}

static void detach(struct device *d, bool gone)
{
	struct ahci *h = d->state;

	if (!h)
		return;
	d->ops->timer_set(d, 0);
	if (!gone)
		quiet(h);
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (h->port[i].usable)
			ahci_disk_drop(&h->port[i], BLOCK_GONE);
	release(h);
}

const struct driver ahci_driver = {
	.name = "ahci",
	.match = match,
	.attach = attach,
	.service = service,
	.irq = irq,
	.timer = timer,
	.detach = detach,
};
