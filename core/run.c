/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of each CPU: pick a vCPU, deliver its events, run it, handle the exit. */
#include <core/run.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/mm/p2m.h>
#include <core/timer.h>
#include <sched/sched.h>

static void inject(struct vcpu *v, u8 type, u8 vector)
{
	v->event = (struct hvm_event){.valid = true, .type = type, .vector = vector};
}

/* The vector of the domain-wide callback, 0 if there is none (guest-abi 4.3). */
static u8 callback_vector(const struct vcpu *v)
{
	u64 p = v->domain->hvm_param[HVM_PARAM_CALLBACK_IRQ];

	return p >> 56 == HVM_CALLBACK_TYPE_VECTOR && !v->upcall_vector ? (u8)p : 0;
}

void deliver_events(struct vcpu *v)
{
	bool open = !v->event.valid && (v->regs.rflags & RFLAGS_IF) && !v->int_shadow;
	u8 callback;
	int vector;

	v->want_nmi_window = v->want_irq_window = false;
	if (unlikely(v->nmi_pending)) {
		if (v->event.valid || v->nmi_masked || v->int_shadow) {
			v->want_nmi_window = true;
		} else {
			v->nmi_pending = false;
			inject(v, EVENT_nmi, X86_NMI);
			open = false;
		}
	}
	callback = callback_vector(v);
	if (callback && event_upcall_pending(v)) {
		/* Shown at each entry until the guest clears upcall_pending: no acknowledgement. */
		if (open)
			inject(v, EVENT_external, callback);
		else
			v->want_irq_window = true;
		open = false;
	}
	if (!READ_ONCE(v->vapic.irr_hint))
		return;
	vector = vapic_pending(v);
	if (vector < 0)
		return;
	if (open) {
		vapic_accept(v, (u8)vector);
		inject(v, EVENT_external, (u8)vector);
	} else {
		v->want_irq_window = true;
	}
}

static void flush_if_owed(struct vcpu *v)
{
	u64 generation = __atomic_load_n(&v->domain->tlb_generation, __ATOMIC_ACQUIRE);

	if (v->tlb_seen != generation) {
		v->tlb_seen = generation;
		hvm->flush(v);
	}
}

/* One entry and exit. Between setting in_guest and the entry no lock of memory may be taken: a
 * flush of another CPU may hold it and wait for in_guest. */
static bool enter(struct pcpu *cpu, struct vcpu *v, struct hvm_exit *exit)
{
	__atomic_store_n(&cpu->in_guest, v->domain, __ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(cpu->resched) || READ_ONCE(cpu->timer_due) || READ_ONCE(v->wait))) {
		cpu->in_guest = NULL;
		return false;
	}
	if (unlikely(v->poll_blocked))
		sched_op_resumed(v);
	flush_if_owed(v);
	deliver_events(v);
	if (v->regs_dirty) {
		hvm->store(v, v->regs_dirty);
		v->regs_dirty = 0;
	}
	v->regs_valid = 0;
	hvm->run(v, exit);
	cpu->exits++;
	v->exits[exit->reason]++;
	__atomic_store_n(&cpu->in_guest, NULL, __ATOMIC_RELEASE);
	return true;
}

noreturn_fn void run_loop(void)
{
	for (;;) {
		struct pcpu *cpu = this_cpu();
		struct vcpu *v = cpu->current;
		struct hvm_exit exit;

		if (cpu->timer_due)
			timer_run();
		if (cpu->resched || !v || v->wait)
			v = sched_next();
		if (!v) {
			if (!cpu->resched && !cpu->timer_due)
				sti_hlt_cli();
		} else if (enter(cpu, v, &exit)) {
			if (exit.reason == EXIT_interrupt)
				sti_nop_cli();
			else
				exit_handle(v, &exit);
		}
	}
}
