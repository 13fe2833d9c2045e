/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks on PCI IDE controllers with bus-master DMA. They are named by channel and drive: "p0" and
 * "p1" of the primary one, "s0" and "s1" of the secondary one. */
#ifndef DRIVERS_ATA_ATA_H
#define DRIVERS_ATA_ATA_H

#include <drivers/device.h>

extern const struct driver ata_driver;

#endif
