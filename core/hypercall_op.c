/* SPDX-License-Identifier: BSD-2-Clause */
/* Sub-operations of hypercalls: arguments in, call, results out. */
#include <core/hypercall.h>

#include <core/guest_access.h>
#include <xen/errno.h>

s64 hypercall_op(struct vcpu *v, const struct hypercall_op *ops, size_t count, u64 at)
{
	u64 cmd = v->regs.gpr[GPR_RDI], i = index_guarded(hypercall_cmd(cmd), count);
	u64 arg[HYPERCALL_ARG_MAX / sizeof(u64)];
	s64 result;

	if (hypercall_cmd(cmd) >= count || !ops[i].fn ||
	    (hypercall_start(cmd) && !(ops[i].flags & HYPERCALL_RESTARTS)))
		return -XEN_ENOSYS;
	if (copy_from_guest(v, arg, gva(at), ops[i].size))
		return -XEN_EFAULT;
	result = ops[i].fn(v, arg);
	if (ops[i].flags & HYPERCALL_OUT && result == 0 &&
	    copy_to_guest(v, gva(at), arg, ops[i].size))
		return -XEN_EFAULT;
	return result;
}
