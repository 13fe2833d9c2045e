/* SPDX-License-Identifier: BSD-2-Clause */
/* The way out when the control domain itself is broken. */
#ifndef DOM0_ENTRY_PANIC_H
#define DOM0_ENTRY_PANIC_H

#include <core/types.h>

/* Prints one line and ends the control domain. For broken invariants only: trouble with a guest
 * or its files is an error to the caller. */
void panic(const char *format, ...) noreturn_fn printf_like(1, 2);

#endif
