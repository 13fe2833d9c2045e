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

/* One element of the array: a local copy of struct gnttab_map_grant_ref, gnttab_unmap_grant_ref,
 * gnttab_copy. The result goes into its status. */
void grant_map_one(struct vcpu *v, void *arg);
void grant_unmap_one(struct vcpu *v, void *arg);
void grant_copy_one(struct vcpu *v, void *arg);

#endif
