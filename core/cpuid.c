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

typedef void make_fn(struct cpuid_regs *r);
typedef void live_fn(struct vcpu *v, u32 sub, struct cpuid_regs *r);

static make_fn make_max, make_arat, make_frequency, make_max_ext, make_e8;
static live_fn live_1, live_4, live_7, live_topology, live_d0, live_d1, live_e1, live_e8;

struct rule {
	u32 leaf, sub;
	u32 eax, ebx, ecx, edx; /* bits of the host's that show */
	make_fn *make;          /* at boot, after masking */
	live_fn *live;          /* at each exit */
};

/* In order of leaf. */
static const struct rule rules[] = {
	/* The true vendor: guests pick VMCALL or VMMCALL by it. */
	{0x0, ANY, 0, ALL, ALL, ALL, make_max, NULL},
	/* Family and features; EBX: CLFLUSH size. */
	{0x1, ANY, ALL, 0xFF00, L1_ECX, L1_EDX, NULL, live_1},
	/* Cache descriptors: facts of the CPU. */
	{0x2, ANY, ALL, ALL, ALL, ALL, NULL, NULL},
	/* Caches: sizes are facts; who shares them is not: guests' vCPUs move. */
	{0x4, 0, 0x3FF, ALL, ALL, 7, NULL, live_4},
	{0x4, 1, 0x3FF, ALL, ALL, 7, NULL, live_4},
	{0x4, 2, 0x3FF, ALL, ALL, 7, NULL, live_4},
	{0x4, 3, 0x3FF, ALL, ALL, 7, NULL, live_4},
	/* ARAT: the virtual APIC's timer never stops. No power or thermal control, no APERF. */
	{0x6, ANY, 0, 0, 0, 0, make_arat, NULL},
	/* Features; EAX 0: no further subleaves. */
	{0x7, 0, 0, L7_EBX, L7_ECX, L7_EDX, NULL, live_7},
	/* Topology: one package, a core for each vCPU. */
	{0xB, ANY, 0, 0, 0, 0, NULL, live_topology},
	/* Extended state: what XCR0 may hold; XSAVEOPT, XSAVEC, XGETBV(1), not XSAVES. */
	{0xD, 0, XCR0_MASK, 0, 0, 0, NULL, live_d0},
	{0xD, 1, 7, 0, 0, 0, NULL, live_d1},
	/* Size and offset of each component; ECX bit 1: aligned in the compacted form. */
	{0xD, 2, ALL, ALL, 2, 0, NULL, NULL},
	{0xD, 5, ALL, ALL, 2, 0, NULL, NULL},
	{0xD, 6, ALL, ALL, 2, 0, NULL, NULL},
	{0xD, 7, ALL, ALL, 2, 0, NULL, NULL},
	{0xD, 9, ALL, ALL, 2, 0, NULL, NULL},
	/* Frequencies, only if the TSC agrees: saves guests a calibration. (Not 0x15: guests would
	 * take its crystal for the APIC timer's clock, which is 1 GHz here.) */
	{0x16, ANY, 0xFFFF, 0xFFFF, 0, 0, make_frequency, NULL},

	{EXT + 0x0, ANY, 0, ALL, ALL, ALL, make_max_ext, NULL},
	{EXT + 0x1, ANY, ALL, ALL, E1_ECX, E1_EDX, NULL, live_e1},
	/* Brand string; caches and TLBs. */
	{EXT + 0x2, ANY, ALL, ALL, ALL, ALL, NULL, NULL},
	{EXT + 0x3, ANY, ALL, ALL, ALL, ALL, NULL, NULL},
	{EXT + 0x4, ANY, ALL, ALL, ALL, ALL, NULL, NULL},
	{EXT + 0x5, ANY, ALL, ALL, ALL, ALL, NULL, NULL},
	{EXT + 0x6, ANY, ALL, ALL, ALL, ALL, NULL, NULL},
	/* Invariant TSC. */
	{EXT + 0x7, ANY, 0, 0, 0, B(8), NULL, NULL},
	/* Address widths; CLZERO, XSAVEERPTR. No speculation control MSRs. */
	{EXT + 0x8, ANY, 0xFFFF, B(0) | B(2), 0, 0, make_e8, live_e8},
	/* 1 GiB TLBs; FP128, MOVU, FP256. */
	{EXT + 0x19, ANY, ALL, ALL, 0, 0, NULL, NULL},
	{EXT + 0x1A, ANY, 7, 0, 0, 0, NULL, NULL},
	/* Data breakpoints not nested, LFENCE serialises, null selectors clear the base. */
	{EXT + 0x21, ANY, B(0) | B(2) | B(6), 0, 0, 0, NULL, NULL},
};

