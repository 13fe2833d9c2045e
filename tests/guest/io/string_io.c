/* SPDX-License-Identifier: BSD-2-Clause */
/* String I/O: counts, direction, address sizes, page crossing, faults half way. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "string I/O";

static u8 buf[8192] __attribute__((aligned(4096)));
#define PORT 0x5678

struct regs {
	u64 rdi, rcx;
};

#define STRING_IN(insn, p, n)                                                                     \
	({                                                                                        \
		struct regs r_ = {(u64)(p), (n)};                                                 \
		__asm__ volatile(insn : "+D"(r_.rdi), "+c"(r_.rcx) : "d"(PORT) : "memory", "cc"); \
		r_;                                                                               \
	})

static void check_filled(u32 from, u32 to, const char *what)
{
	for (u32 i = 0; i < sizeof(buf); i++)
		if (buf[i] != (i >= from && i < to ? 0xFF : 0x11))
			test_fail("%s: byte %u is %x", what, i, buf[i]);
	memset(buf, 0x11, sizeof(buf));
}

static void fault_halfway(void *arg)
{
	struct regs *r = arg;

	/* RDI and RCX are read after the fault from the frame, so keep them where it ends. */
	__asm__ volatile("rep insb" : : "D"(r->rdi), "c"(r->rcx), "d"(PORT) : "memory");
}
static void out_fault(void *arg)
{
	__asm__ volatile("rep outsb" : : "S"(arg), "c"(16ull), "d"(PORT) : "memory");
}
static void user_in(void *arg)
{
	(void)arg;
	(void)inb(PORT);
}

void test_main(void)
{
	static const char line[] = "by rep outsb\n";
	const char *p = line;
	u64 n = sizeof(line) - 1;
	struct regs r;
	struct fault f;

	__asm__ volatile("rep outsb" : "+S"(p), "+c"(n) : "d"(0xE9) : "memory");
	CHECK_EQ(n, 0, "RCX after REP OUTSB");
	CHECK_EQ(p - line, sizeof(line) - 1, "RSI after REP OUTSB");
	memset(buf, 0x11, sizeof(buf));
	r = STRING_IN("insb", buf + 5, 77);
	CHECK_EQ(r.rcx, 77, "INSB leaves RCX alone");
	CHECK_EQ(r.rdi, (u64)buf + 6, "RDI after INSB");
	check_filled(5, 6, "insb");
	r = STRING_IN("rep insb", buf + 4000, 200);
	CHECK_EQ(r.rcx, 0, "RCX after REP INSB");
	CHECK_EQ(r.rdi, (u64)buf + 4200, "RDI after REP INSB");
	check_filled(4000, 4200, "rep insb over two pages");
	r = STRING_IN("rep insw", buf + 4095, 3);
	CHECK_EQ(r.rdi, (u64)buf + 4101, "RDI after REP INSW");
	check_filled(4095, 4101, "rep insw, one element over two pages");
	(void)STRING_IN("rep insl", buf + 4093, 5);
	check_filled(4093, 4113, "rep insl");
	(void)STRING_IN("rep insb", buf, 0);
	check_filled(0, 0, "count 0");
	r = STRING_IN("std; rep insl; cld", buf + 100, 4);
	CHECK_EQ(r.rdi, (u64)buf + 84, "RDI when going down");
	check_filled(88, 104, "direction flag");
	r = STRING_IN(".byte 0x67, 0xF3, 0x6C", (u64)buf | 0x7700000000, 0x500000003);
	CHECK_EQ(r.rcx, 0, "ECX counts with a 32-bit address size");
	check_filled(0, 3, "32-bit address size");
	(void)STRING_IN("rep insb", buf, 8192);
	check_filled(0, 8192, "two pages");

	map_page(MAP_WINDOW, (u64)buf, 3);
	r = (struct regs){MAP_WINDOW + 4090, 100};
	f = expect_fault(fault_halfway, &r);
	CHECK_EQ(f.vector, 14, "page fault half way");
	CHECK_EQ(f.cr2, MAP_WINDOW + 4096, "CR2 half way");
	CHECK_EQ(f.error & ~4u, 2, "error code half way");
	check_filled(4090, 4096, "what came before the fault");
	f = expect_fault(out_fault, (void *)(MAP_WINDOW + 4096));
	CHECK_EQ(f.vector, 14, "REP OUTSB from nowhere");
	CHECK_EQ(f.cr2, MAP_WINDOW + 4096, "CR2 of REP OUTSB");
	CHECK_EQ(f.error, 0, "error code of REP OUTSB");
	map_page(MAP_WINDOW, (u64)buf, 1);
	r.rdi = MAP_WINDOW;
	f = expect_fault(fault_halfway, &r);
	CHECK_EQ(f.vector, 14, "read-only buffer");
	CHECK_EQ(f.error, 3, "error code of a read-only buffer");
	f = run_user(user_in, NULL);
	CHECK_EQ(f.vector, 13, "IN at CPL 3");
}
