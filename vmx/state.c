/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the neutral register state and the VMCS, and what one exit does not switch. */
#include <vmx/vmx.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/vcpu.h>
#include <vmx/insn.h>

#define DR7_ENABLED  0xFFu
#define ATTR_P       (1u << 7)
#define ATTR_S       (1u << 4)
#define ATTR_DPL     (3u << 5)
#define ATTR_G       (1u << 11)
#define ATTR_LOW     0xFFu  /* of both forms */
#define ATTR_HIGH    0xF00u /* four bits further up in the VMCS */
#define RIGHTS_SHIFT 4u

static void debug_read(struct plinth_vcpu_state *r)
{
	read_debug(r->dr);
	r->dr6 = read_dr6();
}
static void debug_write(const struct plinth_vcpu_state *r)
{
	write_debug(r->dr);
	write_dr6(r->dr6);
}

/* As AMD-V does on its own: a bad address is the guest's, not the entry's, trouble. */
static u64 canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16);
}

/* Segments. Present bit clear is how the neutral form says unusable; SS keeps its DPL, which is the
 * privilege level, all the same. */
static void load_segment(struct plinth_segment *s, unsigned int n)
{
	u32 rights = (u32)vmread(GUEST_ES_RIGHTS + 2 * n);

	s->selector = (u16)vmread(GUEST_ES_SELECTOR + 2 * n);
	s->limit = (u32)vmread(GUEST_ES_LIMIT + 2 * n);
	s->base = vmread(GUEST_ES_BASE + 2 * n);
	if (rights & RIGHTS_UNUSABLE)
		s->attr = n == SEG_SS ? rights & ATTR_DPL : 0;
	else
		s->attr = (u16)((rights & ATTR_LOW) | (rights >> RIGHTS_SHIFT & ATTR_HIGH));
}

/* The entry insists on what descriptors in memory guarantee: an accessed bit, and a limit that fits
 * its granularity. */
static void store_segment(const struct plinth_segment *s, unsigned int n)
{
	bool wide = n == SEG_FS || n == SEG_GS || n == SEG_LDTR || n == SEG_TR;
	u32 attr = s->attr, limit = s->limit;

	if (limit >> 20) {
		attr |= ATTR_G;
		limit |= 0xFFF;
	} else if ((limit & 0xFFF) != 0xFFF) {
		attr &= ~ATTR_G;
	}
	if (attr & ATTR_S)
		attr |= 1u;
	attr = (attr & ATTR_LOW) | (attr & ATTR_HIGH) << RIGHTS_SHIFT;
	if (!(attr & ATTR_P))
		attr |= RIGHTS_UNUSABLE;
	vmwrite(GUEST_ES_SELECTOR + 2 * n, s->selector);
	vmwrite(GUEST_ES_LIMIT + 2 * n, limit);
	vmwrite(GUEST_ES_BASE + 2 * n, wide ? canonical(s->base) : (u32)s->base);
	vmwrite(GUEST_ES_RIGHTS + 2 * n, attr);
}

static void load_cr(struct plinth_vcpu_state *r, const struct vmx_vcpu *x)
{
	r->cr0 = (vmread(GUEST_CR0) & ~(u64)CR0_HOST_OWNED) | (x->cr0_shadow & CR0_HOST_OWNED);
	r->cr3 = vmread(GUEST_CR3);
	r->cr4 = vmread(GUEST_CR4) & cpuid_limits.cr4;
	r->efer = vmread(GUEST_EFER);
	if (x->live)
		r->cr2 = read_cr2();
}

/* The four entries that PAE paging keeps in registers. No lock: like a CPU that walks the nested
 * table, we are in guest mode as far as flushes are concerned (core/run.c). */
static void load_pdptes(const struct vcpu *v)
{
	gpa_t at = gpa(v->regs.cr3 & 0xFFFFFFE0u);
	struct ept_leaf leaf = ept_lookup(&v->domain->p2m, gpa_to_gfn(at));
	u64 entries[4] = {0};

	if (leaf.type == EPT_TYPE_ram) {
		u8 *page = frame_map(leaf.frame);

		memcpy(entries, page + (at.v & PAGE_MASK), sizeof(entries));
		frame_unmap(page);
	}
	for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
		vmwrite(GUEST_PDPTE0 + 2 * i, entries[i]);
}

