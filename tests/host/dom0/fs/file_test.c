/* SPDX-License-Identifier: BSD-2-Clause */
/* Files as disks: what is read and written, and what e2fsck says of the file system afterwards. */
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
		fake_run(writes, NULL);
		assert_int_equal(disk->uses, 0);
		if (images_check(disk->data, "-fn"))
			fail_msg("%s: e2fsck found something:\n%s", kinds[i], images_log());
		assert_int_equal(images_dump(disk->data, "/hole", got, sizeof(got)), sizeof(got));
		assert_memory_equal(got, model, sizeof(got));
	}
}

static void refused(const char *name, bool write, const char *what)
{
	struct block_device *dev = fs_file_open(name, write, "guest b", why);

	assert_null(dev);
	if (!strstr(why, what))
		fail_msg("%s: \"%s\" does not say \"%s\"", name, why, what);
}

static void refusals(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/full", true, "guest a", why), *other;

	(void)ctx;
	assert_non_null(dev);
	refused("/data/full", true, "in use by guest a for writing");
	refused("/data/full", false, "in use by guest a for writing");
	refused("/data/link", true, "in use by guest a");
	other = fs_file_open("/data/hole", false, "guest c", why);
	assert_non_null(other);
	refused("/data/hole", true, "in use by guest c");
	fs_file_close(other);
	fs_file_close(dev);
	refused("/data/none", false, "no such file");
	refused("/data/folder", false, "is a folder");
	refused("/data/pipe", false, "not a regular file");
	refused("/data/none/full", false, "no such file");
	refused("/data/full/x", false, "irectory");
	refused("/other/full", false, "no such disk");
	refused("data/full", false, "not of the form");
	refused("/data", false, "not of the form");
	refused("/data/tiny", true, "is empty");
	dev = fs_file_open("/data/odd", false, "guest a", why);
	assert_int_equal(dev->sectors, 1);
	fs_file_close(dev);
	assert_non_null(strstr(fake_log, "last 488 bytes"));
}

static void grows(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/hole", true, "guest a", why);

	(void)ctx;
	assert_non_null(dev);
	assert_int_equal(fs_file_grow(dev, FILE_BYTES - 4096, why), -1);
	assert_non_null(strstr(why, "cannot shrink"));
	assert_int_equal(fs_file_grow(dev, FILE_BYTES + 512, why), -1);
	assert_int_equal(fs_file_grow(dev, 2 * FILE_BYTES, why), 0);
	assert_int_equal(dev->sectors, 2 * FILE_BYTES / 512);
	memset(got, 3, 4096);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 2 * FILE_BYTES / 512 - 8, got, 8), BLOCK_OK);
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	fs_file_close(dev);
	dev = fs_file_open("/data/hole", false, "guest a", why);
	assert_non_null(dev);
	assert_int_equal(dev->sectors, 2 * FILE_BYTES / 512);
	memset(got, 0, 8192);
	assert_int_equal(fake_io(dev, BLOCK_READ, 2 * FILE_BYTES / 512 - 16, got, 16), BLOCK_OK);
	assert_int_equal(got[4095], 0);
	assert_int_equal(got[4096], 3);
	assert_int_equal(fs_file_grow(dev, 3 * FILE_BYTES, why), -1);
	assert_non_null(strstr(why, "reading only"));
	fs_file_close(dev);
	dev = fs_file_open("/data/full", true, "guest a", why);
	assert_non_null(dev);
	assert_int_equal(fs_file_grow(dev, 2 * FILE_BYTES, why), -1);
	assert_non_null(strstr(why, "no holes"));
	fs_file_close(dev);
}

static void a_file_with_holes_grows(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		images_make(disk, kinds[i]);
		fake_run(grows, NULL);
		if (images_check(disk->data, "-fn"))
			fail_msg("%s: e2fsck found something:\n%s", kinds[i], images_log());
	}
}

static void what_cannot_be_a_disk_is_refused(void **state)
{
	char command[512];

	(void)state;
	snprintf(command, sizeof(command),
		 "cd %s/.. && mkdir root/folder && mkfifo root/pipe && ln root/full root/link",
		 images_path("root"));
	assert_int_equal(system(command), 0);
	images_make(disk, kinds[0]);
	fake_run(refusals, NULL);
	assert_int_equal(disk->uses, 0);
}

static void refused_write(void *ctx)
{
	refused("/data/hole", true, ctx);
}

static void refused_read(void *ctx)
{
	refused("/data/hole", false, ctx);
}

static void what_is_not_known_is_refused(void **state)
{
	(void)state;
	images_make(disk, "-t ext4 -O bigalloc");
	fake_run(refused_write, "bigalloc");
	images_make(disk, "-t ext4 -O quota");
	fake_run(refused_write, "quotas");
	images_make(disk, kinds[0]);
	disk->device.read_only = true;
	fake_run(refused_write, "read-only");
	disk->device.read_only = false;
	images_make(disk, "-t ext2");
	disk->data[1024 + 0x60 + 2] |= 0x80; /* an incompatible feature of the future */
	fake_run(refused_read, "not known");
	images_make(disk, "-t ext2");
	disk->data[1024 + 0x64 + 3] |= 0x40; /* one that only forbids writing */
	fake_run(refused_write, "only be read");
	fake_run(reads, NULL);
	memset(disk->data, 0, 4096);
	fake_run(refused_read, "no ext2, ext3 or ext4");
}

