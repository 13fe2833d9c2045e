/* SPDX-License-Identifier: BSD-2-Clause */
/* USB 2.0, "Standard USB Descriptor Definitions"; USB 3.2, "SuperSpeed Endpoint Companion". */
#include <drivers/usb/usb_desc.h>

enum {
	DESC_DEVICE = 1,
	DESC_CONFIG = 2,
	DESC_STRING = 3,
	DESC_INTERFACE = 4,
	DESC_ENDPOINT = 5,
	DESC_COMPANION = 0x30
};

static u16 le16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

bool usb_parse_device(const u8 *p, size_t n, struct usb_device_desc *out)
{
	if (n < USB_DEVICE_DESC_BYTES || p[0] < USB_DEVICE_DESC_BYTES || p[1] != DESC_DEVICE)
		return false;
	*out = (struct usb_device_desc){
		.usb = le16(p + 2),
		.class_code = p[4],
		.subclass = p[5],
		.protocol = p[6],
		.max_packet0 = p[7],
		.vendor = le16(p + 8),
		.product = le16(p + 10),
		.manufacturer_string = p[14],
		.product_string = p[15],
		.serial_string = p[16],
		.configurations = p[17],
	};
	return true;
}

size_t usb_config_bytes(const u8 *p, size_t n)
{
	size_t total;

	if (n < USB_CONFIG_DESC_BYTES || p[0] < USB_CONFIG_DESC_BYTES || p[1] != DESC_CONFIG)
		return 0;
	total = le16(p + 2);
	return total < USB_CONFIG_DESC_BYTES ? 0 : total;
}

static void add_endpoint(struct usb_interface_desc *f, const u8 *p)
{
	u16 max = le16(p + 4) & 0x7FF;
	u8 number = p[2] & 0x0F;

	/* Number 0 is the control endpoint's and is never described. */
	if (f->endpoint_count == USB_INTERFACE_ENDPOINTS || number == 0 || max == 0)
		return;
	f->endpoint[f->endpoint_count++] = (struct usb_endpoint_desc){
		.address = p[2] & 0x8F,
		.type = (enum usb_endpoint_type)(p[3] & 3),
		.max_packet = max,
	};
}

static void add_companion(struct usb_interface_desc *f, const u8 *p)
{
	if (f->endpoint_count && p[2] <= 15)
		f->endpoint[f->endpoint_count - 1].burst = p[2];
}

bool usb_parse_interface(const u8 *p, size_t n, unsigned int i, struct usb_interface_desc *out)
{
	unsigned int seen = 0;
	size_t at;

	if (!usb_config_bytes(p, n))
		return false;
	/* Each step goes on by at least two bytes, so that the walk ends. */
	for (at = p[0]; at + 2 <= n && p[at] >= 2 && p[at] <= n - at; at += p[at]) {
		u8 length = p[at], type = p[at + 1];

		if (type == DESC_INTERFACE && length >= 9) {
			if (seen++ > i)
				return true;
			*out = (struct usb_interface_desc){
				.configuration = p[5],
				.number = p[at + 2],
				.alternate = p[at + 3],
				.class_code = p[at + 5],
				.subclass = p[at + 6],
				.protocol = p[at + 7],
			};
		} else if (seen == i + 1 && type == DESC_ENDPOINT && length >= 7) {
			add_endpoint(out, p + at);
		} else if (seen == i + 1 && type == DESC_COMPANION && length >= 6) {
			add_companion(out, p + at);
		}
	}
	return seen > i;
}

void usb_parse_string(const u8 *p, size_t n, char *out, size_t out_bytes)
{
	size_t length = 0, end;

	out[0] = 0;
	if (n < 2 || p[1] != DESC_STRING)
		return;
	end = p[0] < n ? p[0] : n;
	for (size_t at = 2; at + 2 <= end && length + 1 < out_bytes; at += 2) {
		u16 c = le16(p + at);

		if (c == 0)
			break;
		if (c == ' ' && length == 0)
			continue;
		out[length++] = c >= 0x20 && c < 0x7F ? (char)c : '?';
	}
	while (length && out[length - 1] == ' ')
		length--;
	out[length] = 0;
}
