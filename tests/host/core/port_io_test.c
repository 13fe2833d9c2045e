/* SPDX-License-Identifier: BSD-2-Clause */
/* Port accesses: widths, strings in both directions and all address sizes, restarts, faults. */
// links: core/port_io.c core/nested_fault.c core/insn.c core/guest_access.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/control_domain.h>
#include <core/cpuid.h>
#include <core/guest_access.h>
#include <core/mm/p2m.h>
#include <core/run.h>
#include <guest_paging.h>
#include <xen/errno.h>

#define V      (&env_vcpu[0])
#define R      (V->regs)
#define RIP    0x20000u
#define NEXT   (RIP + 2)
#define BUFFER 0x30000u
#define DF     0x400u
#define HIGH   0xABCD000000000000ull

static char text[65536];
static size_t text_length;
static struct hvm_exit x;

/* --- what is not under test --- */

struct cpuid_limits cpuid_limits = {.phys_bits = 40};
static unsigned int debug_busy; /* times that it is */
size_t domain_debug_text(struct domain *d, const char *s, size_t n)
{
	assert_ptr_equal(d, &env_domain);
	if (debug_busy) {
		debug_busy--;
		return 0;
	}
	memcpy(text + text_length, s, n);
	text_length += n;
	return n;
}
int vcpu_skip(struct vcpu *v, const struct hvm_exit *exit)
{
	v->regs.rip += exit->insn_length;
	v->int_shadow = 0;
	return 0;
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
	(void)d;
	(void)g;
	return (struct ept_leaf){0};
}
bool control_domain_map_device(gpa_t at)
{
	(void)at;
	return false;
}
bool vapic_mmio_active(const struct vcpu *v)
{
	(void)v;
	return false;
}
u64 vapic_mmio_read(struct vcpu *v, u32 offset, unsigned int width)
{
	(void)v;
	return offset + width;
}
void vapic_mmio_write(struct vcpu *v, u32 offset, unsigned int width, u64 value)
{
	(void)v;
	(void)offset;
	(void)width;
	(void)value;
}

/* --- one instruction --- */

static void start(const char *code)
{
	env_reset(1, false);
	paging_on();
	text_length = 0;
	R.rip = RIP;
	memcpy(env_at(RIP), code, strlen(code));
	x = (struct hvm_exit){.reason = EXIT_io, .insn_length = 2};
	x.u.io.port = 0xE9;
	x.u.io.width = 1;
	V->int_shadow = 1;
}

static void go(void)
{
	port_io_exit(V, &x);
	assert_int_equal(env_maps, 0);
}

/* REP OUTS (or INS) of count elements at BUFFER. */
static void string(bool in, unsigned int width, unsigned int address_bytes, u64 count)
{
	start(in ? "\xF3\x6C" : "\xF3\x6E");
	x.u.io.in = in;
	x.u.io.width = (u8)width;
	x.u.io.string = x.u.io.rep = true;
	x.u.io.address_bytes = (u8)address_bytes;
	x.u.io.next_rip = NEXT;
	R.gpr[in ? GPR_RDI : GPR_RSI] = BUFFER;
	R.gpr[GPR_RCX] = count;
	for (u32 i = 0; i < 0x10000; i++)
		((u8 *)env_at(BUFFER))[i] = (u8)(i % 251);
}

static void expect_fault(u8 vector, u32 error, u64 address)
{
	assert_true(env_raised.valid);
	assert_int_equal(env_raised.vector, vector);
	assert_int_equal(env_raised.error, error);
	if (vector == X86_PF)
		assert_int_equal(env_fault_address, address);
	assert_int_equal(R.rip, RIP);
}

