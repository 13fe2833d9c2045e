/* SPDX-License-Identifier: BSD-2-Clause */
/* Transfers as chains of TRBs, their events, and endpoints that are to begin anew. xHCI 1.2,
 * "Transfer Rings". */
#include <drivers/usb/xhci_private.h>

#include <string.h>

#define TD_SIZE_MAX 31u

static struct xhci_slot *slot_of(const struct usb_device *d)
{
	return d->hc_state;
}

static struct xhci_endpoint *endpoint_of(struct xhci_slot *s, const struct usb_endpoint *e)
{
	if (e == &s->device->ep0)
		return &s->ep0;
	return &s->ep[e - s->device->ep];
}

/* How much is to come after this TRB: "TD Size", in packets; controllers of version 0.96 want KiB.
 */
static u32 td_size(const struct xhci *x, u32 left, u16 max_packet)
{
	u32 n = x->version < 0x100 ? left >> 10 : (left + max_packet - 1) / max_packet;

	return (n < TD_SIZE_MAX ? n : TD_SIZE_MAX) << 17;
}

static void put_bulk(struct xhci *x, struct xhci_endpoint *p, const struct usb_transfer *t)
{
	u32 left = t->bytes;

	for (unsigned int i = 0; i < t->segment_count; i++) {
		const struct block_segment *s = &t->segments[i];
		bool last = i + 1 == t->segment_count;
		u32 control = TRB_NORMAL << TRB_TYPE_SHIFT;

		left -= s->bytes;
		control |= last ? TRB_IOC : TRB_CHAIN;
		control |= t->in ? TRB_SHORT : 0;
		xhci_ring_put(&p->ring, s->bus,
			      s->bytes |
				      (last ? 0 : td_size(x, left, t->endpoint->desc.max_packet)),
			      control, i == 0);
	}
}

static void put_control(struct xhci_endpoint *p, const struct usb_transfer *t)
{
	u32 stage = TRB_SETUP << TRB_TYPE_SHIFT | TRB_IMMEDIATE;
	u64 setup = 0;

	memcpy(&setup, t->setup, sizeof(setup));
	if (t->bytes)
		stage |= t->in ? TRB_SETUP_IN : TRB_SETUP_OUT;
	xhci_ring_put(&p->ring, setup, sizeof(setup), stage, true);
	if (t->bytes) {
		stage = TRB_DATA << TRB_TYPE_SHIFT | (t->in ? TRB_IN | TRB_SHORT : 0);
		xhci_ring_put(&p->ring, t->segments[0].bus, t->bytes, stage, false);
	}
	/* The status stage goes against the data, and to the host without data. */
	stage = TRB_STATUS << TRB_TYPE_SHIFT | TRB_IOC;
	stage |= t->bytes && t->in ? 0 : TRB_IN;
	xhci_ring_put(&p->ring, 0, 0, stage, false);
}

void xhci_submit(struct usb_transfer *t)
{
	struct xhci_slot *s = slot_of(t->endpoint->device);
	struct xhci *x = xhci_of(t->endpoint->device->hc);
	bool control = t->endpoint == &t->endpoint->device->ep0;
	struct xhci_endpoint *p;

	t->endpoint->current = t;
	p = s ? endpoint_of(s, t->endpoint) : NULL;
	if (!p || !p->ring.trb || !x->running || x->broken ||
	    (!control && (!t->segment_count || t->segment_count > USB_SEGMENTS_MAX))) {
		usb_complete(t, USB_ERROR, 0);
		return;
	}
	xhci_ring_room(&p->ring, t->segment_count + 2);
	p->first = p->ring.next;
	p->data_short = false;
	if (control)
		put_control(p, t);
	else
		put_bulk(x, p, t);
	p->count = p->ring.next - p->first;
	xhci_ring_release(&p->ring, p->first);
	device_write32(x->d, 0, x->doorbell + 4u * s->id, p->dci);
}

/* --- events --- */

static u32 bytes_before(const struct usb_transfer *t, unsigned int segment)
{
	u32 n = 0;

	for (unsigned int i = 0; i < segment; i++)
		n += t->segments[i].bytes;
	return n;
}

static enum usb_status status_of(u32 code)
{
	if (code == CODE_SUCCESS || code == CODE_SHORT)
		return USB_OK;
	return code == CODE_STALL ? USB_STALL : USB_ERROR;
}

