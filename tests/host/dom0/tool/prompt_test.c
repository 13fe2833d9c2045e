/* SPDX-License-Identifier: BSD-2-Clause */
/* The prompt: what is typed, what the terminal shows, and handing it over to a guest. The terminal
 * here is one line and knows CR, LF, BS and "erase to the end". */
// links: dom0/tool/prompt.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <dom0/console/machine_console.h>
#include <dom0/loop/loop.h>
#include <dom0/tool/prompt.h>

static char screen[4096]; /* the last line */
static size_t column;
static char command[512], to_guest[512];
static unsigned int commands, attaches, detaches;
static void (*typed)(const char *text, size_t n), (*hide)(void), (*show)(void);
static struct loop_timer *armed;
static struct loop_work *work;
static struct guest guest;
static bool attach_next, wait_next;

/* --- the console, the loop, the guest --- */

void machine_console_write_raw(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (n - i >= 3 && memcmp(text + i, "\033[K", 3) == 0) {
			memset(screen + column, 0, sizeof(screen) - column);
			i += 2;
		} else if (text[i] == '\r') {
			column = 0;
		} else if (text[i] == '\n') {
			column = 0;
			memset(screen, 0, sizeof(screen));
		} else if (text[i] == '\b') {
			assert_true(column > 0);
			column--;
		} else {
			assert_true(column < sizeof(screen) - 1);
			screen[column++] = text[i];
		}
	}
	/* Blanks behind the cursor are not seen. */
	for (size_t end = strlen(screen); end > column && screen[end - 1] == ' '; end--)
		screen[end - 1] = 0;
}
void machine_console_write(const char *text, size_t n)
{
	machine_console_write_raw(text, n);
}
void machine_console_set_input(void (*fn)(const char *text, size_t n))
{
	typed = fn;
}
void machine_console_set_prompt(void (*hide_fn)(void), void (*show_fn)(void))
{
	hide = hide_fn;
	show = show_fn;
}
u64 loop_now(void)
{
	return 1000;
}
void loop_set_timer(struct loop_timer *t, u64 abs_ns)
{
	t->at = abs_ns;
	armed = t;
}
void loop_add_work(struct loop_work *w)
{
	work = w;
}
void guest_console_attach(struct guest_console *c)
{
	assert_ptr_equal(c, &guest.console);
	attaches++;
}
void guest_console_detach(struct guest_console *c)
{
	assert_ptr_equal(c, &guest.console);
	detaches++;
}
void guest_console_input(struct guest_console *c, const char *text, size_t n)
{
	(void)c;
	strncat(to_guest, text, n);
}

static void run_line(char *line)
{
	commands++;
	strcpy(command, line);
	line[0] = '!'; /* it may cut it up */
	if (attach_next)
		prompt_attach(&guest);
	attach_next = false;
	if (!wait_next)
		prompt_command_done();
}

static void type(const char *text)
{
	typed(text, strlen(text));
}
static void log_line(void)
{
	hide();
	assert_true(column == 0 && screen[0] == 0);
	machine_console_write_raw("log\r\n", 5);
	show();
}
static void quiet(void)
{
	if (armed) {
		struct loop_timer *t = armed;

		armed = NULL;
		t->at = 0;
		t->fn(t->ctx);
	}
}

static int set_up(void **state)
{
	(void)state;
	column = commands = attaches = detaches = 0;
	memset(screen, 0, sizeof(screen));
	command[0] = to_guest[0] = 0;
	armed = NULL;
	guest = (struct guest){.has_domain = true};
	prompt_init(run_line);
	type("\x15"); /* whatever an earlier test left */
	return 0;
}

/* --- tests --- */

static void editing(void **state)
{
	(void)state;
	assert_string_equal(screen, "plinth> ");
	type("lisy\x7Ft");
	assert_string_equal(screen, "plinth> list");
	type("\r");
	assert_true(commands == 1);
	assert_string_equal(command, "list");
	assert_string_equal(screen, "plinth> ");
	type("\x7F\b\x7F"); /* at the beginning: nothing */
	assert_string_equal(screen, "plinth> ");
	type("abc\x03");
	assert_string_equal(screen, "plinth> ");
	type("x\ty\x01\xC3z\n"); /* only what can be printed */
	assert_string_equal(command, "xyz");
	type("\n");
	assert_true(commands == 3 && command[0] == 0);
}

static void long_lines(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 300; i++)
		type("a");
	assert_int_equal(strlen(screen), 8 + 255);
	type("\r");
	assert_int_equal(strlen(command), 255);
	type("\033[A");
	assert_int_equal(strlen(screen), 8 + 255);
	type("b\r");
	assert_int_equal(strlen(command), 255);
	for (unsigned int i = 0; i < 300; i++)
		type("c\x7F");
	assert_string_equal(screen, "plinth> ");
}

