/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit reasons and their facts, decoded. */
#include <vmx/exit.h>

#include <core/vapic.h>

#define INSN    NEEDS_LENGTH
#define QUAL    NEEDS_QUALIFICATION
#define UNKNOWN (NEEDS_QUALIFICATION | NEEDS_EVENT)

/* By basic exit reason. What is not listed was not asked for and is unknown. */
static const struct vmx_exit_rule rules[] = {
	[0] = {KIND_exception, EXIT_handled, NEEDS_EVENT | INSN | QUAL},
	[1] = {KIND_interrupt, EXIT_handled, NEEDS_EVENT},
	[2] = {KIND_plain, EXIT_shutdown, 0},
	[3] = {KIND_plain, EXIT_interrupt, 0}, /* INIT */
	[7] = {KIND_plain, EXIT_irq_window, 0},
	[8] = {KIND_plain, EXIT_nmi_window, 0},
	[10] = {KIND_plain, EXIT_cpuid, INSN},
	[11] = {KIND_plain, EXIT_undefined, 0}, /* GETSEC */
	[12] = {KIND_plain, EXIT_hlt, INSN},
	[13] = {KIND_plain, EXIT_cache, INSN}, /* INVD: would lose others' data */
	[15] = {KIND_gp, EXIT_handled, 0},     /* RDPMC: a CPU without counters */
	[18] = {KIND_plain, EXIT_hypercall, INSN},
	[19 ... 27] = {KIND_plain, EXIT_undefined, 0}, /* VMCLEAR to VMXON */
	[28] = {KIND_cr, EXIT_handled, QUAL},
	[29] = {KIND_dr, EXIT_handled, 0},
	[30] = {KIND_io, EXIT_io, INSN | QUAL | NEEDS_STRING_INFO},
	[31] = {KIND_read_msr, EXIT_msr, INSN},
	[32] = {KIND_write_msr, EXIT_msr, INSN},
	[36] = {KIND_plain, EXIT_undefined, 0}, /* MWAIT */
	[39] = {KIND_plain, EXIT_undefined, 0}, /* MONITOR */
	[40] = {KIND_plain, EXIT_pause, INSN},
	[43] = {KIND_plain, EXIT_handled, 0}, /* TPR below threshold: see what is deliverable now */
	[44] = {KIND_apic_access, EXIT_npf, QUAL},
	[48] = {KIND_npf, EXIT_npf, QUAL | NEEDS_PHYSICAL},
	[50] = {KIND_plain, EXIT_undefined, 0}, /* INVEPT */
	[52] = {KIND_timer, EXIT_interrupt, 0},
	[53] = {KIND_plain, EXIT_undefined, 0}, /* INVVPID */
	[54] = {KIND_plain, EXIT_cache, INSN},  /* WBINVD */
	[55] = {KIND_plain, EXIT_xsetbv, INSN},
	[56] = {KIND_apic_written, EXIT_apic_written, QUAL},
	[59] = {KIND_plain, EXIT_undefined, 0}, /* VMFUNC */
};

const struct vmx_exit_rule *vmx_exit_rule(u32 reason)
{
	static const struct vmx_exit_rule unknown = {KIND_unknown, EXIT_unknown, UNKNOWN};
	static const struct vmx_exit_rule failed = {KIND_unknown, EXIT_invalid, UNKNOWN};
	u32 basic = reason & 0xFFFFu;

	if (unlikely(reason & REASON_ENTRY_FAILED))
		return &failed;
	if (unlikely(basic >= ARRAY_SIZE(rules) || rules[basic].kind == KIND_unknown))
		return &unknown;
	return &rules[basic];
}

static enum vmx_exit_kind decode_raw(const struct vmx_exit_info *info, struct hvm_exit *exit,
				     enum exit_reason reason)
{
	exit->reason = reason;
	exit->u.raw.code = info->reason;
	exit->u.raw.info1 = info->qualification;
	exit->u.raw.info2 = info->event;
	return KIND_unknown;
}

