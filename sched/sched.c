/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling mechanism. The policy has a lock for each CPU's queue; it is held for a decision,
 * never while a guest runs or state is switched. No other lock but runstate_lock is taken inside.
 */
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

static struct policy_entity *entity_of(const struct vcpu *v)
{
	return &((struct sched_vcpu *)v->sched)->entity;
}

int sched_vcpu_init(struct vcpu *v)
{
	struct sched_vcpu *s = domain_page_alloc(v->domain, 0);

	if (!s)
		return -XEN_ENOMEM;
	s->vcpu = v;
	v->sched = s;
	policy_add(&policy, &s->entity, &v->domain->sched);
	return 0;
}

void sched_vcpu_destroy(struct vcpu *v)
{
	struct sched_vcpu *s = v->sched;

	if (!s)
		return;
	/* Whoever put it to sleep may still hold the lock. */
	spin_unlock(policy_lock(&policy, &s->entity));
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
	struct policy_entity *e = entity_of(v);
	spinlock_t *lock = policy_lock(&policy, e);
	u32 cpu = POLICY_NO_CPU;

	if (READ_ONCE(v->wait) == 0 && e->state == POLICY_ASLEEP) {
		u64 now = clock_ns();

		clock_runstate(v, RUNSTATE_runnable, now, false);
		cpu = policy_wake(&policy, e, now);
	}
	spin_unlock(lock);
	if (cpu != POLICY_NO_CPU)
		sched_poke(cpu);
}

static int waiting_state(u32 wait)
{
	return wait & (VCPU_DOWN | VCPU_PAUSED) ? RUNSTATE_offline : RUNSTATE_blocked;
}

static bool is_waiting(const struct policy_entity *e)
{
	return e->state == POLICY_QUEUED || e->state == POLICY_PARKED;
}

void sched_unqueue(struct vcpu *v)
{
	struct policy_entity *e = entity_of(v);
	spinlock_t *lock = policy_lock(&policy, e);

	if (READ_ONCE(v->wait) != 0 && is_waiting(e)) {
		u64 now = clock_ns();

		clock_runstate(v, waiting_state(v->wait), now, false);
		policy_sleep(&policy, e, now);
	}
	spin_unlock(lock);
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

/* Decides under the queue's lock. */
static struct policy_decision decide(struct pcpu *cpu, struct vcpu *old, u64 now)
{
	struct policy_decision d;
	u32 wait;

	spin_lock(&policy.cpu[cpu->id].lock);
	/* Read under the lock: whoever ends the wait before finds it running and leaves it alone,
	 * whoever ends it afterwards finds it asleep and wakes it. */
	wait = old ? READ_ONCE(old->wait) : 0;
	if (wait) {
		clock_runstate(old, waiting_state(wait), now, true);
		policy_sleep(&policy, entity_of(old), now);
	}
	d = policy_pick(&policy, cpu->id, now);
	/* Before anyone can run it: its times must add up in the order of what happens. */
	if (old && !wait && d.run != entity_of(old))
		clock_runstate(old, RUNSTATE_runnable, now, true);
	spin_unlock(&policy.cpu[cpu->id].lock);
	return d;
}

static struct vcpu *vcpu_of(struct policy_entity *e)
{
	return e ? container_of(e, struct sched_vcpu, entity)->vcpu : NULL;
}

static void end_slice_at(struct pcpu *cpu, u64 until, bool runs)
{
	struct sched_cpu *sc = cpu->sched;

	cpu->slice_end = ~0ull;
	if (until != POLICY_NEVER && hvm_ends_slices && runs) {
		cpu->slice_end = clock_ns_to_tsc(until);
		until = POLICY_NEVER;
	}
	if (until != POLICY_NEVER)
		timer_set(&sc->slice, until);
	else if (sc->slice.armed)
		timer_stop(&sc->slice);
}

struct vcpu *sched_next(void)
{
	struct pcpu *cpu = this_cpu();
	struct vcpu *old = cpu->current, *next;
	struct policy_decision d;
	u64 now = clock_ns();

	cpu->resched = false;
	d = decide(cpu, old, now);
	next = vcpu_of(d.run);
	for (unsigned int i = 0; i < ARRAY_SIZE(d.poke); i++)
		if (d.poke[i] != POLICY_NO_CPU)
			sched_poke(d.poke[i]);
	if (d.moved) /* while on_cpu keeps it from going away */
		sched_wake(vcpu_of(d.moved));

	end_slice_at(cpu, d.until, next);
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
	if (policy_yield(&policy, entity_of(v)))
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
	spinlock_t *lock = policy_lock(&policy, &s->entity);
	/* Asleep under the lock and saved: nobody is about to run it either. */
	bool off = s->entity.state == POLICY_ASLEEP && !sched_on_cpu(v);

	spin_unlock(lock);
	return off;
}

void sched_wait_off_cpu(const struct vcpu *v)
{
	while (!sched_off_cpu(v))
		cpu_relax();
}

/* What v may do has changed: to the CPUs in `allowed`, unless that is NULL. */
static void reconsider(struct vcpu *v, const struct cpuset *allowed)
{
	struct policy_entity *e = entity_of(v);
	spinlock_t *lock = policy_lock(&policy, e);
	bool waits = is_waiting(e), runs = e->state == POLICY_RUNNING;
	u32 cpu = e->cpu;

	if (waits)
		policy_sleep(&policy, e, clock_ns());
	if (allowed)
		policy_allow(&policy, e, allowed);
	spin_unlock(lock);
	if (waits)
		sched_wake(v); /* does nothing if v has to wait, or was woken meanwhile */
	if (runs)
		sched_poke(cpu);
}

void sched_set_weight(struct domain *d, u32 weight)
{
	WRITE_ONCE(d->sched.weight, weight);
}

void sched_set_cap(struct domain *d, u32 cap)
{
	WRITE_ONCE(d->sched.cap, cap);
	WRITE_ONCE(d->sched.paid, 0);
	for (u32 i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			reconsider(d->vcpu[i], NULL);
}

int sched_set_affinity(struct vcpu *v, const struct cpuset *wanted)
{
	struct cpuset allowed = *wanted;
	u64 any = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(allowed.bits); i++)
		any |= allowed.bits[i] &= policy.all.bits[i];
	if (!any)
		return -XEN_EINVAL;
	reconsider(v, &allowed);
	return 0;
}

void sched_get_affinity(const struct vcpu *v, struct cpuset *allowed)
{
	*allowed = entity_of(v)->allowed; /* who changes it also asks for it */
}
