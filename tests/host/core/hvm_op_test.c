/* SPDX-License-Identifier: BSD-2-Clause */
/* hvm_op, xen_version, vm_assist, console_io, and guests' text in the log. */
// links: core/hvm_op.c core/version.c core/console_io.c core/debug_text.c tests/fake/core_fake.c
// links: core/event.c core/event_port.c core/grant.c core/grant_map.c core/grant_copy.c
// links: core/hypercall_op.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <call.h>
#include <core_fake.h>
#include <xen/errno.h>

static struct domain *d0, *d1;

static int set_up(void **state)
{
	(void)state;
	fake_now = 1;
	d0 = fake_domain_new(0, 1);
	d1 = fake_domain_new(1, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

static s64 param(struct domain *d, u32 op, domid_t dom, u32 index, u64 *value)
{
	struct xen_hvm_param p = {.domid = dom, .index = index, .value = *value};
	s64 r;

	memcpy(fake_buffer, &p, sizeof(p));
	r = fake_call(do_hvm_op, d->vcpu[0], op, fake_gva(0), 0);
	memcpy(&p, fake_buffer, sizeof(p));
	*value = p.value;
	return r;
}

static s64 set(struct domain *d, domid_t dom, u32 index, u64 value)
{
	return param(d, HVMOP_set_param, dom, index, &value);
}

static s64 get(struct domain *d, domid_t dom, u32 index)
{
	u64 value = 0;
	s64 r = param(d, HVMOP_get_param, dom, index, &value);

	return r ? r : (s64)value;
}

static void params_of_a_guest(void **state)
{
	static const u32 readable[] = {0, 1, 2, 17, 18};

	(void)state;
	for (u32 i = 0; i < 64; i++) {
		bool ok = false;

		for (size_t k = 0; k < ARRAY_SIZE(readable); k++)
			ok |= readable[k] == i;
		assert_int_equal(get(d1, DOMID_SELF, i),
				 i >= 39 ? -XEN_EINVAL : (ok ? 0 : -XEN_EPERM));
		assert_int_equal(get(d1, 0, i), i >= 39 ? -XEN_EINVAL : -XEN_EPERM);
	}
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_STORE_PFN, 1), -XEN_EPERM);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CONSOLE_PFN, 1), -XEN_EPERM);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_TRIPLE_FAULT_REASON, 1), -XEN_EPERM);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_STORE_EVTCHN, 7), 0);
	assert_int_equal(set(d1, 1, HVM_PARAM_CONSOLE_EVTCHN, 8), 0);
	assert_int_equal(get(d1, 1, HVM_PARAM_STORE_EVTCHN), 7);
}

static void params_set_by_the_control_domain(void **state)
{
	(void)state;
	assert_int_equal(set(d0, 1, HVM_PARAM_STORE_PFN, 0xFEFFC), 0);
	assert_int_equal(set(d0, 1, HVM_PARAM_TRIPLE_FAULT_REASON, SHUTDOWN_crash), 0);
	assert_int_equal(set(d0, 1, HVM_PARAM_TRIPLE_FAULT_REASON, 6), -XEN_EINVAL);
	assert_int_equal(set(d0, 1, HVM_PARAM_CALLBACK_IRQ, 0), -XEN_EPERM);
	assert_int_equal(set(d0, 9, HVM_PARAM_STORE_PFN, 0), -XEN_ESRCH);
	assert_int_equal(set(d0, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | 0x20), 0);
	assert_int_equal(get(d1, DOMID_SELF, HVM_PARAM_STORE_PFN), 0xFEFFC);
	assert_int_equal(get(d0, 1, HVM_PARAM_TRIPLE_FAULT_REASON), SHUTDOWN_crash);
}

static void callback(void **state)
{
	const u64 vector = 2ull << 56 | 0xF3;

	(void)state;
	d1->shared->vcpu_info[1].evtchn_upcall_pending = 1;
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, vector), 0);
	assert_int_equal(fake_of(d1)->kicks[0], 0);
	assert_int_equal(fake_of(d1)->kicks[1], 1);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 1), 0);
	assert_true(d1->hvm_param[0] == vector);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 2ull << 56), -XEN_EINVAL);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 1ull << 56), -XEN_EINVAL);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 9), -XEN_EINVAL);
	assert_true(d1->hvm_param[0] == vector);
	assert_int_equal(set(d1, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 0), 0);
	assert_true(d1->hvm_param[0] == 0);
}

