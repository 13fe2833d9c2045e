/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw disk images that are files on a file system. */
#ifndef DOM0_FS_FS_H
#define DOM0_FS_FS_H

#include <dom0/block/block.h>

/* "/DEVICE/PATH" as a device. NULL: why. Only from a fiber. */
struct block_device *fs_file_open(const char *name, bool write, const char *holder,
				  char why[BLOCK_WHY_MAX]) must_use;
/* Only from a fiber. */
void fs_file_close(struct block_device *dev);

#endif
