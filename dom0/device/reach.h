/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses can be a device's. Where the machine has memory the hypervisor refuses by itself
 * (reads give all ones); the control domain's own and its window to the guests are seen to here. */
#ifndef DOM0_DEVICE_REACH_H
#define DOM0_DEVICE_REACH_H

#include <core/types.h>

/* size bytes from at are never a device's. */
void reach_exclude(u64 at, u64 size);
/* Can [at, at + size) be a device's registers? */
must_use bool reach_is_free(u64 at, u64 size);

#endif
