/* SPDX-License-Identifier: BSD-2-Clause */
/* What RDMSR and WRMSR do for a guest. An MSR that is not in the table, and a value that its rule
 * does not allow, is #GP(0): where Linux can live without an MSR it reads it under protection, so a
 * fault is the honest answer. The rows that read as zero are those it reads unguarded. */
#include <core/msr.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <core/vcpu.h>
#include <xen/errno.h>

#define MSR_HYPERCALL_PAGE 0x40000000u
#define HYPERCALL_SLOT     32u /* bytes */
#define HYPERCALL_SLOTS    128u
#define HYPERCALL_IRET     23u /* never a hypercall for this kind of guest */

/* Where a value is: in the row, in the CPU (read only), in the virtual APIC, or in struct vcpu,
 * there in one of the groups that are fetched on demand. Registers that hardware keeps for the
 * guest are seen here only if the vendor's code intercepts them. */
enum place { CONSTANT, HOST, APIC, OWN, IN_CR, IN_SEG, IN_MSR };
static const u8 groups[] = {
	[OWN] = 0, [IN_CR] = HVM_STATE_cr, [IN_SEG] = HVM_STATE_seg, [IN_MSR] = HVM_STATE_msr};

/* What a write may do. */
enum writing {
	FAULTS,
	IGNORED,
	SPECIAL,
	ANY,
	LOW32,
	ADDRESS,
	PAT_TYPES,
	MTRR_DEFAULT,
	MTRR_FIXED,
	MTRR_VARIABLE,
};

#define AT(field) offsetof(struct vcpu, field)

