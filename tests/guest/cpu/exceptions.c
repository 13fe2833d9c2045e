/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions that are the guest's own keep their architectural frame. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "exceptions in the guest";

extern char at_ud[], at_gp[], at_pf[], at_de[], at_bp[], at_int[];
static volatile u32 zero;

static void ud(void *a)
{
	(void)a;
	__asm__ volatile("at_ud: ud2");
}
static void de(void *a)
{
	(void)a;
	__asm__ volatile("at_de: divl %0" : : "m"(zero), "a"(1), "d"(0) : "cc");
}
static void gp(void *a)
{
	__asm__ volatile("at_gp: movl (%0), %%eax" : : "r"(a) : "rax");
}
static void pf_read(void *a)
{
	__asm__ volatile("at_pf: movl (%0), %%eax" : : "r"(a) : "rax");
}
static void pf_write(void *a)
{
	*(volatile u32 *)a = 1;
}
static void pf_jump(void *a)
{
	((void (*)(void))a)();
}
static void bp(void *a)
{
	(void)a;
	__asm__ volatile("int3; at_bp:");
}
static void bad_segment(void *a)
{
	__asm__ volatile("movw %w0, %%es" : : "r"(a));
}
static void bad_int(void *a)
{
	(void)a;
	__asm__ volatile("int $0x21");
}
static void privileged(void *a)
{
	(void)a;
	__asm__ volatile("cli");
}
static void bad_msr(void *a)
{
	(void)a;
	(void)rdmsr(0x12345678);
}
static void user_write(void *a)
{
	*(volatile u32 *)a = 1;
}
static void stack_fault(void *a)
{
	__asm__ volatile("movq %0, %%rbp; movl (%%rbp), %%eax; xorl %%ebp, %%ebp"
			 :
			 : "r"(a)
			 : "rax", "rbp");
}

static struct fault expect(void (*fn)(void *), void *arg, u32 vector, u32 error, const char *what)
{
	struct fault f = expect_fault(fn, arg);

	if (f.vector != vector || f.error != error)
		test_fail("%s: vector %u error %x", what, f.vector, f.error);
	return f;
}
#define EXPECT(fn, arg, vector, error) expect(fn, arg, vector, error, #fn)

static u8 page[4096] __attribute__((aligned(4096)));

void test_main(void)
{
	void *far = (void *)(MAP_WINDOW + 0x123);
	struct fault f;

	CHECK_EQ(EXPECT(ud, NULL, 6, 0).rip, (u64)at_ud, "RIP of #UD");
	CHECK_EQ(EXPECT(de, NULL, 0, 0).rip, (u64)at_de, "RIP of #DE");
	CHECK_EQ(EXPECT(gp, (void *)0x800000000000, 13, 0).rip, (u64)at_gp, "RIP of #GP");
	f = EXPECT(pf_read, far, 14, 0);
	CHECK_EQ(f.rip, (u64)at_pf, "RIP of #PF");
	CHECK_EQ(f.cr2, (u64)far, "CR2");
	CHECK_EQ(f.cs, CS_KERNEL, "CS");
	CHECK_EQ(EXPECT(pf_write, far, 14, 2).cr2, (u64)far, "CR2 of a write");
	f = expect_fault(pf_jump, far);
	CHECK_EQ(f.vector, 14, "jump to nowhere");
	CHECK_EQ(f.cr2, (u64)far, "CR2 of a fetch");
	CHECK_EQ(f.rip, (u64)far, "RIP of a fetch");
	map_page(MAP_WINDOW, (u64)page, 1);
	EXPECT(pf_write, far, 14, 3);
	map_page(MAP_WINDOW, (u64)page, 3);
	f = run_user(user_write, far);
	CHECK_EQ(f.vector, 14, "user write to a kernel page");
	CHECK_EQ(f.error, 7, "its error code");
	CHECK_EQ(f.cs, CS_USER, "its CS");
	map_page(MAP_WINDOW, (u64)page, 7 | 1ull << 51);
	f = expect_fault(pf_read, far);
	CHECK(f.vector == 14 || f.vector == VECTOR_NONE,
	      "address bit 51: reserved, or wide enough");
	if (f.vector == 14)
		CHECK(f.error & 8, "reserved bit"); /* emulator: without the present bit */
	map_page(MAP_WINDOW, 0, 0);
	f = EXPECT(bp, NULL, 3, 0);
	CHECK_EQ(f.rip, (u64)at_bp, "#BP is a trap");
	EXPECT(bad_segment, (void *)0x78, 13, 0x78);
	f = run_user(bad_int, NULL);
	CHECK_EQ(f.vector, 13, "INT without right");
	CHECK_EQ(f.error & 7, 2, "its error code names the IDT"); /* emulator: vector times 16 */
	CHECK_EQ(run_user(privileged, NULL).vector, 13, "CLI at CPL 3");
	CHECK_EQ(run_user(bad_msr, NULL).vector, 13, "RDMSR at CPL 3");
	if (on_xen())
		EXPECT(bad_msr, NULL, 13, 0);
	f = expect_fault(stack_fault, (void *)0x800000000000);
	CHECK(f.vector == 12 || f.vector == 13, "non-canonical stack access"); /* emulator: #GP */
	/* Flags of the interrupted code are in the frame. */
	interrupts_on();
	f = expect_fault(ud, NULL);
	CHECK(f.rflags & RFLAGS_IF, "IF in the frame");
	interrupts_off();
	for (u32 i = 0; i < 2000; i++)
		EXPECT(ud, NULL, 6, 0);
}
