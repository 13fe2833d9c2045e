/* SPDX-License-Identifier: BSD-2-Clause */
/* The EHCI driver: coming, going, interrupts, and a controller that fails. */
#include <drivers/usb/ehci.h>

#include <drivers/usb/ehci_device.h>

#define RESETS_MAX 5u
#define RESETS_NS  (60 * NS_PER_SEC) /* without one, all is well again */

/* Acknowledges what the status register says, and acts on it. */
static void look(struct ehci *e)
{
	u32 v = eop_read(e, EOP_USBSTS);

	if (v == 0xFFFFFFFF) {
		e->hc.lost = true;
		e->d->ops->need_service(e->d);
		return;
	}
	if (v & ESTS_CLEARED)
		eop_write(e, EOP_USBSTS, v & ESTS_CLEARED);
	if (!e->running)
		return;
	if (((v & ESTS_HOST_ERROR) || (v & ESTS_HALTED)) && !e->broken) {
		e->broken = true;
		e->d->ops->need_service(e->d);
	}
	if (v & ESTS_PORT) {
		e->hc.ports_changed = true;
		e->d->ops->need_service(e->d);
	}
	ehci_harvest(e);
}

static void poll(struct usb_hc *hc)
{
	struct ehci *e = ehci_of(hc);

	if (e->running && !hc->lost)
		look(e);
}

static const struct usb_hc_ops hc_ops = {
	.open = ehci_open,
	.packet_size = ehci_packet_size,
	.configure = ehci_configure,
	.close = ehci_close,
	.submit = ehci_submit,
	.endpoint_reset = ehci_endpoint_reset,
	.poll = poll,
	.port_state = ehci_port_state,
	.port_ack = ehci_port_ack,
	.port_reset = ehci_port_reset,
	.port_disable = ehci_port_disable,
};

static bool match(const struct device_id *id)
{
	return id->class_code == 0x0C && id->subclass == 0x03 && id->prog_if == 0x20;
}

static void free_all(struct ehci *e)
{
	struct device *d = e->d;

	usb_end(&e->hc);
	if (e->head)
		d->ops->dma_free(d, e->head, sizeof(*e->head));
	d->state = NULL;
	d->ops->free(d, e);
}

static int bring_up(struct ehci *e)
{
	e->hc.ops = &hc_ops;
	e->hc.max_segment = 65536;
	if (ehci_probe(e) < 0)
		return -1;
	e->hc.address_limit = e->wide ? ~0ull : 0xFFFFFFFFull;
	e->head = e->d->ops->dma_alloc(e->d, sizeof(*e->head), 128, &e->head_bus);
	if (!e->head || usb_init(&e->hc, e->d, e->ports) < 0) {
		e->d->ops->log(e->d, "out of memory");
		return -1;
	}
	ehci_take(e);
	if (!e->d->ops->irq_request(e->d, 1))
		e->d->ops->log(e->d, "no interrupt: its disks will be slow");
	return ehci_start(e);
}

static int attach(struct device *d)
{
	struct ehci *e = d->ops->alloc(d, sizeof(*e));

	if (!e) {
		d->ops->log(d, "out of memory");
		return -1;
	}
	e->d = d;
	d->state = e;
	if (bring_up(e) < 0) {
		free_all(e);
		return -1;
	}
	d->ops->log(d, "EHCI, %u ports", e->ports);
	ehci_ports_start(e);
	usb_service(&e->hc);
	return 0;
}

static void remove_all(struct ehci *e)
{
	for (unsigned int i = 0; i < e->ports; i++)
		if (e->hc.child[i])
			usb_remove(e->hc.child[i]);
}

static void restart(struct ehci *e)
{
	struct device *d = e->d;
	u64 now = d->ops->now(d);

	if (now - e->last_reset > RESETS_NS)
		e->resets = 0;
	e->last_reset = now;
	d->ops->log(d, "the controller failed (status %08x), it is reset", eop_read(e, EOP_USBSTS));
	ehci_stop(e);
	ehci_forget(e);
	if (++e->resets > RESETS_MAX || ehci_start(e) < 0) {
		d->ops->log(d, "the controller is given up");
		e->broken = false;
		remove_all(e);
		return;
	}
	ehci_ports_start(e);
	usb_restart(&e->hc);
}

static void service(struct device *d)
{
	struct ehci *e = d->state;

	if (!e)
		return;
	if (e->hc.lost) {
		if (e->running)
			d->ops->log(d, "the controller is gone");
		e->running = false;
		remove_all(e);
		return;
	}
	if (e->broken)
		restart(e);
	if (e->running)
		usb_service(&e->hc);
}

static void irq(struct device *d, unsigned int index)
{
	struct ehci *e = d->state;

	(void)index;
	if (e && !e->hc.lost)
		look(e);
}

static void timer(struct device *d)
{
	struct ehci *e = d->state;

	if (e)
		usb_timer(&e->hc);
}

static void detach(struct device *d, bool gone)
{
	struct ehci *e = d->state;

	if (!e)
		return;
	e->hc.lost |= gone;
	ehci_stop(e);
	free_all(e);
}

const struct driver ehci_driver = {
	.name = "ehci",
	.match = match,
	.attach = attach,
	.service = service,
	.irq = irq,
	.timer = timer,
	.detach = detach,
};
