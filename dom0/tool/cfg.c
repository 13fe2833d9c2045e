/* SPDX-License-Identifier: BSD-2-Clause */
/* A recursive descent over the bytes of an xl.cfg file. */
#include <dom0/tool/cfg.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bounds the recursion; no key of xl.cfg nests deeper than two. */
#define DEPTH_MAX 8u

struct parser {
	const char *name;
	const char *at, *end;
	unsigned int line;
	const char *key; /* the setting being read, or NULL */
	struct cfg_error *err;
};

int cfg_fail(struct cfg_error *err, const char *file, unsigned int line, const char *key,
	     const char *format, ...)
{
	char *t = err->text;
	const size_t size = sizeof(err->text);
	size_t n = 0;
	va_list args;

	/* snprintf tells the length it wanted; a cut text ends the message. */
	n += (size_t)snprintf(t, size, line ? "%s:%u: " : "%s: ", file, line);
	if (key && n < size)
		n += (size_t)snprintf(t + n, size - n, "key '%s': ", key);
	va_start(args, format);
	if (n < size)
		vsnprintf(t + n, size - n, format, args);
	va_end(args);
	/* It quotes what the file says, and must stay one line. */
	for (; *t; t++)
		if ((unsigned char)*t < ' ' || *t == 0x7F)
			*t = '?';
	return -EINVAL;
}

#define FAIL(p, ...) cfg_fail((p)->err, (p)->name, (p)->line, (p)->key, __VA_ARGS__)

/* The next character, or -1 at the end. */
static int peek(const struct parser *p)
{
	return p->at < p->end ? (unsigned char)*p->at : -1;
}

static int bad_char(struct parser *p, const char *where)
{
	int c = peek(p);

	if (c < 0)
		return FAIL(p, "the file ends %s", where);
	if (c == '\n')
		return FAIL(p, "the line ends %s", where);
	if (c < ' ' || c > '~')
		return FAIL(p, "unexpected byte 0x%02x %s", (unsigned int)c, where);
	return FAIL(p, "unexpected '%c' %s", c, where);
}

