/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID policy, on made-up hosts. */
// links: core/cpuid.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <vcpu_env.h>

#define V  (&env_vcpu[0])
#define V5 (&env_vcpu[5])
#define E  0x80000000u
#define X  0x40000000u

/* A host that claims everything, in each leaf that exists. */
static struct fake_leaf all[200];

static void add(u32 leaf, u32 sub, u32 a, u32 b, u32 c, u32 d)
{
	unsigned int i = 0;

	while (all[i].leaf != ~0u && (all[i].leaf != leaf || all[i].sub != sub))
		i++;
	if (all[i].leaf == ~0u)
		all[i + 1].leaf = ~0u;
	all[i] = (struct fake_leaf){leaf, sub, {a, b, c, d}};
}

static void boot(u32 vcpus)
{
	fake_leaves = all;
	env_reset(vcpus, false);
	for (u32 i = 0; i < vcpus; i++)
		env_vcpu[i].vapic.base_msr = 0xFEE00800;
	env_khz = 2400000;
	cpuid_init();
}

static void full_host(void)
{
	all[0].leaf = ~0u;
	for (u32 leaf = 0; leaf < 0x24; leaf++)
		for (u32 sub = 0; sub < 3; sub++)
			add(leaf, sub, ~0u, ~0u, ~0u, ~0u);
	for (u32 leaf = E; leaf < E + 0x28; leaf++)
		add(leaf, 0, ~0u, ~0u, ~0u, ~0u);
	add(0, 0, 0x20, 0x756E6547, 0x6C65746E, 0x49656E69); /* GenuineIntel */
	add(0xD, 0, 0x000602FF, 0x988, 0x2B00, 0);
	add(0xD, 1, 0x1F, 0x988, 0x1900, 0);
	add(0xD, 2, 256, 576, 0, 0);
	add(0xD, 5, 64, 1088, 0, 0);
	add(0xD, 6, 512, 1152, 0, 0);
	add(0xD, 7, 1024, 1664, 0, 0);
	add(0xD, 9, 8, 2688, 0, 0);
	add(0xD, 17, 64, 2752, 2, 0);
	add(0xD, 18, 8192, 2816, 6, 0);
	add(0x16, 0, 2400, 3600, 100, 0);
	add(E, 0, E + 0x27, 0x756E6547, 0x6C65746E, 0x49656E69);
	add(E + 8, 0, 0x3934, ~0u, ~0u, ~0u);
}

static struct cpuid_regs ask(struct vcpu *v, u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	memset(&r, 0xAA, sizeof(r));
	cpuid_guest(v, leaf, sub, &r);
	return r;
}

static bool zero(struct cpuid_regs r)
{
	return !(r.eax | r.ebx | r.ecx | r.edx);
}

static void default_deny(void **state)
{
	static const u32 shown[] = {0,     1,     2,     4,     6,        7,        0xB,
				    0xD,   0x16,  E,     E + 1, E + 2,    E + 3,    E + 4,
				    E + 5, E + 6, E + 7, E + 8, E + 0x19, E + 0x1A, E + 0x21,
				    X,     X + 1, X + 2, X + 3, X + 4};

	(void)state;
	full_host();
	boot(6);
	for (u64 leaf = 0; leaf <= 0xFFFFFFFF; leaf++) {
		bool known = false;

		if ((leaf & 0xFFFFFFF) > 0x400) { /* sample the rest */
			leaf += 0x0012345;
			if (leaf > 0xFFFFFFFF)
				break;
		}
		for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
			known |= shown[i] == leaf;
		for (u32 sub = 0; sub < 70 && !known; sub++)
			assert_true(zero(ask(V, (u32)leaf, sub)));
	}
	for (u32 sub = 1; sub < 100; sub++)
		assert_true(zero(ask(V, 7, sub)));
	for (u32 sub = 3; sub < 100; sub++)
		if (sub != 5 && sub != 6 && sub != 7 && sub != 9)
			assert_true(zero(ask(V, 0xD, sub)));
	assert_true(zero(ask(V, 0xD, 17)));
	assert_true(zero(ask(V, 0xD, ~0u)));
	assert_true(zero(ask(V, 4, 4)));
	assert_true(zero(ask(V, X + 3, 3)));
	assert_true(zero(ask(V, X + 0x100, 0)));
}

