/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUID leaves by which a guest knows the interface (guest-abi 1.6). */
#include <tests/guest/lib/guest.h>

const char test_title[] = "Xen's CPUID leaves";

void test_main(void)
{
	struct cpuid r = cpuid(0x40000000, 0);
	u64 hz_before, hz_after;

	CHECK(on_xen(), "signature XenVMMXenVMM");
	CHECK_EQ(r.eax, 0x40000005, "last leaf");
	CHECK(cpuid(0x40000001, 0).eax >= 0x00040000, "version at least 4.0");
	r = cpuid(0x40000002, 0);
	CHECK_EQ(r.eax, 1, "hypercall pages");
	CHECK_EQ(r.ebx, 0x40000000, "hypercall page MSR");
	CHECK_EQ(r.ecx, 0, "leaf 2 ECX");
	CHECK_EQ(r.edx, 0, "leaf 2 EDX");
	r = cpuid(0x40000003, 0);
	CHECK(r.ecx > 100000, "TSC kHz");
	CHECK_EQ(r.ebx, 0, "TSC mode");
	CHECK(cpuid(0x40000003, 1).ecx != 0, "TSC multiplier");
	CHECK(cpuid(0x40000003, 2).eax > 100000, "host kHz");
	r = cpuid(0x40000004, 0);
	CHECK_EQ(r.eax & 0x18, 0x18, "vCPU id and domid are valid");
	CHECK_EQ(r.ebx, 0, "vCPU id");
	CHECK(r.ecx > 0 && r.ecx < DOMID_FIRST_RESERVED, "domid");
	r = cpuid(0x40000005, 0);
	CHECK_EQ(r.eax | r.ebx | r.ecx | r.edx, 0, "leaf 5");
	/* The stated frequency is the one of the clock. */
	hz_before = clock_ns();
	u64 tsc = rdtsc();
	delay_ns(20000000);
	hz_after = clock_ns();
	tsc = rdtsc() - tsc;
	u64 khz = tsc * 1000000 / (hz_after - hz_before);
	u64 said = cpuid(0x40000003, 0).ecx;
	CHECK(khz > said / 2 && khz < said * 2, "TSC kHz agrees with the clock");
}