/* By number, ranges apart: searched by halving. */
static const struct rule {
	u32 first, last;
	u8 place, writing;
	u32 value; /* or where in struct vcpu the first one is */
} rules[] = {
	/* Native; a write would set it for this guest alone, which no offset provides. */
	{MSR_TSC, MSR_TSC, HOST, IGNORED, 0},
	/* Platform id: Linux's microcode driver reads it unguarded on Intel. */
	{0x17, 0x17, CONSTANT, FAULTS, 0},
	{MSR_APIC_BASE, MSR_APIC_BASE, APIC, SPECIAL, 0},
	/* Locked with nothing enabled: no VMX, no SGX. */
	{MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL, CONSTANT, FAULTS, 1},
	/* Microcode revision: the truth, as guests look for known bad ones; Intel's protocol
	 * writes 0 first. */
	{0x8B, 0x8B, HOST, IGNORED, 0},
	/* Platform information: no ratios to tell. */
	{0xCE, 0xCE, CONSTANT, FAULTS, 0},
	/* 8 variable ranges, fixed ranges, WC. */
	{0xFE, 0xFE, CONSTANT, FAULTS, 0x508},
	{MSR_SYSENTER_CS, MSR_SYSENTER_CS, IN_MSR, LOW32, AT(regs.msr.sysenter_cs)},
	{MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, IN_MSR, ADDRESS, AT(regs.msr.sysenter_esp)},
	/* Machine check: no banks, nothing in progress. */
	{0x179, 0x17A, CONSTANT, FAULTS, 0},
	/* Fast strings on (Linux asks unguarded on Intel); no branch trace, no event sampling. */
	{MSR_MISC_ENABLE, MSR_MISC_ENABLE, CONSTANT, IGNORED, 0x1801},
	/* Debug control: single-stepping code of Linux clears it. No branch records. */
	{MSR_DEBUGCTL, MSR_DEBUGCTL, CONSTANT, IGNORED, 0},
	/* MTRRs are kept, checked and without effect: nested paging and PAT decide. */
	{0x200, 0x20F, OWN, MTRR_VARIABLE, AT(msr.mtrr_variable)},
	{0x250, 0x250, OWN, MTRR_FIXED, AT(msr.mtrr_fixed[0])},
	{0x258, 0x259, OWN, MTRR_FIXED, AT(msr.mtrr_fixed[1])},
	{0x268, 0x26F, OWN, MTRR_FIXED, AT(msr.mtrr_fixed[3])},
	{MSR_PAT, MSR_PAT, IN_MSR, PAT_TYPES, AT(regs.pat)},
	{0x2FF, 0x2FF, OWN, MTRR_DEFAULT, AT(msr.mtrr_def_type)},
	{MSR_HYPERCALL_PAGE, MSR_HYPERCALL_PAGE, CONSTANT, SPECIAL, 0},
	{MSR_EFER, MSR_EFER, IN_CR, SPECIAL, AT(regs.efer)},
	{MSR_STAR, MSR_STAR, IN_MSR, ANY, AT(regs.msr.star)},
	{MSR_LSTAR, MSR_CSTAR, IN_MSR, ADDRESS, AT(regs.msr.lstar)},
	{MSR_SFMASK, MSR_SFMASK, IN_MSR, LOW32, AT(regs.msr.sfmask)},
	{MSR_FS_BASE, MSR_FS_BASE, IN_SEG, ADDRESS, AT(regs.seg[SEG_FS].base)},
	{MSR_GS_BASE, MSR_GS_BASE, IN_SEG, ADDRESS, AT(regs.seg[SEG_GS].base)},
	{MSR_KERNEL_GS_BASE, MSR_KERNEL_GS_BASE, IN_MSR, ADDRESS, AT(regs.msr.kernel_gs_base)},
	/* SYSCFG: Linux asks unguarded whether the BIOS forced WB above 4 GiB. It did not. */
	{0xC0010010, 0xC0010010, CONSTANT, IGNORED, 0},
	/* HWCR: Linux asks unguarded whether the TSC counts at a constant rate: bit 24, yes. */
	{0xC0010015, 0xC0010015, CONSTANT, IGNORED, 1u << 24},
	/* Northbridge configuration; C1E message (erratum 400): read unguarded on old families. */
	{0xC001001F, 0xC001001F, CONSTANT, IGNORED, 0},
	{0xC0010055, 0xC0010055, CONSTANT, IGNORED, 0},
	/* No memory-mapped PCI configuration. */
	{0xC0010058, 0xC0010058, CONSTANT, FAULTS, 0},
	/* SVM: disabled and locked. */
	{0xC0010114, 0xC0010114, CONSTANT, FAULTS, 0x18},
	/* Core configuration (LS, IC, DC, DE, BU...): guests set bits there against errata of the
	 * real CPU, which is not theirs to configure. */
	{0xC0011020, 0xC001102F, CONSTANT, IGNORED, 0},
};
/* Rows of several registers count on this. */
_Static_assert(AT(regs.msr.sysenter_eip) == AT(regs.msr.sysenter_esp) + 8 &&
		       AT(regs.msr.cstar) == AT(regs.msr.lstar) + 8,
	       "in the order of their numbers");

static const struct rule *find(u32 index)
{
	unsigned int low = 0, high = ARRAY_SIZE(rules);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (index > rules[middle].last)
			low = middle + 1;
		else if (index < rules[middle].first)
			high = middle;
		else
			return &rules[middle];
	}
	return NULL;
}

/* Makes the register current, if it is fetched on demand. */
static u64 *register_of(struct vcpu *v, const struct rule *rule, u32 index)
{
	vcpu_need(v, groups[rule->place]);
	return (u64 *)(void *)((u8 *)v + rule->value) + (index - rule->first);
}

