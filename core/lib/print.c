/* SPDX-License-Identifier: BSD-2-Clause */
/* Text formatting, without allocation and without the C library. */
#include <core/lib/print.h>

#include <core/lib/string.h>

struct out {
	char *buf;
	size_t size, length; /* length counts what did not fit, too */
};

struct spec {
	bool left, zero, plus, space, alternate;
	int width, precision; /* precision -1: none */
	int size;             /* of an integer, in bytes */
};

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void pad(struct out *o, char c, int n)
{
	for (; n > 0; n--)
		put(o, c);
}

static void put_field(struct out *o, const struct spec *s, const char *text, size_t n)
{
	int fill = s->width - (int)n;

	if (!s->left)
		pad(o, ' ', fill);
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', fill);
}

/* Sign or base prefix, then zeros for precision or the 0 flag, then digits. */
static void put_number(struct out *o, const struct spec *s, u64 v, u32 base, bool upper,
		       const char *prefix)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[24]; /* 64 bits in octal are 22 */
	int n = 0, zeros, fill;

	for (u64 rest = v; rest != 0 || (n == 0 && s->precision != 0); rest /= base)
		digits[n++] = set[rest % base];
	fill = s->width - (int)strlen(prefix);
	zeros = s->precision >= 0 ? s->precision - n : s->zero && !s->left ? fill - n : 0;
	zeros = zeros > 0 ? zeros : 0;
	if (!s->left)
		pad(o, ' ', fill - n - zeros);
	for (const char *p = prefix; *p != '\0'; p++)
		put(o, *p);
	pad(o, '0', zeros);
	for (int i = n; i > 0; i--)
		put(o, digits[i - 1]);
	if (s->left)
		pad(o, ' ', fill - n - zeros);
}

static int parse_int(const char **fmt, va_list *ap)
{
	int n = 0;

	if (**fmt == '*') {
		(*fmt)++;
		return va_arg(*ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
		n = n < 10000 ? n * 10 + (**fmt - '0') : n;
	return n;
}

static void parse_spec(struct spec *s, const char **fmt, va_list *ap)
{
	*s = (struct spec){.precision = -1, .size = 4};
	for (;; (*fmt)++) {
		if (**fmt == '-')
			s->left = true;
		else if (**fmt == '0')
			s->zero = true;
		else if (**fmt == '+')
			s->plus = true;
		else if (**fmt == ' ')
			s->space = true;
		else if (**fmt == '#')
			s->alternate = true;
		else
			break;
	}
	s->width = parse_int(fmt, ap);
	if (s->width < 0) {
		s->left = true;
		s->width = -s->width;
	}
	if (**fmt == '.') {
		(*fmt)++;
		s->precision = parse_int(fmt, ap);
	}
	for (;; (*fmt)++) {
		if (**fmt == 'h')
			s->size /= 2;
		else if (**fmt == 'l' || **fmt == 'z')
			s->size = 8;
		else
			break;
	}
}

static u64 unsigned_arg(const struct spec *s, va_list *ap)
{
	return s->size == 8 ? va_arg(*ap, u64) : va_arg(*ap, u32) & low_mask(8u * (u32)s->size);
}

static s64 signed_arg(const struct spec *s, va_list *ap)
{
	if (s->size == 8)
		return va_arg(*ap, s64);
	if (s->size == 2)
		return (s16)va_arg(*ap, int);
	return s->size == 1 ? (s8)va_arg(*ap, int) : va_arg(*ap, int);
}

static void put_signed(struct out *o, const struct spec *s, s64 v)
{
	const char *sign = v < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";

	put_number(o, s, v < 0 ? 0 - (u64)v : (u64)v, 10, false, sign);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (text == NULL)
		text = "(null)";
	put_field(o, s, text, strnlen(text, s->precision < 0 ? SIZE_MAX : (size_t)s->precision));
}

static void put_conversion(struct out *o, const struct spec *s, char c, va_list *ap)
{
	char one;
	u64 v;

	switch (c) {
	case 'd':
	case 'i':
		put_signed(o, s, signed_arg(s, ap));
		break;
	case 'u':
		put_number(o, s, unsigned_arg(s, ap), 10, false, "");
		break;
	case 'x':
	case 'X':
		v = unsigned_arg(s, ap);
		put_number(o, s, v, 16, c == 'X',
			   !s->alternate || v == 0 ? ""
			   : c == 'X'              ? "0X"
						   : "0x");
		break;
	case 'o':
		put_number(o, s, unsigned_arg(s, ap), 8, false, s->alternate ? "0" : "");
		break;
	case 'p':
		put_number(o, s, (u64)(uintptr_t)va_arg(*ap, void *), 16, false, "0x");
		break;
	case 'c':
		one = (char)va_arg(*ap, int);
		put_field(o, s, &one, 1);
		break;
	case 's':
		put_string(o, s, va_arg(*ap, const char *));
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
		fmt++;
		parse_spec(&s, &fmt, &args);
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
