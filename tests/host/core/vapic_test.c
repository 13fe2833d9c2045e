/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual local APIC: modes, registers, priorities, IPIs, timer. */
// links: core/vapic.c core/vapic_ipi.c core/vapic_timer.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <vcpu_env.h>

#define V  (&env_vcpu[0])
#define V1 (&env_vcpu[1])

void event_upcall(struct vcpu *v)
{
	env_upcalls++;
	vapic_set_irq(v, v->upcall_vector);
}

static void start(u32 vcpus, bool x2)
{
	env_reset(vcpus, x2);
	for (u32 i = 0; i < vcpus; i++) {
		vapic_reset(&env_vcpu[i], false);
		if (x2)
			assert_int_equal(vapic_msr_write(&env_vcpu[i], 0x80F, 0x1FF), 0);
		else
			vapic_mmio_write(&env_vcpu[i], 0xF0, 4, 0x1FF);
	}
}

static u32 rd(struct vcpu *v, u32 offset)
{
	return (u32)vapic_mmio_read(v, offset, 4);
}
static void wr(struct vcpu *v, u32 offset, u32 value)
{
	vapic_mmio_write(v, offset, 4, value);
}
static u64 msr(struct vcpu *v, u32 index)
{
	u64 value = 0xDEAD;

	assert_int_equal(vapic_msr_read(v, index, &value), 0);
	return value;
}
static bool wrmsr_faults(struct vcpu *v, u32 index, u64 value)
{
	return vapic_msr_write(v, index, value) != 0;
}
static bool rdmsr_faults(struct vcpu *v, u32 index)
{
	u64 value;

	return vapic_msr_read(v, index, &value) != 0;
}
static int take(struct vcpu *v)
{
	int vector = vapic_pending(v);

	if (vector >= 0)
		vapic_accept(v, (u8)vector);
	return vector;
}

static void power_on(void **state)
{
	(void)state;
	env_reset(2, false);
	vapic_reset(V, false);
	vapic_reset(V1, false);
	assert_int_equal(msr(V, 0x1B), 0xFEE00900);
	assert_int_equal(msr(V1, 0x1B), 0xFEE00800);
	assert_int_equal(rd(V1, 0x20), 1u << 24);
	assert_int_equal(rd(V, 0x30), 0x00050014);
	assert_int_equal(rd(V, 0xE0), ~0u);
	assert_int_equal(rd(V, 0xF0), 0xFF);
	for (u32 lvt = 0x320; lvt <= 0x370; lvt += 16)
		assert_int_equal(rd(V, lvt), 0x10000);
	assert_int_equal(vapic_pending(V), -1);
	/* Software-disabled: nothing arrives, masks stay. */
	vapic_set_irq(V, 0x40);
	assert_int_equal(vapic_pending(V), -1);
	wr(V, 0x320, 0x40);
	assert_int_equal(rd(V, 0x320), 0x10040);
	/* Reserved bits are dropped, read-only registers stay. */
	wr(V, 0xF0, ~0u);
	assert_int_equal(rd(V, 0xF0), 0x3FF);
	wr(V, 0x320, ~0u);
	assert_int_equal(rd(V, 0x320), 0x300FF);
	wr(V, 0x350, ~0u);
	assert_int_equal(rd(V, 0x350), 0x1A7FF);
	wr(V, 0x20, ~0u);
	assert_int_equal(rd(V, 0x20), 0);
	wr(V, 0x280, 0);
	wr(V, 0x280, 0);
	/* Writing a read-only register is an error. */
	wr(V, 0x30, 0);
	wr(V, 0x280, 0);
	assert_int_equal(rd(V, 0x280), 0x80);
	/* Software disable masks. */
	wr(V, 0x320, 0x40);
	wr(V, 0xF0, 0xFF);
	assert_int_equal(rd(V, 0x320), 0x10040);
}

