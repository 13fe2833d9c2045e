/* SPDX-License-Identifier: BSD-2-Clause */
/* The log's ring buffer, and raw text into it. log_line() is in core/lib/print.h. */
#ifndef ARCH_X86_64_PLATFORM_LOG_H
#define ARCH_X86_64_PLATFORM_LOG_H

#include <core/types.h>

#define LOG_RING_SIZE 65536u

/* Appends n bytes as they are (text of the control domain and of guests) to the ring and the serial
 * port, under the log lock. A log_line() that follows unfinished text begins on a new line. */
void log_write_raw(const char *buf, size_t n);
/* A whole line without a time stamp (n bytes, the newline included), on a line of its own. */
void log_write_line(const char *line, size_t n);
/* Copies up to n bytes from stream position *offset on and advances it. A position older than the
 * ring's content is moved up to the oldest byte. Returns 0 at the end. */
size_t log_ring_read(u64 *offset, char *buf, size_t n);
/* For panic alone: output goes on although another CPU may hold the log lock. */
void log_break_lock(void);

#endif
