/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF loader on a small kernel whose fields are bent one at a time. */
// links: dom0/builder/elf.c dom0/builder/error.c
// libs: -llz4 -llzma -lzstd -lz
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include <dom0/builder/elf.h>
#include "make_kernel.h"

#define RAM_SIZE   MIB(4)
#define ENTRY_DESC (ELF_NOTES + 20 + 28 + 16)

static u8 *ram, *kernel;
static struct elf_image elf;
static struct build_error err;

static int store(void *ctx, u64 gpa, const void *data, u64 len)
{
	(void)ctx;
	if (!range_inside(gpa, len, RAM_SIZE))
		return -EFAULT;
	/* Must never be asked to copy onto the source: memcpy is checked by the sanitizer. */
	memcpy(ram + gpa, data, len);
	return 0;
}

static int zero(void *ctx, u64 gpa, u64 len)
{
	(void)ctx;
	if (!range_inside(gpa, len, RAM_SIZE))
		return -EFAULT;
	memset(ram + gpa, 0, len);
	return 0;
}

static const struct elf_sink sink = {store, zero, NULL};

static int setup(void **state)
{
	(void)state;
	kernel = make_elf();
	ram = malloc(RAM_SIZE);
	memset(ram, 0xAA, RAM_SIZE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(kernel);
	free(ram);
	return 0;
}

/* Opens a copy of exactly size bytes at the end of an allocation. */
static int open_copy(u64 size)
{
	u8 *copy = malloc(size ? size : 1);
	int rc;

	memcpy(copy, kernel, size);
	memset(&err, 0, sizeof(err));
	rc = elf_open(&elf, copy, size, &err);
	free(copy);
	return rc;
}

static void expect_error(const char *part)
{
	assert_int_equal(open_copy(ELF_SIZE), -EINVAL);
	if (!strstr(err.text, part))
		fail_msg("'%s' is not in '%s'", part, err.text);
}

static void check_loaded(const u8 *source)
{
	u64 i;

	assert_memory_equal(ram + LOAD0_GPA, source + LOAD0_OFFSET, LOAD0_FILESZ);
	assert_memory_equal(ram + LOAD1_GPA, source + LOAD1_OFFSET, LOAD1_FILESZ);
	for (i = LOAD1_FILESZ; i < LOAD1_MEMSZ; i++)
		assert_int_equal(ram[LOAD1_GPA + i], 0);
}

static void good(void **state)
{
	(void)state;
	assert_int_equal(elf_open(&elf, kernel, ELF_SIZE, &err), 0);
	assert_int_equal(elf.segment_count, 2);
	assert_int_equal(elf.entry, ELF_ENTRY);
	assert_int_equal(elf.features, 1u << 15);
	assert_true(elf.relocatable);
	assert_int_equal(elf.reloc_align, 0x200000);
	assert_int_equal(elf.reloc_min, 0x1000000);
	assert_int_equal(elf.reloc_max, 0x3FFFFFFF);
	assert_int_equal(elf.start, LOAD0_GPA);
	assert_int_equal(elf.end, LOAD1_GPA + LOAD1_MEMSZ);
	assert_int_equal(elf_load(&elf, &sink, ELF_NOT_IN_GUEST, &err), 0);
	check_loaded(kernel);
	assert_int_equal(ram[LOAD0_GPA - 1], 0xAA);
	assert_int_equal(ram[LOAD0_GPA + LOAD0_FILESZ], 0xAA);
	assert_int_equal(ram[LOAD1_GPA + LOAD1_MEMSZ], 0xAA);
}

/* The same as ELF32 with a 4-byte entry note, segments in descending order. */
static void good_elf32(void **state)
{
	u8 *e = calloc(1, ELF_SIZE), *p = e + 52, *end;
	u32 entry = ELF_ENTRY;

	(void)state;
	memcpy(e, kernel, ELF_SIZE);
	memset(e, 0, 0x1000);
	memcpy(e, "\177ELF\1\1\1", 7);
	put_le16(e + 16, 2);
	put_le16(e + 18, 3);
	put_le32(e + 28, 52);
	put_le16(e + 42, 32);
	put_le16(e + 44, 3);
	end = make_note(e + 0x200, 18, &entry, 4);
	const u32 rows[3][8] = {
		{1, LOAD1_OFFSET, 0xC0200000, LOAD1_GPA, LOAD1_FILESZ, LOAD1_MEMSZ, 7, 0x1000},
		{4, 0x200, 0, 0, (u32)(end - e) - 0x200, 0, 4, 4},
		{1, LOAD0_OFFSET, 0xC0100000, LOAD0_GPA, LOAD0_FILESZ, LOAD0_FILESZ, 7, 0x1000},
	};
	memcpy(p, rows, sizeof(rows));
	assert_int_equal(elf_open(&elf, e, ELF_SIZE, &err), 0);
	assert_int_equal(elf.entry, ELF_ENTRY);
	assert_int_equal(elf.segments[0].gpa, LOAD0_GPA);
	assert_int_equal(elf_load(&elf, &sink, ELF_NOT_IN_GUEST, &err), 0);
	check_loaded(e);
	free(e);
}

static void bad_header(void **state)
{
	(void)state;
	kernel[4] = 3;
	expect_error("not x86");
	kernel[4] = 2;
	kernel[5] = 2;
	expect_error("not x86");
	kernel[5] = 1;
	put_le16(kernel + 18, 183);
	expect_error("machine 183");
	put_le16(kernel + 18, 62);
	put_le16(kernel + 54, 32);
	expect_error("bad header");
	put_le16(kernel + 54, 56);
	put_le64(kernel + 32, ELF_SIZE - 100);
	expect_error("program headers lie beyond");
	put_le64(kernel + 32, ~0ull - 8);
	expect_error("program headers lie beyond");
	put_le64(kernel + 32, ELF_PHDRS);
	put_le16(kernel + 56, 1000);
	expect_error("1000 program headers");
	put_le16(kernel + 56, 0);
	expect_error("nothing to load");
}

static void cut_files(void **state)
{
	static const u64 sizes[] = {0,   3,   4,     51,    52,     63,     64,
				    100, 231, 0x1FF, 0x220, 0x1000, 0x3FFFF};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(open_copy(sizes[i]), -EINVAL);
}

static void bad_segments(void **state)
{
	u8 *p = kernel + ELF_PHDR(1);

	(void)state;
	put_le64(p + 8, ELF_SIZE - 0x1000);
	expect_error("segment 1 (offset 0x3f000, 0x20000 bytes) lies beyond the file of 0x40000");
	put_le64(p + 8, ~0ull - 0x1000);
	expect_error("lies beyond the file");
	put_le64(p + 8, LOAD1_OFFSET);
	put_le64(p + 40, LOAD1_FILESZ - 1);
	expect_error("larger in the file");
	put_le64(p + 40, ~0ull - 0x1000);
	expect_error("wraps");
	put_le64(p + 40, LOAD1_MEMSZ);
	put_le64(p + 24, ~0ull - 0x1000);
	expect_error("wraps");
	put_le64(p + 24, LOAD0_GPA + LOAD0_FILESZ - 1);
	expect_error("segments 0 and 1 overlap at 0x11efff");
	put_le64(p + 24, LOAD0_GPA - LOAD1_MEMSZ + 1);
	expect_error("segments 1 and 0 overlap");
	put_le64(p + 24, LOAD0_GPA - LOAD1_MEMSZ);
	assert_int_equal(open_copy(ELF_SIZE), 0);
}

static void too_many_segments(void **state)
{
	unsigned int i;

	(void)state;
	put_le64(kernel + 32, 0x1000);
	put_le16(kernel + 56, ELF_SEGMENTS_MAX + 1);
	for (i = 0; i <= ELF_SEGMENTS_MAX; i++)
		make_phdr(kernel + 0x1000 + i * 56, 1, 0, i * 0x1000, 16, 16);
	expect_error("over 32 segments");
}

static void bad_notes(void **state)
{
	u8 *note = kernel + ELF_NOTES, *phdr = kernel + ELF_PHDR(2);
	u8 *entry_note = note + 20 + 28;

	(void)state;
	put_le32(entry_note + 4, 6);
	expect_error("PVH entry note of 6 bytes");
	put_le32(entry_note + 4, 100);
	expect_error("runs beyond segment 2");
	put_le32(entry_note + 4, 0xFFFFFFFF);
	expect_error("runs beyond segment 2");
	put_le32(entry_note + 4, 8);
	put_le32(entry_note, 0xFFFFFFFF);
	expect_error("runs beyond segment 2");
	put_le32(entry_note, 4);
	put_le32(entry_note + 8, 1);
	expect_error("no PVH entry note");
	put_le32(entry_note + 8, 18);
	memcpy(entry_note + 12, "Xem", 4);
	expect_error("no PVH entry note");
	memcpy(entry_note + 12, "Xen", 4);
	put_le32(phdr, 6);
	expect_error("no PVH entry note");
	put_le32(phdr, 4);
	put_le64(phdr + 8, ELF_SIZE);
	expect_error("lies beyond the file");
}

static void entry_outside(void **state)
{
	static const u64 entries[] = {0,
				      LOAD0_GPA - 1,
				      LOAD0_GPA + LOAD0_FILESZ,
				      LOAD1_GPA + LOAD1_MEMSZ,
				      0x100100010ull,
				      ~0ull};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		put_le64(kernel + ENTRY_DESC, entries[i]);
		expect_error("is in no segment");
	}
	put_le64(kernel + ENTRY_DESC, LOAD1_GPA + LOAD1_MEMSZ - 1);
	assert_int_equal(open_copy(ELF_SIZE), 0);
}

