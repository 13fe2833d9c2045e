/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of a VM entry, again, by software: SDM volume 3, chapter "VM Entries". Secondary
 * controls and unrestricted guest are on always. */
#include <vmx/entry_check.h>

#include <arch/x86_64/cpu/regs.h>
#include <vmx/insn.h>

#define VMCS_NAME(name, encoding) {#name, encoding},
const struct vmcs_field_name vmcs_fields[] = {VMCS_FIELDS(VMCS_NAME)};
const size_t vmcs_field_count = ARRAY_SIZE(vmcs_fields);

const char *vmcs_field_name(u32 encoding)
{
	for (size_t i = 0; i < vmcs_field_count; i++)
		if (vmcs_fields[i].encoding == encoding)
			return vmcs_fields[i].name;
	return "?";
}

const char *vmx_failure(u32 number)
{
	static const char *const names[] = {
		[4] = "VMLAUNCH with non-clear VMCS",
		[5] = "VMRESUME with non-launched VMCS",
		[7] = "VM entry with invalid control fields",
		[8] = "VM entry with invalid host-state fields",
		[26] = "VM entry with events blocked by MOV SS",
		[33] = "invalid guest state",
		[34] = "MSR loading",
		[41] = "machine-check event",
	};

	return number < ARRAY_SIZE(names) && names[number] ? names[number] : "not a known number";
}

/* X(name, field, mask, value): what rules depend on. ON_name: the bits of mask have this value. */
#define B(X, name, field, bits) X(name, field, bits, bits)
#define EVENT_IS(type)          (EVENT_VALID | (type) << EVENT_TYPE_SHIFT)
/* clang-format off */
#define CONDITIONS(X) \
	B(X, IRQ_EXIT, PIN_CONTROLS, PIN_INTERRUPT) B(X, NMI_EXIT, PIN_CONTROLS, PIN_NMI) \
	B(X, VNMI, PIN_CONTROLS, PIN_VIRTUAL_NMI) B(X, TIMER, PIN_CONTROLS, PIN_TIMER) \
	B(X, TPR_SHADOW, PRIMARY_CONTROLS, PRIMARY_TPR_SHADOW) \
	B(X, IO_MAPS, PRIMARY_CONTROLS, PRIMARY_IO_BITMAPS) \
	B(X, MSR_MAP, PRIMARY_CONTROLS, PRIMARY_MSR_BITMAP) \
	B(X, ACCESS, SECONDARY_CONTROLS, SECONDARY_APIC_ACCESS) \
	B(X, DELIVERY, SECONDARY_CONTROLS, SECONDARY_DELIVERY) \
	B(X, EPT, SECONDARY_CONTROLS, SECONDARY_EPT) \
	B(X, VPID, SECONDARY_CONTROLS, SECONDARY_VPID) \
	B(X, HOST_PAT, EXIT_CONTROLS, EXIT_CTL_LOAD_PAT) \
	B(X, HOST_EFER, EXIT_CONTROLS, EXIT_CTL_LOAD_EFER) \
	B(X, DEBUG, ENTRY_CONTROLS, ENTRY_CTL_LOAD_DEBUG) \
	B(X, LONG, ENTRY_CONTROLS, ENTRY_CTL_LONG_MODE) \
	B(X, PAT, ENTRY_CONTROLS, ENTRY_CTL_LOAD_PAT) \
	B(X, EFER, ENTRY_CONTROLS, ENTRY_CTL_LOAD_EFER) B(X, EVENT, ENTRY_EVENT, EVENT_VALID) \
	B(X, ERROR, ENTRY_EVENT, EVENT_VALID | EVENT_HAS_ERROR) \
	B(X, INSN, ENTRY_EVENT, EVENT_IS(EVENT_TYPE_INT)) \
	X(EXTERNAL, ENTRY_EVENT, EVENT_IS(7u), EVENT_IS(0)) \
	X(NMI, ENTRY_EVENT, EVENT_IS(7u), EVENT_IS(2u)) \
	X(EXCEPTION, ENTRY_EVENT, EVENT_IS(7u), EVENT_IS(3u)) B(X, PE, GUEST_CR0, CR0_PE) \
	B(X, PG, GUEST_CR0, CR0_PG) B(X, PAE, GUEST_CR4, CR4_PAE) \
	B(X, VM, GUEST_RFLAGS, RFLAGS_VM) B(X, IF, GUEST_RFLAGS, RFLAGS_IF) \
	B(X, TF, GUEST_RFLAGS, RFLAGS_TF) B(X, BTF, GUEST_DEBUGCTL, 2) \
	B(X, CS_64, GUEST_CS_RIGHTS, RIGHTS_L) X(CS_DATA, GUEST_CS_RIGHTS, 15, 3) \
	B(X, STI, GUEST_INTERRUPTIBILITY, BLOCKED_STI) \
	B(X, MOV_SS, GUEST_INTERRUPTIBILITY, BLOCKED_MOV_SS)
