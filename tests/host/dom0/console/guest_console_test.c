/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end of guests' consoles against a guest that behaves, and against one that does not. */
// links: dom0/console/guest_console.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/console/guest_console.h>
#include <dom0/console/machine_console.h>

static struct guest_console console;
static struct xencons_interface *page; /* of its exact size */
static unsigned int notified;
static char screen[1u << 20], lines[1u << 20];
static size_t screen_length, lines_length;

void machine_console_write_raw(const char *text, size_t n)
{
	assert_true(screen_length + n <= sizeof(screen));
	memcpy(screen + screen_length, text, n);
	screen_length += n;
}

void machine_console_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	lines_length +=
		(size_t)vsnprintf(lines + lines_length, sizeof(lines) - lines_length, fmt, ap);
	va_end(ap);
	lines[lines_length++] = '\n';
	lines[lines_length] = 0;
}

static void notify(void *ctx)
{
	assert_ptr_equal(ctx, &console);
	notified++;
}

static void connect(void)
{
	memset(page, 0, sizeof(*page));
	guest_console_connect(&console, page, notify, &console);
}

static int set_up(void **state)
{
	(void)state;
	page = malloc(sizeof(*page));
	assert_true(guest_console_init(&console));
	connect();
	notified = 0;
	screen_length = lines_length = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(page);
	free(console.ring);
	return 0;
}

/* As a guest's driver does: as much as there is room for. */
static size_t print_piece(const char *text, size_t n)
{
	u32 used = page->out_prod - page->out_cons;
	size_t room = sizeof(page->out) - used;

	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		page->out[(page->out_prod + i) % sizeof(page->out)] = text[i];
	page->out_prod += (u32)n;
	return n;
}

static void print(const char *text, size_t n)
{
	for (size_t done = 0; done < n;) {
		done += print_piece(text + done, n - done);
		guest_console_service(&console);
		assert_int_equal(page->out_cons, page->out_prod);
	}
}

static void output(void **state)
{
	char *text = malloc(200000);

	(void)state;
	for (size_t i = 0; i < 200000; i++)
		text[i] = (char)('A' + i * 7 % 53);
	page->out_prod = page->out_cons = 0xFFFFFF00u; /* the indices wrap */
	guest_console_service(&console);
	assert_int_equal(notified, 0); /* nothing to do */
	print(text, 5000);
	assert_true(notified == 3 && console.written == 5000 && screen_length == 0);

	guest_console_attach(&console); /* all that was not shown yet */
	assert_int_equal(screen_length, 5000);
	assert_memory_equal(screen, text, 5000);
	print(text + 5000, 100);
	assert_int_equal(screen_length, 5100);
	guest_console_detach(&console);
	print(text + 5100, 60);
	assert_int_equal(screen_length, 5100);
	guest_console_attach(&console);
	assert_int_equal(screen_length, 5160);
	guest_console_detach(&console);

	/* More than the ring holds: the last 64 KiB. */
	screen_length = 0;
	print(text, 200000);
	guest_console_attach(&console);
	assert_int_equal(screen_length, GUEST_CONSOLE_RING_SIZE);
	assert_memory_equal(screen, text + 200000 - GUEST_CONSOLE_RING_SIZE,
			    GUEST_CONSOLE_RING_SIZE);
	free(text);
}

