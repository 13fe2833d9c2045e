/* SPDX-License-Identifier: BSD-2-Clause */
/* The xHCI driver: coming, going, interrupts, and a controller that fails. */
#include <drivers/usb/xhci.h>

#include <drivers/usb/xhci_private.h>

#define RESETS_MAX 5u
#define RESETS_NS  (60 * NS_PER_SEC) /* without one, all is well again */

static void fail(struct xhci *x)
{
	if (x->broken)
		return;
	x->broken = true;
	x->d->ops->need_service(x->d);
}

/* Notices what the status register says of the controller itself. */
static u32 read_status(struct xhci *x)
{
	u32 v = op_read(x, OP_USBSTS);

	if (v == 0xFFFFFFFF) {
		x->hc.lost = true;
		x->d->ops->need_service(x->d);
		return 0;
	}
	if (v & (STS_HOST_ERROR | STS_CONTROLLER_ERROR) && x->running)
		fail(x);
	return v;
}

static void poll(struct usb_hc *hc)
{
	struct xhci *x = xhci_of(hc);

	if (!x->running || hc->lost)
		return;
	read_status(x);
	xhci_events(x);
}

static const struct usb_hc_ops hc_ops = {
	.open = xhci_open,
	.packet_size = xhci_packet_size,
	.configure = xhci_configure,
	.close = xhci_close,
	.submit = xhci_submit,
	.endpoint_reset = xhci_endpoint_reset,
	.poll = poll,
	.port_state = xhci_port_state,
	.port_ack = xhci_port_ack,
	.port_reset = xhci_port_reset,
	.port_disable = xhci_port_disable,
};

static bool match(const struct device_id *id)
{
	return id->class_code == 0x0C && id->subclass == 0x03 && id->prog_if == 0x30;
}

static void free_all(struct xhci *x)
{
	struct device *d = x->d;

	usb_end(&x->hc);
	xhci_memory_free(x);
	d->state = NULL;
	d->ops->free(d, x);
}

static int bring_up(struct xhci *x)
{
	x->hc.ops = &hc_ops;
	x->hc.max_segment = 65536;
	x->hc.segment_boundary = 65535;
	if (xhci_probe(x) < 0 || xhci_memory(x) < 0)
		return -1;
	x->hc.address_limit = x->wide ? ~0ull : 0xFFFFFFFFull;
	if (usb_init(&x->hc, x->d, x->ports) < 0) {
		x->d->ops->log(x->d, "out of memory");
		return -1;
	}
	xhci_take(x);
	if (!x->d->ops->irq_request(x->d, 1))
		x->d->ops->log(x->d, "no interrupt: its disks will be slow");
	return xhci_start(x);
}

static int attach(struct device *d)
{
	struct xhci *x = d->ops->alloc(d, sizeof(*x));

	if (!x) {
		d->ops->log(d, "out of memory");
		return -1;
	}
	x->d = d;
	d->state = x;
	if (bring_up(x) < 0) {
		free_all(x);
		return -1;
	}
	d->ops->log(d, "xHCI %x.%02x, %u ports", x->version >> 8, x->version & 0xFF, x->ports);
	xhci_ports_start(x);
	usb_service(&x->hc);
	return 0;
}

static void remove_all(struct xhci *x)
{
	for (unsigned int i = 0; i < x->ports; i++)
		if (x->hc.child[i])
			usb_remove(x->hc.child[i]);
}

static void restart(struct xhci *x)
{
	struct device *d = x->d;
	u64 now = d->ops->now(d);

	if (now - x->last_reset > RESETS_NS)
		x->resets = 0;
	x->last_reset = now;
	d->ops->log(d, "the controller failed (status %08x), it is reset", op_read(x, OP_USBSTS));
	if (++x->resets > RESETS_MAX || xhci_start(x) < 0) {
		d->ops->log(d, "the controller is given up");
		xhci_stop(x);
		x->broken = false;
		remove_all(x);
		return;
	}
	xhci_ports_start(x);
	usb_restart(&x->hc);
}

static void service(struct device *d)
{
	struct xhci *x = d->state;

	if (!x)
		return;
	if (x->hc.lost) {
		if (x->running)
			d->ops->log(d, "the controller is gone");
		x->running = false;
		remove_all(x);
		return;
	}
	if (x->broken)
		restart(x);
	if (x->running)
		usb_service(&x->hc);
}

static void irq(struct device *d, unsigned int index)
{
	struct xhci *x = d->state;
	u32 v;

	(void)index;
	if (!x || x->hc.lost)
		return;
	v = read_status(x);
	if (!x->running || !(v & STS_EVENT))
		return;
	/* Both before the events are looked at, or one that comes now would go unnoticed. */
	op_write(x, OP_USBSTS, STS_EVENT);
	device_write32(d, 0, x->run + RT_IMAN, IMAN_PENDING | IMAN_ENABLE);
	xhci_events(x);
}

static void timer(struct device *d)
{
	struct xhci *x = d->state;

	if (x)
		usb_timer(&x->hc);
}

static void detach(struct device *d, bool gone)
{
	struct xhci *x = d->state;

	if (!x)
		return;
	x->hc.lost |= gone;
	xhci_stop(x);
	free_all(x);
}

const struct driver xhci_driver = {
	.name = "xhci",
	.match = match,
	.attach = attach,
	.service = service,
	.irq = irq,
	.timer = timer,
	.detach = detach,
};
