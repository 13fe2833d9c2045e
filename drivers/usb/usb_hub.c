/* SPDX-License-Identifier: BSD-2-Clause */
/* External hubs: USB 2.0, "Hub Specification"; USB 3.2, "Hub, Host Downstream Port, and Device
 * Upstream Port Specification". Their ports are asked for news instead of waiting for the status
 * change endpoint: nobody notices half a second when a stick is plugged in. */
#include <drivers/usb/usb.h>

#include <string.h>

#define POLL_NS   (500 * USB_MS)
#define RESET_NS  (800 * USB_MS)
#define PORTS_MAX 15u /* more do not fit into xHCI's route string */

enum { HUB_DESC = 0x29, HUB_DESC_SUPER = 0x2A, SET_HUB_DEPTH = 12 };
enum { PORT_ENABLE = 1, PORT_RESET = 4, PORT_POWER = 8, C_PORT_CONNECTION = 16, C_PORT_RESET = 20 };
/* Port status, bits that both generations share, then the change bits. */
enum {
	CONNECTED = 1u << 0,
	ENABLED = 1u << 1,
	RESETTING = 1u << 4,
	LOW = 1u << 9,
	HIGH = 1u << 10
};
enum { CHANGED_CONNECTION = 1u << 0 };

struct hub {
	bool due;
};

static bool match(const struct usb_device *d, const struct usb_interface_desc *f)
{
	return d->desc.class_code == 9 && f->class_code == 9 && d->tier < USB_TIERS_MAX;
}

static int port_feature(struct usb_device *hub, u8 request, u16 feature, unsigned int port)
{
	return usb_control(hub, USB_TO_OTHER | USB_CLASS_REQUEST, request, feature, (u16)port, NULL,
			   0);
}

int usb_hub_port_state(struct usb_device *hub, unsigned int port, struct usb_port_state *s)
{
	u8 b[4];
	unsigned int status;

	*s = (struct usb_port_state){0};
	if (usb_control(hub, USB_IN | USB_TO_OTHER | USB_CLASS_REQUEST, USB_GET_STATUS, 0,
			(u16)port, b, sizeof(b)) != (int)sizeof(b))
		return -1;
	status = b[0] | (unsigned int)b[1] << 8;
	s->connected = status & CONNECTED;
	s->enabled = (status & ENABLED) && !(status & RESETTING);
	s->changed = b[2] & CHANGED_CONNECTION;
	if (hub->speed == USB_SUPER)
		s->speed = USB_SUPER;
	else
		s->speed = status & LOW ? USB_LOW : status & HIGH ? USB_HIGH : USB_FULL;
	return 0;
}

void usb_hub_port_ack(struct usb_device *hub, unsigned int port)
{
	if (port_feature(hub, USB_CLEAR_FEATURE, C_PORT_CONNECTION, port) < 0)
		hub->hc->device->ops->log(hub->hc->device, "hub %s does not answer", hub->path);
}

void usb_hub_port_disable(struct usb_device *hub, unsigned int port)
{
	/* SuperSpeed's links are not shared, and hubs have no such feature for them. */
	if (hub->speed != USB_SUPER && port_feature(hub, USB_CLEAR_FEATURE, PORT_ENABLE, port) < 0)
		hub->hc->device->ops->log(hub->hc->device, "hub %s does not answer", hub->path);
}

int usb_hub_port_reset(struct usb_device *hub, unsigned int port)
{
	struct device *dev = hub->hc->device;
	struct usb_port_state s;
	u64 end = dev->ops->now(dev) + RESET_NS;

	if (port_feature(hub, USB_SET_FEATURE, PORT_RESET, port) < 0)
		return -1;
	do {
		dev->ops->sleep(dev, 10 * USB_MS);
		if (usb_hub_port_state(hub, port, &s) < 0 || !s.connected)
			return -1;
	} while (!s.enabled && dev->ops->now(dev) < end);
	if (!s.enabled || port_feature(hub, USB_CLEAR_FEATURE, C_PORT_RESET, port) < 0)
		return -1;
	dev->ops->sleep(dev, 10 * USB_MS); /* USB 2.0, "Reset Recovery Time" */
	return 0;
}

/* Power for all ports. Returns 0, or negative. */
static int power_ports(struct usb_device *d, u8 good_2ms)
{
	struct device *dev = d->hc->device;

	if (d->speed == USB_SUPER &&
	    usb_control(d, USB_CLASS_REQUEST, SET_HUB_DEPTH, (u16)d->tier, 0, NULL, 0) < 0)
		return -1;
	for (unsigned int i = 1; i <= d->hub_ports; i++)
		if (port_feature(d, USB_SET_FEATURE, PORT_POWER, i) < 0)
			return -1;
	dev->ops->sleep(dev, (u64)good_2ms * 2 * USB_MS + 100 * USB_MS);
	return 0;
}

static int read_hub(struct usb_device *d, u8 *power_good)
{
	bool super = d->speed == USB_SUPER;
	u8 b[12] = {0};
	int n = usb_control(d, USB_IN | USB_CLASS_REQUEST, USB_GET_DESCRIPTOR,
			    (u16)((super ? HUB_DESC_SUPER : HUB_DESC) << 8), 0, b, sizeof(b));

	if (n < 7 || b[2] == 0)
		return -1;
	d->hub_ports = b[2] < PORTS_MAX ? b[2] : PORTS_MAX;
	d->tt_think_time = b[3] >> 5 & 3;
	*power_good = b[5];
	return 0;
}

static int attach(struct usb_device *d)
{
	struct device *dev = d->hc->device;
	struct hub *h;
	u8 power_good;

	if (read_hub(d, &power_good) < 0)
		return -1;
	h = dev->ops->alloc(dev, sizeof(*h));
	d->child = dev->ops->alloc(dev, d->hub_ports * sizeof(struct usb_device *));
	d->failures = dev->ops->alloc(dev, d->hub_ports);
	if (!h || !d->child || !d->failures || d->hc->ops->configure(d) < 0 ||
	    power_ports(d, power_good) < 0) {
		dev->ops->free(dev, h);
		return -1;
	}
	h->due = true;
	d->state = h;
	dev->ops->need_service(dev);
	return 0;
}

static void hub_remove(struct usb_device *d)
{
	d->hc->device->ops->free(d->hc->device, d->state);
	d->state = NULL;
}

static int service(struct usb_device *d)
{
	struct hub *h = d->state;
	struct usb_port_state s;

	if (!h->due)
		return 0;
	h->due = false;
	if (usb_hub_port_state(d, 1, &s) < 0)
		return -1;
	usb_scan(d->hc, d);
	usb_want_tick(d->hc, d->hc->device->ops->now(d->hc->device) + POLL_NS);
	return 0;
}

static void restarted(struct usb_device *d)
{
	struct hub *h = d->state;
	u8 power_good;
	unsigned int ports = d->hub_ports;

	h->due = true;
	if (read_hub(d, &power_good) == 0 && d->hub_ports == ports &&
	    d->hc->ops->configure(d) == 0 && power_ports(d, power_good) == 0)
		return;
	d->hub_ports = ports; /* the arrays are for so many; service() will see that it is dead */
}

static u64 tick(struct usb_device *d, u64 now)
{
	struct hub *h = d->state;

	(void)now;
	h->due = true;
	d->hc->device->ops->need_service(d->hc->device);
	return 0; /* service() asks for the next one */
}

const struct usb_class usb_hub_class = {
	.name = "hub",
	.match = match,
	.attach = attach,
	.remove = hub_remove,
	.service = service,
	.restarted = restarted,
	.tick = tick,
};
