/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses can be a device's. */
#include <dom0/device/reach.h>

#include <stdlib.h>
#include <dom0/entry/panic.h>

struct range {
	struct range *next;
	u64 at, end;
};

static struct range *excluded;

void reach_exclude(u64 at, u64 size)
{
	struct range *r = malloc(sizeof(*r));

	if (!r)
		panic("out of memory for the devices");
	*r = (struct range){excluded, at, at + size};
	excluded = r;
}

bool reach_is_free(u64 at, u64 size)
{
	if (size == 0 || at + size < at)
		return false;
	for (const struct range *r = excluded; r; r = r->next)
		if (at < r->end && r->at < at + size)
			return false;
	return true;
}
