/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls of the control domain. */
#include <dom0/hyper/hypercall.h>

#include <cpuid.h>

bool hypercall_vmmcall;

void hypercall_init(void)
{
	unsigned int a, b, c, d;

	/* "AuthenticAMD" or "HygonGenuine": what the guests' kernels go by, too. */
	__cpuid(0, a, b, c, d);
	hypercall_vmmcall = b == 0x68747541 || b == 0x6F677948;
}

int control_op(struct plinth_control *c, enum plinth_control_cmd cmd)
{
	c->cmd = cmd;
	c->version = PLINTH_CONTROL_VERSION;
	return (int)hypercall3(HYPERVISOR_plinth_control, ptr_arg(c), 0, 0);
}

int control_mem_all(struct plinth_control *c, enum plinth_control_cmd cmd)
{
	struct plinth_ctl_mem *m = &c->u.mem;

	while (m->count) {
		int err = control_op(c, cmd);

		if (err)
			return err;
		m->gfn += m->done;
		m->dst_gfn += m->done;
		m->count -= m->done;
	}
	return 0;
}

void hyper_console_write(const char *text, size_t n)
{
	hypercall3(HYPERVISOR_console_io, CONSOLEIO_write, n, ptr_arg(text));
}

size_t hyper_console_read(char *buf, size_t n)
{
	s64 got = hypercall3(HYPERVISOR_console_io, CONSOLEIO_read, n, ptr_arg(buf));

	return got > 0 ? (size_t)got : 0;
}

void hyper_shutdown(u32 reason)
{
	struct sched_shutdown s = {reason};

	for (;;)
		hypercall3(HYPERVISOR_sched_op, SCHEDOP_shutdown, ptr_arg(&s), 0);
}

void hyper_block(void)
{
	hypercall3(HYPERVISOR_sched_op, SCHEDOP_block, 0, 0);
}

void hyper_set_timer(u64 abs_ns)
{
	hypercall3(HYPERVISOR_set_timer_op, abs_ns, 0, 0);
}

static int event_op(u32 op, void *arg)
{
	return (int)hypercall3(HYPERVISOR_event_channel_op, op, ptr_arg(arg), 0);
}

int hyper_bind_virq(u32 virq, evtchn_port_t *port)
{
	struct evtchn_bind_virq b = {.virq = virq};
	int err = event_op(EVTCHNOP_bind_virq, &b);

	*port = b.port;
	return err;
}

int hyper_alloc_unbound(domid_t dom, domid_t remote, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = remote};
	int err = event_op(EVTCHNOP_alloc_unbound, &a);

	*port = a.port;
	return err;
}

int hyper_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_port_t *local)
{
	struct evtchn_bind_interdomain b = {.remote_dom = remote, .remote_port = remote_port};
	int err = event_op(EVTCHNOP_bind_interdomain, &b);

	*local = b.local_port;
	return err;
}

void hyper_event_send(evtchn_port_t port)
{
	struct evtchn_port_arg a = {port};

	event_op(EVTCHNOP_send, &a);
}

void hyper_event_close(evtchn_port_t port)
{
	struct evtchn_port_arg a = {port};

	event_op(EVTCHNOP_close, &a);
}

int hyper_set_param(domid_t dom, u32 index, u64 value)
{
	struct xen_hvm_param p = {.domid = dom, .index = index, .value = value};

	return (int)hypercall3(HYPERVISOR_hvm_op, HVMOP_set_param, ptr_arg(&p), 0);
}

int hyper_map_shared_info(u64 gfn_number)
{
	struct xen_add_to_physmap x = {
		.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = gfn_number};

	return (int)hypercall3(HYPERVISOR_memory_op, XENMEM_add_to_physmap, ptr_arg(&x), 0);
}

int hyper_grant_map(struct gnttab_map_grant_ref *ops, unsigned int count)
{
	return (int)hypercall3(HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, ptr_arg(ops),
			       count);
}

int hyper_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned int count)
{
	return (int)hypercall3(HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, ptr_arg(ops),
			       count);
}

int hyper_grant_copy(struct gnttab_copy *ops, unsigned int count)
{
	return (int)hypercall3(HYPERVISOR_grant_table_op, GNTTABOP_copy, ptr_arg(ops), count);
}
