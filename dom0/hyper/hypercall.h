/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls of the control domain. */
#ifndef DOM0_HYPER_HYPERCALL_H
#define DOM0_HYPER_HYPERCALL_H

#include <core/types.h>
#include <plinth/control.h>
#include <xen/errno.h>
#include <xen/hypercall.h>

extern bool hypercall_vmmcall; /* AMD's instruction, else Intel's; set by hypercall_init() */
void hypercall_init(void);

static inline s64 hypercall3(u64 number, u64 a, u64 b, u64 c)
{
	u64 result = number;

	if (hypercall_vmmcall)
		__asm__ volatile("vmmcall" : "+a"(result) : "D"(a), "S"(b), "d"(c) : "memory");
	else
		__asm__ volatile("vmcall" : "+a"(result) : "D"(a), "S"(b), "d"(c) : "memory");
	return (s64)result;
}

static inline u64 ptr_arg(const void *p)
{
	return (u64)(uintptr_t)p;
}

/* Results are 0 or a negative XEN_Exxx unless said otherwise. */

/* One control operation; c->cmd and arguments are filled in. */
must_use int control_op(struct plinth_control *c, enum plinth_control_cmd cmd);
/* Repeats a mem_* operation until all of it is done or it fails. */
must_use int control_mem_all(struct plinth_control *c, enum plinth_control_cmd cmd);

void hyper_console_write(const char *text, size_t n);
size_t hyper_console_read(char *buf, size_t n);
noreturn_fn void hyper_shutdown(u32 reason);
void hyper_block(void);           /* until an event is pending */
void hyper_set_timer(u64 abs_ns); /* 0 stops */
must_use int hyper_bind_virq(u32 virq, evtchn_port_t *port);
must_use int hyper_alloc_unbound(domid_t dom, domid_t remote, evtchn_port_t *port);
must_use int hyper_bind_interdomain(domid_t remote, evtchn_port_t remote_port,
				    evtchn_port_t *local);
void hyper_event_send(evtchn_port_t port);
void hyper_event_close(evtchn_port_t port);
must_use int hyper_set_param(domid_t dom, u32 index, u64 value);
must_use int hyper_map_shared_info(u64 gfn);
/* Arrays of grant operations: 0 means that each element has its status. Linear addresses. */
must_use int hyper_grant_map(struct gnttab_map_grant_ref *ops, unsigned int count);
must_use int hyper_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned int count);
must_use int hyper_grant_copy(struct gnttab_copy *ops, unsigned int count);

#endif
