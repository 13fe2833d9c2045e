/* SPDX-License-Identifier: BSD-2-Clause */
/* Every exit reason, and each corner of their facts. */
// links: vmx/exit.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <vmx/exit.h>

static struct vmx_exit_info info;
static struct hvm_exit e;

static enum vmx_exit_kind decode(u32 reason, u64 qualification)
{
	memset(&e, 0xA5, sizeof(e));
	info.reason = reason;
	info.qualification = qualification;
	info.insn_length = 3;
	return vmx_exit_decode(vmx_exit_rule(info.reason), &info, 0xC0000080u, &e);
}

static const struct {
	u32 first, last;
	enum exit_reason reason;
	enum vmx_exit_kind kind;
	u8 length;
} expected[] = {
	{1, 1, EXIT_handled, KIND_interrupt, 0},
	{2, 2, EXIT_shutdown, KIND_plain, 0},
	{3, 3, EXIT_interrupt, KIND_plain, 0},
	{4, 6, EXIT_unknown, KIND_unknown, 0},
	{7, 7, EXIT_irq_window, KIND_plain, 0},
	{8, 8, EXIT_nmi_window, KIND_plain, 0},
	{9, 9, EXIT_unknown, KIND_unknown, 0},
	{10, 10, EXIT_cpuid, KIND_plain, 3},
	{11, 11, EXIT_undefined, KIND_plain, 0},
	{12, 12, EXIT_hlt, KIND_plain, 3},
	{13, 13, EXIT_cache, KIND_plain, 3},
	{14, 14, EXIT_unknown, KIND_unknown, 0},
	{15, 15, EXIT_handled, KIND_gp, 0},
	{16, 17, EXIT_unknown, KIND_unknown, 0},
	{18, 18, EXIT_hypercall, KIND_plain, 3},
	{19, 27, EXIT_undefined, KIND_plain, 0},
	{28, 28, EXIT_handled, KIND_cr, 0},
	{29, 29, EXIT_handled, KIND_dr, 0},
	{30, 30, EXIT_io, KIND_io, 3},
	{31, 31, EXIT_msr, KIND_read_msr, 3},
	{32, 32, EXIT_msr, KIND_write_msr, 3},
	{33, 35, EXIT_unknown, KIND_unknown, 0},
	{36, 36, EXIT_undefined, KIND_plain, 0},
	{37, 38, EXIT_unknown, KIND_unknown, 0},
	{39, 39, EXIT_undefined, KIND_plain, 0},
	{40, 40, EXIT_pause, KIND_plain, 3},
	{41, 42, EXIT_unknown, KIND_unknown, 0},
	{43, 43, EXIT_handled, KIND_plain, 0},
	{44, 44, EXIT_npf, KIND_apic_access, 0},
	{45, 47, EXIT_unknown, KIND_unknown, 0},
	{48, 48, EXIT_npf, KIND_npf, 0},
	{49, 49, EXIT_unknown, KIND_unknown, 0},
	{50, 50, EXIT_undefined, KIND_plain, 0},
	{51, 51, EXIT_unknown, KIND_unknown, 0},
	{52, 52, EXIT_interrupt, KIND_timer, 0},
	{53, 53, EXIT_undefined, KIND_plain, 0},
	{54, 54, EXIT_cache, KIND_plain, 3},
	{55, 55, EXIT_xsetbv, KIND_plain, 3},
	{56, 56, EXIT_apic_written, KIND_apic_written, 0},
	{57, 58, EXIT_unknown, KIND_unknown, 0},
	{59, 59, EXIT_undefined, KIND_plain, 0},
	{60, 0xFFFF, EXIT_unknown, KIND_unknown, 0},
};

static void every_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		for (u32 reason = expected[i].first; reason <= expected[i].last; reason++) {
			assert_int_equal(decode(reason, 0), expected[i].kind);
			assert_int_equal(e.reason, expected[i].reason);
			if (expected[i].kind != KIND_unknown)
				assert_int_equal(e.insn_length, expected[i].length);
			else
				assert_int_equal(e.u.raw.code, reason);
			assert_int_equal(!!(vmx_exit_rule(reason)->needs & NEEDS_LENGTH),
					 expected[i].length == 3);
			/* Bits above 15 say other things. */
			assert_int_equal(decode(reason | 1u << 27, 0), expected[i].kind);
		}
	}
}

/* The virtual APIC's page: what the CPU could not do alone, and what it did. */
static void apic_page(void **state)
{
	static const u32 access[] = {EPT_R, EPT_W, EPT_X, EPT_R};

	(void)state;
	for (u32 type = 0; type < ARRAY_SIZE(access); type++) {
		assert_int_equal(decode(44, type << 12 | 0x390), KIND_apic_access);
		assert_int_equal(e.u.npf.gpa.v, 0xFEE00390);
		assert_int_equal(e.u.npf.access, access[type]);
		assert_int_equal(e.u.npf.table_walk, type == 3);
	}
	assert_int_equal(decode(56, 0x300), KIND_apic_written);
	assert_int_equal(e.u.raw.code, 0x300);
}

