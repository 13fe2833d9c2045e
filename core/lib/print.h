/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's log: formatted lines to the ring buffer and the serial port. */
#ifndef CORE_LIB_PRINT_H
#define CORE_LIB_PRINT_H

#include <stdarg.h>
#include <core/types.h>

/* Formats into buf (size bytes, always NUL-terminated unless size is 0) and returns the length
 * that the whole text needs. Knows %d %u %x %c %s %%, the flags 0 - #, width (64 at most), l and z,
 * and for text a precision of *. */
size_t format_text(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);
size_t format_text_v(char *buf, size_t size, const char *fmt, va_list ap) printf_like(3, 0);

/* One line of the log: "[seconds.micros] text". The newline at the end is added if missing. Any
 * CPU, any context but NMI; takes the log lock. */
void log_line(const char *fmt, ...) printf_like(1, 2);

/* Logs why, the registers, a backtrace, and halts every CPU. For our own broken invariants only. */
noreturn_fn void panic(const char *fmt, ...) printf_like(1, 2);

#define assert(cond)                                                                      \
	do {                                                                              \
		if (unlikely(!(cond)))                                                    \
			panic("assertion %s failed at %s:%d", #cond, __FILE__, __LINE__); \
	} while (0)

#endif
