/* SPDX-License-Identifier: BSD-2-Clause */
/* Disk images on file systems: none are built in. */
#include <dom0/fs/fs.h>

#include <stdio.h>

struct block_device *fs_file_open(const char *name, bool write, const char *holder,
				  char why[BLOCK_WHY_MAX])
{
	(void)name;
	(void)write;
	(void)holder;
	snprintf(why, BLOCK_WHY_MAX, "file systems are not built in");
	return NULL;
}

void fs_file_close(struct block_device *dev)
{
	(void)dev;
}
