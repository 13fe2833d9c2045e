/* SPDX-License-Identifier: BSD-2-Clause */
/* What the C library of the control domain needs from below: a heap and a place to write to. */
#ifndef DOM0_ENTRY_SYSCALLS_H
#define DOM0_ENTRY_SYSCALLS_H

#include <stddef.h>

/* Gives malloc its memory: size bytes from start on, mapped and zeroed. Called once, before the
 * first allocation; the C library owns the range from then on. */
void heap_init(void *start, size_t size);
/* Bytes malloc has taken from the region so far (it gives back only from the end), and the
 * bytes it may still take. */
size_t heap_used(void);
size_t heap_left(void);

/* Where stdout and stderr end. Provided by the console; must not use stdio itself. */
void console_write(const char *text, size_t len);

#endif
