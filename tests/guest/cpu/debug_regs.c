/* SPDX-License-Identifier: BSD-2-Clause */
/* Debug registers: kept over switches, breakpoints and single steps hit, over exits too. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "debug registers";

static volatile u32 hits;
static volatile u64 last_dr6, last_rip;
static volatile u64 watched;

#define DR_READ(n)                                                               \
	({                                                                       \
		u64 v_;                                                          \
		__asm__ volatile("movq %%db" #n ", %0" : "=r"(v_) : : "memory"); \
		v_;                                                              \
	})
#define DR_WRITE(n, v) __asm__ volatile("movq %0, %%db" #n : : "r"((u64)(v)) : "memory")

static void debug(struct trap_frame *f)
{
	hits++;
	last_dr6 = DR_READ(6);
	last_rip = f->rip;
	DR_WRITE(6, 0xFFFF0FF0);
	f->rflags |= 1u << 16; /* RF: go on behind an instruction breakpoint */
}

__attribute__((noinline)) static void target(void)
{
	__asm__ volatile("nop");
}

static void bad_dr7(void *arg)
{
	(void)arg;
	DR_WRITE(7, 1ull << 40);
}

void test_main(void)
{
	trap_set_handler(1, debug);
	CHECK_EQ(DR_READ(6), 0xFFFF0FF0, "DR6 at start");
	CHECK_EQ(DR_READ(7), 0x400, "DR7 at start");
	DR_WRITE(0, 0x1111222233334444 & 0x7FFFFFFFFFFF);
	DR_WRITE(1, 0x123456);
	DR_WRITE(2, 0xFFFF800000000000);
	DR_WRITE(3, &watched);
	for (u32 i = 0; i < 20; i++) {
		(void)cpuid(0, 0);
		if (on_xen())
			sched_op(SCHEDOP_yield, NULL);
		CHECK_EQ(DR_READ(0), 0x222233334444, "DR0");
		CHECK_EQ(DR_READ(1), 0x123456, "DR1");
		CHECK_EQ(DR_READ(2), 0xFFFF800000000000, "DR2");
		CHECK_EQ(DR_READ(3), (u64)&watched, "DR3");
	}
	/* A data breakpoint: write, 8 bytes, in DR3. */
	DR_WRITE(7, 0x400 | 1u << 7 | 9u << 28);
	if (on_xen())
		sched_op(SCHEDOP_yield, NULL);
	watched = 1;
	CHECK_EQ(hits, 1, "data breakpoint");
	CHECK_EQ(last_dr6 & 0xF, 8, "DR6 says DR3");
	(void)watched;
	CHECK_EQ(hits, 1, "a read does not hit");
	/* An instruction breakpoint in DR0. */
	DR_WRITE(0, target);
	DR_WRITE(7, 0x402);
	target();
	CHECK_EQ(hits, 2, "instruction breakpoint");
	CHECK_EQ(last_rip, (u64)target, "at the instruction");
	CHECK_EQ(last_dr6 & 0xF, 1, "DR6 says DR0");
	DR_WRITE(7, 0x400);
	target();
	CHECK_EQ(hits, 2, "off");
	/* Single steps over plain and intercepted instructions: one trap for each. */
	hits = 0;
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n"
			 "nop; nop\n"
			 "pushfq; andq $~0x100, (%%rsp); popfq"
			 :
			 :
			 : "memory", "cc");
	CHECK_EQ(hits, 5, "single steps");
	CHECK(last_dr6 & 1u << 14, "DR6.BS");
	hits = 0;
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n"
			 "cpuid\n"
			 "movl $0x5678, %%edx\n"
			 "inb %%dx, %%al\n"
			 "pushfq; andq $~0x100, (%%rsp); popfq"
			 :
			 : "a"(0), "c"(0)
			 : "rbx", "rdx", "memory", "cc");
	CHECK_EQ(hits, 6, "single steps over CPUID and IN");
	(void)expect_fault(bad_dr7, NULL);
	DR_WRITE(7, 0x400);
	CHECK_EQ(DR_READ(7), 0x400, "DR7");
}
