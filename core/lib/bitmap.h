/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps of one bit each, as hardware reads them: bit n is bit n % 8 of byte n / 8. */
#ifndef CORE_LIB_BITMAP_H
#define CORE_LIB_BITMAP_H

#include <core/types.h>

/* Sets or clears bits first..last. Each byte changes atomically. */
void bitmap_fill(u8 *map, u32 first, u32 last, bool value);

#endif
