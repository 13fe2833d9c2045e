/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel files of every kind, whole, truncated and corrupt. */
// links: dom0/builder/kernel_image.c dom0/builder/unpack.c dom0/builder/error.c
// libs: -llz4 -llzma -lzstd -lz
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include <dom0/builder/kernel_image.h>
#include "make_kernel.h"

static const enum unpack_method all[] = {UNPACK_GZIP, UNPACK_XZ, UNPACK_LZ4, UNPACK_ZSTD};

static struct kernel_image image;
static struct build_error err;

/* Opens and unpacks a copy of exactly size bytes, so that the sanitizer sees each overrun. */
static int unpack_copy(const u8 *file, u64 size, u8 **out)
{
	u8 *copy = malloc(size);
	void *scratch = NULL;
	int rc;

	memcpy(copy, file, size);
	*out = NULL;
	memset(&err, 0, sizeof(err));
	rc = kernel_image_open(&image, copy, size, &err);
	if (!rc && image.unpacked_size <= MIB(64)) {
		*out = malloc(image.unpacked_size);
		scratch = image.scratch_size ? aligned_alloc(16, image.scratch_size) : NULL;
		rc = kernel_image_unpack(&image, *out, scratch, &err);
	}
	free(scratch);
	free(copy);
	return rc;
}

static void plain_elf(void **state)
{
	u8 *elf = make_elf(), *out;

	(void)state;
	assert_int_equal(unpack_copy(elf, ELF_SIZE, &out), 0);
	assert_false(image.packed);
	assert_memory_equal(out, elf, ELF_SIZE);
	free(out);
	free(elf);
}

static void each_compression(void **state)
{
	u8 *elf = make_elf(), *file, *out;
	unsigned int i;
	u64 size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		file = make_bzimage(all[i], elf, ELF_SIZE, &size);
		if (unpack_copy(file, size, &out))
			fail_msg("%s", err.text);
		assert_true(image.packed);
		assert_int_equal(image.method, all[i]);
		assert_int_equal(image.unpacked_size, ELF_SIZE);
		assert_int_equal(image.scratch_size != 0, all[i] == UNPACK_XZ);
		assert_memory_equal(out, elf, ELF_SIZE);
		free(out);
		free(file);
	}
	free(elf);
}

/* setup_sects 0 means 4. */
static void default_setup_sectors(void **state)
{
	u8 *elf = make_elf(), *out, *file;
	u64 size;

	(void)state;
	file = make_bzimage(UNPACK_LZ4, elf, ELF_SIZE, &size);
	file = realloc(file, size + 1024);
	memmove(file + 5 * 512, file + 3 * 512, size - 3 * 512);
	file[0x1F1] = 0;
	assert_int_equal(unpack_copy(file, size + 1024, &out), 0);
	assert_memory_equal(out, elf, ELF_SIZE);
	free(out);
	free(file);
	free(elf);
}

/* A file cut anywhere in the payload: the header's promise is checked first. */
static void truncated_file(void **state)
{
	u8 *elf = make_elf(), *out, *file;
	unsigned int i;
	u64 size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		file = make_bzimage(all[i], elf, ELF_SIZE, &size);
		assert_int_equal(unpack_copy(file, size - 0x201, &out), -EINVAL);
		assert_non_null(strstr(err.text, "bzImage: truncated: payload ends at byte"));
		assert_int_equal(unpack_copy(file, 0x24F, &out), -EINVAL);
		assert_non_null(strstr(err.text, "neither"));
		free(file);
	}
	free(elf);
}

/* The stream inside is cut, while header and size field are in order. */
static void truncated_payload(void **state)
{
	u8 *elf = make_elf(), *out, *file;
	static const u64 kept[] = {8, 20, 40, 1000, 50000};
	unsigned int i, k;
	u64 size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (k = 0; k < ARRAY_SIZE(kept); k++) {
			file = make_bzimage(all[i], elf, ELF_SIZE, &size);
			put_le32(file + BZ_PAYLOAD + kept[k], ELF_SIZE);
			put_le32(file + 0x24C, (u32)kept[k] + 4);
			assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
			assert_non_null(strstr(err.text, unpack_method_name(all[i])));
			if (kept[k] > 40 && all[i] != UNPACK_GZIP)
				assert_non_null(strstr(err.text, "truncated"));
			free(out);
			free(file);
		}
	}
	free(elf);
}

