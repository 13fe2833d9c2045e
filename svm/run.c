/* SPDX-License-Identifier: BSD-2-Clause */
/* One entry and exit: ASIDs, clean bits, events, windows. Every instruction here is paid at each
 * exit of each guest; what is rare lies in functions of its own. */
#include <svm/svm.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/insn.h>
#include <core/vcpu.h>
#include <svm/exit.h>

#define DR7_DETECT (1u << 13)

u32 svm_clean_mask;
bool svm_tcg;

/* A new ASID instead of a flush; only when they have run out is the TLB emptied, of all. The vCPU
 * may come from another CPU, which has other ideas of what is clean. */
static __attribute__((noinline)) void asid_assign(struct pcpu *cpu, struct vmcb *b)
{
	if (cpu->asid_next >= svm_asid_count()) {
		cpu->asid_generation += MAX_CPUS;
		cpu->asid_next = 1;
		b->tlb_control = TLB_CONTROL_FLUSH_ALL;
	}
	b->asid = cpu->asid_next++;
	b->host.asid_generation = cpu->asid_generation;
	b->clean = 0;
}

void svm_flush(struct vcpu *v)
{
	((struct vmcb *)v->hvm)->host.asid_generation = 0;
}

/* QEMU's TCG 7.2 delivers an external interrupt of EVENTINJ twice if its loop is left (a kick, the
 * end of an -icount budget) before the guest's next exit or exception. Its virtual interrupt has no
 * such flaw and is taken before the first instruction, as the guest can take one whenever we inject
 * one; if an exit comes first V_IRQ is still there. It cannot serve as a window at once, which is
 * asked for again at the handler's end. */
static void inject_virtual(const struct vcpu *v, struct vmcb *b)
{
	b->event_inj = 0;
	b->int_ctl &= ~V_VECTOR;
	b->int_ctl |= V_IRQ | V_PRIO_HIGH | V_IGN_TPR | (u64)v->event.vector << V_VECTOR_SHIFT;
	b->clean &= ~CLEAN_TPR;
	svm_intercept(b, CODE_VINTR, false);
	if (v->want_irq_window || v->want_nmi_window)
		svm_intercept(b, CODE_IRET, true);
}

/* After an exit: was v->event delivered, as far as EXITINTINFO does not say otherwise? */
static __attribute__((noinline)) void event_done(struct vcpu *v, struct vmcb *b)
{
	if (v->event.type == EVENT_external && svm_tcg) {
		svm_intercept(b, CODE_VINTR, true);
		v->event.valid = (b->int_ctl & V_IRQ) != 0;
	} else {
		v->event.valid = false;
	}
}

/* Turns v->event into EVENTINJ. True: a software event, whose RIP now lies behind the instruction,
 * as the handler shall return to it (APM volume 2, "Event Injection"). */
static __attribute__((noinline)) bool inject(struct vcpu *v, struct vmcb *b)
{
	const struct hvm_event *e = &v->event;

	b->event_inj = EVENT_VALID | (u64)e->type << EVENT_TYPE_SHIFT | e->vector;
	if (e->has_error)
		b->event_inj |= EVENT_HAS_ERROR | (u64)e->error << 32;
	if (e->type == EVENT_nmi) {
		v->nmi_masked = true;
		b->host.nmi = 0;
		svm_intercept(b, CODE_IRET, true);
	}
	if (e->type == EVENT_external && svm_tcg)
		inject_virtual(v, b);
	if (e->type != EVENT_software)
		return false;
	v->regs.rip += e->insn_length;
	if (cpu_has(CPU_SVM_NRIP_SAVE))
		b->next_rip = v->regs.rip;
	return true;
}

/* The exit cut an event's delivery short: keep it for the next entry. A software interrupt of the
 * guest's own is not kept: RIP still points at it, so that it happens again by itself, and nobody
 * needs to know its length. */
static __attribute__((noinline)) void keep_event(struct vcpu *v, u64 info, bool injected_soft)
{
	struct hvm_event e = {
		.valid = true,
		.type = (info >> EVENT_TYPE_SHIFT) & 7u,
		.vector = (u8)info,
		.has_error = (info & EVENT_HAS_ERROR) != 0,
		.error = info & EVENT_HAS_ERROR ? (u32)(info >> 32) : 0,
	};
	bool soft = e.type == EVENT_software ||
		    (e.type == EVENT_exception && (e.vector == X86_BP || e.vector == X86_OF));

	if (!v->event.valid && (!soft || injected_soft))
		v->event = e;
}