#define NUMBER(name, ...)                   BIT_##name,
#define FLAG(name, ...)                     ON_##name = 1ull << BIT_##name,
#define CONDITION(name, field, mask, value) {field, mask, value},
#define MORE(X) X(EPT_AD) X(ANY_ERROR) X(USABLE) /* USABLE: of the segment that is looked at */
/* clang-format on */
enum { CONDITIONS(NUMBER) MORE(NUMBER) };
enum { CONDITIONS(FLAG) MORE(FLAG) };
static const struct {
	u32 field, mask, value;
} conditions[] = {CONDITIONS(CONDITION)};

struct check {
	const struct vmx_caps *caps;
	u64 on;
	u32 vtpr;
	unsigned int n; /* of a row of fields */
};
/* Does value v hold up to a rule with this argument? */
#define HOLDS(name, condition)                                  \
	static bool name(const struct check *c, u64 v, u64 arg) \
	{                                                       \
		(void)c, (void)arg;                             \
		return condition;                               \
	}
#define DPL(rights)      ((rights) >> 5 & 3u)
#define SEGMENT_IS(part) vmread(GUEST_ES_##part + 2 * c->n)
#define SS_DPL           DPL(vmread(GUEST_SS_RIGHTS))
#define CAP(name)        offsetof(struct vmx_caps, name)
#define CAP_IS(offset)   (*(const u64 *)(const void *)((const u8 *)c->caps + (offset)))
#define FIXED(cr, but)   ((u64)(but) << 16 | CAP(cr##_fixed0)) /* but for some bits */
#define FIXED0           CAP_IS(arg & 0xFFFF)
#define FIXED1           CAP_IS((arg & 0xFFFF) + 8)
#define MASKED(mask, is) ((u64)(mask) << 32 | (is))
#define BYTES(n)         (0x0101010101010101ull * (n))
HOLDS(zero, !(v & arg))
HOLDS(ones, (v & arg) == arg)
HOLDS(masked, (v & arg >> 32) == (u32)arg)
HOLDS(at_most, v <= arg)
HOLDS(nonzero, v != 0)
HOLDS(allowed, !((u32)CAP_IS(arg) & ~v) && !(v & ~(CAP_IS(arg) >> 32)))
HOLDS(fixed, !(((FIXED0 & ~v) | (v & ~FIXED1)) & ~(arg >> 16)))
HOLDS(physical, !(v & arg) && !(v >> c->caps->phys_bits))
HOLDS(bytes, physical(c, v, 15) && physical(c, v + arg - 1, 0))
HOLDS(area, !vmread((u32)arg) || bytes(c, v, 16 * vmread((u32)arg))) /* arg: field of the count */
HOLDS(canonical, (u64)((s64)(v << 16) >> 16) == v)
HOLDS(linear, v >> 48 == 0 || v >> 48 == 0xFFFF)
HOLDS(pat, !(v & BYTES(0xF8)) && !(v & BYTES(2) & ~(v >> 1)))
HOLDS(below_vtpr, (v & 15) <= (c->vtpr >> 4 & 15))
HOLDS(event_in, arg >> (v >> EVENT_TYPE_SHIFT & 7) & 1)
HOLDS(error_of, (arg >> (v & 31) & 1) == (v >> 11 & 1))
HOLDS(length, v <= 15 && (v || (c->caps->misc >> 30 & 1)))
HOLDS(paragraph, v == SEGMENT_IS(SELECTOR) << 4)
HOLDS(type_in, arg >> (v & 15) & 1)
HOLDS(cs_dpl, (v & 15) == 3 ? !DPL(v) : (v & 15) > 11 ? DPL(v) <= SS_DPL : DPL(v) == SS_DPL)
HOLDS(granular, v >> 15 & 1 ? !(~SEGMENT_IS(LIMIT) & 0xFFF) : !(SEGMENT_IS(LIMIT) >> 20))
HOLDS(step, !(v & PENDING_STEP) == (!(c->on & ON_TF) || (c->on & ON_BTF)))
HOLDS(pdpte, !(v & 1) || physical(c, v, arg))

