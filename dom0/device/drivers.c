/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers that there are: one line each. */
#include <dom0/device/drivers.h>

#include <stddef.h>
#include <drivers/ahci/ahci.h>
#include <drivers/nvme/nvme.h>

const struct driver *const drivers[] = {
	&nvme_driver,
	&ahci_driver,
	NULL,
};
