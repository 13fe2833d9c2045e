/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that guests write to the log, each under its guest's name, at a bounded rate. */
#include <core/domain.h>

#include <arch/x86_64/platform/clock.h>
#include <arch/x86_64/platform/log.h>
#include <core/lib/string.h>

/* A guest may log 64 KiB at once, more than a whole boot, and then 4 KiB a second: a UART at 115200
 * takes 11 KiB a second, and the CPU waits for it. */
#define BURST_BYTES  65536u
#define REFILL_SHIFT 18u /* one byte for each 2^18 ns */

static void refill(struct domain *d)
{
	u64 now = clock_ns(), gained;

	if (d->log_refill_ns == 0) { /* the first line */
		d->log_tokens = BURST_BYTES;
		d->log_refill_ns = now ? now : 1;
	}
	gained = now > d->log_refill_ns ? (now - d->log_refill_ns) >> REFILL_SHIFT : 0;
	d->log_refill_ns += gained << REFILL_SHIFT;
	d->log_tokens = min_u64(d->log_tokens + gained, BURST_BYTES);
}

/* Under debug_lock. The line goes out in one piece, so that no other text gets into it. */
static void end_line(struct domain *d)
{
	char line[PLINTH_NAME_MAX + DEBUG_LINE_MAX + 4];
	u32 length = d->debug_length;
	size_t n;

	d->debug_length = 0;
	n = format_text(line, sizeof(line), "%s| %.*s\n", d->name, (int)length, d->debug_line);
	refill(d);
	if (d->log_tokens < n) {
		d->log_dropped++;
		return;
	}
	d->log_tokens -= n;
	if (d->log_dropped)
		log_line("%s (domain %u): %u lines dropped, it writes too much", d->name, d->id,
			 d->log_dropped);
	d->log_dropped = 0;
	log_write_line(line, n);
}

/* What would drive the reader's terminal does not pass. */
static char printable(char c)
{
	if (c == '\t')
		return ' ';
	return c >= ' ' && c <= '~' ? c : '?';
}

size_t domain_debug_text(struct domain *d, const char *text, size_t n)
{
	bool ended = false;
	size_t i;

	/* Nobody waits with interrupts off for another vCPU's line to reach a slow UART. */
	if (!spin_trylock(&d->debug_lock))
		return 0;
	for (i = 0; i < n && !ended; i++) {
		ended = text[i] == '\n';
		if (!ended && text[i] != '\r' && text[i] != '\0') {
			d->debug_line[d->debug_length++] = printable(text[i]);
			ended = d->debug_length == DEBUG_LINE_MAX;
		}
	}
	if (ended)
		end_line(d);
	spin_unlock(&d->debug_lock);
	return i;
}
