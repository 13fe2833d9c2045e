/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall 34: a domain's parameters and how it wants its upcalls. */
#include <core/hypercall.h>

#include <core/domain.h>
#include <core/event.h>
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
	if (event_upcall_pending(v))
		event_upcall(v);
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

static s64 op_param(struct vcpu *v, void *arg)
{
	bool set = (u32)v->regs.gpr[GPR_RDI] == HVMOP_set_param, control = v->domain->control;
	struct xen_hvm_param *p = arg;
	struct domain *d;
	u32 allowed;
	int err;

	if (p->index >= HVM_NR_PARAMS)
		return -XEN_EINVAL;
	d = domain_get_for(v, p->domid, &err);
	if (!d)
		return err;
	allowed = rights[p->index] & ((d == v->domain ? GUEST_READS | GUEST_WRITES : 0u) |
				      (control ? CONTROL_BOTH : 0u));
	if (!(allowed & (set ? GUEST_WRITES | CONTROL_WRITES : GUEST_READS | CONTROL_READS)))
		err = -XEN_EPERM;
	else if (set)
		err = set_param(d, p->index, p->value);
	else
		p->value = READ_ONCE(d->hvm_param[p->index]);
	domain_put(d);
	return err;
}

static s64 op_upcall_vector(struct vcpu *v, void *arg)
{
	const struct xen_hvm_evtchn_upcall_vector *a = arg;
	struct vcpu *target;

	if (a->vector < VECTOR_MIN)
		return -XEN_EINVAL;
	target = a->vcpu < v->domain->max_vcpus ? v->domain->vcpu[a->vcpu] : NULL;
	if (!target)
		return -XEN_ENOENT;
	WRITE_ONCE(target->upcall_vector, a->vector);
	show_pending(target);
	return 0;
}

/* HVMOP_pagetable_dying must stay unknown: with a 0 guests call it at the end of each process. */
static const struct hypercall_op ops[] = {
	[HVMOP_set_param] = {op_param, sizeof(struct xen_hvm_param), 0},
	[HVMOP_get_param] = {op_param, sizeof(struct xen_hvm_param), HYPERCALL_OUT},
	[HVMOP_set_evtchn_upcall_vector] = {op_upcall_vector,
					    sizeof(struct xen_hvm_evtchn_upcall_vector), 0},
};

s64 do_hvm_op(struct vcpu *v)
{
	return hypercall_op(v, ops, ARRAY_SIZE(ops), v->regs.gpr[GPR_RSI]);
}
