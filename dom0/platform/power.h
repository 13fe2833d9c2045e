/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching the machine off and restarting it, by ACPI. */
#ifndef DOM0_PLATFORM_POWER_H
#define DOM0_PLATFORM_POWER_H

#include <core/types.h>

void power_init(u64 rsdp); /* guest-physical address of the RSDP, 0 = none */
noreturn_fn void power_off(void);
noreturn_fn void power_reset(void);

#endif