int msr_read(struct vcpu *v, u32 index, u64 *value)
{
	const struct rule *rule;

	if (index - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return vapic_msr_read(v, index, value); /* the hot ones */
	rule = find(index);
	if (!rule)
		return -XEN_EINVAL;
	if (rule->place == APIC)
		return vapic_msr_read(v, index, value);
	if (rule->place == CONSTANT)
		*value = rule->value;
	else if (rule->place != HOST)
		*value = *register_of(v, rule, index);
	else if (!rdmsr_safe(index, value))
		*value = 0;
	return 0;
}

/* LME cannot change under paging; LMA is the CPU's (APM vol. 2, "Extended Feature Enable
 * Register"). */
static int write_efer(struct vcpu *v, u64 value)
{
	struct plinth_vcpu_state *r = &v->regs;

	vcpu_need(v, HVM_STATE_cr);
	if (value & ~cpuid_limits.efer)
		return -XEN_EINVAL;
	if (((value ^ r->efer) & EFER_LME) && (r->cr0 & CR0_PG))
		return -XEN_EINVAL;
	r->efer = (value & ~(u64)EFER_LMA) | (r->efer & EFER_LMA);
	vcpu_dirty(v, HVM_STATE_cr);
	return 0;
}

/* guest-abi 1.7: slot n is mov $n, %eax; vmcall or vmmcall; ret. */
static void fill_hypercall_page(u8 *page)
{
	const u8 *insn = hvm->hypercall_insn;

	memset(page, 0xCC, PAGE_SIZE);
	for (u32 i = 0; i < HYPERCALL_SLOTS; i++) {
		const u8 code[] = {0xB8, (u8)i, 0, 0, 0, insn[0], insn[1], insn[2], 0xC3};

		memcpy(page + i * HYPERCALL_SLOT, code, sizeof(code));
	}
	memcpy(page + HYPERCALL_IRET * HYPERCALL_SLOT, "\x0F\x0B", 2); /* UD2 */
}

/* The guest names a page of its RAM; it is filled with the calls, once. */
static int write_hypercall_page(struct vcpu *v, u64 value)
{
	hfn_t f;
	u8 *page;

	if ((value & PAGE_MASK) || p2m_get_ram(v->domain, gpa_to_gfn(gpa(value)), true, &f))
		return -XEN_EINVAL;
	page = frame_map(f);
	fill_hypercall_page(page);
	frame_unmap(page);
	frame_put(f);
	return 0;
}

static int write_special(struct vcpu *v, u32 index, u64 value)
{
	if (index == MSR_EFER)
		return write_efer(v, value);
	return index == MSR_HYPERCALL_PAGE ? write_hypercall_page(v, value)
					   : vapic_msr_write(v, index, value);
}

/* Memory types: UC 0, WC 1, WT 4, WP 5, WB 6; in PAT also UC- 7. */
#define TYPES_MTRR 0x73u
#define TYPES_PAT  0xF3u
static bool types_valid(u64 value, u32 allowed)
{
	for (unsigned int i = 0; i < 8; i++, value >>= 8)
		if ((value & 0xFF) > 7 || !(allowed >> (value & 7) & 1))
			return false;
	return true;
}

static bool value_valid(enum writing writing, u32 index, u64 value)
{
	bool mask = index & 1; /* of a variable range */

	switch (writing) {
	case ADDRESS: /* a non-canonical one would make the next entry fail, not the guest */
		return (u64)((s64)(value << 16) >> 16) == value;
	case PAT_TYPES:
		return types_valid(value, TYPES_PAT);
	case MTRR_DEFAULT:
		return !(value & ~0xCFFull) && types_valid(value & 0xFF, TYPES_MTRR);
	case MTRR_FIXED:
		return types_valid(value, TYPES_MTRR);
	case MTRR_VARIABLE:
		return !(value >> cpuid_limits.phys_bits) && !(value & (mask ? 0x7FF : 0xF00)) &&
		       (mask || types_valid(value & 0xFF, TYPES_MTRR));
	default:
		return true;
	}
}

int msr_write(struct vcpu *v, u32 index, u64 value)
{
	const struct rule *rule;

	if (index - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return vapic_msr_write(v, index, value);
	rule = find(index);
	if (!rule || rule->writing == FAULTS || !value_valid(rule->writing, index, value))
		return -XEN_EINVAL;
	if (rule->writing == SPECIAL)
		return write_special(v, index, value);
	if (rule->writing == IGNORED)
		return 0;
	*register_of(v, rule, index) = rule->writing == LOW32 ? (u32)value : value;
	vcpu_dirty(v, groups[rule->place]);
	return 0;
}

void msr_reset(struct vcpu *v)
{
	memset(&v->msr, 0, sizeof(v->msr));
	v->msr.mtrr_def_type = 0x806; /* on, write-back: or Linux turns PAT off */
}
