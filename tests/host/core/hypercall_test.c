/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall dispatch: who may call what, where RIP stands meanwhile, restarts; and the
 * sub-operations whose arguments are copied. */
// links: core/hypercall.c core/hypercall_op.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/guest_access.h>
#include <core/hypercall.h>
#include <vcpu_env.h>
#include <xen/errno.h>
#include <xen/hypercall.h>

#define V   (&env_vcpu[0])
#define GPR (V->regs.gpr)
#define RIP 0xFFFFFFFF81000000ull

static unsigned int called[HYPERCALL_COUNT], skips;
static u64 args[3], rip_inside;
static s64 answer;
static unsigned int pieces; /* restarts before the answer */
static bool skip_fails;

/* --- what is called --- */

static s64 note(struct vcpu *v, unsigned int number)
{
	called[number]++;
	args[0] = v->regs.gpr[GPR_RDI];
	args[1] = v->regs.gpr[GPR_RSI];
	args[2] = v->regs.gpr[GPR_RDX];
	rip_inside = v->regs.rip;
	if (pieces == 0)
		return answer;
	pieces--;
	return hypercall_again(v, hypercall_start(args[0]) + 5);
}
#define OP(name)                                   \
	s64 do_##name(struct vcpu *v)              \
	{                                          \
		return note(v, HYPERVISOR_##name); \
	}
OP(memory_op)
OP(set_timer_op)
OP(xen_version)
OP(console_io)
OP(grant_table_op)
OP(vm_assist)
OP(vcpu_op)
OP(sched_op)
OP(event_channel_op)
OP(hvm_op)
OP(plinth_control)

int vcpu_skip(struct vcpu *v, const struct hvm_exit *exit)
{
	skips++;
	if (skip_fails)
		return -XEN_EFAULT;
	v->regs.rip += exit->insn_length;
	v->int_shadow = 0;
	return 0;
}

static u8 memory[256];

static bool reachable(gva_t at, size_t n)
{
	return at.v <= sizeof(memory) && n <= sizeof(memory) - at.v;
}
int copy_from_guest(struct vcpu *v, void *dst, gva_t src, size_t n)
{
	(void)v;
	if (!reachable(src, n))
		return -XEN_EFAULT;
	memcpy(dst, memory + src.v, n);
	return 0;
}
int copy_to_guest(struct vcpu *v, gva_t dst, const void *src, size_t n)
{
	(void)v;
	if (!reachable(dst, n) || dst.v == 128) /* read-only there */
		return -XEN_EFAULT;
	memcpy(memory + dst.v, src, n);
	return 0;
}

/* --- */

static void start(void)
{
	env_reset(1, false);
	memset(called, 0, sizeof(called));
	skips = pieces = 0;
	answer = 0;
	skip_fails = false;
	V->int_shadow = 1;
	V->regs.rip = RIP;
}

static void call(u64 number)
{
	struct hvm_exit x = {.reason = EXIT_hypercall, .insn_length = 3};

	for (unsigned int i = 0; i < GPR_COUNT; i++)
		if (i != GPR_RDI)
			GPR[i] = 0x1111111111111111ull * i;
	GPR[GPR_RAX] = number;
	hypercall_exit(V, &x);
}

static unsigned int total(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < HYPERCALL_COUNT; i++)
		n += called[i];
	return n;
}

static void by_number(void **state)
{
	static const u8 known[] = {12, 15, 17, 18, 20, 21, 24, 29, 32, 34, 48};
	u64 far[] = {64, 65, 128, 0xFFFFFFFF, 0x100000011ull, ~0ull, 1ull << 63};

	(void)state;
	for (u64 number = 0; number < HYPERCALL_COUNT; number++) {
		bool is_known = memchr(known, (int)number, sizeof(known)) != NULL;

		start();
		answer = 0x123456789 + (s64)number;
		GPR[GPR_RDI] = 7;
		call(number);
		assert_int_equal(total(), is_known);
		assert_int_equal(called[number], is_known);
		assert_true(GPR[GPR_RAX] == (is_known ? (u64)answer : (u64)-XEN_ENOSYS));
		assert_true(V->regs.rip == RIP + 3 && V->int_shadow == 0);
		/* All but the result is as before. */
		assert_int_equal(GPR[GPR_RDI], 7);
		for (unsigned int i = 0; i < GPR_COUNT; i++)
			if (i != GPR_RAX && i != GPR_RDI)
				assert_true(GPR[i] == 0x1111111111111111ull * i);
		if (is_known)
			assert_true(args[0] == 7 && args[1] == GPR[GPR_RSI] &&
				    args[2] == GPR[GPR_RDX] && rip_inside == RIP + 3);
	}
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		start();
		call(far[i]);
		assert_true(total() == 0 && GPR[GPR_RAX] == (u64)-XEN_ENOSYS);
	}
	start();
	answer = -XEN_EFAULT;
	call(HYPERVISOR_sched_op);
	assert_true(GPR[GPR_RAX] == (u64)-XEN_EFAULT);
}

