/* SPDX-License-Identifier: BSD-2-Clause */
/* Root ports. EHCI 1.0, "Port Status and Control Register", "Port Routing and Control". */
#include <drivers/usb/ehci_private.h>

#define RESET_NS (50 * USB_MS) /* USB 2.0, "Reset Signaling", of a root port */
#define END_NS   (20 * USB_MS)

static u32 offset_of(unsigned int port)
{
	return EOP_PORTS + (port - 1) * 4;
}

static u32 port_read(struct ehci *e, unsigned int port)
{
	u32 v = eop_read(e, offset_of(port));

	if (v == 0xFFFFFFFF) {
		e->hc.lost = true;
		return 0;
	}
	return v;
}

/* Without acknowledging changes by the way. */
static void port_write(struct ehci *e, unsigned int port, u32 clear, u32 set)
{
	eop_write(e, offset_of(port), (port_read(e, port) & ~(u32)EPORT_CHANGES & ~clear) | set);
}

void ehci_port_state(struct usb_hc *hc, unsigned int port, struct usb_port_state *s)
{
	struct ehci *e = ehci_of(hc);
	u32 v = port_read(e, port);

	*s = (struct usb_port_state){
		.connected = (v & EPORT_CONNECTED) && !(v & EPORT_OWNER),
		.enabled = v & EPORT_ENABLED,
		.changed = v & EPORT_CONNECT_CHANGE,
		.speed = USB_HIGH,
	};
	if (v & (EPORT_ENABLE_CHANGE | EPORT_OVER_CHANGE))
		port_write(e, port, 0, EPORT_ENABLE_CHANGE | EPORT_OVER_CHANGE);
}

void ehci_port_ack(struct usb_hc *hc, unsigned int port)
{
	port_write(ehci_of(hc), port, 0, EPORT_CONNECT_CHANGE);
}

static int leave_to_companion(struct ehci *e, unsigned int port)
{
	e->d->ops->log(e->d, "port %u: not a high-speed device, left to another controller", port);
	port_write(e, port, 0, EPORT_OWNER);
	return -1;
}

int ehci_port_reset(struct usb_hc *hc, unsigned int port)
{
	struct ehci *e = ehci_of(hc);
	const struct device_ops *ops = e->d->ops;
	u64 end;
	u32 v = port_read(e, port);

	if (!(v & EPORT_CONNECTED))
		return -1;
	if ((v & EPORT_LINE) == EPORT_LINE_K && !(v & EPORT_ENABLED))
		return leave_to_companion(e, port);
	port_write(e, port, EPORT_ENABLED, EPORT_RESET);
	ops->sleep(e->d, RESET_NS);
	port_write(e, port, EPORT_RESET, 0);
	end = ops->now(e->d) + END_NS;
	do {
		ops->sleep(e->d, USB_MS);
		v = port_read(e, port);
	} while ((v & EPORT_RESET) && !hc->lost && ops->now(e->d) < end);
	if (hc->lost || !(v & EPORT_CONNECTED) || (v & EPORT_RESET))
		return -1;
	if (!(v & EPORT_ENABLED))
		return leave_to_companion(e, port);
	ops->sleep(e->d, 10 * USB_MS); /* USB 2.0, "Reset Recovery Time" */
	return 0;
}

void ehci_port_disable(struct usb_hc *hc, unsigned int port)
{
	port_write(ehci_of(hc), port, EPORT_ENABLED, 0);
}

void ehci_ports_start(struct ehci *e)
{
	for (unsigned int i = 1; i <= e->ports && e->port_power; i++)
		port_write(e, i, 0, EPORT_POWER);
	e->d->ops->sleep(e->d, 120 * USB_MS);
	e->hc.ports_changed = true;
}
