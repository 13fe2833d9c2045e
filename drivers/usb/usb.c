/* SPDX-License-Identifier: BSD-2-Clause */
/* What all controllers share: control transfers that are waited for, timer, service, the end. */
#include <drivers/usb/usb.h>

#include <string.h>

#define CONTROL_NS (5000 * USB_MS)
#define STEP_FIRST 20000ull /* ns */
#define STEP_LAST  USB_MS

int usb_init(struct usb_hc *hc, struct device *d, unsigned int root_ports)
{
	hc->device = d;
	hc->root_ports = root_ports;
	hc->child = d->ops->alloc(d, root_ports * sizeof(struct usb_device *));
	hc->failures = d->ops->alloc(d, root_ports);
	hc->page = d->ops->dma_alloc(d, USB_PAGE, USB_PAGE, &hc->page_bus);
	hc->ports_changed = true;
	if (hc->child && hc->failures && hc->page)
		return 0;
	usb_end(hc);
	return -1;
}

void usb_end(struct usb_hc *hc)
{
	struct device *d = hc->device;

	if (!d)
		return;
	d->ops->timer_set(d, 0);
	for (unsigned int i = 0; hc->child && i < hc->root_ports; i++)
		if (hc->child[i])
			usb_remove(hc->child[i]);
	if (hc->page)
		d->ops->dma_free(d, hc->page, USB_PAGE);
	d->ops->free(d, hc->failures);
	d->ops->free(d, hc->child);
	hc->page = NULL;
	hc->failures = NULL;
	hc->child = NULL;
}

/* --- transfers --- */

void usb_complete(struct usb_transfer *t, enum usb_status status, u32 actual)
{
	t->endpoint->current = NULL;
	t->status = status;
	t->actual = actual < t->bytes ? actual : t->bytes;
	t->done(t);
}

void usb_cancel_all(struct usb_device *d)
{
	if (d->ep0.current)
		usb_complete(d->ep0.current, USB_CANCELLED, 0);
	for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
		if (d->ep[i].current)
			usb_complete(d->ep[i].current, USB_CANCELLED, 0);
}

bool usb_connected(struct usb_device *d)
{
	struct usb_port_state s = {0};

	if (d->hc->lost)
		return false;
	d->hc->ops->port_state(d->hc, d->root_port, &s);
	return s.connected && !d->hc->lost;
}

enum usb_status usb_wait(struct usb_transfer *t, u64 ns)
{
	struct usb_endpoint *e = t->endpoint;
	struct usb_hc *hc = e->device->hc;
	struct device *d = hc->device;
	u64 end = d->ops->now(d) + ns, step = STEP_FIRST;

	for (;;) {
		hc->ops->poll(hc);
		if (e->current != t)
			return t->status;
		if (d->ops->now(d) >= end || !usb_connected(e->device))
			break;
		d->ops->sleep(d, step);
		step = min_u64(step * 2, STEP_LAST);
	}
	if (hc->ops->endpoint_reset(e) < 0)
		d->ops->log(d, "port %s: a transfer cannot be cancelled", e->device->path);
	return USB_TIMEOUT;
}

static void nothing(struct usb_transfer *t)
{
	(void)t;
}

int usb_control(struct usb_device *d, u8 type, u8 request, u16 value, u16 index, void *data,
		u16 bytes)
{
	struct usb_hc *hc = d->hc;
	struct block_segment segment = {.bus = hc->page_bus, .cpu = hc->page, .bytes = bytes};
	struct usb_transfer t = {.endpoint = &d->ep0,
				 .in = (type & USB_IN) != 0,
				 .setup = {type, request, (u8)value, (u8)(value >> 8), (u8)index,
					   (u8)(index >> 8), (u8)bytes, (u8)(bytes >> 8)},
				 .segments = &segment,
				 .segment_count = bytes ? 1 : 0,
				 .bytes = bytes,
				 .done = nothing};
	enum usb_status status;

	if (bytes > USB_PAGE || d->ep0.current)
		return -USB_ERROR;
	if (!t.in && bytes)
		memcpy(hc->page, data, bytes);
	hc->ops->submit(&t);
	status = usb_wait(&t, CONTROL_NS);
	if (status == USB_STALL || status == USB_ERROR) {
		/* USB 2.0, "Control Transfers": the next SETUP ends the device's stall. */
		if (hc->ops->endpoint_reset(&d->ep0) < 0)
			return -USB_TIMEOUT;
	}
	if (status != USB_OK)
		return -(int)status;
	t.actual = (u32)min_u64(t.actual, bytes);
	if (t.in && bytes)
		memcpy(data, hc->page, t.actual);
	return (int)t.actual;
}

