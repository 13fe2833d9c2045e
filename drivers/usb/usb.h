/* SPDX-License-Identifier: BSD-2-Clause */
/* USB: what host controllers offer, devices, and what device classes need. A controller is one
 * struct usb_hc_ops, a class one struct usb_class.
 *
 * Functions that may sleep are called only from the controller's attach() and service(), so that
 * one of them at most is under way; transfers complete meanwhile, from irq() or from poll(). */
#ifndef DRIVERS_USB_USB_H
#define DRIVERS_USB_USB_H

#include <drivers/device.h>
#include <drivers/usb/usb_desc.h>

#define USB_DEVICES_MAX   32u /* with hubs, of one controller */
#define USB_HUB_PORTS_MAX 127u
#define USB_TIERS_MAX     5u    /* hubs between a device and the root port */
#define USB_ENDPOINTS     2u    /* of a device, beside endpoint 0, that are used */
#define USB_CONFIG_MAX    1024u /* bytes of a configuration that are read */
#define USB_PAGE          4096u
#define USB_SEGMENTS_MAX  128u    /* of one transfer */
#define USB_TRANSFER_MAX  262144u /* bytes of one transfer */

enum usb_speed { USB_LOW, USB_FULL, USB_HIGH, USB_SUPER };

enum usb_status {
	USB_OK,    /* maybe less than asked for, to the host: see actual */
	USB_STALL, /* the endpoint is halted until endpoint_reset() */
	USB_ERROR, /* so it is */
	USB_CANCELLED,
	USB_TIMEOUT,
};

struct usb_device;
struct usb_hc;

/* One transfer; an endpoint has one at a time. The structure and the segments are the submitter's,
 * until done. */
struct usb_transfer {
	struct usb_endpoint *endpoint;
	bool in;
	u8 setup[8]; /* of a control transfer */
	const struct block_segment *segments;
	unsigned int segment_count; /* up to USB_SEGMENTS_MAX; of a control transfer 1 or none */
	u32 bytes;                  /* of all segments */
	/* The transfer is the submitter's again, who may submit it anew at once. */
	void (*done)(struct usb_transfer *t);
	void *ctx;
	enum usb_status status;
	u32 actual; /* bytes */
};

struct usb_endpoint {
	struct usb_device *device;
	struct usb_endpoint_desc desc;
	struct usb_transfer *current;
	void *hc_state;
};

struct usb_device {
	struct usb_hc *hc;
	struct usb_device *parent; /* the hub, or NULL at a root port */
	unsigned int port;         /* of the parent, from 1 */
	unsigned int root_port, tier;
	enum usb_speed speed;
	u8 address;    /* the controller's choice */
	char path[24]; /* of ports: "1", "3.2" */
	struct usb_endpoint ep0, ep[USB_ENDPOINTS];
	struct usb_device_desc desc;
	struct usb_interface_desc interface; /* the one that is used */
	u32 descriptors_sum;                 /* to know it again after a reset */
	char serial[41];
	const struct usb_class *class_driver; /* NULL: none has use for it */
	void *state;                          /* the class's */
	void *hc_state;
	/* Of a hub. */
	unsigned int hub_ports; /* 0: it is none */
	bool multi_tt;
	u8 tt_think_time;
	struct usb_device **child; /* [hub_ports] */
	u8 *failures;              /* [hub_ports]: attempts in vain with what is plugged in now */
};

struct usb_port_state {
	bool connected, enabled;
	bool changed;         /* the connection changed since the last usb_port_ack() */
	enum usb_speed speed; /* once it is enabled */
};

struct usb_hc_ops {
	/* Readies endpoint 0 of a device whose port was just reset, and gives it an address.
	 * Sleeps.
	 */
	int (*open)(struct usb_device *d);
	/* Endpoint 0's packet size became known: d->ep0.desc.max_packet. Sleeps. */
	int (*packet_size)(struct usb_device *d);
	/* Readies the endpoints d->ep[] that have an address; tells the controller of a hub.
	 * Sleeps.
	 */
	int (*configure)(struct usb_device *d);
	/* Forgets the device; what is under way is cancelled. Sleeps. */
	void (*close)(struct usb_device *d);
	/* From anywhere. The endpoint has no transfer under way. */
	void (*submit)(struct usb_transfer *t);
	/* Cancels what is under way; a halted endpoint runs again, with its toggle or sequence
	 * number at the start. Sleeps. */
	int (*endpoint_reset)(struct usb_endpoint *e);
	/* Completes transfers that have ended. From anywhere but a done(). */
	void (*poll)(struct usb_hc *hc);
	/* Root ports, from 1. */
	void (*port_state)(struct usb_hc *hc, unsigned int port, struct usb_port_state *s);
	void (*port_ack)(struct usb_hc *hc, unsigned int port);
	/* Sleeps. 0: the port is enabled. */
	int (*port_reset)(struct usb_hc *hc, unsigned int port);
	/* What is in the port hears nothing any more, until the next reset. */
	void (*port_disable)(struct usb_hc *hc, unsigned int port);
};

