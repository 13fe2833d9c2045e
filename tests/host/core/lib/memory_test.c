/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory functions, under other names so that the sanitizer's own stay in place. */
// cflags: -fno-builtin
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define memcpy  our_memcpy
#define memmove our_memmove
#define memset  our_memset
#define memcmp  our_memcmp
#include <core/lib/memory.c>

static void fill(u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)(i * 7 + 1);
}

/* Every pair of offsets and every length in a small buffer, against a copy by hand. */
static void test_move(void **state)
{
	u8 a[40], expect[40], temp[40];

	(void)state;
	for (size_t d = 0; d < 20; d++) {
		for (size_t s = 0; s < 20; s++) {
			for (size_t n = 0; n <= 20; n++) {
				fill(a, sizeof(a));
				fill(expect, sizeof(expect));
				for (size_t i = 0; i < n; i++)
					temp[i] = expect[s + i];
				for (size_t i = 0; i < n; i++)
					expect[d + i] = temp[i];
				assert_ptr_equal(our_memmove(a + d, a + s, n), a + d);
				assert_memory_equal(a, expect, sizeof(a));
			}
		}
	}
}

static void test_copy_and_set(void **state)
{
	u8 a[64], b[64];

	(void)state;
	for (size_t n = 0; n <= 40; n++) {
		fill(a, sizeof(a));
		our_memset(b, 0xEE, sizeof(b));
		assert_ptr_equal(our_memcpy(b + 3, a + 1, n), b + 3);
		for (size_t i = 0; i < sizeof(b); i++)
			assert_int_equal(b[i], i >= 3 && i < 3 + n ? a[i - 2] : 0xEE);
	}
}

static void test_compare(void **state)
{
	(void)state;
	assert_int_equal(our_memcmp("abc", "abd", 2), 0);
	assert_true(our_memcmp("abc", "abd", 3) < 0);
	assert_true(our_memcmp("\xff", "\x01", 1) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_copy_and_set),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
