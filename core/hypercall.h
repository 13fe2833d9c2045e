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
static inline s64 hypercall_again(struct vcpu *v, u64 progress)
{
	v->regs.gpr[GPR_RDI] = hypercall_cmd(v->regs.gpr[GPR_RDI]) | progress << 6;
	return HYPERCALL_RESTART;
}

/* A sub-operation whose arguments are one structure in the caller's memory. */
#define HYPERCALL_ARG_MAX  48u
#define HYPERCALL_OUT      (1u << 0) /* the structure goes back if fn returns 0 */
#define HYPERCALL_RESTARTS (1u << 1) /* progress is kept in cmd */
struct hypercall_op {
	s64 (*fn)(struct vcpu *v, void *arg); /* arg: a copy of the structure */
	u8 size;                              /* of it, in bytes, <= HYPERCALL_ARG_MAX */
	u8 flags;
};
/* Does what cmd (RDI) says, with the structure at linear address `at`. */
s64 hypercall_op(struct vcpu *v, const struct hypercall_op *ops, size_t count, u64 at);

/* The exit handler: checks CPL, calls by number, writes the result, skips the instruction. */
void hypercall_exit(struct vcpu *v, const struct hvm_exit *exit);

/* Arguments: RDI, RSI, RDX of v->regs. */
typedef s64 hypercall_fn(struct vcpu *v);
hypercall_fn do_memory_op, do_set_timer_op, do_xen_version, do_console_io, do_grant_table_op,
	do_vm_assist, do_vcpu_op, do_sched_op, do_event_channel_op, do_hvm_op, do_plinth_control;

/* v, that blocked in SCHEDOP_poll (v->poll_blocked), is about to run again. */
void sched_op_resumed(struct vcpu *v);

#endif
