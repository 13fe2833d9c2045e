/* SPDX-License-Identifier: BSD-2-Clause */
/* Text formatting against the C library's. */
// links: core/lib/print.c
// cflags: -Wno-format-truncation
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <core/lib/print.h>

#define SAME(...)                                                        \
	do {                                                             \
		char ours[128], theirs[128];                             \
		size_t n = format_text(ours, sizeof(ours), __VA_ARGS__); \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);   \
		assert_string_equal(ours, theirs);                       \
		assert_int_equal(n, m);                                  \
	} while (0)

static void test_integers(void **state)
{
	(void)state;
	SAME("%d %d %u", 0, -1, 42u);
	SAME("%d %d %u", INT_MIN, INT_MAX, UINT_MAX);
	SAME("%ld %ld %lu %lx", LONG_MIN, LONG_MAX, ULONG_MAX, ULONG_MAX);
	SAME("%zu %zx", SIZE_MAX, SIZE_MAX);
	SAME("%x %#x %#x %#lx", 0xbeefu, 0xbeefu, 0u, ULONG_MAX);
}

static void test_fields(void **state)
{
	(void)state;
	SAME("[%5d] [%-5d] [%05d] [%5d] [%2d]", 42, 42, 42, -42, 12345);
	SAME("[%05d] [%02d] [%-7ld] [%06lu]", -42, 12345, -42l, 123ul);
	SAME("[%#10x] [%-#10x] [%#010x] [%02x] [%0x]", 0xabu, 0xabu, 0xabu, 0u, 0u);
	SAME("[%s] [%10s] [%-10s] [%2s] [%.*s] [%5.*s]", "abc", "abc", "abc", "abc", 1, "abc", 2,
	     "abc");
	SAME("[%c] [%3c] [%%] [%016lx] [%064lx] [%64d]", 'x', 'y', 0x1234ul, 1ul, -1);
}

/* What is not known stays harmless. */
static void test_unknown(void **state)
{
	char buf[128];

	(void)state;
	assert_int_equal(format_text(buf, sizeof(buf), "%1000u", 7u), 64);
	assert_int_equal(format_text(buf, sizeof(buf), "%01000u", 7u), 64);
	assert_int_equal(strspn(buf, "0"), 63);
}

static void test_bounds(void **state)
{
	char buf[8];
	const char unterminated[3] = {'a', 'b', 'c'};

	(void)state;
	memset(buf, '#', sizeof(buf));
	assert_int_equal(format_text(buf, 4, "%s", "abcdef"), 6);
	assert_memory_equal(buf, "abc\0####", 8);
	assert_int_equal(format_text(buf, 0, "%d", 12345), 5);
	assert_memory_equal(buf, "abc\0####", 8);
	assert_int_equal(format_text(buf, 1, "x"), 1);
	assert_int_equal(buf[0], 0);
	assert_int_equal(format_text(buf, 8, "%.*s", 3, unterminated), 3);
	assert_string_equal(buf, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
