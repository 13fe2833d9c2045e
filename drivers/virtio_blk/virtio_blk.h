/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio block devices on PCI: Virtual I/O Device (VIRTIO) Version 1.1, also its legacy interface.
 */
#ifndef DRIVERS_VIRTIO_BLK_VIRTIO_BLK_H
#define DRIVERS_VIRTIO_BLK_VIRTIO_BLK_H

#include <drivers/device.h>

/* Each has one disk. */
extern const struct driver virtio_blk_driver;

#endif
