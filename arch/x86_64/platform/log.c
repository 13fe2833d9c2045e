/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: every line goes to a ring in memory and to the serial port, whole. */
#include <arch/x86_64/platform/log.h>

#include <arch/x86_64/platform/clock.h>
#include <arch/x86_64/platform/serial.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>
#include <core/lib/string.h>

#define LINE_MAX 512u

/* The lock covers the ring, the line state and the transmitter. It is taken last: nothing is locked
 * while it is held. */
static spinlock_t log_lock;
static bool lock_broken; /* panic: the holder may have been stopped */
static char ring[LOG_RING_SIZE];
static u64 written; /* bytes ever; written % LOG_RING_SIZE is the next place */
static char last_byte = '\n';

static void lock_log(void)
{
	if (!READ_ONCE(lock_broken))
		spin_lock(&log_lock);
}

static void unlock_log(void)
{
	if (!READ_ONCE(lock_broken))
		spin_unlock(&log_lock);
}

/* Terminals want a carriage return before each line feed; the ring does not. */
static void send(const char *buf, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n' && last_byte != '\r') {
			serial_write(buf + start, i - start);
			serial_write("\r", 1);
			start = i;
		}
		last_byte = buf[i];
	}
	serial_write(buf + start, n - start);
}

static void append(const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[(written + i) % LOG_RING_SIZE] = buf[i];
	written += n;
	send(buf, n);
}

void log_write_raw(const char *buf, size_t n)
{
	lock_log();
	append(buf, n);
	unlock_log();
}

void log_write_line(const char *line, size_t n)
{
	lock_log();
	if (last_byte != '\n')
		append("\n", 1);
	append(line, n);
	unlock_log();
}

void log_line(const char *fmt, ...)
{
	char line[LINE_MAX];
	u64 us = clock_ns() / 1000;
	size_t n = format_text(line, sizeof(line), "[%4lu.%06lu] ", (unsigned long)(us / 1000000),
			       (unsigned long)(us % 1000000));
	va_list ap;

	va_start(ap, fmt);
	n += format_text_v(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	n = min_u64(n, sizeof(line) - 2); /* one byte for the newline; the last is the NUL's */
	if (line[n - 1] != '\n')
		line[n++] = '\n';
	log_write_line(line, n);
}

size_t log_ring_read(u64 *offset, char *buf, size_t n)
{
	size_t done = 0;

	lock_log();
	if (*offset > written)
		*offset = written;
	if (written - *offset > LOG_RING_SIZE)
		*offset = written - LOG_RING_SIZE;
	for (; done < n && *offset < written; done++, (*offset)++)
		buf[done] = ring[*offset % LOG_RING_SIZE];
	unlock_log();
	return done;
}

void log_break_lock(void)
{
	/* The other CPUs have been told to stop; give one that is in the middle of a line the time
	 * to finish it. */
	for (u32 i = 0; i < 1000000 && !spin_trylock(&log_lock); i++)
		cpu_relax();
	WRITE_ONCE(lock_broken, true);
}