enum { ES = 1, CS = 2, SS = 4, FS_GS = 0x30, LDTR = 0x40, TR = 0x80, DATA = 0x39, ALL = 0x3F };
#define EACH(first, set) ((first) | (u32)(set) << 16)
#define RIGHTS(set)      EACH(GUEST_ES_RIGHTS, set)
#define WITH_ERROR       (1u << 8 | 0x7Cu << 8 | 1u << X86_AC)
#define VIRTUAL_APIC     (SECONDARY_X2APIC | SECONDARY_APIC_REGS | SECONDARY_DELIVERY)
#define EFER_RESERVED    (~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
#define HIGH             (~0ull << 32)
#define CAPABLE          "not as the CPU's capabilities allow"
#define ADDRESS          "not aligned, or beyond physical addresses"
#define RESERVED         "a reserved bit"

/* A rule applies if all of when holds and nothing of unless. Field: bits 31:16 tell which of a row
 * that begins here, 0 is this one. Without holds: the
 * rules from here on are those of failure `field`. */
static const struct rule {
	u32 field;
	bool (*holds)(const struct check *c, u64 v, u64 arg);
	u64 arg, when, unless;
	const char *text;
} rules[] = {
	{.field = 7}, /* "Checks on VMX Controls" */
	{PIN_CONTROLS, allowed, CAP(pin), 0, 0, CAPABLE},
	{PRIMARY_CONTROLS, allowed, CAP(primary), 0, 0, CAPABLE},
	{SECONDARY_CONTROLS, allowed, CAP(secondary), 0, 0, CAPABLE},
	{CR3_TARGET_COUNT, at_most, 4, 0, 0, "above 4"},
	{EACH(IO_BITMAP_A, 3), physical, 0xFFF, ON_IO_MAPS, 0, ADDRESS},
	{MSR_BITMAP, physical, 0xFFF, ON_MSR_MAP, 0, ADDRESS},
	{VIRTUAL_APIC_PAGE, physical, 0xFFF, ON_TPR_SHADOW, 0, ADDRESS},
	{TPR_THRESHOLD, zero, ~15ull, ON_TPR_SHADOW, ON_DELIVERY, RESERVED},
	{TPR_THRESHOLD, below_vtpr, 0, ON_TPR_SHADOW, ON_DELIVERY | ON_ACCESS, "above the TPR"},
	{PIN_CONTROLS, zero, PIN_VIRTUAL_NMI, 0, ON_NMI_EXIT, "virtual NMIs, no NMI exiting"},
	{PRIMARY_CONTROLS, zero, PRIMARY_NMI_WINDOW, 0, ON_VNMI, "NMI window, no virtual NMIs"},
	{APIC_ACCESS_PAGE, physical, 0xFFF, ON_ACCESS, 0, ADDRESS},
	{SECONDARY_CONTROLS, zero, VIRTUAL_APIC, 0, ON_TPR_SHADOW, "virtual APIC, no TPR shadow"},
	{SECONDARY_CONTROLS, zero, SECONDARY_X2APIC, ON_ACCESS, 0, "x2APIC with APIC accesses"},
	{PIN_CONTROLS, ones, PIN_INTERRUPT, ON_DELIVERY, 0, "virtual interrupts, no exits by real"},
	{VPID, nonzero, 0, ON_VPID, 0, "0 is the host's"},
	{EPT_POINTER, masked, MASKED(7, 6), ON_EPT, 0, "memory type"},
	{EPT_POINTER, masked, MASKED(0x38, 0x18), ON_EPT, 0, "walk length"},
	{EPT_POINTER, zero, 1u << 6, ON_EPT, ON_EPT_AD, "accessed and dirty flags"},
	{EPT_POINTER, physical, 0xF80, ON_EPT, 0, RESERVED},
	{SECONDARY_CONTROLS, zero, SECONDARY_UNRESTRICTED, 0, ON_EPT, "unrestricted, no EPT"},
	{EXIT_CONTROLS, allowed, CAP(exit), 0, 0, CAPABLE},
	{EXIT_CONTROLS, zero, 1u << 22, 0, ON_TIMER, "saves a preemption timer that is off"},
	{EXIT_MSR_STORE_AREA, area, EXIT_MSR_STORE_COUNT, 0, 0, ADDRESS},
	{EXIT_MSR_LOAD_AREA, area, EXIT_MSR_LOAD_COUNT, 0, 0, ADDRESS},
	{ENTRY_CONTROLS, allowed, CAP(entry), 0, 0, CAPABLE},
	{ENTRY_EVENT, event_in, 0x7D, ON_EVENT, 0, "a reserved type"},
	{ENTRY_EVENT, masked, MASKED(0xFF, X86_NMI), ON_NMI, 0, "an NMI has vector 2"},
	{ENTRY_EVENT, zero, 0xE0, ON_EXCEPTION, 0, "exceptions are below 32"},
	{ENTRY_EVENT, zero, EVENT_HAS_ERROR, ON_EVENT, ON_EXCEPTION, "error code of no exception"},
	{ENTRY_EVENT, zero, EVENT_HAS_ERROR, ON_EVENT, ON_PE, "error code in real mode"},
	{ENTRY_EVENT, error_of, WITH_ERROR, ON_EXCEPTION | ON_PE, ON_ANY_ERROR, "error code"},
	{ENTRY_EVENT, zero, 0x7FFFF000, ON_EVENT, 0, RESERVED},
	{ENTRY_ERROR_CODE, zero, 0xFFFF0000, ON_ERROR, 0, RESERVED},
	{ENTRY_INSN_LENGTH, length, 0, ON_INSN, 0, "not an instruction's length"},
	{ENTRY_MSR_LOAD_AREA, area, ENTRY_MSR_LOAD_COUNT, 0, 0, ADDRESS},
	{ENTRY_CONTROLS, zero, 3u << 10, 0, 0, "there is no SMM"},
	{.field = 8}, /* "Checks on the Host-State Area" */
	{HOST_CR0, fixed, FIXED(cr0, CR0_NW | CR0_CD), 0, 0, CAPABLE},
	{HOST_CR4, fixed, FIXED(cr4, 0), 0, 0, CAPABLE},
	{HOST_CR3, physical, 0, 0, 0, ADDRESS},
	{EACH(HOST_SYSENTER_ESP, 3), canonical, 0, 0, 0, "not canonical"},
	{HOST_PAT, pat, 0, ON_HOST_PAT, 0, "not memory types"},
	{HOST_EFER, zero, EFER_RESERVED, ON_HOST_EFER, 0, RESERVED},
	{HOST_EFER, ones, EFER_LMA | EFER_LME, ON_HOST_EFER, 0, "not long mode"},
	{EACH(HOST_ES_SELECTOR, 0x7F), zero, 7, 0, 0, "RPL or TI"},
	{EACH(HOST_ES_SELECTOR, 0x42), nonzero, 0, 0, 0, "null"},
	{EACH(HOST_FS_BASE, 0x1F), canonical, 0, 0, 0, "not canonical"},
	{EXIT_CONTROLS, ones, EXIT_CTL_HOST_64, 0, 0, "not to 64-bit mode"},
	{HOST_CR4, ones, CR4_PAE, 0, 0, "64-bit mode without PAE"},
	{HOST_RIP, canonical, 0, 0, 0, "not canonical"},
	{.field = 33}, /* "Checks on the Guest-State Area" */
	{GUEST_CR0, fixed, FIXED(cr0, CR0_NW | CR0_CD | CR0_PE | CR0_PG), 0, 0, CAPABLE},
	{GUEST_CR0, ones, CR0_PE, ON_PG, 0, "PG without PE"},
	{GUEST_CR4, fixed, FIXED(cr4, 0), 0, 0, CAPABLE},
	{GUEST_DEBUGCTL, zero, ~0xFFC7ull, ON_DEBUG, 0, RESERVED},
	{GUEST_CR0, ones, CR0_PG, ON_LONG, 0, "long mode without PG"},
	{GUEST_CR4, ones, CR4_PAE, ON_LONG, 0, "long mode without PAE"},
	{GUEST_CR4, zero, CR4_PCIDE, 0, ON_LONG, "PCIDE outside long mode"},
	{GUEST_CR3, physical, 0, 0, 0, ADDRESS},
	{GUEST_DR7, zero, HIGH, ON_DEBUG, 0, RESERVED},
	{EACH(GUEST_SYSENTER_ESP, 3), canonical, 0, 0, 0, "not canonical"},
	{GUEST_PAT, pat, 0, ON_PAT, 0, "not memory types"},
	{GUEST_EFER, zero, EFER_RESERVED, ON_EFER, 0, RESERVED},
	{GUEST_EFER, ones, EFER_LMA, ON_EFER | ON_LONG, 0, "no LMA, but in long mode"},
	{GUEST_EFER, zero, EFER_LMA, ON_EFER, ON_LONG, "LMA, but not in long mode"},
	{GUEST_EFER, ones, EFER_LME, ON_EFER | ON_LONG | ON_PG, 0, "LMA without LME"},
	{GUEST_EFER, zero, EFER_LME, ON_EFER | ON_PG, ON_LONG, "LME and PG without LMA"},
	/* "Checks on Guest Segment Registers" */
	{EACH(GUEST_ES_SELECTOR, TR), zero, 4, 0, 0, "TI"},
	{EACH(GUEST_ES_SELECTOR, LDTR), zero, 4, ON_USABLE, 0, "TI"},
	{EACH(GUEST_ES_BASE, ALL), paragraph, 0, ON_VM, 0, "not 16 times the selector"},
	{EACH(GUEST_ES_BASE, TR | FS_GS), canonical, 0, 0, 0, "not canonical"},
	{EACH(GUEST_ES_BASE, LDTR), canonical, 0, ON_USABLE, 0, "not canonical"},
	{EACH(GUEST_ES_BASE, ALL & ~FS_GS), zero, HIGH, ON_USABLE, 0, "above 4 GiB"},
	{EACH(GUEST_ES_LIMIT, ALL), masked, MASKED(~0u, 0xFFFF), ON_VM, 0, "not 64 KiB"},
	{RIGHTS(ALL), masked, MASKED(~0u, 0xF3), ON_VM, 0, "not 0xF3 in virtual-8086 mode"},
	{RIGHTS(CS), type_in, 0xAA08, ON_USABLE, 0, "not accessed code or data"},
	{RIGHTS(SS), type_in, 0x88, ON_USABLE, 0, "not accessed writable data"},
	{RIGHTS(DATA), type_in, 0x88AA, ON_USABLE, 0, "not accessed and readable"},
	{RIGHTS(ALL), ones, 0x10, ON_USABLE, 0, "a system segment"},
	{RIGHTS(CS), cs_dpl, 0, ON_USABLE, 0, "DPL does not fit type and SS"},
	{RIGHTS(SS), zero, 0x60, ON_CS_DATA, ON_VM, "DPL with data as CS"},
	{RIGHTS(SS), zero, 0x60, 0, ON_VM | ON_PE, "DPL in real mode"},
	{RIGHTS(ALL), ones, 0x80, ON_USABLE, 0, "not present"},
	{RIGHTS(ALL), zero, 0xF00, ON_USABLE, 0, RESERVED},
	{RIGHTS(CS), zero, RIGHTS_DB, ON_USABLE | ON_LONG | ON_CS_64, 0, "D with L"},
	{RIGHTS(ALL), granular, 0, ON_USABLE, 0, "G does not fit the limit"},
	{RIGHTS(ALL), zero, 0xFFFE0000, ON_USABLE, 0, RESERVED},
	{RIGHTS(TR), type_in, 0x808, 0, 0, "not a busy TSS"},
	{RIGHTS(TR), type_in, 0x800, ON_LONG, 0, "not a busy 64-bit TSS"},
	{RIGHTS(TR), zero, RIGHTS_UNUSABLE, 0, 0, "unusable"},
	{RIGHTS(LDTR), type_in, 4, ON_USABLE, 0, "not an LDT"},
	{RIGHTS(TR | LDTR), zero, 0x10, ON_USABLE, 0, "not a system segment"},
	{RIGHTS(TR | LDTR), ones, 0x80, ON_USABLE, 0, "not present"},
	{RIGHTS(TR | LDTR), zero, 0xFFFE0F00, ON_USABLE, 0, RESERVED},
	{RIGHTS(TR | LDTR), granular, 0, ON_USABLE, 0, "G does not fit the limit"},
	/* "Checks on Guest Descriptor-Table Registers" */
	{EACH(GUEST_GDTR_BASE, 3), canonical, 0, 0, 0, "not canonical"},
	{EACH(GUEST_GDTR_LIMIT, 3), zero, 0xFFFF0000, 0, 0, RESERVED},
	/* "Checks on Guest RIP, RFLAGS, and SSP" */
	{GUEST_RIP, zero, HIGH, 0, ON_LONG, "above 4 GiB outside 64-bit mode"},
	{GUEST_RIP, zero, HIGH, 0, ON_CS_64, "above 4 GiB outside 64-bit mode"},
	{GUEST_RIP, linear, 0, 0, 0, "not a linear address"},
	{GUEST_RFLAGS, zero, ~0x3F7FD7ull, 0, 0, RESERVED},
	{GUEST_RFLAGS, ones, 2, 0, 0, "bit 1 is 0"},
	{GUEST_RFLAGS, zero, RFLAGS_VM, ON_LONG, 0, "VM in long mode"},
	{GUEST_RFLAGS, zero, RFLAGS_VM, 0, ON_PE, "VM without PE"},
	{GUEST_RFLAGS, ones, RFLAGS_IF, ON_EXTERNAL, 0, "an interrupt while IF is 0"},
	/* "Checks on Guest Non-Register State" */
	{GUEST_ACTIVITY, zero, ~0ull, 0, 0, "active is the only one that is used"},
	{GUEST_INTERRUPTIBILITY, zero, ~31ull, 0, 0, RESERVED},
	{GUEST_INTERRUPTIBILITY, zero, BLOCKED_STI, ON_MOV_SS, 0, "shadow of both STI and MOV SS"},
	{GUEST_INTERRUPTIBILITY, zero, BLOCKED_STI, 0, ON_IF, "shadow of STI while IF is 0"},
	{GUEST_INTERRUPTIBILITY, zero, 3, ON_EXTERNAL, 0, "an interrupt in a shadow"},
	{GUEST_INTERRUPTIBILITY, zero, BLOCKED_MOV_SS, ON_NMI, 0, "an NMI in MOV SS's shadow"},
	{GUEST_INTERRUPTIBILITY, zero, 4, 0, 0, "SMIs are blocked outside SMM"},
	{GUEST_INTERRUPTIBILITY, zero, BLOCKED_NMI, ON_NMI | ON_VNMI, 0, "an NMI while blocked"},
	{GUEST_INTERRUPTIBILITY, zero, 16, ON_MOV_SS, 0, "an enclave in MOV SS's shadow"},
	{GUEST_PENDING_DEBUG, zero, ~0x1500Full, 0, 0, RESERVED},
	{GUEST_PENDING_DEBUG, step, 0, ON_STI, 0, "a step pending in a shadow differs from TF"},
	{GUEST_PENDING_DEBUG, step, 0, ON_MOV_SS, 0, "a step pending in a shadow differs from TF"},
	{LINK_POINTER, ones, ~0ull, 0, 0, "there is no shadow VMCS"},
	/* "Checks on Guest Page-Directory-Pointer-Table Entries" */
	{EACH(GUEST_PDPTE0, 15), pdpte, 0x1E6, ON_PG | ON_PAE | ON_EPT, ON_LONG, RESERVED},
	/* Of some CPUs alone, so last. */
	{GUEST_INTERRUPTIBILITY, zero, BLOCKED_STI, ON_NMI, 0, "an NMI in STI's shadow"},
};

