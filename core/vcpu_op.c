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

s64 do_set_timer_op(struct vcpu *v, u64 timeout)
{
	if (timeout == 0)
		timer_stop(&v->singleshot);
	else
		singleshot_set(v, timeout);
	return 0;
}

static s64 op_up(struct vcpu *v, struct vcpu *target, u64 arg)
{
	(void)v;
	(void)arg;
	if (!target->has_state)
		return -XEN_EINVAL; /* it would run from nowhere */
	vcpu_up(target);
	return 0;
}

static s64 op_down(struct vcpu *v, struct vcpu *target, u64 arg)
{
	(void)arg;
	if (target != v)
		return -XEN_EINVAL; /* each vCPU takes itself down, as in Linux */
	vcpu_down(v);
	return 0;
}

static s64 op_is_up(struct vcpu *v, struct vcpu *target, u64 arg)
{
	(void)v;
	(void)arg;
	return !(READ_ONCE(target->wait) & VCPU_DOWN);
}

static s64 op_get_runstate(struct vcpu *v, struct vcpu *target, u64 arg)
{
	struct vcpu_runstate_info info;
	u64 now = clock_ns();

	spin_lock(&target->runstate_lock);
	info = target->runstate;
	spin_unlock(&target->runstate_lock);
	if (now > info.state_entry_time)
		info.time[info.state] += now - info.state_entry_time;
	return copy_to_guest(v, gva(arg), &info, sizeof(info));
}

static s64 op_register_runstate(struct vcpu *v, struct vcpu *target, u64 arg)
{
	struct vcpu_register_area a;
	int err = copy_from_guest(v, &a, gva(arg), sizeof(a));

	return err ? err : clock_register_runstate(v, target, gva(a.addr));
}

static s64 op_register_time(struct vcpu *v, struct vcpu *target, u64 arg)
{
	struct vcpu_register_area a;
	int err = copy_from_guest(v, &a, gva(arg), sizeof(a));

	return err ? err : clock_register_time(v, target, gva(a.addr));
}

static s64 op_stop_periodic(struct vcpu *v, struct vcpu *target, u64 arg)
{
	(void)v;
	(void)target;
	(void)arg;
	return 0; /* there is none that could run: Linux stops it on each CPU all the same */
}

static s64 op_set_singleshot(struct vcpu *v, struct vcpu *target, u64 arg)
{
	struct vcpu_set_singleshot_timer s;
	int err;

	if (target != v)
		return -XEN_EINVAL;
	err = copy_from_guest(v, &s, gva(arg), sizeof(s));
	if (!err)
		singleshot_set(v, s.timeout_abs_ns); /* "must be future": fires at once instead */
	return err;
}

static s64 op_stop_singleshot(struct vcpu *v, struct vcpu *target, u64 arg)
{
	(void)arg;
	if (target != v)
		return -XEN_EINVAL;
	timer_stop(&v->singleshot);
	return 0;
}

static s64 op_register_info(struct vcpu *v, struct vcpu *target, u64 arg)
{
	struct vcpu_register_vcpu_info r;
	int err = copy_from_guest(v, &r, gva(arg), sizeof(r));

	return err ? err : event_register_info(target, gfn(r.gfn), r.offset);
}

/* Targets need not have run yet: Linux prepares a vCPU from another one (guest-abi, trap 3). */
static s64 (*const operations[])(struct vcpu *v, struct vcpu *target, u64 arg) = {
	[VCPUOP_up] = op_up,
	[VCPUOP_down] = op_down,
	[VCPUOP_is_up] = op_is_up,
	[VCPUOP_get_runstate_info] = op_get_runstate,
	[VCPUOP_register_runstate_memory_area] = op_register_runstate,
	[VCPUOP_stop_periodic_timer] = op_stop_periodic,
	[VCPUOP_set_singleshot_timer] = op_set_singleshot,
	[VCPUOP_stop_singleshot_timer] = op_stop_singleshot,
	[VCPUOP_register_vcpu_info] = op_register_info,
	[VCPUOP_register_vcpu_time_memory_area] = op_register_time,
};

s64 do_vcpu_op(struct vcpu *v, u64 cmd, u64 vcpu, u64 arg)
{
	const struct domain *d = v->domain;
	u32 op = (u32)cmd, id = (u32)vcpu; /* int in the guest's headers */

	if (id >= d->max_vcpus || !d->vcpu[id])
		return -XEN_ENOENT;
	if (op >= ARRAY_SIZE(operations) || !operations[op])
		return -XEN_ENOSYS;
	return operations[op](v, d->vcpu[id], arg);
}
