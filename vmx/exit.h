/* SPDX-License-Identifier: BSD-2-Clause */
/* From the exit fields of a VMCS to a neutral exit. */
#ifndef VMX_EXIT_H
#define VMX_EXIT_H

#include <core/hvm.h>
#include <vmx/vmcs.h>

/* What is left to do after decoding, besides what the neutral exit says. */
enum vmx_exit_kind {
	KIND_unknown,
	KIND_plain, /* nothing */
	KIND_io,    /* the four whose facts are decoded */
	KIND_read_msr,
	KIND_write_msr,
	KIND_npf,
	KIND_apic_access,
	KIND_apic_written,
	KIND_exception, /* resolved into the ones below */
	KIND_ud,        /* from here on run.c has an action for each */
	KIND_db,
	KIND_ac,
	KIND_mc,
	KIND_nmi,
	KIND_interrupt, /* acknowledged: its vector is in the event */
	KIND_gp,        /* an instruction that gets #GP(0) */
	KIND_dr,        /* first use of a debug register */
	KIND_timer,     /* the preemption timer */
	KIND_cr,        /* a write to CR0 or CR4 of bits that are not the guest's */
};

/* Fields that an exit reason gives a meaning to. */
#define NEEDS_LENGTH        (1u << 0)
#define NEEDS_QUALIFICATION (1u << 1)
#define NEEDS_EVENT         (1u << 2)
#define NEEDS_PHYSICAL      (1u << 3)
#define NEEDS_STRING_INFO   (1u << 4)

/* The exit fields, 32-bit ones among them; those that are not needed are not looked at. */
struct vmx_exit_info {
	u32 reason, event, insn_length, insn_info;
	u64 qualification, physical;
};

struct vmx_exit_rule {
	u8 kind, reason, needs; /* enum vmx_exit_kind, enum exit_reason, NEEDS_ */
};
const struct vmx_exit_rule *vmx_exit_rule(u32 reason);
/* Fills *exit (SDM volume 3, appendix "VMX Basic Exit Reasons", and "Information for VM Exits");
 * rule is that of
 * info->reason, ecx as the guest has it. Pure: changes nothing but *exit. */
enum vmx_exit_kind vmx_exit_decode(const struct vmx_exit_rule *rule,
				   const struct vmx_exit_info *info, u32 ecx,
				   struct hvm_exit *exit);

#endif
