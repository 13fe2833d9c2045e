/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall 32: what guests ask of event channels. */
#include <core/event.h>

#include <core/event_port.h>
#include <core/hypercall.h>
#include <xen/errno.h>

static bool vcpu_exists(const struct domain *d, u32 id)
{
	return id < d->max_vcpus && d->vcpu[id];
}

static s64 op_bind_interdomain(struct vcpu *v, void *arg)
{
	struct evtchn_bind_interdomain *a = arg;
	struct domain *remote;
	int err;

	remote = domain_get(a->remote_dom == DOMID_SELF ? v->domain->id : a->remote_dom);
	if (!remote)
		return -XEN_ESRCH;
	err = event_port_connect(v->domain, remote, a->remote_port, &a->local_port);
	domain_put(remote);
	return err;
}

static s64 op_bind_virq(struct vcpu *v, void *arg)
{
	struct evtchn_bind_virq *a = arg;
	struct domain *d = v->domain;
	u32 *slot;
	int err;

	if (a->virq >= NR_VIRQS)
		return -XEN_EINVAL;
	if (!vcpu_exists(d, a->vcpu))
		return -XEN_ENOENT;
	if (a->virq <= VIRQ_DEBUG)
		slot = &d->vcpu[a->vcpu]->virq_port[a->virq];
	else if (a->vcpu != 0)
		return -XEN_EINVAL;
	else if (!d->control)
		return -XEN_EBUSY;
	else
		slot = &d->event.global_virq_port[a->virq];

	spin_lock(&d->event.lock);
	err = -XEN_EEXIST;
	if (*slot == 0) {
		err = event_port_alloc(d, EVTCHNSTAT_virq, a->vcpu, a->virq, &a->port);
		if (!err)
			WRITE_ONCE(*slot, a->port);
	}
	spin_unlock(&d->event.lock);
	return err;
}

static s64 op_bind_ipi(struct vcpu *v, void *arg)
{
	struct evtchn_bind_ipi *a = arg;
	struct domain *d = v->domain;
	int err;

	if (!vcpu_exists(d, a->vcpu))
		return -XEN_ENOENT;
	spin_lock(&d->event.lock);
	err = event_port_alloc(d, EVTCHNSTAT_ipi, a->vcpu, 0, &a->port);
	spin_unlock(&d->event.lock);
	return err;
}

static s64 op_alloc_unbound(struct vcpu *v, void *arg)
{
	struct evtchn_alloc_unbound *a = arg;
	domid_t remote = a->remote_dom == DOMID_SELF ? v->domain->id : a->remote_dom;
	struct domain *d;
	int err;

	d = domain_get_for(v, a->dom, &err);
	if (!d)
		return err;
	err = -XEN_EINVAL;
	if (!d->scratch) {
		spin_lock(&d->event.lock);
		err = event_port_alloc(d, EVTCHNSTAT_unbound, 0, remote, &a->port);
		spin_unlock(&d->event.lock);
	}
	domain_put(d);
	return err;
}

static s64 op_close(struct vcpu *v, void *arg)
{
	const struct evtchn_port_arg *a = arg;
	int err = event_port_close(v->domain, a->port);

	return err == -XEN_EAGAIN ? HYPERCALL_RESTART : err; /* it changed under our hands */
}

/* The own lock alone keeps an interdomain port's peer, and its port there, as they are. */
static s64 op_send(struct vcpu *v, void *arg)
{
	const struct evtchn_port_arg *a = arg;
	struct domain *d = v->domain;
	const struct evtchn *chn;
	int err = 0;

	spin_lock(&d->event.lock);
	chn = event_port(d, a->port);
	if (!chn)
		err = -XEN_EINVAL;
	else if (chn->state == EVTCHNSTAT_interdomain)
		event_set_pending(chn->peer, READ_ONCE(event_port(chn->peer, chn->peer_port)->vcpu),
				  chn->peer_port);
	else if (chn->state == EVTCHNSTAT_ipi)
		event_set_pending(d, chn->vcpu, a->port);
	else if (chn->state != EVTCHNSTAT_unbound)
		err = -XEN_EINVAL;
	spin_unlock(&d->event.lock);
	return err;
}

