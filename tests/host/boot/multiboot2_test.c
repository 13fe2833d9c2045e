/* SPDX-License-Identifier: BSD-2-Clause */
/* The Multiboot2 tag parser: what a loader gives, and every length wrong. */
// links: boot/multiboot2.c core/lib/string.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <boot/multiboot2.h>
#include <core/lib/string.h>

static u8 mbi[65536];
static size_t used;
static struct boot_info info;

static void put(const void *p, size_t n)
{
	memcpy(mbi + used, p, n);
	used += n;
}
static void put32(u32 v)
{
	put(&v, 4);
}
static void put64(u64 v)
{
	put(&v, 8);
}
static void pad(void)
{
	while (used % 8 != 0)
		mbi[used++] = 0xEE;
}
static void begin(void)
{
	memset(mbi, 0, sizeof(mbi));
	used = 8;
}
static void text(u32 type, const char *s)
{
	put32(type);
	put32((u32)(8 + strlen(s) + 1));
	put(s, strlen(s) + 1);
	pad();
}
static void module(u32 start, u32 end, const char *s)
{
	put32(3);
	put32((u32)(16 + strlen(s) + 1));
	put32(start);
	put32(end);
	put(s, strlen(s) + 1);
	pad();
}
static void memory_begin(u32 entries)
{
	put32(6);
	put32(16 + 24 * entries);
	put32(24);
	put32(0);
}
static void memory(u64 base, u64 length, u32 type)
{
	put64(base);
	put64(length);
	put32(type);
	put32(0);
}
static void end(void)
{
	u32 total;

	put32(0);
	put32(8);
	total = (u32)used;
	memcpy(mbi, &total, 4);
}
/* Parsed from a block of exactly that size, so that the sanitizer sees each byte too many. */
static const char *parse(size_t size)
{
	u8 *copy = malloc(size != 0 ? size : 1);
	const char *error;

	assert_non_null(copy);
	memcpy(copy, mbi, size);
	error = multiboot2_parse(&info, copy, size);
	free(copy);
	return error;
}
static void typical(void)
{
	static const u8 old_rsdp[20] = "RSD PTR old", new_rsdp[36] = "RSD PTR new";

	begin();
	text(1, "when_idle=poweroff");
	text(2, "GRUB");
	module(0x400000, 0x500123, "control");
	module(0x300000, 0x300000, "");
	put32(14);
	put32(28);
	put(old_rsdp, 20);
	pad();
	put32(15);
	put32(44);
	put(new_rsdp, 36);
	pad();
	put32(4711); /* unknown: skipped */
	put32(9);
	put("x", 1);
	pad();
	memory_begin(4);
	memory(0x100000, 0x7ff00000, 1);
	memory(0, 0x9fc00, 1);
	memory(0x9fc00, 0x400, 2);
	memory(0x90000000, 0, 1);
	end();
}

static void test_typical(void **state)
{
	(void)state;
	typical();
	assert_null(parse(used));
	assert_string_equal(info.cmdline, "when_idle=poweroff");
	assert_string_equal(info.loader, "GRUB");
	assert_int_equal(info.module_count, 2);
	assert_int_equal(info.modules[0].start, 0x400000);
	assert_int_equal(info.modules[0].end, 0x500123);
	assert_string_equal(info.modules[0].cmdline, "control");
	assert_string_equal(info.modules[1].cmdline, "");
	assert_int_equal(info.rsdp_size, 36);
	assert_memory_equal(info.rsdp, "RSD PTR new", 11);
	assert_int_equal(info.range_count, 3); /* sorted, the empty one left out */
	assert_int_equal(info.ranges[0].start, 0);
	assert_int_equal(info.ranges[1].type, 2);
	assert_int_equal(info.ranges[2].end, 0x80000000);
}

static void test_every_truncation(void **state)
{
	(void)state;
	typical();
	for (size_t size = 0; size < used; size++) {
		u32 total = (u32)size;

		assert_non_null(parse(size)); /* total size beyond the block */
		memcpy(mbi, &total, size < 4 ? 0 : 4);
		assert_non_null(parse(size)); /* the end tag is gone */
		total = (u32)used;
		memcpy(mbi, &total, 4);
	}
}

