/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual CPUs: creation, waiting and waking, INIT and STARTUP, exceptions. */
#include <core/vcpu.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/cpu/smp.h>
#include <core/clock.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/insn.h>
#include <core/mm/frame.h>
#include <core/msr.h>
#include <core/xstate.h>
#include <sched/sched.h>
#include <xen/errno.h>

/* State after INIT: AMD APM vol. 2, "Processor Initialization State". */
static void reset_registers(struct vcpu *v)
{
	struct plinth_vcpu_state *r = &v->regs;

	*r = (struct plinth_vcpu_state){.version = PLINTH_VCPU_STATE_VERSION,
					.rip = 0xFFF0,
					.rflags = 2,
					.cr0 = 0x60000010,
					.xcr0 = 1,
					.dr6 = 0xFFFF0FF0,
					.dr7 = 0x400,
					.pat = 0x0007040600070406ull};
	for (unsigned int i = 0; i < SEG_COUNT; i++)
		r->seg[i] = (struct plinth_segment){.attr = 0x93, .limit = 0xFFFF};
	r->seg[SEG_CS] = (struct plinth_segment){
		.selector = 0xF000, .attr = 0x9B, .limit = 0xFFFF, .base = 0xFFFF0000};
	r->seg[SEG_LDTR].attr = 0x82;
	r->seg[SEG_TR].attr = 0x8B;
	r->gdtr.limit = r->idtr.limit = 0xFFFF;
	v->regs_valid = v->regs_dirty = HVM_STATE_all;
}

static void singleshot_poll_expired(struct timer *t)
{
	vcpu_wake(container_of(t, struct vcpu, poll_timer));
}

int vcpu_create(struct domain *d, u32 id)
{
	struct vcpu *v;
	int err;

	if (id >= d->max_vcpus)
		return -XEN_EINVAL;
	if (d->vcpu[id])
		return -XEN_EEXIST;
	v = domain_page_alloc(d, 0);
	if (!v)
		return -XEN_ENOMEM;
	_Static_assert(sizeof(*v) <= PAGE_SIZE, "a vCPU is one page");
	v->domain = d;
	v->id = id;
	v->wait = VCPU_DOWN | (d->control ? 0 : VCPU_PAUSED);
	v->runstate.state = RUNSTATE_offline;
	reset_registers(v);
	timer_init(&v->poll_timer, singleshot_poll_expired);
	vcpu_op_init(v);
	event_vcpu_init(v);
	msr_reset(v);
	v->vapic.page = domain_page_alloc(d, 0);
	if (v->vapic.page)
		vapic_reset(v, false);
	err = v->vapic.page ? sched_vcpu_init(v) : -XEN_ENOMEM;
	if (!err)
		err = xstate_init(v);
	if (!err)
		err = hvm->vcpu_create(v);
	if (err) {
		vcpu_destroy(v);
		return err;
	}
	d->vcpu[id] = v;
	return 0;
}

void vcpu_destroy(struct vcpu *v)
{
	struct domain *d = v->domain;

	spin_lock(&v->signal_lock); /* vcpu_let_go() may be about to give it back */
	spin_unlock(&v->signal_lock);
	timer_end(&v->singleshot);
	timer_end(&v->poll_timer);
	vapic_stop(v);
	clock_release_areas(v);
	event_vcpu_destroy(v);
	d->cpu_time_retired += v->runstate.time[RUNSTATE_running];
	if (v->hvm)
		hvm->vcpu_destroy(v);
	xstate_destroy(v);
	if (v->vapic.page)
		domain_page_free(d, v->vapic.page, 0);
	sched_vcpu_destroy(v);
	domain_page_free(d, v, 0);
}

/* Clears bits of v->wait; if none is left, v competes for a CPU. */
static void clear_wait(struct vcpu *v, u32 bits)
{
	u32 old = __atomic_fetch_and(&v->wait, ~bits, __ATOMIC_SEQ_CST);

	if ((old & bits) && (old & ~bits) == 0)
		sched_wake(v);
}

