/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings of TRBs: commands and transfers to the controller, events from it. xHCI 1.2, "TRB Ring". */
#include <drivers/usb/xhci_private.h>

#include <string.h>

bool xhci_ring_make(struct xhci *x, struct xhci_ring *r)
{
	r->trb = x->d->ops->dma_alloc(x->d, DMA_RING_BYTES, DMA_RING_BYTES, &r->bus);
	if (!r->trb)
		return false;
	xhci_ring_clear(r);
	return true;
}

void xhci_ring_free(struct xhci *x, struct xhci_ring *r)
{
	if (r->trb)
		x->d->ops->dma_free(x->d, r->trb, DMA_RING_BYTES);
	r->trb = NULL;
}

void xhci_ring_clear(struct xhci_ring *r)
{
	memset(r->trb, 0, DMA_RING_BYTES);
	r->next = 0;
	r->cycle = 1;
}

static void put(struct xhci_trb *t, u64 parameter, u32 status, u32 control)
{
	t->parameter = parameter;
	t->status = status;
	/* The cycle bit gives it away, so it comes last. */
	__atomic_store_n(&t->control, control, __ATOMIC_RELEASE);
}

/* Goes back to the start. The link may stand before the end of the ring; the TRBs behind it get
 * this round's cycle bit, so that in the next round they do not look like fresh ones. No-op TRBs
 * would do as well, but not every controller knows them. */
static void wrap(struct xhci_ring *r)
{
	for (unsigned int i = r->next + 1; i < XHCI_RING; i++)
		put(&r->trb[i], 0, 0, r->cycle);
	put(&r->trb[r->next], r->bus, 0, TRB_LINK << TRB_TYPE_SHIFT | TRB_TOGGLE | r->cycle);
	r->next = 0;
	r->cycle ^= 1;
}

void xhci_ring_room(struct xhci_ring *r, unsigned int count)
{
	if (r->next + count >= XHCI_RING)
		wrap(r);
}

unsigned int xhci_ring_put(struct xhci_ring *r, u64 parameter, u32 status, u32 control, bool hold)
{
	unsigned int i = r->next;

	put(&r->trb[i], parameter, status, control | (r->cycle ^ (hold ? 1 : 0)));
	r->next++;
	return i;
}

void xhci_ring_release(struct xhci_ring *r, unsigned int index)
{
	struct xhci_trb *t = &r->trb[index];

	__atomic_store_n(&t->control, (t->control & ~(u32)TRB_CYCLE) | r->cycle, __ATOMIC_RELEASE);
}

u64 xhci_ring_position(const struct xhci_ring *r)
{
	return (r->bus + r->next * sizeof(struct xhci_trb)) | r->cycle;
}

static void command_event(struct xhci *x, const struct xhci_trb *e)
{
	if (!x->command_busy || e->parameter != x->command_bus)
		return;
	x->command_busy = false;
	x->command_code = (u8)(e->status >> 24);
	x->command_slot = (u8)(e->control >> TRB_SLOT_SHIFT);
}

static void event(struct xhci *x, const struct xhci_trb *e)
{
	switch (e->control >> TRB_TYPE_SHIFT & 63) {
	case TRB_EV_TRANSFER:
		xhci_transfer_event(x, e);
		break;
	case TRB_EV_COMMAND:
		command_event(x, e);
		break;
	case TRB_EV_PORT:
		x->hc.ports_changed = true;
		x->d->ops->need_service(x->d);
		break;
	default:
		break;
	}
}

void xhci_events(struct xhci *x)
{
	unsigned int n = 0;

	while (x->running && n < XHCI_EVENTS) {
		struct xhci_trb *t = &x->events[x->event_next], e;
		u32 control = __atomic_load_n(&t->control, __ATOMIC_ACQUIRE);

		if ((control & TRB_CYCLE) != x->event_cycle)
			break;
		e = (struct xhci_trb){READ_ONCE(t->parameter), READ_ONCE(t->status), control};
		if (++x->event_next == XHCI_EVENTS) {
			x->event_next = 0;
			x->event_cycle ^= 1;
		}
		n++;
		event(x, &e);
	}
	if (n && x->running)
		write_wide(x, x->run + RT_ERDP,
			   (x->events_bus + x->event_next * sizeof(struct xhci_trb)) | ERDP_BUSY);
}

int xhci_command(struct xhci *x, u64 parameter, u32 type, u32 control, u8 *slot)
{
	const struct device_ops *ops = x->d->ops;
	u64 end = ops->now(x->d) + XHCI_COMMAND_NS, step = 10000;
	unsigned int i;

	if (!x->running || x->broken)
		return -1;
	xhci_ring_room(&x->commands, 1);
	x->command_bus = x->commands.bus + x->commands.next * sizeof(struct xhci_trb);
	x->command_busy = true;
	i = xhci_ring_put(&x->commands, parameter, 0, control | type << TRB_TYPE_SHIFT, true);
	xhci_ring_release(&x->commands, i);
	device_write32(x->d, 0, x->doorbell, 0);
	for (;;) {
		xhci_events(x);
		if (!x->command_busy)
			break;
		if (x->hc.lost || ops->now(x->d) >= end) {
			ops->log(x->d, "the controller does not answer command %u", type);
			x->command_busy = false;
			x->broken = true;
			ops->need_service(x->d);
			return -1;
		}
		ops->sleep(x->d, step);
		step = min_u64(step * 2, USB_MS);
	}
	if (slot)
		*slot = x->command_slot;
	return x->command_code;
}
