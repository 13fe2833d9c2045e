/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's console: the serial line that the hypervisor lends us. Text of many sources goes
 * out; typed characters go to the prompt or to the guest that is attached. */
#ifndef DOM0_CONSOLE_MACHINE_CONSOLE_H
#define DOM0_CONSOLE_MACHINE_CONSOLE_H

#include <stdarg.h>
#include <core/types.h>

void machine_console_init(void);
/* Raw text, now. LF is sent as CR LF. */
void machine_console_write(const char *text, size_t n);
/* As it is: for a guest's terminal. */
void machine_console_write_raw(const char *text, size_t n);
/* One line of the log on its own line, the prompt (if shown) put back behind it. */
void machine_console_line(const char *fmt, ...) printf_like(1, 2);
void machine_console_line_v(const char *fmt, va_list ap) printf_like(1, 0);
/* Who gets typed characters. */
void machine_console_set_input(void (*fn)(const char *text, size_t n));
/* hide takes the prompt off the line, show puts it back: around lines of the log. */
void machine_console_set_prompt(void (*hide)(void), void (*show)(void));

#endif
