/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library's own parts share. */
#ifndef TESTS_GUEST_LIB_TRAP_H
#define TESTS_GUEST_LIB_TRAP_H

#include <tests/guest/lib/guest.h>

void trap_init_cpu(struct cpu *c); /* loads the CPU's own GDT, the common IDT, TR */

#endif
