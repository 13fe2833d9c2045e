/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices come and go: ports are looked at, devices get an address and a driver.
 * USB 2.0, "Bus Enumeration". */
#include <drivers/usb/usb.h>

#include <stdio.h>
#include <string.h>

#define ATTEMPTS       3u
#define DEBOUNCE_NS    (100 * USB_MS)
#define CONFIGS_MAX    4u
#define INTERFACES_MAX 32u

static const struct usb_class *const classes[] = {&usb_msc_class, &usb_hub_class};

static int read_descriptor(struct usb_device *d, u8 type, u8 index, u16 language, u8 *p, u16 bytes)
{
	return usb_control(d, USB_IN, USB_GET_DESCRIPTOR, (u16)(type << 8 | index), language, p,
			   bytes);
}

/* FNV-1a: tells another device in the same port from the one that was there. */
static void sum(struct usb_device *d, const u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		d->descriptors_sum = (d->descriptors_sum ^ p[i]) * 16777619u;
}

/* The packet size of endpoint 0 that the device names, 0: one that the speed does not allow. */
static u16 packet_size0(const struct usb_device *d, u8 named)
{
	switch (d->speed) {
	case USB_LOW:
		return named == 8 ? 8 : 0;
	case USB_FULL:
		return named == 8 || named == 16 || named == 32 || named == 64 ? named : 0;
	case USB_HIGH:
		return named == 64 ? 64 : 0;
	case USB_SUPER:
		return named == 9 ? 512 : 0;
	}
	return 0;
}

static bool bulk_size_valid(const struct usb_device *d, u16 n)
{
	if (d->speed == USB_SUPER)
		return n == 1024;
	if (d->speed == USB_HIGH)
		return n == 512;
	return d->speed == USB_FULL && (n == 8 || n == 16 || n == 32 || n == 64);
}

static bool read_device(struct usb_device *d)
{
	u8 b[USB_DEVICE_DESC_BYTES];
	u16 size;

	/* The first 8 bytes come whatever the packet size is, and name it. */
	if (read_descriptor(d, 1, 0, 0, b, 8) < 8)
		return false;
	size = packet_size0(d, b[7]);
	if (!size)
		return false;
	if (size != d->ep0.desc.max_packet) {
		d->ep0.desc.max_packet = size;
		if (d->hc->ops->packet_size(d) < 0)
			return false;
	}
	if (read_descriptor(d, 1, 0, 0, b, sizeof(b)) < (int)sizeof(b) ||
	    !usb_parse_device(b, sizeof(b), &d->desc))
		return false;
	sum(d, b, sizeof(b));
	return true;
}

static bool choose_interface(struct usb_device *d, const u8 *config, size_t n)
{
	struct usb_interface_desc f;

	for (unsigned int i = 0; i < INTERFACES_MAX && usb_parse_interface(config, n, i, &f); i++)
		for (unsigned int c = 0; c < ARRAY_SIZE(classes); c++)
			if (classes[c]->match(d, &f)) {
				d->class_driver = classes[c];
				d->interface = f;
				return true;
			}
	return false;
}

/* false: the device does not answer. Which class takes it, if any, is in class_driver then. */
static bool read_configurations(struct usb_device *d)
{
	u8 b[USB_CONFIG_MAX];

	d->class_driver = NULL;
	for (u8 i = 0; i < d->desc.configurations && i < CONFIGS_MAX; i++) {
		int n = read_descriptor(d, 2, i, 0, b, USB_CONFIG_DESC_BYTES);
		size_t bytes = n < 0 ? 0 : usb_config_bytes(b, (size_t)n);

		if (!bytes)
			return n >= 0;
		n = read_descriptor(d, 2, i, 0, b, (u16)min_u64(bytes, sizeof(b)));
		if (n < 0)
			return false;
		sum(d, b, (size_t)n);
		if (choose_interface(d, b, (size_t)n))
			return true;
	}
	return true;
}

static void read_serial(struct usb_device *d)
{
	u8 b[255];
	int n = 0;

	d->serial[0] = 0;
	if (d->desc.serial_string)
		n = read_descriptor(d, 3, d->desc.serial_string, 0x0409, b, sizeof(b));
	if (n > 0) {
		usb_parse_string(b, (size_t)n, d->serial, sizeof(d->serial));
		sum(d, b, (size_t)n);
	}
}

