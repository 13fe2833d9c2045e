/* SPDX-License-Identifier: BSD-2-Clause */
/* What journal replay wants of libblkid, to find a journal on another device: here there is none;
 * see dom0/fs/ext2fs_outside.c. */
#ifndef FS_EXT2FS_CONFIG_BLKID_H
#define FS_EXT2FS_CONFIG_BLKID_H

#include <sys/types.h>

typedef void *blkid_cache;

int blkid_get_cache(blkid_cache *cache, const char *file);
void blkid_put_cache(blkid_cache cache);
char *blkid_get_devname(blkid_cache cache, const char *token, const char *value);
char *blkid_devno_to_devname(dev_t devno);

#endif
