// SPDX-License-Identifier: BSD-2-Clause
// What a disk says of itself: whatever it is, sizes are sane and commands stay within the disk.
// links: drivers/ata/command.c drivers/ata/identify.c
#include <drivers/ata/command.h>

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_sizes(const struct ata_identity *id, const struct block_device *b)
{
	CHECK(b->sector_size >= BLOCK_SECTOR && (b->sector_size & (b->sector_size - 1)) == 0);
	CHECK(b->physical_sector_size >= b->sector_size);
	CHECK((b->physical_sector_size & (b->physical_sector_size - 1)) == 0);
	CHECK(b->sectors > 0 && b->sectors <= 1ull << 55);
	CHECK(b->sectors % (b->sector_size / BLOCK_SECTOR) == 0);
	CHECK(id->queue_depth >= 1 && id->queue_depth <= 32);
	CHECK(strlen(b->serial) <= 20 && strlen(b->model) <= 40);
	CHECK(ata_max_bytes(id) >= id->sector_size);
}

/* The last sectors, as many as fit into one command. */
static void check_commands(const struct ata_identity *id)
{
	u64 most = ata_max_bytes(id) / BLOCK_SECTOR, ratio = id->sector_size / BLOCK_SECTOR;
	u64 n = min_u64(id->sectors, most - most % ratio), first = id->sectors - n;
	struct ata_command c = ata_read_write(id, ATA_DMA, true, first, n);
	u64 lba = c.ext ? c.lba : c.lba | (u64)(c.device & 0xF) << 24;
	u64 count = c.count ? c.count : c.ext ? 65536 : 256;
	u64 block[ATA_TRIM_RANGES];

	CHECK(c.ext || (c.lba <= 0xFFFFFF && c.count < 256));
	CHECK(!c.ext || id->lba48);
	CHECK(lba * ratio == first && count * ratio == n);
	CHECK(ata_trim_fill(id, block, first, n) == n);
	CHECK((block[0] & low_mask(48)) * ratio == first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u16 words[ATA_IDENTIFY_WORDS] = {0};
	struct block_device b = {0};
	struct ata_identity id;

	memcpy(words, data, size < sizeof(words) ? size : sizeof(words));
	if (ata_identify_parse(words, &id))
		return 0;
	ata_describe(&id, &b);
	check_sizes(&id, &b);
	check_commands(&id);
	return 0;
}
