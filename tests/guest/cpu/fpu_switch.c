/* SPDX-License-Identifier: BSD-2-Clause */
/* x87, SSE and AVX state of 4 busy vCPUs: each keeps its own over yields, sleeps and preemption. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "FPU, SSE and AVX state kept across switches";
#define ROUNDS 300u

static volatile u32 failed;
static bool avx;

static void set_up(void)
{
	write_cr0((read_cr0() & ~0xCull) | 2);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXC);
	if (avx) {
		write_cr4(read_cr4() | CR4_OSXSAVE);
		xsetbv(0, 7);
	}
	__asm__ volatile("fninit");
}

/* All 16 registers, MXCSR and an x87 register, from a pattern of the CPU and the round. */
static void load_state(const u64 *pattern, u32 mxcsr, const u64 *real)
{
	__asm__ volatile("ldmxcsr %0; fninit; fldl %1" : : "m"(mxcsr), "m"(*real));
#define LOAD(n) "movdqu " #n "*8(%0), %%xmm" #n "\n"
	__asm__ volatile(LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5) LOAD(6) LOAD(7) LOAD(8)
				 LOAD(9) LOAD(10) LOAD(11) LOAD(12) LOAD(13) LOAD(14) LOAD(15)
			 :
			 : "r"(pattern));
	if (avx)
		__asm__ volatile("vinsertf128 $1, 64(%0), %%ymm3, %%ymm3\n"
				 "vinsertf128 $1, 32(%0), %%ymm12, %%ymm12"
				 :
				 : "r"(pattern));
}

static bool state_is(const u64 *pattern, u32 mxcsr, const u64 *real)
{
	u64 out[32], high[4] = {0, 0, 0, 0}, got_real = 0;
	u32 got_mxcsr = 0;
	bool ok = true;

#define STORE(n) "movdqu %%xmm" #n ", " #n "*16(%0)\n"
	__asm__ volatile(STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5) STORE(6) STORE(7)
				 STORE(8) STORE(9) STORE(10) STORE(11) STORE(12) STORE(13) STORE(14)
					 STORE(15)
			 :
			 : "r"(out)
			 : "memory");
	if (avx) {
		__asm__ volatile("vextractf128 $1, %%ymm3, (%0); vextractf128 $1, %%ymm12, 16(%0)"
				 :
				 : "r"(high)
				 : "memory");
		ok = high[0] == pattern[8] && high[1] == pattern[9] && high[2] == pattern[4] &&
		     high[3] == pattern[5];
	}
	__asm__ volatile("stmxcsr %0; fstpl %1" : "=m"(got_mxcsr), "=m"(got_real));
	for (u32 i = 0; i < 16; i++)
		ok &= out[2 * i] == pattern[i] && out[2 * i + 1] == pattern[i + 1];
	return ok && got_mxcsr == mxcsr && got_real == *real;
}

static void busy(void *arg)
{
	u64 pattern[20], real;

	(void)arg;
	set_up();
	for (u32 i = 0; i < ROUNDS && !failed; i++) {
		u32 mxcsr = 0x1F80 | (cpu_id() & 3) << 13;

		for (u32 k = 0; k < 20; k++)
			pattern[k] = 0x0101010101010101ull * (cpu_id() + 1) + (u64)i * 977 + k;
		real = 0x4000000000000000 | (u64)(cpu_id() + 1) << 40 | (u64)i << 12;
		load_state(pattern, mxcsr, &real);
		if (i % 3 == 0)
			sched_op(SCHEDOP_yield, NULL);
		else if (i % 3 == 1)
			delay_ns(20000);
		else {
			struct sched_poll p = {.timeout = clock_ns() + 100000};

			sched_op(SCHEDOP_poll, &p);
		}
		if (!state_is(pattern, mxcsr, &real))
			failed = 1 + cpu_id();
	}
}

void test_main(void)
{
	struct cpuid r = cpuid(1, 0);

	avx = r.ecx & 1u << 26 && r.ecx & 1u << 28 && (cpuid(0xD, 0).eax & 4);
	(void)clock_ns();
	cpu_start_all(busy, NULL);
	busy(NULL);
	for (u32 i = 1; i < cpu_count(); i++)
		cpu_join(i);
	if (failed)
		test_fail("vCPU %u lost its state", failed - 1);
	print("%s\n", avx ? "with AVX" : "no AVX here");
}
// guest: vcpus=4
