/* SPDX-License-Identifier: BSD-2-Clause */
/* Files as disks: what is read and written, and what e2fsck says of the file system afterwards. */
// links: dom0/fs/io_block.c dom0/fs/ext2fs_outside.c dom0/fs/mount.c dom0/fs/commit.c
// links: dom0/fs/journal.c dom0/fs/map.c dom0/fs/data.c dom0/fs/file.c dom0/fs/read.c
// links: dom0/loop/fiber.c dom0/loop/fiber_switch.S tests/fake/disk_fake.c
// links: tests/host/dom0/fs/images.c
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

#define FILE_BYTES (3u << 20)

static const char *const kinds[] = {
	"-t ext4 -O ^resize_inode",
	"-t ext4 -O ^has_journal",
	"-t ext4 -b 1024",
	"-t ext2 -b 1024",
	"-t ext2 -b 4096",
	"-t ext3",
	"-t ext4 -O ^metadata_csum,^64bit,uninit_bg",
	"-t ext4 -b 2048 -O meta_bg,^resize_inode",
};

static struct fake_disk *disk;
static u8 full[FILE_BYTES], model[FILE_BYTES], got[FILE_BYTES];
static char why[BLOCK_WHY_MAX];

static int set_up(void **state)
{
	(void)state;
	fake_seed = 7;
	fake_log[0] = '\0';
	images_begin();
	for (size_t i = 0; i < sizeof(full); i++)
		full[i] = (u8)(i * 7 + i / 512);
	memset(model, 0, sizeof(model));
	images_write("root/full", full, sizeof(full));
	images_hole("root/hole", FILE_BYTES);
	images_write("root/odd", full, 1000);
	images_write("root/tiny", "x", 1);
	disk = fake_disk_new("data", IMAGE_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_disk_free(disk);
	images_end();
	return 0;
}

static void read_all(struct block_device *dev)
{
	for (u64 s = 0; s < dev->sectors; s += 128)
		assert_int_equal(
			fake_io(dev, BLOCK_READ, s, got + s * 512, min_u64(128, dev->sectors - s)),
			BLOCK_OK);
}

static void reads(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/full", false, "guest a", why);

	(void)ctx;
	assert_non_null(dev);
	assert_int_equal(dev->sectors, FILE_BYTES / 512);
	assert_false(dev->needs_cpu);
	assert_true(dev->read_only);
	read_all(dev);
	assert_memory_equal(got, full, sizeof(full));
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 0, got, 1), BLOCK_INVALID);
	fs_file_close(dev);

	dev = fs_file_open("/data/hole", false, "guest a", why);
	assert_non_null(dev);
	assert_true(dev->needs_cpu);
	memset(got, 1, sizeof(got));
	read_all(dev);
	assert_memory_equal(got, model, sizeof(got));
	fs_file_close(dev);
}

static void what_is_in_files_is_read_from_each_kind(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		images_make(disk, kinds[i]);
		disk->writes = 0;
		fake_run(reads, NULL);
		assert_int_equal(disk->writes, 0);
		assert_int_equal(disk->uses, 0);
	}
}

static void write_at(struct block_device *dev, u64 sector, u64 count, u8 fill)
{
	static u8 data[128 * 512];

	for (u64 i = 0; i < count * 512; i++)
		data[i] = (u8)(fill + i / 512);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, sector, data, count), BLOCK_OK);
	memcpy(model + sector * 512, data, count * 512);
}

static void writes(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/hole", true, "guest a", why);

	(void)ctx;
	if (!dev)
		print_message("%s\n", why);
	assert_non_null(dev);
	write_at(dev, 0, 1, 1);
	write_at(dev, 3000, 128, 2);
	write_at(dev, 777, 5, 3);
	write_at(dev, dev->sectors - 1, 1, 4);
	for (unsigned int i = 0; i < 60; i++)
		write_at(dev, fake_random() % 5900, 1 + fake_random() % 100, (u8)fake_random());
	read_all(dev);
	assert_memory_equal(got, model, sizeof(got));
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	fs_file_close(dev);
}

static void writing_fills_holes_and_leaves_a_clean_file_system(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		images_make(disk, kinds[i]);
		memset(model, 0, sizeof(model));
		/* What free blocks had must not be seen. */
		fake_run(writes, NULL);
		assert_int_equal(disk->uses, 0);
		if (images_check(disk->data, "-fn"))
			fail_msg("%s: e2fsck found something: %s", kinds[i],
				 images_path("e2fsck.log"));
		assert_int_equal(images_dump(disk->data, "/hole", got, sizeof(got)), sizeof(got));
		assert_memory_equal(got, model, sizeof(got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_in_files_is_read_from_each_kind, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(writing_fills_holes_and_leaves_a_clean_file_system,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