static void memory_ranges(void **state)
{
	const u64 end = LOAD1_GPA + LOAD1_MEMSZ;
	const struct elf_ram fits[] = {{0, end}, {GIB(4), MIB(1)}};
	const struct elf_ram cut = {0, end - 1},
			     split[] = {{0, LOAD1_GPA + 0x1000}, {LOAD1_GPA + 0x1000, MIB(1)}};
	const struct elf_ram late = {LOAD0_GPA + 1, MIB(8)};

	(void)state;
	assert_int_equal(elf_open(&elf, kernel, ELF_SIZE, &err), 0);
	assert_int_equal(elf_check_memory(&elf, fits, 2, &err), 0);
	assert_int_equal(elf_check_memory(&elf, &cut, 1, &err), -ENOMEM);
	assert_string_equal(err.text,
			    "ELF: segment 1 (0x200000-0x228000) is outside the guest's memory");
	assert_int_equal(elf_check_memory(&elf, split, 2, &err), -ENOMEM);
	assert_int_equal(elf_check_memory(&elf, &late, 1, &err), -ENOMEM);
	assert_int_equal(elf_check_memory(&elf, NULL, 0, &err), -ENOMEM);
}

/* The image unpacked in the guest's own memory, at every place: right or refused. */
static void source_in_guest(void **state)
{
	unsigned int refused = 0, loaded = 0;
	u64 at;

	(void)state;
	for (at = 0; at + ELF_SIZE <= RAM_SIZE; at += 0x8000) {
		int rc;

		memset(ram, 0xAA, RAM_SIZE);
		memcpy(ram + at, kernel, ELF_SIZE);
		assert_int_equal(elf_open(&elf, ram + at, ELF_SIZE, &err), 0);
		rc = elf_load(&elf, &sink, at, &err);
		if (rc == 0)
			check_loaded(kernel);
		else
			assert_int_equal(rc, -ENOMEM);
		refused += rc != 0;
		loaded += rc == 0;
		if (at >= elf.end)
			assert_int_equal(rc, 0);
	}
	assert_true(refused > 0 && loaded > 0);
	/* One that must overlap with itself and still work. */
	put_le64(kernel + ELF_PHDR(0) + 40, 0);
	put_le64(kernel + ELF_PHDR(0) + 32, 0);
	put_le64(kernel + ENTRY_DESC, LOAD1_GPA);
	at = LOAD1_GPA - LOAD1_OFFSET + KIB(64);
	memcpy(ram + at, kernel, ELF_SIZE);
	assert_int_equal(elf_open(&elf, ram + at, ELF_SIZE, &err), 0);
	assert_int_equal(elf_load(&elf, &sink, at, &err), 0);
	assert_memory_equal(ram + LOAD1_GPA, kernel + LOAD1_OFFSET, LOAD1_FILESZ);
}

static void sink_fails(void **state)
{
	(void)state;
	put_le64(kernel + ELF_PHDR(1) + 24, RAM_SIZE - LOAD1_FILESZ);
	assert_int_equal(elf_open(&elf, kernel, ELF_SIZE, &err), 0);
	assert_int_equal(elf_load(&elf, &sink, ELF_NOT_IN_GUEST, &err), -EFAULT);
	assert_non_null(strstr(err.text, "cannot write segment 1"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good),          TEST(good_elf32),        TEST(bad_header), TEST(cut_files),
		TEST(bad_segments),  TEST(too_many_segments), TEST(bad_notes),  TEST(entry_outside),
		TEST(memory_ranges), TEST(source_in_guest),   TEST(sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