static void set_wait(struct vcpu *v, u32 bits)
{
	__atomic_fetch_or(&v->wait, bits, __ATOMIC_SEQ_CST);
}

void vcpu_wake(struct vcpu *v)
{
	if (READ_ONCE(v->wait) & VCPU_BLOCKED)
		clear_wait(v, VCPU_BLOCKED);
}

void vcpu_kick(struct vcpu *v)
{
	const struct pcpu *cpu;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu_wake(v);
	cpu = cpu_by_id(v->cpu);
	/* in_guest is set before the last look for events: either that look sees this one, or the
	 * interrupt ends the run. */
	if (cpu != this_cpu() && READ_ONCE(cpu->current) == v && READ_ONCE(cpu->in_guest))
		ipi_kick(v->cpu);
}

bool vcpu_has_event(struct vcpu *v)
{
	return event_upcall_pending(v) || v->nmi_pending || v->event.valid ||
	       (READ_ONCE(v->vapic.irr_hint) && vapic_pending(v) >= 0);
}

void vcpu_block(struct vcpu *v)
{
	set_wait(v, VCPU_BLOCKED);
	if (vcpu_has_event(v)) /* it came before the bit was seen */
		__atomic_fetch_and(&v->wait, ~VCPU_BLOCKED, __ATOMIC_SEQ_CST);
}

static void shut_down_if_last(struct domain *d)
{
	for (u32 i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i] && !(READ_ONCE(d->vcpu[i]->wait) & VCPU_DOWN))
			return;
	domain_shutdown(d, SHUTDOWN_poweroff);
}

void vcpu_down(struct vcpu *v)
{
	set_wait(v, VCPU_DOWN);
	shut_down_if_last(v->domain);
}

/* Not while another vCPU resets v: it must not run before that is done. */
void vcpu_up(struct vcpu *v)
{
	spin_lock(&v->signal_lock);
	clear_wait(v, VCPU_DOWN | VCPU_BLOCKED);
	spin_unlock(&v->signal_lock);
}

/* v->wait is not 0 any more: v goes out of the queue, or off its CPU soon. */
static void leave_cpu(struct vcpu *v)
{
	sched_unqueue(v);
	if (READ_ONCE(cpu_by_id(v->cpu)->current) == v)
		sched_poke(v->cpu);
}

void vcpu_pause_bit(struct vcpu *v, bool paused)
{
	if (!paused) {
		clear_wait(v, VCPU_PAUSED);
		return;
	}
	set_wait(v, VCPU_PAUSED);
	leave_cpu(v);
}

static void start_at(struct vcpu *v, u8 vector)
{
	struct plinth_vcpu_state *r = &v->regs;

	reset_registers(v);
	r->cr0 = 0x10;
	r->rip = 0;
	r->seg[SEG_CS].selector = (u16)(vector << 8);
	r->seg[SEG_CS].base = (u64)vector << 12;
	v->has_state = true;
	clear_wait(v, VCPU_DOWN | VCPU_BLOCKED);
}

static void reset(struct vcpu *v)
{
	reset_registers(v);
	vapic_reset(v, true);
	v->event.valid = false;
	v->nmi_pending = v->nmi_masked = false;
	v->int_shadow = 0;
}

/* Under signal_lock, while no CPU has v. */
static void act_on_signals(struct vcpu *v)
{
	u32 signals = v->signalled;

	v->signalled = 0;
	if (signals & VCPU_SIGNAL_INIT)
		reset(v);
	if (signals & VCPU_SIGNAL_STARTUP)
		start_at(v, v->startup_vector);
}

void vcpu_let_go(struct vcpu *v, bool *on_cpu)
{
	spin_lock(&v->signal_lock);
	act_on_signals(v);
	__atomic_store_n(on_cpu, false, __ATOMIC_RELEASE);
	spin_unlock(&v->signal_lock);
}

/* A vCPU's state can only be changed while no CPU has it. If one has, it acts on the signal itself
 * when it lets go. */
