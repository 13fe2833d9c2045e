/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock of shared_info: sane, stable, even version. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "wall clock";

static u64 utc_at_zero(void)
{
	volatile struct shared_info *s = shared_info();
	u32 v;
	u64 r;

	do {
		v = s->wc_version;
		barrier();
		r = ((u64)s->wc_sec_hi << 32 | s->wc_sec) * 1000000000 + s->wc_nsec;
		CHECK(s->wc_nsec < 1000000000, "nanoseconds");
		barrier();
	} while (v & 1 || v != s->wc_version);
	return r;
}

void test_main(void)
{
	u64 a = utc_at_zero(), now = a + clock_ns(), b;

	CHECK(now / 1000000000 > 1577836800, "after 2020");
	CHECK(now / 1000000000 < 4102444800, "before 2100");
	delay_ns(30000000);
	b = utc_at_zero();
	CHECK(b >= a ? b - a < 2000000000 : a - b < 2000000000, "it does not drift");
}
