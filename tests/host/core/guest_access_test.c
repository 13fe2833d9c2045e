/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks of guests' page tables in every mode, and copies through them. */
// links: core/guest_access.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <core/guest_access.h>
#include <vcpu_env.h>
#include <xen/errno.h>

#define V (&env_vcpu[0])

#define P  1ull
#define W  2ull
#define U  4ull
#define PS 0x80ull
#define NX (1ull << 63)

struct cpuid_limits cpuid_limits = {.phys_bits = 40};

static u64 *table(u64 at)
{
	return env_at(at);
}

static int walk(u64 at, unsigned int access, u64 *out, u32 *fault)
{
	gpa_t g = {~0ull};
	int err;

	*fault = 0xAAAA;
	err = guest_walk(V, gva(at), access, &g, fault);
	*out = g.v;
	assert_int_equal(env_maps, 0);
	assert_int_equal(env_domain.p2m_lock.state, 0);
	return err;
}

static void expect_gpa(u64 at, unsigned int access, u64 want)
{
	u64 out;
	u32 fault;

	assert_int_equal(walk(at, access, &out, &fault), 0);
	assert_true(out == want);
}

static void expect_fault(u64 at, unsigned int access, u32 want)
{
	u64 out;
	u32 fault;

	assert_int_equal(walk(at, access, &out, &fault), -XEN_EFAULT);
	assert_int_equal(fault, want);
}

static void no_paging(void **state)
{
	(void)state;
	env_reset(1, false);
	V->regs.cr0 = CR0_PE;
	expect_gpa(0x12345678, ACCESS_WRITE, 0x12345678);
	expect_gpa(0x112345678ull, 0, 0x12345678);
	V->regs_valid = 0;
	expect_gpa(0x1000, 0, 0x1000);
	assert_int_equal(env_loads, 1);
}

static void legacy(void **state)
{
	u32 *directory, *entries;

	(void)state;
	env_reset(1, false);
	directory = env_at(0x1000);
	entries = env_at(0x2000);
	V->regs.cr0 = CR0_PE | CR0_PG;
	V->regs.cr3 = 0x1018; /* cache bits */
	V->regs.cr4 = CR4_PSE;
	directory[1] = 0x2000 | (u32)(P | W | U);
	directory[2] = 0x00C00000 | 0x00006000 | (u32)(P | PS | U); /* PSE-36: bit 33 and 34 */
	entries[3] = 0x00345000 | (u32)(P | U);
	entries[4] = 0x00346000 | (u32)(P | W);
	expect_gpa(0x403123, 0, 0x345123);
	expect_gpa(0x100403123ull, 0, 0x345123);
	expect_gpa(0x403123, ACCESS_WRITE, 0x345123); /* supervisor, WP off */
	V->regs.cr0 |= CR0_WP;
	expect_fault(0x403123, ACCESS_WRITE, 3);
	expect_fault(0x403123, ACCESS_WRITE | ACCESS_USER, 7);
	expect_fault(0x404000, ACCESS_USER, 5);
	expect_gpa(0x404000, ACCESS_WRITE, 0x346000);
	expect_fault(0x405000, ACCESS_FETCH, 0);
	expect_fault(0, ACCESS_WRITE, 2);
	expect_gpa(0x812345, ACCESS_USER, 0x300C12345ull);
	V->regs.cr4 = 0; /* now it is a table, at an address without memory */
	expect_fault(0x812345, ACCESS_USER, 4);
}

