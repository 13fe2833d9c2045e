/* SPDX-License-Identifier: BSD-2-Clause */
/* x2APIC: the switch, its MSRs, self-IPI, and what it refuses. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "x2APIC mode";
#define VECTOR 0x61

static u64 taken(void)
{
	return this_cpu()->interrupts[VECTOR];
}
struct access {
	u32 index;
	u64 value;
};
static void do_write(void *arg)
{
	struct access *a = arg;

	wrmsr(a->index, a->value);
}
static void do_read(void *arg)
{
	struct access *a = arg;

	a->value = rdmsr(a->index);
}
static void refuse_write(u32 index, u64 value, const char *what)
{
	struct access a = {index, value};
	struct fault f = expect_fault(do_write, &a);

	if (f.vector != 13 || f.error)
		test_fail("write of %s: vector %u", what, f.vector);
}
static void refuse_read(u32 index, const char *what)
{
	struct access a = {index, 0};
	struct fault f = expect_fault(do_read, &a);

	if (f.vector != 13)
		test_fail("read of %s: vector %u", what, f.vector);
}

void test_main(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);
	u32 id = cpu_apic_id(0);

	if (!(cpuid(1, 0).ecx & 1u << 21))
		test_skip("no x2APIC");
	trap_set_handler(VECTOR, count_interrupt);
	if (!(base & 1u << 10)) {
		refuse_read(0x802, "x2APIC id in xAPIC mode");
		refuse_write(MSR_APIC_BASE, (base & ~0x800ull) | 0x400, "x2APIC without enable");
		wrmsr(MSR_APIC_BASE, base | 0x400);
	}
	CHECK(rdmsr(MSR_APIC_BASE) & 0x400, "x2APIC is on");
	refuse_write(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) & ~0x400ull, "back to xAPIC");
	CHECK_EQ(rdmsr(0x802), id, "id");
	CHECK_EQ(rdmsr(0x80D), (id >> 4) << 16 | 1u << (id & 15), "LDR");
	CHECK_EQ(*apic_mmio(APIC_ID), 0xFFFFFFFF, "nothing at the MMIO page");
	refuse_write(0x802, 1, "the id");
	refuse_write(0x803, 1, "the version");
	refuse_write(0x80D, 1, "the LDR");
	refuse_write(0x80E, 0, "the DFR, which is not there");
	refuse_read(0x80E, "the DFR, which is not there");
	refuse_read(0x80B, "EOI");
	refuse_write(0x80B, 1, "EOI, not zero");
	refuse_read(0x83F, "self-IPI");
	refuse_write(0x831, 0, "ICR high, which is not there");
	refuse_write(0x808, 0x100, "TPR, reserved bits");
	refuse_write(0x828, 1, "ESR, not zero");
	refuse_write(0x808, 1ull << 40, "TPR, upper half");
	refuse_read(0x8FF, "a register that is not there");
	wrmsr(0x80F, 0x1FF);
	CHECK_EQ(rdmsr(0x80F) & 0x1FF, 0x1FF, "SVR");
	wrmsr(0x808, 0x20);
	CHECK_EQ(read_cr8(), 2, "TPR in CR8");
	wrmsr(0x808, 0);
	wrmsr(0x83F, VECTOR);
	CHECK(rdmsr(0x820 + VECTOR / 32) >> (VECTOR % 32) & 1, "self-IPI in IRR");
	interrupts_poll();
	CHECK_EQ(taken(), 1, "self-IPI");
	wrmsr(0x830, (u64)id << 32 | VECTOR);
	interrupts_poll();
	CHECK_EQ(taken(), 2, "ICR to the own id");
	wrmsr(0x830, (u64)rdmsr(0x80D) << 32 | ICR_LOGICAL | VECTOR);
	interrupts_poll();
	CHECK_EQ(taken(), 3, "ICR to the own logical id");
	wrmsr(0x830, ICR_SELF | VECTOR);
	interrupts_poll();
	CHECK_EQ(taken(), 4, "shorthand self");
	wrmsr(0x830, 0x7700000000ull | VECTOR);
	interrupts_poll();
	CHECK_EQ(taken(), 4, "ICR to nobody");
	wrmsr(0x830, 0xFFFFFFFFull << 32 | VECTOR);
	interrupts_poll();
	CHECK_EQ(taken(), 5, "ICR to all");
	wrmsr(0x83E, 0xB);
	wrmsr(0x832, VECTOR);
	wrmsr(0x838, 10000);
	CHECK(WAIT_FOR(taken() == 6, 10000), "timer");
	refuse_write(0x838, 1ull << 32, "timer count, upper half");
	/* Off altogether, and on again. */
	wrmsr(MSR_APIC_BASE, base & ~0xC00ull);
	CHECK(!(cpuid(1, 0).edx & 1u << 9), "CPUID shows no APIC");
	refuse_read(0x802, "the id of a disabled APIC");
	wrmsr(MSR_APIC_BASE, (base & ~0x400ull) | 0x800);
	CHECK_EQ(apic_read(APIC_ID) >> 24, id, "xAPIC again");
}
