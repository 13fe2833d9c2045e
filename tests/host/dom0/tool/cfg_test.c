/* SPDX-License-Identifier: BSD-2-Clause */
/* The xl.cfg syntax: what it accepts, what it means, and how it complains. */
// links: dom0/tool/cfg.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/tool/cfg.h>

static struct cfg_file file;
static struct cfg_error err;

/* Parses a copy without a terminator, so that the sanitizer sees each overrun. */
static int parse_bytes(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	memset(&err, 0, sizeof(err));
	rc = cfg_parse(&file, "a.cfg", copy, len, &err);
	free(copy);
	return rc;
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static const char *text_of(const char *key)
{
	const struct cfg_setting *s = cfg_find(&file, key);

	return s && s->value.text ? s->value.text : "(none)";
}

static s64 number_of(const char *key)
{
	const struct cfg_setting *s = cfg_find(&file, key);
	s64 n = -1;

	return s && cfg_number(&s->value, &n) == 0 ? n : -1;
}

static void assignments(void **state)
{
	(void)state;
	assert_int_equal(parse("# a comment\n"
			       "name = 'one'\n"
			       "\n"
			       "kernel=\"two words\" # said twice; not ended\n"
			       "a=1;b = 0x1F ; c=017;;\r\n"
			       "\tmemory = \"128\"   \n"
			       "_x9 = 9223372036854775807"),
			 0);
	assert_string_equal(text_of("name"), "one");
	assert_string_equal(text_of("kernel"), "two words");
	assert_int_equal(number_of("a"), 1);
	assert_int_equal(number_of("b"), 31);
	assert_int_equal(number_of("c"), 15);
	assert_int_equal(number_of("memory"), 128);
	assert_true(number_of("_x9") == INT64_MAX);
	assert_int_equal(number_of("name"), -1);
	assert_null(cfg_find(&file, "nam"));
	assert_int_equal(cfg_find(&file, "name")->line, 2);
	assert_int_equal(cfg_find(&file, "c")->value.line, 5);
	assert_int_equal(cfg_find(&file, "memory")->line, 6);
	cfg_free(&file);
}

static void empty_files(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(file.count, 0);
	cfg_free(&file);
	assert_int_equal(parse("\n;;\n # only this"), 0);
	assert_int_equal(file.count, 0);
	cfg_free(&file);
}

static void escapes(void **state)
{
	(void)state;
	assert_int_equal(parse("d = 'no' e='separator'"), -EINVAL);
	assert_int_equal(parse("a = \"q\\\"q\\'q\\\\\" \n b = 'tab\\tnl\\n' \n"
			       "c = '\\x41\\102C\\1012' \n d = 'say \"#;[\"'; e=''\n"),
			 0);
	assert_string_equal(text_of("a"), "q\"q'q\\");
	assert_string_equal(text_of("b"), "tab\tnl\n");
	assert_string_equal(text_of("c"), "ABCA2");
	assert_string_equal(text_of("d"), "say \"#;[\"");
	assert_string_equal(text_of("e"), "");
	cfg_free(&file);
}

static void lists(void **state)
{
	const struct cfg_value *v;

	(void)state;
	assert_int_equal(parse("disk = [ 'a', # first\n"
			       "  \"b\" , 3,\n"
			       "\n"
			       "]\n"
			       "vif = []\n"
			       "deep = [[1,2],[ ],'x']; after = 7\n"),
			 0);
	v = &cfg_find(&file, "disk")->value;
	assert_int_equal(v->type, CFG_LIST);
	assert_int_equal(v->item_count, 3);
	assert_string_equal(v->items[0].text, "a");
	assert_string_equal(v->items[1].text, "b");
	assert_int_equal(v->items[1].line, 2);
	assert_string_equal(v->items[2].text, "3");
	assert_int_equal(cfg_find(&file, "vif")->value.item_count, 0);
	v = &cfg_find(&file, "deep")->value;
	assert_int_equal(v->item_count, 3);
	assert_int_equal(v->items[0].item_count, 2);
	assert_int_equal(cfg_find(&file, "after")->line, 6);
	assert_int_equal(number_of("after"), 7);
	cfg_free(&file);
}

static void later_replaces(void **state)
{
	(void)state;
	assert_int_equal(parse("a=1\na=2"), 0);
	assert_int_equal(number_of("a"), 2);
	cfg_free(&file);
}

static void complaints(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"name 'x'", "a.cfg:1: key 'name': unexpected ''' where '=' should be"},
		{"\n\nname", "a.cfg:3: key 'name': the file ends where '=' should be"},
		{"name =\nx=1", "a.cfg:1: key 'name': the line ends where a value should be"},
		{"name = 'x\n'", "a.cfg:1: key 'name': the line ends inside a string"},
		{"name = \"x", "a.cfg:1: key 'name': the file ends inside a string"},
		{"name = 'x\\", "a.cfg:1: key 'name': the file ends after a backslash in a string"},
		{"name = 'x\\q'",
		 "a.cfg:1: key 'name': unexpected 'q' after a backslash in a string"},
		{"name = '\\x'", "a.cfg:1: key 'name': bad escape in string"},
		{"name = '\\0'", "a.cfg:1: key 'name': bad escape in string"},
		{"name = '\\777'", "a.cfg:1: key 'name': bad escape in string"},
		{"m = 12k", "a.cfg:1: key 'm': '12k' is no number"},
		{"m = 08", "a.cfg:1: key 'm': '08' is no number"},
		{"m = 0x", "a.cfg:1: key 'm': '0x' is no number"},
		{"m = 9223372036854775808", "a.cfg:1: key 'm': '9223372036854775808' is no number"},
		{"m = -1", "a.cfg:1: key 'm': unexpected '-' where a value should be"},
		{"m = yes", "a.cfg:1: key 'm': unexpected 'y' where a value should be"},
		{"m = 1 2", "a.cfg:1: key 'm': unexpected '2' after the value"},
		{"m += 1", "a.cfg:1: key 'm': unexpected '+' where '=' should be"},
		{"= 1", "a.cfg:1: unexpected '=' where a key should be"},
		{"a=1\n\x80", "a.cfg:2: unexpected byte 0x80 where a key should be"},
		{"l = [1,\n2",
		 "a.cfg:2: key 'l': the file ends in a list, where ',' or ']' should be"},
		{"l = [1 2]",
		 "a.cfg:1: key 'l': unexpected '2' in a list, where ',' or ']' should be"},
		{"l = [,]", "a.cfg:1: key 'l': unexpected ',' where a value should be"},
		{"l = [[[[[[[[[[1]]]]]]]]]]", "a.cfg:1: key 'l': lists are nested too deeply"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse(rows[i].text), -EINVAL);
		assert_string_equal(err.text, rows[i].message);
	}
	assert_int_equal(parse_bytes("a='x\0y'", 7), -EINVAL);
	assert_int_equal(parse_bytes("a\0", 2), -EINVAL);
}

/* A key longer than the message is cut, not overrun; control characters do not get through. */
static void long_messages(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'k', sizeof(text));
	assert_int_equal(parse_bytes(text, sizeof(text)), -EINVAL);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	cfg_fail(&err, "f", 1, NULL, "'%s'", "a\nb\033");
	assert_string_equal(err.text, "f:1: 'a?b?'");
	cfg_fail(&err, "f", 0, "k", "x");
	assert_string_equal(err.text, "f: key 'k': x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assignments),    cmocka_unit_test(empty_files),
		cmocka_unit_test(escapes),        cmocka_unit_test(lists),
		cmocka_unit_test(later_replaces), cmocka_unit_test(complaints),
		cmocka_unit_test(long_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