int usb_clear_halt(struct usb_endpoint *e)
{
	struct usb_device *d = e->device;

	if (d->hc->ops->endpoint_reset(e) < 0)
		return -1;
	return usb_control(d, USB_TO_ENDPOINT, USB_CLEAR_FEATURE, 0, e->desc.address, NULL, 0);
}

/* --- timer and service --- */

void usb_want_tick(struct usb_hc *hc, u64 at)
{
	if (hc->timer_at && hc->timer_at <= at)
		return;
	hc->timer_at = at;
	hc->device->ops->timer_set(hc->device, at);
}

/* USB_TIERS_MAX bounds the recursion. NOLINTNEXTLINE(misc-no-recursion) */
static void tick_tree(struct usb_hc *hc, struct usb_device *const *child, unsigned int n, u64 now)
{
	for (unsigned int i = 0; child && i < n; i++) {
		struct usb_device *d = child[i];
		u64 next;

		if (!d || !d->class_driver)
			continue;
		next = d->state && d->class_driver->tick ? d->class_driver->tick(d, now) : 0;
		if (next)
			usb_want_tick(hc, next);
		tick_tree(hc, d->child, d->hub_ports, now);
	}
}

void usb_timer(struct usb_hc *hc)
{
	hc->timer_at = 0;
	/* What an interrupt got lost for is found here. */
	hc->ops->poll(hc);
	tick_tree(hc, hc->child, hc->root_ports, hc->device->ops->now(hc->device));
}

/* USB_TIERS_MAX bounds the recursion. NOLINTNEXTLINE(misc-no-recursion) */
static void service_tree(struct usb_hc *hc, struct usb_device **child, unsigned int n)
{
	for (unsigned int i = 0; child && i < n; i++) {
		struct usb_device *d = child[i];

		if (!d || !d->state || !d->class_driver->service)
			continue;
		if (d->class_driver->service(d) < 0) {
			/* Whatever is in the port now gets a new start. */
			usb_port_disable(d);
			usb_remove(d);
			hc->ports_changed = true;
			continue;
		}
		service_tree(hc, d->child, d->hub_ports);
	}
}

void usb_service(struct usb_hc *hc)
{
	if (hc->ports_changed) {
		hc->ports_changed = false;
		usb_scan(hc, NULL);
	}
	service_tree(hc, hc->child, hc->root_ports);
	if (hc->ports_changed)
		hc->device->ops->need_service(hc->device);
}

/* USB_TIERS_MAX bounds the recursion. NOLINTNEXTLINE(misc-no-recursion) */
static void restart_tree(struct usb_device **child, unsigned int n)
{
	for (unsigned int i = 0; child && i < n; i++) {
		struct usb_device *d = child[i];

		if (!d)
			continue;
		/* The reset made all connections look new. */
		if (d->parent)
			usb_hub_port_ack(d->parent, d->port);
		else
			d->hc->ops->port_ack(d->hc, d->port);
		if (usb_device_reset(d) < 0) {
			usb_port_disable(d);
			usb_remove(d);
			continue;
		}
		if (d->state && d->class_driver->restarted)
			d->class_driver->restarted(d);
		restart_tree(d->child, d->hub_ports);
	}
}

void usb_restart(struct usb_hc *hc)
{
	restart_tree(hc->child, hc->root_ports);
	hc->ports_changed = true;
}
