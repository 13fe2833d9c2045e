/* SPDX-License-Identifier: BSD-2-Clause */
/* Device slots and their contexts. xHCI 1.2, "Device Slot Assignment", "Contexts". */
#include <drivers/usb/xhci_private.h>

#include <string.h>

#define CONTEXT_BYTES 2048u /* 32 entries, of 32 or 64 bytes */
#define INPUT_ADD     1u    /* of the input control context: which entries count */
#define INPUT_DROP    0u
#define SUPER_ID      4u /* "Default Speed ID" */

/* Entry i of the input context: 0 the control entry, 1 the slot, 1 + dci an endpoint. */
static u32 *input(struct xhci *x, unsigned int i)
{
	return (u32 *)(void *)(x->input + i * x->context_bytes);
}

unsigned int xhci_endpoint_state(struct xhci *x, const struct xhci_slot *s, unsigned int dci)
{
	const u32 *c = (const u32 *)(const void *)(s->context + dci * x->context_bytes);

	return READ_ONCE(c[0]) & 7;
}

/* The nearest hub on the way to a slower device that talks high speed to the host. */
static void transaction_translator(const struct usb_device *d, u32 *c)
{
	const struct usb_device *at = d;

	if (d->speed != USB_LOW && d->speed != USB_FULL)
		return;
	for (; at->parent; at = at->parent)
		if (at->parent->speed == USB_HIGH && at->parent->hc_state) {
			const struct xhci_slot *hub = at->parent->hc_state;

			c[2] = hub->id | at->port << 8;
			if (at->parent->multi_tt)
				c[0] |= 1u << 25;
			return;
		}
}

static u32 route(const struct usb_device *d)
{
	u32 r = 0;

	for (; d->parent; d = d->parent)
		r = r << 4 | (d->port & 15);
	return r;
}

static u32 speed_id(struct xhci *x, const struct usb_device *d)
{
	static const u8 ids[] = {
		[USB_LOW] = 2, [USB_FULL] = 1, [USB_HIGH] = 3, [USB_SUPER] = SUPER_ID};

	if (d->speed == USB_SUPER && !d->parent)
		return xhci_portsc(x, d->root_port) >> PORT_SPEED_SHIFT & 15;
	return ids[d->speed];
}

static void put_slot(struct xhci *x, const struct usb_device *d, unsigned int entries)
{
	u32 *c = input(x, 1);

	c[0] = route(d) | speed_id(x, d) << 20 | entries << 27;
	c[1] = d->root_port << 16;
	transaction_translator(d, c);
	if (d->hub_ports) {
		c[0] |= 1u << 26;
		c[1] |= d->hub_ports << 24;
		if (d->speed == USB_HIGH)
			c[2] |= (u32)(d->tt_think_time & 3) << 16;
	}
}

static void put_endpoint(struct xhci *x, const struct xhci_endpoint *p,
			 const struct usb_endpoint *e, u32 type, u32 average)
{
	u32 *c = input(x, 1 + p->dci);
	u64 dequeue = xhci_ring_position(&p->ring);

	c[1] = 3u << 1 | type << 3 | (u32)e->desc.burst << 8 | (u32)e->desc.max_packet << 16;
	c[2] = (u32)dequeue;
	c[3] = (u32)(dequeue >> 32);
	c[4] = average;
}

static void put_bulk_endpoint(struct xhci *x, const struct xhci_endpoint *p,
			      const struct usb_endpoint *e)
{
	put_endpoint(x, p, e, e->desc.address & 0x80 ? EP_TYPE_BULK_IN : EP_TYPE_BULK_OUT, 3072);
}

static void clear_input(struct xhci *x)
{
	memset(x->input, 0, 33 * x->context_bytes);
}

static int with_input(struct xhci *x, const struct xhci_slot *s, u32 type)
{
	int code = xhci_command(x, x->input_bus, type, (u32)s->id << TRB_SLOT_SHIFT, NULL);

	return code == CODE_SUCCESS ? 0 : -1;
}

static void free_slot(struct xhci *x, struct xhci_slot *s)
{
	s->device->hc_state = NULL;
	if (s->id && x->slot[s->id] == s)
		x->slot[s->id] = NULL;
	xhci_ring_free(x, &s->ep0.ring);
	for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
		xhci_ring_free(x, &s->ep[i].ring);
	if (s->context)
		x->d->ops->dma_free(x->d, s->context, CONTEXT_BYTES);
	x->d->ops->free(x->d, s);
}

static struct xhci_slot *make_slot(struct xhci *x, struct usb_device *d)
{
	struct xhci_slot *s = x->d->ops->alloc(x->d, sizeof(*s));

