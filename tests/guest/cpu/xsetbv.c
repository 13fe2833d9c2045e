/* SPDX-License-Identifier: BSD-2-Clause */
/* XSETBV: valid and invalid values of XCR0; a wrong one is #GP and changes nothing. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "XSETBV";

struct call {
	u32 index;
	u64 value;
};
static void set(void *arg)
{
	struct call *c = arg;

	xsetbv(c->index, c->value);
}
static void get(void *arg)
{
	(void)arg;
	(void)xgetbv(0);
}

static void try_value(u32 index, u64 value, bool valid)
{
	struct call c = {index, value};
	u64 before = xgetbv(0);
	struct fault f = expect_fault(set, &c);

	if (f.vector != VECTOR_NONE && (f.vector != 13 || f.error))
		test_fail("XCR%u = %lx: vector %u", index, value, f.vector);
	if (valid && f.vector != VECTOR_NONE)
		test_fail("XCR%u = %lx refused", index, value);
	/* The emulator does not intercept XSETBV: an invalid value may pass there, but the next
	 * exit must leave an XCR0 that is supported. */
	(void)cpuid(0, 0);
	if (valid && xgetbv(0) != value)
		test_fail("XCR0 is %lx instead of %lx", xgetbv(0), value);
	if (f.vector == 13 && xgetbv(0) != before)
		test_fail("XCR0 changed by a write that faulted");
	CHECK(xgetbv(0) & 1, "x87 state is always on");
	xsetbv(0, 3);
}

void test_main(void)
{
	u64 mask;

	if (!(cpuid(1, 0).ecx & 1u << 26))
		test_skip("no XSAVE");
	CHECK_EQ(expect_fault(get, NULL).vector, 6, "XGETBV without CR4.OSXSAVE");
	write_cr4(read_cr4() | CR4_OSXSAVE | CR4_OSFXSR);
	mask = cpuid(0xD, 0).eax | (u64)cpuid(0xD, 0).edx << 32;
	CHECK_EQ(xgetbv(0), 1, "XCR0 at reset");
	CHECK_EQ(mask & 3, 3, "x87 and SSE can be turned on");
	try_value(0, 1, true);
	try_value(0, 3, true);
	if (mask & 4)
		try_value(0, 7, true);
	try_value(0, mask, true);
	try_value(0, 0, false);
	try_value(0, 2, false);
	try_value(0, 5, false);
	try_value(0, 1ull << 62 | 3, false);
	try_value(1, 3, false);
	try_value(0xFFFFFFFF, 3, false);
	for (u32 b = 3; b < 63; b++)
		if (!(mask >> b & 1))
			try_value(0, 3 | 1ull << b, false);
	CHECK_EQ(cpuid(0xD, 0).ebx, 576, "leaf 0xD tells the size for XCR0 = 3");
}
