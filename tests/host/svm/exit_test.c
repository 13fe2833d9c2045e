/* SPDX-License-Identifier: BSD-2-Clause */
/* Every exit code, and each corner of their facts. */
// links: svm/exit.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <svm/exit.h>

static struct vmcb b;
static struct hvm_exit e;

static enum svm_exit_kind decode(u64 code, u64 info1, u64 info2)
{
	memset(&e, 0xA5, sizeof(e));
	b.exit_code = code;
	b.exit_info1 = info1;
	b.exit_info2 = info2;
	return svm_exit_decode(&b, 0xC0000080u, &e);
}

static const struct {
	u32 first, last;
	enum exit_reason reason;
	enum svm_exit_kind kind;
} expected[] = {
	{0x00, 0x17, EXIT_unknown, KIND_unknown}, {0x18, 0x18, EXIT_handled, KIND_cr8},
	{0x19, 0x1F, EXIT_unknown, KIND_unknown}, {0x20, 0x3F, EXIT_handled, KIND_dr},
	{0x40, 0x40, EXIT_unknown, KIND_unknown}, {0x41, 0x41, EXIT_handled, KIND_db},
	{0x42, 0x45, EXIT_unknown, KIND_unknown}, {0x46, 0x46, EXIT_handled, KIND_ud},
	{0x47, 0x50, EXIT_unknown, KIND_unknown}, {0x51, 0x51, EXIT_handled, KIND_ac},
	{0x52, 0x52, EXIT_interrupt, KIND_mc},    {0x53, 0x5F, EXIT_unknown, KIND_unknown},
	{0x60, 0x63, EXIT_interrupt, KIND_plain}, {0x64, 0x64, EXIT_irq_window, KIND_plain},
	{0x65, 0x6E, EXIT_unknown, KIND_unknown}, {0x6F, 0x6F, EXIT_handled, KIND_gp},
	{0x70, 0x71, EXIT_unknown, KIND_unknown}, {0x72, 0x72, EXIT_cpuid, KIND_plain},
	{0x73, 0x73, EXIT_unknown, KIND_unknown}, {0x74, 0x74, EXIT_handled, KIND_iret},
	{0x75, 0x75, EXIT_unknown, KIND_unknown}, {0x76, 0x76, EXIT_cache, KIND_plain},
	{0x77, 0x77, EXIT_pause, KIND_plain},     {0x78, 0x78, EXIT_hlt, KIND_plain},
	{0x79, 0x79, EXIT_unknown, KIND_unknown}, {0x7A, 0x7A, EXIT_undefined, KIND_plain},
	{0x7B, 0x7B, EXIT_io, KIND_io},           {0x7C, 0x7C, EXIT_msr, KIND_msr},
	{0x7D, 0x7D, EXIT_unknown, KIND_unknown}, {0x7E, 0x7E, EXIT_handled, KIND_mf},
	{0x7F, 0x7F, EXIT_shutdown, KIND_plain},  {0x80, 0x80, EXIT_undefined, KIND_plain},
	{0x81, 0x81, EXIT_hypercall, KIND_plain}, {0x82, 0x86, EXIT_undefined, KIND_plain},
	{0x87, 0x88, EXIT_unknown, KIND_unknown}, {0x89, 0x89, EXIT_cache, KIND_plain},
	{0x8A, 0x8C, EXIT_undefined, KIND_plain}, {0x8D, 0x8D, EXIT_xsetbv, KIND_plain},
	{0x8E, 0x8E, EXIT_undefined, KIND_plain}, {0x8F, 0x3FF, EXIT_unknown, KIND_unknown},
	{0x400, 0x400, EXIT_npf, KIND_npf},       {0x401, 0x500, EXIT_unknown, KIND_unknown},
};

/* Shortest forms only: a prefix, or another instruction by now, has to be decoded. */
static void shortest_forms(void **state)
{
	static const struct {
		u32 code, info1;
		const char *bytes;
		unsigned int length;
	} cases[] = {
		{0x72, 0, "\x0F\xA2\x90", 2},       {0x72, 0, "\x66\x0F\xA2", 0},
		{0x72, 0, "\x0F\x32\x90", 0},       {0x77, 0, "\xF3\x90\xEB", 2},
		{0x77, 0, "\xF3\xF3\x90", 0},       {0x78, 0, "\xF4\xF4\xF4", 1},
		{0x78, 0, "\x48\xF4\xF4", 0},       {0x7C, 0, "\x0F\x32\x90", 2},
		{0x7C, 0, "\x0F\x30\x90", 0},       {0x7C, 1, "\x0F\x30\x90", 2},
		{0x7C, 1, "\x0F\x32\x90", 0},       {0x81, 0, "\x0F\x01\xD9", 3},
		{0x81, 0, "\x0F\x01\xC1", 0},       {0x60, 0, "\x0F\x01\xD9", 0},
		{0x7D, 0, "\x0F\x30\x90", 2},       {0x400, 0, "\x0F\x30\x90", 0},
		{0xFFFFFFFF, 0, "\x0F\x30\x90", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 bytes = 0x9090909090000000;

		memcpy(&bytes, cases[i].bytes, 3);
		assert_int_equal(svm_insn_length(cases[i].code, cases[i].info1, bytes),
				 cases[i].length);
	}
}

static void every_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		for (u32 code = expected[i].first; code <= expected[i].last; code++) {
			assert_int_equal(decode(code, 0, 0), expected[i].kind);
			assert_int_equal(e.reason, expected[i].reason);
		}
	}
}