static void widths(void **state)
{
	(void)state;
	start(1, false);
	wr(V, 0x380, 0x11223344);
	wr(V, 0x320, 0x10031);
	assert_int_equal(vapic_mmio_read(V, 0x320, 1), 0x31);
	assert_int_equal(vapic_mmio_read(V, 0x322, 2), 0x1);
	assert_int_equal(vapic_mmio_read(V, 0x320, 8), 0x10031);
	assert_int_equal(vapic_mmio_read(V, 0x324, 4), 0);
	vapic_mmio_write(V, 0x81, 1, 0xFF);
	vapic_mmio_write(V, 0x80, 1, 0xFF);
	assert_int_equal(rd(V, 0x80), 0);
	vapic_mmio_write(V, 0x80, 8, 0x2000000020ull);
	assert_int_equal(rd(V, 0x80), 0x20);
	for (u32 offset = 0; offset < 4096; offset++)
		for (unsigned int w = 1; w <= 8; w *= 2) {
			(void)vapic_mmio_read(V, offset, w);
			if (offset >> 4 != 0xF)
				vapic_mmio_write(V, offset, w, ~0ull);
		}
	vapic_stop(V);
	/* Off and x2APIC: all ones. */
	assert_false(wrmsr_faults(V, 0x1B, 0xFEE00C00));
	assert_false(vapic_mmio_active(V));
	assert_true(vapic_mmio_read(V, 0x20, 8) == ~0ull);
	assert_int_equal(vapic_mmio_read(V, 0x20, 4), ~0u);
}

static void modes(void **state)
{
	static const u64 mode[4] = {0xFEE00000, 0xFEE00400, 0xFEE00800, 0xFEE00C00};
	static const bool legal[4][4] = {{1, 0, 1, 0}, {0, 0, 0, 0}, {1, 0, 1, 1}, {1, 0, 0, 1}};

	(void)state;
	for (unsigned int from = 0; from < 4; from++)
		for (unsigned int to = 0; to < 4 && from != 1; to++) {
			start(2, false);
			if (from == 3 || from == 0)
				assert_false(wrmsr_faults(V1, 0x1B, mode[from]));
			assert_int_equal(wrmsr_faults(V1, 0x1B, mode[to]), !legal[from][to]);
			assert_int_equal(msr(V1, 0x1B), mode[legal[from][to] ? to : from]);
		}
	start(2, false);
	assert_true(wrmsr_faults(V, 0x1B, 0xFEE00801)); /* reserved */
	assert_true(wrmsr_faults(V, 0x1B, 0xFED00900)); /* moved */
	assert_true(wrmsr_faults(V, 0x1B, 0x10000FEE00900ull));
	assert_false(wrmsr_faults(V1, 0x1B, 0xFEE00900)); /* claims to be the boot CPU */
	assert_int_equal(msr(V1, 0x1B), 0xFEE00800);
	/* Off: nothing arrives; on again: reset. */
	vapic_set_irq(V, 0x50);
	wr(V, 0x80, 0x20);
	assert_false(wrmsr_faults(V, 0x1B, 0xFEE00100));
	vapic_set_irq(V, 0x60);
	assert_int_equal(vapic_pending(V), -1);
	assert_false(wrmsr_faults(V, 0x1B, 0xFEE00900));
	assert_int_equal(rd(V, 0x80), 0);
	assert_int_equal(rd(V, 0xF0), 0xFF);
	/* INIT keeps the mode. */
	start(18, true);
	env_vcpu[17].vapic.page[VAPIC_TPR] = 0x30;
	vapic_reset(&env_vcpu[17], true);
	assert_int_equal(msr(&env_vcpu[17], 0x1B), 0xFEE00C00);
	assert_int_equal(msr(&env_vcpu[17], 0x808), 0);
	assert_int_equal(msr(&env_vcpu[17], 0x80D), 0x00010002);
	assert_int_equal(msr(&env_vcpu[17], 0x802), 17);
}