/* Skips blanks and comments, and line ends too where they mean nothing. */
static void skip_blank(struct parser *p, bool lines)
{
	int c;

	while ((c = peek(p)) >= 0) {
		if (c == '#') {
			while (p->at < p->end && *p->at != '\n')
				p->at++;
			continue;
		}
		if (c == '\n' && lines)
			p->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return;
		p->at++;
	}
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *copy_text(const char *from, size_t len)
{
	char *s = malloc(len + 1);

	if (s) {
		memcpy(s, from, len);
		s[len] = '\0';
	}
	return s;
}

static int read_key(struct parser *p, char **key)
{
	const char *start = p->at;

	while (is_letter(peek(p)) || is_digit(peek(p)))
		p->at++;
	*key = copy_text(start, (size_t)(p->at - start));
	return *key ? 0 : -ENOMEM;
}

static int read_number(struct parser *p, struct cfg_value *v)
{
	const char *start = p->at;
	s64 number;

	while (is_letter(peek(p)) || is_digit(peek(p)))
		p->at++;
	v->type = CFG_NUMBER;
	v->text = copy_text(start, (size_t)(p->at - start));
	if (!v->text)
		return -ENOMEM;
	if (cfg_number(v, &number))
		return FAIL(p, "'%s' is no number", v->text);
	return 0;
}

/* After a backslash: up to count digits of a number in the given base. */
static int read_code(struct parser *p, unsigned int base, unsigned int count, char *out)
{
	unsigned int value = 0, n;
	int d;

	for (n = 0; n < count; n++) {
		d = hex_digit(peek(p));
		if (d < 0 || (unsigned int)d >= base)
			break;
		value = value * base + (unsigned int)d;
		p->at++;
	}
	if (n == 0 || value == 0 || value > 0xFF)
		return FAIL(p, "bad escape in string");
	*out = (char)value;
	return 0;
}

/* The escapes of xl: those of C, octal and \x codes. */
static int read_escape(struct parser *p, char *out)
{
	static const char names[] = "abfnrtv\\'\"?";
	static const char values[] = "\a\b\f\n\r\t\v\\'\"?";
	int c = peek(p);
	const char *found = c > 0 ? strchr(names, c) : NULL;

	if (found) {
		*out = values[found - names];
		p->at++;
		return 0;
	}
	if (c == 'x') {
		p->at++;
		return read_code(p, 16, 2, out);
	}
	if (c >= '0' && c <= '7')
		return read_code(p, 8, 3, out);
	return bad_char(p, "after a backslash in a string");
}

static int read_string(struct parser *p, struct cfg_value *v)
{
	const char quote = *p->at++;
	const char *scan;
	size_t n = 0;
	int rc = 0;

	/* An escape is never shorter than what it stands for. */
	for (scan = p->at; scan < p->end && *scan != quote && *scan != '\n'; scan++, n++)
		if (*scan == '\\' && scan + 1 < p->end) {
			scan++;
			n++;
		}
	v->type = CFG_STRING;
	v->text = malloc(n + 1);
	if (!v->text)
		return -ENOMEM;
	for (n = 0; !rc && peek(p) != quote; n++) {
		int c = peek(p);

		if (c < 0 || c == '\n' || c == 0)
			return bad_char(p, "inside a string");
		p->at++;
		v->text[n] = (char)c;
		if (c == '\\')
			rc = read_escape(p, &v->text[n]);
	}
	v->text[n] = '\0';
	if (!rc)
		p->at++;
	return rc;
}

static int read_value(struct parser *p, struct cfg_value *v, unsigned int depth);

static int add_item(struct cfg_value *list, struct cfg_value **item)
{
	/* Doubles at each power of two. */
	if ((list->item_count & (list->item_count - 1)) == 0) {
		size_t room = list->item_count ? 2 * (size_t)list->item_count : 1;
		struct cfg_value *more = realloc(list->items, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->items = more;
	}
	*item = &list->items[list->item_count++];
	memset(*item, 0, sizeof(**item));
	return 0;
}

/* DEPTH_MAX bounds the recursion. NOLINTNEXTLINE(misc-no-recursion) */
static int read_list(struct parser *p, struct cfg_value *v, unsigned int depth)
{
	struct cfg_value *item;
	int rc;

	v->type = CFG_LIST;
	if (depth == DEPTH_MAX)
		return FAIL(p, "lists are nested too deeply");
	p->at++;
	for (;;) {
		skip_blank(p, true);
		if (peek(p) == ']')
			break;
		rc = add_item(v, &item);
		if (!rc)
			rc = read_value(p, item, depth + 1);
		if (rc)
			return rc;
		skip_blank(p, true);
		if (peek(p) == ',')
			p->at++;
		else if (peek(p) != ']')
			return bad_char(p, "in a list, where ',' or ']' should be");
	}
	p->at++;
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): see read_list(). */
static int read_value(struct parser *p, struct cfg_value *v, unsigned int depth)
{
	int c = peek(p);

	v->line = p->line;
	if (c == '\'' || c == '"')
		return read_string(p, v);
	if (is_digit(c))
		return read_number(p, v);
	if (c == '[')
		return read_list(p, v, depth);
	return bad_char(p, "where a value should be");
}

/* KEY = VALUE, and what ends it. */
static int read_setting(struct parser *p, struct cfg_setting *s)
{
	int rc;

	if (!is_letter(peek(p)))
		return bad_char(p, "where a key should be");
	s->line = p->line;
	rc = read_key(p, &s->key);
	if (rc)
		return rc;
	p->key = s->key;
	skip_blank(p, false);
	if (peek(p) != '=')
		return bad_char(p, "where '=' should be");
	p->at++;
	skip_blank(p, false);
	rc = read_value(p, &s->value, 0);
	if (rc)
		return rc;
	skip_blank(p, false);
	if (peek(p) >= 0 && peek(p) != '\n' && peek(p) != ';')
		return bad_char(p, "after the value");
	p->key = NULL;
	return 0;
}

static int add_setting(struct cfg_file *file, struct cfg_setting **setting)
{
	struct cfg_setting *more =
		realloc(file->settings, (file->count + 1) * sizeof(*file->settings));

	if (!more)
		return -ENOMEM;
	file->settings = more;
	*setting = &more[file->count++];
	memset(*setting, 0, sizeof(**setting));
	return 0;
}

int cfg_parse(struct cfg_file *file, const char *name, const char *text, size_t len,
	      struct cfg_error *err)
{
	struct parser p = {.name = name, .at = text, .end = text + len, .line = 1, .err = err};
	struct cfg_setting *setting;
	int rc = 0;

	memset(file, 0, sizeof(*file));
	file->name = copy_text(name, strlen(name));
	if (!file->name)
		rc = -ENOMEM;
	while (!rc) {
		skip_blank(&p, true);
		if (peek(&p) < 0)
			return 0;
		if (peek(&p) == ';') {
			p.at++;
			continue;
		}
		rc = add_setting(file, &setting);
		if (!rc)
			rc = read_setting(&p, setting);
	}
	if (rc == -ENOMEM)
		cfg_fail(err, name, p.line, NULL, "out of memory");
	cfg_free(file);
	return rc;
}

/* As deep as read_list() went. NOLINTNEXTLINE(misc-no-recursion) */
static void free_value(struct cfg_value *v)
{
	unsigned int i;

	for (i = 0; i < v->item_count; i++)
		free_value(&v->items[i]);
	free(v->items);
	free(v->text);
}

void cfg_free(struct cfg_file *file)
{
	unsigned int i;

	for (i = 0; i < file->count; i++) {
		free(file->settings[i].key);
		free_value(&file->settings[i].value);
	}
	free(file->settings);
	free(file->name);
	memset(file, 0, sizeof(*file));
}

const struct cfg_setting *cfg_find(const struct cfg_file *file, const char *key)
{
	unsigned int i;

	for (i = file->count; i > 0; i--)
		if (strcmp(file->settings[i - 1].key, key) == 0)
			return &file->settings[i - 1];
	return NULL;
}

int cfg_number(const struct cfg_value *value, s64 *number)
{
	const char *t = value->text;
	unsigned int base = 10;
	u64 n = 0;
	int d;

	if (!t || !is_digit(*t))
		return -EINVAL;
	if (t[0] == '0' && (t[1] | 0x20) == 'x') {
		base = 16;
		t += 2;
	} else if (t[0] == '0') {
		base = 8;
	}
	if (!*t)
		return -EINVAL;
	for (; *t; t++) {
		d = hex_digit(*t);
		if (d < 0 || (unsigned int)d >= base || n > (u64)INT64_MAX / base)
			return -EINVAL;
		n = n * base + (unsigned int)d;
		if (n > (u64)INT64_MAX)
			return -EINVAL;
	}
	*number = (s64)n;
	return 0;
}
