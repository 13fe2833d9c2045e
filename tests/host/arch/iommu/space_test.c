/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices' page table in both formats: what hardware reads, who counts, and what is owed. */
// links: arch/x86_64/iommu/space.c tests/fake/iommu/machine.c
// cflags: -include tests/fake/iommu/machine.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/iommu/unit.h>
#include <core/mm/frame.h>
#include <xen/errno.h>

static struct iommu_space s;

static void begin(bool intel, unsigned int levels)
{
	s = (struct iommu_space){.format = intel ? &vtd_format : &amdvi_format,
				 .levels = levels,
				 .coherent = true,
				 .root = page_alloc(0)};
}

static int end(void **state)
{
	(void)state;
	fake_machine_reset();
	return 0;
}

/* As hardware walks: VT-d Specification, "Second-Level Paging Entries"; AMD I/O Virtualization
 * Technology Specification, "I/O Page Tables". 0: blocked, 1: reading, 3: reading and writing. */
static unsigned int rights(u64 frame)
{
	const u64 *table = s.root;

	for (unsigned int level = s.levels;; level--) {
		u64 e = table[frame >> (9 * (level - 1)) & 511];
		unsigned int r = s.format == &vtd_format ? (unsigned int)e & 3
				 : e & 1                 ? (unsigned int)(e >> 61) & 3
							 : 0;

		if (r == 0)
			return 0;
		if (s.format == &amdvi_format) {
			assert_int_equal(e >> 9 & 7, level - 1);
			assert_int_equal(e >> 52 & 0x7F, 0); /* reserved */
			assert_int_equal(e >> 60 & 1, level == 1);
		} else {
			assert_int_equal(e >> 52, 0);
			assert_int_equal(e & 0xFFC, 0);
		}
		if (level == 1) {
			assert_int_equal(e << 12 >> 24, frame);
			return r;
		}
		assert_int_equal(r, 3); /* rights are those of all levels together */
		table = phys_to_virt(hpa(e & 0x000FFFFFFFFFF000ull));
	}
}

static bool add(u64 f, bool write)
{
	bool owed = false;

	assert_int_equal(iommu_space_add(&s, hfn(f), write, &owed), 0);
	return owed;
}

static bool take(u64 f, bool write)
{
	bool owed = false;

	iommu_space_remove(&s, hfn(f), write, &owed);
	return owed;
}

static void count(bool intel, unsigned int levels, u64 f)
{
	begin(intel, levels);
	assert_int_equal(rights(f), 0);
	assert_false(add(f, false)); /* no unit knows a hole */
	assert_int_equal(rights(f), 1);
	assert_int_equal(rights(f + 1), 0);
	assert_true(add(f, true)); /* it may know that writing is not allowed */
	assert_int_equal(rights(f), 3);
	assert_false(add(f, true));
	assert_false(take(f, true));
	assert_int_equal(rights(f), 3);
	assert_true(take(f, true));
	assert_int_equal(rights(f), 1); /* by the one that reads */
	assert_true(take(f, false));
	assert_int_equal(rights(f), 0);
}

static void counts(void **state)
{
	(void)state;
	count(true, 3, 511);
	count(true, 4, 0x12345);
	count(false, 3, 0x12345);
	count(false, 4, 511);
	expect_assert_failure(take(511, false));
	expect_assert_failure(take(1 << 20, false));
}

static void many_frames(void **state)
{
	u64 f[200];

	(void)state;
	begin(true, 4);
	for (u64 i = 0; i < 200; i++) {
		f[i] = (i * 0x9E3779B97F4A7C15ull) >> 28;
		add(f[i], i & 1);
	}
	for (u64 i = 0; i < 200; i++)
		assert_int_equal(rights(f[i]), i & 1 ? 3 : 1);
	for (u64 i = 0; i < 200; i++)
		assert_true(take(f[i], i & 1));
	for (u64 i = 0; i < 200; i++)
		assert_int_equal(rights(f[i]), 0);
}

static void limits(void **state)
{
	bool owed = false;

	(void)state;
	begin(true, 3);
	assert_int_equal(iommu_space_add(&s, hfn(1ull << 27), true, &owed), -XEN_ENOMEM);
	add((1ull << 27) - 1, true);
	for (fake_pages_left = 0; fake_pages_left < 2; fake_pages_left++) {
		unsigned int left = fake_pages_left;

		assert_int_equal(iommu_space_add(&s, hfn(left << 18), true, &owed), -XEN_ENOMEM);
		assert_int_equal(rights(left << 18), 0);
		fake_pages_left = left;
	}
	fake_pages_left = ~0u;
	add(0, true);
	assert_false(owed);
}

/* Hardware that does not snoop, or keeps holes. */
static void old_hardware(void **state)
{
	(void)state;
	begin(true, 3);
	s.coherent = false;
	add(5, true);
	/* Two new tables, the entries of both, the leaf. */
	assert_int_equal(fake_lines_written, 2 * PAGE_SIZE / 64 + 3);
	fake_lines_written = 0;
	add(6, true);
	take(6, true);
	assert_int_equal(fake_lines_written, 2);
	s.settle_when_new = true;
	assert_true(add(7, true));
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(counts), TEST(many_frames), TEST(limits),
					   TEST(old_hardware)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
