/* SPDX-License-Identifier: BSD-2-Clause */
/* NVMe disks: NVM Express Base Specification 1.4, controllers on PCI Express. */
#ifndef DRIVERS_NVME_NVME_H
#define DRIVERS_NVME_NVME_H

#include <drivers/device.h>

/* Its disks are called "n" and the namespace's number. */
extern const struct driver nvme_driver;

#endif
