/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports of event channels, for the event code alone. */
#ifndef CORE_EVENT_PORT_H
#define CORE_EVENT_PORT_H

#include <core/domain.h>
#include <core/event.h>
#include <core/types.h>
#include <core/vcpu.h>

/* Changed under the lock of the domain that has it, and under both domains' if it is interdomain:
 * who holds one of the two locks may use the peer. */
struct evtchn {
	u8 state;            /* EVTCHNSTAT_* */
	u8 vcpu;             /* whom it notifies; read without the lock too */
	u16 peer_port;       /* interdomain */
	u32 arg;             /* the VIRQ, the GSI, or (unbound) the domid that may bind to it */
	struct domain *peer; /* interdomain: a reference is held */
};
_Static_assert(sizeof(struct evtchn) * EVTCHN_PER_PAGE == PAGE_SIZE, "ports fill their page");
_Static_assert(PLINTH_MAX_VCPUS <= 256, "vcpu is a byte");

/* NULL for port 0, out of range, or in a part of the table that was never used. */
static inline struct evtchn *event_port(const struct domain *d, evtchn_port_t port)
{
	struct evtchn *page;

	if (port == 0 || port >= XEN_EVTCHN_COUNT)
		return NULL;
	port = (evtchn_port_t)index_guarded(port, XEN_EVTCHN_COUNT);
	page = __atomic_load_n(&d->event.page[port / EVTCHN_PER_PAGE], __ATOMIC_ACQUIRE);
	return page ? &page[port % EVTCHN_PER_PAGE] : NULL;
}

/* The lowest free port, in the given state. d's lock is held. 0, -XEN_ENOSPC, -XEN_ENOMEM,
 * -XEN_ESRCH (d is dying). */
must_use int event_port_alloc(struct domain *d, u8 state, u32 vcpu, u32 arg, evtchn_port_t *port);
/* Takes all locks itself. -XEN_EINVAL, or what event_port_alloc() says. */
must_use int event_port_connect(struct domain *d, struct domain *remote, evtchn_port_t remote_port,
				evtchn_port_t *port);
/* Takes all locks itself. 0, -XEN_EINVAL, -XEN_EAGAIN: it changed meanwhile, look again. */
must_use int event_port_close(struct domain *d, evtchn_port_t port);

/* Step 2 of delivery (guest-abi 4.2): word of pending_sel, then the upcall. */
void event_mark(struct domain *d, u32 vcpu, u32 word);

/* Words that the guest writes too: one locked instruction, so that no guest can make us retry. */
static inline bool event_test_and_set(u64 *word, u64 bit)
{
	bool was;

	__asm__ volatile("lock btsq %2, %1" : "=@ccc"(was), "+m"(*word) : "r"(bit) : "memory");
	return was;
}
static inline bool event_test_and_clear(u64 *word, u64 bit)
{
	bool was;

	__asm__ volatile("lock btrq %2, %1" : "=@ccc"(was), "+m"(*word) : "r"(bit) : "memory");
	return was;
}

#endif
