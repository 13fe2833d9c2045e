/* SPDX-License-Identifier: BSD-2-Clause */
/* What libext2fs and its journal replay want of libuuid; see dom0/fs/ext2fs_outside.c. */
#ifndef FS_EXT2FS_CONFIG_UUID_H
#define FS_EXT2FS_CONFIG_UUID_H

typedef unsigned char uuid_t[16];

int uuid_is_null(const uuid_t uu);
void uuid_unparse(const uuid_t uu, char *out);

#endif
