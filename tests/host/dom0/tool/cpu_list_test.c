/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of CPUs: what is taken, what is refused, and that the text of a list means the same list.
 */
// links: dom0/tool/cpu_list.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/tool/cpu_list.h>

static struct cpu_list list;

static void good(void **state)
{
	static const struct {
		const char *text;
		u64 low;
		const char *again; /* of 8 CPUs */
	} rows[] = {
		{"0", 1, "0"},
		{"0-3,5,^2", 0x2B, "0-1,3,5"},
		{" 1 , 3 - 4 ", 0x1A, "1,3-4"},
		{"all", ~0ull, "all"},
		{"0-7", 0xFF, "all"},
		{"all,^1-6", ~0x7Eull, "0,7"},
		{"^0,0", 1, "0"}, /* from left to right */
		{"63", 1ull << 63, "none"},
		{"0000000000000000000002", 4, "2"},
		{"^all,3,3,2-3", 0xC, "2-3"},
	};
	char text[CPU_LIST_TEXT];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_null(cpu_list_parse(rows[i].text, &list));
		assert_true(list.bits[0] == rows[i].low);
		cpu_list_text(&list, 8, text);
		assert_string_equal(text, rows[i].again);
	}
	assert_null(cpu_list_parse("255", &list));
	assert_true(cpu_list_has(&list, 255) && !cpu_list_has(&list, 254));
	assert_false(cpu_list_has(&list, 256) || cpu_list_below(&list, 255));
	assert_true(cpu_list_below(&list, 256));
}

static void bad(void **state)
{
	static const char *const no_list[] = {
		"",  " ",   ",",    "0,", ",0",   "-1",    "1-",  "3-2",    "a",   "1 2", "0x1",
		"^", "^^1", "allx", "al", "0,,1", "1-2-3", "1.5", "node:0", "ALL", "0;1", "+1"};
	static const char *const too_high[] = {"256", "0-256", "99999999999999999999", "4294967296",
					       "0,18446744073709551616"};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(no_list); i++)
		assert_string_equal(cpu_list_parse(no_list[i], &list), "is no list of CPUs");
	for (unsigned int i = 0; i < ARRAY_SIZE(too_high); i++)
		assert_string_equal(cpu_list_parse(too_high[i], &list), "has a CPU above 255");
	assert_string_equal(cpu_list_parse("1,^0-3", &list), "has no CPU");
}

static void any_list(void **state)
{
	char text[CPU_LIST_TEXT];
	u64 seed = 88172645463325252ull;

	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		struct cpu_list again;

		for (unsigned int i = 0; i < ARRAY_SIZE(list.bits); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			list.bits[i] = round & 1 ? seed : 0x5555555555555555ull << (round & 2) / 2;
		}
		cpu_list_text(&list, CPU_LIST_CPUS, text);
		assert_null(cpu_list_parse(text, &again));
		assert_memory_equal(&list, &again, sizeof(list));
	}
}

static void any_text(void **state)
{
	static const char letters[] = "0123456789-,^all ";
	u64 seed = 0x9E3779B97F4A7C15ull;

	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		size_t n = seed >> 60;
		char *text = malloc(n + 1);

		for (size_t i = 0; i < n; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			text[i] = letters[(seed >> 20) % (sizeof(letters) - 1)];
		}
		text[n] = 0;
		seed = seed * 6364136223846793005ull + 1;
		if (!cpu_list_parse(text, &list))
			assert_true(cpu_list_below(&list, CPU_LIST_CPUS));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(any_list),
		cmocka_unit_test(any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