static void pae(void **state)
{
	(void)state;
	env_reset(1, false);
	V->regs.cr0 = CR0_PE | CR0_PG | CR0_WP;
	V->regs.cr4 = CR4_PAE;
	V->regs.efer = EFER_NXE;
	V->regs.cr3 = 0x1FE0; /* the last that fits in its page */
	table(0x1FE0)[3] = 0x3000 | P;
	table(0x3000)[511] = 0x4000 | P | W | U;
	table(0x3000)[510] = 0x00200000 | P | W | U | PS;
	table(0x4000)[511] = 0x00567000 | P | W | U | NX;
	expect_gpa(0xFFFFFABC, ACCESS_WRITE | ACCESS_USER, 0x567ABC);
	expect_fault(0xFFFFFABC, ACCESS_FETCH, 0x11);
	expect_gpa(0xFFDABCDE, 0, 0x3ABCDE);
	expect_fault(0x40000000, ACCESS_USER, 4);
	V->regs.efer = 0;
	expect_fault(0xFFFFFABC, 0, 9); /* NX is reserved now */
}

/* 4 levels: linear 0xFFFF8881_23456000 up. */
#define LINEAR 0xFFFF888123456000ull
static u64 *leaf;

static void four_levels(void)
{
	env_reset(1, false);
	V->regs.cr0 = CR0_PE | CR0_PG | CR0_WP;
	V->regs.cr4 = CR4_PAE;
	V->regs.efer = EFER_LME | EFER_LMA | EFER_NXE;
	V->regs.cr3 = 0x10000;
	table(0x10000)[LINEAR >> 39 & 511] = 0x11000 | P | W | U;
	table(0x11000)[LINEAR >> 30 & 511] = 0x12000 | P | W | U;
	table(0x12000)[LINEAR >> 21 & 511] = 0x13000 | P | W | U;
	leaf = &table(0x13000)[LINEAR >> 12 & 511];
	leaf[0] = 0x20000 | P | W | U;
	leaf[1] = 0x30000 | P | W | U;
}

static void long_mode(void **state)
{
	(void)state;
	four_levels();
	expect_gpa(LINEAR + 0x123, 0, 0x20123);
	expect_gpa(LINEAR + 0x1123, ACCESS_USER | ACCESS_WRITE | ACCESS_FETCH, 0x30123);
	assert_int_equal(env_lookups > 0, 1);
	/* One lookup serves the whole walk. */
	env_lookups = 0;
	expect_gpa(LINEAR, 0, 0x20000);
	assert_int_equal(env_lookups, 1);
	/* Canonical */
	expect_fault(0x0000800000000000ull, 0, FAULT_NONCANONICAL);
	expect_fault(0xFFFF7FFFFFFFFFFFull, 0, FAULT_NONCANONICAL);
	expect_fault(0x00007FFFFFFFF000ull, 0, 0);
	/* Each level's rights count. */
	for (u64 t = 0x10000; t <= 0x13000; t += 0x1000) {
		u64 *e = &table(t)[LINEAR >> (39 - 9 * ((t - 0x10000) >> 12)) & 511], old = *e;

		*e = old & ~W;
		expect_fault(LINEAR, ACCESS_WRITE, 3);
		expect_fault(LINEAR, ACCESS_WRITE | ACCESS_USER, 7);
		expect_gpa(LINEAR, ACCESS_USER, 0x20000);
		V->regs.cr0 &= ~(u64)CR0_WP;
		expect_gpa(LINEAR, ACCESS_WRITE, 0x20000);
		expect_fault(LINEAR, ACCESS_WRITE | ACCESS_USER, 7);
		V->regs.cr0 |= CR0_WP;
		*e = old & ~U;
		expect_fault(LINEAR, ACCESS_USER, 5);
		expect_gpa(LINEAR, ACCESS_WRITE, 0x20000);
		*e = old | NX;
		expect_fault(LINEAR, ACCESS_FETCH, 0x11);
		expect_gpa(LINEAR, 0, 0x20000);
		V->regs.efer &= ~(u64)EFER_NXE;
		expect_fault(LINEAR, ACCESS_FETCH, 9); /* no fetch bit without NXE and SMEP */
		V->regs.efer |= EFER_NXE;
		*e = old | 1ull << 40; /* beyond the address width */
		expect_fault(LINEAR, ACCESS_WRITE, 0xB);
		*e = old & ~P;
		expect_fault(LINEAR, ACCESS_USER, 4);
		*e = old;
	}
	/* PS in the top level is reserved; tables outside memory. */
	table(0x10000)[LINEAR >> 39 & 511] |= PS;
	expect_fault(LINEAR, 0, 9);
	table(0x10000)[LINEAR >> 39 & 511] = 0x3FFFFF000ull | P;
	expect_fault(LINEAR, 0, 0);
	V->regs.cr3 = 0xFFFFFFFFFFFFF000ull;
	expect_fault(LINEAR, 0, 0);
}

