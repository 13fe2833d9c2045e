/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of a VM entry, again, by software: SDM volume 3, chapter "VM Entries". */
#include <vmx/entry_check.h>

#include <arch/x86_64/cpu/regs.h>

#define VMCS_NAME(name, encoding) {#name, encoding},
const struct vmcs_field_name vmcs_fields[] = {VMCS_FIELDS(VMCS_NAME)};
_Static_assert(ARRAY_SIZE(vmcs_fields) == VMCS_FIELD_COUNT, "in the same order");

static const char *const insn_errors[] = {
	[1] = "VMCALL in VMX root operation",
	[2] = "VMCLEAR with invalid physical address",
	[3] = "VMCLEAR with VMXON pointer",
	[4] = "VMLAUNCH with non-clear VMCS",
	[5] = "VMRESUME with non-launched VMCS",
	[6] = "VMRESUME after VMXOFF",
	[7] = "VM entry with invalid control fields",
	[8] = "VM entry with invalid host-state fields",
	[9] = "VMPTRLD with invalid physical address",
	[10] = "VMPTRLD with VMXON pointer",
	[11] = "VMPTRLD with incorrect VMCS revision identifier",
	[12] = "VMREAD or VMWRITE from or to an unsupported VMCS component",
	[13] = "VMWRITE to a read-only VMCS component",
	[15] = "VMXON executed in VMX root operation",
	[25] = "VM entry with invalid VMCS link pointer in SMM",
	[26] = "VM entry with events blocked by MOV SS",
	[28] = "invalid operand to INVEPT or INVVPID",
};

const char *vmx_insn_error(u32 number)
{
	return number < ARRAY_SIZE(insn_errors) && insn_errors[number] ? insn_errors[number]
								       : "not a known number";
}

const char *vmx_failed_reason(u32 reason)
{
	switch (reason & 0xFFFFu) {
	case 33:
		return "invalid guest state";
	case 34:
		return "MSR loading";
	case 41:
		return "machine-check event";
	default:
		return "not a known reason";
	}
}

/* What the functions below share. */
struct check {
	const struct vmcs_values *s;
	const struct vmx_caps *caps;
	struct vmx_violation *out;
};

static bool violates(const struct check *c, const u64 *value, const char *rule)
{
	c->out->rule = rule;
	c->out->field = vmcs_fields[value - (const u64 *)(const void *)c->s].name;
	c->out->value = *value;
	return true;
}
/* Returns from the function, with true, unless condition holds. */
#define MUST(condition, field, rule)                           \
	do {                                                   \
		if (!(condition))                              \
			return violates(c, &s->field, (rule)); \
	} while (0)

static bool canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16) == address;
}

static bool allowed(u64 value, u64 capability)
{
	return !((u32)capability & ~value) && !(value & ~(capability >> 32));
}

static bool pat_valid(u64 pat)
{
	for (unsigned int i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xFF) > 7 || (pat & 0xFE) == 2)
			return false;
	return true;
}

static bool entry_event(const struct check *c)
{
	const struct vmcs_values *s = c->s;
	u32 event = (u32)s->ENTRY_EVENT, type = event >> EVENT_TYPE_SHIFT & 7u,
	    vector = event & 0xFF;
	bool pushes = type == EVENT_exception &&
		      (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17);

	if (!(event & EVENT_VALID))
		return false;
	MUST(type != 1 && type != 7, ENTRY_EVENT, "type is reserved");
	MUST(type != EVENT_nmi || vector == X86_NMI, ENTRY_EVENT, "an NMI has vector 2");
	MUST(type != EVENT_exception || vector < 32, ENTRY_EVENT, "exceptions are below 32");
	MUST(!(event & EVENT_HAS_ERROR) || (pushes && (s->GUEST_CR0 & CR0_PE)), ENTRY_EVENT,
	     "an error code where none is pushed");
	MUST((event & EVENT_HAS_ERROR) || !pushes || !(s->GUEST_CR0 & CR0_PE), ENTRY_EVENT,
	     "no error code where one is pushed");
	MUST(!(event & 0x7FFFF000u), ENTRY_EVENT, "bits 30:12 are reserved");
	MUST(!(event & EVENT_HAS_ERROR) || !(s->ENTRY_ERROR_CODE >> 15), ENTRY_ERROR_CODE,
	     "bits 31:15 are reserved");
	MUST(type < EVENT_TYPE_INT || (s->ENTRY_INSN_LENGTH >= 1 && s->ENTRY_INSN_LENGTH <= 15),
	     ENTRY_INSN_LENGTH, "an instruction has 1 to 15 bytes");
	return false;
}

