/* SPDX-License-Identifier: BSD-2-Clause */
/* For the table of the EHCI driver's functions; see struct usb_hc_ops. */
#ifndef DRIVERS_USB_EHCI_DEVICE_H
#define DRIVERS_USB_EHCI_DEVICE_H

#include <drivers/usb/ehci_private.h>

must_use int ehci_open(struct usb_device *d);
must_use int ehci_packet_size(struct usb_device *d);
must_use int ehci_configure(struct usb_device *d);
must_use int ehci_endpoint_reset(struct usb_endpoint *u);
void ehci_close(struct usb_device *d);

#endif
