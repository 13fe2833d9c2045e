/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of bits, at every edge of a byte. */
// links: core/lib/bitmap.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/lib/bitmap.h>

#define BITS 64u

static void every_range(void **state)
{
	u8 map[BITS / 8 + 1];

	(void)state;
	for (u32 first = 0; first < BITS; first++) {
		for (u32 last = first; last < BITS; last++) {
			for (int value = 0; value < 2; value++) {
				memset(map, value ? 0 : 0xFF, sizeof(map));
				bitmap_fill(map, first, last, value);
				for (u32 n = 0; n < sizeof(map) * 8; n++)
					assert_int_equal(map[n / 8] >> n % 8 & 1,
							 n >= first && n <= last ? value : !value);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_range)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
