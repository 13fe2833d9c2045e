/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices on EHCI: addresses, and a queue for each endpoint. */
#include <drivers/usb/ehci_device.h>

static int give_queue(struct ehci *e, struct ehci_queue *q, struct usb_endpoint *u)
{
	if (q->qh && ehci_unlink(e, q) < 0)
		return -1;
	if (!q->qh && !ehci_queue_make(e, q, u))
		return -1;
	ehci_queue_reset(q, u->device->address);
	ehci_link(e, q);
	return 0;
}

static u8 free_address(struct ehci *e)
{
	for (u8 i = 1; i < EHCI_ADDRESSES; i++)
		if (!e->address_used[i]) {
			e->address_used[i] = true;
			return i;
		}
	return 0; /* cannot be: USB_DEVICES_MAX is less */
}

int ehci_open(struct usb_device *d)
{
	struct ehci *e = ehci_of(d->hc);
	struct ehci_device *s;
	u8 address;

	if (d->speed != USB_HIGH) {
		e->d->ops->log(e->d,
			       "port %s: a slower device behind a hub, which is not supported",
			       d->path);
		return -1;
	}
	s = e->d->ops->alloc(e->d, sizeof(*s));
	if (!s)
		return -1;
	d->hc_state = s;
	d->address = 0;
	address = free_address(e);
	if (give_queue(e, &s->ep0, &d->ep0) < 0 ||
	    usb_control(d, USB_TO_DEVICE, USB_SET_ADDRESS, address, 0, NULL, 0) < 0) {
		e->address_used[address] = false;
		ehci_close(d);
		return -1;
	}
	d->address = address;
	e->d->ops->sleep(e->d, 2 * USB_MS); /* USB 2.0, "Set Address Processing" */
	return give_queue(e, &s->ep0, &d->ep0);
}

int ehci_packet_size(struct usb_device *d)
{
	struct ehci_device *s = d->hc_state;

	return give_queue(ehci_of(d->hc), &s->ep0, &d->ep0);
}

int ehci_configure(struct usb_device *d)
{
	struct ehci_device *s = d->hc_state;

	for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
		if (d->ep[i].desc.max_packet &&
		    give_queue(ehci_of(d->hc), &s->ep[i], &d->ep[i]) < 0)
			return -1;
	return 0;
}

int ehci_endpoint_reset(struct usb_endpoint *u)
{
	struct ehci *e = ehci_of(u->device->hc);
	struct ehci_device *s = u->device->hc_state;
	struct ehci_queue *q = NULL;
	int rc = -1;

	if (s)
		q = u == &u->device->ep0 ? &s->ep0 : &s->ep[u - u->device->ep];
	if (q && q->qh && e->running && !e->broken)
		rc = give_queue(e, q, u);
	if (u->current)
		usb_complete(u->current, USB_CANCELLED, 0);
	return rc;
}

static void take_queue(struct ehci *e, struct ehci_queue *q)
{
	/* Memory that the controller may still reach is not given back: then it is stopped. */
	if (q->qh && ehci_unlink(e, q) < 0)
		ehci_stop(e);
}

void ehci_close(struct usb_device *d)
{
	struct ehci *e = ehci_of(d->hc);
	struct ehci_device *s = d->hc_state;

	if (s) {
		take_queue(e, &s->ep0);
		for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
			take_queue(e, &s->ep[i]);
	}
	usb_cancel_all(d);
	if (!s)
		return;
	ehci_queue_free(e, &s->ep0);
	for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
		ehci_queue_free(e, &s->ep[i]);
	e->address_used[d->address % EHCI_ADDRESSES] = false;
	d->address = 0;
	d->hc_state = NULL;
	e->d->ops->free(e->d, s);
}
