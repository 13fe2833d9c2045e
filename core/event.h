/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels, two-level ABI: 4096 ports for each domain. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <core/lib/lock.h>
#include <core/types.h>
#include <core/vcpu.h>
#include <xen/hypercall.h>
#include <xen/shared_info.h>

struct domain;
struct evtchn;

#define EVTCHN_PER_PAGE 256u
#define EVTCHN_PAGES    (XEN_EVTCHN_COUNT / EVTCHN_PER_PAGE)

/* Of each domain. lock guards the ports; with two domains, the one with the lower address first.
 * Ports come in pages, allocated when first needed and charged to the domain. */
struct event_domain {
	spinlock_t lock;
	bool closed;   /* dying: nothing can be bound any more */
	u32 free_hint; /* no port below it is free */
	u32 destroyed; /* pages that event_domain_destroy() has done */
	struct evtchn *page[EVTCHN_PAGES];
	u32 global_virq_port[NR_VIRQS]; /* control domain */
	u32 pollers;                    /* vCPUs in SCHEDOP_poll: atomic */
	u64 shared_gfn; /* where the guest put shared_info, ~0: nowhere; under p2m_lock */
};

void event_domain_init(struct domain *d);
/* Closes all ports of d (peers become unbound) in bounded pieces: -XEN_EAGAIN until 0, then drops
 * the registered vcpu_infos. No vCPU of d runs any more; before they are destroyed. */
must_use int event_domain_destroy(struct domain *d);

/* Marks port pending in d and tells the vCPU that it notifies (guest-abi 4.2). Takes no lock of
 * event_domain; port is below XEN_EVTCHN_COUNT. */
void event_set_pending(struct domain *d, u32 notify_vcpu, evtchn_port_t port);
/* Raises a per-vCPU VIRQ (TIMER, DEBUG) if bound. */
void event_raise_virq(struct vcpu *v, u32 virq);
/* Raises a global VIRQ in the control domain if bound. */
void event_raise_global_virq(u32 virq);
/* A port for a device interrupt in the control domain. 0, -XEN_ENOSPC, -XEN_ENOMEM. */
must_use int event_alloc_irq(struct domain *d, u32 gsi, evtchn_port_t *port);
void event_free_irq(struct domain *d, evtchn_port_t port); /* closes one of these */
void event_raise_irq(struct domain *d, evtchn_port_t port);
bool event_is_pending(struct domain *d, evtchn_port_t port); /* false for ports out of range */

/* upcall_pending in v's vcpu_info, embedded or registered; false while it has none. */
static inline bool event_upcall_pending(const struct vcpu *v)
{
	return v->info && READ_ONCE(v->info->evtchn_upcall_pending);
}
void event_vcpu_init(struct vcpu *v);    /* its vcpu_info is the embedded one, if it has one */
void event_vcpu_destroy(struct vcpu *v); /* gives back the registered one */
/* upcall_pending of v went from 0 to 1 (or must be shown again): sets the per-vCPU vector in the
 * virtual APIC if there is one, wakes and kicks v. */
void event_upcall(struct vcpu *v);
/* VCPUOP_register_vcpu_info. */
must_use int event_register_info(struct vcpu *v, gfn_t frame, u32 offset);

#endif
