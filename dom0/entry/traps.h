/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions of the control domain itself. */
#ifndef DOM0_ENTRY_TRAPS_H
#define DOM0_ENTRY_TRAPS_H

/* From now on an exception is logged with the registers. */
void traps_init(void);

#endif
