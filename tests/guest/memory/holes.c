/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest-physical addresses where nothing is: reads give all ones in every width, writes vanish. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "reads and writes of nothing";

#define READ(type, at) (*(volatile type *)(u64)(at))

void test_main(void)
{
	static const u32 at[] = {0xC0000000, 0xC0000FF8, 0xF1234560, 0xFED00000,
				 0xFEC00000, 0xFEE01000, 0xFFFFFFF0};
	u64 v;
	u8 bytes[16];
	void *dst = bytes;
	const void *src = (const void *)0xC0000010ul;
	u64 n = sizeof(bytes);

	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		CHECK_EQ(READ(u8, at[i]), 0xFF, "8 bits");
		CHECK_EQ(READ(u16, at[i]), 0xFFFF, "16 bits");
		CHECK_EQ(READ(u32, at[i]), 0xFFFFFFFF, "32 bits");
		CHECK_EQ(READ(u64, at[i]), ~0ull, "64 bits");
		READ(u8, at[i]) = 1;
		READ(u32, at[i]) = 2;
		READ(u64, at[i]) = 3;
		CHECK_EQ(READ(u32, at[i]), 0xFFFFFFFF, "after writes");
	}
	__asm__ volatile("movzbl (%1), %k0" : "=r"(v) : "r"(0xC0000000ul));
	CHECK_EQ(v, 0xFF, "movzx");
	__asm__ volatile("movsbq (%1), %0" : "=r"(v) : "r"(0xC0000000ul));
	CHECK_EQ(v, ~0ull, "movsx");
	v = 5;
	__asm__ volatile("xchgq %0, (%1)" : "+r"(v) : "r"(0xC0000000ul) : "memory");
	CHECK_EQ(v, ~0ull, "xchg");
	__asm__ volatile("movl $7, (%0)" : : "r"(0xC0000000ul) : "memory");
	__asm__ volatile("movb $7, (%0)" : : "r"(0xC0000000ul) : "memory");
	map_page(MAP_WINDOW, 0xC0000000, 3);
	CHECK_EQ(*(volatile u32 *)MAP_WINDOW, 0xFFFFFFFF, "a mapping of a hole");
	memset(bytes, 0, sizeof(bytes));
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
	for (u32 i = 0; i < sizeof(bytes); i++)
		CHECK_EQ(bytes[i], 0xFF, "rep movsb");
	CHECK_EQ(n, 0, "RCX");
}