static enum vmx_exit_kind decode_exception(const struct vmx_exit_info *info, struct hvm_exit *exit)
{
	static const u8 kinds[] = {[X86_DB] = KIND_db,
				   [X86_NMI] = KIND_nmi,
				   [X86_UD] = KIND_ud,
				   [X86_AC] = KIND_ac,
				   [X86_MC] = KIND_mc};
	u8 vector = (u8)info->event;

	if (!(info->event & EVENT_VALID) || vector >= sizeof(kinds) || !kinds[vector])
		return decode_raw(info, exit, EXIT_unknown);
	return (enum vmx_exit_kind)kinds[vector];
}

static void decode_io(const struct vmx_exit_info *info, struct hvm_exit *exit)
{
	u32 facts = (u32)info->qualification;

	exit->u.io.port = (u16)(facts >> 16);
	exit->u.io.width = (u8)((facts & 7u) + 1);
	exit->u.io.in = facts & (1u << 3);
	exit->u.io.string = facts & IO_STRING;
	exit->u.io.rep = facts & (1u << 5);
	/* 0, 1, 2 for 16, 32, 64 bits; defined for strings only, as it is needed for them only. */
	if (facts & IO_STRING)
		exit->u.io.address_bytes = (u8)(2u << (info->insn_info >> 7 & 3u));
	exit->u.io.next_rip = 0;
}

static void decode_npf(const struct vmx_exit_info *info, struct hvm_exit *exit)
{
	const u64 final = EPT_VIOLATION_LINEAR | EPT_VIOLATION_FINAL;
	u64 facts = info->qualification;

	exit->u.npf.gpa = gpa(info->physical);
	/* A walk counts as a write, and as a read or not, depending on the CPU. */
	exit->u.npf.access = facts & EPT_VIOLATION_WRITE   ? EPT_W
			     : facts & EPT_VIOLATION_FETCH ? EPT_X
							   : EPT_R;
	exit->u.npf.table_walk = (facts & final) != final;
}

/* The CPU could not do it by itself; it goes the way of any access without memory behind it. */
static void decode_apic_access(const struct vmx_exit_info *info, struct hvm_exit *exit)
{
	u32 type = info->qualification >> 12 & 15u;

	exit->u.npf.gpa = gpa(VAPIC_BASE | (info->qualification & PAGE_MASK));
	exit->u.npf.access = type == APIC_ACCESS_WRITE   ? EPT_W
			     : type == APIC_ACCESS_FETCH ? EPT_X
							 : EPT_R;
	exit->u.npf.table_walk = type > APIC_ACCESS_FETCH; /* or delivering an event */
}

enum vmx_exit_kind vmx_exit_decode(const struct vmx_exit_rule *rule,
				   const struct vmx_exit_info *info, u32 ecx, struct hvm_exit *exit)
{
	exit->reason = rule->reason;
	exit->insn_length = rule->needs & NEEDS_LENGTH ? (u8)info->insn_length : 0;
	switch (rule->kind) {
	case KIND_unknown:
		return decode_raw(info, exit, rule->reason);
	case KIND_exception:
		return decode_exception(info, exit);
	case KIND_io:
		decode_io(info, exit);
		break;
	case KIND_read_msr:
	case KIND_write_msr:
		exit->u.msr.index = ecx;
		exit->u.msr.write = rule->kind == KIND_write_msr;
		break;
	case KIND_npf:
		decode_npf(info, exit);
		break;
	case KIND_apic_access:
		decode_apic_access(info, exit);
		break;
	case KIND_apic_written:
		exit->u.raw.code = info->qualification & PAGE_MASK;
		break;
	case KIND_cr:
		/* MOV to CR0 or CR4; all else is the guest's own. */
		if ((info->qualification & 0x30) || (info->qualification & 0xB))
			return decode_raw(info, exit, EXIT_unknown);
		break;
	default:
		break;
	}
	return (enum vmx_exit_kind)rule->kind;
}