	if (!s)
		return NULL;
	s->device = d;
	s->ep0.dci = 1;
	s->context = x->d->ops->dma_alloc(x->d, CONTEXT_BYTES, CONTEXT_BYTES, &s->context_bus);
	if (!s->context || !xhci_ring_make(x, &s->ep0.ring)) {
		free_slot(x, s);
		return NULL;
	}
	d->hc_state = s;
	return s;
}

static int enable(struct xhci *x, struct xhci_slot *s)
{
	u8 id = 0;

	if (xhci_command(x, 0, TRB_ENABLE_SLOT, 0, &id) != CODE_SUCCESS)
		return -1;
	if (id == 0 || id > x->slots || x->slot[id]) {
		x->d->ops->log(x->d, "the controller names slot %u, which cannot be", id);
		return -1;
	}
	s->id = id;
	x->slot[id] = s;
	x->dcbaa[id] = s->context_bus;
	return 0;
}

int xhci_open(struct usb_device *d)
{
	struct xhci *x = xhci_of(d->hc);
	struct xhci_slot *s = make_slot(x, d);

	if (!s)
		return -1;
	if (enable(x, s) < 0) {
		free_slot(x, s);
		return -1;
	}
	clear_input(x);
	input(x, 0)[INPUT_ADD] = 3;
	put_slot(x, d, 1);
	put_endpoint(x, &s->ep0, &d->ep0, EP_TYPE_CONTROL, 8);
	if (with_input(x, s, TRB_ADDRESS_DEVICE) < 0) {
		xhci_close(d);
		return -1;
	}
	/* USB 2.0, "Set Address Processing": it may take 2 ms to follow. */
	x->d->ops->sleep(x->d, 2 * USB_MS);
	return 0;
}

int xhci_packet_size(struct usb_device *d)
{
	struct xhci *x = xhci_of(d->hc);
	struct xhci_slot *s = d->hc_state;

	clear_input(x);
	input(x, 0)[INPUT_ADD] = 2;
	put_endpoint(x, &s->ep0, &d->ep0, EP_TYPE_CONTROL, 8);
	return with_input(x, s, TRB_EVALUATE_CONTEXT);
}

static unsigned int dci_of(const struct usb_endpoint *e)
{
	return 2u * (e->desc.address & 15) + (e->desc.address >> 7);
}

int xhci_configure(struct usb_device *d)
{
	struct xhci *x = xhci_of(d->hc);
	struct xhci_slot *s = d->hc_state;
	unsigned int entries = 1;

	clear_input(x);
	input(x, 0)[INPUT_ADD] = 1;
	for (unsigned int i = 0; i < USB_ENDPOINTS; i++) {
		struct xhci_endpoint *p = &s->ep[i];

		if (!d->ep[i].desc.max_packet)
			continue;
		if (!p->ring.trb && !xhci_ring_make(x, &p->ring))
			return -1;
		p->dci = dci_of(&d->ep[i]);
		put_bulk_endpoint(x, p, &d->ep[i]);
		input(x, 0)[INPUT_ADD] |= 1u << p->dci;
		entries = p->dci > entries ? p->dci : entries;
	}
	if (entries == 1 && !d->hub_ports)
		return 0;
	put_slot(x, d, entries);
	return with_input(x, s, TRB_CONFIGURE_ENDPOINT);
}

int xhci_readd(struct xhci *x, struct xhci_slot *s, struct usb_endpoint *e)
{
	struct xhci_endpoint *p = &s->ep[e - s->device->ep];
	unsigned int entries = 1;

	for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
		if (s->ep[i].ring.trb && s->ep[i].dci > entries)
			entries = s->ep[i].dci;
	clear_input(x);
	input(x, 0)[INPUT_DROP] = 1u << p->dci;
	input(x, 0)[INPUT_ADD] = 1 | 1u << p->dci;
	put_slot(x, s->device, entries);
	put_bulk_endpoint(x, p, e);
	return with_input(x, s, TRB_CONFIGURE_ENDPOINT);
}

void xhci_close(struct usb_device *d)
{
	struct xhci *x = xhci_of(d->hc);
	struct xhci_slot *s = d->hc_state;

	if (!s) {
		usb_cancel_all(d);
		return;
	}
	/* Ends all DMA for it. A controller that does not obey is reset before memory is reused:
	 * xhci_command() stops it. */
	if (x->running && s->id &&
	    xhci_command(x, 0, TRB_DISABLE_SLOT, (u32)s->id << TRB_SLOT_SHIFT, NULL) < 0)
		xhci_stop(x);
	if (s->id)
		x->dcbaa[s->id] = 0;
	usb_cancel_all(d);
	free_slot(x, s);
}