static void large_pages(void **state)
{
	u64 *e2, *e3;

	(void)state;
	four_levels();
	e2 = &table(0x12000)[LINEAR >> 21 & 511];
	e3 = &table(0x11000)[LINEAR >> 30 & 511];
	*e2 = 0x00A00000 | P | W | U | PS | 1ull << 12; /* PAT */
	expect_gpa(LINEAR + 0x10, 0, 0x00A00000 | ((LINEAR + 0x10) & 0x1FFFFF));
	*e2 |= 1ull << 13;
	expect_fault(LINEAR, 0, 9);
	*e3 = 0xC0000000 | P | W | U | PS;
	expect_gpa(LINEAR + 0x10, 0, 0xC0000000 | ((LINEAR + 0x10) & 0x3FFFFFFF));
	*e3 |= 1ull << 29;
	expect_fault(LINEAR, ACCESS_USER, 0xD);
}

static void five_levels(void **state)
{
	u64 far = 0x00FF000000000000ull | (LINEAR & 0xFFFFFFFFFFFFull);

	(void)state;
	four_levels();
	V->regs.cr4 |= CR4_LA57;
	V->regs.cr3 = 0x9000;
	table(0x9000)[511] = 0x10000 | P | W | U;
	table(0x9000)[255] = 0x10000 | P | W | U;
	expect_gpa(LINEAR, 0, 0x20000);
	expect_gpa(far, 0, 0x20000);
	expect_fault(0x0100000000000000ull, 0, FAULT_NONCANONICAL);
}

static void dirty(void **state)
{
	u64 x = 5;

	(void)state;
	four_levels();
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
	assert_int_equal(*leaf & 0x60, 0);
	assert_int_equal(copy_to_guest(V, gva(LINEAR), &x, 8), 0);
	assert_int_equal(*leaf & 0x60, 0x60);
	/* A table in read-only memory cannot be marked; the write itself goes through. */
	env_map(0x13, ENV_FIRST + 0x13, 0, EPT_R, EPT_TYPE_ram);
	leaf[0] &= ~0x60ull;
	assert_int_equal(copy_to_guest(V, gva(LINEAR), &x, 8), 0);
	assert_int_equal(*leaf & 0x60, 0);
}

static void copies(void **state)
{
	u8 in[9000], out[9000];

	(void)state;
	four_levels();
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (u8)(i * 7 + 1);
	for (size_t n = 0; n < 200; n++)
		for (u64 at = LINEAR + 0xF80; at < LINEAR + 0x1010; at += 3) {
			memset(out, 0, sizeof(out));
			memset(env_at(0x20000), 0, 4096);
			memset(env_at(0x30000), 0, 4096);
			assert_int_equal(copy_to_guest(V, gva(at), in, n), 0);
			assert_int_equal(copy_from_guest(V, out, gva(at), n), 0);
			assert_memory_equal(in, out, n);
			assert_int_equal(out[n], 0);
		}
	assert_int_equal(copy_to_guest(V, gva(LINEAR), in, 8192), 0);
	assert_memory_equal(env_at(0x20000), in, 4096);
	assert_memory_equal(env_at(0x30000), in + 4096, 4096);
	/* The third page is not there: what came before may have been copied. */
	assert_int_equal(copy_from_guest(V, out, gva(LINEAR), 8193), -XEN_EFAULT);
	assert_int_equal(copy_from_guest(V, out, gva(LINEAR + 0x2000), 1), -XEN_EFAULT);
	assert_int_equal(copy_from_guest(V, out, gva(~0ull - 3), 8), -XEN_EFAULT);
	assert_int_equal(copy_from_guest(V, out, gva(0x8000000000000000ull), 8), -XEN_EFAULT);
	assert_int_equal(copy_from_guest(V, out, gva(LINEAR + 0x5000), 0), 0);
	assert_int_equal(env_maps, 0);
	assert_int_equal(env_domain.p2m_lock.state, 0);
}

