/* SPDX-License-Identifier: BSD-2-Clause */
/* Register state through the VMCB and back; debug registers and TSC_AUX with the vCPU. */
// links: svm/state.c tests/fake/svm/cpu.c
// cflags: -include tests/fake/svm/cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/vcpu.h>
#include <svm/svm.h>

static struct vmcb b;
static struct vcpu v;

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(&v, 0, sizeof(v));
	memset(fake_dr, 0, sizeof(fake_dr));
	memset(&cpu_features, 0, sizeof(cpu_features));
	v.hvm = &b;
	b.clean = CLEAN_ALL;
	b.intercept[1] = ~0u;
	return 0;
}

/* Each byte of the state different, but for what has rules. */
static void fill(struct plinth_vcpu_state *r)
{
	u8 *p = (u8 *)r;

	for (size_t i = 0; i < sizeof(*r); i++)
		p[i] = (u8)(i * 7 + 3);
	r->efer &= ~(u64)EFER_SVME;
	r->gdtr.pad = r->idtr.pad = 0;
}

static void round_trip(void **state)
{
	struct plinth_vcpu_state before, after;
	const size_t first = offsetof(struct plinth_vcpu_state, cr0);

	(void)state;
	fill(&v.regs);
	before = v.regs;
	svm_store(&v, HVM_STATE_all);
	assert_int_equal(fake_cr2, before.cr2);
	assert_true(b.efer & EFER_SVME);
	assert_int_equal(
		b.clean & (CLEAN_CRX | CLEAN_CR2 | CLEAN_SEG | CLEAN_DT | CLEAN_NP | CLEAN_DRX), 0);
	memset(&v.regs, 0, sizeof(v.regs));
	svm_load(&v, HVM_STATE_all);
	after = v.regs;
	/* What no group holds. */
	memcpy(after.dr, before.dr, sizeof(after.dr));
	after.cr8 = before.cr8;
	after.xcr0 = before.xcr0;
	after.tsc_aux = before.tsc_aux;
	assert_memory_equal((u8 *)&after + first, (u8 *)&before + first, sizeof(after) - first);
}

static void groups_are_apart(void **state)
{
	static const struct {
		unsigned int group;
		u32 dirty;
	} groups[] = {
		{HVM_STATE_cr, CLEAN_CRX | CLEAN_CR2}, {HVM_STATE_seg, CLEAN_SEG},
		{HVM_STATE_table, CLEAN_DT},           {HVM_STATE_msr, CLEAN_NP},
		{HVM_STATE_debug, CLEAN_DRX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		setup(NULL);
		svm_store(&v, groups[i].group);
		assert_int_equal(b.clean, CLEAN_ALL & ~groups[i].dirty);
	}
	setup(NULL);
	svm_store(&v, HVM_STATE_seg);
	assert_int_equal(b.efer, 0);
}

static void privilege_level(void **state)
{
	(void)state;
	v.regs.seg[SEG_SS].attr = 0xCF3;
	svm_store(&v, HVM_STATE_seg);
	assert_int_equal(svm_cpl(&v), 3);
	b.cpl = 0; /* as after SYSCALL or SYSENTER with a stale cache */
	svm_load(&v, HVM_STATE_seg);
	assert_int_equal(v.regs.seg[SEG_SS].attr, 0xC93);
	assert_int_equal(svm_cpl(&v), 0);
}

static void debug_registers_are_lazy(void **state)
{
	(void)state;
	v.regs.dr[2] = 0x1111;
	svm_switch_in(&v);
	assert_int_equal(fake_dr[2], 0);
	assert_int_equal(b.intercept[1], ~0u);
	svm_debug_activate(&v);
	assert_int_equal(fake_dr[2], 0x1111);
	assert_int_equal(b.intercept[1], 0);
	assert_false(b.clean & CLEAN_I);
	fake_dr[3] = 0x2222; /* the guest */
	svm_load(&v, HVM_STATE_debug);
	assert_int_equal(v.regs.dr[3], 0x2222);
	v.regs.dr[0] = 0x3333;
	svm_store(&v, HVM_STATE_debug);
	assert_int_equal(fake_dr[0], 0x3333);
	fake_dr[1] = 0x4444;
	svm_switch_out(&v);
	assert_int_equal(v.regs.dr[1], 0x4444);
	assert_int_equal(b.intercept[1], ~0u);
	fake_dr[1] = 0x5555; /* another guest's now */
	svm_load(&v, HVM_STATE_debug);
	assert_int_equal(v.regs.dr[1], 0x4444);
}

static void breakpoints_follow_the_vcpu(void **state)
{
	(void)state;
	v.regs.dr[0] = 0xABC;
	b.dr7 = 0x401;
	b.cr2 = 0x5678;
	svm_switch_in(&v);
	assert_int_equal(fake_dr[0], 0xABC);
	assert_int_equal(fake_cr2, 0x5678);
	svm_switch_out(&v);
	/* Set from outside, and not in the VMCB yet. */
	b.dr7 = 0x400;
	v.regs.dr[0] = 0xDEF;
	v.regs.dr7 = 0x402;
	v.regs_dirty = HVM_STATE_debug;
	svm_switch_in(&v);
	assert_int_equal(fake_dr[0], 0xDEF);
}

static void tsc_aux(void **state)
{
	(void)state;
	v.regs.tsc_aux = 0x100000005ull;
	svm_switch_in(&v); /* without RDTSCP there is no such MSR */
	*fake_msr(MSR_TSC_AUX, true) = 9;
	cpu_features.words[CPU_E1_EDX] = 1u << 27;
	svm_switch_in(&v);
	assert_int_equal(*fake_msr(MSR_TSC_AUX, false), 5);
	*fake_msr(MSR_TSC_AUX, false) = 7;
	svm_switch_out(&v);
	assert_int_equal(v.regs.tsc_aux, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(round_trip, setup),
		cmocka_unit_test_setup(groups_are_apart, setup),
		cmocka_unit_test_setup(privilege_level, setup),
		cmocka_unit_test_setup(debug_registers_are_lazy, setup),
		cmocka_unit_test_setup(breakpoints_follow_the_vcpu, setup),
		cmocka_unit_test_setup(tsc_aux, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