/* int_ctl's bits for the windows that are asked for. A virtual interrupt that never arrives, as its
 * intercept comes first, tells when the guest can take one; an NMI that waits for no more than a
 * shadow or another event's delivery uses it too. QEMU's TCG 7.2 forgets a
 * shadow at VMRUN: a guest preempted between STI and HLT would get its interrupt before the HLT,
 * and sleep. */
static __attribute__((noinline)) u64 open_windows(struct vcpu *v, struct vmcb *b)
{
	bool nmi_only_late = v->want_nmi_window && !v->nmi_masked;
	bool window = v->want_irq_window || nmi_only_late;
	bool shadow = v->int_shadow && svm_tcg && !v->event.valid && !b->host.nmi;

	if (shadow) {
		b->host.nmi = SHADOW_AWAITED;
		b->host.iret_rip = v->regs.rip;
	}
	if ((shadow && window) ||
	    (v->want_nmi_window && v->nmi_masked && (b->host.nmi & NMI_IRET_AWAITED))) {
		b->host.nmi |= NMI_STEPPING;
		if (v->regs.rflags & RFLAGS_TF)
			b->host.nmi |= NMI_GUEST_TF;
		v->regs.rflags |= RFLAGS_TF;
	}
	return window && !shadow ? V_IRQ | V_PRIO_HIGH | V_IGN_TPR : 0;
}

/* After each exit since an NMI handler came to its IRET: the NMI mask ends when that is behind. Its
 * fault, which is rare, is taken for its end. The same for an instruction in a shadow that the CPU
 * forgets, which may be a jump to itself. True: we stepped over it, and a #DB is ours. */
static __attribute__((noinline)) bool step_progress(struct vcpu *v, struct vmcb *b, bool db)
{
	bool done = v->regs.rip != b->host.iret_rip;
	bool ours = (b->host.nmi & (NMI_STEPPING | NMI_GUEST_TF)) == NMI_STEPPING;

	if (b->host.nmi & SHADOW_AWAITED) {
		done = done || (ours && db);
		v->int_shadow = !done;
		if (ours)
			v->regs.rflags &= ~(u64)RFLAGS_TF;
		b->host.nmi = 0;
		return ours && done;
	}
	if (ours && !done)
		v->regs.rflags &= ~(u64)RFLAGS_TF;
	b->host.nmi = (u8)(done ? 0 : NMI_IRET_AWAITED);
	if (done)
		v->nmi_masked = false;
	return ours && done;
}

static void act_iret(struct vcpu *v, struct vmcb *b)
{
	svm_intercept(b, CODE_IRET, false);
	if (v->nmi_masked) {
		b->host.nmi = NMI_IRET_AWAITED;
		b->host.iret_rip = v->regs.rip;
	}
}

/* Intel's hypercall instruction, which some guests use everywhere. */
static void act_ud(struct vcpu *v, struct hvm_exit *exit)
{
	u8 code[3];
	size_t got;

	if (guest_fetch(v, code, sizeof(code), &got))
		return; /* its page fault goes first */
	if (got == 3 && code[0] == 0x0F && code[1] == 0x01 && code[2] == 0xC1) {
		exit->reason = EXIT_hypercall;
		exit->insn_length = 3;
	} else {
		vcpu_raise(v, X86_UD);
	}
}

static void act_db(struct vcpu *v, struct vmcb *b)
{
	if (b->dr7 & DR7_DETECT) { /* as the delivery that we replace would have done */
		b->dr7 &= ~(u64)DR7_DETECT;
		b->clean &= ~CLEAN_DRX;
	}
	vcpu_raise(v, X86_DB);
}

/* MOV to CR8 while an interrupt waits for a lower task priority. */
static void act_cr8(struct vcpu *v, struct hvm_exit *exit)
{
	u8 code[INSN_MAX_LENGTH];
	struct insn in;
	size_t got;

	if (guest_fetch(v, code, sizeof(code), &got))
		return;
	if (insn_decode(&in, code, got, svm_code_bits(v)) || in.map != INSN_MAP_0F ||
	    in.opcode != 0x22) {
		vcpu_raise(v, X86_UD); /* changed under us */
	} else if (v->regs.gpr[in.rm] > 15) {
		vcpu_raise_error(v, X86_GP, 0);
	} else {
		u64 value = v->regs.gpr[in.rm];

		exit->insn_length = in.length;
		if (vcpu_skip(v, exit) == 0)
			vapic_set_cr8(v, value);
	}
}

