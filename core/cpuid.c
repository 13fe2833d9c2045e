/* SPDX-License-Identifier: BSD-2-Clause */
/* What CPUID shows a guest. A leaf that is not in the table, and a bit that is not in its mask,
 * reads zero. Worked out once at boot; what depends on the vCPU is added at each exit. AMD APM vol.
 * 3, "Obtaining Processor Information Via the CPUID Instruction"; Intel SDM vol. 2, "CPUID". */
#include <core/cpuid.h>

#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/platform/clock.h>
#include <core/domain.h>
#include <core/vcpu.h>

#define ANY  ~0u
#define ALL  ~0u
#define B(n) (1u << (n))

#define EXT 0x80000000u
#define XEN 0x40000000u

#define MAX_BASIC 0x16u
#define MAX_EXT   (EXT + 0x21)
#define NPT_BITS  48u /* what a nested table of 4 levels covers */

/* Leaf 1 ECX: SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND.
 * Not shown: MONITOR (it would idle the real CPU), VMX, SMX, power and thermal control, debug store
 * and PDCM (no PMU), TSC deadline (the Xen timer is there). x2APIC (21) is emulated, always there.
 */
#define L1_ECX                                                                                \
	(B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | B(19) | B(20) | B(22) | B(23) | B(25) | \
	 B(26) | B(28) | B(29) | B(30))
#define L1_ECX_X2APIC     B(21)
#define L1_ECX_XSAVE      B(26)
#define L1_ECX_OSXSAVE    B(27)
#define L1_ECX_HYPERVISOR B(31)
/* EDX: FPU VME DE PSE TSC MSR PAE CX8 SEP MTRR PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SS. Not
 * shown: MCE, MCA (no banks behind them), serial number, debug store, ACPI thermal control, TM,
 * PBE. */
#define L1_EDX                                                                                   \
	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(8) | B(11) | B(12) | B(13) | B(15) | \
	 B(16) | B(17) | B(19) | B(23) | B(24) | B(25) | B(26) | B(27))
#define L1_EDX_APIC B(9)
#define L1_EDX_HTT  B(28)
/* Leaf 7 EBX: FSGSBASE BMI1 AVX2 FDP SMEP BMI2 ERMS INVPCID FCS-deprecation AVX512F DQ RDSEED ADX
 * SMAP IFMA CLFLUSHOPT CLWB PF ER CD SHA BW VL. Not shown: TSC_ADJUST (time is native), SGX, HLE
 * and RTM (TSX), cache monitoring and allocation, MPX, processor trace. */
#define L7_EBX                                                                                    \
	(B(0) | B(3) | B(5) | B(6) | B(7) | B(8) | B(9) | B(10) | B(13) | B(16) | B(17) | B(18) | \
	 B(19) | B(20) | B(21) | B(23) | B(24) | B(26) | B(27) | B(28) | B(29) | B(30) | B(31))
/* ECX: PREFETCHWT1 VBMI UMIP PKU VBMI2 GFNI VAES VPCLMUL VNNI BITALG VPOPCNT RDPID CLDEMOTE MOVDIRI
 * MOVDIR64B. Not shown: WAITPKG (as MONITOR), CET (needs XSS), LA57 (4 levels are what was tested),
 * SGX launch control. */
#define L7_ECX                                                                                    \
	(B(0) | B(1) | B(2) | B(3) | B(6) | B(8) | B(9) | B(10) | B(11) | B(12) | B(14) | B(22) | \
	 B(25) | B(27) | B(28))
#define L7_ECX_PKU   B(3)
#define L7_ECX_OSPKE B(4)
/* EDX: 4VNNIW 4FMAPS FSRM VP2INTERSECT MD_CLEAR SERIALIZE. Not shown: what needs the speculation
 * control MSRs (IBRS STIBP L1D_FLUSH ARCH_CAPABILITIES SSBD), AMX, hybrid parts. */
#define L7_EDX (B(2) | B(3) | B(4) | B(8) | B(10) | B(14))
/* 0x80000001 ECX: LAHF ABM SSE4A MISALIGNSSE PREFETCHW XOP FMA4 TBM. Not shown: SVM, extended APIC
 * space, OSVW, IBS, SKINIT, WDT, LWP, topology extensions (0x8000001D and E are not shown),
 * counters, data breakpoints, MONITORX. */
