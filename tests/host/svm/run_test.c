/* SPDX-License-Identifier: BSD-2-Clause */
/* What svm_run() makes of events, windows, task priority, ASIDs and the exits it handles itself;
 * the guest is a function that plays the CPU on the VMCB. */
// links: core/insn.c svm/run.c svm/exit.c svm/state.c svm/ops.c tests/fake/svm/cpu.c
// cflags: -include tests/fake/svm/cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/vcpu.h>
#include <svm/svm.h>
#include <xen/errno.h>

static struct vmcb b, host[2], seen; /* seen: b as the entry found it */
static struct vcpu v;
static struct hvm_exit e;
static u8 code[15];
static size_t code_length;
static int raised;
static u32 raised_error;
static void (*guest)(void);

/* The rest of the tree, as far as svm/ calls it. */
const struct hvm_ops *hvm = &svm_ops;
const struct ept_format npt_format = {.name = "NPT"};
int svm_probe(const char **why)
{
	*why = NULL;
	return 0;
}
bool svm_npt_has_1g(void)
{
	return true;
}
u32 svm_asid_count(void)
{
	return 4;
}
int svm_cpu_enable(void)
{
	return 0;
}
void svm_cpu_disable(void)
{
}
int svm_vcpu_create(struct vcpu *x)
{
	(void)x;
	return 0;
}
void svm_vcpu_destroy(struct vcpu *x)
{
	(void)x;
}
int svm_set_ports(struct domain *d, u16 first, u16 last, bool open)
{
	(void)d;
	return first + last + open;
}
void svm_domain_destroy(struct domain *d)
{
	(void)d;
}
void svm_dump(const struct vcpu *x)
{
	(void)x;
}
int guest_fetch(struct vcpu *x, u8 *buf, size_t n, size_t *got)
{
	assert_ptr_equal(x, &v);
	assert_null(fake_cpu->in_guest);
	if (code_length == 0) {
		raised = X86_PF;
		return -XEN_EFAULT;
	}
	*got = n < code_length ? n : code_length;
	memcpy(buf, code, *got);
	return 0;
}
void vcpu_raise(struct vcpu *x, u8 vector)
{
	(void)x;
	raised = vector;
}
void vcpu_raise_error(struct vcpu *x, u8 vector, u32 error)
{
	(void)x;
	raised = vector;
	raised_error = error;
}
int vcpu_skip(struct vcpu *x, const struct hvm_exit *exit)
{
	x->regs.rip += exit->insn_length;
	return 0;
}
void vapic_set_cr8(struct vcpu *x, u64 value)
{
	x->vapic.tpr = (u32)value << 4;
}

void svm_enter(struct plinth_vcpu_state *regs, u64 vmcb, u64 host_vmcb)
{
	assert_ptr_equal(regs, &v.regs);
	assert_int_equal(vmcb, 0x1000);
	assert_int_equal(host_vmcb, 0x2000);
	seen = b;
	b.exit_int_info = 0;
	b.exit_code = 0x78;
	b.next_rip = 0;
	b.event_inj &= ~EVENT_VALID;
	if (guest)
		guest();
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(&v, 0, sizeof(v));
	memset(&cpu_features, 0, sizeof(cpu_features));
	v.hvm = &b;
	b.host.pa = 0x1000;
	host[1].host.pa = 0x2000;
	fake_cpu->hvm = host;
	fake_cpu->asid_generation = MAX_CPUS;
	fake_cpu->asid_next = UINT32_MAX;
	svm_clean_mask = CLEAN_ALL;
	guest = NULL;
	raised = -1;
	raised_error = ~0u;
	code_length = 0;
	v.regs.rip = 0x1000;
	v.regs.rflags = 0x202;
	return 0;
}

static void change_registers(void)
{
	b.rax++;
	b.rsp++;
	b.rip += 2;
	b.rflags = 0x46;
	b.int_state = 1;
}

static void registers_pass(void **state)
{
	(void)state;
	v.regs.gpr[GPR_RAX] = 10;
	v.regs.gpr[GPR_RSP] = 20;
	v.int_shadow = 1;
	guest = change_registers;
	svm_run(&v, &e);
	assert_int_equal(seen.rax, 10);
	assert_int_equal(seen.rsp, 20);
	assert_int_equal(seen.rip, 0x1000);
	assert_int_equal(seen.rflags, 0x202);
	assert_int_equal(seen.int_state, 1);
	assert_int_equal(v.regs.gpr[GPR_RAX], 11);
	assert_int_equal(v.regs.gpr[GPR_RSP], 21);
	assert_int_equal(v.regs.rip, 0x1002);
	assert_int_equal(v.regs.rflags, 0x46);
	assert_int_equal(v.int_shadow, 1);
	assert_int_equal(e.reason, EXIT_hlt);
}

