/* SPDX-License-Identifier: BSD-2-Clause */
/* Delivery of events: pending bits, upcalls, and where each vCPU's vcpu_info is. */
#include <core/event.h>

#include <core/clock.h>
#include <core/domain.h>
#include <core/event_port.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <core/vapic.h>
#include <core/vcpu.h>
#include <xen/errno.h>

static struct vcpu_info *embedded_info(struct domain *d, u32 id)
{
	return id < XEN_LEGACY_MAX_VCPUS ? &d->shared->vcpu_info[id] : NULL;
}

void event_vcpu_init(struct vcpu *v)
{
	v->info = embedded_info(v->domain, v->id);
}

void event_vcpu_destroy(struct vcpu *v)
{
	struct vcpu_info *info = v->info;

	event_vcpu_init(v);
	if (v->info_registered)
		frame_put(page_to_hfn(info));
	v->info_registered = false;
}

void event_upcall(struct vcpu *v)
{
	u8 vector = READ_ONCE(v->upcall_vector);

	if (vector)
		vapic_set_irq(v, vector);
	vcpu_kick(v); /* a disabled APIC drops the vector, but the event still ends HLT */
}

void event_mark(struct domain *d, u32 vcpu, u32 word)
{
	const struct vcpu *v = d->vcpu[vcpu];
	struct vcpu_info *info =
		v ? __atomic_load_n(&v->info, __ATOMIC_ACQUIRE) : embedded_info(d, vcpu);

	if (!info)
		return; /* registering it will raise everything */
	if (!event_test_and_set(&info->evtchn_pending_sel, word) &&
	    !__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST) && v)
		event_upcall(d->vcpu[vcpu]);
}

static void wake_pollers(struct domain *d)
{
	for (u32 i = 0; i < d->max_vcpus; i++) {
		struct vcpu *v = d->vcpu[i];

		if (v && READ_ONCE(v->polling))
			vcpu_wake(v);
	}
}

void event_set_pending(struct domain *d, u32 notify_vcpu, evtchn_port_t port)
{
	struct shared_info *s = d->shared;

	if (event_test_and_set(&s->evtchn_pending[port / 64], port % 64))
		return;
	/* The vcpu_info is looked up after the bit was set: see event_register_info(). */
	if (!(READ_ONCE(s->evtchn_mask[port / 64]) & bit64(port)))
		event_mark(d, notify_vcpu, port / 64);
	if (unlikely(READ_ONCE(d->event.pollers)))
		wake_pollers(d);
}

void event_raise_virq(struct vcpu *v, u32 virq)
{
	evtchn_port_t port = READ_ONCE(v->virq_port[virq]);

	if (port)
		event_set_pending(v->domain, v->id, port);
}

void event_raise_irq(struct domain *d, evtchn_port_t port)
{
	const struct evtchn *chn = event_port(d, port);

	if (chn)
		event_set_pending(d, READ_ONCE(chn->vcpu), port);
}

void event_raise_global_virq(u32 virq)
{
	if (control_domain)
		event_raise_irq(control_domain,
				READ_ONCE(control_domain->event.global_virq_port[virq]));
}

bool event_is_pending(struct domain *d, evtchn_port_t port)
{
	return port < XEN_EVTCHN_COUNT &&
	       (READ_ONCE(d->shared->evtchn_pending[port / 64]) & bit64(port)) != 0;
}

/* Senders set a pending bit, then look for the vcpu_info. One that still finds the old vcpu_info
 * set its bit before the new one was published, thus before all of pending_sel is raised here: the
 * guest finds it in the scan that this causes. */
int event_register_info(struct vcpu *v, gfn_t frame, u32 offset)
{
	struct domain *d = v->domain;
	struct vcpu_info *info;
	hfn_t f;
	int err;

	if (offset > PAGE_SIZE - sizeof(*info) || offset % 8 != 0)
		return -XEN_EINVAL;
	err = p2m_get_ram(d, frame, true, &f);
	if (err)
		return err;
	spin_lock(&d->event.lock);
	if (v->info_registered || d->event.closed) {
		spin_unlock(&d->event.lock);
		frame_put(f);
		return -XEN_EBUSY;
	}
	info = (struct vcpu_info *)(void *)((u8 *)frame_map(f) + offset);
	if (v->id < XEN_LEGACY_MAX_VCPUS)
		memcpy(info, &d->shared->vcpu_info[v->id], sizeof(*info));
	else
		memset(info, 0, sizeof(*info));
	clock_write_time(&info->time);
	v->info_registered = true;
	__atomic_store_n(&v->info, info, __ATOMIC_SEQ_CST);
	__atomic_store_n(&info->evtchn_pending_sel, ~0ull, __ATOMIC_SEQ_CST);
	__atomic_store_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&d->event.lock);
	frame_unmap(info);
	event_upcall(v);
	return 0;
}