static void x2_faults(void **state)
{
	(void)state;
	start(1, false);
	assert_true(rdmsr_faults(V, 0x802));
	assert_true(wrmsr_faults(V, 0x808, 0));
	start(1, true);
	assert_true(wrmsr_faults(V, 0x802, 0));
	assert_true(wrmsr_faults(V, 0x80D, 0));
	assert_true(rdmsr_faults(V, 0x80B));
	assert_true(wrmsr_faults(V, 0x80B, 1));
	assert_false(wrmsr_faults(V, 0x80B, 0));
	assert_true(rdmsr_faults(V, 0x80E));
	assert_true(rdmsr_faults(V, 0x831));
	assert_true(wrmsr_faults(V, 0x831, 0));
	assert_true(rdmsr_faults(V, 0x83F));
	assert_true(wrmsr_faults(V, 0x808, 0x100));
	assert_true(wrmsr_faults(V, 0x808, 1ull << 32));
	assert_true(wrmsr_faults(V, 0x828, 1));
	assert_false(wrmsr_faults(V, 0x828, 0));
	assert_true(wrmsr_faults(V, 0x832, 1u << 18));
	assert_true(wrmsr_faults(V, 0x830, 1u << 20));
	assert_true(wrmsr_faults(V, 0x83F, 0x140));
	for (u32 i = 0x840; i <= 0x8FF; i++) {
		assert_true(rdmsr_faults(V, i));
		assert_true(wrmsr_faults(V, i, 0));
	}
	assert_true(rdmsr_faults(V, 0x7FF));
}

static void priorities(void **state)
{
	(void)state;
	start(1, true);
	vapic_set_irq(V, 0x31);
	vapic_set_irq(V, 0x35);
	vapic_set_irq(V, 0x71);
	vapic_set_irq(V, 0xFF);
	assert_int_equal(env_kicks[0], 4);
	vapic_set_irq(V, 0xFF);
	assert_int_equal(env_kicks[0], 4);
	assert_int_equal(take(V), 0xFF);
	assert_int_equal(msr(V, 0x80A), 0xF0);
	assert_int_equal(vapic_pending(V), -1);
	vapic_set_irq(V, 0xFE);
	assert_int_equal(vapic_pending(V), -1); /* same class */
	assert_false(wrmsr_faults(V, 0x80B, 0));
	assert_int_equal(take(V), 0xFE);
	assert_false(wrmsr_faults(V, 0x80B, 0));
	/* TPR */
	assert_false(wrmsr_faults(V, 0x808, 0x7F));
	assert_int_equal(msr(V, 0x80A), 0x7F);
	assert_int_equal(vapic_pending(V), -1);
	vapic_set_cr8(V, 6);
	assert_int_equal(vapic_get_cr8(V), 6);
	assert_int_equal(take(V), 0x71);
	vapic_set_cr8(V, 0);
	/* A nested higher one, then EOIs in order. */
	vapic_set_irq(V, 0x91);
	assert_int_equal(take(V), 0x91);
	assert_int_equal(msr(V, 0x814), 1u << 17);
	assert_false(wrmsr_faults(V, 0x80B, 0));
	assert_int_equal(msr(V, 0x80A), 0x70);
	assert_false(wrmsr_faults(V, 0x80B, 0));
	assert_int_equal(take(V), 0x35);
	/* Taken back. */
	vapic_unaccept(V, 0x35);
	assert_int_equal(msr(V, 0x811), 0);
	assert_int_equal(msr(V, 0x821), 1u << 0x15 | 1u << 0x11);
	vapic_unaccept(V, 0xF3); /* never accepted: nothing */
	assert_int_equal(take(V), 0x35);
	assert_false(wrmsr_faults(V, 0x80B, 0));
	assert_int_equal(take(V), 0x31);
	assert_false(wrmsr_faults(V, 0x80B, 0));
	assert_int_equal(take(V), -1);
	assert_int_equal(V->vapic.irr_hint, 0);
	assert_int_equal(V->vapic.isr_hint, 0);
	assert_false(wrmsr_faults(V, 0x80B, 0)); /* one too many */
}

