/* SPDX-License-Identifier: BSD-2-Clause */
/* The asynchronous schedule: a circle of queue heads, transfers as chains of descriptors. EHCI 1.0,
 * "Asynchronous Schedule", "Managing Control/Bulk/Interrupt Transfers via Queue Heads". */
#include <drivers/usb/ehci_private.h>

#include <string.h>

#define QTD_TABLE   (EHCI_QTDS * sizeof(struct ehci_qtd))
#define DOORBELL_NS (500 * USB_MS)
#define QH_ALIGN    128u

bool ehci_queue_make(struct ehci *e, struct ehci_queue *q, struct usb_endpoint *u)
{
	const struct device_ops *ops = e->d->ops;

	*q = (struct ehci_queue){.endpoint = u};
	q->qh = ops->dma_alloc(e->d, sizeof(*q->qh), QH_ALIGN, &q->qh_bus);
	q->qtd = ops->dma_alloc(e->d, QTD_TABLE, 4096, &q->qtd_bus);
	if (q->qh && q->qtd)
		return true;
	ehci_queue_free(e, q);
	return false;
}

void ehci_queue_free(struct ehci *e, struct ehci_queue *q)
{
	if (q->qh)
		e->d->ops->dma_free(e->d, q->qh, sizeof(*q->qh));
	if (q->qtd)
		e->d->ops->dma_free(e->d, q->qtd, QTD_TABLE);
	q->qh = NULL;
	q->qtd = NULL;
}

static u32 qtd_bus(const struct ehci_queue *q, unsigned int i)
{
	return (u32)(q->qtd_bus + i * sizeof(struct ehci_qtd));
}

void ehci_queue_reset(struct ehci_queue *q, u8 address)
{
	const struct usb_endpoint_desc *d = &q->endpoint->desc;
	bool control = q->endpoint == &q->endpoint->device->ep0;
	u32 link = q->qh->link;

	memset(q->qtd, 0, QTD_TABLE);
	q->dummy = 0;
	q->qtd[0].next = LINK_END;
	q->qtd[0].next_short = LINK_END;
	memset(q->qh, 0, sizeof(*q->qh));
	q->qh->link = link;
	q->qh->endpoint = address | (u32)(d->address & 15) << 8 | QH_HIGH_SPEED |
			  (control ? (u32)QH_TOGGLE_IN_QTD : 0) |
			  (u32)d->max_packet << QH_PACKET_SHIFT;
	q->qh->capabilities = QH_ONE_A_MICROFRAME;
	q->qh->next = qtd_bus(q, 0);
	q->qh->next_short = LINK_END;
}

void ehci_link(struct ehci *e, struct ehci_queue *q)
{
	q->qh->link = READ_ONCE(e->head->link);
	__atomic_store_n(&e->head->link, (u32)q->qh_bus | LINK_QH, __ATOMIC_RELEASE);
	q->next = e->queues;
	e->queues = q;
	q->linked = true;
}

/* The controller may still hold what was taken out, until it has been round once more. */
static int ring_doorbell(struct ehci *e)
{
	const struct device_ops *ops = e->d->ops;
	u64 end = ops->now(e->d) + DOORBELL_NS;

	eop_write(e, EOP_USBCMD, eop_read(e, EOP_USBCMD) | ECMD_DOORBELL);
	for (;;) {
		/* The bit falls when the controller has let go; irq() may have cleared its status.
		 */
		u32 v = eop_read(e, EOP_USBCMD);

		if (v != 0xFFFFFFFF && !(v & ECMD_DOORBELL))
			return 0;
		if (v == 0xFFFFFFFF || !e->running || ops->now(e->d) >= end)
			break;
		ops->sleep(e->d, USB_MS / 10);
	}
	if (!e->broken) {
		ops->log(e->d, "the controller does not let go of a queue");
		e->broken = true;
		ops->need_service(e->d);
	}
	return -1;
}

int ehci_unlink(struct ehci *e, struct ehci_queue *q)
{
	struct ehci_queue **l = &e->queues;
	u32 *link = &e->head->link;

	if (!q->linked)
		return 0;
	for (; *l && *l != q; l = &(*l)->next)
		link = &(*l)->qh->link;
	if (*l)
		*l = q->next;
	__atomic_store_n(link, q->qh->link, __ATOMIC_RELEASE);
	q->linked = false;
	return e->running ? ring_doorbell(e) : 0;
}

void ehci_forget(struct ehci *e)
{
	for (struct ehci_queue *q = e->queues; q; q = q->next)
		q->linked = false;
	e->queues = NULL;
}

/* --- transfers --- */

static void put_pages(struct ehci_qtd *t, u64 bus)
{
	for (unsigned int i = 0; i < 5; i++) {
		t->page[i] = (u32)bus;
		t->page_high[i] = (u32)(bus >> 32);
		bus = align_down(bus, PAGE_SIZE) + PAGE_SIZE;
	}
}

/* Where the next descriptor is taken from; the table is large enough for a transfer and a dummy. */
static unsigned int after(unsigned int i)
{
	return (i + 1) % EHCI_QTDS;
}

static void put(struct ehci_queue *q, u32 pid, u32 toggle, u64 bus, u32 bytes)
{
	unsigned int i = (q->first + q->count) % EHCI_QTDS;
	struct ehci_qtd *t = &q->qtd[i];
	/* The first waits until all stand behind it. */
	u32 active = q->count ? (u32)TOKEN_ACTIVE : 0;

	t->next = qtd_bus(q, after(i));
	t->next_short = LINK_END;
	put_pages(t, bus);
	WRITE_ONCE(t->token, pid | toggle | TOKEN_TRIES | bytes << TOKEN_BYTES_SHIFT | active);
	q->count++;
}

