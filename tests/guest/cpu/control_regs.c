/* SPDX-License-Identifier: BSD-2-Clause */
/* CR0, CR3, CR4: what a guest sets holds, over exits too. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "control registers";

void test_main(void)
{
	u64 cr0 = read_cr0(), cr4 = read_cr4(), cr3 = read_cr3();
	static const u64 toggles[] = {1 << 2, 1 << 3, 1 << 4, 1 << 7, 1 << 8, 1 << 9, 1 << 10};

	CHECK(cr0 >> 31 & 1 && cr0 & 1, "paging and protection");
	for (u32 i = 0; i < ARRAY_SIZE(toggles); i++) {
		write_cr4(cr4 ^ toggles[i]);
		(void)cpuid(0, 0);
		if (read_cr4() != (cr4 ^ toggles[i]))
			test_fail("CR4 bit 0x%lx does not hold", toggles[i]);
		write_cr4(cr4);
	}
	/* Reserved bits are not tried: the emulator takes them and ends the next entry, where a
	 * processor raises #GP. */
	write_cr0(cr0 | 1 << 3);
	(void)cpuid(0, 0);
	CHECK_EQ(read_cr0(), cr0 | 1 << 3, "CR0.TS");
	write_cr0(cr0 & ~(1ull << 16));
	CHECK_EQ(read_cr0(), cr0 & ~(1ull << 16), "CR0.WP clear");
	write_cr0(cr0 | 3ull << 29);
	(void)cpuid(0, 0);
	write_cr0(cr0);
	CHECK_EQ(read_cr0(), cr0, "CR0 again");
	CHECK_EQ(cr3 & 0xFFF, 0, "CR3");
	for (u32 i = 0; i < 1000; i++)
		write_cr3(cr3);
	CHECK_EQ(read_cr3(), cr3, "CR3 again");
}
