/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall 34: a domain's parameters and how it wants its upcalls. */
#include <core/hypercall.h>

#include <core/domain.h>
#include <core/event.h>
#include <core/guest_access.h>
#include <core/vcpu.h>
#include <xen/errno.h>

#define CALLBACK_TYPE(value) ((value) >> 56)
#define CALLBACK_GSI_DUMMY   1u /* "per-vCPU vectors are used": guest-abi 4.3 */
#define VECTOR_MIN           16u

/* Who may do what with each parameter. What is not listed is refused. */
#define GUEST_READS    (1u << 0)
#define GUEST_WRITES   (1u << 1)
#define CONTROL_READS  (1u << 2) /* of any domain, its own included */
#define CONTROL_WRITES (1u << 3)
#define CONTROL_BOTH   (CONTROL_READS | CONTROL_WRITES)

static const u8 rights[HVM_NR_PARAMS] = {
	/* belongs to the guest's running kernel */
	[HVM_PARAM_CALLBACK_IRQ] = GUEST_READS | GUEST_WRITES | CONTROL_READS,
	/* where the builder put the rings; kernels look there */
	[HVM_PARAM_STORE_PFN] = GUEST_READS | CONTROL_BOTH,
	[HVM_PARAM_CONSOLE_PFN] = GUEST_READS | CONTROL_BOTH,
	/* a kernel started by another one binds them anew */
	[HVM_PARAM_STORE_EVTCHN] = GUEST_READS | GUEST_WRITES | CONTROL_BOTH,
	[HVM_PARAM_CONSOLE_EVTCHN] = GUEST_READS | GUEST_WRITES | CONTROL_BOTH,
	/* the host's decision */
	[HVM_PARAM_TRIPLE_FAULT_REASON] = CONTROL_BOTH,
};

static void show_pending(struct vcpu *v)
{
	struct vcpu_info *info = event_info_map(v);

	if (READ_ONCE(info->evtchn_upcall_pending))
		event_upcall(v);
	event_info_unmap(info);
}

/* Only the vector form works: there is no GSI or PCI line into a guest. */
static int set_callback(struct domain *d, u64 value)
{
	bool vector = CALLBACK_TYPE(value) == HVM_CALLBACK_TYPE_VECTOR;

	if (value == CALLBACK_GSI_DUMMY)
		return 0;
	if (value != 0 && (!vector || (value & 0xFF) < VECTOR_MIN))
		return -XEN_EINVAL;
	WRITE_ONCE(d->hvm_param[HVM_PARAM_CALLBACK_IRQ], value);
	for (u32 i = 0; vector && i < d->max_vcpus; i++)
		if (d->vcpu[i])
			show_pending(d->vcpu[i]);
	return 0;
}

static int set_param(struct domain *d, u32 index, u64 value)
{
	if (index == HVM_PARAM_CALLBACK_IRQ)
		return set_callback(d, value);
	if (index == HVM_PARAM_TRIPLE_FAULT_REASON && value > SHUTDOWN_soft_reset)
		return -XEN_EINVAL;
	WRITE_ONCE(d->hvm_param[index], value);
	return 0;
}

static s64 op_param(struct vcpu *v, u64 arg, bool set)
{
	bool control = v->domain->control;
	struct xen_hvm_param p;
	struct domain *d;
	u32 allowed;
	int err;

	if (copy_from_guest(v, &p, gva(arg), sizeof(p)))
		return -XEN_EFAULT;
	if (p.index >= HVM_NR_PARAMS)
		return -XEN_EINVAL;
	d = domain_get_for(v, p.domid, &err);
	if (!d)
		return err;
	allowed = rights[p.index] & ((d == v->domain ? GUEST_READS | GUEST_WRITES : 0u) |
				     (control ? CONTROL_BOTH : 0u));
	if (!(allowed & (set ? GUEST_WRITES | CONTROL_WRITES : GUEST_READS | CONTROL_READS)))
		err = -XEN_EPERM;
	else if (set)
		err = set_param(d, p.index, p.value);
	else
		p.value = READ_ONCE(d->hvm_param[p.index]);
	domain_put(d);
	if (!err && !set && copy_to_guest(v, gva(arg), &p, sizeof(p)))
		err = -XEN_EFAULT;
	return err;
}

static s64 op_upcall_vector(struct vcpu *v, u64 arg)
{
	struct xen_hvm_evtchn_upcall_vector a;
	struct vcpu *target;

	if (copy_from_guest(v, &a, gva(arg), sizeof(a)))
		return -XEN_EFAULT;
	if (a.vector < VECTOR_MIN)
		return -XEN_EINVAL;
	target = a.vcpu < v->domain->max_vcpus ? v->domain->vcpu[a.vcpu] : NULL;
	if (!target)
		return -XEN_ENOENT;
	WRITE_ONCE(target->upcall_vector, a.vector);
	show_pending(target);
	return 0;
}

/* HVMOP_pagetable_dying must stay unknown: with a 0 guests call it at the end of each process. */
s64 do_hvm_op(struct vcpu *v, u64 cmd, u64 arg)
{
	switch ((u32)cmd) {
	case HVMOP_set_param:
	case HVMOP_get_param:
		return op_param(v, arg, (u32)cmd == HVMOP_set_param);
	case HVMOP_set_evtchn_upcall_vector:
		return op_upcall_vector(v, arg);
	default:
		return -XEN_ENOSYS;
	}
}
