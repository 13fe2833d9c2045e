/* SPDX-License-Identifier: BSD-2-Clause */
/* Clock arithmetic: scales between frequencies, and dates. */
// links: arch/x86_64/platform/scale.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arch/x86_64/platform/clock.h>

static const u64 frequencies[] = {1000,       32768,      3579545,    50000000,   999999999,
				  1000000000, 1000000001, 2596106000, 3400000000, 5700000000};

static void test_accuracy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(frequencies); i++) {
		u64 hz = frequencies[i];
		struct clock_scale s = clock_scale_ratio(NS_PER_SEC, hz);
		u64 ns = clock_scale_apply(s, hz * 100); /* 100 s */

		assert_true(s.mul >= 1u << 31);
		assert_in_range(ns, 100 * NS_PER_SEC - 100, 100 * NS_PER_SEC);
	}
}

/* A deadline must not come before its time: there and back, plus the two ticks. */
static void test_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 2; i < ARRAY_SIZE(frequencies); i++) {
		struct clock_scale to = clock_scale_ratio(frequencies[i], NS_PER_SEC);
		struct clock_scale back = clock_scale_ratio(NS_PER_SEC, frequencies[i]);

		for (u64 ns = 1; ns < 3600 * NS_PER_SEC; ns = ns * 3 + 1) {
			u64 again = clock_scale_apply(back, clock_scale_apply(to, ns));

			assert_true(again <= ns);
			assert_true(ns - again < 1000 + ns / 1000000000 * 2);
		}
	}
}

static void test_monotonic(void **state)
{
	struct clock_scale s = clock_scale_ratio(NS_PER_SEC, 2596106000);
	u64 last = 0;

	(void)state;
	for (u64 t = bit64(40); t < bit64(40) + 100000; t++) {
		u64 now = clock_scale_apply(s, t);

		assert_true(now >= last);
		last = now;
	}
}

static void test_extremes(void **state)
{
	struct clock_scale s = clock_scale_ratio(1, 1);

	(void)state;
	assert_in_range(clock_scale_apply(s, 1000000), 999999, 1000000);
	s = clock_scale_ratio(bit64(62), 1);
	assert_true(s.mul >= 1u << 31 && s.shift == 63);
	s = clock_scale_ratio(1, bit64(62));
	assert_true(s.mul >= 1u << 31 && s.shift == -61);
}

static void test_dates(void **state)
{
	(void)state;
	assert_int_equal(clock_date_to_seconds(1970, 1, 1, 0, 0, 0), 0);
	assert_int_equal(clock_date_to_seconds(2000, 2, 29, 12, 0, 0), 951825600);
	assert_int_equal(clock_date_to_seconds(2023, 11, 14, 22, 13, 20), 1700000000);
	assert_int_equal(clock_date_to_seconds(2026, 1, 1, 0, 0, 0), 1767225600);
	assert_int_equal(clock_date_to_seconds(2100, 3, 1, 0, 0, 0), 4107542400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accuracy),  cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_monotonic), cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
