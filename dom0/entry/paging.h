/* SPDX-License-Identifier: BSD-2-Clause */
/* The control domain's own page tables: the image by its rights, everything else 1:1. */
#ifndef DOM0_ENTRY_PAGING_H
#define DOM0_ENTRY_PAGING_H

#include <core/types.h>

/* Builds the final tables; base: where the image was loaded. Table pages come from [*pool,
 * pool_end) (1:1 addresses), *pool is advanced. */
void paging_init(u64 base, u64 pool_start, u64 pool_end);
/* Makes [at, at + size) usable 1:1, if it is not yet, and returns it as a pointer. Never undone.
 * NULL when out of table pages. */
void *paging_reach(gpa_t at, u64 size);
/* The guest-physical address of an object in the image or in 1:1 memory. */
gpa_t paging_gpa(const void *p);

#endif
