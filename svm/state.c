/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the neutral register state and the VMCB, and what one exit does not switch. */
#include <svm/svm.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/lib/string.h>
#include <core/vcpu.h>

#define DR7_ENABLED 0xFFu
#define ATTR_DPL    (3u << 5)

static void load_segments(struct plinth_vcpu_state *r, const struct vmcb *b)
{
	memcpy(r->seg, b->seg, sizeof(b->seg));
	r->seg[SEG_LDTR] = b->ldtr;
	r->seg[SEG_TR] = b->tr;
	/* The privilege level is a field of its own here, and may differ from what the cached SS
	 * says; in the neutral form SS says it. */
	r->seg[SEG_SS].attr = (u16)((b->seg[SEG_SS].attr & ~ATTR_DPL) | (b->cpl & 3u) << 5);
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
		r->msr = b->msr;
	}
	if (groups & HVM_STATE_debug) {
		r->dr6 = b->dr6;
		r->dr7 = b->dr7;
		if (b->host.dr_live)
			read_debug(r->dr);
	}
}

static void store_segments(const struct plinth_vcpu_state *r, struct vmcb *b)
{
	memcpy(b->seg, r->seg, sizeof(b->seg));
	b->ldtr = r->seg[SEG_LDTR];
	b->tr = r->seg[SEG_TR];
	b->cpl = (u8)((b->seg[SEG_SS].attr & ATTR_DPL) >> 5);
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
		svm_write_cr2(r->cr2);
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
		b->msr = r->msr;
		b->clean &= ~CLEAN_NP;
	}
	if (groups & HVM_STATE_debug) {
		b->dr6 = r->dr6;
		b->dr7 = r->dr7;
		b->clean &= ~CLEAN_DRX;
		if (b->host.dr_live)
			write_debug(r->dr);
	}
}

unsigned int svm_cpl(const struct vcpu *v)
{
	return ((const struct vmcb *)v->hvm)->cpl & 3u;
}

unsigned int svm_code_bits(const struct vcpu *v)
{
	const struct vmcb *b = v->hvm;

	if ((b->efer & EFER_LMA) && (b->seg[SEG_CS].attr & (1u << 9)))
		return 64;
	return (b->cr0 & 1) && (b->seg[SEG_CS].attr & (1u << 10)) ? 32 : 16;
}

/* DR0-3 are nobody's business in most guests: they are switched only for a vCPU that touched a
 * debug register since it came to this CPU, or has a breakpoint on. */
void svm_debug_activate(struct vcpu *v)
{
	struct vmcb *b = v->hvm;

	write_debug(v->regs.dr);
	b->host.dr_live = 1;
	b->intercept[CODE_DR / 32] = 0;
	b->clean &= ~CLEAN_I;
}

void svm_switch_in(struct vcpu *v)
{
	const struct vmcb *b = v->hvm;
	u64 dr7 = v->regs_dirty & HVM_STATE_debug ? v->regs.dr7 : b->dr7;

	if (cpu_has(CPU_RDTSCP))
		wrmsr(MSR_TSC_AUX, v->regs.tsc_aux & 0xFFFFFFFFu);
	svm_write_cr2(b->cr2);
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
			read_debug(v->regs.dr);
		b->host.dr_live = 0;
		b->intercept[CODE_DR / 32] = ~0u;
		b->clean &= ~CLEAN_I;
	}
}
