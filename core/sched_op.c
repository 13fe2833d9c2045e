/* SPDX-License-Identifier: BSD-2-Clause */
/* sched_op: yield, block, shutdown, poll. */
#include <core/hypercall.h>

#include <arch/x86_64/platform/clock.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <sched/sched.h>
#include <xen/errno.h>

static s64 op_yield(struct vcpu *v, void *arg)
{
	(void)arg;
	sched_yield(v);
	return 0;
}

static s64 op_block(struct vcpu *v, void *arg)
{
	(void)arg;
	vcpu_block(v);
	return 0;
}

static s64 op_shutdown(struct vcpu *v, void *arg)
{
	const struct sched_shutdown *s = arg;

	if (s->reason > SHUTDOWN_soft_reset)
		return -XEN_EINVAL;
	domain_shutdown(v->domain, (u8)s->reason);
	return 0;
}

/* Reads the ports in pieces; 1 if one is pending, 0 if none, negative on error. */
static int any_pending(struct vcpu *v, const struct sched_poll *p)
{
	u32 ports[SCHED_POLL_MAX_PORTS];

	if (copy_from_guest(v, ports, gva(p->ports), p->nr_ports * sizeof(ports[0])))
		return -XEN_EFAULT;
	for (u32 i = 0; i < p->nr_ports; i++) {
		if (ports[i] >= XEN_EVTCHN_COUNT)
			return -XEN_EINVAL;
		if (event_is_pending(v->domain, ports[i]))
			return 1;
	}
	return 0;
}

static void stop_polling(struct vcpu *v)
{
	if (__atomic_exchange_n(&v->polling, false, __ATOMIC_SEQ_CST))
		__atomic_fetch_sub(&v->domain->event.pollers, 1, __ATOMIC_SEQ_CST);
}

/* Blocks as HLT does; any event of the domain that is polled for, or the timeout, ends it. The
 * caller looks at its ports again, so waking up too often is harmless. */
static s64 op_poll(struct vcpu *v, void *arg)
{
	const struct sched_poll *p = arg;
	int pending;

	if (p->nr_ports > SCHED_POLL_MAX_PORTS)
		return -XEN_EINVAL;
	__atomic_store_n(&v->polling, true, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&v->domain->event.pollers, 1, __ATOMIC_SEQ_CST);
	pending = any_pending(v, p);
	if (pending || vcpu_has_event(v)) {
		stop_polling(v);
		return pending < 0 ? pending : 0;
	}
	if (p->timeout)
		timer_set(&v->poll_timer, p->timeout);
	v->poll_blocked = true;
	vcpu_block(v);
	/* One that came after the first look found nobody blocked to wake. */
	if (any_pending(v, p))
		vcpu_wake(v);
	return 0;
}

void sched_op_resumed(struct vcpu *v)
{
	v->poll_blocked = false;
	timer_stop(&v->poll_timer);
	stop_polling(v);
}

static const struct hypercall_op ops[] = {
	[SCHEDOP_yield] = {op_yield, 0, 0},
	[SCHEDOP_block] = {op_block, 0, 0},
	[SCHEDOP_shutdown] = {op_shutdown, sizeof(struct sched_shutdown), 0},
	[SCHEDOP_poll] = {op_poll, sizeof(struct sched_poll), 0},
};

s64 do_sched_op(struct vcpu *v)
{
	return hypercall_op(v, ops, ARRAY_SIZE(ops), v->regs.gpr[GPR_RSI]);
}