static void take_endpoint(struct usb_device *d, unsigned int i, u8 direction)
{
	const struct usb_interface_desc *f = &d->interface;

	d->ep[i] = (struct usb_endpoint){.device = d};
	for (unsigned int k = 0; k < f->endpoint_count; k++)
		if (f->endpoint[k].type == USB_BULK &&
		    (f->endpoint[k].address & 0x80) == direction &&
		    bulk_size_valid(d, f->endpoint[k].max_packet)) {
			d->ep[i].desc = f->endpoint[k];
			return;
		}
}

/* From a device that was just reset to one that is configured. 0, or negative. */
static int set_up(struct usb_device *d)
{
	d->descriptors_sum = 2166136261u;
	if (d->hc->ops->open(d) < 0)
		return -1;
	if (!read_device(d) || !read_configurations(d))
		return -1;
	read_serial(d);
	if (!d->class_driver)
		return 0;
	take_endpoint(d, 0, 0x80);
	take_endpoint(d, 1, 0);
	if (d->hc->ops->configure(d) < 0 || usb_control(d, USB_TO_DEVICE, USB_SET_CONFIGURATION,
							d->interface.configuration, 0, NULL, 0) < 0)
		return -1;
	if (d->interface.alternate &&
	    usb_control(d, USB_TO_INTERFACE, USB_SET_INTERFACE, d->interface.alternate,
			d->interface.number, NULL, 0) < 0)
		return -1;
	return 0;
}

/* --- ports of the root and of hubs alike --- */

static int port_state(struct usb_hc *hc, struct usb_device *hub, unsigned int port,
		      struct usb_port_state *s)
{
	*s = (struct usb_port_state){0};
	if (hub)
		return usb_hub_port_state(hub, port, s);
	hc->ops->port_state(hc, port, s);
	return hc->lost ? -1 : 0;
}

static int port_reset(struct usb_hc *hc, struct usb_device *hub, unsigned int port)
{
	return hub ? usb_hub_port_reset(hub, port) : hc->ops->port_reset(hc, port);
}

/* A device that the controller forgets must not listen on: its address, or address 0, will be
 * another one's. */
void usb_port_disable(struct usb_device *d)
{
	if (!usb_connected(d))
		return;
	if (d->parent)
		usb_hub_port_disable(d->parent, d->port);
	else
		d->hc->ops->port_disable(d->hc, d->port);
}

static struct usb_device **place_of(struct usb_device *d)
{
	return (d->parent ? d->parent->child : d->hc->child) + d->port - 1;
}

static void free_device(struct usb_device *d)
{
	struct device *dev = d->hc->device;

	*place_of(d) = NULL;
	d->hc->device_count--;
	dev->ops->free(dev, d->child);
	dev->ops->free(dev, d->failures);
	dev->ops->free(dev, d);
}

/* USB_TIERS_MAX bounds the recursion. NOLINTNEXTLINE(misc-no-recursion) */
void usb_remove(struct usb_device *d)
{
	struct device *dev = d->hc->device;

	for (unsigned int i = 0; d->child && i < d->hub_ports; i++)
		if (d->child[i])
			usb_remove(d->child[i]);
	/* The controller lets go of the memory before its owner is told that it is done with. */
	d->hc->ops->close(d);
	if (d->state && d->class_driver->remove)
		d->class_driver->remove(d);
	dev->ops->log(dev, "port %s: device removed", d->path);
	free_device(d);
}

static struct usb_device *make_device(struct usb_hc *hc, struct usb_device *hub, unsigned int port)
{
	struct usb_device *d = NULL;

	if (hc->device_count < USB_DEVICES_MAX)
		d = hc->device->ops->alloc(hc->device, sizeof(*d));
	if (!d) {
		hc->device->ops->log(hc->device, "too many devices, or out of memory");
		return NULL;
	}
	d->hc = hc;
	d->parent = hub;
	d->port = port;
	d->root_port = hub ? hub->root_port : port;
	d->tier = hub ? hub->tier + 1 : 0;
	d->ep0.device = d;
	if (hub)
		snprintf(d->path, sizeof(d->path), "%.18s.%u", hub->path, port & 0xFF);
	else
		snprintf(d->path, sizeof(d->path), "%u", port);
	*place_of(d) = d;
	hc->device_count++;
	return d;
}