#define E1_ECX           (B(0) | B(5) | B(6) | B(7) | B(8) | B(11) | B(16) | B(21))
#define E1_ECX_CMPLEGACY B(1)
/* EDX: leaf 1's once more on AMD, and SYSCALL NX MMXEXT FFXSR PAGE1GB RDTSCP LM 3DNOWEXT 3DNOW. */
#define E1_EDX                                                                                   \
	((L1_EDX & 0x0183F17F) | B(11) | B(20) | B(22) | B(25) | B(26) | B(27) | B(29) | B(30) | \
	 B(31))

/* Extended state: x87 SSE AVX, AVX-512 (all three or none), PKRU. No MPX, no AMX (8 KiB for each
 * switch), no supervisor states. */
#define XCR0_AVX    B(2)
#define XCR0_AVX512 (B(5) | B(6) | B(7))
#define XCR0_PKRU   B(9)
#define XCR0_MASK   (B(0) | B(1) | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

struct rule {
	u32 leaf, sub;
	u32 eax, ebx, ecx, edx; /* bits of the host's that show, before make() and live() */
};

/* In order of leaf. */
static const struct rule rules[] = {
	/* The true vendor: guests pick VMCALL or VMMCALL by it. */
	{0x0, ANY, 0, ALL, ALL, ALL},
	/* Family and features; EBX: CLFLUSH size. */
	{0x1, ANY, ALL, 0xFF00, L1_ECX, L1_EDX},
	/* Cache descriptors: facts of the CPU. */
	{0x2, ANY, ALL, ALL, ALL, ALL},
	/* Caches: sizes are facts; who shares them is not: guests' vCPUs move. */
	{0x4, 0, 0x3FF, ALL, ALL, 7},
	{0x4, 1, 0x3FF, ALL, ALL, 7},
	{0x4, 2, 0x3FF, ALL, ALL, 7},
	{0x4, 3, 0x3FF, ALL, ALL, 7},
	/* ARAT: the virtual APIC's timer never stops. No power or thermal control, no APERF. */
	{0x6, ANY, 0, 0, 0, 0},
	/* Features; EAX 0: no further subleaves. */
	{0x7, 0, 0, L7_EBX, L7_ECX, L7_EDX},
	/* Topology: one package, a core for each vCPU. */
	{0xB, ANY, 0, 0, 0, 0},
	/* Extended state: what XCR0 may hold; XSAVEOPT, XSAVEC, XGETBV(1), not XSAVES. */
	{0xD, 0, XCR0_MASK, 0, 0, 0},
	{0xD, 1, 7, 0, 0, 0},
	/* Size and offset of each component; ECX bit 1: aligned in the compacted form. */
	{0xD, 2, ALL, ALL, 2, 0},
	{0xD, 5, ALL, ALL, 2, 0},
	{0xD, 6, ALL, ALL, 2, 0},
	{0xD, 7, ALL, ALL, 2, 0},
	{0xD, 9, ALL, ALL, 2, 0},
	/* Frequencies, only if the TSC agrees: saves guests a calibration. (Not 0x15: guests would
	 * take its crystal for the APIC timer's clock, which is 1 GHz here.) */
	{0x16, ANY, 0xFFFF, 0xFFFF, 0, 0},

	{EXT + 0x0, ANY, 0, ALL, ALL, ALL},
	{EXT + 0x1, ANY, ALL, ALL, E1_ECX, E1_EDX},
	/* Brand string; caches and TLBs. */
	{EXT + 0x2, ANY, ALL, ALL, ALL, ALL},
	{EXT + 0x3, ANY, ALL, ALL, ALL, ALL},
	{EXT + 0x4, ANY, ALL, ALL, ALL, ALL},
	{EXT + 0x5, ANY, ALL, ALL, ALL, ALL},
	{EXT + 0x6, ANY, ALL, ALL, ALL, ALL},
	/* Invariant TSC. */
	{EXT + 0x7, ANY, 0, 0, 0, B(8)},
	/* Address widths; CLZERO, XSAVEERPTR. No speculation control MSRs. */
	{EXT + 0x8, ANY, 0xFFFF, B(0) | B(2), 0, 0},
	/* 1 GiB TLBs; FP128, MOVU, FP256. */
	{EXT + 0x19, ANY, ALL, ALL, 0, 0},
	{EXT + 0x1A, ANY, 7, 0, 0, 0},
	/* Data breakpoints not nested, LFENCE serialises, null selectors clear the base. */
	{EXT + 0x21, ANY, B(0) | B(2) | B(6), 0, 0, 0},
};

