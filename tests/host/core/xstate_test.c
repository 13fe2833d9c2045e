/* SPDX-License-Identifier: BSD-2-Clause */
/* When extended state is saved and restored, and what XCR0 is meanwhile. The fake XSAVE and XRSTOR
 * abort if XCR0 would leave a part out. */
// links: core/xstate.c tests/fake/svm/cpu.c
// cflags: -include tests/fake/svm/cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/cpu/features.h>
#include <core/domain.h>
#include <core/vcpu.h>
#include <core/xstate.h>
#include <xen/errno.h>

static struct pcpu other;
static struct pcpu *first;
static struct vcpu a, b;
static bool out_of_memory;

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}
void *domain_page_alloc(struct domain *d, unsigned int order)
{
	(void)d;
	return out_of_memory ? NULL : calloc(1, 4096u << order);
}
void domain_page_free(struct domain *d, void *page, unsigned int order)
{
	(void)d;
	(void)order;
	free(page);
}

/* x87, SSE, AVX, MPX, PKRU and an unknown bit: MPX is never switched. */
static struct cpuid_regs leaf_d(u32 leaf, u32 sub)
{
	if (leaf != 0xD)
		return (struct cpuid_regs){0};
	switch (sub) {
	case 0:
		return (struct cpuid_regs){.eax = 0x80021F, .ebx = 0x240};
	case 2:
		return (struct cpuid_regs){.eax = 256, .ebx = 576};
	case 3:
		return (struct cpuid_regs){.eax = 64, .ebx = 3000};
	case 9:
		return (struct cpuid_regs){.eax = 8, .ebx = 2688};
	default:
		return (struct cpuid_regs){0};
	}
}

static const struct hvm_ops ops = {.name = "fake"};
const struct hvm_ops *hvm = &ops;

static int setup(void **state)
{
	(void)state;
	if (!first)
		first = fake_cpu;
	fake_cpu = first;
	fake_cpu->fpu_owner = NULL;
	other.id = 1;
	other.fpu_owner = NULL;
	cpu_features.words[CPU_1_ECX] = 1u << 26;
	fake_cpuid = leaf_d;
	fake_xcr0 = 1;
	xstate_init_cpu();
	out_of_memory = false;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	assert_int_equal(xstate_init(&a), 0);
	assert_int_equal(xstate_init(&b), 0);
	a.regs.xcr0 = 7;
	b.regs.xcr0 = 3;
	fake_saves = fake_restores = 0;
	return 0;
}
static int teardown(void **state)
{
	(void)state;
	xstate_destroy(&a);
	xstate_destroy(&b);
	assert_null(a.xsave);
	xstate_destroy(&a);
	return 0;
}

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(fake_xcr0, 0x207);
	assert_true(xstate_valid(0x207));
	assert_true(xstate_valid(3));
	assert_false(xstate_valid(2));     /* without x87 */
	assert_false(xstate_valid(5));     /* AVX without SSE */
	assert_false(xstate_valid(0x20F)); /* MPX */
}

static void reset_state(void **state)
{
	const u8 *p = a.xsave;

	(void)state;
	assert_int_equal(p[0] | p[1] << 8, 0x37F);
	assert_int_equal(p[24] | p[25] << 8, 0x1F80);
	for (unsigned int i = 512; i < 576; i++)
		assert_int_equal(p[i], 0);
}

static void switches(void **state)
{
	(void)state;
	xstate_switch_in(&a);
	assert_int_equal(fake_restores, 1);
	assert_ptr_equal(fake_restored, a.xsave);
	assert_int_equal(fake_xcr0, 7);
	fake_xcr0 = 0x207; /* the guest, without an exit */
	xstate_switch_out(&a);
	assert_int_equal(fake_saves, 1);
	assert_int_equal(a.regs.xcr0, 0x207);
	assert_int_equal(fake_xcr0, 0x207);
	xstate_switch_in(&a); /* still in the registers */
	assert_int_equal(fake_restores, 1);
	xstate_switch_out(&a);
	xstate_switch_in(&b);
	assert_int_equal(fake_restores, 2);
	assert_int_equal(fake_xcr0, 3);
	xstate_switch_out(&b);
	xstate_switch_in(&a);
	assert_ptr_equal(fake_restored, a.xsave);
	assert_int_equal(fake_restores, 3);
}

static void moves_between_cpus(void **state)
{
	(void)state;
	xstate_switch_in(&a);
	xstate_switch_out(&a);
	fake_cpu = &other;
	xstate_switch_in(&a);
	assert_int_equal(fake_restores, 2);
	xstate_switch_out(&a);
	fake_cpu = first; /* thinks that it still has a's, but an old one */
	assert_ptr_equal(first->fpu_owner, &a);
	xstate_switch_in(&a);
	assert_int_equal(fake_restores, 3);
}

static void other_state_or_vcpu_at_the_address(void **state)
{
	(void)state;
	xstate_switch_in(&a);
	xstate_switch_out(&a);
	xstate_destroy(&a);
	assert_int_equal(xstate_init(&a), 0);
	xstate_switch_in(&a);
	assert_int_equal(fake_restores, 2);
}

static void bad_xcr0_is_not_loaded(void **state)
{
	static const u64 bad[] = {0, 2, 6, 5, 0x21, 0xE7, 9, 1ull << 63 | 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		a.regs.xcr0 = bad[i];
		xstate_switch_in(&a);
		assert_int_equal(fake_xcr0, 1);
		xstate_switch_out(&a);
	}
}

/* Whether an area with this byte at that place is restored as if the x87 were not initial. */
static bool x87_held(unsigned int at, u8 value)
{
	u8 *p = a.xsave;
	bool held;

	p[512] = 7; /* as a CPU that does not track it leaves it */
	p[at] ^= value;
	xstate_switch_in(&a);
	xstate_switch_out(&a);
	p[at] ^= value;
	assert_int_equal(p[512] & ~1, 6);
	held = p[512] & 1;
	return held;
}

static void initial_x87_is_not_loaded(void **state)
{
	static const u8 matter[] = {0, 1, 2, 3, 4, 6, 8, 23, 32, 41, 159};

	(void)state;
	assert_false(x87_held(24, 0));
	assert_false(x87_held(24, 1)); /* MXCSR and XMM0 are not its own */
	assert_false(x87_held(160, 1));
	for (size_t i = 0; i < ARRAY_SIZE(matter); i++)
		assert_true(x87_held(matter[i], 0x40));
}

static void no_memory(void **state)
{
	struct vcpu c = {0};

	(void)state;
	out_of_memory = true;
	assert_int_equal(xstate_init(&c), -XEN_ENOMEM);
	assert_null(c.xsave);
	xstate_destroy(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_state, setup, teardown),
		cmocka_unit_test_setup_teardown(switches, setup, teardown),
		cmocka_unit_test_setup_teardown(moves_between_cpus, setup, teardown),
		cmocka_unit_test_setup_teardown(other_state_or_vcpu_at_the_address, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bad_xcr0_is_not_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(initial_x87_is_not_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
