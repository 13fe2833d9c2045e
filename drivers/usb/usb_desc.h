/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a USB device's descriptors. What a device says is never believed without bounds. */
#ifndef DRIVERS_USB_USB_DESC_H
#define DRIVERS_USB_USB_DESC_H

#include <core/types.h>

#define USB_DEVICE_DESC_BYTES   18u
#define USB_CONFIG_DESC_BYTES   9u
#define USB_INTERFACE_ENDPOINTS 8u /* of one interface; further ones are not looked at */

enum usb_endpoint_type { USB_CONTROL, USB_ISOCHRONOUS, USB_BULK, USB_INTERRUPT };

struct usb_device_desc {
	u16 usb; /* binary-coded: 0x0200 */
	u8 class_code, subclass, protocol, max_packet0;
	u16 vendor, product;
	u8 manufacturer_string, product_string, serial_string;
	u8 configurations;
};

struct usb_endpoint_desc {
	u8 address; /* bit 7: to the host */
	enum usb_endpoint_type type;
	u16 max_packet; /* bytes */
	u8 burst;       /* packets less one, 0 to 15; SuperSpeed */
};

struct usb_interface_desc {
	u8 configuration; /* the value that selects it */
	u8 number, alternate, class_code, subclass, protocol;
	unsigned int endpoint_count;
	struct usb_endpoint_desc endpoint[USB_INTERFACE_ENDPOINTS];
};

/* Of n bytes that were read. false: not a device descriptor. */
must_use bool usb_parse_device(const u8 *p, size_t n, struct usb_device_desc *out);
/* The length of a whole configuration, from its first bytes; 0: not a configuration descriptor. */
must_use size_t usb_config_bytes(const u8 *p, size_t n);
/* The i-th interface (each alternate setting counts) in the n bytes of a configuration that are
 * there, which may be cut or wrong. false: there is none. */
must_use bool usb_parse_interface(const u8 *p, size_t n, unsigned int i,
				  struct usb_interface_desc *out);
/* A string descriptor as printable ASCII; other characters become '?', spaces at the ends go. */
void usb_parse_string(const u8 *p, size_t n, char *out, size_t out_bytes);

#endif
