/* SPDX-License-Identifier: BSD-2-Clause */
/* Root ports. xHCI 1.2, "Root Hub Port State Machines" and "Port Status and Control Register". */
#include <drivers/usb/xhci_private.h>

#define RESET_NS (800 * USB_MS)

static u32 offset_of(unsigned int port)
{
	return OP_PORTS + (port - 1) * OP_PORT_BYTES;
}

u32 xhci_portsc(struct xhci *x, unsigned int port)
{
	u32 v = op_read(x, offset_of(port));

	if (v == 0xFFFFFFFF) {
		x->hc.lost = true;
		return 0;
	}
	return v;
}

/* bits: what to set, changes to acknowledge. */
static void port_write(struct xhci *x, unsigned int port, u32 bits)
{
	op_write(x, offset_of(port), (xhci_portsc(x, port) & PORT_KEEP) | bits);
}

static enum usb_speed speed_of(u32 v)
{
	u32 id = v >> PORT_SPEED_SHIFT & 15;

	return id == 1 ? USB_FULL : id == 2 ? USB_LOW : id == 3 ? USB_HIGH : USB_SUPER;
}

void xhci_port_state(struct usb_hc *hc, unsigned int port, struct usb_port_state *s)
{
	struct xhci *x = xhci_of(hc);
	u32 v = xhci_portsc(x, port);
	u32 others = v & PORT_CHANGES & ~(u32)PORT_CONNECT_CHANGE;

	*s = (struct usb_port_state){
		.connected = v & PORT_CONNECTED,
		.enabled = (v & PORT_ENABLED) && !(v & PORT_RESET),
		.changed = v & PORT_CONNECT_CHANGE,
		.speed = speed_of(v),
	};
	/* There is no event for a change while another one stands. */
	if (others)
		port_write(x, port, others);
}

void xhci_port_ack(struct usb_hc *hc, unsigned int port)
{
	port_write(xhci_of(hc), port, PORT_CONNECT_CHANGE);
}

static bool is_super(const struct xhci *x, unsigned int port)
{
	return x->super_ports[port / 32 & 7] >> (port % 32) & 1;
}

int xhci_port_reset(struct usb_hc *hc, unsigned int port)
{
	struct xhci *x = xhci_of(hc);
	const struct device_ops *ops = x->d->ops;
	u64 end = ops->now(x->d) + RESET_NS;
	u32 v = xhci_portsc(x, port);
	u32 link = v >> PORT_LINK_SHIFT & 15;

	/* A SuperSpeed link that went wrong comes back by a warm reset only. */
	if (is_super(x, port) && (link == LINK_INACTIVE || link == LINK_COMPLIANCE))
		port_write(x, port, PORT_WARM_RESET);
	else
		port_write(x, port, PORT_RESET);
	do {
		ops->sleep(x->d, 10 * USB_MS);
		v = xhci_portsc(x, port);
		if (x->hc.lost || !(v & PORT_CONNECTED))
			return -1;
	} while (((v & PORT_RESET) || !(v & PORT_ENABLED)) && ops->now(x->d) < end);
	if ((v & PORT_RESET) || !(v & PORT_ENABLED))
		return -1;
	port_write(x, port, v & PORT_CHANGES & ~(u32)PORT_CONNECT_CHANGE);
	ops->sleep(x->d, 10 * USB_MS); /* USB 2.0, "Reset Recovery Time" */
	return 0;
}

void xhci_port_disable(struct usb_hc *hc, unsigned int port)
{
	struct xhci *x = xhci_of(hc);

	/* SuperSpeed's links are not shared. */
	if (!is_super(x, port))
		port_write(x, port, PORT_ENABLED);
}

void xhci_ports_start(struct xhci *x)
{
	for (unsigned int i = 1; i <= x->ports && x->port_power; i++)
		port_write(x, i, PORT_POWER);
	x->d->ops->sleep(x->d, 120 * USB_MS);
	x->hc.ports_changed = true;
}
