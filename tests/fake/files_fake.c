/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and overlays for host tests of the block layer. */
#include <files_fake.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include <dom0/cow/cow.h>
#include <dom0/fs/fs.h>

struct block_device *files_fake_file, *files_fake_overlay;
unsigned int files_fake_open;

static struct block_device *open_it(struct block_device *dev, const char *holder,
				    char why[BLOCK_WHY_MAX])
{
	if (dev)
		files_fake_open++;
	else
		snprintf(why, BLOCK_WHY_MAX, "there is none for %s", holder);
	return dev;
}

struct block_device *fs_file_open(const char *name, bool write, const char *holder,
				  char why[BLOCK_WHY_MAX])
{
	assert_non_null(name);
	(void)write;
	return open_it(files_fake_file, holder, why);
}

int fs_file_grow(struct block_device *dev, u64 bytes, char why[BLOCK_WHY_MAX])
{
	assert_ptr_equal(dev, files_fake_file);
	snprintf(why, BLOCK_WHY_MAX, "it does not grow");
	if (bytes / BLOCK_SECTOR < dev->sectors)
		return -1;
	dev->sectors = bytes / BLOCK_SECTOR;
	return 0;
}

void fs_file_close(struct block_device *dev)
{
	assert_ptr_equal(dev, files_fake_file);
	assert_true(files_fake_open > 0);
	files_fake_open--;
}

struct block_device *cow_open(const struct block_target *t, const char *holder,
			      char why[BLOCK_WHY_MAX])
{
	assert_int_equal(t->kind, BLOCK_COW);
	return open_it(files_fake_overlay, holder, why);
}

void cow_close(struct block_device *dev)
{
	assert_ptr_equal(dev, files_fake_overlay);
	assert_true(files_fake_open > 0);
	files_fake_open--;
}