static s64 op_status(struct vcpu *v, void *arg)
{
	struct evtchn_status *a = arg, out = {.dom = a->dom, .port = a->port};
	const struct evtchn *chn;
	struct domain *d;
	int err;

	if (a->port >= XEN_EVTCHN_COUNT)
		return -XEN_EINVAL;
	d = domain_get_for(v, a->dom, &err);
	if (!d)
		return err;
	spin_lock(&d->event.lock);
	chn = event_port(d, a->port);
	if (chn) {
		out.status = chn->state;
		out.vcpu = chn->vcpu;
		if (chn->state == EVTCHNSTAT_interdomain) {
			out.u.interdomain.dom = chn->peer->id;
			out.u.interdomain.port = chn->peer_port;
		} else if (chn->state == EVTCHNSTAT_unbound) {
			out.u.unbound.dom = (domid_t)chn->arg;
		} else {
			out.u.virq = chn->arg; /* or pirq */
		}
	}
	spin_unlock(&d->event.lock);
	domain_put(d);
	*a = out;
	return 0;
}

static s64 op_bind_vcpu(struct vcpu *v, void *arg)
{
	const struct evtchn_bind_vcpu *a = arg;
	struct domain *d = v->domain;
	struct evtchn *chn;
	int err = -XEN_EINVAL;

	if (!vcpu_exists(d, a->vcpu))
		return -XEN_ENOENT;
	spin_lock(&d->event.lock);
	chn = event_port(d, a->port);
	if (chn && chn->state != EVTCHNSTAT_closed && chn->state != EVTCHNSTAT_ipi &&
	    !(chn->state == EVTCHNSTAT_virq && chn->arg <= VIRQ_DEBUG)) {
		WRITE_ONCE(chn->vcpu, (u8)a->vcpu);
		err = 0;
	}
	spin_unlock(&d->event.lock);
	return err;
}

static s64 op_unmask(struct vcpu *v, void *arg)
{
	const struct evtchn_port_arg *a = arg;
	struct domain *d = v->domain;
	const struct evtchn *chn = event_port(d, a->port);

	if (!chn)
		return -XEN_EINVAL;
	if (event_test_and_clear(&d->shared->evtchn_mask[a->port / 64], a->port % 64) &&
	    event_is_pending(d, a->port))
		event_mark(d, READ_ONCE(chn->vcpu), a->port / 64);
	return 0;
}

/* Closes all ports but interrupts', one page of them in each piece. */
static s64 op_reset(struct vcpu *v, void *arg)
{
	const struct evtchn_reset *a = arg;
	u64 page = hypercall_start(v->regs.gpr[GPR_RDI]);
	struct domain *d;
	int err;

	d = domain_get_for(v, a->dom, &err);
	if (!d)
		return err;
	while (page < EVTCHN_PAGES && !READ_ONCE(d->event.page[page]))
		page++;
	for (u64 p = page * EVTCHN_PER_PAGE; p < XEN_EVTCHN_COUNT; p++) {
		err = event_port_close(d, (evtchn_port_t)p);
		if (err == -XEN_EAGAIN || p % EVTCHN_PER_PAGE == EVTCHN_PER_PAGE - 1) {
			page += err != -XEN_EAGAIN;
			break;
		}
	}
	domain_put(d);
	return page < EVTCHN_PAGES ? hypercall_again(v, page) : 0;
}

static const struct hypercall_op ops[] = {
	[EVTCHNOP_bind_interdomain] = {op_bind_interdomain, sizeof(struct evtchn_bind_interdomain),
				       HYPERCALL_OUT},
	[EVTCHNOP_bind_virq] = {op_bind_virq, sizeof(struct evtchn_bind_virq), HYPERCALL_OUT},
	[EVTCHNOP_close] = {op_close, sizeof(struct evtchn_port_arg), 0},
	[EVTCHNOP_send] = {op_send, sizeof(struct evtchn_port_arg), 0},
	[EVTCHNOP_status] = {op_status, sizeof(struct evtchn_status), HYPERCALL_OUT},
	[EVTCHNOP_alloc_unbound] = {op_alloc_unbound, sizeof(struct evtchn_alloc_unbound),
				    HYPERCALL_OUT},
	[EVTCHNOP_bind_ipi] = {op_bind_ipi, sizeof(struct evtchn_bind_ipi), HYPERCALL_OUT},
	[EVTCHNOP_bind_vcpu] = {op_bind_vcpu, sizeof(struct evtchn_bind_vcpu), 0},
	[EVTCHNOP_unmask] = {op_unmask, sizeof(struct evtchn_port_arg), 0},
	[EVTCHNOP_reset] = {op_reset, sizeof(struct evtchn_reset), HYPERCALL_RESTARTS},
};

s64 do_event_channel_op(struct vcpu *v)
{
	return hypercall_op(v, ops, ARRAY_SIZE(ops), v->regs.gpr[GPR_RSI]);
}