static void asids_and_clean_bits(void **state)
{
	(void)state;
	svm_run(&v, &e); /* the first of a CPU */
	assert_int_equal(seen.asid, 1);
	assert_int_equal(seen.tlb_control, TLB_CONTROL_FLUSH_ALL);
	assert_int_equal(seen.clean, 0);
	svm_run(&v, &e);
	assert_int_equal(seen.asid, 1);
	assert_int_equal(seen.tlb_control, 0);
	assert_int_equal(seen.clean, CLEAN_ALL);
	for (u32 i = 2; i < 4; i++) {
		svm_flush(&v);
		svm_run(&v, &e);
		assert_int_equal(seen.asid, i);
		assert_int_equal(seen.tlb_control, 0);
		assert_int_equal(seen.clean, 0);
	}
	svm_flush(&v);
	svm_run(&v, &e); /* they have run out */
	assert_int_equal(seen.asid, 1);
	assert_int_equal(seen.tlb_control, TLB_CONTROL_FLUSH_ALL);
	/* Another CPU and back: neither takes the other's ASID for its own. */
	fake_cpu->asid_generation = MAX_CPUS + 1;
	fake_cpu->asid_next = 3;
	svm_run(&v, &e);
	assert_int_equal(seen.asid, 3);
	assert_int_equal(seen.clean, 0);
	svm_clean_mask = 0; /* a CPU without clean bits */
	svm_run(&v, &e);
	svm_run(&v, &e);
	assert_int_equal(seen.clean, 0);
}

static void events_are_injected(void **state)
{
	(void)state;
	v.event = (struct hvm_event){.valid = true, .type = EVENT_external, .vector = 0xF3};
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, 0x800000F3u);
	assert_false(v.event.valid);
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, 0);
	v.event = (struct hvm_event){.valid = true,
				     .has_error = true,
				     .type = EVENT_exception,
				     .vector = X86_PF,
				     .error = 0x12345678};
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, 0x1234567880000B0Eull);
}

static u64 cut_short;
static void cut_delivery(void)
{
	b.exit_int_info = cut_short;
	b.exit_code = 0x400;
}

static void cut_events_come_back(void **state)
{
	(void)state;
	guest = cut_delivery;
	cut_short = 0x800000F3u;
	svm_run(&v, &e);
	assert_true(v.event.valid);
	assert_int_equal(v.event.type, EVENT_external);
	assert_int_equal(v.event.vector, 0xF3);
	assert_false(v.event.has_error);
	cut_short = 0x0000000480000B0Eull;
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, 0x800000F3u);
	assert_int_equal(v.event.vector, X86_PF);
	assert_true(v.event.has_error);
	assert_int_equal(v.event.error, 4);
	guest = NULL;
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, cut_short);
	assert_false(v.event.valid);
}

static void guests_own_software_interrupts_run_again(void **state)
{
	static const u64 infos[] = {0x80000480u, 0x80000303u, 0x80000304u};

	guest = cut_delivery;
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		setup(state);
		guest = cut_delivery;
		cut_short = infos[i];
		svm_run(&v, &e);
		assert_false(v.event.valid);
		assert_int_equal(v.regs.rip, 0x1000);
	}
}

static void injected_software_interrupt(void **state)
{
	(void)state;
	v.event = (struct hvm_event){
		.valid = true, .type = EVENT_software, .vector = 0x80, .insn_length = 2};
	guest = cut_delivery;
	cut_short = 0x80000480u;
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, 0x80000480u);
	assert_int_equal(seen.rip, 0x1002);
	assert_int_equal(seen.next_rip, 0); /* no such field on this CPU */
	assert_true(v.event.valid);
	guest = NULL;
	cpu_features.words[CPU_EA_EDX] = 1u << 3;
	svm_run(&v, &e);
	assert_int_equal(seen.rip, 0x1002);
	assert_int_equal(seen.next_rip, 0x1002);
	assert_false(v.event.valid);
}

