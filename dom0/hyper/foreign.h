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
/* count pages of the window with nothing behind them yet: where grants are mapped. Their address is
 * also what the hypervisor is to be told. NULL: no room. */
void *foreign_reserve(u64 count) must_use;
/* Nothing is mapped there any more. */
void foreign_release(void *p);
/* Maps granted pages side by side, read-write, as for a ring; handles is filled in and needed to
 * undo it. A GNTST_ status, 0: *p is where they are. */
s16 foreign_map_grants(domid_t dom, const grant_ref_t *refs, unsigned int count,
		       grant_handle_t *handles, void **p) must_use;
void foreign_unmap_grants(void *p, const grant_handle_t *handles, unsigned int count);
#define FOREIGN_GRANTS_MAX 16u /* in one such call */

#endif
