/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers that there are: one line each. */
#include <dom0/device/drivers.h>

#include <stddef.h>
#include <drivers/ahci/ahci.h>
#include <drivers/ata/ata.h>
#include <drivers/nvme/nvme.h>
#include <drivers/usb/ehci.h>
#include <drivers/usb/xhci.h>
#include <drivers/virtio_blk/virtio_blk.h>

const struct driver *const drivers[] = {
	&nvme_driver, &ahci_driver, &ata_driver, &virtio_blk_driver,
	&xhci_driver, &ehci_driver, NULL,
};