static void leaf_types(void **state)
{
	static const struct {
		enum ept_type type;
		unsigned int rights;
		bool read, write;
	} cases[] = {
		{EPT_TYPE_ram, EPT_R | EPT_W, true, true},
		{EPT_TYPE_ram, EPT_R, true, false},
		{EPT_TYPE_foreign, EPT_R | EPT_W, true, true},
		{EPT_TYPE_grant, EPT_R, true, false},
		{EPT_TYPE_shared, EPT_R | EPT_W, true, true},
		{EPT_TYPE_mmio, EPT_R | EPT_W, false, false},
		{EPT_TYPE_none, 0, false, false},
	};
	u64 x = 1;

	(void)state;
	four_levels();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = cases[i].read ? 0 : -XEN_EFAULT, w = cases[i].write ? 0 : -XEN_EFAULT;

		env_map(0x20, ENV_FIRST + 0x21, 0, cases[i].rights, cases[i].type);
		assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), r);
		assert_int_equal(copy_to_guest(V, gva(LINEAR), &x, 8), w);
		assert_int_equal(copy_gpa(&env_domain, gpa(0x20000), &x, 8, false), r);
		assert_int_equal(copy_gpa(&env_domain, gpa(0x20000), &x, 8, true), w);
	}
	assert_int_equal(copy_gpa(&env_domain, gpa(0x1FF8), &x, 8, false), 0);
	assert_int_equal(copy_gpa(&env_domain, gpa(0x200000), &x, 8, false), -XEN_EFAULT);
	assert_int_equal(copy_gpa(&env_domain, gpa(0x1FFC), &x, 8, false), -XEN_EFAULT);
	/* Beyond the nested table: no wrap to what lies below. */
	assert_int_equal(copy_gpa(&env_domain, gpa(1ull << 48), &x, 8, false), -XEN_EFAULT);
	assert_int_equal(copy_gpa(&env_domain, gpa(~0ull - 7), &x, 8, false), -XEN_EFAULT);
	assert_int_equal(env_maps, 0);
}

static struct guest_trail *noted_trail(void)
{
	for (u32 i = 0; i < GUEST_TRAILS; i++)
		if (V->trail[i].levels && V->trail[i].page == LINEAR >> PAGE_SHIFT)
			return &V->trail[i];
	fail();
	return NULL;
}

