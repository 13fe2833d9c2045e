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

typedef int read_fn(struct vcpu *v, u32 index, u64 *value);
typedef int write_fn(struct vcpu *v, u32 index, u64 value);

/* Rules that several rows share */

/* Stands in a row that always reads as its `value`. */
static int read_constant(struct vcpu *v, u32 index, u64 *value)
{
	(void)v;
	(void)index;
	(void)value;
	return -XEN_EINVAL;
}

static int write_ignored(struct vcpu *v, u32 index, u64 value)
{
	(void)v;
	(void)index;
	(void)value;
	return 0;
}

/* Registers that hardware keeps for the guest: seen here only if the vendor's code intercepts them.
 * They lie in a group of their own, each where offset() says. */
static u64 *hardware_register(struct vcpu *v, u32 index)
{
	struct plinth_vcpu_state *r = &v->regs;

	switch (index) {
	case MSR_SYSENTER_CS:
		return &r->sysenter_cs;
	case MSR_SYSENTER_ESP:
		return &r->sysenter_esp;
	case MSR_SYSENTER_EIP:
		return &r->sysenter_eip;
	case MSR_STAR:
		return &r->star;
	case MSR_LSTAR:
		return &r->lstar;
	case MSR_CSTAR:
		return &r->cstar;
	case MSR_SFMASK:
		return &r->sfmask;
	case MSR_FS_BASE:
		return &r->seg[SEG_FS].base;
	case MSR_GS_BASE:
		return &r->seg[SEG_GS].base;
	case MSR_KERNEL_GS_BASE:
		return &r->kernel_gs_base;
	default:
		return &r->pat;
	}
}

static unsigned int hardware_group(u32 index)
{
	return index == MSR_FS_BASE || index == MSR_GS_BASE ? HVM_STATE_seg : HVM_STATE_msr;
}

static int read_hardware(struct vcpu *v, u32 index, u64 *value)
{
	vcpu_need(v, hardware_group(index));
	*value = *hardware_register(v, index);
	return 0;
}

static int write_hardware(struct vcpu *v, u32 index, u64 value)
{
	vcpu_need(v, hardware_group(index));
	*hardware_register(v, index) = value;
	vcpu_dirty(v, hardware_group(index));
	return 0;
}

/* Addresses: a non-canonical one would make the next entry fail, not the guest. */
static int write_address(struct vcpu *v, u32 index, u64 value)
{
	if ((u64)((s64)(value << 16) >> 16) != value)
		return -XEN_EINVAL;
	return write_hardware(v, index, value);
}

static int write_low32(struct vcpu *v, u32 index, u64 value)
{
	return write_hardware(v, index, value & 0xFFFFFFFFu);
}

/* Single ones */

static int read_tsc(struct vcpu *v, u32 index, u64 *value)
{
	(void)v;
	(void)index;
	*value = rdtsc(); /* native, as RDTSC in the guest */
	return 0;
}

static int read_host(struct vcpu *v, u32 index, u64 *value)
{
	(void)v;
	if (!rdmsr_safe(index, value))
		*value = 0;
	return 0;
}

/* EFER: LME cannot change under paging; LMA is the CPU's (APM vol. 2, "Extended Feature Enable
 * Register"). */
static int read_efer(struct vcpu *v, u32 index, u64 *value)
{
	(void)index;
	vcpu_need(v, HVM_STATE_cr);
	*value = v->regs.efer;
	return 0;
}