/* CR0: NE must be 1 and CD and NW 0, the guest sees its own. CR4: VMXE must be 1, and what policy
 * does not allow reads 0. Translations made under other values go with the VPID. */
static void store_cr(const struct vcpu *v, struct vmx_vcpu *x)
{
	const struct plinth_vcpu_state *r = &v->regs;
	u64 cr0 = (r->cr0 & ~(u64)(CR0_NW | CR0_CD) & vmx_caps.cr0_fixed1) | CR0_NE | CR0_ET;
	u64 cr4 = r->cr4 | CR4_VMXE;
	bool paging = cr0 & CR0_PG, long_mode = paging && (r->efer & EFER_LME);
	bool changed =
		cr0 != vmread(GUEST_CR0) || cr4 != vmread(GUEST_CR4) || r->cr3 != vmread(GUEST_CR3);
	u32 entry = (u32)vmread(ENTRY_CONTROLS) & ~ENTRY_CTL_LONG_MODE;

	vmwrite(GUEST_CR0, cr0);
	vmwrite(GUEST_CR3, r->cr3);
	vmwrite(GUEST_CR4, cr4);
	vmwrite(GUEST_EFER, (r->efer & ~(u64)EFER_LMA) | (long_mode ? EFER_LMA : 0));
	vmwrite(ENTRY_CONTROLS, entry | (long_mode ? ENTRY_CTL_LONG_MODE : 0));
	vmwrite(CR0_SHADOW, r->cr0);
	x->cr0_shadow = r->cr0;
	if (x->live)
		write_cr2(r->cr2);
	if (!changed)
		return;
	x->generation = 0;
	if (paging && !long_mode && (cr4 & CR4_PAE))
		load_pdptes(v);
}

static void load_msrs(struct plinth_vcpu_state *r, const struct vmx_vcpu *x)
{
	r->pat = vmread(GUEST_PAT);
	r->msr.sysenter_cs = vmread(GUEST_SYSENTER_CS);
	r->msr.sysenter_esp = vmread(GUEST_SYSENTER_ESP);
	r->msr.sysenter_eip = vmread(GUEST_SYSENTER_EIP);
	if (x->live)
		r->msr.kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	/* The others change by core's hand alone. */
}

/* The hypervisor itself uses none of these. */
static void write_syscall_msrs(const struct plinth_vcpu_state *r)
{
	wrmsr(MSR_KERNEL_GS_BASE, canonical(r->msr.kernel_gs_base));
	wrmsr(MSR_STAR, r->msr.star);
	wrmsr(MSR_LSTAR, canonical(r->msr.lstar));
	wrmsr(MSR_CSTAR, canonical(r->msr.cstar));
	wrmsr(MSR_SFMASK, r->msr.sfmask & 0xFFFFFFFFu);
}

static void store_msrs(const struct plinth_vcpu_state *r, const struct vmx_vcpu *x)
{
	vmwrite(GUEST_PAT, r->pat);
	vmwrite(GUEST_SYSENTER_CS, r->msr.sysenter_cs);
	vmwrite(GUEST_SYSENTER_ESP, canonical(r->msr.sysenter_esp));
	vmwrite(GUEST_SYSENTER_EIP, canonical(r->msr.sysenter_eip));
	if (x->live)
		write_syscall_msrs(r);
}

void vmx_load(struct vcpu *v, unsigned int groups)
{
	struct plinth_vcpu_state *r = &v->regs;
	struct vmx_vcpu *x = v->hvm;
	u64 before = x->live ? x->vmcs : vmx_borrow(x);

	if (groups & HVM_STATE_cr)
		load_cr(r, x);
	if (groups & HVM_STATE_seg)
		for (unsigned int n = 0; n < SEG_COUNT; n++)
			load_segment(&r->seg[n], n);
	if (groups & HVM_STATE_table) {
		r->gdtr = (struct plinth_table){.base = vmread(GUEST_GDTR_BASE),
						.limit = (u32)vmread(GUEST_GDTR_LIMIT)};
		r->idtr = (struct plinth_table){.base = vmread(GUEST_IDTR_BASE),
						.limit = (u32)vmread(GUEST_IDTR_LIMIT)};
	}
	if (groups & HVM_STATE_msr)
		load_msrs(r, x);
	if (groups & HVM_STATE_debug) {
		r->dr7 = vmread(GUEST_DR7);
		if (x->dr_live) {
			read_debug(r->dr);
			r->dr6 = read_dr6();
		}
	}
	vmx_give_back(x, before);
}

