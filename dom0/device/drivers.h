/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers that there are. */
#ifndef DOM0_DEVICE_DRIVERS_H
#define DOM0_DEVICE_DRIVERS_H

#include <drivers/device.h>

/* Ends with NULL. The first that matches gets the device. */
extern const struct driver *const drivers[];

#endif
