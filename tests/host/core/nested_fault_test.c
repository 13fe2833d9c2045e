/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to guest-physical addresses without RAM: holes, the virtual APIC's page, operands that
 * straddle pages, read-only memory, and what is not emulated. */
// links: core/nested_fault.c core/insn.c core/guest_access.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <core/control_domain.h>
#include <core/cpuid.h>
#include <core/guest_access.h>
#include <core/insn.h>
#include <core/mm/p2m.h>
#include <core/run.h>
#include <guest_paging.h>
#include <xen/errno.h>

#define V    (&env_vcpu[0])
#define R    (V->regs)
#define RIP  0x20000u
#define RAM  0x30000u      /* linear and guest-physical */
#define HOLE 0x31000u      /* linear; behind it: */
#define GONE 0x10000000ull /* guest-physical */

struct cpuid_limits cpuid_limits = {.phys_bits = 40};
static bool apic_active, device;
static unsigned int apic_reads, apic_writes;
static struct {
	u32 offset;
	unsigned int width;
	u64 value;
} apic;

int vcpu_skip(struct vcpu *v, const struct hvm_exit *exit)
{
	(void)v;
	(void)exit;
	abort();
}
void vcpu_completed(struct vcpu *v)
{
	v->int_shadow = 0;
}
void vcpu_raise(struct vcpu *v, u8 vector)
{
	vcpu_raise_error(v, vector, 0);
}
struct ept_leaf p2m_lookup(struct domain *d, gfn_t g)
{
	struct ept_leaf leaf;

	read_lock(&d->p2m_lock);
	leaf = ept_lookup(&d->p2m, g);
	read_unlock(&d->p2m_lock);
	return leaf;
}
bool control_domain_map_device(gpa_t at)
{
	return device && at.v >= GONE;
}
bool vapic_mmio_active(const struct vcpu *v)
{
	(void)v;
	return apic_active;
}
u64 vapic_mmio_read(struct vcpu *v, u32 offset, unsigned int width)
{
	(void)v;
	apic_reads++;
	apic.offset = offset;
	return 0x0102030405060708ull & low_mask(width * 8);
}
void vapic_mmio_write(struct vcpu *v, u32 offset, unsigned int width, u64 value)
{
	(void)v;
	apic_writes++;
	apic.offset = offset;
	apic.width = width;
	apic.value = value;
}

static void start(void)
{
	env_reset(1, false);
	paging_on();
	R.rip = RIP;
	paging_map(HOLE, GONE, PAGING_W | PAGING_U);
	apic_active = true;
	device = false;
	apic_reads = apic_writes = 0;
	V->int_shadow = 1;
	R.gpr[GPR_RAX] = 0x1122334455667788;
	memset(env_at(RAM), 0x5A, PAGE_SIZE);
}

/* An instruction whose operand is at linear `at`, addressed by RBX. */
static void access(const char *code, size_t length, u64 at, u64 gpa_of, unsigned int how)
{
	struct hvm_exit x = {.reason = EXIT_npf, .u.npf = {gpa(gpa_of), how, false}};

	memcpy(env_at(RIP), code, length);
	R.gpr[GPR_RBX] = at;
	env_raised.valid = false;
	nested_fault_exit(V, &x);
	assert_int_equal(env_maps, 0);
	assert_int_equal(env_domain.p2m_lock.state, 0);
}
#define READ(code, at, gpa_of)  access(code, sizeof(code) - 1, at, gpa_of, EPT_R)
#define WRITE(code, at, gpa_of) access(code, sizeof(code) - 1, at, gpa_of, EPT_W)

static void expect_done(unsigned int length)
{
	assert_false(env_raised.valid);
	assert_int_equal(R.rip, RIP + length);
	assert_int_equal(V->int_shadow, 0);
	R.rip = RIP;
	V->int_shadow = 1;
}
static void expect_raised(u8 vector, u32 error)
{
	assert_true(env_raised.valid);
	assert_int_equal(env_raised.vector, vector);
	assert_int_equal(env_raised.error, error);
	assert_int_equal(R.rip, RIP);
}