static void input(void **state)
{
	char typed[GUEST_CONSOLE_INPUT + 10];

	(void)state;
	guest_console_input(&console, "ls\n", 3);
	assert_true(page->in_prod == 3 && notified == 1 && console.input_length == 0);
	assert_memory_equal(page->in, "ls\n", 3);

	/* The guest does not read: kept, then dropped with a sound, and nothing is overwritten. */
	memset(typed, 'x', sizeof(typed));
	page->in_cons = page->in_prod = 0xFFFFFFF0u;
	memset(page->in, 0, sizeof(page->in));
	for (unsigned int i = 0; i < sizeof(page->in); i += 64)
		guest_console_input(&console, typed, 64);
	assert_true(page->in_prod - page->in_cons == sizeof(page->in));
	notified = 0;
	guest_console_input(&console, "abc", 3);
	assert_true(console.input_length == 3 && notified == 0 && screen_length == 0);
	guest_console_input(&console, typed, sizeof(typed));
	assert_int_equal(console.input_length, GUEST_CONSOLE_INPUT);
	assert_memory_equal(screen, "\a", 1);
	page->in_cons += 2;
	guest_console_service(&console);
	assert_int_equal(console.input_length, GUEST_CONSOLE_INPUT - 2);
	assert_memory_equal(page->in + (0xFFFFFFF0u % sizeof(page->in)), "ab", 2);
	assert_int_equal(notified, 1);

	/* What was typed at one guest is not the next one's. */
	guest_console_disconnect(&console);
	guest_console_input(&console, "secret", 6);
	connect();
	guest_console_service(&console);
	assert_true(page->in_prod == 0 && console.input_length == 0);
}

static void logged_lines(void **state)
{
	char longer[GUEST_CONSOLE_LINE + 40];

	(void)state;
	console.log_name = "web";
	print("one\r\ntw", 7);
	assert_string_equal(lines, "web| one\n");
	print("o\n\n\x1B[31mred\x7F\0\t\xC3\xA4\n", 17);
	assert_string_equal(lines, "web| one\nweb| two\nweb| \nweb| [31mred\t\xC3\xA4\n");
	lines_length = 0;
	memset(longer, 'y', sizeof(longer));
	print(longer, sizeof(longer));
	assert_int_equal(lines_length, 5 + GUEST_CONSOLE_LINE + 1);
	print_piece("end", 3); /* with its last breath */
	guest_console_disconnect(&console);
	assert_int_equal(lines_length, 6 + GUEST_CONSOLE_LINE + 6 + 40 + 3);
	assert_null(console.page);
	guest_console_disconnect(&console);
	guest_console_service(&console);

	/* The text outlives the domain; the next one goes on behind it. */
	connect();
	print("again\n", 6);
	screen_length = 0;
	guest_console_attach(&console);
	assert_memory_equal(screen + screen_length - 9, "endagain\n", 9);
}

static void wild_indices(void **state)
{
	static const u32 wild[] = {2049, 4096, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		page->out_prod = page->out_cons + wild[i];
		guest_console_service(&console);
		assert_int_equal(page->out_cons, page->out_prod);
		assert_int_equal(console.written, 0);
	}
	/* One line of the log, not one for each. */
	assert_ptr_equal(strchr(lines, '\n'), lines + lines_length - 1);
	print("ok\n", 3); /* it goes on */
	assert_int_equal(console.written, 3);
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		page->in_cons = page->in_prod - 1025 - wild[i] % 0x70000000;
		guest_console_input(&console, "x", 1);
	}
	assert_int_equal(page->in_prod, 0);
	assert_int_equal(console.input_length, ARRAY_SIZE(wild));
	page->in_cons = page->in_prod;
	guest_console_service(&console);
	assert_int_equal(page->in_prod, ARRAY_SIZE(wild));
}

static void any_page(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	console.log_name = "x";
	for (unsigned int round = 0; round < 5000; round++) {
		u32 *index[] = {&page->in_cons, &page->in_prod, &page->out_cons, &page->out_prod};

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		*index[seed & 3] = (u32)(seed >> 8) & (seed & 4 ? ~0u : 4095u);
		if (round % 7 == 0)
			guest_console_input(&console, "hello", seed >> 60 & 3);
		guest_console_service(&console);
		assert_true(console.input_length <= GUEST_CONSOLE_INPUT);
		assert_true(console.line_length <= GUEST_CONSOLE_LINE);
		if (round % 50 == 0)
			lines_length = 0;
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(output), TEST(input), TEST(logged_lines), TEST(wild_indices), TEST(any_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