static void plain_in(void **state)
{
	static const struct {
		u16 port;
		u8 width;
		u64 want;
	} in[] = {
		{0x3F8, 1, 0x11223344556677FF},
		{0x3F8, 2, 0x112233445566FFFF},
		{0x3F8, 4, 0xFFFFFFFF},
		{0xE9, 1, 0x11223344556677FF},
		{0x40, 1, 0x1122334455667700},
		{0x43, 1, 0x1122334455667700},
		{0x44, 1, 0x11223344556677FF},
		{0x61, 1, 0x1122334455667700},
		{0x42, 4, 0},
		{0xFFFF, 4, 0xFFFFFFFF},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		start("\xEC");
		R.gpr[GPR_RAX] = 0x1122334455667788;
		x.u.io.in = true;
		x.u.io.port = in[i].port;
		x.u.io.width = in[i].width;
		x.insn_length = i % 2 ? 1 : 0;
		x.u.io.next_rip = i % 2 ? 0 : RIP + 1;
		go();
		assert_true(R.gpr[GPR_RAX] == in[i].want);
		assert_int_equal(R.rip, RIP + 1);
		assert_int_equal(V->int_shadow, 0);
	}
	assert_int_equal(text_length, 0);
}

static void plain_out(void **state)
{
	(void)state;
	start("\xEE");
	R.gpr[GPR_RAX] = 0x44434241;
	for (unsigned int width = 1; width <= 4; width *= 2) {
		x.u.io.width = (u8)width;
		go();
	}
	assert_memory_equal(text, "AABABCD", 7);
	assert_int_equal(text_length, 7);
	x.u.io.port = 0x80;
	go();
	assert_int_equal(text_length, 7);
	assert_int_equal(R.gpr[GPR_RAX], 0x44434241);
}

static void outs(void **state)
{
	(void)state;
	for (unsigned int width = 1; width <= 4; width *= 2)
		for (unsigned int bytes = 4; bytes <= 8; bytes += 4) {
			string(false, width, bytes, 10);
			do /* a piece ends with a line */
				go();
			while (R.rip == RIP);
			assert_int_equal(text_length, 10 * width);
			assert_memory_equal(text, env_at(BUFFER), text_length);
			assert_int_equal(R.gpr[GPR_RSI], BUFFER + 10 * width);
			assert_int_equal(R.gpr[GPR_RCX], 0);
			assert_int_equal(R.rip, NEXT);
			assert_int_equal(V->int_shadow, 0);
		}
	/* Backwards: from the given element down. */
	string(false, 2, 8, 3);
	R.rflags |= DF;
	R.gpr[GPR_RSI] = BUFFER + 4;
	go();
	assert_memory_equal(text, "\4\5\2\3\0\1", 6);
	assert_int_equal(R.gpr[GPR_RSI], BUFFER - 2);

	/* One, without the prefix: RCX means nothing. */
	string(false, 4, 8, HIGH);
	x.u.io.rep = false;
	go();
	assert_int_equal(text_length, 4);
	assert_true(R.gpr[GPR_RCX] == HIGH && R.gpr[GPR_RSI] == BUFFER + 4 && R.rip == NEXT);

	/* Other ports swallow it, in the same time. */
	string(false, 4, 8, 64);
	x.u.io.port = 0x3F8;
	go();
	assert_true(text_length == 0 && R.gpr[GPR_RSI] == BUFFER + 256 && R.rip == NEXT);
}

static void ins(void **state)
{
	const u8 *p;

	(void)state;
	for (unsigned int width = 1; width <= 4; width *= 2) {
		string(true, width, 8, 5);
		go();
		p = env_at(BUFFER);
		for (unsigned int i = 0; i < 5 * width; i++)
			assert_int_equal(p[i], 0xFF);
		assert_int_equal(p[5 * width], 5 * width);
		assert_int_equal(R.gpr[GPR_RDI], BUFFER + 5 * width);
		assert_int_equal(R.rip, NEXT);
	}
	string(true, 2, 8, 2);
	x.u.io.port = 0x40; /* reads as zero */
	R.rflags |= DF;
	R.gpr[GPR_RDI] = BUFFER + 0x1001;
	go();
	p = env_at(BUFFER + 0xFFF);
	assert_memory_equal(p, "\0\0\0\0", 4); /* over the page's end */
	assert_int_equal(R.gpr[GPR_RDI], BUFFER + 0xFFD);
}