void vmx_store(struct vcpu *v, unsigned int groups)
{
	const struct plinth_vcpu_state *r = &v->regs;
	struct vmx_vcpu *x = v->hvm;
	u64 before = x->live ? x->vmcs : vmx_borrow(x);

	if (groups & HVM_STATE_cr)
		store_cr(v, x);
	if (groups & HVM_STATE_seg)
		for (unsigned int n = 0; n < SEG_COUNT; n++)
			store_segment(&r->seg[n], n);
	if (groups & HVM_STATE_table) {
		vmwrite(GUEST_GDTR_BASE, canonical(r->gdtr.base));
		vmwrite(GUEST_GDTR_LIMIT, r->gdtr.limit & 0xFFFFu);
		vmwrite(GUEST_IDTR_BASE, canonical(r->idtr.base));
		vmwrite(GUEST_IDTR_LIMIT, r->idtr.limit & 0xFFFFu);
	}
	if (groups & HVM_STATE_msr)
		store_msrs(r, x);
	if (groups & HVM_STATE_apic)
		vmx_apic_mode(v);
	if (groups & HVM_STATE_debug) {
		vmwrite(GUEST_DR7, r->dr7);
		if (x->dr_live)
			debug_write(r);
	}
	vmx_give_back(x, before);
}

unsigned int vmx_cpl(const struct vcpu *v)
{
	(void)v;
	return (unsigned int)(vmread(GUEST_SS_RIGHTS) & ATTR_DPL) >> 5;
}

unsigned int vmx_code_bits(const struct vcpu *v)
{
	u32 rights = (u32)vmread(GUEST_CS_RIGHTS);

	(void)v;
	if ((rights & RIGHTS_L) && (vmread(GUEST_EFER) & EFER_LMA))
		return 64;
	return (rights & RIGHTS_DB) && (vmread(GUEST_CR0) & CR0_PE) ? 32 : 16;
}

/* DR0-3 and DR6 are nobody's business in most guests: they are switched only for a vCPU that
 * touched a debug register since it came to this CPU, or has a breakpoint on. */
void vmx_debug_activate(struct vcpu *v)
{
	struct vmx_vcpu *x = v->hvm;

	debug_write(&v->regs);
	x->dr_live = true;
	x->primary &= ~PRIMARY_MOV_DR;
	vmwrite(PRIMARY_CONTROLS, x->primary);
}

void vmx_switch_in(struct vcpu *v)
{
	struct vmx_vcpu *x = v->hvm;
	u64 dr7;

	vmptrld(x->vmcs);
	x->live = true;
	write_syscall_msrs(&v->regs);
	write_cr2(v->regs.cr2);
	if (cpu_has(CPU_RDTSCP))
		wrmsr(MSR_TSC_AUX, v->regs.tsc_aux & 0xFFFFFFFFu);
	dr7 = v->regs_dirty & HVM_STATE_debug ? v->regs.dr7 : vmread(GUEST_DR7);
	if (dr7 & DR7_ENABLED)
		vmx_debug_activate(v);
}

/* The VMCS is cleared each time: it may be needed on another CPU next, and only this one can. */
void vmx_switch_out(struct vcpu *v)
{
	struct vmx_vcpu *x = v->hvm;

	if (!(v->regs_dirty & HVM_STATE_msr))
		v->regs.msr.kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	if (!(v->regs_dirty & HVM_STATE_cr))
		v->regs.cr2 = read_cr2();
	if (cpu_has(CPU_RDTSCP))
		v->regs.tsc_aux = rdmsr(MSR_TSC_AUX);
	if (x->dr_live && !(v->regs_dirty & HVM_STATE_debug))
		debug_read(&v->regs);
	if (x->dr_live) {
		x->primary |= PRIMARY_MOV_DR;
		vmwrite(PRIMARY_CONTROLS, x->primary);
	}
	x->dr_live = x->live = x->launched = false;
	vmclear(x->vmcs);
}
