/* SPDX-License-Identifier: BSD-2-Clause */
/* Text and verdicts of a test guest, on port 0xE9. */
#include <tests/guest/lib/guest.h>

struct out {
	char *buf;
	size_t size, used;
};

static void put(struct out *o, char c)
{
	if (o->used + 1 < o->size)
		o->buf[o->used++] = c;
}

static void put_number(struct out *o, u64 v, unsigned int base, bool negative, int width, char pad)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		digits[n++] = '-';
	while (width-- > n)
		put(o, pad);
	while (n)
		put(o, digits[--n]);
}

static u64 next_number(__builtin_va_list *ap, int longs, bool is_signed)
{
	if (longs)
		return __builtin_va_arg(*ap, u64);
	if (is_signed)
		return (u64)(s64) __builtin_va_arg(*ap, int);
	return __builtin_va_arg(*ap, unsigned int);
}

size_t format_text(char *buf, size_t size, const char *fmt, __builtin_va_list args)
{
	struct out o = {buf, size, 0};
	__builtin_va_list ap;

	__builtin_va_copy(ap, args);
	for (; *fmt; fmt++) {
		int width = 0, longs = 0;
		char pad = ' ';
		u64 v;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		if (*++fmt == '0')
			pad = *fmt++;
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + *fmt++ - '0';
		while (*fmt == 'l' || *fmt == 'z') {
			longs++;
			fmt++;
		}
		switch (*fmt) {
		case 's':
			for (const char *s = __builtin_va_arg(ap, const char *); *s; s++)
				put(&o, *s);
			break;
		case 'c':
			put(&o, (char)__builtin_va_arg(ap, int));
			break;
		case 'd':
			v = next_number(&ap, longs, true);
			put_number(&o, (s64)v < 0 ? 0 - v : v, 10, (s64)v < 0, width, pad);
			break;
		case 'u':
			put_number(&o, next_number(&ap, longs, false), 10, false, width, pad);
			break;
		case 'p':
			longs = 2;
			/* fallthrough */
		case 'x':
			put_number(&o, next_number(&ap, longs, false), 16, false, width, pad);
			break;
		default:
			put(&o, *fmt);
		}
	}
	__builtin_va_end(ap);
	buf[o.used] = 0;
	return o.used;
}

static u32 print_lock;

static void print_args(const char *fmt, __builtin_va_list ap)
{
	char buf[256];
	size_t n = format_text(buf, sizeof(buf), fmt, ap);

	while (__atomic_exchange_n(&print_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	for (size_t i = 0; i < n; i++)
		outb(0xE9, (u8)buf[i]);
	__atomic_store_n(&print_lock, 0, __ATOMIC_RELEASE);
}

void print(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	print_args(fmt, ap);
	__builtin_va_end(ap);
}

static u32 verdict_given;

/* The first CPU to come here speaks for the test. */
noreturn_fn static void verdict(const char *kind, const char *fmt, __builtin_va_list ap)
{
	struct sched_shutdown off = {SHUTDOWN_poweroff};
	char line[200];

	interrupts_off();
	if (!__atomic_exchange_n(&verdict_given, 1, __ATOMIC_ACQ_REL)) {
		format_text(line, sizeof(line), fmt, ap);
		print("%s%s\n", kind, line);
		if (on_xen())
			sched_op(SCHEDOP_shutdown, &off);
		outl(0xF4, 0); /* isa-debug-exit of a plain emulator */
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

#define VERDICT(kind)                        \
	do {                                 \
		__builtin_va_list ap;        \
		__builtin_va_start(ap, fmt); \
		verdict(kind, fmt, ap);      \
	} while (0)

noreturn_fn static void verdict_words(const char *kind, const char *fmt, ...)
{
	VERDICT(kind);
}
void test_pass(void)
{
	verdict_words("PASS", "%s", "");
}
void test_skip(const char *fmt, ...)
{
	VERDICT("SKIP ");
}
void test_fail(const char *fmt, ...)
{
	VERDICT("FAIL ");
}
void test_error(const char *fmt, ...)
{
	VERDICT("ERROR ");
}