static void who(void **state)
{
	(void)state;
	for (unsigned int cpl = 1; cpl <= 3; cpl++) {
		start();
		env_cpl = cpl;
		call(HYPERVISOR_xen_version);
		assert_true(total() == 0 && GPR[GPR_RAX] == (u64)-XEN_EPERM);
		assert_int_equal(V->regs.rip, RIP + 3);
	}
	for (unsigned int bits = 16; bits <= 32; bits += 16) {
		start();
		env_code_bits = bits;
		call(HYPERVISOR_xen_version);
		assert_true(total() == 0 && GPR[GPR_RAX] == (u64)-XEN_ENOSYS);
	}
	start(); /* the instruction cannot be read any more: a fault is queued, nothing is done */
	skip_fails = true;
	call(HYPERVISOR_xen_version);
	assert_true(total() == 0 && skips == 1 && GPR[GPR_RAX] == HYPERVISOR_xen_version);
	assert_true(V->regs.rip == RIP && V->int_shadow == 1);
}

static void restarts(void **state)
{
	static const u8 long_ones[] = {HYPERVISOR_memory_op, HYPERVISOR_grant_table_op,
				       HYPERVISOR_console_io, HYPERVISOR_event_channel_op};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(long_ones); k++) {
		start();
		answer = 9;
		pieces = 3;
		GPR[GPR_RDI] = 6;
		for (u64 i = 1; i <= 3; i++) {
			call(long_ones[k]);
			/* The instruction is as yet to be executed, registers and all. */
			assert_true(V->regs.rip == RIP && V->int_shadow == 1);
			assert_int_equal(GPR[GPR_RAX], long_ones[k]);
			assert_int_equal(GPR[GPR_RDI], 6 | (5 * i) << 6);
			assert_int_equal(rip_inside, RIP + 3);
		}
		call(long_ones[k]);
		assert_int_equal(hypercall_start(args[0]), 15);
		assert_int_equal(hypercall_cmd(args[0]), 6);
		assert_true(V->regs.rip == RIP + 3 && GPR[GPR_RAX] == 9 && GPR[GPR_RDI] == 6);
	}
	/* Elsewhere RDI is an address or a large number, and stays what it is. */
	start();
	GPR[GPR_RDI] = 0x123456789ABCDEFull;
	call(HYPERVISOR_set_timer_op);
	assert_true(GPR[GPR_RDI] == 0x123456789ABCDEFull);
	/* The last progress there can be. */
	GPR[GPR_RDI] = 3;
	(void)!hypercall_again(V, (1u << 26) - 1);
	assert_int_equal(hypercall_start(GPR[GPR_RDI]), (1u << 26) - 1);
	assert_int_equal(hypercall_cmd(GPR[GPR_RDI]), 3);
}

/* --- sub-operations --- */

static s64 result;
static unsigned int ops_called;

static s64 change(struct vcpu *v, void *arg)
{
	(void)v;
	ops_called++;
	assert_memory_equal(arg, "abcdefghijkl", 12);
	memcpy(arg, "ABCDEFGHIJKL", 12);
	return result;
}

static const struct hypercall_op ops[] = {
	[1] = {change, 12, HYPERCALL_OUT},
	[2] = {change, 12, 0},
	[3] = {change, 12, HYPERCALL_OUT | HYPERCALL_RESTARTS},
};

static s64 sub(u64 cmd, u64 at)
{
	memset(memory, '.', sizeof(memory));
	memcpy(memory + 16, "abcdefghijklm", 13);
	memcpy(memory + 128, "abcdefghijklm", 13);
	memcpy(memory + sizeof(memory) - 12, "abcdefghijkl", 12);
	GPR[GPR_RDI] = cmd;
	return hypercall_op(V, ops, ARRAY_SIZE(ops), at);
}

static void sub_operations(void **state)
{
	(void)state;
	start();
	ops_called = 0;
	result = 0;
	assert_int_equal(sub(1, 16), 0);
	assert_memory_equal(memory + 15, ".ABCDEFGHIJKLm", 14);
	assert_int_equal(sub(2, 16), 0);
	assert_memory_equal(memory + 15, ".abcdefghijklm", 14);
	assert_int_equal(sub(1, sizeof(memory) - 12), 0);
	assert_int_equal(sub(1, 128), -XEN_EFAULT); /* done, but the result has no place */
	assert_int_equal(ops_called, 4);
	result = 3;
	assert_int_equal(sub(1, 16), 3); /* nothing goes back but with success */
	assert_memory_equal(memory + 15, ".abcdefghijklm", 14);
	result = HYPERCALL_RESTART;
	assert_true(sub(3, 16) == HYPERCALL_RESTART);
	assert_memory_equal(memory + 15, ".abcdefghijklm", 14);

	ops_called = 0;
	assert_int_equal(sub(0, 16), -XEN_ENOSYS);
	assert_int_equal(sub(4, 16), -XEN_ENOSYS);
	assert_int_equal(sub(63, 16), -XEN_ENOSYS);
	assert_int_equal(sub(64 | 1, 16), -XEN_ENOSYS); /* keeps no progress */
	assert_int_equal(sub(1, sizeof(memory) - 11), -XEN_EFAULT);
	assert_int_equal(sub(1, ~0ull), -XEN_EFAULT);
	assert_int_equal(ops_called, 0);
	result = 0;
	assert_int_equal(sub(64 * 7 | 3, 16), 0);
	assert_int_equal(ops_called, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_number),
		cmocka_unit_test(who),
		cmocka_unit_test(restarts),
		cmocka_unit_test(sub_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
