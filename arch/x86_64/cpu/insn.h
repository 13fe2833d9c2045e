/* SPDX-License-Identifier: BSD-2-Clause */
/* Single instructions that C cannot say. */
#ifndef ARCH_X86_64_CPU_INSN_H
#define ARCH_X86_64_CPU_INSN_H

#include <core/types.h>

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return ((u64)hi << 32) | lo;
}
static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* Pairs of (address that may fault, where to go on); sorted by nobody, searched linearly. */
#define FIXUP(fault, landing) \
	".pushsection .fixup, \"a\"\n .quad " #fault ", " #landing "\n .popsection\n"

/* False if the CPU answers with #GP; *v is then 0. */
must_use static inline bool rdmsr_safe(u32 msr, u64 *v)
{
	u32 lo = 0, hi = 0, bad = 1;

	__asm__ volatile("1: rdmsr\n xorl %2, %2\n2:\n" FIXUP(1b, 2b)
			 : "+a"(lo), "+d"(hi), "+r"(bad)
			 : "c"(msr)
			 : "memory", "cc");
	*v = ((u64)hi << 32) | lo;
	return bad == 0;
}
/* Reads memory that may not be mapped. */
must_use static inline bool read_u64_safe(u64 va, u64 *v)
{
	u64 value = 0;
	u32 bad = 1;

	__asm__ volatile("1: movq (%2), %0\n xorl %1, %1\n2:\n" FIXUP(1b, 2b)
			 : "+r"(value), "+r"(bad)
			 : "r"(va)
			 : "memory", "cc");
	*v = value;
	return bad == 0;
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return ((u64)hi << 32) | lo;
}
/* Not before earlier loads are done, nor after later ones have begun. */
static inline u64 rdtsc_ordered(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence\n rdtsc\n lfence" : "=a"(lo), "=d"(hi)::"memory");
	return ((u64)hi << 32) | lo;
}

static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

#define INSN_CR(n)                                                           \
	static inline u64 read_cr##n(void)                                   \
	{                                                                    \
		u64 v;                                                       \
		__asm__ volatile("movq %%cr" #n ", %0" : "=r"(v)::"memory"); \
		return v;                                                    \
	}                                                                    \
	static inline void write_cr##n(u64 v)                                \
	{                                                                    \
		__asm__ volatile("movq %0, %%cr" #n ::"r"(v) : "memory");    \
	}
INSN_CR(0)
INSN_CR(2)
INSN_CR(3)
INSN_CR(4)
/* DR0 to DR3. */
static inline void read_debug(u64 dr[4])
{
	__asm__ volatile("movq %%db0, %0\n movq %%db1, %1\n movq %%db2, %2\n movq %%db3, %3"
			 : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
}
static inline void write_debug(const u64 dr[4])
{
	__asm__ volatile(
		"movq %0, %%db0\n movq %1, %%db1\n movq %2, %%db2\n movq %3, %%db3" ::"r"(dr[0]),
		"r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
}

static inline u64 xgetbv(u32 index)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(index));
	return ((u64)hi << 32) | lo;
}
static inline void xsetbv(u32 index, u64 v)
{
	__asm__ volatile("xsetbv" ::"c"(index), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
/* area: 64-byte aligned, standard format, as large as CPUID 0xD says for the mask. */
static inline void xsave(void *area, u64 mask)
{
	__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}
static inline void xrstor(const void *area, u64 mask)
{
	__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}
/* area: 512 bytes, 16-byte aligned. */
static inline void fxsave(void *area)
{
	__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}
static inline void fxrstor(const void *area)
{
	__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

static inline void invlpg(u64 va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}
static inline void cli(void)
{
	__asm__ volatile("cli" ::: "memory");
}
static inline void hlt(void)
{
	__asm__ volatile("hlt" ::: "memory");
}
/* Takes pending interrupts, or sleeps until one comes, and returns with interrupts off. An
 * interrupt that is pending at the start cannot slip by between STI and HLT. */
static inline void sti_hlt_cli(void)
{
	__asm__ volatile("sti\n hlt\n cli" ::: "memory");
}
/* Opens the window for interrupts that are pending, one instruction wide. */
static inline void sti_nop_cli(void)
{
	__asm__ volatile("sti\n nop\n cli" ::: "memory");
}

static inline u32 mmio_read32(const volatile void *p)
{
	return *(const volatile u32 *)p;
}
static inline void mmio_write32(volatile void *p, u32 v)
{
	*(volatile u32 *)p = v;
}
static inline u64 mmio_read64(const volatile void *p)
{
	return *(const volatile u64 *)p;
}
static inline void mmio_write64(volatile void *p, u64 v)
{
	*(volatile u64 *)p = v;
}
/* Writes the cache line back to memory, for a device that does not look into caches. */
static inline void clflush(const void *p)
{
	__asm__ volatile("clflush (%0)" ::"r"(p) : "memory");
}

#endif
