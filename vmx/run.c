/* SPDX-License-Identifier: BSD-2-Clause */
/* One entry and exit: VPIDs, events, windows. Every instruction here is paid at each exit of each
 * guest; what is rare lies in functions of its own. */
#include <vmx/vmx.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/cpu/traps.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/vcpu.h>
#include <vmx/entry_check.h>
#include <vmx/exit.h>
#include <vmx/insn.h>

#define VPID_MAX    0xFFFFu
#define DR6_REPORTS 0x600Fu /* B0-3, BD, BS: as an exit's qualification has them */
#define DR7_DETECT  (1u << 13)
#define SHADOW_BITS (BLOCKED_STI | BLOCKED_MOV_SS)

/* The vCPU is new on this CPU, or VPIDs have run out. What this CPU knows of the nested table may
 * be stale: flushes of the time when the vCPU ran elsewhere went there. */
static __attribute__((noinline)) void vpid_assign(struct pcpu *cpu, struct vmx_vcpu *x)
{
	if (cpu->asid_next > VPID_MAX) {
		cpu->asid_generation += MAX_CPUS;
		cpu->asid_next = 1;
		invept(INVEPT_ALL, 0);
	}
	x->vpid = (u16)cpu->asid_next++;
	x->generation = cpu->asid_generation;
	vmwrite(VPID, x->vpid);
	vmx_host_state(x);
	invept(INVEPT_CONTEXT, x->eptp);
}

/* Takes what translates by the nested table, whatever the VPID. */
void vmx_flush(struct vcpu *v)
{
	invept(INVEPT_CONTEXT, ((const struct vmx_vcpu *)v->hvm)->eptp);
}

/* Turns v->event into the entry's event. True: a software event, whose instruction's length the CPU
 * adds to RIP. */
static __attribute__((noinline)) bool inject(struct vcpu *v)
{
	const struct hvm_event *e = &v->event;
	u32 event = EVENT_VALID | (u32)e->type << EVENT_TYPE_SHIFT | e->vector;

	/* In real mode there are no error codes, and the entry insists. */
	if (e->has_error && (vmread(GUEST_CR0) & CR0_PE)) {
		event |= EVENT_HAS_ERROR;
		vmwrite(ENTRY_ERROR_CODE, e->error);
	}
	if (e->type == EVENT_software)
		vmwrite(ENTRY_INSN_LENGTH, e->insn_length);
	vmwrite(ENTRY_EVENT, event);
	return e->type == EVENT_software;
}

/* The exit cut an event's delivery short: keep it for the next entry. A software interrupt of the
 * guest's own is not kept: RIP still points at it, so that it happens again by itself. */
static __attribute__((noinline)) void keep_event(struct vcpu *v, u32 info, bool injected_soft)
{
	u8 type = info >> EVENT_TYPE_SHIFT & 7u;

	if (type >= EVENT_TYPE_INT && !injected_soft)
		return;
	v->event = (struct hvm_event){
		.valid = true,
		.type = type,
		.vector = (u8)info,
		.has_error = (info & EVENT_HAS_ERROR) != 0,
		.error = info & EVENT_HAS_ERROR ? (u32)vmread(IDT_ERROR_CODE) : 0,
		.insn_length = v->event.insn_length,
	};
	if (type == EVENT_nmi) /* it masks the next one when it is delivered */
		v->nmi_masked = false;
}

/* VMMCALL, AMD's hypercall instruction, which some guests use everywhere. */
static void act_ud(struct vcpu *v, struct hvm_exit *exit)
{
	u8 code[3];
	size_t got;

	if (guest_fetch(v, code, sizeof(code), &got))
		return; /* its page fault goes first */
	if (got == 3 && code[0] == 0x0F && code[1] == 0x01 && code[2] == 0xD9) {
		exit->reason = EXIT_hypercall;
		exit->insn_length = 3;
	} else {
		vcpu_raise(v, X86_UD);
	}
}

/* The exit came before DR6 and DR7 were changed: do as the delivery that we replace would. */
static void act_db(struct vcpu *v, const struct vmx_exit_info *info)
{
	struct vmx_vcpu *x = v->hvm;

	if (!x->dr_live)
		vmx_debug_activate(v);
	write_dr6((read_dr6() & ~0xFull) | (info->qualification & DR6_REPORTS));
	vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~(u64)DR7_DETECT);
	if ((info->event >> EVENT_TYPE_SHIFT & 7u) == EVENT_TYPE_ICEBP)
		v->regs.rip += info->insn_length;
	vcpu_raise(v, X86_DB);
}

/* MOV to CR4 of bits that the guest must not set is #GP. MOV to CR0 of NE, CD or NW: the guest will
 * read what it wrote; the instruction runs again and, as those bits agree now, the CPU does the
 * rest itself. */