/* A remembered walk is used only while a new one would end the same way. */
static void trails(void **state)
{
	u64 *chain[4], x = 0, in = 0x1122334455667788;
	int tables;

	(void)state;
	four_levels();
	for (unsigned int i = 0; i < 4; i++)
		chain[i] = &table(0x10000 + i * 0x1000ull)[LINEAR >> (39 - 9 * i) & 511];
	memset(env_at(0x20000), 0x20, 4096);
	memset(env_at(0x21000), 0x21, 4096);
	memset(env_at(0x30000), 0x30, 4096);
	assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), 0);
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
	env_lookups = 0;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR + 8), 8), 0);
	assert_int_equal(copy_to_guest(V, gva(LINEAR + 8), &in, 8), 0);
	assert_int_equal(env_lookups, 0);
	/* The quick look at code goes where the trail goes, or nowhere. */
	assert_true(guest_peek(V, LINEAR + 8, V->regs.cr3, V->regs.cr4, V->regs.efer, &x));
	assert_true(x == in);
	assert_true(guest_peek(V, LINEAR + 0xFF8, V->regs.cr3, V->regs.cr4, V->regs.efer, &x));
	assert_false(guest_peek(V, LINEAR + 0xFF9, V->regs.cr3, V->regs.cr4, V->regs.efer, &x));
	assert_false(guest_peek(V, LINEAR + 0x4000, V->regs.cr3, V->regs.cr4, V->regs.efer, &x));
	assert_false(guest_peek(V, LINEAR, V->regs.cr3 + 4096, V->regs.cr4, V->regs.efer, &x));
	assert_false(guest_peek(V, LINEAR, V->regs.cr3, V->regs.cr4 ^ 1, V->regs.efer, &x));
	assert_false(guest_peek(V, LINEAR, V->regs.cr3, V->regs.cr4, V->regs.efer ^ 1, &x));
	for (unsigned int i = 0; i < 4; i++) {
		*chain[i] ^= W;
		assert_false(guest_peek(V, LINEAR, V->regs.cr3, V->regs.cr4, V->regs.efer, &x));
		*chain[i] ^= W;
	}
	env_domain.tlb_generation++;
	assert_false(guest_peek(V, LINEAR, V->regs.cr3, V->regs.cr4, V->regs.efer, &x));
	env_domain.tlb_generation--;
	assert_int_equal(env_lookups, 0);
	/* Each entry, gone, read-only, moved, and back. */
	for (unsigned int i = 0; i < 4; i++) {
		u64 old = *chain[i];

		*chain[i] = old & ~P;
		assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), -XEN_EFAULT);
		*chain[i] = old & ~W;
		assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), -XEN_EFAULT);
		assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
		assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), -XEN_EFAULT);
		V->regs.cr0 &= ~(u64)CR0_WP;
		assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), 0);
		V->regs.cr0 |= CR0_WP;
		assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), -XEN_EFAULT);
		*chain[i] = old;
		assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), 0);
	}
	*chain[3] = 0x30000 | P | W;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR + 16), 8), 0);
	assert_true(x == 0x3030303030303030);
	/* Read first, written later: dirty is set then. */
	assert_int_equal(*chain[3] & 0x40, 0);
	assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), 0);
	assert_int_equal(*chain[3] & 0x40, 0x40);
	/* Other tables; other modes. */
	tables = (int)V->regs.cr3;
	V->regs.cr3 = 0x50000;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), -XEN_EFAULT);
	V->regs.cr3 = (u64)tables;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
	V->regs.cr4 |= CR4_LA57;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), -XEN_EFAULT);
	V->regs.cr4 = CR4_PAE;
	*chain[3] |= NX;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
	V->regs.efer &= ~(u64)EFER_NXE;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), -XEN_EFAULT);
	V->regs.efer |= EFER_NXE;
	/* One flush that took another page leaves the trail as it is; two are not looked into. */
	for (unsigned int flushes = 1; flushes <= 2; flushes++) {
		u64 *noted, was;

		assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
		noted = &noted_trail()->generation;
		was = *noted;
		for (unsigned int i = 0; i < flushes; i++)
			env_map(0x7F, 0, 0, 0, EPT_TYPE_none);
		assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), 0);
		assert_int_equal(*noted, env_domain.tlb_generation);
		assert_int_equal(*noted, was + flushes);
	}
	/* The nested table: page taken away, given read-only. */
	*chain[3] = 0x20000 | P | W;
	assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), 0);
	env_map(0x20, ENV_FIRST + 0x21, 0, EPT_R, EPT_TYPE_ram);
	assert_int_equal(copy_to_guest(V, gva(LINEAR), &in, 8), -XEN_EFAULT);
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR + 16), 8), 0);
	assert_true(x == 0x2121212121212121);
	env_map(0x20, 0, 0, 0, EPT_TYPE_none);
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), -XEN_EFAULT);
	env_map(0x12, 0, 0, 0, EPT_TYPE_none); /* a table */
	*chain[3] = 0x30000 | P | W;
	assert_int_equal(copy_from_guest(V, &x, gva(LINEAR), 8), -XEN_EFAULT);
	/* A fresh vCPU remembers nothing: page 0 with CR3 0. */
	four_levels();
	V->regs.cr0 = V->regs.cr4 = V->regs.efer = V->regs.cr3 = 0;
	env_domain.tlb_generation = 0;
	env_leaf[0].type = EPT_TYPE_none;
	assert_int_equal(copy_from_guest(V, &x, gva(0), 8), -XEN_EFAULT);
	assert_int_equal(env_maps, 0);
}

