/* SPDX-License-Identifier: BSD-2-Clause */
/* Back end of guests' consoles. The page is hostile: indices are read once and bounded. */
#include <dom0/console/guest_console.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>

bool guest_console_init(struct guest_console *c)
{
	*c = (struct guest_console){0};
	c->ring = malloc(GUEST_CONSOLE_RING_SIZE);
	return c->ring != NULL;
}

void guest_console_connect(struct guest_console *c, struct xencons_interface *page,
			   void (*notify)(void *ctx), void *ctx)
{
	c->page = page;
	c->notify = notify;
	c->ctx = ctx;
	c->broken = false;
	c->input_length = 0;
}

static void show(struct guest_console *c)
{
	if (c->written - c->shown > GUEST_CONSOLE_RING_SIZE)
		c->shown = c->written - GUEST_CONSOLE_RING_SIZE;
	while (c->shown < c->written) {
		size_t at = c->shown % GUEST_CONSOLE_RING_SIZE;
		size_t n = GUEST_CONSOLE_RING_SIZE - at;

		if (n > c->written - c->shown)
			n = (size_t)(c->written - c->shown);
		machine_console_write_raw(c->ring + at, n);
		c->shown += n;
	}
}

static void flush_line(struct guest_console *c)
{
	machine_console_line("%s| %.*s", c->log_name, (int)c->line_length, c->line);
	c->line_length = 0;
}

static void log_text(struct guest_console *c, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)text[i];

		if (ch == '\n') {
			flush_line(c);
		} else if (ch == '\t' || (ch >= 0x20 && ch < 0x7F) || ch >= 0x80) {
			if (c->line_length == sizeof(c->line))
				flush_line(c);
			c->line[c->line_length++] = (char)ch;
		}
	}
}

static void keep(struct guest_console *c, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->ring[(c->written + i) % GUEST_CONSOLE_RING_SIZE] = text[i];
	c->written += n;
	if (c->log_name)
		log_text(c, text, n);
	if (c->attached)
		show(c);
}

/* Returns whether anything was taken. */
static bool take_output(struct guest_console *c)
{
	struct xencons_interface *p = c->page;
	u32 cons = p->out_cons, prod = __atomic_load_n(&p->out_prod, __ATOMIC_ACQUIRE);
	char buf[sizeof(p->out)];
	u32 n = prod - cons;

	if (n > sizeof(p->out)) {
		/* Resynchronise: what is in the ring cannot be told apart from rubbish. */
		if (!c->broken)
			machine_console_line("console: a guest wrote a wild ring index; its text "
					     "is skipped");
		c->broken = true;
		__atomic_store_n(&p->out_cons, prod, __ATOMIC_RELEASE);
		return true;
	}
	for (u32 i = 0; i < n; i++)
		buf[i] = p->out[(cons + i) % sizeof(p->out)];
	__atomic_store_n(&p->out_cons, prod, __ATOMIC_SEQ_CST);
	if (n)
		keep(c, buf, n);
	return n != 0;
}

static bool give_input(struct guest_console *c)
{
	struct xencons_interface *p = c->page;
	u32 prod = p->in_prod, cons = __atomic_load_n(&p->in_cons, __ATOMIC_ACQUIRE);
	u32 room = (u32)sizeof(p->in) - (prod - cons);
	size_t n = c->input_length;

	if (prod - cons > sizeof(p->in))
		return false; /* a wild index: nothing can be given */
	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		p->in[(prod + i) % sizeof(p->in)] = c->input[i];
	__atomic_store_n(&p->in_prod, prod + (u32)n, __ATOMIC_SEQ_CST);
	c->input_length -= n;
	memmove(c->input, c->input + n, c->input_length);
	return n != 0;
}

void guest_console_service(struct guest_console *c)
{
	bool taken, given;

	if (!c->page)
		return;
	taken = take_output(c);
	given = give_input(c);
	if (taken || given)
		c->notify(c->ctx);
}

void guest_console_disconnect(struct guest_console *c)
{
	if (!c->page)
		return;
	take_output(c);
	if (c->log_name && c->line_length)
		flush_line(c);
	c->page = NULL;
}

void guest_console_attach(struct guest_console *c)
{
	c->attached = true;
	show(c);
}

void guest_console_detach(struct guest_console *c)
{
	c->attached = false;
}

void guest_console_input(struct guest_console *c, const char *text, size_t n)
{
	size_t room = sizeof(c->input) - c->input_length;

	if (!c->page)
		return;
	if (n > room) {
		machine_console_write_raw("\a", 1);
		n = room;
	}
	memcpy(c->input + c->input_length, text, n);
	c->input_length += n;
	guest_console_service(c);
}