struct usb_hc {
	const struct usb_hc_ops *ops;
	struct device *device;
	/* What its transfers must be like: for struct block_device. */
	u64 segment_boundary, address_limit;
	u32 max_segment;
	/* The rest is usb.c's. */
	unsigned int root_ports;
	struct usb_device **child;
	u8 *failures;
	unsigned int device_count;
	bool ports_changed; /* a root port may have to be looked at */
	bool lost;          /* registers read as all ones */
	u8 *page;           /* for control transfers */
	u64 page_bus;
	u64 timer_at;
};

/* A class of devices. All may be NULL but the first two. */
struct usb_class {
	const char *name;
	bool (*match)(const struct usb_device *d, const struct usb_interface_desc *f);
	/* The device is configured. Negative: it is left alone. Sleeps. */
	int (*attach)(struct usb_device *d);
	/* Its transfers are cancelled, the device is closed. Does not sleep. */
	void (*remove)(struct usb_device *d);
	/* Sleeps. Returns negative if the device does not answer any more. */
	int (*service)(struct usb_device *d);
	/* The controller was reset, the device is configured again. Sleeps. */
	void (*restarted)(struct usb_device *d);
	/* From the timer. Returns when to be called again, 0: need not. */
	u64 (*tick)(struct usb_device *d, u64 now);
};
extern const struct usb_class usb_msc_class, usb_hub_class;

/* --- for controllers --- */

/* hc's first part is filled in; ports from 1 to root_ports. 0, or negative: out of memory. */
must_use int usb_init(struct usb_hc *hc, struct device *d, unsigned int root_ports);
/* Looks at ports and devices that want it. From service() and at the end of attach(). */
void usb_service(struct usb_hc *hc);
/* From timer(). */
void usb_timer(struct usb_hc *hc);
/* The controller was reset and knows no device: all are reset and configured again. Sleeps. */
void usb_restart(struct usb_hc *hc);
/* Removes all devices and frees what usb_init() took. The controller does no DMA any more, and its
 * close() must not sleep then. */
void usb_end(struct usb_hc *hc);
/* For the controller's submit(): ends t. */
void usb_complete(struct usb_transfer *t, enum usb_status status, u32 actual);
/* Cancels what is under way on all of d's endpoints. */
void usb_cancel_all(struct usb_device *d);

/* --- for classes --- */

/* A control transfer with data from or to `data`, at most USB_PAGE bytes. Returns the bytes of
 * data, or -(enum usb_status). Sleeps. */
must_use int usb_control(struct usb_device *d, u8 type, u8 request, u16 value, u16 index,
			 void *data, u16 bytes);
/* Waits until t has ended, ns at most; then it is cancelled and its endpoint reset. Sleeps. */
enum usb_status usb_wait(struct usb_transfer *t, u64 ns);
/* endpoint_reset() on both sides. Sleeps. */
must_use int usb_clear_halt(struct usb_endpoint *e);
/* Resets the device's port and configures it as before. Negative: it is not there any more, or not
 * the same. Sleeps. */
must_use int usb_device_reset(struct usb_device *d);
/* Whether its root port still has something in it. */
must_use bool usb_connected(struct usb_device *d);
/* Has tick() called at or after `at`. From anywhere. */
void usb_want_tick(struct usb_hc *hc, u64 at);

/* --- between usb.c and usb_hub.c --- */

/* Looks at the ports of a hub, NULL: the root. */
void usb_scan(struct usb_hc *hc, struct usb_device *hub);
must_use int usb_hub_port_state(struct usb_device *hub, unsigned int port,
				struct usb_port_state *s);
void usb_hub_port_ack(struct usb_device *hub, unsigned int port);
must_use int usb_hub_port_reset(struct usb_device *hub, unsigned int port);
void usb_hub_port_disable(struct usb_device *hub, unsigned int port);
/* Silences a device that is about to be forgotten. Sleeps. */
void usb_port_disable(struct usb_device *d);
/* With what is behind it. */
void usb_remove(struct usb_device *d);

/* bmRequestType: USB 2.0, "USB Device Requests". */
enum {
	USB_TO_DEVICE = 0x00,
	USB_TO_INTERFACE = 0x01,
	USB_TO_ENDPOINT = 0x02,
	USB_TO_OTHER = 0x03,
	USB_CLASS_REQUEST = 0x20,
	USB_IN = 0x80
};
enum {
	USB_GET_STATUS = 0,
	USB_CLEAR_FEATURE = 1,
	USB_SET_FEATURE = 3,
	USB_SET_ADDRESS = 5,
	USB_GET_DESCRIPTOR = 6,
	USB_SET_CONFIGURATION = 9,
	USB_SET_INTERFACE = 11
};
#define USB_MS 1000000ull /* ns */

#endif
