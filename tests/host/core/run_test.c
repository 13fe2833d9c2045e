/* SPDX-License-Identifier: BSD-2-Clause */
/* What an entry delivers - NMI, upcalls, the virtual APIC's interrupts - and the loop around it. */
// links: core/run.c core/vapic.c core/vapic_ipi.c core/vapic_timer.c tests/fake/vcpu_env.c
// cflags: -include tests/fake/loop_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <core/event.h>
#include <core/hypercall.h>
#include <core/run.h>
#include <sched/sched.h>
#include <vcpu_env.h>

#define V  (&env_vcpu[0])
#define V1 (&env_vcpu[1])
#define IF 0x200u

static struct pcpu cpu;
__thread struct pcpu *fake_cpu = &cpu;

static jmp_buf out;
static unsigned int runs, stores, stored, flushes, handled, halts, windows, timers, nexts, resumed;
static unsigned int turns; /* the loop ends after that many calls of anything below */
static struct hvm_event shown;
static struct vcpu *next;
static struct hvm_exit answer;
static void (*in_guest)(void), (*in_halt)(void), (*in_flush)(void);

static void turn(void)
{
	if (turns-- == 0)
		longjmp(out, 1);
}

/* --- what the loop calls --- */

static void fake_run(struct vcpu *v, struct hvm_exit *exit)
{
	turn();
	runs++;
	assert_ptr_equal(cpu.in_guest, v->domain);
	assert_int_equal(v->regs_valid, 0);
	shown = v->event;
	v->event.valid = false;
	if (in_guest)
		in_guest();
	*exit = answer;
}
static void fake_store(struct vcpu *v, unsigned int groups)
{
	(void)v;
	stores++;
	stored |= groups;
}
static void fake_flush(struct vcpu *v)
{
	(void)v;
	flushes++;
	if (in_flush)
		in_flush();
}
void exit_handle(struct vcpu *v, const struct hvm_exit *exit)
{
	turn();
	assert_null(cpu.in_guest);
	assert_int_equal(exit->reason, answer.reason);
	assert_ptr_equal(v, cpu.current);
	handled++;
}
struct vcpu *sched_next(void)
{
	turn();
	nexts++;
	cpu.resched = false;
	cpu.current = next;
	return next;
}
void timer_run(void)
{
	timers++;
	cpu.timer_due = false;
}
void sched_op_resumed(struct vcpu *v)
{
	v->poll_blocked = false;
	resumed++;
}
void sti_hlt_cli(void)
{
	turn();
	halts++;
	if (in_halt)
		in_halt();
}
void sti_nop_cli(void)
{
	turn();
	windows++;
	assert_null(cpu.in_guest);
}
void event_upcall(struct vcpu *v)
{
	(void)v;
	env_upcalls++;
}

static void start(void)
{
	static const struct hvm_ops ops = {
		.name = "fake", .run = fake_run, .store = fake_store, .flush = fake_flush};

	env_reset(2, false);
	hvm = &ops;
	for (u32 i = 0; i < 2; i++) {
		vapic_reset(&env_vcpu[i], false);
		vapic_mmio_write(&env_vcpu[i], 0xF0, 4, 0x1FF);
		env_vcpu[i].regs.rflags = 2 | IF;
	}
	cpu = (struct pcpu){.self = &cpu};
	runs = stores = stored = flushes = handled = halts = windows = timers = nexts = resumed = 0;
	in_guest = in_halt = in_flush = NULL;
	answer = (struct hvm_exit){.reason = EXIT_cpuid};
	next = V;
}

static void loop(unsigned int n)
{
	turns = n;
	if (!setjmp(out))
		run_loop();
}

static void expect(int type, int vector)
{
	assert_true(V->event.valid == (type >= 0));
	if (type < 0)
		return;
	assert_int_equal(V->event.type, type);
	assert_int_equal(V->event.vector, vector);
	assert_false(V->event.has_error);
}
static void expect_windows(bool irq, bool nmi)
{
	assert_int_equal(V->want_irq_window, irq);
	assert_int_equal(V->want_nmi_window, nmi);
}
static void deliver(void)
{
	deliver_events(V);
}
static void taken(void)
{
	V->event.valid = false;
}
static void callback(u8 vector)
{
	env_domain.hvm_param[HVM_PARAM_CALLBACK_IRQ] = (u64)HVM_CALLBACK_TYPE_VECTOR << 56 | vector;
}
static bool in_service(u8 vector)
{
	return vapic_mmio_read(V, 0x100 + vector / 32 * 16u, 4) >> (vector % 32) & 1;
}
static bool requested(u8 vector)
{
	return vapic_mmio_read(V, 0x200 + vector / 32 * 16u, 4) >> (vector % 32) & 1;
}