static void act_cr(struct vcpu *v, const struct vmx_exit_info *info)
{
	struct vmx_vcpu *x = v->hvm;
	u64 value = v->regs.gpr[info->qualification >> 8 & 15u];

	if ((info->qualification & 15u) == 4 || (value & (CR0_NW | CR0_CD)) == CR0_NW) {
		vcpu_raise_error(v, X86_GP, 0);
		return;
	}
	x->cr0_shadow = value & CR0_HOST_OWNED;
	vmwrite(CR0_SHADOW, x->cr0_shadow);
}

static __attribute__((noinline)) void act(struct vcpu *v, struct hvm_exit *exit,
					  const struct vmx_exit_info *info, enum vmx_exit_kind kind)
{
	/* Actions may read guest memory, so they may wait for a lock whose holder waits for this
	 * CPU to leave the guest: it has. */
	__atomic_store_n(&this_cpu()->in_guest, NULL, __ATOMIC_RELEASE);
	switch (kind) {
	case KIND_ud:
		act_ud(v, exit);
		break;
	case KIND_db:
		act_db(v, info);
		break;
	case KIND_ac:
		vcpu_raise_error(v, X86_AC, 0);
		break;
	case KIND_mc: /* consumed by the exit: hand it to the host's own handler */
		__asm__ volatile("int $18" ::: "memory");
		break;
	case KIND_nmi: /* blocked from the exit to the next IRET: so take it by a gate */
		__asm__ volatile("int $2" ::: "memory");
		break;
	case KIND_interrupt:
		irq_dispatch((u8)info->event);
		break;
	case KIND_timer:
		if (rdtsc() >= this_cpu()->slice_end)
			this_cpu()->resched = true;
		break;
	case KIND_dr:
		vmx_debug_activate(v); /* and the instruction runs again */
		break;
	case KIND_cr:
		act_cr(v, info);
		break;
	default: /* KIND_gp */
		vcpu_raise_error(v, X86_GP, 0);
	}
}

/* A shadow and a single step meet: the entry insists that the step is marked as pending, which it
 * is not if the exit was a fault that core answered. */
static __attribute__((noinline)) void shadow_step(const struct vcpu *v)
{
	u64 pending = vmread(GUEST_PENDING_DEBUG) & ~(u64)PENDING_STEP;

	vmwrite(GUEST_PENDING_DEBUG, pending | (v->regs.rflags & RFLAGS_TF ? PENDING_STEP : 0));
}

/* The preemption timer ends the slice, or what may pass without a look for interrupts (see below)
 * if that is earlier. */
static __attribute__((noinline)) void set_timer(struct vmx_vcpu *x, u64 slice_end)
{
	u64 now = slice_end == ~0ull ? 0 : rdtsc();
	u64 ticks = slice_end > now ? ((slice_end - now - 1) >> vmx_timer_shift) + 1 : 0;

	x->timed = slice_end != ~0ull;
	vmwrite(GUEST_TIMER, min_u64(ticks, vmx_timer_watch));
}

/* What every entry writes into the VMCS. True: a software event is injected. */
static inline bool prepare(struct vcpu *v, struct vmx_vcpu *x, u64 slice_end)
{
	u32 windows = (v->want_irq_window ? PRIMARY_IRQ_WINDOW : 0) |
		      (v->want_nmi_window ? PRIMARY_NMI_WINDOW : 0);
	u32 tpr = v->vapic.page[VAPIC_TPR];
	/* TPR is native; only if lowering it may release an interrupt must we know. */
	u32 threshold = READ_ONCE(v->vapic.irr_hint) ? tpr >> 4 & 0xFu : 0;
	u32 blocked = v->int_shadow | (v->nmi_masked ? BLOCKED_NMI : 0);
	bool soft = false;

	if (unlikely(slice_end != ~0ull || x->timed))
		set_timer(x, slice_end);
	if (unlikely((x->primary & PRIMARY_WINDOWS) != windows)) {
		x->primary = (x->primary & ~PRIMARY_WINDOWS) | windows;
		vmwrite(PRIMARY_CONTROLS, x->primary);
	}
	if (unlikely(threshold != x->threshold)) {
		x->threshold = threshold;
		vmwrite(TPR_THRESHOLD, threshold);
	}
	if (unlikely(blocked != x->interruptibility))
		vmwrite(GUEST_INTERRUPTIBILITY, blocked);
	if (unlikely(v->int_shadow))
		shadow_step(v);
	if (unlikely(v->event.valid))
		soft = inject(v);
	vmwrite(GUEST_RIP, v->regs.rip);
	vmwrite(GUEST_RFLAGS, v->regs.rflags);
	vmwrite(GUEST_RSP, v->regs.gpr[GPR_RSP]);
	return soft;
}