static void failed_entries(void **state)
{
	(void)state;
	info.event = 0;
	for (u32 reason = 33; reason <= 41; reason++) {
		assert_int_equal(decode(reason | REASON_ENTRY_FAILED, 7), KIND_unknown);
		assert_int_equal(e.reason, EXIT_invalid);
		assert_int_equal(e.u.raw.code, reason | REASON_ENTRY_FAILED);
		assert_int_equal(e.u.raw.info1, 7);
	}
}

static void exceptions(void **state)
{
	static const struct {
		u8 vector;
		enum vmx_exit_kind kind;
	} known[] = {{1, KIND_db}, {2, KIND_nmi}, {6, KIND_ud}, {17, KIND_ac}, {18, KIND_mc}};

	(void)state;
	for (u32 vector = 0; vector < 256; vector++) {
		enum vmx_exit_kind kind = KIND_unknown;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (known[i].vector == vector)
				kind = known[i].kind;
		info.event = EVENT_VALID | 3u << EVENT_TYPE_SHIFT | vector;
		assert_int_equal(decode(0, 0), kind);
		assert_int_equal(e.reason, kind == KIND_unknown ? EXIT_unknown : EXIT_handled);
		info.event &= ~EVENT_VALID;
		assert_int_equal(decode(0, 0), KIND_unknown);
	}
}

static void ports(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++) {
		info.insn_info = i << 7;
		assert_int_equal(decode(30, 0x3F8u << 16 | ((1u << i) - 1)), KIND_io);
		assert_int_equal(e.u.io.port, 0x3F8);
		assert_int_equal(e.u.io.width, 1u << i);
		assert_false(e.u.io.in || e.u.io.string || e.u.io.rep);
		assert_int_equal(e.u.io.next_rip, 0);
		assert_int_equal(e.insn_length, 3);
		assert_int_equal(decode(30, 0x3F8u << 16 | 1u << 4 | ((1u << i) - 1)), KIND_io);
		assert_true(e.u.io.string);
		assert_int_equal(e.u.io.address_bytes, 2u << i);
	}
	decode(30, 1u << 3);
	assert_true(e.u.io.in && !e.u.io.string && !e.u.io.rep);
	decode(30, 1u << 4);
	assert_true(!e.u.io.in && e.u.io.string && !e.u.io.rep);
	decode(30, 0xFFFF0000u | 1u << 5);
	assert_true(!e.u.io.in && !e.u.io.string && e.u.io.rep);
	assert_int_equal(e.u.io.port, 0xFFFF);
}

static void msrs(void **state)
{
	(void)state;
	decode(31, 0);
	assert_int_equal(e.u.msr.index, 0xC0000080u);
	assert_false(e.u.msr.write);
	decode(32, 0);
	assert_true(e.u.msr.write);
}

static void nested_faults(void **state)
{
	const u64 final = EPT_VIOLATION_LINEAR | EPT_VIOLATION_FINAL;

	(void)state;
	info.physical = 0x123456789A;
	decode(48, 1 | final);
	assert_int_equal(e.u.npf.gpa.v, 0x123456789A);
	assert_int_equal(e.u.npf.access, EPT_R);
	assert_false(e.u.npf.table_walk);
	assert_int_equal(e.insn_length, 0);
	decode(48, 2 | final);
	assert_int_equal(e.u.npf.access, EPT_W);
	decode(48, 3 | final); /* read and write at once */
	assert_int_equal(e.u.npf.access, EPT_W);
	decode(48, 4 | final);
	assert_int_equal(e.u.npf.access, EPT_X);
	/* A walk: as hardware and as Bochs report it; and without a linear address. */
	decode(48, 3 | EPT_VIOLATION_LINEAR);
	assert_true(e.u.npf.table_walk);
	assert_int_equal(e.u.npf.access, EPT_W);
	decode(48, 2 | EPT_VIOLATION_LINEAR);
	assert_true(e.u.npf.table_walk);
	assert_int_equal(e.u.npf.access, EPT_W);
	decode(48, 1);
	assert_true(e.u.npf.table_walk);
}

static void control_registers(void **state)
{
	(void)state;
	assert_int_equal(decode(28, 0), KIND_cr);         /* MOV to CR0 */
	assert_int_equal(decode(28, 0xF04), KIND_cr);     /* MOV to CR4 */
	assert_int_equal(decode(28, 3), KIND_unknown);    /* CR3 */
	assert_int_equal(decode(28, 8), KIND_unknown);    /* CR8 */
	assert_int_equal(decode(28, 0x10), KIND_unknown); /* MOV from */
	assert_int_equal(decode(28, 0x20), KIND_unknown); /* CLTS */
	assert_int_equal(decode(28, 0x30), KIND_unknown); /* LMSW */
	assert_int_equal(e.reason, EXIT_unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apic_page),      cmocka_unit_test(every_reason),
		cmocka_unit_test(failed_entries), cmocka_unit_test(exceptions),
		cmocka_unit_test(ports),          cmocka_unit_test(msrs),
		cmocka_unit_test(nested_faults),  cmocka_unit_test(control_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