static void hidden(void **state)
{
	struct cpuid_regs r;

	(void)state;
	full_host();
	boot(6);
	r = ask(V, 1, 0);
	/* Bits 2-8: DTES64 MONITOR DS-CPL VMX SMX EIST TM2; CNXT SDBG; xTPR PDCM; DCA; TSC
	 * deadline; OSXSAVE. */
	assert_int_equal(r.ecx & (0x1FC | 3u << 10 | 3u << 14 | 1u << 18 | 1u << 24 | 1u << 27), 0);
	assert_int_equal(r.ecx >> 21 & 1, 1);
	assert_int_equal(r.ecx >> 31, 1);
	assert_int_equal(r.edx & (1u << 7 | 1u << 14 | 1u << 18 | 1u << 21 | 1u << 22), 0);
	assert_int_equal(r.edx & (1u << 9 | 1u << 12 | 1u << 16), 1u << 9 | 1u << 12 | 1u << 16);
	r = ask(V, 7, 0);
	assert_int_equal(r.eax, 0);
	/* TSC_ADJUST SGX HLE RTM PQM MPX PQE PT */
	assert_int_equal(r.ebx & (1u << 1 | 1u << 2 | 1u << 4 | 1u << 11 | 1u << 12 | 1u << 14 |
				  1u << 15 | 1u << 25),
			 0);
	/* OSPKE WAITPKG CET_SS LA57 SGX_LC */
	assert_int_equal(r.ecx & (1u << 4 | 1u << 5 | 1u << 7 | 1u << 16 | 1u << 30), 0);
	assert_int_equal(r.ecx >> 3 & 1, 1); /* PKU: XCR0 holds PKRU */
	/* CET_IBT AMX, IBRS STIBP L1D ARCH_CAP CORE_CAP SSBD */
	assert_int_equal(r.edx & (0xFC000000 | 1u << 20 | 7u << 22), 0);
	r = ask(V, E + 1, 0);
	assert_int_equal(r.ecx & (1u << 2 | 1u << 9 | 1u << 10 | 1u << 12 | 1u << 22 | 1u << 23 |
				  1u << 24 | 1u << 26 | 1u << 28 | 1u << 29),
			 0);
	assert_int_equal(r.edx & (1u << 7 | 1u << 14), 0);
	assert_int_equal(r.edx >> 29 & 1, 1);
	assert_true(zero(ask(V, 5, 0)));
	assert_true(zero(ask(V, 0xA, 0)));
	assert_true(zero(ask(V, E + 0xA, 0)));
	assert_int_equal(ask(V, 6, 0).eax, 4);
	assert_int_equal(ask(V, E + 7, 0).edx, 1u << 8);
	r = ask(V, E + 8, 0);
	assert_int_equal(r.eax, 0x3030); /* 52 physical bits become 48; no 57 */
	assert_int_equal(cpuid_limits.phys_bits, 48);
}

static void identity(void **state)
{
	struct cpuid_regs r;

	(void)state;
	full_host();
	boot(6);
	r = ask(V, 0, 0);
	assert_int_equal(r.eax, 0x16);
	assert_int_equal(r.ebx, 0x756E6547);
	assert_int_equal(ask(V, E, 0).eax, E + 0x21);
	assert_int_equal(ask(V, 0x16, 0).eax, 2400);
	assert_int_equal(ask(V, 0x16, 0).ebx, 3600);
	/* A claim that the TSC does not bear out is not passed on. */
	add(0x16, 0, 3500, 3600, 100, 0);
	boot(6);
	assert_true(zero(ask(V, 0x16, 0)));
	/* Xen leaves */
	r = ask(V, X, 0);
	assert_int_equal(r.eax, X + 5);
	assert_memory_equal(&r.ebx, "XenVMMXenVMM", 12);
	assert_int_equal(ask(V, X + 1, 0).eax, 0x00040011);
	r = ask(V, X + 2, 0);
	assert_int_equal(r.eax, 1);
	assert_int_equal(r.ebx, 0x40000000);
	r = ask(V, X + 3, 0);
	assert_int_equal(r.eax, 6);
	assert_int_equal(r.ecx, 2400000);
	assert_int_equal(ask(V, X + 3, 1).ecx, env_mul);
	assert_int_equal(ask(V, X + 3, 2).eax, 2400000);
	r = ask(V5, X + 4, 0);
	assert_int_equal(r.eax, 0x18);
	assert_int_equal(r.ebx, 5);
	assert_int_equal(r.ecx, 7);
}

static void dynamic(void **state)
{
	struct cpuid_regs r;

	(void)state;
	full_host();
	boot(6);
	r = ask(V5, 1, 0);
	assert_int_equal(r.ebx, 5u << 24 | 6u << 16 | 0xFF00);
	assert_int_equal(r.edx >> 28 & 1, 1);
	assert_int_equal(r.ecx >> 27 & 1, 0);
	V5->regs.cr4 = CR4_OSXSAVE | CR4_PKE;
	assert_int_equal(ask(V5, 1, 0).ecx >> 27 & 1, 1);
	assert_int_equal(ask(V5, 7, 0).ecx >> 4 & 1, 1);
	V5->vapic.base_msr = 0xFEE00000;
	assert_int_equal(ask(V5, 1, 0).edx >> 9 & 1, 0);
	assert_int_equal(ask(V5, E + 1, 0).edx >> 9 & 1, 0);
	/* Topology: one package of 6 cores, 3 id bits. */
	r = ask(V5, 0xB, 0);
	assert_int_equal(r.eax, 0);
	assert_int_equal(r.ebx, 1);
	assert_int_equal(r.ecx, 0x100);
	assert_int_equal(r.edx, 5);
	r = ask(V5, 0xB, 1);
	assert_int_equal(r.eax, 3);
	assert_int_equal(r.ebx, 6);
	assert_int_equal(r.ecx, 0x201);
	assert_int_equal(r.edx, 5);
	r = ask(V5, 0xB, 2);
	assert_int_equal(r.eax | r.ebx, 0);
	assert_int_equal(r.ecx, 2);
	assert_int_equal(r.edx, 5);
	assert_int_equal(ask(V5, 4, 0).eax >> 26, 7);
	assert_int_equal(ask(V5, 4, 0).eax >> 14 & 0xFFF, 0);
	assert_int_equal(ask(V5, E + 8, 0).ecx, 3u << 12 | 5);
	assert_int_equal(ask(V5, E + 1, 0).ecx & 2, 2);
	boot(1);
	assert_int_equal(ask(V, 1, 0).edx >> 28 & 1, 0);
	assert_int_equal(ask(V, 0xB, 1).eax, 0);
	assert_int_equal(ask(V, E + 8, 0).ecx, 0);
}