static void fill_disk(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/huge", true, "guest a", why);
	unsigned int full = 0, good = 0;

	(void)ctx;
	assert_non_null(dev);
	for (u64 s = 0; s < dev->sectors; s += 128) {
		enum block_status status = fake_io(dev, BLOCK_WRITE, s, got, 128);

		good += status == BLOCK_OK;
		full += status == BLOCK_NO_SPACE;
	}
	assert_int_equal(good + full, dev->sectors / 128);
	assert_true(good > 0 && full > 0);
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	/* What is given up has room for others. */
	assert_true(dev->discard);
	assert_int_equal(fake_io(dev, BLOCK_DISCARD, 0, NULL, 4096), BLOCK_OK);
	assert_int_equal(fake_io(dev, BLOCK_READ, 100, got, 128), BLOCK_OK);
	for (unsigned int i = 0; i < 128 * 512; i++)
		assert_int_equal(got[i], 0);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 8000, model, 128), BLOCK_OK);
	fs_file_close(dev);
}

static void a_full_file_system_says_so_and_discards_make_room(void **state)
{
	static const char *const some[] = {"-t ext4", "-t ext2 -b 1024", "-t ext3"};

	(void)state;
	images_hole("root/huge", 30u << 20);
	for (unsigned int i = 0; i < ARRAY_SIZE(some); i++) {
		images_make(disk, some[i]);
		fake_run(fill_disk, NULL);
		if (images_check(disk->data, "-fn"))
			fail_msg("%s: e2fsck found something:\n%s", some[i], images_log());
	}
}

static unsigned int listed;

static void count_entry(void *ctx, const char *name, bool directory)
{
	(void)ctx;
	listed += strcmp(name, "full") == 0 && !directory;
	listed += strcmp(name, "lost+found") == 0 && directory ? 100 : 0;
}

static void whole_files(void *ctx)
{
	void *data;
	size_t size;
	struct fs_stat st;
	char name[32];
	struct block_device *dev;

	(void)ctx;
	assert_int_equal(fs_read_file("/data/full", FILE_BYTES, &data, &size, why), 0);
	assert_int_equal(size, FILE_BYTES);
	assert_memory_equal(data, full, FILE_BYTES);
	free(data);
	assert_int_equal(fs_read_file("/data/full", 1000, &data, &size, why), -1);
	assert_int_equal(fs_read_file("/data/none", 1000, &data, &size, why), -1);
	assert_int_equal(fs_stat("/data/none", &st, why), 1);
	assert_int_equal(fs_stat("/data/full", &st, why), 0);
	assert_int_equal(st.bytes, FILE_BYTES);
	listed = 0;
	assert_int_equal(fs_list("/data/", count_entry, NULL, why), -1);
	assert_int_equal(fs_list("/data/.", count_entry, NULL, why), 0);
	assert_int_equal(listed, 101);
	for (unsigned int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "/data/a-rather-long-name-%u", i);
		if (fs_create(name, 5ull << 30, why))
			fail_msg("%s", why);
	}
	assert_int_equal(fs_create(name, 1, why), -1);
	assert_int_equal(fs_create("/data/none/x", 1, why), -1);
	dev = fs_file_open(name, true, "guest a", why);
	assert_non_null(dev);
	assert_int_equal(dev->sectors, (5ull << 30) / 512);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, dev->sectors - 100, full, 100), BLOCK_OK);
	fs_file_close(dev);
}

static void files_are_made_listed_and_read(void **state)
{
	static const char *const some[] = {"-t ext4", "-t ext2 -b 4096",
					   "-t ext4 -b 1024 -O ^has_journal"};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(some); i++) {
		images_make(disk, some[i]);
		fake_run(whole_files, NULL);
		if (images_check(disk->data, "-fn"))
			fail_msg("%s: e2fsck found something:\n%s", some[i], images_log());
	}
}

static void lose_writes(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/hole", true, "guest a", why);

	(void)ctx;
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 0, full, 8), BLOCK_OK);
	disk->fail_writes = true;
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_ERROR);
	disk->fail_writes = false;
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_ERROR);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 80, full, 8), BLOCK_ERROR);
	fs_file_close(dev);
}

static void a_failed_commit_is_not_forgotten(void **state)
{
	(void)state;
	images_make(disk, kinds[0]);
	fake_run(lose_writes, NULL);
	assert_int_equal(images_check(disk->data, "-fy") & ~1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_in_files_is_read_from_each_kind, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(writing_fills_holes_and_leaves_a_clean_file_system,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_with_holes_grows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_a_disk_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_known_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_file_system_says_so_and_discards_make_room,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_are_made_listed_and_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failed_commit_is_not_forgotten, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
