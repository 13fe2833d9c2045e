/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers that there are: one line each. */
#include <dom0/device/drivers.h>

const struct driver *const drivers[] = {
	NULL,
};
