/* SPDX-License-Identifier: BSD-2-Clause */
/* The C entry of the hypervisor. */
#ifndef BOOT_MAIN_H
#define BOOT_MAIN_H

#include <core/types.h>

/* From entry.S, on the boot CPU's own stack, interrupts off: what the loader left in EAX and EBX.
 */
noreturn_fn void hypervisor_main(u32 magic, u32 mbi);

#endif
