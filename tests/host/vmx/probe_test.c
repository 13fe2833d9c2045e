/* SPDX-License-Identifier: BSD-2-Clause */
/* What the probe finds missing, and that it says so. */
// links: vmx/probe.c tests/fake/svm/cpu.c
// cflags: -include tests/fake/svm/cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/regs.h>
#include <vmx/vmx.h>
#include <xen/errno.h>

#define ALL (0xFFFFFFFFull << 32)

/* A CPU on which everything is allowed. */
static int setup(void **state)
{
	(void)state;
	cpu_features.words[CPU_VMX / 32] = 1u << (CPU_VMX % 32);
	*fake_msr(MSR_FEATURE_CONTROL, true) = 0;
	*fake_msr(0x480, true) = 6ull << 50 | 3ull << 54 | 0x12;
	*fake_msr(0x48C, true) = ~0ull;
	for (u32 msr = 0x48D; msr <= 0x490; msr++)
		*fake_msr(msr, true) = ALL;
	*fake_msr(0x48B, true) = ALL;
	for (u32 msr = 0x485; msr <= 0x489; msr++)
		*fake_msr(msr, true) = 0;
	return 0;
}

static void all_there(void **state)
{
	const char *why = "?";

	(void)state;
	assert_int_equal(vmx_probe(&why), 0);
	assert_null(why);
	assert_true(vmx_ept_has_1g());
	assert_int_equal((u32)vmx_caps.basic, 0x12);
	*fake_msr(0x48C, true) &= ~(1ull << 17);
	assert_int_equal(vmx_probe(&why), 0);
	assert_false(vmx_ept_has_1g());
}

static void no_vmx(void **state)
{
	const char *why;

	(void)state;
	cpu_features.words[CPU_VMX / 32] = 0;
	assert_int_equal(vmx_probe(&why), -XEN_ENOSYS);
	assert_non_null(strstr(why, "no VT-x"));
}

static void firmware(void **state)
{
	const char *why;

	(void)state;
	*fake_msr(MSR_FEATURE_CONTROL, true) = FEATURE_CONTROL_LOCKED;
	assert_int_equal(vmx_probe(&why), -XEN_EPERM);
	assert_non_null(strstr(why, "firmware setup"));
	*fake_msr(MSR_FEATURE_CONTROL, true) = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON;
	assert_int_equal(vmx_probe(&why), 0);
}

/* Each required bit alone taken away. */
static void each_one_missing(void **state)
{
	static const struct {
		u32 msr;
		u8 first, last; /* bits of the capability; those of controls lie 32 higher */
		const char *word;
	} cases[] = {
		{0x480, 55, 55, "flexible"},     {0x48E, 63, 63, "secondary"},
		{0x48B, 33, 33, "EPT"},          {0x48B, 39, 39, "unrestricted guest"},
		{0x48B, 37, 37, "VPID"},         {0x48C, 6, 6, "4 levels"},
		{0x48C, 14, 14, "write-back"},   {0x48C, 16, 16, "2 MiB"},
		{0x48C, 20, 20, "INVEPT"},       {0x48C, 25, 26, "INVEPT"},
		{0x480, 54, 54, "INS"},          {0x48D, 32, 32, "interrupts"},
		{0x48D, 35, 35, "NMIs"},         {0x48D, 37, 37, "virtual NMIs"},
		{0x48E, 53, 53, "TPR"},          {0x48E, 56, 57, "ports"},
		{0x48E, 60, 60, "MSR bitmap"},   {0x48E, 34, 34, "windows"},
		{0x48E, 54, 55, "windows"},      {0x48E, 39, 39, "HLT"},
		{0x48E, 42, 43, "MWAIT"},        {0x48E, 61, 61, "MONITOR"},
		{0x48F, 34, 34, "exits"},        {0x48F, 41, 41, "64-bit"},
		{0x48F, 47, 47, "acknowledge"},  {0x48F, 50, 53, "PAT and EFER"},
		{0x490, 34, 34, "entries"},      {0x490, 41, 41, "entries"},
		{0x490, 46, 47, "PAT and EFER"}, {0x480, 50, 50, "write-back"},
	};
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned int bit = cases[i].first; bit <= cases[i].last; bit++) {
			setup(state);
			*fake_msr(cases[i].msr, true) ^= bit64(bit);
			assert_int_equal(vmx_probe(&why), -XEN_EPERM);
			if (!strstr(why, cases[i].word))
				fail_msg("MSR %#x bit %u: %s", cases[i].msr, bit, why);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_there, setup),
		cmocka_unit_test_setup(no_vmx, setup),
		cmocka_unit_test_setup(firmware, setup),
		cmocka_unit_test_setup(each_one_missing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
