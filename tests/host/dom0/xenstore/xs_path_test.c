/* SPDX-License-Identifier: BSD-2-Clause */
/* Syntax of paths and numbers. */
// links: dom0/xenstore/xs_path.c

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <dom0/xenstore/xs_limits.h>
#include <dom0/xenstore/xs_path.h>

static void absolute(const char *path, const char *expected, size_t expected_prefix)
{
	char buf[XS_PATH_SIZE];
	size_t prefix = 99;
	int rc = xs_path_absolute(7, path, buf, &prefix);

	if (expected == NULL) {
		assert_int_equal(rc, -EINVAL);
		return;
	}
	assert_int_equal(rc, 0);
	assert_string_equal(buf, expected);
	assert_int_equal(prefix, expected_prefix);
}

static void test_forms(void **state)
{
	(void)state;
	absolute("/", "/", 0);
	absolute("/a/B-_@9", "/a/B-_@9", 0);
	absolute("device/vbd", "/local/domain/7/device/vbd", 16);
	absolute("x", "/local/domain/7/x", 16);
	absolute("", NULL, 0);
	absolute("//", NULL, 0);
	absolute("/a/", NULL, 0);
	absolute("a/", NULL, 0);
	absolute("a//b", NULL, 0);
	absolute("/a b", NULL, 0);
	absolute("/a.b", NULL, 0);
	absolute("/a\x80", NULL, 0);
	absolute("@introduceDomain", NULL, 0);
}

static void test_lengths(void **state)
{
	char path[XS_ABS_PATH_MAX + 2], buf[XS_PATH_SIZE];
	size_t prefix;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[XS_ABS_PATH_MAX] = '\0';
	assert_int_equal(xs_path_absolute(7, path, buf, &prefix), 0);
	assert_string_equal(path, buf);
	path[XS_ABS_PATH_MAX] = 'a';
	path[XS_ABS_PATH_MAX + 1] = '\0';
	absolute(path, NULL, 0);
	path[0] = 'a';
	path[XS_REL_PATH_MAX] = '\0';
	assert_int_equal(xs_path_absolute(0x7fef, path, buf, &prefix), 0);
	path[XS_REL_PATH_MAX] = 'a';
	path[XS_REL_PATH_MAX + 1] = '\0';
	absolute(path, NULL, 0);
}

static void test_elements(void **state)
{
	const char *cursor = "/ab/c", *name;
	size_t len;

	(void)state;
	assert_true(xs_path_next(&cursor, &name, &len));
	assert_memory_equal(name, "ab", 2);
	assert_int_equal(len, 2);
	assert_true(xs_path_next(&cursor, &name, &len));
	assert_int_equal(len, 1);
	assert_false(xs_path_next(&cursor, &name, &len));
	cursor = "/";
	assert_false(xs_path_next(&cursor, &name, &len));
}

static void test_decimal(void **state)
{
	u64 value;

	(void)state;
	assert_true(xs_parse_decimal("65535", 5, 65535, &value));
	assert_int_equal(value, 65535);
	assert_true(xs_parse_decimal("0", 1, 65535, &value));
	assert_false(xs_parse_decimal("65536", 5, 65535, &value));
	assert_false(xs_parse_decimal("", 0, 65535, &value));
	assert_false(xs_parse_decimal("-1", 2, 65535, &value));
	assert_false(xs_parse_decimal(" 1", 2, 65535, &value));
	assert_false(xs_parse_decimal("1x", 2, 65535, &value));
	assert_false(xs_parse_decimal("99999999999999999999999", 23, UINT64_MAX, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