static int write_efer(struct vcpu *v, u32 index, u64 value)
{
	struct plinth_vcpu_state *r = &v->regs;

	(void)index;
	vcpu_need(v, HVM_STATE_cr);
	if (value & ~cpuid_efer_mask())
		return -XEN_EINVAL;
	if (((value ^ r->efer) & EFER_LME) && (r->cr0 & CR0_PG))
		return -XEN_EINVAL;
	r->efer = (value & ~(u64)EFER_LMA) | (r->efer & EFER_LMA);
	vcpu_dirty(v, HVM_STATE_cr);
	return 0;
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

static int write_pat(struct vcpu *v, u32 index, u64 value)
{
	return types_valid(value, TYPES_PAT) ? write_hardware(v, index, value) : -XEN_EINVAL;
}

/* MTRRs are kept, checked and without effect: nested paging and PAT decide. */
static int read_mtrr_default(struct vcpu *v, u32 index, u64 *value)
{
	(void)index;
	*value = v->msr.mtrr_def_type;
	return 0;
}

static int write_mtrr_default(struct vcpu *v, u32 index, u64 value)
{
	(void)index;
	if ((value & ~0xCFFull) || !types_valid(value & 0xFF, TYPES_MTRR))
		return -XEN_EINVAL;
	v->msr.mtrr_def_type = value;
	return 0;
}

static u64 *mtrr_fixed(struct vcpu *v, u32 index)
{
	u32 i = index == 0x250 ? 0 : index < 0x260 ? index - 0x258 + 1 : index - 0x268 + 3;

	return &v->msr.mtrr_fixed[i];
}

static int read_mtrr_fixed(struct vcpu *v, u32 index, u64 *value)
{
	*value = *mtrr_fixed(v, index);
	return 0;
}

static int write_mtrr_fixed(struct vcpu *v, u32 index, u64 value)
{
	if (!types_valid(value, TYPES_MTRR))
		return -XEN_EINVAL;
	*mtrr_fixed(v, index) = value;
	return 0;
}

static int read_mtrr_variable(struct vcpu *v, u32 index, u64 *value)
{
	*value = v->msr.mtrr_variable[index - 0x200];
	return 0;
}

static int write_mtrr_variable(struct vcpu *v, u32 index, u64 value)
{
	bool mask = index & 1;

	if (value >> cpuid_phys_bits() || (value & (mask ? 0x7FF : 0xF00)) ||
	    (!mask && !types_valid(value & 0xFF, TYPES_MTRR)))
		return -XEN_EINVAL;
	v->msr.mtrr_variable[index - 0x200] = value;
	return 0;
}

/* The guest names a page of its RAM; it is filled with the calls, once. */
static int write_hypercall_page(struct vcpu *v, u32 index, u64 value)
{
	hfn_t f;
	u8 *page;

	(void)index;
	if ((value & PAGE_MASK) || p2m_get_ram(v->domain, gpa_to_gfn(gpa(value)), true, &f))
		return -XEN_EINVAL;
	page = frame_map(f);
	hvm->hypercall_page(page);
	frame_unmap(page);
	frame_put(f);
	return 0;
}

/* By number, ranges apart: searched by halving. NULL = #GP. All can be read. */
static const struct rule {
	u32 first, last;
	read_fn *read;
	write_fn *write;
	u64 value;
} rules[] = {
	/* Native; a write would set it for this guest alone, which no offset provides. */
	{MSR_TSC, MSR_TSC, read_tsc, write_ignored, 0},
	/* Platform id: Linux's microcode driver reads it unguarded on Intel. */
	{0x17, 0x17, read_constant, NULL, 0},
	{MSR_APIC_BASE, MSR_APIC_BASE, vapic_msr_read, vapic_msr_write, 0},
	/* Locked with nothing enabled: no VMX, no SGX. */
	{MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL, read_constant, NULL, 1},
	/* Microcode revision: the truth, as guests look for known bad ones; Intel's protocol
	 * writes 0 first. */
	{0x8B, 0x8B, read_host, write_ignored, 0},
	/* Platform information: no ratios to tell. */
	{0xCE, 0xCE, read_constant, NULL, 0},
	/* 8 variable ranges, fixed ranges, WC. */
	{0xFE, 0xFE, read_constant, NULL, 0x508},
	{MSR_SYSENTER_CS, MSR_SYSENTER_CS, read_hardware, write_low32, 0},
	{MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, read_hardware, write_address, 0},
	/* Machine check: no banks, nothing in progress. */
	{0x179, 0x17A, read_constant, NULL, 0},
	/* Fast strings on (Linux asks unguarded on Intel); no branch trace, no event sampling. */
	{MSR_MISC_ENABLE, MSR_MISC_ENABLE, read_constant, write_ignored, 0x1801},
	/* Debug control: single-stepping code of Linux clears it. No branch records. */
	{MSR_DEBUGCTL, MSR_DEBUGCTL, read_constant, write_ignored, 0},
	{0x200, 0x20F, read_mtrr_variable, write_mtrr_variable, 0},
	{0x250, 0x250, read_mtrr_fixed, write_mtrr_fixed, 0},
	{0x258, 0x259, read_mtrr_fixed, write_mtrr_fixed, 0},
	{0x268, 0x26F, read_mtrr_fixed, write_mtrr_fixed, 0},
	{MSR_PAT, MSR_PAT, read_hardware, write_pat, 0},
	{0x2FF, 0x2FF, read_mtrr_default, write_mtrr_default, 0},
	{MSR_X2APIC_FIRST, MSR_X2APIC_LAST, vapic_msr_read, vapic_msr_write, 0},
	{MSR_HYPERCALL_PAGE, MSR_HYPERCALL_PAGE, read_constant, write_hypercall_page, 0},
	{MSR_EFER, MSR_EFER, read_efer, write_efer, 0},
	{MSR_STAR, MSR_STAR, read_hardware, write_hardware, 0},
	{MSR_LSTAR, MSR_CSTAR, read_hardware, write_address, 0},
	{MSR_SFMASK, MSR_SFMASK, read_hardware, write_low32, 0},
	{MSR_FS_BASE, MSR_KERNEL_GS_BASE, read_hardware, write_address, 0},
	/* SYSCFG: Linux asks unguarded whether the BIOS forced WB above 4 GiB. It did not. */
	{0xC0010010, 0xC0010010, read_constant, write_ignored, 0},
	/* HWCR: Linux asks unguarded whether the TSC counts at a constant rate: bit 24, yes. */
	{0xC0010015, 0xC0010015, read_constant, write_ignored, 1u << 24},
	/* Northbridge configuration; C1E message (erratum 400): read unguarded on old families. */
	{0xC001001F, 0xC001001F, read_constant, write_ignored, 0},
	{0xC0010055, 0xC0010055, read_constant, write_ignored, 0},
	/* No memory-mapped PCI configuration. */
	{0xC0010058, 0xC0010058, read_constant, NULL, 0},
	/* SVM: disabled and locked. */
	{0xC0010114, 0xC0010114, read_constant, NULL, 0x18},
	/* Core configuration (LS, IC, DC, DE, BU...): guests set bits there against errata of the
	 * real CPU, which is not theirs to configure. */
	{0xC0011020, 0xC001102F, read_constant, write_ignored, 0},
};

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

int msr_read(struct vcpu *v, u32 index, u64 *value)
{
	const struct rule *rule;

	if (index - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return vapic_msr_read(v, index, value); /* the hot ones */
	rule = find(index);
	if (!rule)
		return -XEN_EINVAL;
	if (rule->read != read_constant)
		return rule->read(v, index, value);
	*value = rule->value;
	return 0;
}

int msr_write(struct vcpu *v, u32 index, u64 value)
{
	const struct rule *rule;

	if (index - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return vapic_msr_write(v, index, value);
	rule = find(index);
	return rule && rule->write ? rule->write(v, index, value) : -XEN_EINVAL;
}

void msr_reset(struct vcpu *v)
{
	memset(&v->msr, 0, sizeof(v->msr));
	v->msr.mtrr_def_type = 0x806; /* on, write-back: or Linux turns PAT off */
}
