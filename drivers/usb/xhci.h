/* SPDX-License-Identifier: BSD-2-Clause */
/* The xHCI driver. Disks are called "xhciNpPORT", as "xhci0p1"; behind hubs "xhci0p1.2". */
#ifndef DRIVERS_USB_XHCI_H
#define DRIVERS_USB_XHCI_H

#include <drivers/device.h>

extern const struct driver xhci_driver;

#endif
