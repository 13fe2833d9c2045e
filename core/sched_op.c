/* SPDX-License-Identifier: BSD-2-Clause */
/* sched_op: yield, block, shutdown, poll. */
#include <core/hypercall.h>

#include <arch/x86_64/platform/clock.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <sched/sched.h>
#include <xen/errno.h>

static s64 op_shutdown(struct vcpu *v, u64 arg)
{
	struct sched_shutdown s;

	if (copy_from_guest(v, &s, gva(arg), sizeof(s)))
		return -XEN_EFAULT;
	if (s.reason > SHUTDOWN_soft_reset)
		return -XEN_EINVAL;
	domain_shutdown(v->domain, (u8)s.reason);
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
static s64 op_poll(struct vcpu *v, u64 arg)
{
	struct sched_poll p;
	int pending;

	if (copy_from_guest(v, &p, gva(arg), sizeof(p)))
		return -XEN_EFAULT;
	if (p.nr_ports > SCHED_POLL_MAX_PORTS)
		return -XEN_EINVAL;
	__atomic_store_n(&v->polling, true, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&v->domain->event.pollers, 1, __ATOMIC_SEQ_CST);
	pending = any_pending(v, &p);
	if (pending || vcpu_has_event(v)) {
		stop_polling(v);
		return pending < 0 ? pending : 0;
	}
	if (p.timeout)
		timer_set(&v->poll_timer, p.timeout);
	v->poll_blocked = true;
	vcpu_block(v);
	/* One that came after the first look found nobody blocked to wake. */
	if (any_pending(v, &p))
		vcpu_wake(v);
	return 0;
}

void sched_op_resumed(struct vcpu *v)
{
	v->poll_blocked = false;
	timer_stop(&v->poll_timer);
	stop_polling(v);
}

s64 do_sched_op(struct vcpu *v, u64 cmd, u64 arg)
{
	switch (cmd) {
	case SCHEDOP_yield:
		sched_yield(v);
		return 0;
	case SCHEDOP_block:
		vcpu_block(v);
		return 0;
	case SCHEDOP_shutdown:
		return op_shutdown(v, arg);
	case SCHEDOP_poll:
		return op_poll(v, arg);
	default:
		return -XEN_ENOSYS;
	}
}