/* Every vector, against a model. */
static void all_vectors(void **state)
{
	u32 seed = 1;
	bool irr[256] = {0}, isr[256] = {0};

	(void)state;
	start(1, true);
	for (unsigned int n = 0; n < 200000; n++) {
		int want = -1, top = -1;
		u8 vector;

		seed = seed * 1664525 + 1013904223;
		vector = (u8)(seed >> 16);
		if (vector < 16)
			vector = (u8)(vector + 16);
		switch (seed >> 28 & 3) {
		case 0:
			assert_false(wrmsr_faults(V, 0x83F, vector));
			irr[vector] = true;
			break;
		case 1:
			vapic_set_irq(V, vector);
			irr[vector] = true;
			break;
		case 2:
			assert_false(wrmsr_faults(V, 0x80B, 0));
			for (int i = 255; i >= 0; i--)
				if (isr[i]) {
					isr[i] = false;
					break;
				}
			break;
		default:
			for (int i = 255; i >= 0; i--) {
				if (isr[i] && top < 0)
					top = i;
				if (irr[i] && want < 0)
					want = i;
			}
			if (want >= 0 && want >> 4 <= (top < 0 ? 0 : top >> 4))
				want = -1;
			assert_int_equal(take(V), want);
			if (want >= 0) {
				irr[want] = false;
				isr[want] = true;
			}
			break;
		}
	}
}

static unsigned int received(u8 vector)
{
	unsigned int set = 0;

	for (u32 i = 0; i < env_domain.max_vcpus; i++) {
		struct vcpu *v = &env_vcpu[i];

		if (v->vapic.page[(0x20 + (vector >> 5)) * 4] >> (vector & 31) & 1) {
			set |= 1u << i;
			vapic_accept(v, vector);
			v->vapic.page[(0x10 + (vector >> 5)) * 4] = v->vapic.isr_hint = 0;
		}
	}
	return set;
}

static void ipi(struct vcpu *v, u32 dest, u32 low)
{
	wr(v, 0x310, dest << 24);
	wr(v, 0x300, low);
}

static void xapic_ipis(void **state)
{
	(void)state;
	start(4, false);
	ipi(V, 2, 0x50);
	assert_int_equal(received(0x50), 1u << 2);
	assert_int_equal(env_kicks[2], 1);
	assert_int_equal(rd(V, 0x300), 0x50);
	assert_int_equal(rd(V, 0x310), 2u << 24);
	ipi(V, 0xFF, 0x51);
	assert_int_equal(received(0x51), 0xF);
	ipi(V, 9, 0x51); /* nobody */
	assert_int_equal(received(0x51), 0);
	ipi(V1, 0, 0x40052);
	assert_int_equal(received(0x52), 1u << 1);
	assert_int_equal(env_kicks[1], 1); /* from the broadcast: none to itself */
	ipi(V1, 0, 0x80053);
	assert_int_equal(received(0x53), 0xF);
	ipi(V1, 0, 0xC0054);
	assert_int_equal(received(0x54), 0xD);
	/* Flat */
	for (u32 i = 0; i < 4; i++)
		wr(&env_vcpu[i], 0xD0, 1u << (24 + i));
	ipi(V, 0x6, 0x855);
	assert_int_equal(received(0x55), 0x6);
	ipi(V, 0xFF, 0x855);
	assert_int_equal(received(0x55), 0xF);
	/* Lowest priority */
	wr(V, 0x80, 0x40);
	wr(V1, 0x80, 0x30);
	wr(&env_vcpu[2], 0x80, 0x20);
	wr(&env_vcpu[3], 0x80, 0x50);
	ipi(V, 0xB, 0x956);
	assert_int_equal(received(0x56), 1u << 1);
	for (u32 i = 0; i < 4; i++)
		wr(&env_vcpu[i], 0x80, 0);
	/* Cluster */
	for (u32 i = 0; i < 4; i++) {
		wr(&env_vcpu[i], 0xE0, 0);
		wr(&env_vcpu[i], 0xD0, (i >> 1) << 28 | 1u << (24 + (i & 1)));
	}
	assert_int_equal(rd(V, 0xE0), 0x0FFFFFFF);
	ipi(V, 0x12, 0x857);
	assert_int_equal(received(0x57), 1u << 3);
	ipi(V, 0xF1, 0x857);
	assert_int_equal(received(0x57), 0x5);
	/* NMI, INIT with its de-assert, STARTUP */
	ipi(V, 3, 0x400);
	assert_true(env_vcpu[3].nmi_pending);
	ipi(V, 0, 0xC4500);
	assert_int_equal(env_inits[1] + env_inits[2] + env_inits[3], 3);
	assert_int_equal(env_inits[0], 0);
	ipi(V, 0, 0xC8500);
	assert_int_equal(env_inits[1], 1);
	ipi(V, 2, 0x4699);
	assert_int_equal(env_startups[2], 1);
	assert_int_equal(env_startup_vector, 0x99);
	/* Bad vectors: noted, not sent; the error interrupt comes. */
	wr(V, 0x370, 0xFE);
	ipi(V, 1, 0x0F);
	assert_int_equal(received(0x0F), 0);
	wr(V, 0x280, 0);
	assert_int_equal(rd(V, 0x280), 0x20);
	assert_int_equal(take(V), 0xFE);
	wr(V, 0xB0, 0);
	wr(V, 0x280, 0);
	assert_int_equal(rd(V, 0x280), 0);
	/* Illegal register */
	assert_int_equal(rd(V, 0x40), 0);
	assert_int_equal(rd(V, 0x3F0), 0);
	wr(V, 0x280, 0);
	assert_int_equal(rd(V, 0x280), 0x80);
	/* Every ICR value is harmless. */
	for (u32 low = 0; low < 0x100000; low += 0x61)
		ipi(V, low & 7, low);
	vapic_stop(V);
}

