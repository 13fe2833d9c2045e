/* SPDX-License-Identifier: BSD-2-Clause */
/* Device interrupts as events of the control domain. */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include <core/types.h>
#include <plinth/control.h>
#include <xen/hypercall.h>

/* Routes gsi to a new port of the control domain; flags PLINTH_IRQ_*. -XEN_ENOENT, -XEN_EBUSY (in
 * use), -XEN_ENOSPC. */
must_use int irq_bind(u32 gsi, u32 flags, evtchn_port_t *port);
/* A vector and a port for one message-signalled interrupt: fills in m. -XEN_ENOSPC. */
must_use int irq_bind_msi(struct plinth_ctl_msi *m);
/* Ends either kind: masked if it is wired, port closed, vector free. The device sends no more.
 * -XEN_ENOENT: no interrupt's port. */
must_use int irq_unbind(evtchn_port_t port);
/* A level interrupt is masked when it comes; this lets it come again. -XEN_ENOENT: not bound. */
must_use int irq_eoi(u32 gsi);

#endif
