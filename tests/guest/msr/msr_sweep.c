/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes every MSR of the architectural ranges: a value or #GP(0), nothing else. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "every MSR";

static u32 index_now;
static u64 value_now;

static void do_read(void *arg)
{
	(void)arg;
	value_now = rdmsr(index_now);
}
static void do_write(void *arg)
{
	(void)arg;
	wrmsr(index_now, value_now);
}

static void check(struct fault f, const char *what)
{
	if (f.vector != VECTOR_NONE && (f.vector != 13 || f.error))
		test_fail("%s of MSR 0x%x: vector %u error %x", what, index_now, f.vector, f.error);
}

/* A write of anything here has an effect that ends the test. */
static bool hands_off(u32 index)
{
	return (index >= 0x800 && index < 0x900 && apic_x2_mode()) || index == MSR_APIC_BASE;
}

static void write_value(u64 value)
{
	value_now = value;
	check(expect_fault(do_write, NULL), "WRMSR");
}

static u32 sweep(u32 first, u32 last)
{
	u32 readable = 0;

	for (index_now = first; index_now <= last; index_now++) {
		struct fault f = expect_fault(do_read, NULL);
		u64 old = value_now;

		check(f, "RDMSR");
		readable += f.vector == VECTOR_NONE;
		if (hands_off(index_now))
			continue;
		write_value(~0ull);
		write_value(0x8000000000000000);
		if (index_now != 0x40000000)
			write_value(0);
		if (f.vector == VECTOR_NONE)
			write_value(old);
	}
	return readable;
}

void test_main(void)
{
	u32 n = sweep(0, 0x1FFF);

	n += sweep(0x40000000, 0x400000FF);
	n += sweep(0xC0000000, 0xC0001FFF);
	n += sweep(0xC0010000, 0xC0011FFF);
	n += sweep(0xFFFFFF00, 0xFFFFFFFE);
	print("%u MSRs can be read\n", n);
	CHECK(n < 500, "unknown MSRs are refused");
	CHECK(rdmsr(MSR_EFER) & 0x400, "still in long mode");
}