static s64 upcall(u32 vcpu, u8 vector)
{
	struct xen_hvm_evtchn_upcall_vector a = {.vcpu = vcpu, .vector = vector};

	memcpy(fake_buffer, &a, sizeof(a));
	return fake_call(do_hvm_op, d1->vcpu[0], HVMOP_set_evtchn_upcall_vector, fake_gva(0), 0);
}

static void upcall_vector(void **state)
{
	(void)state;
	assert_int_equal(upcall(0, 15), -XEN_EINVAL);
	assert_int_equal(upcall(2, 16), -XEN_ENOENT);
	assert_int_equal(upcall(~0u, 16), -XEN_ENOENT);
	assert_int_equal(upcall(1, 0xF3), 0);
	assert_int_equal(d1->vcpu[1]->upcall_vector, 0xF3);
	assert_int_equal(fake_of(d1)->irqs[0xF3], 0);
	d1->shared->vcpu_info[1].evtchn_upcall_pending = 1;
	assert_int_equal(upcall(1, 0xF4), 0);
	assert_int_equal(fake_of(d1)->irqs[0xF4], 1);
	for (u32 op = 2; op < 30; op++)
		if (op != HVMOP_set_evtchn_upcall_vector)
			assert_int_equal(fake_call(do_hvm_op, d1->vcpu[0], op, fake_gva(0), 0),
					 -XEN_ENOSYS);
	for (u32 op = 0; op < 2; op++)
		assert_int_equal(fake_call(do_hvm_op, d1->vcpu[0], op, 0, 0), -XEN_EFAULT);
}

static void version(void **state)
{
	struct vcpu *v = d1->vcpu[0];
	u32 feature[2] = {0, 0};

	(void)state;
	assert_int_equal(fake_call(do_xen_version, v, 0, 0, 0), 0x00040011);
	assert_int_equal(fake_call(do_xen_version, v, 7, 0, 0), 4096);
	assert_int_equal(fake_call(do_xen_version, v, 1, fake_gva(0), 0), 0);
	assert_string_equal((char *)fake_buffer, "-plinth");
	assert_int_equal(fake_call(do_xen_version, v, 3, fake_gva(0), 0), 0);
	assert_non_null(strstr((char *)fake_buffer, "hvm-3.0-x86_64"));
	for (u32 op = 1; op < 9; op++)
		assert_int_equal(fake_call(do_xen_version, v, op, 0, 0),
				 op == 7 ? 4096 : -XEN_EFAULT);
	assert_int_equal(fake_call(do_xen_version, v, 9, fake_gva(0), 0), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_xen_version, v, 10, fake_gva(0), 0), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_xen_version, v, ~0ull, fake_gva(0), 0), -XEN_ENOSYS);
	memcpy(fake_buffer, feature, sizeof(feature));
	assert_int_equal(fake_call(do_xen_version, v, 6, fake_gva(0), 0), 0);
	memcpy(feature, fake_buffer, sizeof(feature));
	assert_int_equal(feature[1], 0x00010305);
	fake_buffer[0] = 1;
	assert_int_equal(fake_call(do_xen_version, v, 6, fake_gva(0), 0), -XEN_EINVAL);
	d1->uuid[3] = 9;
	assert_int_equal(fake_call(do_xen_version, v, 8, fake_gva(0), 0), 0);
	assert_memory_equal(fake_buffer, d1->uuid, 16);
}

static void assist(void **state)
{
	(void)state;
	assert_int_equal(fake_call(do_vm_assist, d1->vcpu[0], 0, 4, 0), -XEN_EINVAL);
	assert_int_equal(fake_call(do_vm_assist, d1->vcpu[0], 2, 5, 0), -XEN_EINVAL);
	assert_int_equal(fake_call(do_vm_assist, d1->vcpu[0], 0, 5, 0), 0);
	assert_true(d1->runstate_flag);
}

static s64 console(struct domain *d, u32 cmd, const char *text, u32 n)
{
	struct vcpu *v = d->vcpu[0];
	s64 r;

	if (text)
		memcpy(fake_buffer, text, n);
	v->regs.gpr[GPR_RDI] = cmd;
	do
		r = fake_call(do_console_io, v, v->regs.gpr[GPR_RDI], n, fake_gva(0));
	while (r == HYPERCALL_RESTART);
	return r;
}

