/* SPDX-License-Identifier: BSD-2-Clause */
/* See bitmap.h. */
#include <core/lib/bitmap.h>

void bitmap_fill(u8 *map, u32 first, u32 last, bool value)
{
	for (u32 byte = first / 8; byte <= last / 8; byte++) {
		u32 bits = 0xFF;

		if (byte == first / 8)
			bits &= 0xFFu << first % 8;
		if (byte == last / 8)
			bits &= 0xFFu >> (7 - last % 8);
		if (value)
			__atomic_fetch_or(&map[byte], (u8)bits, __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&map[byte], (u8)~bits, __ATOMIC_RELAXED);
	}
}