static void extended_state(void **state)
{
	struct cpuid_regs r;

	(void)state;
	full_host();
	boot(1);
	assert_true(cpuid_limits.xcr0 == 0x2E7);
	r = ask(V, 0xD, 0);
	assert_int_equal(r.eax, 0x2E7);
	assert_int_equal(r.ecx, 2696);
	assert_int_equal(r.edx, 0);
	fake_xcr0 = 1;
	assert_int_equal(ask(V, 0xD, 0).ebx, 576);
	fake_xcr0 = 7;
	assert_int_equal(ask(V, 0xD, 0).ebx, 832);
	fake_xcr0 = 0xE7;
	assert_int_equal(ask(V, 0xD, 0).ebx, 2688);
	fake_xcr0 = 0x207;
	assert_int_equal(ask(V, 0xD, 0).ebx, 2696);
	r = ask(V, 0xD, 1);
	assert_int_equal(r.eax, 7); /* no XSAVES */
	assert_int_equal(r.ebx, 576 + 256 + 8);
	assert_int_equal(r.ecx | r.edx, 0);
	/* AVX-512 only in part: all of it goes, with what needs it. */
	add(0xD, 0, 0x267, 0, 0, 0);
	boot(1);
	assert_true(cpuid_limits.xcr0 == 0x207);
	r = ask(V, 7, 0);
	assert_int_equal(r.ebx >> 16 & 1, 0);
	assert_int_equal(r.ebx >> 5 & 1, 1);
	assert_true(zero(ask(V, 0xD, 6)));
	/* No AVX, no PKRU. */
	add(0xD, 0, 3, 0, 0, 0);
	boot(1);
	assert_int_equal(ask(V, 1, 0).ecx >> 28 & 1, 0);
	assert_int_equal(ask(V, 7, 0).ebx >> 5 & 1, 0);
	assert_int_equal(ask(V, 7, 0).ecx >> 3 & 1, 0);
	assert_false(cpuid_limits.cr4 & CR4_PKE);
	assert_true(cpuid_limits.cr4 & CR4_OSXSAVE);
	/* No XSAVE at all. */
	add(1, 0, 0x800F12, 0x800, ~(1u << 26), ~0u);
	boot(1);
	assert_true(cpuid_limits.xcr0 == 0);
	assert_true(zero(ask(V, 0xD, 0)));
	assert_true(zero(ask(V, 0xD, 1)));
	assert_int_equal(ask(V, 1, 0).ecx >> 26 & 1, 0);
	assert_false(cpuid_limits.cr4 & CR4_OSXSAVE);
	fake_xcr0 = 1;
}

static void small_host(void **state)
{
	(void)state;
	all[0].leaf = ~0u;
	add(0, 0, 1, 0x68747541, 0x444D4163, 0x69746E65); /* AuthenticAMD */
	add(1, 0, 0x100F42, 0x800, 0x802009, 0x178BFBFF);
	add(E, 0, E + 1, 0, 0, 0);
	add(E + 1, 0, 0x100F42, 0, 0x7FF, 0x2BD3FBFF & ~(1u << 20));
	boot(2);
	assert_int_equal(ask(V, 0, 0).eax, 0xD);
	assert_int_equal(ask(V, 0, 0).ebx, 0x68747541);
	assert_int_equal(ask(V, E, 0).eax, E + 1);
	assert_int_equal(cpuid_limits.phys_bits, 36);
	assert_false(cpuid_limits.efer & EFER_NXE);
	assert_true(cpuid_limits.efer & EFER_FFXSR);
	assert_false(cpuid_limits.cr4 & (CR4_SMEP | CR4_FSGSBASE | CR4_LA57 | CR4_VMXE));
	assert_true(zero(ask(V, 7, 0)));
	assert_int_equal(ask(V, 1, 0).eax, 0x100F42);
	assert_int_equal(ask(V, E + 1, 0).edx >> 9 & 1, 1);
	full_host();
	boot(2);
	assert_true(cpuid_limits.efer == (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR));
	assert_false(cpuid_limits.cr4 & (CR4_LA57 | CR4_VMXE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_deny),   cmocka_unit_test(hidden),
		cmocka_unit_test(identity),       cmocka_unit_test(dynamic),
		cmocka_unit_test(extended_state), cmocka_unit_test(small_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