/* The fields that the exit reason gives a meaning to; others are not looked at. */
static inline void read_info(struct vmx_exit_info *info, unsigned int needs)
{
	if (needs & NEEDS_LENGTH)
		info->insn_length = (u32)vmread(EXIT_INSN_LENGTH);
	if (needs & NEEDS_QUALIFICATION)
		info->qualification = vmread(EXIT_QUALIFICATION);
	if (needs & NEEDS_EVENT)
		info->event = (u32)vmread(EXIT_EVENT);
	if (needs & NEEDS_PHYSICAL)
		info->physical = vmread(GUEST_PHYSICAL);
	if (unlikely(needs & NEEDS_STRING_INFO && info->qualification & IO_STRING))
		info->insn_info = (u32)vmread(EXIT_INSN_INFO);
}

/* IRET took the NMI mask away, then faulted: it has to run again under the mask (SDM volume 3,
 * "Resuming Guest Software After Handling an Exception"). */
static void mask_nmi_again(struct vcpu *v, const struct vmx_exit_info *info,
			   enum vmx_exit_kind kind)
{
	bool unblocked = kind == KIND_npf ? info->qualification & EPT_VIOLATION_UNBLOCKED
					  : info->event & EVENT_NMI_UNBLOCKED;

	if (unblocked && (kind == KIND_npf || (kind >= KIND_ud && kind <= KIND_ac)))
		v->nmi_masked = true;
}

/* By VM-instruction error or basic exit reason: says what is wrong with the VMCS. */
static __attribute__((noinline)) void failed(struct vcpu *v, u32 failure)
{
	struct vmx_violation w;

	v->event.valid = false;
	log_line("domain %u vCPU %u: VM entry failed (%u, qualification %#lx): %s", v->domain->id,
		 v->id, failure, vmread(EXIT_QUALIFICATION), vmx_failure(failure));
	if (vmx_entry_check(failure, &vmx_caps, v->vapic.page[VAPIC_TPR], &w))
		log_line("  %s (%#x) is %#lx: %s", vmcs_field_name(w.field), w.field, w.value,
			 w.rule);
}

/* Nothing of the guest ran and its state is as it was written. */
static __attribute__((noinline)) void refused(struct vcpu *v, struct hvm_exit *exit)
{
	exit->reason = EXIT_invalid;
	exit->u.raw.code = vmread(INSN_ERROR);
	failed(v, (u32)exit->u.raw.code);
}

/* Bochs 2.7 forgets a host interrupt as long as a guest that was entered with IF=0 leaves IF alone,
 * whatever exits it has: so a guest must not go on for ever without this (the preemption timer sees
 * to those that have no exits). */
static void look_for_interrupts(void)
{
	__atomic_store_n(&this_cpu()->in_guest, NULL, __ATOMIC_RELEASE);
	sti_nop_cli();
}

void vmx_run(struct vcpu *v, struct hvm_exit *exit)
{
	struct vmx_vcpu *x = v->hvm;
	struct pcpu *cpu = this_cpu();
	const struct vmx_exit_rule *rule;
	struct vmx_exit_info info = {0};
	enum vmx_exit_kind kind;
	u32 vectoring;
	bool soft;

	if (unlikely(x->generation != cpu->asid_generation))
		vpid_assign(cpu, x);
	soft = prepare(v, x, cpu->slice_end);
	if (unlikely(vmx_enter(&v->regs, x->launched, &x->host_rsp))) {
		refused(v, exit);
		return;
	}
	info.reason = (u32)vmread(EXIT_REASON);
	rule = vmx_exit_rule(info.reason);
	read_info(&info, rule->needs);
	kind = vmx_exit_decode(rule, &info, (u32)v->regs.gpr[GPR_RCX], exit);
	if (unlikely(exit->reason == EXIT_invalid)) {
		failed(v, info.reason & 0xFFFFu);
		return;
	}
	x->launched = true;
	v->regs.rip = vmread(GUEST_RIP);
	v->regs.rflags = vmread(GUEST_RFLAGS);
	v->regs.gpr[GPR_RSP] = vmread(GUEST_RSP);
	x->interruptibility = (u32)vmread(GUEST_INTERRUPTIBILITY);
	v->int_shadow = x->interruptibility & SHADOW_BITS;
	v->nmi_masked = x->interruptibility & BLOCKED_NMI;
	v->event.valid = false;
	vectoring = (u32)vmread(IDT_VECTORING);
	if (unlikely(vectoring & EVENT_VALID))
		keep_event(v, vectoring, soft);
	else if (unlikely(v->nmi_masked == false) && (kind >= KIND_npf))
		mask_nmi_again(v, &info, kind);
	if (unlikely(kind >= KIND_ud))
		act(v, exit, &info, kind);
	if (unlikely(!(v->regs.rflags & RFLAGS_IF)))
		look_for_interrupts();
}
