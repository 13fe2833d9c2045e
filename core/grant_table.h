/* SPDX-License-Identifier: BSD-2-Clause */
/* Pinning of grant entries and the operations on single elements, for the grant code alone. */
#ifndef CORE_GRANT_TABLE_H
#define CORE_GRANT_TABLE_H

#include <core/domain.h>
#include <core/grant.h>
#include <core/types.h>
#include <core/vcpu.h>

/* Lets `who` use entry ref of granter's: marks it as in use for the guest to see and takes a
 * reference of the frame it names. GNTST_*. */
must_use s16 grant_pin(struct domain *granter, grant_ref_t ref, domid_t who, bool write, hfn_t *f);
/* Undoes one grant_pin(). No TLB knows the mapping any more. */
void grant_unpin(struct domain *granter, grant_ref_t ref, bool write, hfn_t f);

/* n elements of the array, at most GRANT_PIECE: local copies of struct gnttab_map_grant_ref,
 * gnttab_unmap_grant_ref, gnttab_copy. The result of each goes into its status. */
#define GRANT_PIECE 128u
void grant_map_some(struct vcpu *v, void *ops, u32 n);
void grant_unmap_some(struct vcpu *v, void *ops, u32 n);
void grant_copy_some(struct vcpu *v, void *ops, u32 n);

#endif