static void x2_ipis(void **state)
{
	(void)state;
	start(20, true);
	assert_false(wrmsr_faults(V, 0x830, 18ull << 32 | 0x60));
	assert_int_equal(received(0x60), 1u << 18);
	assert_true(msr(V, 0x830) == (18ull << 32 | 0x60));
	assert_false(wrmsr_faults(V, 0x830, 0xFFFFFFFFull << 32 | 0x61));
	assert_int_equal(received(0x61), 0xFFFFF);
	assert_false(wrmsr_faults(V, 0x830, 0x0001000Aull << 32 | 0x862)); /* 17 and 19 */
	assert_int_equal(received(0x62), 1u << 17 | 1u << 19);
	assert_false(wrmsr_faults(V, 0x830, 0x0000000Full << 32 | 0x863));
	assert_int_equal(received(0x63), 0xF);
	assert_false(wrmsr_faults(V, 0x830, 0xFFull << 32 | 0x64)); /* not broadcast here */
	assert_int_equal(received(0x64), 0);
	assert_false(wrmsr_faults(V, 0x83F, 0x65));
	assert_int_equal(received(0x65), 1);
	assert_int_equal(env_kicks[0], 0); /* none to itself */
	assert_false(wrmsr_faults(V, 0x83F, 3));
	assert_false(wrmsr_faults(V, 0x828, 0));
	assert_int_equal(msr(V, 0x828), 0x20);
	/* A target that is not there yet, and one that is off. */
	env_domain.vcpu[3] = NULL;
	assert_false(wrmsr_faults(V, 0x830, 3ull << 32 | 0x66));
	assert_false(wrmsr_faults(V1, 0x1B, 0xFEE00000));
	assert_false(wrmsr_faults(V, 0x830, 1ull << 32 | 0x400));
	assert_false(V1->nmi_pending);
}

static void upcall_again(void **state)
{
	(void)state;
	start(1, false);
	V->upcall_vector = 0xF3;
	wr(V, 0xF0, 0xFF);
	env_info.evtchn_upcall_pending = 1;
	event_upcall(V); /* dropped */
	assert_int_equal(vapic_pending(V), -1);
	wr(V, 0xF0, 0x1FF);
	assert_int_equal(vapic_pending(V), 0xF3);
	env_upcalls = 0;
	wr(V, 0xF0, 0x1FF); /* already on: not again */
	assert_int_equal(env_upcalls, 0);
	V->upcall_vector = 0;
	wr(V, 0xF0, 0xFF);
	wr(V, 0xF0, 0x1FF);
	assert_int_equal(env_upcalls, 0);
}