static void address_sizes(void **state)
{
	(void)state;
	/* 16 bits: wraps, and the registers' other bits stay. */
	string(false, 1, 2, HIGH | 4);
	env_code_bits = 16;
	R.seg[SEG_DS].base = BUFFER;
	R.gpr[GPR_RSI] = HIGH | 0xFFFE;
	go();
	assert_memory_equal(text, "\x17\x18\0\1", 4); /* 65534 % 251 */
	assert_true(R.gpr[GPR_RSI] == (HIGH | 2) && R.gpr[GPR_RCX] == HIGH);

	/* 32 bits: the registers' upper halves are cleared, as by each write of a 32-bit register.
	 */
	string(false, 1, 4, HIGH | 4);
	R.gpr[GPR_RSI] = HIGH | BUFFER;
	go();
	assert_true(text_length == 4 && R.gpr[GPR_RSI] == BUFFER + 4 && R.gpr[GPR_RCX] == 0);

	/* A CPU that does not report it: by the instruction, 64 bits and with the prefix 32. */
	string(false, 1, 0, 4);
	go();
	assert_true(text_length == 4 && R.gpr[GPR_RSI] == BUFFER + 4 && R.gpr[GPR_RCX] == 0);
	string(false, 1, 0, HIGH | 4);
	memcpy(env_at(RIP), "\x67\xF3\x6E", 3);
	go();
	assert_true(text_length == 4 && R.gpr[GPR_RSI] == BUFFER + 4 && R.gpr[GPR_RCX] == 0);

	/* A count that is zero at its size moves nothing. */
	string(false, 1, 4, HIGH);
	go();
	assert_true(text_length == 0 && R.gpr[GPR_RSI] == BUFFER && R.rip == NEXT);
	string(true, 4, 2, 0x10000);
	go();
	assert_true(R.gpr[GPR_RDI] == BUFFER && R.gpr[GPR_RCX] == 0x10000 && R.rip == NEXT);
}

static void segments(void **state)
{
	(void)state;
	/* 64-bit mode: only FS and GS have a base. */
	string(false, 1, 8, 1);
	R.seg[SEG_DS].base = 0x1000;
	R.seg[SEG_FS].base = 7;
	go();
	assert_int_equal(text[0], 0);
	string(false, 1, 8, 1);
	memcpy(env_at(RIP), "\x64\xF3\x6E", 3);
	R.seg[SEG_FS].base = 7;
	go();
	assert_int_equal(text[0], 7);
	string(true, 1, 8, 1); /* never for INS */
	memcpy(env_at(RIP), "\x64\xF3\x6C", 3);
	R.seg[SEG_FS].base = 7;
	go();
	assert_int_equal(*(u8 *)env_at(BUFFER), 0xFF);

	/* Elsewhere: DS or the prefix; ES for INS; and linear addresses have 32 bits. */
	string(false, 1, 4, 1);
	env_code_bits = 32;
	R.seg[SEG_DS].base = 5;
	go();
	assert_int_equal(text[0], 5);
	string(false, 1, 4, 1);
	env_code_bits = 32;
	memcpy(env_at(RIP), "\x2E\xF3\x6E", 3);
	R.seg[SEG_CS].base = 9; /* which moves the code too */
	memmove((u8 *)env_at(RIP) + 9, env_at(RIP), 3);
	go();
	assert_int_equal(text[0], 9);
	string(true, 1, 4, 1);
	env_code_bits = 32;
	R.seg[SEG_ES].base = 0xFFFFF000;
	R.gpr[GPR_RDI] = BUFFER + 0x1003;
	go();
	assert_int_equal(((u8 *)env_at(BUFFER))[3], 0xFF);
	assert_int_equal(((u8 *)env_at(BUFFER))[0x1003], 0x1003 % 251);
}

static void restarts(void **state)
{
	unsigned int pieces;

	(void)state;
	string(false, 1, 8, 1000);
	memset(env_at(BUFFER), 'x', 1000);
	for (pieces = 1; go(), R.rip != NEXT; pieces++) {
		assert_int_equal(R.rip, RIP);
		assert_int_equal(text_length, pieces * 256);
		assert_int_equal(R.gpr[GPR_RCX], 1000 - pieces * 256);
		assert_int_equal(R.gpr[GPR_RSI], BUFFER + pieces * 256);
	}
	assert_int_equal(pieces, 4);
	assert_memory_equal(text, env_at(BUFFER), 1000);

	string(true, 4, 8, 65);
	go();
	assert_true(R.rip == RIP && R.gpr[GPR_RCX] == 1);
	go();
	assert_true(R.rip == NEXT && R.gpr[GPR_RCX] == 0 && R.gpr[GPR_RDI] == BUFFER + 260);
	string(true, 4, 8, 64); /* exactly one piece */
	go();
	assert_true(R.rip == NEXT && R.gpr[GPR_RCX] == 0);
}