static __attribute__((noinline)) void act(struct vcpu *v, struct hvm_exit *exit,
					  enum svm_exit_kind kind)
{
	/* Actions may read guest memory, so they may wait for a lock whose holder waits for this
	 * CPU to leave the guest: it has. */
	__atomic_store_n(&this_cpu()->in_guest, NULL, __ATOMIC_RELEASE);
	switch (kind) {
	case KIND_ud:
		act_ud(v, exit);
		break;
	case KIND_db:
		act_db(v, v->hvm);
		break;
	case KIND_ac:
		vcpu_raise_error(v, X86_AC, 0);
		break;
	case KIND_mf:
		vcpu_raise(v, X86_MF);
		break;
	case KIND_mc: /* consumed by the exit: hand it to the host's own handler */
		__asm__ volatile("int $18" ::: "memory");
		break;
	case KIND_dr:
		svm_debug_activate(v); /* and the instruction runs again */
		break;
	case KIND_cr8:
		act_cr8(v, exit);
		break;
	case KIND_iret:
		act_iret(v, v->hvm);
		break;
	default: /* KIND_gp */
		vcpu_raise_error(v, X86_GP, 0);
	}
}

/* What every entry writes into the VMCB. True: a software event is injected. */
static inline bool prepare(struct vcpu *v, struct vmcb *b, u8 tpr)
{
	u64 ctl = V_INTR_MASKING | tpr;
	bool watch_cr8, soft = false;

	if (unlikely(v->int_shadow | v->want_irq_window | v->want_nmi_window))
		ctl |= open_windows(v, b);
	/* CR8 is native; only if lowering it may release an interrupt must we know. (A write while
	 * V_IRQ is set is more than QEMU's TCG 7.2 survives, too.) */
	watch_cr8 = (tpr != 0 && READ_ONCE(v->vapic.irr_hint)) || (ctl & V_IRQ);
	if (unlikely(watch_cr8 != (b->intercept[0] != 0)))
		svm_intercept(b, CODE_CR8_WRITE, watch_cr8);
	if (b->int_ctl != ctl) {
		b->int_ctl = ctl;
		b->clean &= ~CLEAN_TPR;
	}
	b->event_inj = 0;
	if (unlikely(v->event.valid))
		soft = inject(v, b);
	b->rip = v->regs.rip;
	b->rflags = v->regs.rflags;
	b->rsp = v->regs.gpr[GPR_RSP];
	b->rax = v->regs.gpr[GPR_RAX];
	b->int_state = v->int_shadow;
	return soft;
}

void svm_run(struct vcpu *v, struct hvm_exit *exit)
{
	struct vmcb *b = v->hvm;
	struct pcpu *cpu = this_cpu();
	const struct vmcb *host = (const struct vmcb *)cpu->hvm + 1;
	u8 tpr = (v->vapic.tpr >> 4) & 0xFu;
	enum svm_exit_kind kind;
	bool soft;

	if (unlikely(b->host.asid_generation != cpu->asid_generation))
		asid_assign(cpu, b);
	soft = prepare(v, b, tpr);
	svm_enter(&v->regs, b->host.pa, host->host.pa);
	b->clean = svm_clean_mask;
	b->tlb_control = 0;
	v->regs.rip = b->rip;
	v->regs.rflags = b->rflags;
	v->regs.gpr[GPR_RSP] = b->rsp;
	v->regs.gpr[GPR_RAX] = b->rax;
	v->int_shadow = b->int_state & INT_STATE_SHADOW;
	if (unlikely((b->int_ctl & V_TPR_MASK) != tpr))
		v->vapic.tpr = (u32)(b->int_ctl & V_TPR_MASK) << 4;
	if (unlikely(v->event.valid))
		event_done(v, b);
	if (unlikely(b->exit_int_info & EVENT_VALID))
		keep_event(v, b->exit_int_info, soft);
	kind = svm_exit_decode(b, (u32)v->regs.gpr[GPR_RCX], exit);
	if (unlikely(exit->reason == EXIT_invalid))
		cpu->asid_next = UINT32_MAX; /* a flush may not have been done: the next does it */
	if (unlikely(b->host.nmi) && step_progress(v, b, kind == KIND_db) && kind == KIND_db) {
		b->dr6 &= ~(u64)DR6_BS;
		b->clean &= ~CLEAN_DRX;
		exit->reason = EXIT_nmi_window;
		return;
	}
	if (unlikely(kind >= KIND_ud))
		act(v, exit, kind);
}
