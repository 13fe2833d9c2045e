/* SPDX-License-Identifier: BSD-2-Clause */
/* The UART at COM1: polled output for the log, input by interrupt into a small ring. */
#ifndef ARCH_X86_64_PLATFORM_SERIAL_H
#define ARCH_X86_64_PLATFORM_SERIAL_H

#include <core/types.h>

/* 115200 8N1. Finds out whether there is a UART; without one all below do nothing. */
void serial_init(void);
/* Routes IRQ 4 to the boot CPU: after the I/O APIC is up. fn runs in the interrupt handler after
 * bytes were stored. */
void serial_enable_input(void (*fn)(void));
/* Waits for the UART, but not for ever: a UART that stops taking bytes is given up. Callers hold
 * the log lock. */
void serial_write(const char *buf, size_t n);
/* Takes up to n bytes that were typed; 0 if none. Any CPU. */
size_t serial_read(char *buf, size_t n);

#endif