static void console_text(void **state)
{
	static char big[5000];

	(void)state;
	assert_int_equal(console(d1, 0, "hello\r\nwor", 10), 0);
	assert_string_equal(fake_log, "dom1| hello\n");
	assert_int_equal(console(d1, 0, "ld\t\x1B[2J\xFF\n", 9), 0);
	assert_string_equal(fake_log, "dom1| hello\ndom1| world ?[2J?\n");
	fake_log_length = 0;
	memset(big, 'x', sizeof(big));
	assert_int_equal(console(d0, 0, big, sizeof(big)), 0);
	assert_int_equal(fake_log_length, sizeof(big));
	fake_log_length = 0;
	assert_int_equal(console(d1, 0, big, DEBUG_LINE_MAX + 1), 0);
	assert_int_equal(fake_log_length, 6 + DEBUG_LINE_MAX + 1);
	assert_int_equal(fake_call(do_console_io, d1->vcpu[0], 0, 5, 0), -XEN_EFAULT);
	assert_int_equal(fake_call(do_console_io, d1->vcpu[0], 0, ~0ull, 0), -XEN_E2BIG);
	assert_int_equal(fake_call(do_console_io, d1->vcpu[0], 2, 5, 0), -XEN_ENOSYS);
	assert_int_equal(console(d1, 1, NULL, 10), -XEN_EPERM);
	memcpy(fake_typed, "typed", 5);
	fake_typed_length = 5;
	assert_int_equal(console(d0, 1, NULL, 3), 3);
	assert_int_equal(console(d0, 1, NULL, 10), 2);
	assert_memory_equal(fake_buffer, "ed", 2);
	assert_int_equal(console(d0, 1, NULL, 10), 0);
}

static void debug_text(struct domain *d, const char *text, size_t n)
{
	assert_int_equal(domain_debug_text(d, text, n), n);
}

/* A line at a time, and none while another vCPU writes: no CPU is held for long. */
static void text_in_pieces(void **state)
{
	struct vcpu *v = d1->vcpu[0];

	(void)state;
	assert_int_equal(domain_debug_text(d1, "\n\nx", 3), 1);
	assert_int_equal(domain_debug_text(d1, "ab\ncd", 5), 3);
	memcpy(fake_buffer, "ef\ngh\n", 6);
	spin_lock(&d1->debug_lock);
	assert_int_equal(fake_call(do_console_io, v, 0, 6, fake_gva(0)), HYPERCALL_RESTART);
	assert_int_equal(v->regs.gpr[GPR_RDI], 0);
	spin_unlock(&d1->debug_lock);
	assert_int_equal(fake_call(do_console_io, v, 0, 6, fake_gva(0)), HYPERCALL_RESTART);
	assert_int_equal(v->regs.gpr[GPR_RDI], 3 << 6);
	assert_int_equal(fake_call(do_console_io, v, 3 << 6, 6, fake_gva(0)), 0);
	assert_string_equal(fake_log, "dom1| \ndom1| ab\ndom1| ef\ndom1| gh\n");
}

static void text_has_a_limit(void **state)
{
	char line[16];

	(void)state;
	for (u32 i = 0; i < 20000; i++)
		debug_text(d1, line, (size_t)sprintf(line, "line %u\n", i));
	assert_in_range(fake_log_length, 60000, 66000);
	fake_now += NS_PER_SEC;
	fake_log_length = 0;
	debug_text(d1, "after\n", 6);
	assert_non_null(strstr(fake_log, "lines dropped"));
	assert_non_null(strstr(fake_log, "\ndom1| after\n"));
	fake_log_length = 0;
	for (u32 i = 0; i < 20000; i++)
		debug_text(d1, line, (size_t)sprintf(line, "line %u\n", i));
	assert_in_range(fake_log_length, 3000, 5000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(params_of_a_guest), TEST(params_set_by_the_control_domain),
		TEST(callback),          TEST(upcall_vector),
		TEST(version),           TEST(assist),
		TEST(console_text),      TEST(text_in_pieces),
		TEST(text_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