/* --- delivery --- */

static void nothing(void **state)
{
	(void)state;
	start();
	V->want_irq_window = V->want_nmi_window = true; /* of the entry before */
	deliver();
	expect(-1, 0);
	expect_windows(false, false);
}

static void interrupts(void **state)
{
	(void)state;
	start();
	vapic_set_irq(V, 0x41);
	vapic_set_irq(V, 0x52);
	deliver();
	expect(EVENT_external, 0x52);
	assert_true(in_service(0x52) && !requested(0x52) && requested(0x41));
	expect_windows(false, false);
	taken();

	/* A lower one, or one of the same class, waits for EOI, which needs no window. */
	deliver();
	expect(-1, 0);
	expect_windows(false, false);
	vapic_set_irq(V, 0x5F);
	deliver();
	expect(-1, 0);
	vapic_set_irq(V, 0x61);
	deliver();
	expect(EVENT_external, 0x61);
	taken();
	vapic_mmio_write(V, 0xB0, 4, 0); /* of 0x61 */
	vapic_mmio_write(V, 0xB0, 4, 0); /* of 0x52 */
	deliver();
	expect(EVENT_external, 0x5F);
	taken();
	vapic_mmio_write(V, 0xB0, 4, 0);
	vapic_set_cr8(V, 4);
	deliver();
	expect(-1, 0);
	vapic_set_cr8(V, 3);
	deliver();
	expect(EVENT_external, 0x41);
	taken();
	assert_int_equal(V->vapic.irr_hint, 0);
}

static void closed(void **state)
{
	(void)state;
	start();
	vapic_set_irq(V, 0x41);
	V->regs.rflags = 2;
	deliver();
	expect(-1, 0);
	expect_windows(true, false);
	assert_true(requested(0x41) && !in_service(0x41));
	V->regs.rflags = 2 | IF;
	V->int_shadow = 1;
	deliver();
	expect(-1, 0);
	expect_windows(true, false);
	V->int_shadow = 0;
	deliver();
	expect(EVENT_external, 0x41);
	expect_windows(false, false);

	/* An event whose delivery was cut short goes first, unchanged, and the next one waits. */
	start();
	V->event = (struct hvm_event){.valid = true,
				      .type = EVENT_exception,
				      .vector = X86_PF,
				      .has_error = true,
				      .error = 6};
	vapic_set_irq(V, 0x41);
	V->nmi_pending = true;
	deliver();
	assert_true(V->event.type == EVENT_exception && V->event.error == 6);
	expect_windows(true, true);
	assert_true(V->nmi_pending && requested(0x41));
	V->event = (struct hvm_event){.valid = true, .type = EVENT_external, .vector = 0x33};
	callback(0xF3);
	env_info.evtchn_upcall_pending = 1;
	deliver();
	expect(EVENT_external, 0x33);
	expect_windows(true, true);
}

static void nmis(void **state)
{
	(void)state;
	start();
	vapic_set_irq(V, 0x41);
	V->nmi_pending = true;
	V->regs.rflags = 2; /* IF does not matter to it */
	deliver();
	expect(EVENT_nmi, X86_NMI);
	assert_false(V->nmi_pending);
	expect_windows(true, false); /* the interrupt comes behind it */
	taken();

	V->nmi_pending = V->nmi_masked = true; /* in its handler: the second one waits for IRET */
	deliver();
	expect(-1, 0);
	expect_windows(true, true);
	V->nmi_masked = false;
	V->int_shadow = 1;
	deliver();
	expect(-1, 0);
	expect_windows(true, true);
	V->int_shadow = 0;
	deliver();
	expect(EVENT_nmi, X86_NMI);

	start(); /* the NMI goes first, IF or not */
	vapic_set_irq(V, 0x41);
	V->nmi_pending = true;
	deliver();
	expect(EVENT_nmi, X86_NMI);
	expect_windows(true, false);
	assert_true(requested(0x41));
}

