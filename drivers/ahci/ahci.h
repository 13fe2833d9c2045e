/* SPDX-License-Identifier: BSD-2-Clause */
/* Serial ATA disks on controllers with the AHCI interface. Disks are named by port: "p0". */
#ifndef DRIVERS_AHCI_AHCI_H
#define DRIVERS_AHCI_AHCI_H

#include <drivers/device.h>

extern const struct driver ahci_driver;

#endif
