/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the EHCI driver share. */
#ifndef DRIVERS_USB_EHCI_PRIVATE_H
#define DRIVERS_USB_EHCI_PRIVATE_H

#include <drivers/usb/ehci_regs.h>
#include <drivers/usb/usb.h>

#define EHCI_QTD_BYTES 16384u /* of data; five pages hold so many from any place */
/* Each segment may need one more than its bytes say. */
#define EHCI_QTDS      (USB_SEGMENTS_MAX + USB_TRANSFER_MAX / EHCI_QTD_BYTES + 4u)
#define EHCI_ADDRESSES 128u
#define EHCI_PORTS_MAX 15u

/* A queue head, and the descriptors of one transfer. Between transfers one inactive descriptor, the
 * dummy, ends the queue: the next transfer begins in its place, so that the controller finds it
 * there whenever it looks. */
struct ehci_queue {
	struct ehci_qh *qh;
	struct ehci_qtd *qtd; /* [EHCI_QTDS] */
	u64 qh_bus, qtd_bus;
	unsigned int dummy, first, count;
	bool linked;
	u32 control_bytes; /* of the data stage */
	struct usb_endpoint *endpoint;
	struct ehci_queue *next;
};

struct ehci_device {
	struct ehci_queue ep0, ep[USB_ENDPOINTS];
};

struct ehci {
	struct usb_hc hc; /* first */
	struct device *d;
	u32 op;
	unsigned int ports;
	bool port_power, wide;
	bool running, broken;
	struct ehci_qh *head; /* of the circle; does nothing */
	u64 head_bus;
	struct ehci_queue *queues; /* in the circle */
	bool address_used[EHCI_ADDRESSES];
	unsigned int resets;
	u64 last_reset;
};

static inline struct ehci *ehci_of(struct usb_hc *hc)
{
	return (struct ehci *)(void *)hc;
}
static inline u32 eop_read(struct ehci *e, u32 r)
{
	return device_read32(e->d, 0, e->op + r);
}
static inline void eop_write(struct ehci *e, u32 r, u32 v)
{
	device_write32(e->d, 0, e->op + r, v);
}

/* --- ehci_queue.c --- */
must_use bool ehci_queue_make(struct ehci *e, struct ehci_queue *q, struct usb_endpoint *u);
void ehci_queue_free(struct ehci *e, struct ehci_queue *q);
void ehci_link(struct ehci *e, struct ehci_queue *q);
/* Out of the circle, and out of the controller's mind. Sleeps if it runs. Negative: it does not let
 * go. */
must_use int ehci_unlink(struct ehci *e, struct ehci_queue *q);
/* Empty, with the toggle at the start. Not linked. */
void ehci_queue_reset(struct ehci_queue *q, u8 address);
void ehci_submit(struct usb_transfer *t);
/* Ends transfers that the controller has done. */
void ehci_harvest(struct ehci *e);
/* The queues are not in the circle any more: the controller was reset. */
void ehci_forget(struct ehci *e);

/* --- ehci_port.c --- */
void ehci_port_state(struct usb_hc *hc, unsigned int port, struct usb_port_state *s);
void ehci_port_ack(struct usb_hc *hc, unsigned int port);
must_use int ehci_port_reset(struct usb_hc *hc, unsigned int port);
void ehci_port_disable(struct usb_hc *hc, unsigned int port);
void ehci_ports_start(struct ehci *e);

/* --- ehci_start.c --- */
must_use int ehci_probe(struct ehci *e);
void ehci_take(struct ehci *e);
must_use int ehci_start(struct ehci *e);
void ehci_stop(struct ehci *e);

#endif
