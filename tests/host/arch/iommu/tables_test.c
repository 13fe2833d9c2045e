/* SPDX-License-Identifier: BSD-2-Clause */
/* DMAR and IVRS: what they say, and what is said of those that lie. */
// links: arch/x86_64/iommu/tables.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/iommu/unit.h>

static u8 table[4096];
static u32 used;
static struct iommu_tables out;

static int begin(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	used = 48;
	return 0;
}

static void put(u32 at, u64 value, u32 bytes)
{
	memcpy(table + at, &value, bytes);
}

/* An entry of `size` bytes that says so; its place. */
static u32 entry(u32 size)
{
	u32 at = used;

	put(at + 2, size, 2);
	used += size;
	return at;
}

static void drhd(u64 base)
{
	put(entry(24) + 8, base, 8); /* with a device scope */
}

static void rmrr(u64 first, u64 last)
{
	u32 at = entry(32);

	put(at, 1, 2);
	put(at + 8, first, 8);
	put(at + 16, last, 8);
}

static void ivhd(u8 type, u64 base)
{
	u32 at = entry(40);

	put(at, type, 1);
	put(at + 8, base, 8);
}

static void ivmd(u8 type, u8 flags, u64 start, u64 length)
{
	u32 at = entry(32);

	put(at, type, 1);
	put(at + 1, flags, 1);
	put(at + 16, start, 8);
	put(at + 24, length, 8);
}

/* Over a copy of exactly that size, so that the sanitizer sees each byte read beyond it. */
static const char *parse(bool intel, u32 size)
{
	u8 *copy = malloc(size);
	const char *wrong;

	memcpy(copy, table, size);
	wrong = intel ? iommu_parse_dmar(&out, copy, size) : iommu_parse_ivrs(&out, copy, size);
	free(copy);
	return wrong;
}

static void dmar(void **state)
{
	(void)state;
	drhd(0xFED90000);
	put(entry(8), 3, 2); /* what the hypervisor does not know */
	rmrr(0xBF000000, 0xBF7FFFFF);
	drhd(0xFED91000);
	assert_null(parse(true, used));
	assert_int_equal(out.unit_count, 2);
	assert_int_equal(out.units[0], 0xFED90000);
	assert_int_equal(out.units[1], 0xFED91000);
	assert_int_equal(out.range_count, 1);
	assert_int_equal(out.ranges[0].start, 0xBF000000);
	assert_int_equal(out.ranges[0].end, 0xBF800000);
}

static void ivrs(void **state)
{
	(void)state;
	ivhd(0x10, 0xFED80000);
	ivhd(0x11, 0xFED80000); /* the same one again, for newer software */
	ivhd(0x40, 0xFEC10000);
	ivmd(0x20, 1 | 6, 0xAF000000, 0x2000);
	ivmd(0x22, 8, 0xB0000000, 0x1000);
	ivmd(0x21, 6, 0xC0000000, 0x1000); /* asks for nothing */
	assert_null(parse(false, used));
	assert_int_equal(out.unit_count, 2);
	assert_int_equal(out.units[1], 0xFEC10000);
	assert_int_equal(out.range_count, 2);
	assert_int_equal(out.ranges[0].end, 0xAF002000);
	assert_int_equal(out.ranges[1].start, 0xB0000000);
}

static void lies(void **state)
{
	for (int intel = 0; intel < 2; intel++) {
		begin(state);
		assert_string_equal(parse(intel, 36), "no room for an entry");
		assert_string_equal(parse(intel, 48), "no unit");
		entry(3);
		assert_non_null(parse(intel, 52));
		begin(state);
		entry(0);
		assert_string_equal(parse(intel, 60), "an entry with an impossible length");
		begin(state);
		put(entry(15), intel ? 0 : 0x10, 1);
		assert_string_equal(parse(intel, used), "an entry that is too short");
		begin(state);
		put(entry(23), intel ? 1 : 0x20, 1);
		assert_string_equal(parse(intel, used), "an entry that is too short");
	}
}

static void bad_units(void **state)
{
	static const u64 bases[] = {0, 0xFED90001, 1ull << 52, ~0ull << 12};

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		begin(state);
		drhd(bases[i]);
		assert_string_equal(parse(true, used), "a unit with an impossible address");
	}
	begin(state);
	for (u64 i = 0; i < IOMMU_MAX_UNITS; i++)
		drhd(0xFED00000 + i * PAGE_SIZE);
	assert_null(parse(true, used));
	drhd(0xFEE00000);
	assert_string_equal(parse(true, used), "more units than are supported");
}

static void bad_ranges(void **state)
{
	static const u64 ranges[][2] = {{0x2000, 0x1FFE},
					{0, ~0ull},
					{0x1000, 0x1000 + GIB(4)},
					{1ull << 48, (1ull << 48) + 1}};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		begin(state);
		drhd(0xFED90000);
		rmrr(ranges[i][0], ranges[i][1]);
		assert_string_equal(parse(true, used), "an impossible range of memory");
	}
	begin(state);
	ivhd(0x10, 0xFED80000);
	ivmd(0x20, 1, ~0ull - 10, 100);
	assert_string_equal(parse(false, used), "an impossible range of memory");
	begin(state);
	drhd(0xFED90000);
	for (u64 i = 0; i < IOMMU_MAX_RANGES; i++)
		rmrr(i << 12, (i << 12) + 0xFFF);
	assert_null(parse(true, used));
	rmrr(0, 1);
	assert_string_equal(parse(true, used), "more ranges of memory than are supported");
}

/* Cut anywhere, and with any byte another: an answer, and no byte beyond the end is read. */
static void damaged(void **state)
{
	u32 size;

	(void)state;
	drhd(0xFED90000);
	rmrr(0xBF000000, 0xBF7FFFFF);
	size = used;
	for (u32 n = 36; n <= size; n++)
		(void)!parse(true, n);
	for (u32 i = 36; i < size; i++)
		for (u32 v = 0; v < 256; v += 5) {
			u8 old = table[i];

			table[i] = (u8)v;
			(void)!parse(true, size);
			(void)!parse(false, size);
			table[i] = old;
		}
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(dmar),      TEST(ivrs),       TEST(lies),
					   TEST(bad_units), TEST(bad_ranges), TEST(damaged)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