static struct cpuid_regs cache[ARRAY_SIZE(rules)];
/* First row of each leaf, plus 1; 0 = none. */
static u8 basic_row[MAX_BASIC + 1], ext_row[MAX_EXT - EXT + 1];
static u32 tsc_mul, tsc_khz;
static s8 tsc_shift;
struct cpuid_limits cpuid_limits = {.phys_bits = 36};

static struct cpuid_regs *row(u32 leaf, u32 sub)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].leaf == leaf && (rules[i].sub == ANY || rules[i].sub == sub))
			return &cache[i];
	return NULL; /* never, for the rows asked for below */
}

/* At boot */

static bool host_has(u32 leaf)
{
	return leaf <= cpuid(leaf & EXT, 0).eax;
}

static void make(u32 leaf, struct cpuid_regs *r)
{
	u32 claim = r->eax * 1000, off = claim > tsc_khz ? claim - tsc_khz : tsc_khz - claim;
	u32 bits = (u32)min_u64(r->eax & 0xFF, NPT_BITS);

	switch (leaf) {
	case 0x0: /* 0xB is synthetic, leaves up to 0xD may be zero */
		r->eax = host_has(0x16) ? 0x16 : 0xD;
		break;
	case 0x6:
		r->eax = B(2);
		break;
	case 0x16:
		if (off > tsc_khz / 100)
			*r = (struct cpuid_regs){0};
		break;
	case EXT:
		r->eax = (u32)min_u64(cpuid(EXT, 0).eax, MAX_EXT);
		break;
	case EXT + 8: /* linear addresses: no LA57 */
		r->eax = (bits ? bits : 36) | 48u << 8;
		break;
	default:
		break;
	}
}

/* Instruction sets whose registers XCR0 cannot hold. */
static void drop_unsaved(void)
{
	struct cpuid_regs *l1 = row(1, 0), *l7 = row(7, 0), *d0 = row(0xD, 0),
			  *e1 = row(EXT + 1, 0);
	u32 avx512 = B(16) | B(17) | B(21) | B(26) | B(27) | B(28) | B(30) | B(31);

	if (!(l1->ecx & L1_ECX_XSAVE) || (d0->eax & 3) != 3)
		d0->eax = 0;
	if ((d0->eax & XCR0_AVX512) != XCR0_AVX512 || !(d0->eax & XCR0_AVX))
		d0->eax &= ~XCR0_AVX512;
	if (!d0->eax) {
		l1->ecx &= ~L1_ECX_XSAVE;
		*row(0xD, 1) = (struct cpuid_regs){0};
	}
	for (u32 sub = 2; sub < 10; sub++)
		if (row(0xD, sub) && !(d0->eax & B(sub)))
			*row(0xD, sub) = (struct cpuid_regs){0};
	if (!(d0->eax & XCR0_AVX)) {
		l1->ecx &= ~(B(12) | B(28) | B(29)); /* FMA AVX F16C */
		l7->ebx &= ~B(5);                    /* AVX2 */
		l7->ecx &= ~(B(9) | B(10));          /* VAES VPCLMUL */
		e1->ecx &= ~(B(11) | B(16));         /* XOP FMA4 */
	}
	if (!(d0->eax & XCR0_AVX512)) {
		l7->ebx &= ~avx512;
		l7->ecx &= ~(B(1) | B(6) | B(11) | B(12) | B(14));
		l7->edx &= ~(B(2) | B(3) | B(8));
	}
	if (!(d0->eax & XCR0_PKRU))
		l7->ecx &= ~L7_ECX_PKU;
}