static void stored(struct vcpu *v, u32 offset, u32 value)
{
	v->vapic.page[offset / 4] = value;
	vapic_written(v, offset);
}

/* A CPU that helps writes the page itself, whatever the value: the effect is that of a write. */
static void written_by_the_cpu(void **state)
{
	(void)state;
	start(3, false);
	stored(V1, 0x20, 0xABCD1234); /* the id cannot be changed */
	assert_int_equal(rd(V1, 0x20), 1u << 24);
	stored(V1, 0x21, 7);
	assert_int_equal(rd(V1, 0x20), 1u << 24);
	stored(V, 0x310, 2u << 24 | 0xFFFFFF);
	assert_int_equal(rd(V, 0x310), 2u << 24);
	stored(V, 0x300, 0xFFF01000 | 0x71); /* reserved bits go */
	assert_int_equal(rd(V, 0x300), 0x71);
	assert_int_equal(received(0x71), 1u << 2);
	stored(V, 0x320, ~0u);
	assert_int_equal(rd(V, 0x320), 0x300FF);
	wr(V, 0xE0, 0);
	stored(V, 0xE0, 0x12345678);
	assert_int_equal(rd(V, 0xE0), 0x1FFFFFFF);
	stored(V, 0xF0, 0xFF);
	assert_false(vapic_software_enabled(V));
	V->upcall_vector = 0xF3;
	env_info.evtchn_upcall_pending = 1;
	stored(V, 0xF0, 0x1FF);
	assert_int_equal(vapic_pending(V), 0xF3);
	assert_int_equal(take(V), 0xF3);
	stored(V, 0xB0, 0);
	assert_int_equal(vapic_pending(V), -1);
	/* The timer goes on from its count at the new speed, though the old divisor is gone. */
	wr(V, 0x3E0, 0xB);
	wr(V, 0x380, 1000);
	env_now += 400;
	stored(V, 0x3E0, 0x0);
	assert_int_equal(rd(V, 0x390), 600);
	env_now += 400;
	assert_int_equal(rd(V, 0x390), 400);
	stored(V, 0x380, 0);
	assert_int_equal(rd(V, 0x390), 0);
	stored(V, 0xFF0, 1); /* no register */
	vapic_stop(V);
}

static unsigned int ticks(struct vcpu *v, u8 vector)
{
	(void)v;
	return received(vector);
}

static void timer(void **state)
{
	static const u32 divide[8] = {0, 1, 2, 3, 8, 9, 10, 11},
			 by[8] = {2, 4, 8, 16, 32, 64, 128, 1};
	u64 t0;

	(void)state;
	start(1, false);
	for (unsigned int i = 0; i < 8; i++) {
		wr(V, 0x3E0, divide[i]);
		wr(V, 0x320, 0x40);
		wr(V, 0x380, 1000);
		t0 = env_now;
		assert_int_equal(rd(V, 0x390), 1000);
		assert_int_equal(env_run_until(t0 + 500 * by[i]), 0);
		assert_int_equal(rd(V, 0x390), 500);
		assert_int_equal(env_run_until(t0 + 1000 * by[i] - 1), 0);
		assert_int_equal(ticks(V, 0x40), 0);
		assert_int_equal(env_run_until(t0 + 1000 * by[i]), 1);
		assert_int_equal(ticks(V, 0x40), 1);
		assert_int_equal(rd(V, 0x390), 0);
		assert_int_equal(env_run_until(t0 + 100000 * by[i]), 0);
	}
	/* Stopped by 0; the longest there is. */
	wr(V, 0x380, 5);
	wr(V, 0x380, 0);
	assert_int_equal(env_run_until(env_now + 1000), 0);
	wr(V, 0x3E0, 10);
	wr(V, 0x380, ~0u);
	t0 = env_now;
	assert_int_equal(env_run_until(t0 + 0xFFFFFFFFull * 128 - 1), 0);
	assert_int_equal(env_run_until(t0 + 0xFFFFFFFFull * 128), 1);
	assert_int_equal(ticks(V, 0x40), 1);
	/* Masked: counts without an interrupt; unmasked in time: comes. */
	wr(V, 0x3E0, 11);
	wr(V, 0x320, 0x10040);
	wr(V, 0x380, 1000000);
	t0 = env_now;
	assert_int_equal(env_run_until(t0 + 400000), 0);
	assert_int_equal(rd(V, 0x390), 600000);
	wr(V, 0x320, 0x40);
	assert_int_equal(env_run_until(t0 + 1000000), 1);
	assert_int_equal(ticks(V, 0x40), 1);
	wr(V, 0x320, 0x10040);
	wr(V, 0x380, 1000);
	env_run_until(env_now + 5000);
	wr(V, 0x320, 0x40); /* too late */
	assert_int_equal(env_run_until(env_now + 5000), 0);
	/* A new divisor counts on from where it was. */
	wr(V, 0x380, 1000000);
	t0 = env_now;
	env_run_until(t0 + 250000);
	wr(V, 0x3E0, 0);
	assert_int_equal(rd(V, 0x390), 750000);
	assert_int_equal(env_run_until(t0 + 250000 + 1499999), 0);
	assert_int_equal(env_run_until(t0 + 250000 + 1500000), 1);
	assert_int_equal(ticks(V, 0x40), 1);
	/* A bad vector is an error, not an interrupt. */
	wr(V, 0x320, 0x05);
	wr(V, 0x380, 10);
	env_run_until(env_now + 100);
	wr(V, 0x280, 0);
	assert_int_equal(rd(V, 0x280), 0x40);
}

