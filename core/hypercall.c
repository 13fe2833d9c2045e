/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall dispatch. */
#include <core/hypercall.h>

#include <core/domain.h>
#include <core/event.h>
#include <core/grant.h>
#include <xen/errno.h>
#include <xen/hypercall.h>

typedef s64 (*hypercall_fn)(struct vcpu *v, const u64 *arg);

static s64 hc_memory_op(struct vcpu *v, const u64 *arg)
{
	return do_memory_op(v, arg[0], arg[1]);
}
static s64 hc_set_timer_op(struct vcpu *v, const u64 *arg)
{
	return do_set_timer_op(v, arg[0]);
}
static s64 hc_xen_version(struct vcpu *v, const u64 *arg)
{
	return do_xen_version(v, arg[0], arg[1]);
}
static s64 hc_console_io(struct vcpu *v, const u64 *arg)
{
	return do_console_io(v, arg[0], arg[1], arg[2]);
}
static s64 hc_grant_table_op(struct vcpu *v, const u64 *arg)
{
	return do_grant_table_op(v, arg[0], arg[1], arg[2]);
}
static s64 hc_vm_assist(struct vcpu *v, const u64 *arg)
{
	return do_vm_assist(v, arg[0], arg[1]);
}
static s64 hc_vcpu_op(struct vcpu *v, const u64 *arg)
{
	return do_vcpu_op(v, arg[0], arg[1], arg[2]);
}
static s64 hc_sched_op(struct vcpu *v, const u64 *arg)
{
	return do_sched_op(v, arg[0], arg[1]);
}
static s64 hc_event_channel_op(struct vcpu *v, const u64 *arg)
{
	return do_event_channel_op(v, arg[0], arg[1]);
}
static s64 hc_hvm_op(struct vcpu *v, const u64 *arg)
{
	return do_hvm_op(v, arg[0], arg[1]);
}
static s64 hc_plinth_control(struct vcpu *v, const u64 *arg)
{
	return v->domain->control ? do_plinth_control(v, arg[0]) : -XEN_EPERM;
}

static const hypercall_fn hypercalls[HYPERCALL_COUNT] = {
	[HYPERVISOR_memory_op] = hc_memory_op,
	[HYPERVISOR_set_timer_op] = hc_set_timer_op,
	[HYPERVISOR_xen_version] = hc_xen_version,
	[HYPERVISOR_console_io] = hc_console_io,
	[HYPERVISOR_grant_table_op] = hc_grant_table_op,
	[HYPERVISOR_vm_assist] = hc_vm_assist,
	[HYPERVISOR_vcpu_op] = hc_vcpu_op,
	[HYPERVISOR_sched_op] = hc_sched_op,
	[HYPERVISOR_event_channel_op] = hc_event_channel_op,
	[HYPERVISOR_hvm_op] = hc_hvm_op,
	[HYPERVISOR_plinth_control] = hc_plinth_control,
};

static s64 dispatch(struct vcpu *v, u64 number)
{
	const u64 *gpr = v->regs.gpr;
	const u64 arg[3] = {gpr[GPR_RDI], gpr[GPR_RSI], gpr[GPR_RDX]};

	if (hvm->code_bits(v) != 64)
		return -XEN_ENOSYS; /* 64-bit callers only */
	if (hvm->cpl(v) != 0)
		return -XEN_EPERM;
	if (number >= HYPERCALL_COUNT || !hypercalls[number])
		return -XEN_ENOSYS;
	return hypercalls[number](v, arg);
}

/* Those that keep their progress in RDI. */
static bool restarts(u64 number)
{
	return number == HYPERVISOR_memory_op || number == HYPERVISOR_grant_table_op ||
	       number == HYPERVISOR_console_io || number == HYPERVISOR_event_channel_op;
}

/* RIP moves before the call's effect on whether v may run shows: an operation that blocks or shuts
 * down must find it behind the instruction when v runs again. So the skip comes first and is taken
 * back for a restart. */
void hypercall_exit(struct vcpu *v, const struct hvm_exit *exit)
{
	u64 number = v->regs.gpr[GPR_RAX], rip = v->regs.rip;
	u64 cmd = v->regs.gpr[GPR_RDI];
	u8 shadow = v->int_shadow;
	s64 result;

	if (vcpu_skip(v, exit))
		return;
	result = dispatch(v, number);
	if (result == HYPERCALL_RESTART) {
		v->regs.rip = rip;
		v->int_shadow = shadow;
		return;
	}
	if (restarts(number) && hypercall_start(cmd))
		v->regs.gpr[GPR_RDI] = hypercall_cmd(cmd); /* as before the first piece */
	v->regs.gpr[GPR_RAX] = (u64)result;
}