/* Bytes that these components take: 576 for the first two and the header. */
static u32 state_size(u64 xcr0, bool compacted)
{
	u32 size = 576;

	for (u32 sub = 2; sub < 10; sub++) {
		const struct cpuid_regs *c = xcr0 & B(sub) ? row(0xD, sub) : NULL;

		if (c && compacted)
			size = (u32)align_up(size, c->ecx & B(1) ? 64 : 1) + c->eax;
		else if (c)
			size = (u32)max_u64(size, c->ebx + c->eax);
	}
	return size;
}

/* Control bits exist with their features. */
static void make_masks(void)
{
	const struct cpuid_regs *l1 = row(1, 0), *l7 = row(7, 0), *e1 = row(EXT + 1, 0);
	const struct {
		u32 word, bit, cr4;
	} needs[] = {
		{l1->ecx, 17, CR4_PCIDE}, {l1->ecx, 26, CR4_OSXSAVE}, {l7->ebx, 0, CR4_FSGSBASE},
		{l7->ebx, 7, CR4_SMEP},   {l7->ebx, 20, CR4_SMAP},    {l7->ecx, 2, CR4_UMIP},
		{l7->ecx, 3, CR4_PKE},
	};

	/* MCE: harmless without banks, and not intercepted. */
	cpuid_limits.cr4 = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |
			   CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	for (unsigned int i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].word >> needs[i].bit & 1)
			cpuid_limits.cr4 |= needs[i].cr4;
	cpuid_limits.efer = EFER_SCE | EFER_LME | EFER_LMA;
	if (e1->edx & B(20))
		cpuid_limits.efer |= EFER_NXE;
	if (e1->edx & B(25))
		cpuid_limits.efer |= EFER_FFXSR;
}

void cpuid_init(void)
{
	u64 base;

	clock_params(&tsc_mul, &tsc_shift, &base, &tsc_khz);
	for (unsigned int i = ARRAY_SIZE(rules); i-- > 0;) {
		const struct rule *rule = &rules[i];
		struct cpuid_regs r = {0};

		if (host_has(rule->leaf))
			r = cpuid(rule->leaf, rule->sub == ANY ? 0 : rule->sub);
		r.eax &= rule->eax;
		r.ebx &= rule->ebx;
		r.ecx &= rule->ecx;
		r.edx &= rule->edx;
		make(rule->leaf, &r);
		cache[i] = r;
		if (rule->leaf < EXT)
			basic_row[rule->leaf] = (u8)(i + 1);
		else
			ext_row[rule->leaf - EXT] = (u8)(i + 1);
	}
	drop_unsaved();
	make_masks();
	cpuid_limits.phys_bits = row(EXT + 8, 0)->eax & 0xFF;
	cpuid_limits.xcr0 = row(0xD, 0)->eax;
	if (cpuid_limits.xcr0)
		row(0xD, 0)->ecx = state_size(cpuid_limits.xcr0, false);
}

/* At each exit */

/* Bits of an APIC id that number the cores of the one package. */
static u32 core_bits(const struct domain *d)
{
	return d->max_vcpus > 1 ? 32u - (u32)__builtin_clz(d->max_vcpus - 1) : 0;
}

static void live_1(struct vcpu *v, struct cpuid_regs *r)
{
	vcpu_need(v, HVM_STATE_cr);
	r->ebx |= v->id << 24 | v->domain->max_vcpus << 16;
	r->ecx |= L1_ECX_X2APIC | L1_ECX_HYPERVISOR;
	if (v->regs.cr4 & CR4_OSXSAVE)
		r->ecx |= L1_ECX_OSXSAVE;
	if (v->vapic.base_msr & (1u << 11))
		r->edx |= L1_EDX_APIC;
	if (v->domain->max_vcpus > 1)
		r->edx |= L1_EDX_HTT;
}