static void holes(void **state)
{
	(void)state;
	start();
	READ("\x8A\x03", HOLE + 5, GONE + 5); /* mov (%rbx),%al */
	expect_done(2);
	assert_true(R.gpr[GPR_RAX] == 0x11223344556677FF);
	READ("\x66\x8B\x03", HOLE + 6, GONE + 6);
	expect_done(3);
	assert_true(R.gpr[GPR_RAX] == 0x112233445566FFFF);
	READ("\x8B\x03", HOLE + 8, GONE + 8);
	expect_done(2);
	assert_true(R.gpr[GPR_RAX] == 0xFFFFFFFF);
	READ("\x48\x8B\x03", HOLE, GONE); /* at the page's start: the address is worked out */
	expect_done(3);
	assert_true(R.gpr[GPR_RAX] == ~0ull);
	READ("\x0F\xB6\x03", HOLE + 0xFFF, GONE + 0xFFF); /* movzbl */
	expect_done(3);
	assert_int_equal(R.gpr[GPR_RAX], 0xFF);
	WRITE("\x89\x03", HOLE + 0xFFC, GONE + 0xFFC);
	expect_done(2);
	WRITE("\xF0\x01\x03", HOLE + 8, GONE + 8); /* lock add: all ones plus 0xFF */
	expect_done(3);
	assert_true(R.rflags & 1);             /* carry */
	WRITE("\x87\x03", HOLE + 8, GONE + 8); /* xchg */
	expect_done(2);
	assert_int_equal(R.gpr[GPR_RAX], 0xFFFFFFFF);
	assert_int_equal(apic_reads + apic_writes, 0);

	env_code_bits = 32; /* EIP wraps */
	R.efer = 0;
	R.cr0 = CR0_PE;
	R.seg[SEG_CS].base = RIP + 2;
	R.rip = 0xFFFFFFFE;
	READ("\x8B\x03", GONE + 4, GONE + 4);
	assert_false(env_raised.valid);
	assert_int_equal(R.rip, 0);
}

static void apic_page(void **state)
{
	(void)state;
	start();
	paging_map(HOLE, VAPIC_BASE, PAGING_W);
	READ("\x8B\x03", HOLE + 0x20, VAPIC_BASE + 0x20);
	expect_done(2);
	assert_true(apic.offset == 0x20 && apic_reads == 1 && R.gpr[GPR_RAX] == 0x05060708);
	R.gpr[GPR_RAX] = 0xABCD;
	WRITE("\x89\x03", HOLE + 0xB0, VAPIC_BASE + 0xB0);
	expect_done(2);
	assert_true(apic.offset == 0xB0 && apic.width == 4 && apic.value == 0xABCD);
	WRITE("\xC7\x43\x30\x78\x56\x34\x12", HOLE + 0x2D0, VAPIC_BASE + 0x300);
	expect_done(7);
	assert_true(apic.offset == 0x300 && apic.value == 0x12345678 && apic_writes == 2);
	assert_int_equal(apic_reads, 1);             /* a plain store does not read */
	WRITE("\xC7\x03\1\0\0\0", HOLE, VAPIC_BASE); /* offset 0 is nothing special */
	expect_done(6);
	assert_int_equal(apic_writes, 3);
	WRITE("\x83\x0B\x02", HOLE + 0x80, VAPIC_BASE + 0x80); /* or $2: one read, one write */
	expect_done(3);
	assert_true(apic_reads == 2 && apic_writes == 4 && apic.value == 0x0506070A);

	apic_active = false; /* x2APIC mode, or off: a hole */
	READ("\x8B\x03", HOLE + 0x20, VAPIC_BASE + 0x20);
	expect_done(2);
	WRITE("\x89\x03", HOLE + 0x20, VAPIC_BASE + 0x20);
	expect_done(2);
	assert_true(R.gpr[GPR_RAX] == 0xFFFFFFFF && apic_reads == 2 && apic_writes == 4);
}

static void straddling(void **state)
{
	u8 *ram = env_at(RAM);

	(void)state;
	/* RAM below, a hole above; the processor reports the hole's first byte. */
	start();
	READ("\x48\x8B\x03", HOLE - 3, GONE);
	expect_done(3);
	assert_true(R.gpr[GPR_RAX] == 0xFFFFFFFFFF5A5A5A);
	R.gpr[GPR_RAX] = 0x0807060504030201;
	WRITE("\x48\x89\x03", HOLE - 3, GONE);
	expect_done(3);
	assert_memory_equal(ram + 0xFFC, "\x5A\1\2\3", 4);

	/* A hole below, RAM above. */
	paging_map(RAM + 0x2000, RAM, PAGING_W);
	memset(ram, 0x66, 8);
	READ("\x8B\x03", HOLE + 0xFFE, GONE + 0xFFE);
	expect_done(2);
	assert_int_equal(R.gpr[GPR_RAX], 0x6666FFFF);
	R.gpr[GPR_RAX] = 0x04030201;
	WRITE("\x89\x03", HOLE + 0xFFE, GONE + 0xFFE);
	expect_done(2);
	assert_memory_equal(ram, "\3\4\x66", 3);

	/* Pages that are neighbours by linear address only, and a change in place. */
	ram[0] = 0xFF;
	ram[1] = 0;
	R.gpr[GPR_RAX] = 2;
	WRITE("\x01\x03", HOLE + 0xFFE, GONE + 0xFFE); /* 0x00FFFFFF + 2 */
	expect_done(2);
	assert_memory_equal(ram, "\0\1", 2);

	/* Two holes. The APIC's registers are whole words: pieces reach nothing. */
	start();
	paging_map(HOLE + 0x1000, VAPIC_BASE, PAGING_W);
	READ("\x8B\x03", HOLE + 0xFFF, GONE + 0xFFF);
	expect_done(2);
	assert_true((R.gpr[GPR_RAX] & 0xFF) == 0xFF && apic_reads == 3);
	WRITE("\x89\x03", HOLE + 0xFFF, GONE + 0xFFF);
	expect_done(2);
	assert_int_equal(apic.width, 1);
}

