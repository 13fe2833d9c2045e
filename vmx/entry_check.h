/* SPDX-License-Identifier: BSD-2-Clause */
/* Why an entry failed, in words. */
#ifndef VMX_ENTRY_CHECK_H
#define VMX_ENTRY_CHECK_H

#include <vmx/vmx.h>

#define VMCS_MEMBER(name, encoding) u64 name;
struct vmcs_values {
	VMCS_FIELDS(VMCS_MEMBER)
};
#undef VMCS_MEMBER
#define VMCS_FIELD_COUNT (sizeof(struct vmcs_values) / sizeof(u64))

/* In the order of struct vmcs_values. */
extern const struct vmcs_field_name {
	const char *name;
	u32 encoding;
} vmcs_fields[];

struct vmx_violation {
	const char *rule, *field;
	u64 value;
};

/* Walks the checks of SDM volume 3, "Checks on VMX Controls" and "Checking and Loading Guest
 * State", in their order, as far as fields can fail them that are not constants of ours. True: *out
 * is the first that fails. Pure. */
bool vmx_entry_check(const struct vmcs_values *s, const struct vmx_caps *caps,
		     struct vmx_violation *out);
/* By VM-instruction error number, and by basic exit reason of a failed entry. */
const char *vmx_insn_error(u32 number);
const char *vmx_failed_reason(u32 reason);

#endif
