/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls: dispatch, restart, and the smaller ones. */
#ifndef CORE_HYPERCALL_H
#define CORE_HYPERCALL_H

#include <core/types.h>
#include <core/vcpu.h>

/* An operation that did a bounded piece: the instruction runs again. It must have noted how far it
 * came, with hypercall_progress(). */
#define HYPERCALL_RESTART INT64_MIN

/* cmd of long operations: the sub-operation in bits 5:0, progress above, in the caller's RDI, where
 * an interrupt handler's own hypercalls cannot disturb it. */
static inline u64 hypercall_cmd(u64 cmd)
{
	return cmd & 63u;
}
static inline u64 hypercall_start(u64 cmd)
{
	return (cmd & 0xFFFFFFFFu) >> 6;
}
/* To be returned: notes progress (< 2^26) and asks for the restart. */
static inline s64 hypercall_again(struct vcpu *v, u64 cmd, u64 progress)
{
	v->regs.gpr[GPR_RDI] = hypercall_cmd(cmd) | progress << 6;
	return HYPERCALL_RESTART;
}

/* The exit handler: checks CPL, calls by number, writes the result, skips the instruction. */
void hypercall_exit(struct vcpu *v, const struct hvm_exit *exit);

s64 do_memory_op(struct vcpu *v, u64 cmd, u64 arg);             /* core/memory_op.c */
s64 do_xen_version(struct vcpu *v, u64 cmd, u64 arg);           /* core/version.c */
s64 do_console_io(struct vcpu *v, u64 cmd, u64 count, u64 buf); /* core/console_io.c */
s64 do_vm_assist(struct vcpu *v, u64 cmd, u64 type);
s64 do_hvm_op(struct vcpu *v, u64 cmd, u64 arg);            /* core/hvm_op.c */
s64 do_vcpu_op(struct vcpu *v, u64 cmd, u64 vcpu, u64 arg); /* core/vcpu_op.c */
s64 do_sched_op(struct vcpu *v, u64 cmd, u64 arg);          /* core/sched_op.c */
/* v, that blocked in SCHEDOP_poll (v->poll_blocked), is about to run again. */
void sched_op_resumed(struct vcpu *v);
s64 do_set_timer_op(struct vcpu *v, u64 timeout);
s64 do_plinth_control(struct vcpu *v, u64 arg); /* core/control.c */

#endif