static void straddling_faults(void **state)
{
	u8 *ram = env_at(RAM);

	(void)state;
	/* The page above is not mapped, or not for this: the fault names it, and nothing changed.
	 */
	start();
	paging_map(HOLE + 0x1000, 0, 0);
	READ("\x8B\x03", HOLE + 0xFFE, GONE + 0xFFE);
	expect_raised(X86_PF, 0);
	assert_int_equal(env_fault_address, HOLE + 0x1000);
	WRITE("\x89\x03", HOLE + 0xFFE, GONE + 0xFFE);
	expect_raised(X86_PF, ACCESS_WRITE);
	assert_true(R.gpr[GPR_RAX] == 0x1122334455667788 && V->int_shadow == 1);

	start();
	paging_map(HOLE, GONE, PAGING_U); /* RAM below, a read-only page above */
	WRITE("\x01\x03", HOLE - 2, GONE);
	expect_raised(X86_PF, ACCESS_WRITE | 1);
	assert_int_equal(env_fault_address, HOLE);
	assert_memory_equal(ram + 0xFFE, "\x5A\x5A", 2);
	assert_int_equal(R.rflags, 2);

	/* A process cannot reach the kernel's page next to its own. */
	start();
	env_cpl = 3;
	paging_map(RAM, RAM, PAGING_W);
	WRITE("\x89\x03", HOLE - 2, GONE);
	expect_raised(X86_PF, ACCESS_USER | ACCESS_WRITE | 1);
	assert_int_equal(env_fault_address, HOLE - 2);
	READ("\x8B\x03", HOLE - 2, GONE);
	expect_raised(X86_PF, ACCESS_USER | 1);
	assert_memory_equal(ram + 0xFFE, "\x5A\x5A", 2);

	start();
	READ("\x8B\x03", 0x00007FFFFFFFFFFE, GONE); /* the tables changed meanwhile */
	expect_raised(X86_PF, 0);
	READ("\x8B\x03", 0x00007FFFFFFFFFFF + 1, GONE + 0xFFE);
	expect_done(2);
}

/* Memory that cannot be written: a write vanishes, what it reads is there. */
static void read_only(void **state)
{
	(void)state;
	start();
	env_map(0x8000, ENV_FIRST + (RAM >> PAGE_SHIFT), 0, EPT_R, EPT_TYPE_grant);
	paging_map(HOLE, 0x8000000, PAGING_W);
	R.gpr[GPR_RAX] = 1;
	WRITE("\x87\x03", HOLE + 8, 0x8000008); /* xchg */
	expect_done(2);
	assert_int_equal(R.gpr[GPR_RAX], 0x5A5A5A5A);
	WRITE("\x89\x03", HOLE + 8, 0x8000008);
	expect_done(2);
	WRITE("\x01\x03", HOLE - 2, 0x8000000); /* straddles into it */
	expect_done(2);
	assert_memory_equal((u8 *)env_at(RAM), "\x5A\x5A\x5A\x5A\x5A\x5A\x5A\x5A\x5A\x5A", 10);
	assert_memory_equal((u8 *)env_at(RAM) + 0xFFE, "\xB4\xB4", 2);
}

static void try_again(void **state)
{
	(void)state;
	start(); /* another vCPU was first: the page is there, with the right */
	READ("\x8B\x03", RAM, RAM);
	assert_true(!env_raised.valid && R.rip == RIP && R.gpr[GPR_RAX] == 0x1122334455667788);
	assert_int_equal(V->int_shadow, 1);

	env_domain.control = true; /* a device, mapped just now */
	device = true;
	READ("\x8B\x03", HOLE, GONE);
	assert_true(!env_raised.valid && R.rip == RIP);
	device = false;
	READ("\x8B\x03", HOLE, GONE);
	expect_done(2);
	env_domain.control = false; /* never for others */
	device = true;
	READ("\x8B\x03", HOLE, GONE);
	expect_done(2);
}

