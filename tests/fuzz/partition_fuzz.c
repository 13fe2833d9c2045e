/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a disk with a partition table. What comes out lies on the disk, and apart. */
// links: dom0/block/partition_table.c dom0/block/gpt.c dom0/block/mbr.c
// libs: -lz
#include <stdlib.h>
#include <string.h>
#include <dom0/block/partition_table.h>
#include <zlib.h>

struct disk {
	u8 *bytes;
	size_t size;
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool read_disk(void *ctx, u64 sector, void *data, size_t bytes)
{
	const struct disk *d = ctx;

	if (sector > d->size / 512 || bytes > d->size - sector * 512)
		abort(); /* beyond the end */
	memcpy(data, d->bytes + sector * 512, bytes);
	return true;
}

static void log_line(void *ctx, const char *text)
{
	(void)ctx;
	if (strchr(text, '\n'))
		abort();
}

static void put_le32(u8 *p, u32 v)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (u8)(v >> 8 * i);
}

/* Right checksums, so that what is behind them is reached. */
static void seal(struct disk *d, u32 sector_size, u64 lba)
{
	u8 *h = d->bytes + lba * sector_size;
	u64 array, length;
	u32 size;

	if ((lba + 1) * sector_size > d->size)
		return;
	size = partition_le32(h + 12);
	memcpy(h, "EFI PART", 8);
	h[24] = (u8)lba;
	memset(h + 25, 0, 7);
	array = partition_le64(h + 72);
	length = (u64)partition_le32(h + 80) * partition_le32(h + 84);
	if (array < d->size / sector_size && length <= d->size - array * sector_size)
		put_le32(h + 88, (u32)crc32(0, d->bytes + array * sector_size, (uInt)length));
	put_le32(h + 16, 0);
	put_le32(h + 16, (u32)crc32(0, h, size > sector_size ? sector_size : size));
}

static void check(const struct partition_table *t, u64 sectors)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct partition *p = &t->parts[i];

		if (!p->number || !p->count || p->start >= sectors || p->count > sectors - p->start)
			abort();
		if (strlen(p->label) >= sizeof(p->label) || strlen(p->uuid) >= sizeof(p->uuid))
			abort();
		for (unsigned int k = 0; k < i; k++)
			if (p->start < t->parts[k].start + t->parts[k].count &&
			    t->parts[k].start < p->start + p->count)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct partition_table table;
	u32 sector_size = size && data[0] & 1 ? 4096 : 512;
	struct disk disk;
	struct partition_disk d = {
		.sector_size = sector_size, .read = read_disk, .log = log_line, .ctx = &disk};

	if (size < 2)
		return 0;
	disk.size = align_up(size - 1, sector_size) + (size_t)(data[0] >> 4) * sector_size;
	disk.bytes = calloc(1, disk.size);
	if (!disk.bytes)
		return 0;
	memcpy(disk.bytes, data + 1, size - 1);
	if (data[0] & 2)
		seal(&disk, sector_size, 1);
	d.sectors = disk.size / 512;
	if (partition_table_read(&d, &table))
		check(&table, d.sectors);
	free(disk.bytes);
	return 0;
}