/* Another vCPU's line is on its way: the instruction runs again later, and a piece ends with a
 * line.
 */
static void debug_port_waits(void **state)
{
	(void)state;
	start("\xEE");
	R.gpr[GPR_RAX] = 'x';
	debug_busy = 2;
	go();
	go();
	assert_true(text_length == 0 && R.rip == RIP);
	go();
	assert_true(text_length == 1 && R.rip == NEXT);
	string(false, 1, 8, 30);
	debug_busy = 1;
	go();
	assert_true(text_length == 0 && R.rip == RIP && R.gpr[GPR_RCX] == 30);
	go();
	assert_true(text_length == 11 && text[10] == '\n' && R.rip == RIP);
	assert_true(R.gpr[GPR_RCX] == 19 && R.gpr[GPR_RSI] == BUFFER + 11);
	go();
	assert_true(text_length == 30 && R.rip == NEXT);
}

static void faults(void **state)
{
	(void)state;
	/* Progress up to the fault is kept; the rest runs when the guest has mapped the page. */
	string(false, 1, 8, 20);
	R.gpr[GPR_RSI] = BUFFER + 0xFF0;
	paging_map(BUFFER + 0x1000, 0, 0);
	go();
	expect_fault(X86_PF, 0, BUFFER + 0x1000);
	assert_true(text_length == 16 && R.gpr[GPR_RCX] == 4 && R.gpr[GPR_RSI] == BUFFER + 0x1000);
	paging_map(BUFFER + 0x1000, BUFFER + 0x1000, PAGING_W);
	env_raised.valid = false;
	go();
	assert_true(text_length == 20 && R.rip == NEXT && !env_raised.valid);

	/* An element over the end of a page: the second one faults, nothing was written. */
	string(true, 4, 8, 1);
	R.gpr[GPR_RDI] = BUFFER + 0xFFE;
	paging_map(BUFFER + 0x1000, 0, 0);
	go();
	expect_fault(X86_PF, ACCESS_WRITE, BUFFER + 0x1000);
	assert_int_equal(*(u8 *)env_at(BUFFER + 0xFFE), 0xFFE % 251);

	/* Rights: read-only pages, and the kernel's pages for a process that may use the port. */
	string(true, 1, 8, 1);
	paging_map(BUFFER, BUFFER, PAGING_U);
	go();
	expect_fault(X86_PF, ACCESS_WRITE | 1, BUFFER);
	string(true, 1, 8, 1);
	paging_map(BUFFER, BUFFER, PAGING_W);
	env_cpl = 3;
	go();
	expect_fault(X86_PF, ACCESS_WRITE | ACCESS_USER | 1, BUFFER);
	string(false, 1, 8, 1);
	paging_map(BUFFER, BUFFER, PAGING_W);
	env_cpl = 3;
	go();
	expect_fault(X86_PF, ACCESS_USER | 1, BUFFER);
	assert_int_equal(text_length, 0);

	string(false, 1, 8, 3);
	R.gpr[GPR_RSI] = 0x0000800000000000;
	go();
	expect_fault(X86_GP, 0, 0);
	assert_int_equal(R.gpr[GPR_RCX], 3);
	string(true, 1, 8, 3); /* mapped, to where nothing is */
	paging_map(BUFFER, 0x10000000, PAGING_W | PAGING_U);
	go();
	expect_fault(X86_GP, 0, 0);
	string(false, 1, 8, 3); /* the code is gone */
	paging_map(RIP, 0, 0);
	go();
	expect_fault(X86_PF, ACCESS_FETCH, RIP);
	assert_int_equal(text_length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_in),
		cmocka_unit_test(plain_out),
		cmocka_unit_test(outs),
		cmocka_unit_test(ins),
		cmocka_unit_test(address_sizes),
		cmocka_unit_test(segments),
		cmocka_unit_test(restarts),
		cmocka_unit_test(faults),
		cmocka_unit_test(debug_port_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