static void interrupt_window(void **state)
{
	(void)state;
	v.want_irq_window = true;
	svm_run(&v, &e);
	assert_int_equal(seen.int_ctl, V_INTR_MASKING | V_IRQ | V_PRIO_HIGH | V_IGN_TPR);
	v.want_irq_window = false;
	svm_run(&v, &e);
	assert_int_equal(seen.int_ctl, V_INTR_MASKING);
	assert_false(seen.clean & CLEAN_TPR);
	svm_run(&v, &e);
	assert_true(seen.clean & CLEAN_TPR);
}

static void lower_tpr(void)
{
	b.int_ctl = (b.int_ctl & ~V_TPR_MASK) | 2;
}
static void mov_to_cr8(void)
{
	b.exit_code = 0x18;
}

static void task_priority(void **state)
{
	(void)state;
	v.vapic.tpr = 0x5A;
	svm_run(&v, &e);
	assert_int_equal(seen.int_ctl, V_INTR_MASKING | 5);
	assert_int_equal(v.vapic.tpr, 0x5A); /* the guest left it alone: the low bits stay */
	assert_int_equal(seen.intercept[0], 0);
	guest = lower_tpr;
	svm_run(&v, &e);
	assert_int_equal(v.vapic.tpr, 0x20);
	guest = NULL;
	v.vapic.irr_hint = true;
	svm_run(&v, &e);
	assert_int_equal(seen.intercept[0], 1u << CODE_CR8_WRITE);
	v.vapic.tpr = 0;
	svm_run(&v, &e);
	assert_int_equal(seen.intercept[0], 0);
}

static void run_code(const char *bytes, size_t n)
{
	memcpy(code, bytes, n);
	code_length = n;
	raised = -1;
	v.regs.rip = 0x1000;
	svm_run(&v, &e);
}

static void cr8_writes(void **state)
{
	(void)state;
	v.vapic.tpr = 0xF0;
	v.regs.gpr[GPR_RCX] = 3;
	v.regs.gpr[GPR_R9] = 16;
	guest = mov_to_cr8;
	b.efer = EFER_LMA;
	b.seg[SEG_CS].attr = 1u << 9;
	fake_cpu->in_guest = (struct domain *)&v;
	run_code("\x44\x0F\x22\xC1\x90", 5); /* mov %rcx, %cr8 */
	assert_int_equal(v.vapic.tpr, 0x30);
	assert_int_equal(v.regs.rip, 0x1004);
	assert_int_equal(e.reason, EXIT_handled);
	run_code("\x45\x0F\x22\xC1", 4); /* mov %r9, %cr8 */
	assert_int_equal(raised, X86_GP);
	assert_int_equal(v.regs.rip, 0x1000);
	run_code("\x90\x90\x90\x90", 4); /* changed meanwhile */
	assert_int_equal(raised, X86_UD);
	run_code("\x66\x66\x44\x0F", 4); /* cut at a page that is not there */
	assert_int_equal(raised, X86_UD);
	code_length = 0;
	svm_run(&v, &e);
	assert_int_equal(raised, X86_PF);
}

static void undefined(void)
{
	b.exit_code = 0x46;
}

static void intels_hypercall(void **state)
{
	(void)state;
	guest = undefined;
	run_code("\x0F\x01\xC1", 3);
	assert_int_equal(e.reason, EXIT_hypercall);
	assert_int_equal(e.insn_length, 3);
	assert_int_equal(raised, -1);
	run_code("\x0F\x0B\x90", 3);
	assert_int_equal(e.reason, EXIT_handled);
	assert_int_equal(raised, X86_UD);
	run_code("\x0F\x01", 2);
	assert_int_equal(raised, X86_UD);
	code_length = 0;
	svm_run(&v, &e);
	assert_int_equal(e.reason, EXIT_handled);
	assert_int_equal(raised, X86_PF);
}

static u64 next_code;
static void next_exit(void)
{
	b.exit_code = next_code;
}

static void exceptions_go_back(void **state)
{
	static const struct {
		u64 code;
		int vector;
	} cases[] = {{0x41, X86_DB}, {0x51, 17}, {0x6F, X86_GP}, {0x7E, 16}};

	guest = next_exit;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(state);
		guest = next_exit;
		next_code = cases[i].code;
		b.dr7 = 0x2400;
		svm_run(&v, &e);
		assert_int_equal(raised, cases[i].vector);
		assert_int_equal(e.reason, EXIT_handled);
		if (raised == X86_GP || raised == 17)
			assert_int_equal(raised_error, 0);
		assert_int_equal(b.dr7, raised == X86_DB ? 0x400 : 0x2400);
	}
}

