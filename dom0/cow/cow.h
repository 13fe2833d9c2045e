/* SPDX-License-Identifier: BSD-2-Clause */
/* Overlays: disks that keep what differs from a base. */
#ifndef DOM0_COW_COW_H
#define DOM0_COW_COW_H

#include <dom0/block/block.h>

/* The overlay as a device. NULL: why. Only from a fiber. */
struct block_device *cow_open(const struct block_target *t, const char *holder,
			      char why[BLOCK_WHY_MAX]) must_use;
/* Only from a fiber. */
void cow_close(struct block_device *dev);

#endif