/* A byte in the middle is changed; the message names a place not after the end. */
static void corrupt_payload(void **state)
{
	u8 *elf = make_elf(), *out, *file;
	unsigned int i, at;
	u64 size;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		unsigned int seen = 0;

		file = make_bzimage(all[i], elf, ELF_SIZE, &size);
		for (at = 30; at < size - BZ_PAYLOAD - 0x300; at += 1117) {
			const char *of, *byte;

			file[BZ_PAYLOAD + at] ^= 0x55;
			rc = unpack_copy(file, size, &out);
			/* Raw LZ4 has no checksum: changed literals pass. */
			if (rc == 0)
				assert_int_equal(all[i], UNPACK_LZ4);
			seen += rc != 0;
			byte = strstr(err.text, "corrupt at byte ");
			of = byte ? strstr(byte, " of ") : NULL;
			if (rc && of)
				assert_true(atol(byte + 16) <= atol(of + 4));
			file[BZ_PAYLOAD + at] ^= 0x55;
			free(out);
		}
		assert_true(seen > 0);
		free(file);
	}
	free(elf);
}

/* The size field lies, up and down. */
static void wrong_announced_size(void **state)
{
	static const u32 sizes[] = {ELF_SIZE - 1, ELF_SIZE + 1, 1, 0, 0xFFFFFFFF, 0x40000001};
	u8 *elf = make_elf(), *out, *file;
	unsigned int i, k;
	u64 size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		file = make_bzimage(all[i], elf, ELF_SIZE, &size);
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			put_le32(file + size - 0x204, sizes[k]);
			assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
			assert_non_null(strstr(err.text, unpack_method_name(all[i])));
			free(out);
		}
		free(file);
	}
	free(elf);
}

static void bad_headers(void **state)
{
	u8 *elf = make_elf(), *out, *file;
	u64 size;

	(void)state;
	file = make_bzimage(UNPACK_GZIP, elf, ELF_SIZE, &size);
	put_le16(file + 0x206, 0x207);
	assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
	assert_string_equal(err.text, "bzImage: boot protocol 2.07 is too old, 2.08 is needed");
	put_le16(file + 0x206, 0x208);
	put_le32(file + 0x248, 0xFFFFFFFF);
	assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
	put_le32(file + 0x248, BZ_PAYLOAD_OFFSET);
	put_le32(file + 0x24C, 3);
	assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
	put_le32(file + 0x24C, 0x1000);
	memcpy(file + BZ_PAYLOAD, "BZh9", 4);
	assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
	assert_non_null(strstr(err.text, "bzip2"));
	memcpy(file + 0x202, "HdrT", 4);
	assert_int_equal(unpack_copy(file, size, &out), -EINVAL);
	assert_int_equal(unpack_copy(file, 0, &out), -EINVAL);
	free(file);
	free(elf);
}

/* Scratch memory smaller than the dictionary is an error, not an overrun. */
static void small_scratch(void **state)
{
	u8 *elf = make_elf(), *out = malloc(ELF_SIZE), *file, *scratch = aligned_alloc(16, MIB(1));
	u64 size;

	(void)state;
	file = make_bzimage(UNPACK_XZ, elf, ELF_SIZE, &size);
	assert_int_equal(kernel_image_open(&image, file, size, &err), 0);
	assert_true(image.scratch_size >= MIB(4) && image.scratch_size < MIB(5));
	image.scratch_size = MIB(1);
	assert_int_equal(kernel_image_unpack(&image, out, scratch, &err), -ENOMEM);
	free(scratch);
	free(file);
	free(out);
	free(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_elf),
		cmocka_unit_test(each_compression),
		cmocka_unit_test(default_setup_sectors),
		cmocka_unit_test(truncated_file),
		cmocka_unit_test(truncated_payload),
		cmocka_unit_test(corrupt_payload),
		cmocka_unit_test(wrong_announced_size),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(small_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