static struct cpuid_regs cache[ARRAY_SIZE(rules)];
/* First row of each leaf, plus 1; 0 = none. */
static u8 basic_row[MAX_BASIC + 1], ext_row[MAX_EXT - EXT + 1];
static u32 tsc_mul, tsc_khz;
static s8 tsc_shift;
static u64 cr4_mask, efer_mask;
static u32 xcr0_mask;
static unsigned int phys_bits = 36;

static struct cpuid_regs *row(u32 leaf, u32 sub)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].leaf == leaf && (rules[i].sub == ANY || rules[i].sub == sub))
			return &cache[i];
	return NULL; /* never, for the rows asked for below */
}

/* At boot */

static void make_max(struct cpuid_regs *r)
{
	u32 host = cpuid(0, 0).eax;

	r->eax = host >= 0x16 ? 0x16 : 0xD; /* 0xB is synthetic, leaves up to 0xD may be zero */
}

static void make_max_ext(struct cpuid_regs *r)
{
	r->eax = (u32)min_u64(cpuid(EXT, 0).eax, MAX_EXT);
}

static void make_arat(struct cpuid_regs *r)
{
	r->eax = B(2);
}

static void make_frequency(struct cpuid_regs *r)
{
	u32 claim = r->eax * 1000, off = claim > tsc_khz ? claim - tsc_khz : tsc_khz - claim;

	if (off > tsc_khz / 100)
		*r = (struct cpuid_regs){0};
}

static void make_e8(struct cpuid_regs *r)
{
	u32 bits = (u32)min_u64(r->eax & 0xFF, NPT_BITS);

	r->eax = (bits ? bits : 36) | 48u << 8; /* linear: no LA57 */
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
		for (u32 sub = 1; sub < 10; sub++)
			if (row(0xD, sub))
				*row(0xD, sub) = (struct cpuid_regs){0};
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

/* Bytes of the standard form for these components: 576 for the first two and the header. */
static u32 standard_size(u64 xcr0)
{
	u32 size = 576;

	for (u32 sub = 2; sub < 10; sub++)
		if (xcr0 & B(sub)) {
			const struct cpuid_regs *c = row(0xD, sub);

			if (c && c->ebx + c->eax > size)
				size = c->ebx + c->eax;
		}
	return size;
}

static u32 compacted_size(u64 xcr0)
{
	u32 size = 576;

	for (u32 sub = 2; sub < 10; sub++)
		if (xcr0 & B(sub)) {
			const struct cpuid_regs *c = row(0xD, sub);

			if (!c)
				continue;
			if (c->ecx & B(1))
				size = (u32)align_up(size, 64);
			size += c->eax;
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
	cr4_mask = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
		   CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	for (unsigned int i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].word >> needs[i].bit & 1)
			cr4_mask |= needs[i].cr4;
	efer_mask = EFER_SCE | EFER_LME | EFER_LMA;
	if (e1->edx & B(20))
		efer_mask |= EFER_NXE;
	if (e1->edx & B(25))
		efer_mask |= EFER_FFXSR;
}

static bool host_has(u32 leaf)
{
	return leaf <= cpuid(leaf & EXT, 0).eax;
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
		if (rule->make)
			rule->make(&r);
		cache[i] = r;
		if (rule->leaf < EXT)
			basic_row[rule->leaf] = (u8)(i + 1);
		else
			ext_row[rule->leaf - EXT] = (u8)(i + 1);
	}
	drop_unsaved();
	make_masks();
	phys_bits = row(EXT + 8, 0)->eax & 0xFF;
	xcr0_mask = row(0xD, 0)->eax;
	if (xcr0_mask)
		row(0xD, 0)->ecx = standard_size(xcr0_mask);
}

/* At each exit */

/* Bits of an APIC id that number the cores of the one package. */
static u32 core_bits(const struct domain *d)
{
	return d->max_vcpus > 1 ? 32u - (u32)__builtin_clz(d->max_vcpus - 1) : 0;
}

