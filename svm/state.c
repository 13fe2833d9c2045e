/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the neutral register state and the VMCB, and what one exit does not switch. */
#include <svm/svm.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/vcpu.h>

#define DR7_ENABLED 0xFFu
#define ATTR_DPL    (3u << 5)

static void debug_read(u64 dr[4])
{
	dr[0] = read_dr0();
	dr[1] = read_dr1();
	dr[2] = read_dr2();
	dr[3] = read_dr3();
}
static void debug_write(const u64 dr[4])
{
	write_dr0(dr[0]);
	write_dr1(dr[1]);
	write_dr2(dr[2]);
	write_dr3(dr[3]);
}

static void load_segments(struct plinth_vcpu_state *r, const struct vmcb *b)
{
	r->seg[SEG_ES] = b->es;
	r->seg[SEG_CS] = b->cs;
	r->seg[SEG_SS] = b->ss;
	r->seg[SEG_DS] = b->ds;
	r->seg[SEG_FS] = b->fs;
	r->seg[SEG_GS] = b->gs;
	r->seg[SEG_LDTR] = b->ldtr;
	r->seg[SEG_TR] = b->tr;
	/* The privilege level is a field of its own here, and may differ from what the cached SS
	 * says; in the neutral form SS says it. */
	r->seg[SEG_SS].attr = (u16)((b->ss.attr & ~ATTR_DPL) | (b->cpl & 3u) << 5);
}

void svm_load(struct vcpu *v, unsigned int groups)
{
	struct plinth_vcpu_state *r = &v->regs;
	const struct vmcb *b = v->hvm;

	if (groups & HVM_STATE_cr) {
		r->cr0 = b->cr0;
		r->cr2 = b->cr2;
		r->cr3 = b->cr3;
		r->cr4 = b->cr4;
		r->efer = b->efer & ~(u64)EFER_SVME; /* ours, not the guest's */
	}
	if (groups & HVM_STATE_seg)
		load_segments(r, b);
	if (groups & HVM_STATE_table) {
		r->gdtr = (struct plinth_table){.base = b->gdtr.base, .limit = b->gdtr.limit};
		r->idtr = (struct plinth_table){.base = b->idtr.base, .limit = b->idtr.limit};
	}
	if (groups & HVM_STATE_msr) {
		r->pat = b->g_pat;
		r->star = b->star;
		r->lstar = b->lstar;
		r->cstar = b->cstar;
		r->sfmask = b->sfmask;
		r->kernel_gs_base = b->kernel_gs_base;
		r->sysenter_cs = b->sysenter_cs;
		r->sysenter_esp = b->sysenter_esp;
		r->sysenter_eip = b->sysenter_eip;
	}
	if (groups & HVM_STATE_debug) {
		r->dr6 = b->dr6;
		r->dr7 = b->dr7;
		if (b->host.dr_live)
			debug_read(r->dr);
	}
}

static void store_segments(const struct plinth_vcpu_state *r, struct vmcb *b)
{
	b->es = r->seg[SEG_ES];
	b->cs = r->seg[SEG_CS];
	b->ss = r->seg[SEG_SS];
	b->ds = r->seg[SEG_DS];
	b->fs = r->seg[SEG_FS];
	b->gs = r->seg[SEG_GS];
	b->ldtr = r->seg[SEG_LDTR];
	b->tr = r->seg[SEG_TR];
	b->cpl = (u8)((b->ss.attr & ATTR_DPL) >> 5);
	b->clean &= ~CLEAN_SEG;
}

void svm_store(struct vcpu *v, unsigned int groups)
{
	const struct plinth_vcpu_state *r = &v->regs;
	struct vmcb *b = v->hvm;

	if (groups & HVM_STATE_cr) {
		b->cr0 = r->cr0;
		b->cr2 = r->cr2;
		b->cr3 = r->cr3;
		b->cr4 = r->cr4;
		b->efer = r->efer | EFER_SVME; /* VMRUN insists */
		b->clean &= ~(CLEAN_CRX | CLEAN_CR2);
	}
	if (groups & HVM_STATE_seg)
		store_segments(r, b);
	if (groups & HVM_STATE_table) {
		b->gdtr = (struct plinth_segment){.base = r->gdtr.base, .limit = r->gdtr.limit};
		b->idtr = (struct plinth_segment){.base = r->idtr.base, .limit = r->idtr.limit};
		b->clean &= ~CLEAN_DT;
	}
	if (groups & HVM_STATE_msr) {
		b->g_pat = r->pat;
		b->star = r->star;
		b->lstar = r->lstar;
		b->cstar = r->cstar;
		b->sfmask = r->sfmask;
		b->kernel_gs_base = r->kernel_gs_base;
		b->sysenter_cs = r->sysenter_cs;
		b->sysenter_esp = r->sysenter_esp;
		b->sysenter_eip = r->sysenter_eip;
		b->clean &= ~CLEAN_NP;
	}
	if (groups & HVM_STATE_debug) {
		b->dr6 = r->dr6;
		b->dr7 = r->dr7;
		b->clean &= ~CLEAN_DRX;
		if (b->host.dr_live)
			debug_write(r->dr);
	}
}

unsigned int svm_cpl(const struct vcpu *v)
{
	return ((const struct vmcb *)v->hvm)->cpl & 3u;
}

unsigned int svm_code_bits(const struct vcpu *v)
{
	const struct vmcb *b = v->hvm;

	if ((b->efer & EFER_LMA) && (b->cs.attr & (1u << 9)))
		return 64;
	return (b->cr0 & 1) && (b->cs.attr & (1u << 10)) ? 32 : 16;
}

/* DR0-3 are nobody's business in most guests: they are switched only for a vCPU that touched a
 * debug register since it came to this CPU, or has a breakpoint on. */
void svm_debug_activate(struct vcpu *v)
{
	struct vmcb *b = v->hvm;

	debug_write(v->regs.dr);
	b->host.dr_live = 1;
	b->intercept_dr = 0;
	b->clean &= ~CLEAN_I;
}

void svm_switch_in(struct vcpu *v)
{
	const struct vmcb *b = v->hvm;
	u64 dr7 = v->regs_dirty & HVM_STATE_debug ? v->regs.dr7 : b->dr7;

	if (cpu_has(CPU_RDTSCP))
		wrmsr(MSR_TSC_AUX, v->regs.tsc_aux & 0xFFFFFFFFu);
	if (dr7 & DR7_ENABLED)
		svm_debug_activate(v);
}

void svm_switch_out(struct vcpu *v)
{
	struct vmcb *b = v->hvm;

	if (cpu_has(CPU_RDTSCP))
		v->regs.tsc_aux = rdmsr(MSR_TSC_AUX);
	if (b->host.dr_live) {
		if (!(v->regs_dirty & HVM_STATE_debug))
			debug_read(v->regs.dr);
		b->host.dr_live = 0;
		b->intercept_dr = ICPT_DR_ALL;
		b->clean &= ~CLEAN_I;
	}
}
