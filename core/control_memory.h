/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' memory in the control domain's window. */
#ifndef CORE_CONTROL_MEMORY_H
#define CORE_CONTROL_MEMORY_H

#include <core/domain.h>
#include <plinth/control.h>

/* PLINTH_CTL_mem_map and _unmap; see <plinth/control.h>. Bounded pieces, m->done counts pages. */
must_use int control_memory_map(struct domain *d, struct plinth_ctl_mem *m);
must_use int control_memory_unmap(struct plinth_ctl_mem *m);

#endif
