/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs that a kernel uses: what they hold, keep and refuse. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "known MSRs";

struct access {
	u32 index;
	u64 value;
};
static void do_read(void *arg)
{
	struct access *a = arg;

	a->value = rdmsr(a->index);
}
static void do_write(void *arg)
{
	struct access *a = arg;

	wrmsr(a->index, a->value);
}
static void refuse_write(u32 index, u64 value, const char *what)
{
	struct access a = {index, value};
	struct fault f = expect_fault(do_write, &a);

	if (f.vector != 13 || f.error)
		test_fail("%s: vector %u error %x", what, f.vector, f.error);
}
/* Not intercepted: a processor says #GP, the emulator takes it. */
static void tolerate_write(u32 index, u64 value, const char *what)
{
	struct access a = {index, value};
	u64 old = rdmsr(index);
	struct fault f = expect_fault(do_write, &a);

	if (f.vector != 13 && f.vector != VECTOR_NONE)
		test_fail("%s: vector %u", what, f.vector);
	wrmsr(index, old);
}
static void refuse_read(u32 index, const char *what)
{
	struct access a = {index, 0};
	struct fault f = expect_fault(do_read, &a);

	if (f.vector != 13 || f.error)
		test_fail("%s: vector %u error %x", what, f.vector, f.error);
}
static void keeps(u32 index, u64 value)
{
	u64 old = rdmsr(index);

	wrmsr(index, value);
	if (rdmsr(index) != value)
		test_fail("MSR 0x%x holds %lx instead of %lx", index, rdmsr(index), value);
	if (on_xen())
		sched_op(SCHEDOP_yield, NULL);
	if (rdmsr(index) != value)
		test_fail("MSR 0x%x did not survive a yield", index);
	wrmsr(index, old);
}

static void check_efer(void)
{
	u64 efer = rdmsr(MSR_EFER);

	CHECK_EQ(efer & 0x500, 0x500, "EFER.LMA and LME");
	CHECK(!(efer & 1u << 12), "EFER.SVME does not show");
	wrmsr(MSR_EFER, efer & ~1ull);
	CHECK_EQ(rdmsr(MSR_EFER), efer & ~1ull, "EFER.SCE clear");
	wrmsr(MSR_EFER, efer | 1);
	CHECK_EQ(rdmsr(MSR_EFER), efer | 1, "EFER.SCE set");
	refuse_write(MSR_EFER, efer | 1u << 1, "reserved bit of EFER");
	refuse_write(MSR_EFER, efer | 1ull << 63, "high bit of EFER");
	refuse_write(MSR_EFER, efer & ~0x100ull, "EFER.LME cleared while paging");
}

void test_main(void)
{
	check_efer();
	keeps(MSR_STAR, 0x0013000800000000);
	keeps(MSR_LSTAR, 0xFFFF800012345678);
	keeps(0xC0000083, 0xFFFF800012345678);
	keeps(0xC0000084, 0x47700);
	keeps(0xC0000100, 0x12345678000);
	keeps(0xC0000101, 0xFFFF888012345678);
	keeps(0xC0000102, 0x7FFFFFFFFFFF);
	keeps(0x174, 0x10);
	keeps(0x175, 0xFFFF800000001000);
	keeps(0x176, 0xFFFF800000002000);
	tolerate_write(MSR_LSTAR, 0x800000000000, "LSTAR not canonical");
	tolerate_write(0xC0000100, 0x800000000000, "FS base not canonical");
	tolerate_write(0xC0000102, 0x8000000000000000, "kernel GS base not canonical");
	keeps(0x277, 0x0007040600070406);
	refuse_write(0x277, 0x0207040600070406, "PAT with a reserved type");
	CHECK(rdmsr(MSR_APIC_BASE) & 1u << 8, "BSP bit");
	CHECK(rdmsr(MSR_APIC_BASE) & 1u << 11, "APIC enabled");
	if (on_xen()) {
		CHECK_EQ(rdmsr(0xFE), 0x508, "MTRRcap");
		CHECK_EQ(rdmsr(0x2FF), 0x806, "MTRRdefType");
	}
	refuse_read(0x12345678, "RDMSR of an unknown index");
	refuse_write(0x12345678, 0, "WRMSR of an unknown index");
	if (on_xen()) {
		refuse_read(0xC0010117, "VM_HSAVE_PA");
		refuse_write(0xC0010117, 0x1000, "VM_HSAVE_PA");
		refuse_read(0x480, "VMX capability");
	}
}