static void the_last_line(void **state)
{
	(void)state;
	type("start web\r");
	type("x\033[A");
	assert_string_equal(screen, "plinth> start web");
	type("2\r");
	assert_string_equal(command, "start web2");
	type("\r"); /* an empty line is not remembered */
	type("\033[A\r");
	assert_string_equal(command, "start web2");

	/* Other sequences are swallowed whole, in pieces too. */
	type("a\033[D\033[3~\033OPb\033");
	type("[");
	type("1;5C");
	assert_string_equal(screen, "plinth> aPb"); /* ESC O is two bytes here */
	type("\x15");
}

/* Lines of the log take its place; it comes back when they end, with what was typed. */
static void log_lines(void **state)
{
	(void)state;
	type("des");
	log_line();
	log_line();
	assert_string_equal(screen, "");
	quiet();
	assert_string_equal(screen, "plinth> des");
	quiet();
	log_line();
	type("t"); /* typing brings it back at once */
	assert_string_equal(screen, "plinth> dest");
	quiet();
	assert_string_equal(screen, "plinth> dest");
	type("\r");
	assert_string_equal(command, "dest");
}

static void attached(void **state)
{
	(void)state;
	attach_next = true;
	type("console web\r");
	assert_true(attaches == 1 && detaches == 0);
	assert_string_equal(screen, "");
	type("ls\r\033[A\x03");
	assert_string_equal(to_guest, "ls\r\033[A\x03");
	assert_string_equal(screen, "");
	log_line(); /* no prompt in the guest's terminal */
	quiet();
	assert_string_equal(screen, "");
	type("x\x1Dlist\r"); /* the rest is the prompt's */
	assert_string_equal(to_guest, "ls\r\033[A\x03x");
	assert_true(detaches == 1 && commands == 2);
	assert_string_equal(command, "list");
	assert_string_equal(screen, "plinth> ");
}

static void the_guest_ends(void **state)
{
	(void)state;
	attach_next = true;
	type("console web\r");
	prompt_guest_ended(); /* another one */
	assert_true(work->due);
	work->due = false;
	assert_false(work->fn(work->ctx));
	assert_int_equal(detaches, 0);
	guest.has_domain = false;
	prompt_guest_ended();
	assert_false(work->fn(work->ctx));
	assert_int_equal(detaches, 1);
	assert_string_equal(screen, "plinth> ");
	assert_false(work->fn(work->ctx)); /* once */
	assert_int_equal(detaches, 1);

	attach_next = true; /* one that ended before: its text is shown, no more */
	type("console web\r");
	assert_true(attaches == 2 && detaches == 2);
	assert_string_equal(screen, "plinth> ");
}

static void any_keys(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		static const char keys[] = "ab\r\n\x7F\b\033[A[B\x15\x1D;~\x03 ";
		char c;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		c = seed & 1 ? keys[(seed >> 20) % (sizeof(keys) - 1)] : (char)(seed >> 9);
		attach_next = (seed >> 40) % 50 == 0;
		to_guest[0] = 0;
		typed(&c, 1);
		if ((seed >> 45) % 20 == 0) {
			log_line();
			quiet();
		}
		assert_true(strlen(command) < 256);
	}
}

static void what_is_typed_while_a_command_runs_is_read_afterwards(void **state)
{
	(void)state;
	wait_next = true;
	typed("first\r", 6);
	assert_int_equal(commands, 1);
	typed("second\rthi", 10);
	assert_int_equal(commands, 1);
	assert_string_equal(screen, "");
	show(); /* a line of the log: no prompt in a command's output */
	assert_string_equal(screen, "");
	wait_next = false;
	prompt_command_done();
	assert_int_equal(commands, 2);
	assert_string_equal(command, "second");
	assert_string_equal(screen, "plinth> thi");
}

static void too_much_typed_ahead_is_dropped(void **state)
{
	char many[3000];

	(void)state;
	memset(many, 'x', sizeof(many));
	wait_next = true;
	typed("first\r", 6);
	typed(many, sizeof(many));
	wait_next = false;
	prompt_command_done();
	assert_int_equal(commands, 1);
	typed("\x15"
	      "ok\r",
	      4);
	assert_string_equal(command, "ok");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(editing),
		TEST(long_lines),
		TEST(the_last_line),
		TEST(log_lines),
		TEST(attached),
		TEST(the_guest_ends),
		TEST(any_keys),
		TEST(what_is_typed_while_a_command_runs_is_read_afterwards),
		TEST(too_much_typed_ahead_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