/* Level 0 is threads (one), level 1 cores. EDX: the x2APIC id, in any mode. */
static void live_topology(const struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	r->ecx = sub & 0xFF;
	r->edx = v->id;
	if (sub == 0) {
		r->ebx = 1;
		r->ecx |= 1u << 8;
	} else if (sub == 1) {
		r->eax = core_bits(v->domain);
		r->ebx = v->domain->max_vcpus;
		r->ecx |= 2u << 8;
	}
}

static void live(struct vcpu *v, u32 leaf, u32 sub, struct cpuid_regs *r)
{
	const struct domain *d = v->domain;

	switch (leaf) {
	case 0x1:
		live_1(v, r);
		break;
	case 0x4:
		if (r->eax & 0x1F) /* cores of the package, less one; no cache is shared */
			r->eax |= (u32)(low_mask(core_bits(d)) & 0x3F) << 26;
		break;
	case 0x7:
		vcpu_need(v, HVM_STATE_cr);
		if ((r->ecx & L7_ECX_PKU) && (v->regs.cr4 & CR4_PKE))
			r->ecx |= L7_ECX_OSPKE;
		break;
	case 0xB:
		live_topology(v, sub, r);
		break;
	case 0xD: /* of subleaf 0 XCR0 bits, SSE among them; of 1 XSAVEC. The register itself is
		   * asked: v runs here, and not every CPU tells of its XSETBV. */
		if (sub < 2 && (r->eax & B(1)))
			r->ebx = state_size(xgetbv(0), sub);
		break;
	case EXT + 1:
		if (d->max_vcpus > 1)
			r->ecx |= E1_ECX_CMPLEGACY;
		/* AMD mirrors leaf 1, as its FPU bit here tells. */
		if ((r->edx & 1) && (v->vapic.base_msr & (1u << 11)))
			r->edx |= L1_EDX_APIC;
		break;
	case EXT + 8:
		r->ecx = core_bits(d) << 12 | (d->max_vcpus - 1);
		break;
	default:
		break;
	}
}

/* guest-abi 1.6. */
static struct cpuid_regs xen_leaf(const struct vcpu *v, u32 leaf, u32 sub)
{
	u32 flags = (u32)clock_tsc_stable << 1;

	switch (leaf - XEN) {
	case 0: /* "XenVMMXenVMM" */
		return (struct cpuid_regs){XEN + 5, 0x566E6558, 0x65584D4D, 0x4D4D566E};
	case 1: /* 4.17: what was read for this interface */
		return (struct cpuid_regs){4u << 16 | 17, 0, 0, 0};
	case 2: /* one hypercall page, and its MSR */
		return (struct cpuid_regs){1, XEN, 0, 0};
	case 3: /* the TSC: native in all guests */
		if (sub == 0) {
			flags |= (row(EXT + 1, 0)->edx >> 27 & 1) << 2; /* RDTSCP is there */
			return (struct cpuid_regs){flags, 0, tsc_khz, 0};
		}
		if (sub == 1)
			return (struct cpuid_regs){0, 0, tsc_mul, (u32)(s32)tsc_shift};
		return (struct cpuid_regs){sub == 2 ? tsc_khz : 0, 0, 0, 0};
	case 4: /* ids valid. Bit 6, the per-vCPU vector, clear: the domain's vector needs no EOI */
		return (struct cpuid_regs){B(3) | B(4), v->id, v->domain->id, 0};
	default:
		return (struct cpuid_regs){0};
	}
}

void cpuid_guest(struct vcpu *v, u32 leaf, u32 sub, struct cpuid_regs *out)
{
	unsigned int i = 0;

	if (leaf <= MAX_BASIC)
		i = basic_row[leaf];
	else if (leaf - EXT <= MAX_EXT - EXT)
		i = ext_row[leaf - EXT];
	else if (leaf - XEN <= 5) {
		*out = xen_leaf(v, leaf, sub);
		return;
	}
	for (; i != 0 && i <= ARRAY_SIZE(rules) && rules[i - 1].leaf == leaf; i++) {
		const struct rule *rule = &rules[i - 1];

		if (rule->sub != ANY && rule->sub != sub)
			continue;
		*out = cache[i - 1];
		live(v, leaf, sub, out);
		return;
	}
	*out = (struct cpuid_regs){0};
}
