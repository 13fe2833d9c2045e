/* SPDX-License-Identifier: BSD-2-Clause */
/* Line editing, and handing the terminal over to a guest. */
#include <dom0/tool/prompt.h>

#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/loop/loop.h>

#define PROMPT    "plinth> "
#define LINE_MAX_ 256u
#define REDRAW_NS 100000000ull
#define DETACH    0x1D /* Ctrl-] */

static char line[LINE_MAX_];
static size_t length;
static char last[LINE_MAX_]; /* the line before, for the up arrow */
static unsigned int escape;  /* bytes of an escape sequence seen */
static bool shown;
static struct guest *attached;
static struct loop_work watch;
static struct loop_timer redraw;
static void (*run_line)(char *line);
static void (*lent)(char c); /* who has the terminal instead */
static bool busy;            /* a command runs: what is typed meanwhile waits */
static char ahead[1024];
static size_t ahead_length;

static void show(void)
{
	if (attached || lent || shown || busy)
		return;
	machine_console_write(PROMPT, strlen(PROMPT));
	machine_console_write(line, length);
	shown = true;
}

static void hide(void)
{
	static const char erase[] = "\r\033[K";

	if (shown)
		machine_console_write_raw(erase, sizeof(erase) - 1);
	shown = false;
}

static void show_again(void *ctx)
{
	(void)ctx;
	show();
}

/* Lines of the log come in bursts: the prompt waits for the end of one. */
static void show_later(void)
{
	if (!attached && !lent && !busy && !redraw.at)
		loop_set_timer(&redraw, loop_now() + REDRAW_NS);
}

static void detach(void)
{
	guest_console_detach(&attached->console);
	attached = NULL;
	watch.due = false;
	machine_console_write("\n", 1);
	show();
}

/* A guest that ends takes its terminal with it. */
static bool watch_attached(void *ctx)
{
	(void)ctx;
	if (attached && !attached->has_domain) {
		machine_console_write("\n[the guest has ended]", 22);
		detach();
	}
	return false;
}

void prompt_attach(struct guest *g)
{
	attached = g;
	guest_console_attach(&g->console);
	if (!g->has_domain)
		watch_attached(NULL);
}

static void enter(void)
{
	char copy[LINE_MAX_];

	machine_console_write("\n", 1);
	shown = false;
	line[length] = '\0';
	if (length)
		memcpy(last, line, sizeof(last));
	memcpy(copy, line, sizeof(copy));
	length = 0;
	busy = true;
	run_line(copy);
}

static void replace(const char *text)
{
	hide();
	length = strlen(text);
	memcpy(line, text, length);
	show();
}

/* ESC [ A is the up arrow; other sequences are swallowed. */
static bool escape_sequence(char c)
{
	if (c == 0x1B) {
		escape = 1;
		return true;
	}
	if (!escape)
		return false;
	if (escape == 1 && c == '[') {
		escape = 2;
		return true;
	}
	if (escape == 2 && c == 'A')
		replace(last);
	if (escape == 1 || (c >= 0x40 && c <= 0x7E))
		escape = 0;
	return true;
}

static void edit(char c)
{
	show();
	if (escape_sequence(c))
		return;
	if (c == '\r' || c == '\n') {
		enter();
	} else if ((c == 0x7F || c == '\b') && length) {
		length--;
		machine_console_write_raw("\b \b", 3);
	} else if (c == 0x15 || c == 0x03) { /* Ctrl-U, Ctrl-C */
		replace("");
	} else if (c >= 0x20 && c < 0x7F && length < sizeof(line) - 1) {
		line[length++] = c;
		machine_console_write_raw(&c, 1);
	}
}

static void typed(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lent)
			lent(text[i]);
		else if (busy && ahead_length < sizeof(ahead))
			ahead[ahead_length++] = text[i];
		else if (busy)
			continue; /* as a terminal's full buffer */
		else if (!attached)
			edit(text[i]);
		else if (text[i] == DETACH)
			detach();
		else
			guest_console_input(&attached->console, &text[i], 1);
	}
}

void prompt_command_done(void)
{
	char text[sizeof(ahead)];
	size_t n = ahead_length;

	busy = false;
	ahead_length = 0;
	memcpy(text, ahead, n);
	show();
	typed(text, n);
}

void prompt_lend(void (*key)(char c))
{
	hide();
	lent = key;
}

void prompt_give_back(void)
{
	lent = NULL;
	show();
}

void prompt_guest_ended(void)
{
	watch.due = true;
}

void prompt_init(void (*run)(char *line))
{
	run_line = run;
	redraw = (struct loop_timer){.fn = show_again};
	watch = (struct loop_work){.fn = watch_attached};
	loop_add_work(&watch);
	machine_console_set_input(typed);
	machine_console_set_prompt(hide, show_later);
	show();
}
