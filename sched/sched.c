/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling mechanism. One lock guards the policy's state; it is held for a decision, never while
 * a guest runs or state is switched. */
#include <sched/sched.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/cpu/smp.h>
#include <arch/x86_64/platform/clock.h>
#include <core/clock.h>
#include <core/domain.h>
#include <core/lib/lock.h>
#include <core/mm/frame.h>
#include <core/timer.h>
#include <core/vcpu.h>
#include <core/xstate.h>
#include <sched/policy.h>
#include <xen/errno.h>

/* What the scheduler keeps for a vCPU. */
struct sched_vcpu {
	struct policy_entity entity;
	struct vcpu *vcpu;
	/* Its state is in a CPU's registers: set when picked, cleared when saved. A CPU that picks
	 * it right after another one let go waits for the save to end. */
	bool on_cpu;
};

struct sched_cpu {
	struct timer slice;
};

static struct policy policy;
static spinlock_t sched_lock;
static struct sched_cpu sched_cpus[MAX_CPUS];

_Static_assert(MAX_CPUS <= POLICY_MAX_CPUS, "the policy has room for each CPU");

static void slice_over(struct timer *t)
{
	(void)t;
	this_cpu()->resched = true;
}

void sched_init(void)
{
	policy_init(&policy, cpu_count);
}

void sched_init_cpu(void)
{
	struct pcpu *cpu = this_cpu();

	cpu->sched = &sched_cpus[cpu->id];
	timer_init(&sched_cpus[cpu->id].slice, slice_over);
	cpu->resched = true;
}

int sched_vcpu_init(struct vcpu *v)
{
	struct sched_vcpu *s = domain_page_alloc(v->domain, 0);

	if (!s)
		return -XEN_ENOMEM;
	s->vcpu = v;
	v->sched = s;
	spin_lock(&sched_lock);
	policy_add(&policy, &s->entity, v->domain->sched_weight);
	spin_unlock(&sched_lock);
	return 0;
}

void sched_vcpu_destroy(struct vcpu *v)
{
	struct sched_vcpu *s = v->sched;

	if (!s)
		return;
	spin_lock(&sched_lock);
	policy_remove(&policy, &s->entity);
	spin_unlock(&sched_lock);
	v->sched = NULL;
	domain_page_free(v->domain, s, 0);
}

void sched_poke(u32 id)
{
	struct pcpu *cpu = cpu_by_id(id);

	WRITE_ONCE(cpu->resched, true);
	if (cpu != this_cpu())
		ipi_kick(id);
}

void sched_wake(struct vcpu *v)
{
	struct sched_vcpu *s = v->sched;
	u32 cpu = POLICY_NO_CPU;
	u64 now = clock_ns();

	spin_lock(&sched_lock);
	if (READ_ONCE(v->wait) == 0 && s->entity.state == POLICY_ASLEEP) {
		clock_runstate(v, RUNSTATE_runnable, now, false);
		cpu = policy_wake(&policy, &s->entity, now);
	}
	spin_unlock(&sched_lock);
	if (cpu != POLICY_NO_CPU)
		sched_poke(cpu);
}

static int waiting_state(u32 wait)
{
	return wait & (VCPU_DOWN | VCPU_PAUSED) ? RUNSTATE_offline : RUNSTATE_blocked;
}

void sched_unqueue(struct vcpu *v)
{
	struct sched_vcpu *s = v->sched;
	u64 now = clock_ns();

	spin_lock(&sched_lock);
	if (READ_ONCE(v->wait) != 0 && s->entity.state == POLICY_QUEUED) {
		policy_sleep(&policy, &s->entity, now);
		clock_runstate(v, waiting_state(v->wait), now, false);
	}
	spin_unlock(&sched_lock);
}

static void leave(struct vcpu *v)
{
	struct sched_vcpu *s = v->sched;

	xstate_switch_out(v);
	hvm->switch_out(v);
	vcpu_let_go(v, &s->on_cpu);
}

/* What one domain taught the branch predictors must not steer another one. APM vol. 2 and SDM vol.
 * 3, "Indirect Branch Prediction Barrier". */
static void forget_branches(u32 id)
{
	struct pcpu *cpu = this_cpu();

	if (cpu->last_domain == id + 1)
		return;
	cpu->last_domain = id + 1;
	if (cpu_has(CPU_IBPB_AMD) || cpu_has(CPU_IBPB_INTEL))
		wrmsr(MSR_PRED_CMD, 1);
}

static void enter(struct vcpu *v, u64 now)
{
	struct sched_vcpu *s = v->sched;

	while (__atomic_load_n(&s->on_cpu, __ATOMIC_ACQUIRE))
		cpu_relax(); /* its last CPU is about to finish saving it */
	s->on_cpu = true;
	v->cpu = this_cpu()->id;
	forget_branches(v->domain->id);
	hvm->switch_in(v);
	xstate_switch_in(v);
	clock_runstate(v, RUNSTATE_running, now, true);
}

struct vcpu *sched_next(void)
{
	struct pcpu *cpu = this_cpu();
	struct sched_cpu *sc = cpu->sched;
	struct vcpu *old = cpu->current, *next;
	struct policy_decision decision;
	int old_state = RUNSTATE_runnable;
	u64 now = clock_ns();
	u32 wait;

	cpu->resched = false;
	spin_lock(&sched_lock);
	wait = old ? READ_ONCE(old->wait) : 0;
	if (wait) {
		old_state = waiting_state(wait);
		policy_sleep(&policy, &((struct sched_vcpu *)old->sched)->entity, now);
	}
	decision = policy_pick(&policy, cpu->id, now);
	next = decision.run ? container_of(decision.run, struct sched_vcpu, entity)->vcpu : NULL;
	/* Before anyone can wake it: its times must add up in the order of what happens. */
	if (old && next != old)
		clock_runstate(old, old_state, now, true);
	spin_unlock(&sched_lock);
	if (decision.poke != POLICY_NO_CPU)
		sched_poke(decision.poke);

	if (decision.until != POLICY_NEVER)
		timer_set(&sc->slice, decision.until);
	else
		timer_stop(&sc->slice);
	if (next != old) {
		cpu->current = NULL;
		if (old)
			leave(old);
		if (next)
			enter(next, now);
		cpu->current = next;
	}
	return next;
}

void sched_yield(struct vcpu *v)
{
	struct sched_vcpu *s = v->sched;

	spin_lock(&sched_lock);
	policy_yield(&policy, &s->entity, clock_ns());
	spin_unlock(&sched_lock);
	this_cpu()->resched = true;
}

bool sched_on_cpu(const struct vcpu *v)
{
	const struct sched_vcpu *s = v->sched;

	return __atomic_load_n(&s->on_cpu, __ATOMIC_ACQUIRE);
}

bool sched_off_cpu(const struct vcpu *v)
{
	const struct sched_vcpu *s = v->sched;
	bool off;

	/* Asleep under the lock and saved: nobody is about to run it either. */
	spin_lock(&sched_lock);
	off = s->entity.state == POLICY_ASLEEP && !s->on_cpu;
	spin_unlock(&sched_lock);
	return off;
}

void sched_wait_off_cpu(const struct vcpu *v)
{
	while (!sched_off_cpu(v))
		cpu_relax();
}

void sched_set_weight(struct domain *d, u32 weight)
{
	spin_lock(&sched_lock);
	d->sched_weight = weight;
	for (u32 i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			((struct sched_vcpu *)d->vcpu[i]->sched)->entity.weight = weight;
	spin_unlock(&sched_lock);
}
