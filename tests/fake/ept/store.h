/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for the real header (same guard): the test sees every store to a table. */
#ifndef EPT_STORE_H
#define EPT_STORE_H

#include <core/types.h>

void ept_store(u64 *slot, u64 entry);

#endif