static u64 conditions_now(const struct vmx_caps *caps)
{
	u64 on = (caps->ept_vpid & CAP_EPT_AD ? ON_EPT_AD : 0) |
		 (caps->basic >> 56 & 1 ? ON_ANY_ERROR : 0);

	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if ((vmread(conditions[i].field) & conditions[i].mask) == conditions[i].value)
			on |= 1ull << i;
	return on;
}

/* Must the segment in this place be one that descriptors can give? CS and TR are always in use. */
static u64 usable(const struct check *c)
{
	u32 bit = 1u << c->n;

	if ((c->on & ON_VM) && (bit & ALL))
		return 0;
	return bit & (CS | TR) || !(SEGMENT_IS(RIGHTS) & RIGHTS_UNUSABLE) ? ON_USABLE : 0;
}

static bool holds(const struct check *c, const struct rule *r, struct vmx_violation *out)
{
	u64 on = c->on | usable(c);

	if ((r->when & ~on) || (r->unless & on))
		return true;
	out->rule = r->text;
	out->field = (r->field & 0xFFFF) + 2 * c->n;
	out->value = vmread(out->field);
	return r->holds(c, out->value, r->arg);
}

bool vmx_entry_check(u32 failure, const struct vmx_caps *caps, u32 vtpr, struct vmx_violation *out)
{
	struct check c = {caps, conditions_now(caps), vtpr, 0};
	bool here = false;

	for (const struct rule *r = rules; r < &rules[ARRAY_SIZE(rules)]; r++) {
		u32 set = r->field >> 16 ? r->field >> 16 : 1;

		if (!r->holds)
			here = r->field == failure;
		for (c.n = 0; here && r->holds && set >> c.n; c.n++)
			if ((set >> c.n & 1) && !holds(&c, r, out))
				return true;
	}
	return false;
}
