/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads disks' partition tables. */
#include <dom0/block/block_internal.h>

void partitions_scan(struct block_node *disk)
{
	(void)disk;
}

void partitions_wait(void)
{
}

void partitions_forget(struct block_node *disk)
{
	(void)disk;
}
