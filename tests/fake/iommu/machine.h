/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for paging.h and insn.h (same guards): physical addresses are the test's own pointers,
 * and each access to a register is a call. */
#ifndef FAKE_IOMMU_MACHINE_H
#define FAKE_IOMMU_MACHINE_H
#define ARCH_X86_64_MM_PAGING_H
#define ARCH_X86_64_CPU_INSN_H

#include <core/types.h>

static inline void *phys_to_virt(hpa_t a)
{
	return (void *)(uintptr_t)a.v;
}
static inline hpa_t virt_to_phys(const void *p)
{
	return hpa((u64)(uintptr_t)p);
}

/* The test's own: a device. */
u32 mmio_read32(const volatile void *p);
u64 mmio_read64(const volatile void *p);
void mmio_write32(volatile void *p, u32 v);
void mmio_write64(volatile void *p, u64 v);
void *mmio_map(hpa_t a, size_t size);

/* machine.c */
void clflush(const void *p);
extern unsigned int fake_lines_written; /* by clflush() */
extern unsigned int fake_pages_left;    /* page_alloc() fails when it reaches 0 */
extern u64 fake_now;                    /* clock_ns(); each look takes a millisecond */
extern char fake_log[65536];
void fake_machine_reset(void); /* frees all pages */

#endif
