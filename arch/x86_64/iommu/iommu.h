/* SPDX-License-Identifier: BSD-2-Clause */
/* What the control domain's devices reach by DMA: its own memory, and frames while they are granted
 * for devices. Where the machine has no IOMMU, or it is left off, all these do nothing. */
#ifndef ARCH_X86_64_IOMMU_IOMMU_H
#define ARCH_X86_64_IOMMU_IOMMU_H

#include <core/types.h>

struct boot_info;

/* Turns all IOMMUs on, so that devices reach the `bytes` at `own` (the control domain's memory) and
 * what the firmware's tables demand; or says in the log why devices reach all memory. After
 * acpi_init() and timer_init_cpu(). */
void iommu_init(const struct boot_info *bi, hpa_t own, u64 bytes);
/* Does this page hold registers of an IOMMU? */
bool iommu_owns(u64 page);

/* One more grant for devices of frame f, whose bus address is its machine address. -XEN_ENOMEM. */
must_use int iommu_allow(hfn_t f, bool write);
/* Takes one iommu_allow() back. */
void iommu_revoke(hfn_t f, bool write);
/* After some iommu_allow() before devices are told of the frames, after some iommu_revoke() before
 * the frames are used for anything else: on return all IOMMUs go by what was said. */
void iommu_settle(void);

#endif
