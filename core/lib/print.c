/* SPDX-License-Identifier: BSD-2-Clause */
/* Text formatting, without allocation and without the C library. */
#include <core/lib/print.h>

#include <core/lib/string.h>

#define WIDTH_MAX 64u /* wider fields are this wide */

struct out {
	char *buf;
	size_t size, length; /* length counts what did not fit, too */
};

struct spec {
	bool left, zero, alternate, wide; /* wide: 8 bytes, else 4 */
	size_t width, precision;
};

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void put_field(struct out *o, const struct spec *s, const char *text, size_t n)
{
	for (size_t i = n; i < s->width && !s->left; i++)
		put(o, ' ');
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	for (size_t i = n; i < s->width && s->left; i++)
		put(o, ' ');
}

/* Sign or base prefix, then zeros for the 0 flag, then digits. */
static void put_number(struct out *o, const struct spec *s, u64 v, u32 base, const char *prefix)
{
	char text[WIDTH_MAX + 4], *end = text + sizeof(text), *p = end;
	size_t n = strlen(prefix);

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0 || (s->zero && (size_t)(end - p) + n < s->width));
	p -= n;
	memcpy(p, prefix, n);
	put_field(o, s, p, (size_t)(end - p));
}

static const char *parse_spec(struct spec *s, const char *fmt, va_list *ap)
{
	*s = (struct spec){.precision = SIZE_MAX};
	for (;; fmt++) {
		if (*fmt == '-')
			s->left = true;
		else if (*fmt == '0')
			s->zero = true;
		else if (*fmt == '#')
			s->alternate = true;
		else
			break;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		s->width = min_u64(s->width * 10 + (u64)(*fmt - '0'), WIDTH_MAX);
	if (fmt[0] == '.' && fmt[1] == '*') {
		s->precision = (size_t)va_arg(*ap, int);
		fmt += 2;
	}
	s->wide = *fmt == 'l' || *fmt == 'z';
	return s->wide ? fmt + 1 : fmt;
}

static void put_conversion(struct out *o, const struct spec *s, char c, va_list *ap)
{
	const char *text;
	char one;
	u64 v;
	s64 d;

	switch (c) {
	case 'd':
		d = s->wide ? va_arg(*ap, s64) : va_arg(*ap, int);
		put_number(o, s, d < 0 ? 0 - (u64)d : (u64)d, 10, d < 0 ? "-" : "");
		break;
	case 'u':
	case 'x':
		v = s->wide ? va_arg(*ap, u64) : va_arg(*ap, u32);
		put_number(o, s, v, c == 'x' ? 16 : 10, s->alternate && v != 0 ? "0x" : "");
		break;
	case 'c':
		one = (char)va_arg(*ap, int);
		put_field(o, s, &one, 1);
		break;
	case 's':
		text = va_arg(*ap, const char *);
		put_field(o, s, text, strnlen(text, s->precision));
		break;
	default: /* '%', or what we do not know: as it stands */
		put(o, c);
	}
}

size_t format_text_v(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {buf, size, 0};
	struct spec s;
	va_list args;

	va_copy(args, ap);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(&s, fmt + 1, &args);
		if (*fmt == '\0')
			break;
		put_conversion(&o, &s, *fmt, &args);
	}
	va_end(args);
	if (size > 0)
		buf[o.length < size ? o.length : size - 1] = '\0';
	return o.length;
}

size_t format_text(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = format_text_v(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
