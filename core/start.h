/* SPDX-License-Identifier: BSD-2-Clause */
/* Where boot/ hands the machine over to core/. */
#ifndef CORE_START_H
#define CORE_START_H

#include <core/types.h>

struct boot_info;

/* Boot CPU, all others waiting for smp_release(): picks the vendor, builds the control domain, runs
 * it. Halts the machine with a message if that cannot be. */
noreturn_fn void core_start(const struct boot_info *bi);
/* Each other CPU, after smp_release(). */
noreturn_fn void core_start_cpu(void);

#endif