static void strings(void **state)
{
	(void)state;
	start();
	/* Out of a hole: all ones; the last one moves RIP on. */
	R.gpr[GPR_RSI] = HOLE + 8;
	R.gpr[GPR_RDI] = RAM + 1;
	R.gpr[GPR_RCX] = 100;
	memset(env_at(RAM), 0, 128);
	for (unsigned int i = 0; i < 2; i++) { /* a piece is 64 */
		assert_int_equal(R.rip, RIP);
		READ("\xF3\xA4", 0, GONE + 8); /* rep movsb */
	}
	expect_done(2);
	for (unsigned int i = 0; i < 128; i++)
		assert_int_equal(((u8 *)env_at(RAM))[i], i >= 1 && i <= 100 ? 0xFF : 0);
	assert_true(R.gpr[GPR_RCX] == 0 && R.gpr[GPR_RSI] == HOLE + 108);
	assert_true(R.gpr[GPR_RDI] == RAM + 101);
	/* Into one, backwards, one element. */
	R.gpr[GPR_RDI] = HOLE + 16;
	R.rflags |= 0x400;
	WRITE("\x48\xAB", 0, GONE + 16); /* stosq */
	expect_done(2);
	assert_true(R.gpr[GPR_RDI] == HOLE + 8);
	R.rflags &= ~0x400ull;
	/* The other operand faults: what was done before stays done. */
	R.gpr[GPR_RSI] = HOLE;
	R.gpr[GPR_RDI] = 0x7000000;
	READ("\xA4", 0, GONE);
	assert_true(env_raised.valid && env_raised.vector == X86_PF && R.rip == RIP);
	assert_true(R.gpr[GPR_RSI] == HOLE);
}

static void not_emulated(void **state)
{
	struct hvm_exit x = {.reason = EXIT_npf, .u.npf = {gpa(GONE), EPT_R | EPT_X, false}};

	(void)state;
	start();
	nested_fault_exit(V, &x);
	expect_raised(X86_UD, 0);         /* code of all ones */
	READ("\x0F\x28\x03", HOLE, GONE); /* movaps */
	expect_raised(X86_GP, 0);
	WRITE("\xF0\x89\x03", HOLE, GONE); /* lock mov */
	expect_raised(X86_GP, 0);
	READ("\x06\x06", HOLE, GONE); /* not an instruction in 64-bit mode */
	expect_raised(X86_GP, 0);
	READ("\xC4\xE1\x78\x28\x03", HOLE, GONE); /* vmovaps */
	expect_raised(X86_GP, 0);

	paging_map(RIP, 0, 0); /* no code */
	READ("\x8B\x03", HOLE, GONE);
	expect_raised(X86_PF, ACCESS_FETCH);

	/* The guest's own walk met the hole. */
	start();
	x.u.npf.access = EPT_R;
	x.u.npf.table_walk = true;
	nested_fault_exit(V, &x);
	expect_raised(X86_PF, 9);
}

/* Any bytes as code, any operand: no access beyond the guest, and either a step or a fault. */
static void any_code(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	start();
	paging_map(HOLE + 0x1000, VAPIC_BASE, PAGING_W);
	for (unsigned int round = 0; round < 300000; round++) {
		static const u8 opcodes[] = {0x00, 0x01, 0x03, 0x80, 0x81, 0x83, 0x84, 0x86,
					     0x87, 0x88, 0x89, 0x8A, 0x8B, 0xC6, 0xC7, 0xA0,
					     0xA1, 0xA3, 0xF6, 0xF7, 0xFE, 0xFF, 0x0F, 0x63};
		static const unsigned int modes[] = {16, 32, 64};
		u64 rip = R.rip, offset = seed >> 33 & 0x1FFF;
		char code[16];

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		for (unsigned int i = 0; i < sizeof(code); i++)
			code[i] = (char)(seed >> (i * 7 % 57));
		code[seed >> 60 & 1] = (char)opcodes[(seed >> 11) % ARRAY_SIZE(opcodes)];
		R.rip = rip = RIP;
		R.rflags = 2;
		env_code_bits = modes[(seed >> 5) % 3];
		for (unsigned int i = 0; i < GPR_COUNT; i++)
			R.gpr[i] = HOLE + offset;
		access(code, sizeof(code), HOLE + offset,
		       offset < PAGE_SIZE ? GONE + offset : VAPIC_BASE + offset - PAGE_SIZE,
		       seed >> 40 & 1 ? EPT_W : EPT_R);
		assert_true(env_raised.valid ? R.rip == rip
					     : R.rip > rip && R.rip <= rip + INSN_MAX_LENGTH);
		assert_true(*(u64 *)env_at(0x1000) >> 12 == 2); /* its tables are whole */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes),      cmocka_unit_test(apic_page),
		cmocka_unit_test(straddling), cmocka_unit_test(straddling_faults),
		cmocka_unit_test(read_only),  cmocka_unit_test(try_again),
		cmocka_unit_test(strings),    cmocka_unit_test(not_emulated),
		cmocka_unit_test(any_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