static void first_debug_register_use(void **state)
{
	(void)state;
	guest = next_exit;
	next_code = 0x35;
	b.intercept[1] = ~0u;
	v.regs.dr[1] = 0x77;
	svm_run(&v, &e);
	assert_int_equal(b.intercept[1], 0);
	assert_int_equal(fake_dr[1], 0x77);
	assert_int_equal(v.regs.rip, 0x1000); /* it runs again */
}

static u64 next_rip;
static void next_exit_at(void)
{
	b.exit_code = next_code;
	b.rip = next_rip;
}

static void nmi_to_its_iret(void)
{
	setup(NULL);
	v.event = (struct hvm_event){.valid = true, .type = EVENT_nmi, .vector = X86_NMI};
	svm_run(&v, &e);
	assert_int_equal(seen.event_inj, 0x80000202u);
	assert_true(v.nmi_masked);
	assert_true(seen.intercept[3] & 1u << 20);
	assert_false(seen.clean & CLEAN_I);
	guest = next_exit_at;
	next_code = 0x74;
	next_rip = 0x2000;
	svm_run(&v, &e);
	assert_int_equal(e.reason, EXIT_handled);
	assert_false(b.intercept[3] & 1u << 20);
	assert_true(v.nmi_masked); /* the IRET has not run yet */
}

static void nmi_mask_ends_behind_iret(void **state)
{
	(void)state;
	nmi_to_its_iret();
	next_code = 0x60; /* an interrupt before the IRET */
	svm_run(&v, &e);
	assert_true(v.nmi_masked);
	next_rip = 0x3000;
	svm_run(&v, &e);
	assert_false(v.nmi_masked);
	assert_int_equal(b.host.nmi, 0);
}

static void nmi_window_is_stepped(void **state)
{
	(void)state;
	nmi_to_its_iret();
	v.want_nmi_window = true;
	next_code = 0x60; /* no step came to its end */
	svm_run(&v, &e);
	assert_true(seen.rflags & RFLAGS_TF);
	assert_false(v.regs.rflags & RFLAGS_TF);
	assert_true(v.nmi_masked);
	next_code = 0x41;
	next_rip = 0x3000;
	b.dr6 = 0xFFFF4FF0;
	svm_run(&v, &e);
	assert_int_equal(e.reason, EXIT_nmi_window);
	assert_false(v.nmi_masked);
	assert_int_equal(raised, -1);
	assert_int_equal(b.dr6, 0xFFFF0FF0);
	/* A guest that single-steps over its own IRET gets its #DB. */
	nmi_to_its_iret();
	v.want_nmi_window = true;
	v.regs.rflags |= RFLAGS_TF;
	next_code = 0x41;
	next_rip = 0x3000;
	svm_run(&v, &e);
	assert_int_equal(raised, X86_DB);
	assert_false(v.nmi_masked);
}

static void nmi_behind_a_shadow(void **state)
{
	(void)state;
	v.want_nmi_window = true;
	svm_run(&v, &e);
	assert_true(seen.int_ctl & V_IRQ);
	v.nmi_masked = true;
	svm_run(&v, &e);
	assert_false(seen.int_ctl & V_IRQ);
}

/* An emulator that drops the shadow of STI at VMRUN: nothing gets in before the next instruction.
 */
static void forgotten_shadow(void **state)
{
	(void)state;
	svm_tcg = true;
	guest = next_exit_at;
	v.int_shadow = 1;
	next_code = 0x60; /* preempted again, before anything ran */
	next_rip = v.regs.rip;
	svm_run(&v, &e);
	assert_false(seen.rflags & RFLAGS_TF);
	assert_int_equal(v.int_shadow, 1);
	v.want_irq_window = true;
	svm_run(&v, &e);
	assert_true(seen.rflags & RFLAGS_TF);
	assert_false(seen.int_ctl & V_IRQ);
	assert_false(v.regs.rflags & RFLAGS_TF);
	assert_int_equal(v.int_shadow, 1);
	next_code = 0x41; /* a jump to itself */
	b.dr6 = 0xFFFF4FF0;
	svm_run(&v, &e);
	assert_int_equal(e.reason, EXIT_nmi_window);
	assert_int_equal(raised, -1);
	assert_false(v.regs.rflags & RFLAGS_TF);
	assert_int_equal(v.int_shadow, 0);
	assert_int_equal(b.host.nmi, 0);
	svm_run(&v, &e);
	assert_true(seen.int_ctl & V_IRQ);
	/* It ran without being stepped over; and the guest's own single step. */
	v.want_irq_window = false;
	v.int_shadow = 1;
	next_code = 0x60;
	next_rip++;
	svm_run(&v, &e);
	assert_int_equal(v.int_shadow, 0);
	v.want_irq_window = true;
	v.int_shadow = 1;
	v.regs.rflags |= RFLAGS_TF;
	next_code = 0x41;
	next_rip++;
	svm_run(&v, &e);
	assert_int_equal(raised, X86_DB);
	assert_true(v.regs.rflags & RFLAGS_TF);
	svm_tcg = false;
	v.int_shadow = 1;
	svm_run(&v, &e);
	assert_true(seen.int_ctl & V_IRQ);
}

