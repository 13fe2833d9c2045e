/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzer: overlays made of any bytes, opened, read, written. The first byte says whether checksums
 * are put right, so that what lies behind them is reached. */
// links: dom0/cow/cow.c dom0/cow/log.c dom0/cow/request.c dom0/cow/crc32c.c dom0/block/slice.c
// links: dom0/loop/fiber.c dom0/loop/fiber_switch.S tests/fake/disk_fake.c
#include <stdlib.h>
#include <string.h>

#include <disk_fake.h>
#include <dom0/cow/cow.h>
#include <dom0/cow/format.h>
#include <dom0/fs/fs.h>

#define BASE_SECTORS  300u
#define OVERLAY_BYTES (24u * 65536)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int fs_stat(const char *name, struct fs_stat *st, char why[BLOCK_WHY_MAX])
{
	(void)name;
	(void)st;
	(void)why;
	abort();
}
int fs_create(const char *name, u64 bytes, char why[BLOCK_WHY_MAX])
{
	(void)name;
	(void)bytes;
	(void)why;
	abort();
}
static struct block_device *no_file(const char *name, bool write, const char *holder,
				    char why[BLOCK_WHY_MAX])
{
	(void)name;
	(void)write;
	(void)holder;
	why[0] = '\0';
	return NULL;
}

/* The input: a header's fields, then records, each of which follows the one before if chained. */
static void put(struct fake_disk *over, const u8 *data, size_t size)
{
	struct cow_header h = {.magic = COW_MAGIC,
			       .version = COW_VERSION,
			       .shift = 16,
			       .generation = 1,
			       .sectors = BASE_SECTORS,
			       .base_sectors = BASE_SECTORS,
			       .log = 2,
			       .sequence = 1,
			       .record_bytes = 512};
	u32 previous;

	memcpy(h.base_id, "00112233445566778899base", 24);
	if (size >= 8) {
		h.log ^= data[0];
		h.record_bytes ^= (u32)data[1] << 4;
		h.shift ^= data[2] & 15;
		h.sectors ^= data[3];
		data += 8;
		size -= 8;
	}
	h.checksum = previous = cow_crc32c(&h, offsetof(struct cow_header, checksum));
	memcpy(over->data, &h, sizeof(h));
	for (u64 i = 0; size; i++) {
		u8 *at = over->data + (2 * 65536 + i * 512) % OVERLAY_BYTES;
		size_t n = min_u64(size, 484);
		struct cow_record r = {.magic = COW_RECORD_MAGIC,
				       .count = data[0] & 63,
				       .sequence = i + 1,
				       .previous = previous,
				       .next = (i & 127) == 127 ? 2 + (u32)(i / 128 + 1) : 0};

		memcpy(at, &r, sizeof(r));
		memcpy(at + sizeof(r), data, n);
		data += n;
		size -= n;
		previous = cow_crc32c(at, 508);
		memcpy(at + 508, &previous, 4);
	}
}

static void use(void *ctx)
{
	static const struct block_target target = {
		.kind = BLOCK_COW, .name = "base", .overlay = "over", .write = true};
	static u8 memory[128 * 512];
	char why[BLOCK_WHY_MAX];
	struct block_device *dev = cow_open(&target, "fuzzer", why);

	(void)ctx;
	if (!dev)
		return;
	for (u64 s = 0; s < BASE_SECTORS; s += 100) {
		(void)fake_io(dev, BLOCK_READ, s, memory, 100);
		(void)fake_io(dev, BLOCK_WRITE, s + 3, memory, 7);
	}
	(void)fake_io(dev, BLOCK_DISCARD, 0, NULL, 256);
	(void)fake_io(dev, BLOCK_FLUSH, 0, NULL, 0);
	(void)fake_io(dev, BLOCK_WRITE, 0, memory, 128);
	cow_close(dev);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fake_disk *base = fake_disk_new("base", BASE_SECTORS * 512);
	struct fake_disk *over = fake_disk_new("over", OVERLAY_BYTES);

	fake_file_open = no_file;
	fake_log[0] = '\0';
	if (size > 1 && data[0] & 1)
		put(over, data + 1, size - 1);
	else if (size > 1)
		memcpy(over->data, data + 1, min_u64(size - 1, OVERLAY_BYTES));
	fake_run(use, NULL);
	if (base->writes || base->uses || over->uses)
		abort();
	fake_disk_free(base);
	fake_disk_free(over);
	return 0;
}
