/* SPDX-License-Identifier: BSD-2-Clause */
/* MSR policy: what is there, what faults, and that everything else does. */
// links: core/msr.c core/vapic.c core/vapic_ipi.c core/vapic_timer.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <core/msr.h>
#include <vcpu_env.h>

#define V  (&env_vcpu[0])
#define GP (-22)

struct cpuid_limits cpuid_limits = {.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
				    .phys_bits = 40};
void event_upcall(struct vcpu *v)
{
	(void)v;
}

static void start(bool x2)
{
	env_reset(1, x2);
	vapic_reset(V, false);
	msr_reset(V);
	V->regs.efer = EFER_LME | EFER_LMA;
	V->regs.cr0 = CR0_PE | CR0_PG;
	V->regs.pat = 0x0007040600070406ull;
}

static u64 rd(u32 index)
{
	u64 value = 0xDEAD;

	assert_int_equal(msr_read(V, index, &value), 0);
	return value;
}
static int wr(u32 index, u64 value)
{
	return msr_write(V, index, value);
}

/* first, last, readable, writable (with 0) */
static const struct {
	u32 first, last;
	bool r, w;
} known[] = {
	{0x10, 0x10, 1, 1},
	{0x17, 0x17, 1, 0},
	{0x1B, 0x1B, 1, 0}, /* 0 is no base */
	{0x3A, 0x3A, 1, 0},
	{0x8B, 0x8B, 1, 1},
	{0xCE, 0xCE, 1, 0},
	{0xFE, 0xFE, 1, 0},
	{0x174, 0x176, 1, 1},
	{0x179, 0x17A, 1, 0},
	{0x1A0, 0x1A0, 1, 1},
	{0x1D9, 0x1D9, 1, 1},
	{0x200, 0x20F, 1, 1},
	{0x250, 0x250, 1, 1},
	{0x258, 0x259, 1, 1},
	{0x268, 0x26F, 1, 1},
	{0x277, 0x277, 1, 1},
	{0x2FF, 0x2FF, 1, 1},
	{0x40000000, 0x40000000, 1, 1},
	{0xC0000080, 0xC0000080, 1, 0}, /* 0 would leave long mode under paging */
	{0xC0000081, 0xC0000084, 1, 1},
	{0xC0000100, 0xC0000102, 1, 1},
	{0xC0010010, 0xC0010010, 1, 1},
	{0xC0010015, 0xC0010015, 1, 1},
	{0xC001001F, 0xC001001F, 1, 1},
	{0xC0010055, 0xC0010055, 1, 1},
	{0xC0010058, 0xC0010058, 1, 0},
	{0xC0010114, 0xC0010114, 1, 0},
	{0xC0011020, 0xC001102F, 1, 1},
};

static void check(u32 index)
{
	bool r = false, w = false;
	u64 value;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (index >= known[i].first && index <= known[i].last) {
			r = known[i].r;
			w = known[i].w;
		}
	if (msr_read(V, index, &value) != (r ? 0 : GP) || msr_write(V, index, 0) != (w ? 0 : GP))
		fail_msg("MSR %x", index);
}

static void default_deny(void **state)
{
	(void)state;
	start(false); /* not x2APIC: 0x800-0x8FF fault too */
	for (u32 i = 0; i < 0x4000; i++) {
		check(i);
		check(0x40000000 + i);
		check(0xC0000000 + i);
		check(0xC0010000 + i);
		check(0x80000000 + i);
		check(0xFFFFFFFF - i);
	}
	for (u64 i = 0; i <= 0xFFFFFFFF; i += 4099)
		check((u32)i);
	assert_int_equal(env_frame_refs[0], 0);
}

static void values(void **state)
{
	(void)state;
	start(false);
	fake_tsc = 0x123456789ABCDEFull;
	assert_true(rd(0x10) == fake_tsc);
	assert_int_equal(wr(0x10, 5), 0);
	assert_true(rd(0x10) == fake_tsc);
	assert_int_equal(rd(0xFE), 0x508);
	assert_int_equal(rd(0x2FF), 0x806);
	assert_int_equal(rd(0x3A), 1);
	assert_int_equal(rd(0x1A0), 0x1801);
	assert_int_equal(rd(0x179), 0);
	assert_int_equal(rd(0x40000000), 0);
	assert_int_equal(rd(0xC0010015), 1u << 24);
	assert_int_equal(rd(0xC0010114), 0x18);
	assert_int_equal(rd(0xC0011029), 0);
	assert_int_equal(rd(0x8B), 0);
	fake_msr_there = true;
	fake_msr_value = 0x830107700000000ull;
	assert_true(rd(0x8B) == fake_msr_value);
	assert_int_equal(rd(0x1B), 0xFEE00900);
	assert_int_equal(wr(0x1B, 0xFEE00D00), 0);
	assert_int_equal(wr(0x808, 0x20), 0);
	assert_int_equal(rd(0x808), 0x20);
	assert_int_equal(wr(0x6E0, 1), GP);
}

static void efer(void **state)
{
	(void)state;
	start(false);
	assert_int_equal(rd(MSR_EFER), EFER_LME | EFER_LMA);
	assert_int_equal(wr(MSR_EFER, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE), 0);
	assert_true(V->regs_dirty & HVM_STATE_cr);
	assert_int_equal(rd(MSR_EFER), EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE);
	assert_int_equal(wr(MSR_EFER, EFER_LME), 0); /* LMA is not the guest's to change */
	assert_int_equal(rd(MSR_EFER), EFER_LME | EFER_LMA);
	assert_int_equal(wr(MSR_EFER, EFER_NXE), GP);
	assert_int_equal(wr(MSR_EFER, EFER_LME | EFER_SVME), GP);
	assert_int_equal(wr(MSR_EFER, EFER_LME | 1ull << 40), GP);
	assert_int_equal(rd(MSR_EFER), EFER_LME | EFER_LMA);
	V->regs.cr0 = CR0_PE;
	V->regs.efer = 0;
	assert_int_equal(wr(MSR_EFER, EFER_LME | EFER_LMA), 0);
	assert_int_equal(rd(MSR_EFER), EFER_LME);
	assert_int_equal(wr(MSR_EFER, 0), 0);
}

