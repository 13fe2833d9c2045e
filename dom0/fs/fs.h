/* SPDX-License-Identifier: BSD-2-Clause */
/* Files on ext2, ext3 and ext4 file systems: as raw disk images, and as a whole. A name is
 * "/DEVICE/PATH", DEVICE as for BLOCK_PHY. File systems are mounted on demand and unmounted when
 * nothing of them is open. All functions: only from a fiber. */
#ifndef DOM0_FS_FS_H
#define DOM0_FS_FS_H

#include <dom0/block/block.h>

/* The file as a device, its size rounded down to sectors. NULL: why. A file that is open for
 * writing is not opened again, one that is open is not opened for writing; by whatever name. What
 * was written before a flush can be read after a crash, and holes stay holes until written. */
struct block_device *fs_file_open(const char *name, bool write, const char *holder,
				  char why[BLOCK_WHY_MAX]) must_use;
/* Makes it larger, by a hole; requests may be under way. 0; -1: why. */
int fs_file_grow(struct block_device *dev, u64 bytes, char why[BLOCK_WHY_MAX]) must_use;
/* All requests have ended. */
void fs_file_close(struct block_device *dev);

struct fs_stat {
	u64 bytes;
	u64 modified; /* seconds since 1970 */
	u8 uuid[16];  /* of the file system */
	u32 inode, generation;
	bool directory;
};
/* 0; 1: there is no such file (why is set as well); -1: why. */
int fs_stat(const char *name, struct fs_stat *st, char why[BLOCK_WHY_MAX]) must_use;
/* Makes a regular file of that size that is all hole; its folder must exist, it must not. 0; -1:
 * why. */
int fs_create(const char *name, u64 bytes, char why[BLOCK_WHY_MAX]) must_use;
/* The whole file in memory from malloc(), with a NUL behind that is not counted; at most `most`
 * bytes. 0; -1: why. */
int fs_read_file(const char *name, size_t most, void **data, size_t *size,
		 char why[BLOCK_WHY_MAX]) must_use;
/* fn is called for each entry of a folder but "." and ".."; name is valid during the call. 0; -1:
 * why. */
int fs_list(const char *name, void (*fn)(void *ctx, const char *name, bool directory), void *ctx,
	    char why[BLOCK_WHY_MAX]) must_use;

#endif
