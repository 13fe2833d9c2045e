/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall dispatch. */
#include <core/hypercall.h>

#include <xen/errno.h>
#include <xen/hypercall.h>

static hypercall_fn *const hypercalls[HYPERCALL_COUNT] = {
	[HYPERVISOR_memory_op] = do_memory_op,
	[HYPERVISOR_set_timer_op] = do_set_timer_op,
	[HYPERVISOR_xen_version] = do_xen_version,
	[HYPERVISOR_console_io] = do_console_io,
	[HYPERVISOR_grant_table_op] = do_grant_table_op,
	[HYPERVISOR_vm_assist] = do_vm_assist,
	[HYPERVISOR_vcpu_op] = do_vcpu_op,
	[HYPERVISOR_sched_op] = do_sched_op,
	[HYPERVISOR_event_channel_op] = do_event_channel_op,
	[HYPERVISOR_hvm_op] = do_hvm_op,
	[HYPERVISOR_plinth_control] = do_plinth_control,
};

static s64 dispatch(struct vcpu *v, u64 number)
{
	if (hvm->code_bits(v) != 64)
		return -XEN_ENOSYS; /* 64-bit callers only */
	if (hvm->cpl(v) != 0)
		return -XEN_EPERM;
	if (number >= HYPERCALL_COUNT)
		return -XEN_ENOSYS;
	number = index_guarded(number, HYPERCALL_COUNT);
	return hypercalls[number] ? hypercalls[number](v) : -XEN_ENOSYS;
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
		v->event.valid = false; /* single-stepped only when it is done */
		return;
	}
	if (restarts(number) && hypercall_start(cmd))
		v->regs.gpr[GPR_RDI] = hypercall_cmd(cmd); /* as before the first piece */
	v->regs.gpr[GPR_RAX] = (u64)result;
}
