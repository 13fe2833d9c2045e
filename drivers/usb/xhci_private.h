/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the xHCI driver share. */
#ifndef DRIVERS_USB_XHCI_PRIVATE_H
#define DRIVERS_USB_XHCI_PRIVATE_H

#include <drivers/usb/usb.h>
#include <drivers/usb/xhci_regs.h>

#define XHCI_RING        256u /* TRBs, the link at the end included: one page */
#define XHCI_EVENTS      256u
#define XHCI_SCRATCH_MAX 1023u
#define XHCI_COMMAND_NS  (5000 * USB_MS)

struct xhci_ring {
	struct xhci_trb *trb;
	u64 bus;
	unsigned int next; /* where the next one is put */
	u32 cycle;         /* 0 or 1 */
};

/* An endpoint's ring, and the transfer descriptor on it. */
struct xhci_endpoint {
	struct xhci_ring ring;
	unsigned int dci;   /* index in the device context */
	unsigned int first; /* of the TRBs of the current transfer */
	unsigned int count;
	u32 data_moved; /* of a control transfer, once its data stage came short */
	bool data_short;
};

struct xhci_slot {
	u8 id;
	u8 *context; /* the controller's */
	u64 context_bus;
	struct xhci_endpoint ep0, ep[USB_ENDPOINTS];
	struct usb_device *device;
};

struct xhci {
	struct usb_hc hc; /* first */
	struct device *d;
	u32 op, run, doorbell; /* offsets in window 0 */
	u32 xcap;              /* of the first extended capability, 0: none */
	unsigned int slots, ports, context_bytes, scratch_count;
	u16 version;
	bool port_power, wide; /* HCC_PPC, HCC_AC64 */
	bool running;          /* else commands fail at once */
	bool broken;           /* wants a reset */
	u64 *dcbaa, *scratch_array;
	u64 dcbaa_bus, scratch_array_bus, erst_bus, input_bus;
	void **scratch;
	u64 *erst;
	u8 *input; /* input context */
	struct xhci_trb *events;
	u64 events_bus;
	unsigned int event_next;
	u32 event_cycle;
	struct xhci_ring commands;
	bool command_busy;
	u64 command_bus;
	u8 command_code, command_slot;
	struct xhci_slot *slot[256];
	u32 super_ports[8]; /* a bit for each port of USB 3 */
	unsigned int resets;
	u64 last_reset;
};

#define DMA_RING_BYTES (XHCI_RING * sizeof(struct xhci_trb))

static inline struct xhci *xhci_of(struct usb_hc *hc)
{
	return (struct xhci *)(void *)hc;
}

/* --- xhci_ring.c --- */
must_use bool xhci_ring_make(struct xhci *x, struct xhci_ring *r);
void xhci_ring_free(struct xhci *x, struct xhci_ring *r);
void xhci_ring_clear(struct xhci_ring *r);
/* Makes sure that `count` TRBs fit before the link: a transfer does not go across it. */
void xhci_ring_room(struct xhci_ring *r, unsigned int count);
/* Puts one TRB; with hold its cycle bit is wrong, so that the controller waits. Returns its index.
 */
unsigned int xhci_ring_put(struct xhci_ring *r, u64 parameter, u32 status, u32 control, bool hold);
/* Lets go of one that was held. */
void xhci_ring_release(struct xhci_ring *r, unsigned int index);
/* Where the next TRB will be, with the cycle bit, as contexts have it. */
u64 xhci_ring_position(const struct xhci_ring *r);
/* Handles what is in the event ring. */
void xhci_events(struct xhci *x);
/* One command, waited for; its completion code, or negative. Sleeps. */
must_use int xhci_command(struct xhci *x, u64 parameter, u32 type, u32 control, u8 *slot);

/* --- xhci_transfer.c --- */
void xhci_submit(struct usb_transfer *t);
void xhci_transfer_event(struct xhci *x, const struct xhci_trb *e);
must_use int xhci_endpoint_reset(struct usb_endpoint *e);

/* --- xhci_slot.c --- */
must_use int xhci_open(struct usb_device *d);
must_use int xhci_packet_size(struct usb_device *d);
must_use int xhci_configure(struct usb_device *d);
void xhci_close(struct usb_device *d);
/* Configure Endpoint for one endpoint alone: dropped and added, it begins anew. */
must_use int xhci_readd(struct xhci *x, struct xhci_slot *s, struct usb_endpoint *e);
/* Of the context that the controller writes: EP_.... */
unsigned int xhci_endpoint_state(struct xhci *x, const struct xhci_slot *s, unsigned int dci);

/* --- xhci_port.c --- */
void xhci_port_state(struct usb_hc *hc, unsigned int port, struct usb_port_state *s);
void xhci_port_ack(struct usb_hc *hc, unsigned int port);
must_use int xhci_port_reset(struct usb_hc *hc, unsigned int port);
void xhci_port_disable(struct usb_hc *hc, unsigned int port);
/* Power for all, and what firmware left is as if it had just been plugged in. */
void xhci_ports_start(struct xhci *x);
u32 xhci_portsc(struct xhci *x, unsigned int port);

/* --- xhci_start.c --- */
/* Reads the capabilities; negative: nothing that can be driven. */
must_use int xhci_probe(struct xhci *x);
/* Takes it from the firmware. Sleeps. */
void xhci_take(struct xhci *x);
/* Resets it and sets it going with empty rings. Sleeps. */
must_use int xhci_start(struct xhci *x);
/* No DMA afterwards. Does not sleep. */
void xhci_stop(struct xhci *x);
must_use int xhci_memory(struct xhci *x);
void xhci_memory_free(struct xhci *x);

static inline u32 op_read(struct xhci *x, u32 r)
{
	return device_read32(x->d, 0, x->op + r);
}
static inline void op_write(struct xhci *x, u32 r, u32 v)
{
	device_write32(x->d, 0, x->op + r, v);
}
/* 64-bit registers in two halves, which every controller takes, the low one first. */
static inline void write_wide(struct xhci *x, u32 at, u64 v)
{
	device_write32(x->d, 0, at, (u32)v);
	device_write32(x->d, 0, at + 4, (u32)(v >> 32));
}

#endif
