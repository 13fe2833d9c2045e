/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own page tables. */
#ifndef ARCH_X86_64_MM_PAGING_H
#define ARCH_X86_64_MM_PAGING_H

#include <core/types.h>
#include <arch/x86_64/mm/layout.h>

struct boot_info;

/* Direct-map address of RAM. In host tests DIRECT_MAP_BASE is defined on the command line. */
static inline void *phys_to_virt(hpa_t a)
{
	return (void *)(uintptr_t)(DIRECT_MAP_BASE + a.v);
}
/* p: in the direct map or in the image (a static object). */
static inline hpa_t virt_to_phys(const void *p)
{
	u64 v = (u64)(uintptr_t)p;

	return hpa(v >= IMAGE_VIRT_OFFSET ? v - IMAGE_VIRT_OFFSET : v - DIRECT_MAP_BASE);
}

/* Builds the final tables and switches to them. Table pages come from [*pool, pool_end), below
 * 4 GiB; *pool is advanced over what was used. Later ones come from page_alloc(). */
void paging_init(const struct boot_info *bi, u64 *pool, u64 pool_end);
/* Bytes of pool that paging_init() may need. */
u64 paging_pool_size(const struct boot_info *bi);
/* Physical address of the root table, below 4 GiB: same on all CPUs. */
hpa_t paging_root(void);

/* Maps device registers uncached, RW and NX, for ever. Not aligned: returns the address of the
 * first byte. Asking twice gives two mappings. NULL when out of memory or space. */
must_use void *mmio_map(hpa_t a, size_t size);
/* A second mapping of a stack's RAM (page-aligned), with an unmapped page below it, so that an
 * overflow faults. NULL when out of memory. */
must_use void *paging_map_stack(hpa_t a, size_t size);
/* Takes away a page of the image's data for the same purpose. Before paging_init()'s switch nothing
 * changes; afterwards only on the CPU that calls. */
void paging_unmap(const void *page);
/* Firmware tables, to read: the direct map if it has them, else a mapping of their own. NULL: none
 * could be made. */
must_use const void *paging_map_firmware(hpa_t a, size_t size);
/* Identity-maps one page below 1 MiB, executable and read-only; false when out of memory. */
must_use bool paging_map_trampoline(hpa_t page);

/* Looks for a page that is both writable and executable; true: *va is the first. */
bool paging_find_wx(u64 *va);

#endif
