/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kind of partition table a disk has, and what all kinds share. */
#include <dom0/block/partition_table.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <drivers/block.h>

void partition_log(const struct partition_disk *d, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	d->log(d->ctx, text);
}

bool partition_read_sector(const struct partition_disk *d, u64 lba, void *data)
{
	u64 unit = d->sector_size / BLOCK_SECTOR;

	return lba < d->sectors / unit && d->read(d->ctx, lba * unit, data, d->sector_size);
}

static const struct partition *overlapped(const struct partition_table *t, u64 start, u64 count)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct partition *p = &t->parts[i];

		if (start < p->start + p->count && p->start < start + count)
			return p;
	}
	return NULL;
}

struct partition *partition_add(const struct partition_disk *d, struct partition_table *t,
				unsigned int number, u64 start, u64 count, u64 first, u64 last)
{
	u64 unit = d->sector_size / BLOCK_SECTOR, sectors = d->sectors / unit;
	const struct partition *other;
	struct partition *p;

	if (last >= sectors)
		last = sectors - 1;
	if (!count || start < first || start > last || count - 1 > last - start) {
		partition_log(d, "partition %u is refused: sectors %llu to %llu are out of range",
			      number, (unsigned long long)start,
			      (unsigned long long)(start + count - 1));
		return NULL;
	}
	other = overlapped(t, start * unit, count * unit);
	if (other) {
		partition_log(d, "partition %u is refused: it overlaps partition %u", number,
			      other->number);
		return NULL;
	}
	if (t->count == PARTITIONS_MAX) {
		partition_log(d, "partition %u is refused: there are too many", number);
		return NULL;
	}
	p = &t->parts[t->count++];
	*p = (struct partition){.number = number, .start = start * unit, .count = count * unit};
	return p;
}

static bool read_kind(const struct partition_disk *d, const u8 *sector, struct partition_table *t)
{
	switch (mbr_kind_of(sector)) {
	case MBR_TABLE:
		t->kind = "MBR";
		return mbr_read(d, sector, t);
	case MBR_PROTECTIVE:
		if (gpt_read(d, t))
			t->kind = "GPT";
		else
			partition_log(d,
				      "no partition is used: both copies of the GPT are damaged");
		return true;
	case MBR_NONE:
		/* The first sector may be what is damaged. */
		if (gpt_read(d, t))
			t->kind = "GPT";
		return true;
	}
	return true;
}

bool partition_table_read(const struct partition_disk *d, struct partition_table *t)
{
	u8 *sector;
	bool ok;

	t->kind = NULL;
	t->count = 0;
	if (d->sectors < d->sector_size / BLOCK_SECTOR)
		return true;
	sector = malloc(d->sector_size);
	ok = sector && partition_read_sector(d, 0, sector) && read_kind(d, sector, t);
	free(sector);
	return ok;
}
