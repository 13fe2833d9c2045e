/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's console. */
#include <dom0/console/machine_console.h>

#include <stdio.h>
#include <string.h>
#include <dom0/entry/modules.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/syscalls.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/loop.h>

static void (*input)(const char *text, size_t n);
static bool stamps; /* CONTROL_OPTS="log_times=on" */
static void (*hide_prompt)(void), (*show_prompt)(void);

void machine_console_write_raw(const char *text, size_t n)
{
	hyper_console_write(text, n);
}

void machine_console_write(const char *text, size_t n)
{
	while (n) {
		const char *lf = memchr(text, '\n', n);
		size_t part = lf ? (size_t)(lf - text) : n;

		if (part)
			hyper_console_write(text, part);
		if (!lf)
			return;
		hyper_console_write("\r\n", 2);
		text += part + 1;
		n -= part + 1;
	}
}

void console_write(const char *text, size_t len)
{
	machine_console_write(text, len);
}

void machine_console_line_v(const char *fmt, va_list ap)
{
	char line[512];
	int stamp = 0, n;

	if (stamps) {
		u64 us = loop_now() / 1000;

		stamp = snprintf(line, sizeof(line), "[%4llu.%06llu] ", us / 1000000ull,
				 us % 1000000ull);
	}
	n = vsnprintf(line + stamp, sizeof(line) - 1 - (size_t)stamp, fmt, ap);
	if (n < 0)
		return;
	n += stamp;
	if ((size_t)n > sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n] = '\n';
	if (hide_prompt)
		hide_prompt();
	machine_console_write(line, (size_t)n + 1);
	if (show_prompt)
		show_prompt();
}

void machine_console_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	machine_console_line_v(fmt, ap);
	va_end(ap);
}

void machine_console_set_input(void (*fn)(const char *text, size_t n))
{
	input = fn;
}

void machine_console_set_prompt(void (*hide)(void), void (*show)(void))
{
	hide_prompt = hide;
	show_prompt = show;
}

static void typed(void *ctx)
{
	char buf[256];
	size_t n;

	(void)ctx;
	while ((n = hyper_console_read(buf, sizeof(buf))) != 0)
		if (input)
			input(buf, n);
}

void machine_console_init(void)
{
	evtchn_port_t port;
	char value[8];

	stamps = module_option("log_times", value, sizeof(value)) && strcmp(value, "on") == 0;
	setvbuf(stdout, NULL, _IOLBF, 512);
	if (hyper_bind_virq(VIRQ_CONSOLE, &port))
		panic("no console event channel");
	loop_on_event(port, typed, NULL);
}
