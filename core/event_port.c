/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channel ports: allocation, connection, closing. */
#include <core/event_port.h>

#include <core/mm/frame.h>
#include <xen/errno.h>

void event_domain_init(struct domain *d)
{
	d->event = (struct event_domain){.free_hint = 1, .shared_gfn = ~0ull};
}

int event_port_alloc(struct domain *d, u8 state, u32 vcpu, u32 arg, evtchn_port_t *port)
{
	struct event_domain *e = &d->event;

	if (e->closed)
		return -XEN_ESRCH;
	for (u32 p = e->free_hint; p < XEN_EVTCHN_COUNT; p++) {
		struct evtchn *page = e->page[p / EVTCHN_PER_PAGE], *chn;

		if (!page) {
			page = domain_page_alloc(d, 0);
			if (!page)
				return -XEN_ENOMEM;
			__atomic_store_n(&e->page[p / EVTCHN_PER_PAGE], page, __ATOMIC_RELEASE);
		}
		chn = &page[p % EVTCHN_PER_PAGE];
		if (chn->state != EVTCHNSTAT_closed)
			continue;
		*chn = (struct evtchn){.state = state, .vcpu = (u8)vcpu, .arg = arg};
		e->free_hint = p + 1;
		*port = p;
		return 0;
	}
	e->free_hint = XEN_EVTCHN_COUNT;
	return -XEN_ENOSPC;
}

int event_alloc_irq(struct domain *d, u32 gsi, evtchn_port_t *port)
{
	int err;

	spin_lock(&d->event.lock);
	err = event_port_alloc(d, EVTCHNSTAT_pirq, 0, gsi, port);
	spin_unlock(&d->event.lock);
	return err;
}

/* a and b may be the same domain. */
static void lock_both(struct domain *a, struct domain *b)
{
	if ((uintptr_t)a > (uintptr_t)b) {
		struct domain *t = a;

		a = b;
		b = t;
	}
	spin_lock(&a->event.lock);
	if (a != b)
		spin_lock(&b->event.lock);
}

static void unlock_both(struct domain *a, struct domain *b)
{
	spin_unlock(&a->event.lock);
	if (a != b)
		spin_unlock(&b->event.lock);
}

int event_port_connect(struct domain *d, struct domain *remote, evtchn_port_t remote_port,
		       evtchn_port_t *port)
{
	struct evtchn *far, *near;
	int err = -XEN_EINVAL;

	lock_both(d, remote);
	far = event_port(remote, remote_port);
	if (!far || far->state != EVTCHNSTAT_unbound || far->arg != d->id || remote->event.closed)
		goto out;
	err = event_port_alloc(d, EVTCHNSTAT_interdomain, 0, 0, port);
	if (err)
		goto out;
	near = event_port(d, *port);
	near->peer_port = (u16)remote_port;
	near->peer = remote;
	domain_ref(remote);
	far->state = EVTCHNSTAT_interdomain;
	far->peer_port = (u16)*port;
	far->peer = d;
	domain_ref(d);
	/* The other side may have sent before: its first kick must not be lost. */
	event_set_pending(d, near->vcpu, *port);
out:
	unlock_both(d, remote);
	return err;
}

/* The port is closed for both sides' senders when the locks are dropped. */
static void port_free(struct domain *d, evtchn_port_t port, struct evtchn *chn)
{
	if (chn->state == EVTCHNSTAT_virq) {
		if (chn->arg <= VIRQ_DEBUG)
			WRITE_ONCE(d->vcpu[chn->vcpu]->virq_port[chn->arg], 0);
		else
			WRITE_ONCE(d->event.global_virq_port[chn->arg], 0);
	}
	*chn = (struct evtchn){.state = EVTCHNSTAT_closed};
	(void)event_test_and_clear(&d->shared->evtchn_pending[port / 64], port % 64);
	if (port < d->event.free_hint)
		d->event.free_hint = port;
}

void event_free_irq(struct domain *d, evtchn_port_t port)
{
	struct evtchn *chn;

	spin_lock(&d->event.lock);
	chn = event_port(d, port);
	if (chn && chn->state == EVTCHNSTAT_pirq)
		port_free(d, port, chn);
	spin_unlock(&d->event.lock);
}

/* d's lock is held; takes the peer's of an interdomain port. Out of order it may be busy: then both
 * are taken anew in order, and -XEN_EAGAIN says that the port is another's business now. *extra is
 * set if the peer got a reference for that. */
static int lock_peer(struct domain *d, evtchn_port_t port, const struct evtchn *chn, bool *extra)
{
	struct domain *peer = chn->peer;

	if ((uintptr_t)peer > (uintptr_t)d) {
		spin_lock(&peer->event.lock);
		return 0;
	}
	if (spin_trylock(&peer->event.lock))
		return 0;
	domain_ref(peer);
	*extra = true;
	spin_unlock(&d->event.lock);
	lock_both(d, peer);
	return event_port(d, port) == chn && chn->state == EVTCHNSTAT_interdomain &&
			       chn->peer == peer
		       ? 0
		       : -XEN_EAGAIN;
}

static int close_interdomain(struct domain *d, evtchn_port_t port, struct evtchn *chn)
{
	struct domain *peer = chn->peer;
	bool extra = false;
	int err = peer == d ? 0 : lock_peer(d, port, chn, &extra);

	if (!err) {
		struct evtchn *far = event_port(peer, chn->peer_port);

		far->state = EVTCHNSTAT_unbound;
		far->arg = d->id;
		far->peer_port = 0;
		far->peer = NULL;
		port_free(d, port, chn);
	}
	unlock_both(d, peer);
	if (!err) {
		domain_put(peer); /* this side's */
		domain_put(d);    /* the far side's */
	}
	if (extra)
		domain_put(peer);
	return err;
}

int event_port_close(struct domain *d, evtchn_port_t port)
{
	struct evtchn *chn;
	int err = 0;

	spin_lock(&d->event.lock);
	chn = event_port(d, port);
	/* While the domain lives, interrupts end by irq_unbind() alone: it masks the device. */
	if (!chn || chn->state == EVTCHNSTAT_closed ||
	    (chn->state == EVTCHNSTAT_pirq && !d->event.closed))
		err = -XEN_EINVAL;
	else if (chn->state == EVTCHNSTAT_interdomain)
		return close_interdomain(d, port, chn);
	else
		port_free(d, port, chn);
	spin_unlock(&d->event.lock);
	return err;
}

/* The vCPUs' timers are what could still raise an event: they go first. */
static void release_infos(struct domain *d)
{
	for (u32 i = 0; i < d->max_vcpus; i++) {
		struct vcpu *v = d->vcpu ? d->vcpu[i] : NULL;

		if (!v)
			continue;
		timer_end(&v->singleshot);
		event_vcpu_destroy(v);
	}
}

int event_domain_destroy(struct domain *d)
{
	struct event_domain *e = &d->event;

	spin_lock(&e->lock);
	e->closed = true;
	spin_unlock(&e->lock);
	while (e->destroyed < EVTCHN_PAGES) {
		u32 i = e->destroyed++;
		struct evtchn *page = e->page[i];

		if (!page)
			continue;
		for (u32 p = i * EVTCHN_PER_PAGE; p < (i + 1) * EVTCHN_PER_PAGE; p++)
			while (event_port_close(d, p) == -XEN_EAGAIN)
				cpu_relax();
		spin_lock(&e->lock);
		e->page[i] = NULL;
		spin_unlock(&e->lock);
		domain_page_free(d, page, 0);
		return -XEN_EAGAIN;
	}
	release_infos(d);
	return 0;
}
