/* SPDX-License-Identifier: BSD-2-Clause */
/* Overlays: disks that keep what differs from a base, which is only read. */
#ifndef DOM0_COW_COW_H
#define DOM0_COW_COW_H

#include <dom0/block/block.h>

/* The overlay as a device; made if it is not there. NULL: why. Only from a fiber.
 *
 * t->name is the base: "/DEVICE/PATH", or a disk, a partition or a boot module. t->overlay is where
 * the overlay lies: "/DEVICE/PATH", made as a file without content if it is not there, or a disk or
 * partition, all zero at its beginning or an overlay already. NULL: beside a base that is a file,
 * as "BASE.HOLDER.cow", characters of the holder other than letters, digits, '.', '_' and '-'
 * replaced by '-'. Without t->write nothing is made and nothing can be written. */
struct block_device *cow_open(const struct block_target *t, const char *holder,
			      char why[BLOCK_WHY_MAX]) must_use;
/* What was written is in the overlay. Only from a fiber, no request under way. */
void cow_close(struct block_device *dev);

#endif