static void test_bad_tags(void **state)
{
	(void)state;
	begin();
	text(1, "abc");
	mbi[8 + 8 + 3] = 'd'; /* not terminated */
	end();
	assert_string_equal(parse(used), "text tag not terminated or too long");

	begin();
	module(2, 1, "m");
	end();
	assert_string_equal(parse(used), "module ends before it begins");

	begin();
	put32(3);
	put32(12);
	put64(0);
	end();
	assert_string_equal(parse(used), "module tag too short");

	begin();
	put32(7);
	put32(7); /* shorter than its own head */
	end();
	assert_string_equal(parse(used), "bad tag size");

	begin();
	put32(7);
	put32(0xfffffff9); /* rounding it up to 8 would wrap */
	end();
	assert_string_equal(parse(used), "bad tag size");

	begin();
	memory_begin(1);
	memory(~0ull - 10, 100, 1);
	end();
	assert_string_equal(parse(used), "memory map entry wraps around");

	begin();
	put32(6);
	put32(16);
	put32(0); /* entries of no size: no endless loop */
	put32(0);
	end();
	assert_string_equal(parse(used), "memory map entries too short");

	begin();
	end();
	assert_string_equal(parse(used), "no memory map");

	begin();
	put32(15);
	put32(43);
	put("RSD PTR ", 8);
	used += 27;
	pad();
	end();
	assert_string_equal(parse(used), "ACPI tag too short");
}

static void test_bounds(void **state)
{
	(void)state;
	begin();
	memory_begin(1);
	memory(0, 0x1000, 1);
	for (u32 i = 0; i < BOOT_MAX_MODULES; i++)
		module(i, i + 1, "12345678");
	end();
	assert_null(parse(used));
	assert_int_equal(info.module_count, BOOT_MAX_MODULES);
	used -= 8;
	module(1, 2, "one more");
	end();
	assert_string_equal(parse(used), "too many modules");

	begin();
	memory_begin(BOOT_MAX_RANGES + 1);
	for (u32 i = 0; i <= BOOT_MAX_RANGES; i++)
		memory((BOOT_MAX_RANGES - i) * 0x1000ull, 0x1000, 1);
	end();
	assert_string_equal(parse(used), "too many memory map entries");
}

static void expect_ram(u64 *from, u64 start, u64 stop)
{
	u64 s, e;

	assert_true(boot_ram_next(&info, *from, &s, &e));
	assert_int_equal(s, start);
	assert_int_equal(e, stop);
	*from = e;
}

static void test_ram_by_elimination(void **state)
{
	u64 from = 0, s, e;

	(void)state;
	begin();
	module(0x400000, 0x400800, "");
	module(0x500800, 0x502000, "");
	module(0x502000, 0x503000, "");
	memory_begin(6);
	memory(0x100800, 0x7ff800, 1); /* up to 0x900000, begins within a page */
	memory(0x200000, 0x1000, 2);   /* reserved, inside RAM */
	memory(0x8ff000, 0x2000, 3);   /* over the end of RAM */
	memory(0xa00000, 0x1000, 1);
	memory(0xa00000, 0x1000, 1); /* twice */
	memory(0xb00010, 0x100, 1);  /* less than a page */
	end();
	assert_null(parse(used));
	expect_ram(&from, 0x101000, 0x200000);
	expect_ram(&from, 0x201000, 0x400000);
	expect_ram(&from, 0x401000, 0x500000);
	expect_ram(&from, 0x503000, 0x8ff000);
	expect_ram(&from, 0xa00000, 0xa01000);
	assert_false(boot_ram_next(&info, from, &s, &e));
	assert_false(boot_ram_next(&info, ~0ull, &s, &e));
	assert_true(boot_overlaps_ram(&info, 0x900000 - 1, 0x900000)); /* also where ACPI claims it */
	assert_false(boot_overlaps_ram(&info, 0x900000, 0xa00000));
	assert_true(boot_overlaps_ram(&info, 0x900000, 0xa00001));
	assert_true(boot_overlaps_ram(&info, 0, ~0ull));
	assert_false(boot_overlaps_ram(&info, 0, 0x100800));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_typical),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_bad_tags),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_ram_by_elimination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