static void signal(struct vcpu *v, u32 what, u8 vector)
{
	spin_lock(&v->signal_lock);
	if (what == VCPU_SIGNAL_INIT) {
		set_wait(v, VCPU_DOWN);
		leave_cpu(v);
		v->signalled = what;
	} else if (READ_ONCE(v->wait) &
		   VCPU_DOWN) { /* else it runs, and STARTUP is nothing to it */
		v->startup_vector = vector;
		v->signalled |= what;
	}
	if (sched_off_cpu(v))
		act_on_signals(v);
	spin_unlock(&v->signal_lock);
}

void vcpu_init_signal(struct vcpu *v)
{
	signal(v, VCPU_SIGNAL_INIT, 0);
	shut_down_if_last(v->domain);
}

void vcpu_startup(struct vcpu *v, u8 vector)
{
	signal(v, VCPU_SIGNAL_STARTUP, vector);
}

static bool is_contributory(u8 vector)
{
	return vector == X86_DE || (vector >= X86_TS && vector <= X86_GP);
}

static void raise(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	const struct hvm_event *e = &v->event;

	if (e->valid && e->type == EVENT_exception) {
		bool first_pf = e->vector == X86_PF, second_pf = vector == X86_PF;

		if (e->vector == X86_DF) {
			v->event.valid = false;
			log_line("%s (domain %u): triple fault on vCPU %u at rip %#lx",
				 v->domain->name, v->domain->id, v->id, v->regs.rip);
			domain_shutdown(v->domain,
					(u8)v->domain->hvm_param[HVM_PARAM_TRIPLE_FAULT_REASON]);
			return;
		}
		if ((is_contributory(e->vector) && is_contributory(vector)) ||
		    (first_pf && (second_pf || is_contributory(vector)))) {
			vector = X86_DF;
			has_error = true;
			error = 0;
		}
	} else if (e->valid && e->type == EVENT_external) {
		vapic_unaccept(v, e->vector);
	} else if (e->valid && e->type == EVENT_nmi) {
		v->nmi_pending = true;
		v->nmi_masked = false;
	}
	v->event = (struct hvm_event){.valid = true,
				      .type = EVENT_exception,
				      .vector = vector,
				      .has_error = has_error,
				      .error = error};
}

void vcpu_raise(struct vcpu *v, u8 vector)
{
	raise(v, vector, false, 0);
}

void vcpu_raise_error(struct vcpu *v, u8 vector, u32 error)
{
	raise(v, vector, true, error);
}

void vcpu_raise_page_fault(struct vcpu *v, gva_t address, u32 error)
{
	vcpu_need(v, HVM_STATE_cr);
	v->regs.cr2 = address.v;
	vcpu_dirty(v, HVM_STATE_cr);
	raise(v, X86_PF, true, error);
}

static int decode_length(struct vcpu *v, unsigned int *length)
{
	u8 bytes[15];
	size_t got;
	int err = guest_fetch(v, bytes, sizeof(bytes), &got);

	if (err)
		return err;
	err = insn_length(bytes, got, hvm->code_bits(v), length);
	if (err) {
		/* The guest changed the instruction under us: what it executes now is not what the
		 * CPU intercepted. */
		vcpu_raise(v, X86_UD);
		return -XEN_EFAULT;
	}
	return 0;
}

int vcpu_skip(struct vcpu *v, const struct hvm_exit *exit)
{
	unsigned int length = exit->insn_length;

	if (length == 0 && decode_length(v, &length))
		return -XEN_EFAULT;
	v->regs.rip += length;
	if (v->regs.rip >> 32 && hvm->code_bits(v) != 64)
		v->regs.rip &= 0xFFFFFFFFu;
	vcpu_completed(v);
	return 0;
}

void vcpu_completed(struct vcpu *v)
{
	v->int_shadow = 0;
	if (unlikely(v->regs.rflags & RFLAGS_TF)) {
		vcpu_need(v, HVM_STATE_debug);
		v->regs.dr6 |= DR6_BS;
		vcpu_dirty(v, HVM_STATE_debug);
		vcpu_raise(v, X86_DB);
	}
}