static void put_bulk(struct ehci_queue *q, const struct usb_transfer *t)
{
	for (unsigned int i = 0; i < t->segment_count; i++) {
		const struct block_segment *s = &t->segments[i];

		for (u32 at = 0; at < s->bytes; at += EHCI_QTD_BYTES)
			put(q, t->in ? TOKEN_IN : TOKEN_OUT, 0, s->bus + at,
			    (u32)min_u64(s->bytes - at, EHCI_QTD_BYTES));
	}
}

static void put_control(struct ehci_queue *q, const struct usb_transfer *t, u64 setup_bus)
{
	put(q, TOKEN_SETUP, 0, setup_bus, 8);
	if (t->bytes)
		put(q, t->in ? TOKEN_IN : TOKEN_OUT, TOKEN_TOGGLE, t->segments[0].bus, t->bytes);
	put(q, t->bytes && t->in ? TOKEN_OUT : TOKEN_IN, TOKEN_TOGGLE, 0, 0);
}

/* Ends the chain with a new dummy, and lets the controller have it. */
static void release(struct ehci_queue *q, bool control)
{
	unsigned int last = (q->first + q->count - 1) % EHCI_QTDS;
	unsigned int dummy = after(last);

	q->qtd[dummy] = (struct ehci_qtd){.next = LINK_END, .next_short = LINK_END};
	q->dummy = dummy;
	q->qtd[last].token |= TOKEN_IOC;
	/* After a short packet: a control transfer goes on with its status, others are over. */
	for (unsigned int i = q->first; i != dummy; i = after(i))
		q->qtd[i].next_short = qtd_bus(q, control && i != last ? last : dummy);
	__atomic_store_n(&q->qtd[q->first].token, q->qtd[q->first].token | TOKEN_ACTIVE,
			 __ATOMIC_RELEASE);
}

static struct ehci_queue *queue_of(const struct usb_endpoint *u)
{
	struct ehci_device *s = u->device->hc_state;
	struct ehci_queue *q;

	if (!s)
		return NULL;
	q = u == &u->device->ep0 ? &s->ep0 : &s->ep[u - u->device->ep];
	return q->qh && q->linked ? q : NULL;
}

void ehci_submit(struct usb_transfer *t)
{
	struct ehci *e = ehci_of(t->endpoint->device->hc);
	struct ehci_queue *q = queue_of(t->endpoint);
	bool control = t->endpoint == &t->endpoint->device->ep0;

	t->endpoint->current = t;
	if (!q || !e->running || e->broken || t->bytes > USB_TRANSFER_MAX ||
	    (!control && (!t->segment_count || t->segment_count > USB_SEGMENTS_MAX)) ||
	    (control && t->bytes > EHCI_QTD_BYTES)) {
		usb_complete(t, USB_ERROR, 0);
		return;
	}
	q->first = q->dummy;
	q->count = 0;
	if (control) {
		/* The setup packet lies in the queue head's spare words. */
		memcpy(q->qh->unused, t->setup, sizeof(t->setup));
		put_control(q, t, q->qh_bus + offsetof(struct ehci_qh, unused));
	} else {
		put_bulk(q, t);
	}
	release(q, control);
}

static enum usb_status status_of(u32 token)
{
	if (token & (TOKEN_BUFFER | TOKEN_BABBLE | TOKEN_TRANSACTION))
		return USB_ERROR;
	return USB_STALL;
}

/* Of the n-th descriptor of a bulk transfer. */
static u32 bytes_of(const struct usb_transfer *t, unsigned int n)
{
	for (unsigned int i = 0; i < t->segment_count; i++) {
		u32 bytes = t->segments[i].bytes;
		unsigned int parts = (bytes + EHCI_QTD_BYTES - 1) / EHCI_QTD_BYTES;

		if (n < parts)
			return (u32)min_u64(bytes - n * EHCI_QTD_BYTES, EHCI_QTD_BYTES);
		n -= parts;
	}
	return 0;
}

/* Bulk: descriptor by descriptor, to the first that is not done. */
static void look_at_bulk(struct ehci_queue *q, struct usb_transfer *t)
{
	u32 moved = 0;

	for (unsigned int i = 0; i < q->count; i++) {
		u32 token = READ_ONCE(q->qtd[(q->first + i) % EHCI_QTDS].token);
		u32 left = token >> TOKEN_BYTES_SHIFT & 0x7FFF, bytes = bytes_of(t, i);

		if (token & TOKEN_HALTED) {
			usb_complete(t, status_of(token), moved);
			return;
		}
		if (token & TOKEN_ACTIVE)
			return;
		moved += left < bytes ? bytes - left : 0;
		if (left)
			break;
	}
	usb_complete(t, USB_OK, moved);
}

static void look_at_control(struct ehci_queue *q, struct usb_transfer *t)
{
	u32 moved = 0;

	for (unsigned int i = 0; i < q->count; i++) {
		u32 token = READ_ONCE(q->qtd[(q->first + i) % EHCI_QTDS].token);
		u32 left = token >> TOKEN_BYTES_SHIFT & 0x7FFF;

		if (token & TOKEN_HALTED) {
			usb_complete(t, status_of(token), 0);
			return;
		}
		if (token & TOKEN_ACTIVE)
			return;
		if (i == 1 && t->bytes)
			moved = left < t->bytes ? t->bytes - left : 0;
	}
	usb_complete(t, USB_OK, moved);
}

void ehci_harvest(struct ehci *e)
{
	for (struct ehci_queue *q = e->queues; q; q = q->next) {
		struct usb_transfer *t = q->endpoint->current;

		if (!t)
			continue;
		if (q->endpoint == &q->endpoint->device->ep0)
			look_at_control(q, t);
		else
			look_at_bulk(q, t);
	}
}