static bool controls(const struct check *c)
{
	const struct vmcs_values *s = c->s;
	const struct vmx_caps *caps = c->caps;
	const char *not_allowed =
		"a control that the CPU does not allow, or without one it insists on";
	u64 eptp_reserved = 0xFFF0000000000F80ull | (caps->ept_vpid & 1ull << 21 ? 0 : 1ull << 6);

	MUST(allowed(s->PIN_CONTROLS, caps->pin), PIN_CONTROLS, not_allowed);
	MUST(allowed(s->PRIMARY_CONTROLS, caps->primary), PRIMARY_CONTROLS, not_allowed);
	MUST(allowed(s->SECONDARY_CONTROLS, caps->secondary), SECONDARY_CONTROLS, not_allowed);
	MUST(!(s->TPR_THRESHOLD & ~0xFull), TPR_THRESHOLD, "bits 31:4 are reserved");
	MUST((s->PIN_CONTROLS & (PIN_NMI | PIN_VIRTUAL_NMI)) != PIN_VIRTUAL_NMI, PIN_CONTROLS,
	     "virtual NMIs without NMI exiting");
	MUST((s->PIN_CONTROLS & PIN_VIRTUAL_NMI) || !(s->PRIMARY_CONTROLS & PRIMARY_NMI_WINDOW),
	     PRIMARY_CONTROLS, "an NMI window without virtual NMIs");
	MUST(!(s->SECONDARY_CONTROLS & SECONDARY_VPID) || s->VPID, VPID, "0 is the host's");
	MUST((s->EPT_POINTER & 7) == 6 && (s->EPT_POINTER >> 3 & 7) == 3 &&
		     !(s->EPT_POINTER & eptp_reserved),
	     EPT_POINTER, "memory type, walk length or reserved bits");
	MUST((s->SECONDARY_CONTROLS & (SECONDARY_EPT | SECONDARY_UNRESTRICTED)) !=
		     SECONDARY_UNRESTRICTED,
	     SECONDARY_CONTROLS, "an unrestricted guest without EPT");
	MUST(allowed(s->EXIT_CONTROLS, caps->exit), EXIT_CONTROLS, not_allowed);
	MUST(allowed(s->ENTRY_CONTROLS, caps->entry), ENTRY_CONTROLS, not_allowed);
	return entry_event(c);
}

static bool guest_registers(const struct check *c)
{
	const struct vmcs_values *s = c->s;
	const struct vmx_caps *caps = c->caps;
	const char *fixed = "a bit that VMX operation fixes";
	bool long_mode = s->ENTRY_CONTROLS & ENTRY_CTL_LONG_MODE;
	u64 cr0_fixed0 = caps->cr0_fixed0 & ~(u64)(CR0_PE | CR0_PG); /* unrestricted guest */

	MUST(allowed(s->GUEST_CR0, caps->cr0_fixed1 << 32 | (u32)cr0_fixed0), GUEST_CR0, fixed);
	MUST(!(s->GUEST_CR0 & CR0_PG) || (s->GUEST_CR0 & CR0_PE), GUEST_CR0, "PG without PE");
	MUST(allowed(s->GUEST_CR4, caps->cr4_fixed1 << 32 | (u32)caps->cr4_fixed0), GUEST_CR4,
	     fixed);
	MUST(!long_mode || (s->GUEST_CR0 & CR0_PG), GUEST_CR0, "long mode without PG");
	MUST(!long_mode || (s->GUEST_CR4 & CR4_PAE), GUEST_CR4, "long mode without PAE");
	MUST(long_mode || !(s->GUEST_CR4 & CR4_PCIDE), GUEST_CR4, "PCIDE outside long mode");
	MUST(!(s->GUEST_CR3 >> 52), GUEST_CR3, "beyond physical addresses");
	MUST(!(s->GUEST_DR7 >> 32), GUEST_DR7, "bits 63:32 are reserved");
	MUST(canonical(s->GUEST_SYSENTER_ESP), GUEST_SYSENTER_ESP, "not canonical");
	MUST(canonical(s->GUEST_SYSENTER_EIP), GUEST_SYSENTER_EIP, "not canonical");
	MUST(pat_valid(s->GUEST_PAT), GUEST_PAT, "a memory type that does not exist");
	MUST(!(s->GUEST_EFER & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)), GUEST_EFER,
	     "a reserved bit");
	MUST(!(s->GUEST_EFER & EFER_LMA) == !long_mode, GUEST_EFER,
	     "LMA differs from the entry control");
	MUST(!(s->GUEST_CR0 & CR0_PG) || !(s->GUEST_EFER & EFER_LMA) == !(s->GUEST_EFER & EFER_LME),
	     GUEST_EFER, "LMA differs from LME under paging");
	return false;
}

