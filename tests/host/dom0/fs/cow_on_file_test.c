/* SPDX-License-Identifier: BSD-2-Clause */
/* An overlay in a sparse file beside its base, both on a file system: the way of "cow:". */
// links: dom0/fs/io_block.c dom0/fs/ext2fs_outside.c dom0/fs/mount.c dom0/fs/commit.c
// links: dom0/fs/journal.c dom0/fs/map.c dom0/fs/data.c dom0/fs/file.c dom0/fs/read.c
// links: dom0/cow/cow.c dom0/cow/log.c dom0/cow/request.c dom0/cow/crc32c.c
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

#include <disk_fake.h>
#include <dom0/cow/cow.h>
#include <dom0/fs/fs.h>
#include "images.h"

#define BASE_BYTES (2u << 20)

static struct fake_disk *disk;
static u8 original[BASE_BYTES], model[BASE_BYTES], got[BASE_BYTES];
static char why[BLOCK_WHY_MAX];
static struct block_target target = {.kind = BLOCK_COW, .name = "/data/base.img", .write = true};

static void use_overlay(void *ctx)
{
	struct block_device *dev = cow_open(&target, "guest web", why);

	(void)ctx;
	if (!dev)
		fail_msg("%s", why);
	assert_int_equal(dev->sectors, BASE_BYTES / 512);
	for (unsigned int i = 0; i < 30; i++) {
		u64 s = fake_random() % (BASE_BYTES / 512 - 130), n = 1 + fake_random() % 128;

		memset(model + s * 512, (int)i, n * 512);
		assert_int_equal(fake_io(dev, BLOCK_WRITE, s, model + s * 512, n), BLOCK_OK);
		if (i % 7 == 0)
			assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	}
	cow_close(dev);
}

static void read_overlay(void *ctx)
{
	struct block_device *dev = cow_open(&target, "guest web", why);

	(void)ctx;
	if (!dev)
		fail_msg("%s", why);
	for (u64 s = 0; s < BASE_BYTES / 512; s += 128)
		assert_int_equal(fake_io(dev, BLOCK_READ, s, got + s * 512, 128), BLOCK_OK);
	assert_memory_equal(got, model, sizeof(got));
	cow_close(dev);
}

static void change_base(void *ctx)
{
	struct block_device *dev = fs_file_open("/data/base.img", true, "guest other", why);

	(void)ctx;
	assert_non_null(dev);
	fs_file_close(dev);
	assert_null(cow_open(&target, "guest web", why));
	assert_non_null(strstr(why, "the base was changed since"));
}

static void the_overlay_lies_beside_its_base(void **state)
{
	(void)state;
	fake_file_open = fs_file_open;
	fake_file_close = fs_file_close;
	fake_run(use_overlay, NULL);
	assert_int_equal(disk->uses, 0);
	if (images_check(disk->data, "-fn"))
		fail_msg("%s", images_log());
	assert_int_equal(images_dump(disk->data, "/base.img", got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, original, sizeof(got));
	assert_non_null(strstr(images_ask(disk->data, "stat /base.img.guest-web.cow"), "regular"));
	fake_run(read_overlay, NULL);
	fake_run(change_base, NULL);
	assert_int_equal(disk->uses, 0);
}

static int set_up(void **state)
{
	(void)state;
	fake_seed = 3;
	images_begin();
	for (size_t i = 0; i < sizeof(original); i++)
		original[i] = (u8)(i * 5 + i / 512);
	memcpy(model, original, sizeof(model));
	images_write("root/base.img", original, sizeof(original));
	disk = fake_disk_new("data", IMAGE_BYTES);
	images_make(disk, "-t ext4");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_disk_free(disk);
	images_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_overlay_lies_beside_its_base, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
