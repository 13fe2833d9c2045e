/* SPDX-License-Identifier: BSD-2-Clause */
/* Included by a source of libext2fs that uses nothing of it; newlib's refuses to be included. */
#ifndef FS_EXT2FS_CONFIG_DIRENT_H
#define FS_EXT2FS_CONFIG_DIRENT_H

#endif