static void periodic(void **state)
{
	u64 t0;

	(void)state;
	start(1, false);
	wr(V, 0x3E0, 11);
	wr(V, 0x320, 0x20041);
	wr(V, 0x380, 1000000);
	t0 = env_now;
	for (unsigned int i = 1; i <= 10; i++) {
		assert_int_equal(env_run_until(t0 + i * 1000000ull - 1), 0);
		assert_int_equal(env_run_until(t0 + i * 1000000ull), 1);
		assert_int_equal(ticks(V, 0x41), 1);
	}
	assert_int_equal(env_run_until(t0 + 10250000), 0);
	assert_int_equal(rd(V, 0x390), 750000);
	/* The host was late by a second: one interrupt, then on the old grid. */
	env_now = t0 + 1011500000;
	assert_int_equal(env_run_until(env_now), 1);
	assert_int_equal(rd(V, 0x390), 500000);
	assert_int_equal(env_run_until(t0 + 1011999999), 0);
	assert_int_equal(env_run_until(t0 + 1012000000), 1);
	/* Masked for long, unmasked: the next one is on the grid. */
	wr(V, 0x320, 0x30041);
	env_run_until(t0 + 2000700000);
	wr(V, 0x320, 0x20041);
	assert_int_equal(env_run_until(t0 + 2000999999), 0);
	assert_int_equal(env_run_until(t0 + 2001000000), 1);
	/* A period of 1 ns does not storm. */
	wr(V, 0x380, 1);
	assert_in_range(env_run_until(env_now + 10000000), 90, 102);
	/* From periodic to one-shot: it ends. */
	wr(V, 0x380, 1000000);
	wr(V, 0x320, 0x41);
	assert_int_equal(env_run_until(env_now + 100000000), 1);
	/* INIT stops it. */
	wr(V, 0x320, 0x20041);
	wr(V, 0x380, 1000000);
	vapic_reset(V, true);
	assert_int_equal(env_run_until(env_now + 100000000), 0);
	assert_int_equal(rd(V, 0x390), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_on),     cmocka_unit_test(widths),
		cmocka_unit_test(modes),        cmocka_unit_test(x2_faults),
		cmocka_unit_test(priorities),   cmocka_unit_test(all_vectors),
		cmocka_unit_test(xapic_ipis),   cmocka_unit_test(x2_ipis),
		cmocka_unit_test(upcall_again), cmocka_unit_test(written_by_the_cpu),
		cmocka_unit_test(timer),        cmocka_unit_test(periodic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
