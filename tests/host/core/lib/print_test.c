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
	SAME("%d %i %u", 0, -1, 42u);
	SAME("%d %d", INT_MIN, INT_MAX);
	SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%lld %llu %zu", LLONG_MIN, ULLONG_MAX, SIZE_MAX);
	SAME("%hhd %hhu %hd %hu", (signed char)-3, (unsigned char)200, (short)-300,
	     (unsigned short)60000);
	SAME("%x %X %#x %#X %o %#x", 0xbeefu, 0xbeefu, 0xbeefu, 0xbeefu, 8u, 0u);
}

static void test_fields(void **state)
{
	(void)state;
	SAME("[%5d] [%-5d] [%05d] [%5d]", 42, 42, 42, -42);
	SAME("[%+d] [% d] [%+5d] [%05d]", 42, 42, 42, -42);
	SAME("[%8.3d] [%-8.3d] [%.0d] [%.3x]", 7, 7, 0, 0xau);
	SAME("[%#10x] [%-#10x] [%#010x]", 0xabu, 0xabu, 0xabu);
	SAME("[%*d] [%-*d] [%*d]", 6, 1, 6, 1, -6, 1);
	SAME("[%s] [%10s] [%-10s] [%.2s] [%10.2s] [%.*s]", "abc", "abc", "abc", "abc", "abc", 1,
	     "abc");
	SAME("[%c] [%3c] [%%] [%016lx]", 'x', 'y', 0x1234ul);
	SAME("%p", (void *)0x1234);
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
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
