/* SPDX-License-Identifier: BSD-2-Clause */
/* Processor features a guest must, and must not, be shown. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "CPUID: hidden and needed features";

static void execute_monitor(void *arg)
{
	__asm__ volatile("monitor" : : "a"(arg), "c"(0), "d"(0));
}
static void execute_vmrun(void *arg)
{
	__asm__ volatile("vmrun" : : "a"(arg));
}
static void execute_vmload(void *arg)
{
	__asm__ volatile("vmload" : : "a"(arg));
}
static void execute_skinit(void *arg)
{
	__asm__ volatile("skinit" : : "a"(arg));
}
static void execute_invept(void *arg)
{
	__asm__ volatile("vmxoff" : : "a"(arg));
}

static void check_instructions(void)
{
	CHECK_EQ(expect_fault(execute_monitor, test_main).vector, 6, "MONITOR");
	CHECK_EQ(expect_fault(execute_vmrun, NULL).vector, 6, "VMRUN");
	CHECK_EQ(expect_fault(execute_vmload, NULL).vector, 6, "VMLOAD");
	CHECK_EQ(expect_fault(execute_skinit, NULL).vector, 6, "SKINIT");
	CHECK_EQ(expect_fault(execute_invept, NULL).vector, 6, "VMXOFF");
}

static void check_osxsave(void)
{
	if (!(cpuid(1, 0).ecx & 1u << 26))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	CHECK(cpuid(1, 0).ecx & 1u << 27, "OSXSAVE shows CR4 when set");
	CHECK(cpuid(0xD, 0).ebx >= 576, "size of the XSAVE area");
	CHECK(cpuid(0xD, 0).eax & 3, "x87 and SSE state");
	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	CHECK(!(cpuid(1, 0).ecx & 1u << 27), "OSXSAVE shows CR4 when clear");
}

void test_main(void)
{
	struct cpuid r = cpuid(1, 0);

	CHECK(r.ecx & 1u << 31, "hypervisor bit");
	CHECK(r.edx & 1u << 9, "APIC");
	CHECK(r.edx & 1u << 4, "TSC");
	CHECK(r.edx & 1u << 5, "MSRs");
	CHECK(r.edx & 1u << 6, "PAE");
	CHECK(r.edx & 1u << 16, "PAT");
	CHECK(r.edx & 1u << 25 && r.edx & 1u << 26, "SSE and SSE2");
	CHECK(!(r.ecx & 1u << 3), "MONITOR is hidden");
	CHECK(!(r.ecx & 1u << 5), "VMX is hidden");
	CHECK(!(r.ecx & 1u << 15), "PDCM is hidden");
	CHECK(!(r.ecx & 1u << 24), "TSC deadline is hidden");
	CHECK_EQ(r.ebx >> 24, apic_read(APIC_ID) >> (apic_x2_mode() ? 0 : 24), "APIC id");
	CHECK_EQ(r.ebx >> 24, cpu_apic_id(0), "APIC id of the MADT");
	if (cpuid(0, 0).eax >= 0xA)
		CHECK_EQ(cpuid(0xA, 0).eax & 0xFF, 0, "no performance counters");
	if (cpuid(0, 0).eax >= 0xB)
		CHECK_EQ(cpuid(0xB, 0).edx, cpu_apic_id(0), "APIC id of leaf 0xB");
	CHECK(cpuid(0x80000000, 0).eax >= 0x80000008, "extended leaves");
	r = cpuid(0x80000001, 0);
	CHECK(r.edx & 1u << 29, "long mode");
	CHECK(!(r.ecx & 1u << 2), "SVM is hidden");
	CHECK(!(r.ecx & 1u << 12), "SKINIT is hidden");
	r = cpuid(0x80000008, 0);
	CHECK((r.eax & 0xFF) >= 36 && (r.eax & 0xFF) <= 52, "physical address width");
	CHECK((r.eax >> 8 & 0xFF) >= 48, "linear address width");
	if (cpuid(0x80000000, 0).eax >= 0x8000000A)
		CHECK_EQ(cpuid(0x8000000A, 0).edx, 0, "SVM features are hidden");
	r = cpuid(0xFFFFFFFF, 0);
	r = cpuid(0x4FFFFFFF, 0);
	check_osxsave();
	check_instructions();
}
