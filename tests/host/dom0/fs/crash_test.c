/* SPDX-License-Identifier: BSD-2-Clause */
/* Power is lost at any moment, with writes that are torn or out of order: what was flushed is read
 * from the file, and nothing is read that was never written. */
// links: dom0/fs/io_block.c dom0/fs/ext2fs_outside.c dom0/fs/mount.c dom0/fs/commit.c
// links: dom0/fs/journal.c dom0/fs/map.c dom0/fs/data.c dom0/fs/file.c dom0/fs/read.c
// links: dom0/loop/fiber.c dom0/loop/fiber_switch.S tests/fake/disk_fake.c
// links: tests/host/dom0/fs/images.c dom0/block/slice.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/fs/fs.h>
#include <disk_fake.h>
#include "images.h"

#define FILE_SECTORS 4096u
#define FLUSHES      16u
#define CUTS         24u

static struct fake_disk *disk;
static u8 got[FILE_SECTORS * 512], base[IMAGE_BYTES], medium[IMAGE_BYTES];
static char why[BLOCK_WHY_MAX];

/* Each sector that is written says the number of its write. */
static u32 newest[FILE_SECTORS];
static u32 write_count;
static struct {
	unsigned int events;
	u32 writes;
	u32 newest[FILE_SECTORS];
} flushed[FLUSHES];
static unsigned int flush_count;

static void make_sector(u8 *to, u32 number, u32 sector)
{
	for (unsigned int i = 0; i < 512; i += 8) {
		memcpy(to + i, &number, 4);
		memcpy(to + i + 4, &sector, 4);
	}
}

static void write_some(struct block_device *dev)
{
	static u8 data[128 * 512];
	u32 count = 1 + fake_random() % 64, sector = fake_random() % (FILE_SECTORS - count);

	if (fake_random() % 3 == 0) { /* whole blocks too */
		sector &= ~7u;
		count = (count + 7) & ~7u;
	}
	write_count++;
	for (u32 i = 0; i < count; i++) {
		make_sector(data + i * 512, write_count, sector + i);
		newest[sector + i] = write_count;
	}
	assert_int_equal(fake_io(dev, BLOCK_WRITE, sector, data, count), BLOCK_OK);
}

static void note_flush(struct block_device *dev)
{
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	flushed[flush_count].events = disk->event_count;
	flushed[flush_count].writes = write_count;
	memcpy(flushed[flush_count].newest, newest, sizeof(newest));
	flush_count++;
}

static void work(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/hole", true, "guest a", why);

	(void)ctx;
	assert_non_null(dev);
	memset(newest, 0, sizeof(newest));
	write_count = flush_count = 0;
	note_flush(dev);
	while (flush_count < FLUSHES) {
		write_some(dev);
		if (fake_random() % 4 == 0)
			note_flush(dev);
	}
	fs_file_close(dev);
}

/* The last flush that had ended when so many events had been. */
static int flush_before(unsigned int events)
{
	int k = -1;

	for (unsigned int i = 0; i < flush_count; i++)
		if (flushed[i].events <= events)
			k = (int)i;
	return k;
}

static void check_content(const char *what, unsigned int events)
{
	int k = flush_before(events);
	u8 whole[512];

	for (u32 s = 0; s < FILE_SECTORS; s++) {
		const u8 *at = got + (size_t)s * 512;
		u32 number, least = k < 0 ? 0 : flushed[k].newest[s];

		memcpy(&number, at, 4);
		make_sector(whole, number, number ? s : 0);
		if (number < least || number > newest[s] || memcmp(at, whole, 512) != 0)
			fail_msg("%s, event %u of %u, flush %d: sector %u has %u, not %u to %u",
				 what, events, disk->event_count, k, s, number, least, newest[s]);
	}
}

static void read_file(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/hole", false, "guest b", why);

	(void)ctx;
	if (!dev)
		fail_msg("%s", why);
	for (u64 s = 0; s < FILE_SECTORS; s += 128)
		assert_int_equal(fake_io(dev, BLOCK_READ, s, got + s * 512, 128), BLOCK_OK);
	fs_file_close(dev);
}

static void record_work(const char *options)
{
	disk = fake_disk_new("data", IMAGE_BYTES);
	images_make(disk, options);
	memcpy(base, disk->data, IMAGE_BYTES);
	disk->record = true;
	fake_run(work, NULL);
	disk->record = false;
}

/* Mounted again by us: nothing is left for e2fsck to repair. */
static void remount_after(const char *options, unsigned int events)
{
	struct fake_disk *again;

	fake_disk_crash(disk, base, events, medium);
	disk->name = "";
	again = fake_disk_new("data", IMAGE_BYTES);
	memcpy(again->data, medium, IMAGE_BYTES);
	fake_run(read_file, NULL);
	check_content(options, events);
	if (images_check(again->data, "-fn"))
		fail_msg("%s, event %u of %u: e2fsck finds errors", options, events,
			 disk->event_count);
	fake_disk_free(again);
}

static void repair_after(const char *options, unsigned int events)
{
	fake_disk_crash(disk, base, events, medium);
	if (images_check(medium, "-fy") > 1)
		fail_msg("%s, event %u: e2fsck cannot repair it", options, events);
	assert_int_equal(images_dump(medium, "/hole", got, sizeof(got)), sizeof(got));
	check_content(options, events);
}

static void crash_everywhere(const char *options, void (*after)(const char *, unsigned int))
{
	record_work(options);
	for (unsigned int i = 0; i < CUTS; i++)
		after(options, fake_random() % (disk->event_count + 1));
	fake_disk_free(disk);
}

static int set_up(void **state)
{
	(void)state;
	fake_seed = 11;
	images_begin();
	images_hole("root/hole", FILE_SECTORS * 512);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	images_end();
	return 0;
}

static const char *const journalled[] = {"-t ext4", "-t ext4 -b 1024", "-t ext3",
					 "-t ext4 -O ^metadata_csum,^64bit"};

static void with_a_journal_our_next_mount_has_all_that_was_flushed(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(journalled); i++)
		crash_everywhere(journalled[i], remount_after);
}

static void with_a_journal_e2fsck_has_all_that_was_flushed(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		crash_everywhere(journalled[i], repair_after);
}

static void without_a_journal_e2fsck_has_all_that_was_flushed(void **state)
{
	(void)state;
	crash_everywhere("-t ext2 -b 1024", repair_after);
	crash_everywhere("-t ext2 -b 4096", repair_after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			with_a_journal_our_next_mount_has_all_that_was_flushed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_a_journal_e2fsck_has_all_that_was_flushed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_journal_e2fsck_has_all_that_was_flushed,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
