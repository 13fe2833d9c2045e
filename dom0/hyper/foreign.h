/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' memory in the control domain's address space. */
#ifndef DOM0_HYPER_FOREIGN_H
#define DOM0_HYPER_FOREIGN_H

#include <core/types.h>
#include <xen/hypercall.h>

/* What machine_info says of the window; the first 2 MiB are kept for the shared info page. */
void foreign_init(u64 window_gfn, u64 window_pages);
u64 foreign_shared_info_gfn(void);
/* Maps count pages of dom from first on, read-write; 2 MiB-aligned if the guest's are. NULL: no
 * room, or *err (a XEN_Exxx, positive) from the hypervisor. */
void *foreign_map(domid_t dom, u64 first, u64 count, int *err);
void foreign_unmap(void *p, u64 count);

#endif
