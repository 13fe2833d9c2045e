/* SPDX-License-Identifier: BSD-2-Clause */
/* The arithmetic of clocks, apart from the clocks. */
#include <arch/x86_64/platform/clock.h>

struct clock_scale clock_scale_ratio(u64 to, u64 from)
{
	struct clock_scale s = {0, 0};

	/* Bring to/from into [1/2, 1), so that mul uses all of its 32 bits. */
	for (; to >= from; s.shift++) {
		if (from >> 62)
			to >>= 1;
		else
			from <<= 1;
	}
	for (; to < from - to; s.shift--) {
		if (to >> 62)
			from >>= 1;
		else
			to <<= 1;
	}
	for (; to >> 32; to >>= 1)
		from >>= 1;
	s.mul = (u32)min_u64((to << 32) / from, ~0u);
	return s;
}

u64 clock_date_to_seconds(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second)
{
	/* Years begin in March, so that the leap day is the last of its year; 719,468 days lie
	 * between 1 March of year 0 and 1970. */
	u64 y = month > 2 ? year : year - 1ull, m = (month + 9) % 12;
	u64 days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;

	return ((days * 24 + hour) * 60 + minute) * 60 + second;
}
