/* SPDX-License-Identifier: BSD-2-Clause */
/* What each neutral exit does. */
#include <core/run.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/hypercall.h>
#include <core/msr.h>
#include <core/xstate.h>
#include <sched/sched.h>

static u32 low32(u64 v)
{
	return (u32)v;
}

static void exit_cpuid(struct vcpu *v, const struct hvm_exit *exit)
{
	u64 *gpr = v->regs.gpr;
	struct cpuid_regs r;

	cpuid_guest(v, low32(gpr[GPR_RAX]), low32(gpr[GPR_RCX]), &r);
	if (vcpu_skip(v, exit))
		return;
	gpr[GPR_RAX] = r.eax;
	gpr[GPR_RBX] = r.ebx;
	gpr[GPR_RCX] = r.ecx;
	gpr[GPR_RDX] = r.edx;
}

static void exit_msr(struct vcpu *v, const struct hvm_exit *exit)
{
	u64 *gpr = v->regs.gpr, value;
	int err;

	if (exit->u.msr.write) {
		value = gpr[GPR_RDX] << 32 | low32(gpr[GPR_RAX]);
		err = msr_write(v, exit->u.msr.index, value);
	} else {
		err = msr_read(v, exit->u.msr.index, &value);
	}
	if (err) {
		vcpu_raise_error(v, X86_GP, 0);
		return;
	}
	if (vcpu_skip(v, exit) == 0 && !exit->u.msr.write) {
		gpr[GPR_RAX] = low32(value);
		gpr[GPR_RDX] = value >> 32;
	}
}

/* HLT with interrupts off and no NMI on its way can only be ended by INIT: the vCPU is down. */
static void exit_hlt(struct vcpu *v, const struct hvm_exit *exit)
{
	if (vcpu_skip(v, exit))
		return;
	if ((v->regs.rflags & RFLAGS_IF) || v->nmi_pending)
		vcpu_block(v);
	else
		vcpu_down(v);
}

static void exit_skip(struct vcpu *v, const struct hvm_exit *exit)
{
	if (vcpu_skip(v, exit))
		return; /* an exception is queued */
}

static void exit_pause(struct vcpu *v, const struct hvm_exit *exit)
{
	exit_skip(v, exit);
	sched_yield(v);
}

static void exit_xsetbv(struct vcpu *v, const struct hvm_exit *exit)
{
	const u64 *gpr = v->regs.gpr;
	u64 value = gpr[GPR_RDX] << 32 | low32(gpr[GPR_RAX]);

	if (low32(gpr[GPR_RCX]) != 0 || hvm->cpl(v) != 0 || (value & ~cpuid_limits.xcr0) ||
	    !xstate_valid(value)) {
		vcpu_raise_error(v, X86_GP, 0);
		return;
	}
	if (vcpu_skip(v, exit))
		return;
	v->regs.xcr0 = value;
	xsetbv(0, value);
}

static void exit_undefined(struct vcpu *v, const struct hvm_exit *exit)
{
	(void)exit;
	vcpu_raise(v, X86_UD);
}

static void exit_shutdown(struct vcpu *v, const struct hvm_exit *exit)
{
	struct domain *d = v->domain;

	(void)exit;
	log_line("%s (domain %u): triple fault on vCPU %u at rip %#lx", d->name, d->id, v->id,
		 v->regs.rip);
	if (d->control)
		hvm->dump(v);
	domain_shutdown(d, (u8)d->hvm_param[HVM_PARAM_TRIPLE_FAULT_REASON]);
}

static void exit_failed(struct vcpu *v, const struct hvm_exit *exit)
{
	hvm->dump(v);
	domain_crash(v->domain,
		     exit->reason == EXIT_invalid ? "vCPU %u: guest entry failed (code %#lx)"
						  : "vCPU %u: exit %#lx is not known",
		     v->id, exit->u.raw.code);
}

static void exit_apic_written(struct vcpu *v, const struct hvm_exit *exit)
{
	vapic_written(v, (u32)exit->u.raw.code);
}

static void exit_nothing(struct vcpu *v, const struct hvm_exit *exit)
{
	(void)v;
	(void)exit; /* the next entry looks at events anyway */
}

static void (*const handlers[])(struct vcpu *v, const struct hvm_exit *exit) = {
	[EXIT_interrupt] = exit_nothing,
	[EXIT_irq_window] = exit_nothing,
	[EXIT_nmi_window] = exit_nothing,
	[EXIT_hypercall] = hypercall_exit,
	[EXIT_cpuid] = exit_cpuid,
	[EXIT_msr] = exit_msr,
	[EXIT_io] = port_io_exit,
	[EXIT_npf] = nested_fault_exit,
	[EXIT_hlt] = exit_hlt,
	[EXIT_pause] = exit_pause,
	[EXIT_cache] = exit_skip,
	[EXIT_xsetbv] = exit_xsetbv,
	[EXIT_undefined] = exit_undefined,
	[EXIT_shutdown] = exit_shutdown,
	[EXIT_apic_written] = exit_apic_written,
	[EXIT_handled] = exit_nothing,
	[EXIT_invalid] = exit_failed,
	[EXIT_unknown] = exit_failed,
};

void exit_handle(struct vcpu *v, const struct hvm_exit *exit)
{
	handlers[exit->reason](v, exit);
}