static bool take_virtual, cut_virtual;

static void virtual_guest(void)
{
	b.exit_code = 0x60;
	if (take_virtual)
		b.int_ctl &= ~V_IRQ;
	if (cut_virtual) /* as TCG names it then */
		b.exit_int_info = EVENT_VALID | 3u << EVENT_TYPE_SHIFT | 0x51;
}

static bool intercepted(u32 exit_code)
{
	return seen.intercept[exit_code / 32] >> exit_code % 32 & 1;
}

/* TCG may deliver an external interrupt of EVENTINJ twice: it goes by V_IRQ, until it is taken. */
static void virtual_injection(void **state)
{
	(void)state;
	svm_tcg = true;
	guest = virtual_guest;
	take_virtual = cut_virtual = false;
	svm_intercept(&b, CODE_VINTR, true);
	v.event = (struct hvm_event){.valid = true, .type = EVENT_external, .vector = 0x51};
	for (int round = 0; round < 3; round++) {
		cut_virtual = round == 1;
		take_virtual = round == 2;
		v.want_irq_window = round == 2;
		svm_run(&v, &e);
		assert_false(seen.event_inj & EVENT_VALID);
		assert_true(seen.int_ctl & V_IRQ);
		assert_int_equal((seen.int_ctl & V_VECTOR) >> V_VECTOR_SHIFT, 0x51);
		assert_false(intercepted(CODE_VINTR));
		assert_int_equal(intercepted(CODE_IRET), round == 2);
		assert_int_equal(v.event.valid, round != 2);
		assert_int_equal(v.event.type, EVENT_external);
		assert_int_equal(v.event.vector, 0x51);
	}
	v.want_irq_window = false;
	svm_run(&v, &e);
	assert_false(seen.int_ctl & V_IRQ);
	assert_true(intercepted(CODE_VINTR));
	svm_tcg = false;
}

static void hypercall_slots(void **state)
{
	static u8 page[4096];

	(void)state;
	svm_ops.hypercall_page(page);
	assert_memory_equal(page, "\xB8\0\0\0\0\x0F\x01\xD9\xC3", 9);
	assert_memory_equal(page + 127 * 32, "\xB8\x7F\0\0\0\x0F\x01\xD9\xC3", 9);
	assert_memory_equal(page + 23 * 32, "\x0F\x0B", 2);
}

static void failed_entry(void **state)
{
	(void)state;
	guest = next_exit;
	next_code = ~0ull;
	svm_run(&v, &e);
	assert_int_equal(e.reason, EXIT_invalid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_pass, setup),
		cmocka_unit_test_setup(asids_and_clean_bits, setup),
		cmocka_unit_test_setup(events_are_injected, setup),
		cmocka_unit_test_setup(cut_events_come_back, setup),
		cmocka_unit_test_setup(guests_own_software_interrupts_run_again, setup),
		cmocka_unit_test_setup(injected_software_interrupt, setup),
		cmocka_unit_test_setup(interrupt_window, setup),
		cmocka_unit_test_setup(task_priority, setup),
		cmocka_unit_test_setup(cr8_writes, setup),
		cmocka_unit_test_setup(intels_hypercall, setup),
		cmocka_unit_test_setup(exceptions_go_back, setup),
		cmocka_unit_test_setup(first_debug_register_use, setup),
		cmocka_unit_test_setup(nmi_mask_ends_behind_iret, setup),
		cmocka_unit_test_setup(nmi_window_is_stepped, setup),
		cmocka_unit_test_setup(nmi_behind_a_shadow, setup),
		cmocka_unit_test_setup(forgotten_shadow, setup),
		cmocka_unit_test_setup(virtual_injection, setup),
		cmocka_unit_test_setup(hypercall_slots, setup),
		cmocka_unit_test_setup(failed_entry, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
