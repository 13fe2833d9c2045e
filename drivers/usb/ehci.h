/* SPDX-License-Identifier: BSD-2-Clause */
/* The EHCI driver, for high-speed devices; slower ones are left to the companion controllers. Disks
 * are called "ehciNpPORT", as "ehci0p1"; behind hubs "ehci0p1.2". */
#ifndef DRIVERS_USB_EHCI_H
#define DRIVERS_USB_EHCI_H

#include <drivers/device.h>

extern const struct driver ehci_driver;

#endif