/* As the fields of a segment follow each other. */
struct segment {
	u64 selector, limit, rights, base;
};
enum { ES, CS, SS, DS, FS, GS, LDTR, TR };
#define TYPE(rights) ((rights)&15u)
#define S(rights)    ((rights) >> 4 & 1u)
#define DPL(rights)  ((rights) >> 5 & 3u)
#define P(rights)    ((rights) >> 7 & 1u)
#define L(rights)    ((rights) >> 13 & 1u)
#define DB(rights)   ((rights) >> 14 & 1u)
#define G(rights)    ((rights) >> 15 & 1u)

/* Of segment n: what holds for all that are usable. */
static bool rights_form(const struct check *c, const struct segment *seg)
{
	if (!P(seg->rights))
		return violates(c, &seg->rights, "usable, but not present");
	if (seg->rights & 0xFFFE0F00u)
		return violates(c, &seg->rights, "a reserved bit");
	if ((seg->limit & 0xFFF) != 0xFFF && G(seg->rights))
		return violates(c, &seg->rights, "G with a limit in bytes");
	if (seg->limit >> 20 && !G(seg->rights))
		return violates(c, &seg->rights, "a limit in pages without G");
	return false;
}

static bool code_and_stack(const struct check *c, const struct segment *seg, bool long_mode)
{
	u64 cs = seg[CS].rights, ss = seg[SS].rights;

	switch (TYPE(cs)) {
	case 3:
		if (DPL(cs))
			return violates(c, &seg[CS].rights, "a data segment as CS has DPL 0");
		break;
	case 9:
	case 11:
		if (DPL(cs) != DPL(ss))
			return violates(c, &seg[CS].rights, "DPL differs from that of SS");
		break;
	case 13:
	case 15:
		if (DPL(cs) > DPL(ss))
			return violates(c, &seg[CS].rights, "DPL is above that of SS");
		break;
	default:
		return violates(c, &seg[CS].rights, "type is not accessed code");
	}
	if (!S(cs))
		return violates(c, &seg[CS].rights, "a system segment");
	if (long_mode && L(cs) && DB(cs))
		return violates(c, &seg[CS].rights, "L and D both set");
	if (!(ss & RIGHTS_UNUSABLE) && ((TYPE(ss) != 3 && TYPE(ss) != 7) || !S(ss)))
		return violates(c, &seg[SS].rights, "type is not accessed writable data");
	if (DPL(ss) && (TYPE(cs) == 3 || !(c->s->GUEST_CR0 & CR0_PE)))
		return violates(c, &seg[SS].rights, "DPL is not 0 in real mode");
	return false;
}

static bool virtual_8086(const struct check *c, const struct segment *seg)
{
	for (unsigned int n = ES; n <= GS; n++) {
		if (seg[n].base != seg[n].selector << 4)
			return violates(c, &seg[n].base,
					"not 16 times the selector in virtual-8086 mode");
		if (seg[n].limit != 0xFFFF)
			return violates(c, &seg[n].limit, "not 64 KiB in virtual-8086 mode");
		if (seg[n].rights != 0xF3)
			return violates(c, &seg[n].rights, "not 0xF3 in virtual-8086 mode");
	}
	return false;
}

static bool segments(const struct check *c)
{
	const struct segment *seg = (const struct segment *)(const void *)&c->s->GUEST_ES_SELECTOR;
	bool long_mode = c->s->ENTRY_CONTROLS & ENTRY_CTL_LONG_MODE;
	u64 tr = seg[TR].rights, ldtr = seg[LDTR].rights;

	if (seg[TR].selector & 4)
		return violates(c, &seg[TR].selector, "TI is set");
	if (!(ldtr & RIGHTS_UNUSABLE) && (seg[LDTR].selector & 4))
		return violates(c, &seg[LDTR].selector, "TI is set");
	if (c->s->GUEST_RFLAGS & RFLAGS_VM) {
		if (virtual_8086(c, seg))
			return true;
	} else if (code_and_stack(c, seg, long_mode)) {
		return true;
	}
	for (unsigned int n = ES; n <= TR; n++) {
		bool usable = !(seg[n].rights & RIGHTS_UNUSABLE), wide = n >= FS;

		if (wide ? !canonical(seg[n].base) : (n == CS || usable) && seg[n].base >> 32)
			return violates(c, &seg[n].base, "not canonical, or above 4 GiB");
		if (n == CS || n == TR || usable)
			if (rights_form(c, &seg[n]))
				return true;
		if (usable && n <= GS && n != CS && n != SS &&
		    (!S(seg[n].rights) || !(seg[n].rights & 1) || (seg[n].rights & 0xA) == 8))
			return violates(c, &seg[n].rights, "type is not accessed and readable");
	}
	if ((TYPE(tr) != 11 && (TYPE(tr) != 3 || long_mode)) || S(tr) || (tr & RIGHTS_UNUSABLE))
		return violates(c, &seg[TR].rights, "not a busy TSS");
	if (!(ldtr & RIGHTS_UNUSABLE) && (TYPE(ldtr) != 2 || S(ldtr)))
		return violates(c, &seg[LDTR].rights, "not a local descriptor table");
	return false;
}