static void failed_entries(void **state)
{
	static const u64 codes[] = {~0ull, ~0ull - 1, 0xFFFFFFFFull};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_int_equal(decode(codes[i], 1, 2), KIND_unknown);
		assert_int_equal(e.reason, EXIT_invalid);
		assert_int_equal(e.u.raw.code, codes[i]);
		assert_int_equal(e.u.raw.info1, 1);
		assert_int_equal(e.u.raw.info2, 2);
	}
}

static void ports(void **state)
{
	static const struct {
		u32 info;
		u16 port;
		u8 width, address_bytes;
		bool in, string, rep;
	} cases[] = {
		{0x03F80211u, 0x3F8, 1, 8, true, false, false},
		{0x03F80210u, 0x3F8, 1, 8, false, false, false},
		{0xFFFF0121u, 0xFFFF, 2, 4, true, false, false},
		{0x00000140u, 0, 4, 4, false, false, false},
		{0x00E9009Cu, 0xE9, 1, 2, false, true, true},
		{0x01F0022Du, 0x1F0, 2, 8, true, true, true},
		{0x01F00225u, 0x1F0, 2, 8, true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		decode(0x7B, cases[i].info, 0x1234);
		assert_int_equal(e.u.io.port, cases[i].port);
		assert_int_equal(e.u.io.width, cases[i].width);
		assert_int_equal(e.u.io.address_bytes, cases[i].address_bytes);
		assert_int_equal(e.u.io.in, cases[i].in);
		assert_int_equal(e.u.io.string, cases[i].string);
		assert_int_equal(e.u.io.rep, cases[i].rep);
		assert_int_equal(e.u.io.next_rip, 0x1234);
	}
}

static void msrs(void **state)
{
	(void)state;
	decode(0x7C, 0, 0);
	assert_int_equal(e.u.msr.index, 0xC0000080u);
	assert_false(e.u.msr.write);
	decode(0x7C, 1, 0);
	assert_true(e.u.msr.write);
}

static void nested_faults(void **state)
{
	const u64 final = 1ull << 32, walk = 1ull << 33;
	static const u64 address = 0xFEE00300ull;

	(void)state;
	decode(0x400, final | 4, address);
	assert_int_equal(e.u.npf.gpa.v, address);
	assert_int_equal(e.u.npf.access, EPT_R);
	assert_false(e.u.npf.table_walk);
	decode(0x400, final | 6, address);
	assert_int_equal(e.u.npf.access, EPT_W);
	decode(0x400, final | 5, address); /* present: a read of what may not be read */
	assert_int_equal(e.u.npf.access, EPT_R);
	decode(0x400, final | 0x14, address);
	assert_int_equal(e.u.npf.access, EPT_X);
	decode(0x400, walk | 6, address);
	assert_int_equal(e.u.npf.access, EPT_W);
	assert_true(e.u.npf.table_walk);
}

static void lengths(void **state)
{
	static const struct {
		u64 rip, next;
		u8 length;
	} cases[] = {
		{0x1000, 0, 0},
		{0x1000, 0x1002, 2},
		{0x1000, 0x100F, 15},
		{0x1000, 0x1010, 0},
		{0x1000, 0xFFF, 0},
		{~0ull, 1, 2},
		{0xFFFFFFFE, 0x100000000, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		b.rip = cases[i].rip;
		b.next_rip = cases[i].next;
		decode(0x72, 0, 0);
		assert_int_equal(e.insn_length, cases[i].length);
	}
	b.rip = 0x1000;
	b.next_rip = 0x1002; /* left over */
	decode(0x400, 0, 0);
	assert_int_equal(e.insn_length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),       cmocka_unit_test(shortest_forms),
		cmocka_unit_test(every_code),    cmocka_unit_test(failed_entries),
		cmocka_unit_test(ports),         cmocka_unit_test(msrs),
		cmocka_unit_test(nested_faults), cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