static void first_packet_size(struct usb_device *d)
{
	static const u16 sizes[] = {
		[USB_LOW] = 8, [USB_FULL] = 8, [USB_HIGH] = 64, [USB_SUPER] = 512};

	d->ep0.desc = (struct usb_endpoint_desc){.max_packet = sizes[d->speed]};
}

/* Resets the port and finds out the speed. */
static int reset_to_speed(struct usb_device *d)
{
	struct usb_port_state s;

	if (port_reset(d->hc, d->parent, d->port) < 0 ||
	    port_state(d->hc, d->parent, d->port, &s) < 0 || !s.connected || !s.enabled)
		return -1;
	d->speed = s.speed;
	first_packet_size(d);
	return 0;
}

int usb_device_reset(struct usb_device *d)
{
	u32 before = d->descriptors_sum;
	const struct usb_class *driver = d->class_driver;
	struct device *dev = d->hc->device;

	d->hc->ops->close(d);
	if (!driver || !usb_connected(d))
		return -1;
	if (reset_to_speed(d) == 0 && set_up(d) == 0 && d->descriptors_sum == before &&
	    d->class_driver == driver)
		return 0;
	d->class_driver = driver;
	dev->ops->log(dev, "port %s: the device does not come back after a reset", d->path);
	return -1;
}

static void say(const struct usb_device *d)
{
	static const char *const speeds[] = {"low", "full", "high", "super"};
	struct device *dev = d->hc->device;

	dev->ops->log(dev, "port %s: %04x:%04x, %s speed, %s", d->path, d->desc.vendor,
		      d->desc.product, speeds[d->speed],
		      d->class_driver ? d->class_driver->name : "no driver");
}

/* 0: whatever is there has been dealt with. */
static int enumerate(struct usb_hc *hc, struct usb_device *hub, unsigned int port)
{
	struct usb_device *d = make_device(hc, hub, port);

	if (!d)
		return -1;
	if (reset_to_speed(d) < 0 || set_up(d) < 0) {
		hc->ops->close(d);
		usb_port_disable(d);
		free_device(d);
		return -1;
	}
	say(d);
	if (d->class_driver && d->class_driver->attach(d) == 0)
		return 0;
	/* It keeps its place, so that it is not tried again, but the controller forgets it. */
	d->class_driver = NULL;
	hc->ops->close(d);
	usb_port_disable(d);
	return 0;
}

static void plug_in(struct usb_hc *hc, struct usb_device *hub, unsigned int port, u8 *failures)
{
	struct device *dev = hc->device;
	struct usb_port_state s;

	dev->ops->sleep(dev, DEBOUNCE_NS);
	if (port_state(hc, hub, port, &s) < 0 || !s.connected)
		return;
	while (*failures < ATTEMPTS) {
		if (enumerate(hc, hub, port) == 0)
			return;
		(*failures)++;
		if (port_state(hc, hub, port, &s) < 0 || !s.connected || s.changed)
			return; /* it was pulled out: the next scan sees to that */
	}
	dev->ops->log(dev, "port %s%s%u: the device does not answer as it should",
		      hub ? hub->path : "", hub ? "." : "", port);
}

void usb_scan(struct usb_hc *hc, struct usb_device *hub)
{
	struct usb_device **child = hub ? hub->child : hc->child;
	u8 *failures = hub ? hub->failures : hc->failures;
	unsigned int n = hub ? hub->hub_ports : hc->root_ports;

	for (unsigned int i = 0; i < n; i++) {
		struct usb_port_state s;

		if (port_state(hc, hub, i + 1, &s) < 0)
			return;
		if (child[i] && (!s.connected || s.changed))
			usb_remove(child[i]);
		if (s.changed) {
			failures[i] = 0;
			if (hub)
				usb_hub_port_ack(hub, i + 1);
			else
				hc->ops->port_ack(hc, i + 1);
		}
		if (!s.connected)
			failures[i] = 0;
		else if (!child[i] && failures[i] < ATTEMPTS)
			plug_in(hc, hub, i + 1, &failures[i]);
	}
}
