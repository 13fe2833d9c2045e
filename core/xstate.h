/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended state (x87, SSE, AVX and on): switched with the vCPU, never at an exit. Between a
 * vCPU's switch_in and switch_out XCR0 is the guest's, at all other times it is everything that
 * this host switches. */
#ifndef CORE_XSTATE_H
#define CORE_XSTATE_H

#include <core/types.h>

struct vcpu;

/* Each CPU once, the boot CPU first; CR4.OSXSAVE is on. */
void xstate_init_cpu(void);
/* Would XSETBV accept it here (AMD APM vol. 4 and SDM vol. 2, "XSETBV")? */
bool xstate_valid(u64 xcr0);

/* Gives v an area in reset state: v->xsave. 0 or -XEN_ENOMEM. */
must_use int xstate_init(struct vcpu *v);
void xstate_destroy(struct vcpu *v); /* v may have no area */

/* v becomes, or ceases to be, this CPU's. v->regs.xcr0 is current after switch_out alone. */
void xstate_switch_in(struct vcpu *v);
void xstate_switch_out(struct vcpu *v);

#endif