static void upcalls(void **state)
{
	(void)state;
	start();
	env_info.evtchn_upcall_pending = 1;
	deliver(); /* no callback set */
	expect(-1, 0);
	callback(0xF3);
	/* Shown at each entry as long as it is pending: no EOI, nothing in the APIC. */
	for (int i = 0; i < 3; i++) {
		deliver();
		expect(EVENT_external, 0xF3);
		assert_false(in_service(0xF3));
		taken();
	}
	V->regs.rflags = 2;
	deliver();
	expect(-1, 0);
	expect_windows(true, false);
	V->regs.rflags = 2 | IF;
	env_info.evtchn_upcall_pending = 0;
	deliver();
	expect(-1, 0);
	expect_windows(false, false);

	/* Before the APIC's, whatever its priority; those wait for the window. */
	env_info.evtchn_upcall_pending = 1;
	vapic_set_irq(V, 0xFE);
	deliver();
	expect(EVENT_external, 0xF3);
	expect_windows(true, false);
	assert_true(requested(0xFE));
	taken();
	env_info.evtchn_upcall_pending = 0;
	deliver();
	expect(EVENT_external, 0xFE);

	/* Other kinds of callback are not known; a vector of the vCPU's own goes by its APIC. */
	start();
	env_info.evtchn_upcall_pending = 1;
	env_domain.hvm_param[HVM_PARAM_CALLBACK_IRQ] = 0x00000000000000F3;
	deliver();
	expect(-1, 0);
	callback(0xF3);
	V->upcall_vector = 0x31;
	deliver();
	expect(-1, 0);
	vapic_set_irq(V, 0x31);
	deliver();
	expect(EVENT_external, 0x31);
	assert_true(in_service(0x31));
}

/* --- the loop --- */

static void wake_by_interrupt(void)
{
	cpu.resched = true;
	next = V;
}

static void idle(void **state)
{
	(void)state;
	start();
	next = NULL;
	in_halt = wake_by_interrupt;
	loop(4); /* next: none, halt, next: V, run */
	assert_true(nexts == 2 && halts == 1 && runs == 1);

	start(); /* the timer: looked at before anything else */
	next = NULL;
	cpu.timer_due = true;
	loop(2);
	assert_true(timers == 1 && halts == 1 && nexts == 1);
}

static void entries(void **state)
{
	(void)state;
	start();
	cpu.current = V;
	V->regs_dirty = HVM_STATE_seg;
	env_domain.tlb_generation = 5;
	V->poll_blocked = true;
	vapic_set_irq(V, 0x41);
	loop(4); /* run, handle, run, handle */
	assert_true(runs == 2 && handled == 2 && nexts == 0 && resumed == 1);
	assert_true(stores == 1 && stored == HVM_STATE_seg && V->regs_dirty == 0);
	assert_true(flushes == 1 && V->tlb_seen == 5);
	assert_int_equal(cpu.exits, 2);

	start(); /* an interrupt of the host opens the window, and nothing else */
	cpu.current = V;
	answer.reason = EXIT_interrupt;
	loop(2);
	assert_true(runs == 1 && windows == 1 && handled == 0);
}

static void someone_flushes(void)
{
	env_domain.tlb_generation++;
}

static void held_up(void **state)
{
	(void)state;
	start(); /* it waits for something: another one, at once */
	cpu.current = V;
	V->wait = VCPU_PAUSED;
	next = V1;
	loop(2);
	assert_true(nexts == 1 && runs == 1 && cpu.current == V1);

	start(); /* chosen, but a decision is asked for again before it enters */
	cpu.current = V;
	cpu.resched = true;
	loop(2);
	assert_true(nexts == 1 && runs == 1);

	/* A flush that comes while the first one is done is owed at the next entry. */
	start();
	cpu.current = V;
	env_domain.tlb_generation = 1;
	in_flush = someone_flushes;
	loop(1);
	assert_true(flushes == 1 && V->tlb_seen == 1);
	in_flush = NULL;
	turns = 2;
	loop(2);
	assert_true(flushes == 2 && V->tlb_seen == 2);
}

/* The events of an entry are those of its vCPU. */
static void shown_once(void **state)
{
	(void)state;
	start();
	cpu.current = V;
	vapic_set_irq(V, 0x41);
	vapic_set_irq(V1, 0x51);
	loop(1);
	assert_true(shown.valid && shown.vector == 0x41);
	loop(2);
	assert_false(shown.valid);
	cpu.current = V1;
	next = V1;
	loop(1);
	assert_true(shown.valid && shown.vector == 0x51);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),    cmocka_unit_test(interrupts),
		cmocka_unit_test(closed),     cmocka_unit_test(nmis),
		cmocka_unit_test(upcalls),    cmocka_unit_test(idle),
		cmocka_unit_test(entries),    cmocka_unit_test(held_up),
		cmocka_unit_test(shown_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
