/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls 24 and 15: what a guest asks of its vCPUs, and their one-shot timer. */
#include <core/hypercall.h>

#include <arch/x86_64/platform/clock.h>
#include <core/clock.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <xen/errno.h>

/* Timeouts that no clock can mean are a sign of a guest that lost track of time (or of one that
 * counts in another unit). It gets its interrupt soon, and can look. */
#define TIMEOUT_ABSURD_NS (1ull << 50)
#define TIMEOUT_SOON_NS   100000000ull

static void singleshot_expired(struct timer *t)
{
	event_raise_virq(container_of(t, struct vcpu, singleshot), VIRQ_TIMER);
}

void vcpu_op_init(struct vcpu *v)
{
	timer_init(&v->singleshot, singleshot_expired);
}

/* A time that is past fires at once, from timer_run() before the vCPU goes on. */
static void singleshot_set(struct vcpu *v, u64 timeout)
{
	u64 now = clock_ns();

	if (unlikely((s64)timeout < 0 || (timeout > now && timeout - now > TIMEOUT_ABSURD_NS)))
		timeout = now + TIMEOUT_SOON_NS;
	timer_set(&v->singleshot, timeout);
}

s64 do_set_timer_op(struct vcpu *v)
{
	if (v->regs.gpr[GPR_RDI] == 0)
		timer_stop(&v->singleshot);
	else
		singleshot_set(v, v->regs.gpr[GPR_RDI]);
	return 0;
}

/* The vCPU that is meant; do_vcpu_op() has checked the number. It need not have run yet: Linux
 * prepares a vCPU from another one (guest-abi, trap 3). */
static struct vcpu *target_of(const struct vcpu *v)
{
	return v->domain->vcpu[index_guarded((u32)v->regs.gpr[GPR_RSI], v->domain->max_vcpus)];
}

static s64 op_up(struct vcpu *v, void *arg)
{
	(void)arg;
	if (!target_of(v)->has_state)
		return -XEN_EINVAL; /* it would run from nowhere */
	vcpu_up(target_of(v));
	return 0;
}

static s64 op_down(struct vcpu *v, void *arg)
{
	(void)arg;
	if (target_of(v) != v)
		return -XEN_EINVAL; /* each vCPU takes itself down, as in Linux */
	vcpu_down(v);
	return 0;
}

static s64 op_is_up(struct vcpu *v, void *arg)
{
	(void)arg;
	return !(READ_ONCE(target_of(v)->wait) & VCPU_DOWN);
}

static s64 op_get_runstate(struct vcpu *v, void *arg)
{
	struct vcpu_runstate_info *info = arg;
	struct vcpu *target = target_of(v);
	u64 now = clock_ns();

	spin_lock(&target->runstate_lock);
	*info = target->runstate;
	spin_unlock(&target->runstate_lock);
	if (now > info->state_entry_time)
		info->time[info->state] += now - info->state_entry_time;
	return 0;
}

static s64 op_register_runstate(struct vcpu *v, void *arg)
{
	const struct vcpu_register_area *a = arg;

	return clock_register_runstate(v, target_of(v), gva(a->addr));
}

static s64 op_register_time(struct vcpu *v, void *arg)
{
	const struct vcpu_register_area *a = arg;

	return clock_register_time(v, target_of(v), gva(a->addr));
}

static s64 op_stop_periodic(struct vcpu *v, void *arg)
{
	(void)v;
	(void)arg;
	return 0; /* there is none that could run: Linux stops it on each CPU all the same */
}

static s64 op_set_singleshot(struct vcpu *v, void *arg)
{
	const struct vcpu_set_singleshot_timer *s = arg;

	if (target_of(v) != v)
		return -XEN_EINVAL;
	singleshot_set(v, s->timeout_abs_ns); /* "must be future": fires at once instead */
	return 0;
}

static s64 op_stop_singleshot(struct vcpu *v, void *arg)
{
	(void)arg;
	if (target_of(v) != v)
		return -XEN_EINVAL;
	timer_stop(&v->singleshot);
	return 0;
}

static s64 op_register_info(struct vcpu *v, void *arg)
{
	const struct vcpu_register_vcpu_info *r = arg;

	return event_register_info(target_of(v), gfn(r->gfn), r->offset);
}

static const struct hypercall_op ops[] = {
	[VCPUOP_up] = {op_up, 0, 0},
	[VCPUOP_down] = {op_down, 0, 0},
	[VCPUOP_is_up] = {op_is_up, 0, 0},
	[VCPUOP_get_runstate_info] = {op_get_runstate, sizeof(struct vcpu_runstate_info),
				      HYPERCALL_OUT},
	[VCPUOP_register_runstate_memory_area] = {op_register_runstate,
						  sizeof(struct vcpu_register_area), 0},
	[VCPUOP_stop_periodic_timer] = {op_stop_periodic, 0, 0},
	[VCPUOP_set_singleshot_timer] = {op_set_singleshot,
					 sizeof(struct vcpu_set_singleshot_timer), 0},
	[VCPUOP_stop_singleshot_timer] = {op_stop_singleshot, 0, 0},
	[VCPUOP_register_vcpu_info] = {op_register_info, sizeof(struct vcpu_register_vcpu_info), 0},
	[VCPUOP_register_vcpu_time_memory_area] = {op_register_time,
						   sizeof(struct vcpu_register_area), 0},
};

s64 do_vcpu_op(struct vcpu *v)
{
	const struct domain *d = v->domain;
	u32 id = (u32)v->regs.gpr[GPR_RSI]; /* int in the guest's headers */

	if (id >= d->max_vcpus || !d->vcpu[id])
		return -XEN_ENOENT;
	return hypercall_op(v, ops, ARRAY_SIZE(ops), v->regs.gpr[GPR_RDX]);
}