static void live_1(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)sub;
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

static void live_4(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)sub;
	if (r->eax & 0x1F) /* cores of the package, less one; caches are shared by no one */
		r->eax |= (u32)(low_mask(core_bits(v->domain)) & 0x3F) << 26;
}

static void live_7(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)sub;
	if (!(r->ecx & L7_ECX_PKU))
		return;
	vcpu_need(v, HVM_STATE_cr);
	if (v->regs.cr4 & CR4_PKE)
		r->ecx |= L7_ECX_OSPKE;
}

/* Level 0 is threads (one), level 1 cores. EDX: the x2APIC id, in any mode. */
static void live_topology(struct vcpu *v, u32 sub, struct cpuid_regs *r)
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

/* The register itself: v runs here, and not every CPU tells of its XSETBV. */
static void live_d0(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)v;
	(void)sub;
	if (r->eax)
		r->ebx = standard_size(xgetbv(0));
}

static void live_d1(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)v;
	(void)sub;
	if (r->eax & B(1))
		r->ebx = compacted_size(xgetbv(0));
}

static void live_e1(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)sub;
	if (v->domain->max_vcpus > 1)
		r->ecx |= E1_ECX_CMPLEGACY;
	/* AMD mirrors leaf 1, as its FPU bit here tells. */
	if ((r->edx & 1) && (v->vapic.base_msr & (1u << 11)))
		r->edx |= L1_EDX_APIC;
}

static void live_e8(struct vcpu *v, u32 sub, struct cpuid_regs *r)
{
	(void)sub;
	r->ecx = core_bits(v->domain) << 12 | (v->domain->max_vcpus - 1);
}

/* guest-abi 1.6. */
static void xen_leaf(const struct vcpu *v, u32 leaf, u32 sub, struct cpuid_regs *out)
{
	struct cpuid_regs r = {0};

	switch (leaf - XEN) {
	case 0: /* "XenVMMXenVMM" */
		r = (struct cpuid_regs){XEN + 5, 0x566E6558, 0x65584D4D, 0x4D4D566E};
		break;
	case 1: /* 4.17: what was read for this interface */
		r.eax = 4u << 16 | 17;
		break;
	case 2: /* one hypercall page, and its MSR */
		r = (struct cpuid_regs){1, XEN, 0, 0};
		break;
	case 3: /* the TSC: native in all guests */
		if (sub == 0) {
			r.eax = (clock_tsc_stable ? B(1) : 0) | (row(EXT + 1, 0)->edx >> 27 & 1)
									<< 2;
			r.ecx = tsc_khz;
		} else if (sub == 1) {
			r.ecx = tsc_mul;
			r.edx = (u32)(s32)tsc_shift;
		} else if (sub == 2) {
			r.eax = tsc_khz;
		}
		break;
	case 4: /* ids valid. Bit 6, the per-vCPU vector, clear: the domain's vector needs no EOI */
		r = (struct cpuid_regs){B(3) | B(4), v->id, v->domain->id, 0};
		break;
	default:
		break;
	}
	*out = r;
}

void cpuid_guest(struct vcpu *v, u32 leaf, u32 sub, struct cpuid_regs *out)
{
	unsigned int i = 0;

	if (leaf <= MAX_BASIC)
		i = basic_row[leaf];
	else if (leaf - EXT <= MAX_EXT - EXT)
		i = ext_row[leaf - EXT];
	else if (leaf - XEN <= 5) {
		xen_leaf(v, leaf, sub, out);
		return;
	}
	for (; i != 0 && i <= ARRAY_SIZE(rules) && rules[i - 1].leaf == leaf; i++) {
		const struct rule *rule = &rules[i - 1];

		if (rule->sub != ANY && rule->sub != sub)
			continue;
		*out = cache[i - 1];
		if (rule->live)
			rule->live(v, sub, out);
		return;
	}
	*out = (struct cpuid_regs){0};
}

u64 cpuid_xcr0_mask(void)
{
	return xcr0_mask;
}

u64 cpuid_efer_mask(void)
{
	return efer_mask;
}

u64 cpuid_cr4_mask(void)
{
	return cr4_mask;
}

unsigned int cpuid_phys_bits(void)
{
	return phys_bits;
}
