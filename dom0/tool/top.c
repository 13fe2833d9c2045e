/* SPDX-License-Identifier: BSD-2-Clause */
/* A screen of domains. What is shown per second or in per cent is since the screen before. */
#include <dom0/tool/top.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/loop.h>
#include <dom0/tool/domains.h>
#include <dom0/tool/prompt.h>

#define PERIOD_NS   1000000000ull
#define ROWS_MAX    20u /* shown */
#define SCREEN_SIZE 4096u
#define CTRL_C      0x03

struct row {
	struct plinth_ctl_domain_info d;
	u64 exits;
	double cpu, exit_rate;
};

static struct row *before;
static unsigned int before_count;
static u64 before_at;
static u32 left; /* screens, 0: no end */
static struct loop_timer refresh;

static u64 exits_of(const struct plinth_ctl_domain_info *d)
{
	u64 sum = 0;

	for (u32 v = 0; v < d->max_vcpus; v++) {
		struct plinth_control c = {.u.stats = {.domid = d->domid, .vcpu = v}};

		if (control_op(&c, PLINTH_CTL_vcpu_stats))
			break;
		for (unsigned int i = 0; i < EXIT_COUNT; i++)
			sum += c.u.stats.exits[i];
	}
	return sum;
}

/* The rates of r, if its domain was there before. */
static void compare(struct row *r, u64 passed)
{
	for (unsigned int i = 0; i < before_count; i++) {
		const struct row *b = &before[i];

		if (b->d.domid != r->d.domid ||
		    memcmp(b->d.uuid, r->d.uuid, sizeof(r->d.uuid)) != 0)
			continue;
		r->cpu = (double)(r->d.cpu_time_ns - b->d.cpu_time_ns) * 100 / (double)passed;
		r->exit_rate = (double)(r->exits - b->exits) * 1e9 / (double)passed;
	}
}

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? 1 : -1;
	return x->d.domid < y->d.domid ? -1 : 1;
}

static void sample(void)
{
	struct row *rows = NULL, r = {0};
	u64 now = loop_now();
	unsigned int n = 0;
	u32 from = 0;

	while (domain_next(&from, &r.d)) {
		struct row *more = realloc(rows, (n + 1) * sizeof(*rows));

		if (!more)
			break;
		rows = more;
		r.exits = exits_of(&r.d);
		r.cpu = r.exit_rate = 0;
		if (now > before_at)
			compare(&r, now - before_at);
		rows[n++] = r;
	}
	free(before);
	before = rows;
	before_count = n;
	before_at = now;
	if (n)
		qsort(rows, n, sizeof(*rows), by_use);
}

static size_t printf_like(3, 4) add(char *text, size_t n, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text + n, SCREEN_SIZE - n, format, args);
	va_end(args);
	return len > 0 && (size_t)len < SCREEN_SIZE - n ? n + (size_t)len : n;
}

static void draw(void)
{
	static char text[SCREEN_SIZE];
	struct plinth_control c = {0};
	const struct plinth_ctl_machine_info *m = &c.u.machine_info;
	double cpu = 0;
	size_t n = 0;

	if (control_op(&c, PLINTH_CTL_machine_info))
		return;
	for (unsigned int i = 0; i < before_count; i++)
		cpu += before[i].cpu;
	n = add(text, n, "\033[H\033[JPlinth, up %llu s   %u CPUs, %.1f %% of one used   ",
		(unsigned long long)(before_at / 1000000000ull), m->cpus, cpu);
	n = add(text, n, "%u domains   %llu MiB, %llu free   q ends it\n\n", before_count,
		(unsigned long long)(m->total_pages >> 8),
		(unsigned long long)(m->free_pages >> 8));
	n = add(text, n, "%-24s %5s %6s %7s %9s %7s %5s %9s\n", "Name", "ID", "State", "CPU(%)",
		"Time(s)", "Mem", "VCPUs", "Exits/s");
	for (unsigned int i = 0; i < before_count && i < ROWS_MAX; i++) {
		const struct row *r = &before[i];
		char state[7];

		domain_state(&r->d, state);
		n = add(text, n, "%-24.24s %5u %6s %7.1f %9.1f %7llu %5u %9.0f\n", r->d.name,
			r->d.domid, state, r->cpu, (double)r->d.cpu_time_ns / 1e9,
			(unsigned long long)(r->d.pages >> 8), r->d.online_vcpus, r->exit_rate);
	}
	if (before_count > ROWS_MAX)
		n = add(text, n, "and %u more\n", before_count - ROWS_MAX);
	machine_console_write(text, n);
}

static void end(void)
{
	loop_stop_timer(&refresh);
	free(before);
	before = NULL;
	before_count = 0;
	prompt_give_back();
}

static void tick(void *ctx)
{
	(void)ctx;
	sample();
	draw();
	if (left && --left == 0)
		end();
	else
		loop_set_timer(&refresh, loop_now() + PERIOD_NS);
}

static void key(char c)
{
	if (c == 'q' || c == 'Q' || c == CTRL_C)
		end();
}

void cmd_top(int argc, char **argv)
{
	left = 0;
	if (argc > 1 && (argc != 3 || strcmp(argv[1], "-n") != 0 ||
			 !argument_number(argv[2], ~0u, &left) || left == 0)) {
		printf("usage: top [-n N], with N screens, 1 or more\n");
		return;
	}
	refresh.fn = tick;
	before_at = loop_now(); /* the first screen has no use and no rates */
	prompt_lend(key);
	tick(NULL);
}
