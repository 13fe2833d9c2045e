/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls of the test guests. */
#ifndef TESTS_GUEST_LIB_HYPERCALL_H
#define TESTS_GUEST_LIB_HYPERCALL_H

#include <core/types.h>
#include <xen/hypercall.h>

typedef s64 (*hypercall_fn)(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
s64 hypercall_vmcall(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
s64 hypercall_vmmcall(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
s64 hypercall_by_page(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
extern u64 hypercall_page_address;
/* By the CPU's vendor: VMMCALL for AMD and Hygon, VMCALL for others. */
extern hypercall_fn hypercall_native;

static inline s64 hypercall3(u64 nr, u64 a1, u64 a2, u64 a3)
{
	return hypercall_native(nr, a1, a2, a3, 0, 0);
}
static inline s64 memory_op(u32 cmd, volatile void *arg)
{
	return hypercall3(HYPERVISOR_memory_op, cmd, (u64)arg, 0);
}
static inline s64 set_timer_op(u64 ns)
{
	return hypercall3(HYPERVISOR_set_timer_op, ns, 0, 0);
}
static inline s64 xen_version(u32 cmd, volatile void *arg)
{
	return hypercall3(HYPERVISOR_xen_version, cmd, (u64)arg, 0);
}
static inline s64 console_io(u32 cmd, u64 count, const volatile void *buf)
{
	return hypercall3(HYPERVISOR_console_io, cmd, count, (u64)buf);
}
static inline s64 grant_table_op(u32 cmd, volatile void *arr, u64 count)
{
	return hypercall3(HYPERVISOR_grant_table_op, cmd, (u64)arr, count);
}
static inline s64 vm_assist(u32 cmd, u32 type)
{
	return hypercall3(HYPERVISOR_vm_assist, cmd, type, 0);
}
static inline s64 vcpu_op(u32 cmd, u32 vcpu, volatile void *arg)
{
	return hypercall3(HYPERVISOR_vcpu_op, cmd, vcpu, (u64)arg);
}
static inline s64 sched_op(u32 cmd, volatile void *arg)
{
	return hypercall3(HYPERVISOR_sched_op, cmd, (u64)arg, 0);
}
static inline s64 event_op(u32 cmd, volatile void *arg)
{
	return hypercall3(HYPERVISOR_event_channel_op, cmd, (u64)arg, 0);
}
static inline s64 hvm_op(u32 cmd, volatile void *arg)
{
	return hypercall3(HYPERVISOR_hvm_op, cmd, (u64)arg, 0);
}
static inline s64 event_port_op(u32 cmd, u32 port)
{
	struct evtchn_port_arg a = {port};

	return event_op(cmd, &a);
}
static inline s64 event_send(u32 port)
{
	return event_port_op(EVTCHNOP_send, port);
}
static inline s64 hvm_set_param(u32 index, u64 value)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index, .value = value};

	return hvm_op(HVMOP_set_param, &p);
}
static inline s64 hvm_get_param(u32 index, u64 *value)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};
	s64 r = hvm_op(HVMOP_get_param, &p);

	*value = p.value;
	return r;
}
static inline s64 set_singleshot(u32 vcpu, u64 abs_ns)
{
	struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = abs_ns};

	return vcpu_op(VCPUOP_set_singleshot_timer, vcpu, &t);
}
static inline s64 bind_virq(u32 virq, u32 vcpu, u32 *port)
{
	struct evtchn_bind_virq b = {.virq = virq, .vcpu = vcpu};
	s64 r = event_op(EVTCHNOP_bind_virq, &b);

	*port = b.port;
	return r;
}
static inline s64 bind_ipi(u32 vcpu, u32 *port)
{
	struct evtchn_bind_ipi b = {.vcpu = vcpu};
	s64 r = event_op(EVTCHNOP_bind_ipi, &b);

	*port = b.port;
	return r;
}

#endif