static bool guest_rest(const struct check *c)
{
	const struct vmcs_values *s = c->s;
	u32 event = (u32)s->ENTRY_EVENT, type = event >> EVENT_TYPE_SHIFT & 7u;
	bool in_64 = (s->ENTRY_CONTROLS & ENTRY_CTL_LONG_MODE) && L(s->GUEST_CS_RIGHTS);
	bool external = (event & EVENT_VALID) && type == EVENT_external;
	bool nmi = (event & EVENT_VALID) && type == EVENT_nmi;
	u64 blocked = s->GUEST_INTERRUPTIBILITY, shadow = blocked & (BLOCKED_STI | BLOCKED_MOV_SS);

	MUST(canonical(s->GUEST_GDTR_BASE), GUEST_GDTR_BASE, "not canonical");
	MUST(canonical(s->GUEST_IDTR_BASE), GUEST_IDTR_BASE, "not canonical");
	MUST(!(s->GUEST_GDTR_LIMIT >> 16), GUEST_GDTR_LIMIT, "bits 31:16 are reserved");
	MUST(!(s->GUEST_IDTR_LIMIT >> 16), GUEST_IDTR_LIMIT, "bits 31:16 are reserved");
	MUST(in_64 ? canonical(s->GUEST_RIP) : !(s->GUEST_RIP >> 32), GUEST_RIP,
	     "not an address of this mode");
	MUST(!(s->GUEST_RFLAGS & ~0x3F7FD7ull) && (s->GUEST_RFLAGS & 2), GUEST_RFLAGS,
	     "a reserved bit");
	MUST(!(s->GUEST_RFLAGS & RFLAGS_VM) ||
		     (!(s->ENTRY_CONTROLS & ENTRY_CTL_LONG_MODE) && (s->GUEST_CR0 & CR0_PE)),
	     GUEST_RFLAGS, "VM in long mode or real mode");
	MUST(!external || (s->GUEST_RFLAGS & RFLAGS_IF), GUEST_RFLAGS,
	     "an interrupt is injected while IF is 0");
	MUST(s->GUEST_ACTIVITY == 0, GUEST_ACTIVITY, "active is the only one that is used");
	MUST(!(blocked & ~0x1Full), GUEST_INTERRUPTIBILITY, "a reserved bit");
	MUST(shadow != (BLOCKED_STI | BLOCKED_MOV_SS), GUEST_INTERRUPTIBILITY,
	     "shadow of both STI and MOV SS");
	MUST(!(blocked & BLOCKED_STI) || (s->GUEST_RFLAGS & RFLAGS_IF), GUEST_INTERRUPTIBILITY,
	     "shadow of STI while IF is 0");
	MUST(!external || !shadow, GUEST_INTERRUPTIBILITY, "an interrupt is injected in a shadow");
	MUST(!nmi || !(blocked & (BLOCKED_MOV_SS | BLOCKED_NMI)), GUEST_INTERRUPTIBILITY,
	     "an NMI is injected while NMIs are blocked");
	MUST(!shadow || !(s->GUEST_RFLAGS & RFLAGS_TF) == !(s->GUEST_PENDING_DEBUG & PENDING_STEP),
	     GUEST_PENDING_DEBUG, "in a shadow a step is pending exactly if TF is 1");
	MUST(s->LINK_POINTER == ~0ull, LINK_POINTER, "there is no shadow VMCS");
	return false;
}

bool vmx_entry_check(const struct vmcs_values *s, const struct vmx_caps *caps,
		     struct vmx_violation *out)
{
	const struct check c = {s, caps, out};

	return controls(&c) || guest_registers(&c) || segments(&c) || guest_rest(&c);
}