/* at: which of the transfer's TRBs; left: what did not move of it. */
static void control_event(struct xhci_endpoint *p, struct usb_transfer *t, unsigned int at,
			  u32 code, u32 left)
{
	bool data = t->bytes && at == 1;

	if (status_of(code) == USB_OK && data) {
		/* The status stage is still to come. */
		p->data_short = true;
		p->data_moved = left < t->bytes ? t->bytes - left : 0;
		return;
	}
	if (status_of(code) == USB_OK && at + 1 != p->count)
		return;
	usb_complete(t, status_of(code), p->data_short ? p->data_moved : t->bytes);
}

static void bulk_event(struct usb_transfer *t, unsigned int at, u32 code, u32 left)
{
	u32 bytes = t->segments[at].bytes;

	usb_complete(t, status_of(code), bytes_before(t, at) + (left < bytes ? bytes - left : 0));
}

void xhci_transfer_event(struct xhci *x, const struct xhci_trb *e)
{
	struct xhci_slot *s = x->slot[e->control >> TRB_SLOT_SHIFT];
	u32 dci = e->control >> TRB_EP_SHIFT & 31, code = e->status >> 24;
	struct usb_endpoint *u = NULL;
	struct xhci_endpoint *p = NULL;
	u64 index;

	if (!s || code == CODE_STOPPED || code == CODE_STOPPED_LENGTH || code == CODE_STOPPED_SHORT)
		return;
	if (dci == 1) {
		u = &s->device->ep0;
		p = &s->ep0;
	}
	for (unsigned int i = 0; i < USB_ENDPOINTS; i++)
		if (s->ep[i].ring.trb && s->ep[i].dci == dci) {
			u = &s->device->ep[i];
			p = &s->ep[i];
		}
	if (!p || !u->current)
		return;
	/* An event of an earlier transfer may come late. */
	index = (e->parameter - p->ring.bus) / sizeof(struct xhci_trb);
	if (e->parameter < p->ring.bus || index < p->first || index - p->first >= p->count)
		return;
	if (dci == 1)
		control_event(p, u->current, (unsigned int)(index - p->first), code,
			      e->status & 0xFFFFFF);
	else
		bulk_event(u->current, (unsigned int)(index - p->first), code,
			   e->status & 0xFFFFFF);
}

/* --- beginning anew --- */

static int set_dequeue(struct xhci *x, struct xhci_slot *s, struct xhci_endpoint *p)
{
	u32 where = (u32)s->id << TRB_SLOT_SHIFT | p->dci << TRB_EP_SHIFT;

	return xhci_command(x, xhci_ring_position(&p->ring), TRB_SET_DEQUEUE, where, NULL) ==
			       CODE_SUCCESS
		       ? 0
		       : -1;
}

static int begin_anew(struct xhci *x, struct xhci_slot *s, struct usb_endpoint *e,
		      struct xhci_endpoint *p)
{
	u32 where = (u32)s->id << TRB_SLOT_SHIFT | p->dci << TRB_EP_SHIFT;
	unsigned int state = xhci_endpoint_state(x, s, p->dci);

	if (state == EP_RUNNING) {
		/* It may have halted by itself just now: then this fails, and the state tells. */
		if (xhci_command(x, 0, TRB_STOP_ENDPOINT, where, NULL) < 0)
			return -1;
		state = xhci_endpoint_state(x, s, p->dci);
	}
	if (state == EP_HALTED) {
		if (xhci_command(x, 0, TRB_RESET_ENDPOINT, where, NULL) != CODE_SUCCESS)
			return -1;
		return set_dequeue(x, s, p);
	}
	/* Only a halted endpoint's toggle is reset by a command of its own. */
	if (p->dci == 1)
		return set_dequeue(x, s, p);
	return xhci_readd(x, s, e);
}

int xhci_endpoint_reset(struct usb_endpoint *e)
{
	struct xhci_slot *s = slot_of(e->device);
	struct xhci *x = xhci_of(e->device->hc);
	struct xhci_endpoint *p = s ? endpoint_of(s, e) : NULL;
	int rc = -1;

	if (p && p->ring.trb)
		rc = begin_anew(x, s, e, p);
	if (e->current)
		usb_complete(e->current, USB_CANCELLED, 0);
	return rc;
}
