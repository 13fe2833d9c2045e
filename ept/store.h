/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way in which the walker writes to a table; host tests replace it to watch every store. */
#ifndef EPT_STORE_H
#define EPT_STORE_H

#include <core/types.h>

/* Other CPUs may walk the table at this instant: one store of 8 bytes, in program order. */
static inline void ept_store(u64 *slot, u64 entry)
{
	WRITE_ONCE(*slot, entry);
}

#endif
