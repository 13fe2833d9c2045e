/* SPDX-License-Identifier: BSD-2-Clause */
/* Self-modifying code, around intercepted instructions too; code that changes under its own feet.
 */
#include <tests/guest/lib/guest.h>

const char test_title[] = "self-modifying code";

static u8 code[4096] __attribute__((aligned(4096)));

static u32 call(void)
{
	u32 r;

	__asm__ volatile("call *%1"
			 : "=a"(r)
			 : "r"(code), "0"(0), "c"(MSR_EFER)
			 : "rbx", "rdx", "memory", "cc");
	return r;
}

void test_main(void)
{
	static const u8 with_cpuid[] = {0x31, 0xC0, 0x0F, 0xA2, 0xB8, 0, 0, 0, 0, 0xC3};
	static const u8 with_rdmsr[] = {0x66, 0x0F, 0x32, 0x90, 0xB8, 0, 0, 0, 0, 0xC3};

	for (u32 i = 0; i < 2000; i++) {
		memcpy(code, i & 1 ? with_cpuid : with_rdmsr, sizeof(with_cpuid));
		memcpy(code + 5, &i, 4);
		CHECK_EQ(call(), i, "the new code ran");
	}
	/* The same page by another address. */
	map_page(MAP_WINDOW, (u64)code, 3);
	for (u32 i = 0; i < 500; i++) {
		*(volatile u32 *)(MAP_WINDOW + 5) = ~i;
		CHECK_EQ(call(), ~i, "code written through an alias");
	}
	/* A REP STOSB that overwrites the code behind it. */
	static const u8 eat[] = {0x48, 0x8D, 0x3D, 2, 0, 0, 0, 0xF3, 0xAA, 0xCC, 0xCC, 0xC3};
	memcpy(code, eat, sizeof(eat));
	u32 r;
	__asm__ volatile("call *%1"
			 : "=a"(r)
			 : "r"(code), "0"(0x90), "c"(2ull)
			 : "rdi", "memory", "cc");
	CHECK_EQ(r, 0x90, "the two INT3 became NOPs");
	/* A page remapped between runs. */
	static u8 other[4096] __attribute__((aligned(4096)));
	memcpy(code, with_cpuid, sizeof(with_cpuid));
	memcpy(other, with_cpuid, sizeof(with_cpuid));
	code[5] = 1;
	other[5] = 2;
	for (u32 i = 0; i < 200; i++) {
		map_page(MAP_WINDOW, i & 1 ? (u64)other : (u64)code, 3);
		__asm__ volatile("call *%1"
				 : "=a"(r)
				 : "r"(MAP_WINDOW)
				 : "rbx", "rcx", "rdx", "memory", "cc");
		CHECK_EQ(r, 1 + (i & 1), "the page that is mapped now");
	}
}
