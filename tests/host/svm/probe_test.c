/* SPDX-License-Identifier: BSD-2-Clause */
/* What the probe finds missing, and what boot then picks. */
// links: svm/probe.c core/hvm.c tests/fake/svm/cpu.c
// cflags: -include tests/fake/svm/cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <arch/x86_64/cpu/features.h>
#include <core/lib/print.h>
#include <svm/svm.h>
#include <xen/errno.h>

const struct ept_format npt_format = {.name = "NPT"};
const struct hvm_ops svm_ops = {.name = "AMD-V", .ept = &npt_format, .probe = svm_probe};

/* The other vendor, never there. */
static int no_vmx(const char **why)
{
	*why = "not this one";
	return -XEN_ENOSYS;
}
const struct hvm_ops vmx_ops = {.name = "VT-x", .probe = no_vmx};

static char lines[1024];
static u32 asids;

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), fmt, ap);
	va_end(ap);
}

static struct cpuid_regs svm_leaf(u32 leaf, u32 subleaf)
{
	(void)subleaf;
	return (struct cpuid_regs){.ebx = leaf == 0x8000000A ? asids : 0};
}

static void set(enum cpu_feature f, bool on)
{
	u32 bit = 1u << (f % 32);

	cpu_features.words[f / 32] = (cpu_features.words[f / 32] & ~bit) | (on ? bit : 0);
}

static int setup(void **state)
{
	(void)state;
	fake_cpuid = svm_leaf;
	asids = 16;
	*fake_msr(MSR_VM_CR, true) = 0;
	set(CPU_SVM, true);
	set(CPU_SVM_NPT, true);
	set(CPU_NX, true);
	set(CPU_PAT, true);
	return 0;
}

static void all_there(void **state)
{
	const char *why = "?";

	(void)state;
	assert_int_equal(svm_probe(&why), 0);
	assert_null(why);
	assert_int_equal(hvm_select(), 0);
	assert_ptr_equal(hvm, &svm_ops);
}

static void each_one_missing(void **state)
{
	static const struct {
		enum cpu_feature feature;
		int error;
		const char *word;
	} cases[] = {
		{CPU_SVM, -XEN_ENOSYS, "SVM"},
		{CPU_SVM_NPT, -XEN_EPERM, "NPT"},
		{CPU_NX, -XEN_EPERM, "NX"},
		{CPU_PAT, -XEN_EPERM, "PAT"},
	};
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(state);
		set(cases[i].feature, false);
		assert_int_equal(svm_probe(&why), cases[i].error);
		assert_non_null(strstr(why, cases[i].word));
		lines[0] = 0;
		assert_int_equal(hvm_select(), -XEN_ENOSYS);
		assert_non_null(strstr(lines, why));
	}
}

static void firmware_switch(void **state)
{
	const char *why;

	(void)state;
	*fake_msr(MSR_VM_CR, true) = VM_CR_SVMDIS | VM_CR_LOCK;
	assert_int_equal(svm_probe(&why), -XEN_EPERM);
	assert_non_null(strstr(why, "firmware setup"));
	*fake_msr(MSR_VM_CR, true) = VM_CR_SVMDIS; /* we may clear it */
	assert_int_equal(svm_probe(&why), 0);
	*fake_msr(MSR_VM_CR, true) = VM_CR_LOCK;
	assert_int_equal(svm_probe(&why), 0);
}

static void no_asids(void **state)
{
	const char *why;

	(void)state;
	asids = 1;
	assert_int_equal(svm_probe(&why), -XEN_EPERM);
	asids = 2;
	assert_int_equal(svm_probe(&why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_there, setup),
		cmocka_unit_test_setup(each_one_missing, setup),
		cmocka_unit_test_setup(firmware_switch, setup),
		cmocka_unit_test_setup(no_asids, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