static void fetch(void **state)
{
	u8 code[16];
	size_t got;

	(void)state;
	four_levels();
	memset(env_at(0x30FF0), 0x90, 16);
	V->regs.rip = LINEAR + 0x1FF8;
	assert_int_equal(guest_fetch(V, code, 15, &got), 0);
	assert_int_equal(got, 8);
	assert_false(env_raised.valid);
	V->regs.rip = LINEAR + 0x2000;
	assert_int_equal(guest_fetch(V, code, 15, &got), -XEN_EFAULT);
	assert_int_equal(env_raised.vector, X86_PF);
	assert_int_equal(env_raised.error, 0x10);
	assert_true(env_fault_address == LINEAR + 0x2000);
	env_cpl = 3;
	*leaf &= ~U;
	V->regs.rip = LINEAR;
	assert_int_equal(guest_fetch(V, code, 15, &got), -XEN_EFAULT);
	assert_int_equal(env_raised.error, 0x15);
	env_cpl = 0;
	V->regs.rip = 1ull << 63;
	assert_int_equal(guest_fetch(V, code, 15, &got), -XEN_EFAULT);
	assert_int_equal(env_raised.vector, X86_GP);
	/* Real mode: base + IP. */
	env_code_bits = 16;
	V->regs.efer = V->regs.cr0 = 0;
	V->regs.seg[SEG_CS].base = 0x30000;
	V->regs.rip = 0xFF0;
	assert_int_equal(guest_fetch(V, code, 15, &got), 0);
	assert_int_equal(got, 15);
	assert_int_equal(code[14], 0x90);
}

/* Tables of random words never lead outside the guest or leave a lock behind. */
static void wild_tables(void **state)
{
	u64 seed = 1;

	(void)state;
	four_levels();
	for (unsigned int n = 0; n < 200000; n++) {
		u64 out;
		u32 fault;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		table(0x10000)[seed >> 40 & 0xFFF] = (seed & ~0x1E0000ull) | (seed >> 30 & 7);
		V->regs.cr4 = CR4_PAE | (seed >> 20 & CR4_LA57) | (seed >> 9 & CR4_PSE);
		if (n % 16 == 0)
			V->regs.cr4 &= ~(u64)CR4_PAE;
		V->regs.efer = n & 1 ? EFER_LMA | EFER_NXE : 0;
		V->regs.cr3 = 0x10000 + (seed >> 50 & 7) * 0x1000 + (seed >> 45 & 0xFE0);
		(void)!walk((u64)((s64)(seed << 16) >> 16), seed >> 33 & 0x16, &out, &fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_paging),   cmocka_unit_test(legacy),
		cmocka_unit_test(pae),         cmocka_unit_test(long_mode),
		cmocka_unit_test(large_pages), cmocka_unit_test(five_levels),
		cmocka_unit_test(dirty),       cmocka_unit_test(copies),
		cmocka_unit_test(leaf_types),  cmocka_unit_test(fetch),
		cmocka_unit_test(trails),      cmocka_unit_test(wild_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
