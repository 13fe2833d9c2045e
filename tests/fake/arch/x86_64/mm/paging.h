/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for the real header (same guard): RAM is the arena that a test sets up. */
#ifndef ARCH_X86_64_MM_PAGING_H
#define ARCH_X86_64_MM_PAGING_H

#include <core/types.h>

extern unsigned char *fake_ram; /* physical address 0 */

static inline void *phys_to_virt(hpa_t a)
{
	return fake_ram + a.v;
}
static inline hpa_t virt_to_phys(const void *p)
{
	return hpa((u64)((const unsigned char *)p - fake_ram));
}

#endif