static void memory_types(void **state)
{
	(void)state;
	start(false);
	assert_true(rd(MSR_PAT) == 0x0007040600070406ull);
	assert_int_equal(wr(MSR_PAT, 0x0001050600070406ull), 0);
	assert_true(V->regs.pat == 0x0001050600070406ull);
	assert_true(V->regs_dirty & HVM_STATE_msr);
	for (u64 type = 0; type < 256; type++)
		for (unsigned int i = 0; i < 64; i += 8) {
			bool pat = type <= 7 && type != 2 && type != 3;
			bool mtrr = pat && type != 7;

			assert_int_equal(wr(MSR_PAT, type << i), pat ? 0 : GP);
			assert_int_equal(wr(0x26A, type << i), mtrr ? 0 : GP);
			if (mtrr)
				assert_true(rd(0x26A) == type << i);
			if (i == 0) {
				assert_int_equal(wr(0x2FF, 0xC00 | type), mtrr ? 0 : GP);
				assert_int_equal(wr(0x200, 0x1000 | type), mtrr ? 0 : GP);
			}
		}
	assert_int_equal(wr(0x2FF, 0x1006), GP);
	assert_int_equal(wr(0x200, 0x100), GP);
	assert_int_equal(wr(0x200, 1ull << 40), GP);
	assert_int_equal(wr(0x201, 0x400), GP);
	assert_int_equal(wr(0x201, 0xFFFFF00800ull), 0);
	/* Each its own place. */
	for (u32 i = 0x200; i <= 0x20F; i++)
		assert_int_equal(wr(i, (u64)i << 12), 0);
	assert_int_equal(wr(0x250, 0x01), 0);
	assert_int_equal(wr(0x258, 0x04), 0);
	assert_int_equal(wr(0x259, 0x05), 0);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(wr(0x268 + i, 6ull << (8 * i)), 0);
	for (u32 i = 0x200; i <= 0x20F; i++)
		assert_true(rd(i) == (u64)i << 12);
	assert_int_equal(rd(0x250), 0x01);
	assert_int_equal(rd(0x258), 0x04);
	assert_int_equal(rd(0x259), 0x05);
	for (u32 i = 0; i < 8; i++)
		assert_true(rd(0x268 + i) == 6ull << (8 * i));
	msr_reset(V);
	assert_int_equal(rd(0x26F), 0);
	assert_int_equal(rd(0x2FF), 0x806);
}

static void addresses(void **state)
{
	static const u32 linear[] = {0x175,      0x176,      0xC0000082, 0xC0000083,
				     0xC0000100, 0xC0000101, 0xC0000102};

	(void)state;
	start(false);
	for (size_t i = 0; i < ARRAY_SIZE(linear); i++) {
		assert_int_equal(wr(linear[i], 0xFFFF800000000000ull + i), 0);
		assert_int_equal(wr(linear[i], 0x0000800000000000ull), GP);
		assert_int_equal(wr(linear[i], 0xFFFF7FFFFFFFFFFFull), GP);
	}
	for (size_t i = 0; i < ARRAY_SIZE(linear); i++)
		assert_true(rd(linear[i]) == 0xFFFF800000000000ull + i);
	assert_int_equal(wr(0xC0000081, ~0ull), 0);
	assert_int_equal(wr(0xC0000084, ~0ull), 0);
	assert_true(rd(0xC0000084) == 0xFFFFFFFF);
	assert_true(V->regs.msr.star == ~0ull);
	assert_true(V->regs_dirty == (HVM_STATE_msr | HVM_STATE_seg));
}

static void hypercall_page(void **state)
{
	const u8 *ram = env_at(0);

	(void)state;
	start(false);
	assert_int_equal(wr(0x40000000, 0x4001), GP);
	assert_int_equal(wr(0x40000000, 0x40000000), GP);
	assert_int_equal(wr(0x40000000, ~0xFFFull), GP);
	assert_int_equal(wr(0x40000000, 0x4000), 0);
	assert_int_equal(ram[0x3FFF], 0);
	assert_memory_equal(ram + 0x4000, "\xB8\0\0\0\0\x0F\x01\xD9\xC3\xCC", 10);
	assert_memory_equal(ram + 0x4000 + 127 * 32, "\xB8\x7F\0\0\0\x0F\x01\xD9\xC3", 9);
	assert_memory_equal(ram + 0x4000 + 23 * 32, "\x0F\x0B", 2);
	assert_int_equal(ram[0x4FFF], 0xCC);
	assert_int_equal(ram[0x5000], 0);
	assert_int_equal(env_maps, 0);
	env_map(4, ENV_FIRST + 4, 0, EPT_R, EPT_TYPE_ram);
	assert_int_equal(wr(0x40000000, 0x4000), GP);
	env_map(4, ENV_FIRST + 4, 0, EPT_R | EPT_W, EPT_TYPE_mmio);
	assert_int_equal(wr(0x40000000, 0x4000), GP);
	assert_int_equal(env_frame_refs[4], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_deny), cmocka_unit_test(values),
		cmocka_unit_test(efer),         cmocka_unit_test(memory_types),
		cmocka_unit_test(addresses),    cmocka_unit_test(hypercall_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
