/* SPDX-License-Identifier: BSD-2-Clause */
/* Overlays: none are built in. */
#include <dom0/cow/cow.h>

#include <stdio.h>

struct block_device *cow_open(const struct block_target *t, const char *holder,
			      char why[BLOCK_WHY_MAX])
{
	(void)t;
	(void)holder;
	snprintf(why, BLOCK_WHY_MAX, "overlays are not built in");
	return NULL;
}

void cow_close(struct block_device *dev)
{
	(void)dev;
}
