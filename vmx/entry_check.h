/* SPDX-License-Identifier: BSD-2-Clause */
/* Why an entry failed, in words. */
#ifndef VMX_ENTRY_CHECK_H
#define VMX_ENTRY_CHECK_H

#include <vmx/vmx.h>

/* All of VMCS_FIELDS, in its order. */
extern const struct vmcs_field_name {
	const char *name;
	u32 encoding;
} vmcs_fields[];
extern const size_t vmcs_field_count;
/* "?" if it is none of VMCS_FIELDS. */
const char *vmcs_field_name(u32 encoding);

struct vmx_violation {
	const char *rule;
	u32 field;
	u64 value;
};

/* Walks the checks of SDM volume 3 that a failed entry stands for, in their order, over the current
 * VMCS: "Checks on VMX Controls" (VM-instruction error 7), "Checks on the Host-State Area" (error
 * 8), "Checks on the Guest-State Area" (basic exit reason 33). Controls that we have no use for are
 * only checked for being allowed. vtpr: TPR in the virtual-APIC page. True: *out is the first check
 * that fails. Changes nothing. */
must_use bool vmx_entry_check(u32 failure, const struct vmx_caps *caps, u32 vtpr,
			      struct vmx_violation *out);
/* By VM-instruction error or basic exit reason of an entry; no number is both. */
const char *vmx_failure(u32 number);

#endif
