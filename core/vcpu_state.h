/* SPDX-License-Identifier: BSD-2-Clause */
/* A stopped vCPU's state, checked, in and out. */
#ifndef CORE_VCPU_STATE_H
#define CORE_VCPU_STATE_H

#include <core/vcpu.h>

/* v cannot run meanwhile. -XEN_EINVAL, changing nothing, if the version or a value is not what a
 * CPU could hold. PLINTH_VCPU_ONLINE ends its being down. */
must_use int vcpu_state_set(struct vcpu *v, const struct plinth_vcpu_state *s);
void vcpu_state_get(struct vcpu *v, struct plinth_vcpu_state *s);

#endif
