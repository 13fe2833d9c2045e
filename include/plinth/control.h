/* SPDX-License-Identifier: BSD-2-Clause */
/* The control interface: hypercall 48, for the control domain alone. The caller passes the linear
 * address of one struct plinth_control; results are written back into it. Every sub-operation
 * checks all it is given; a wrong argument gives a negative error and changes nothing. Long ones
 * do a bounded piece, say how far they came in `done`, and return 0: call again for the rest. */
#ifndef PLINTH_CONTROL_H
#define PLINTH_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <plinth/exit_reason.h>
#include <plinth/vcpu_state.h>
#include <xen/hypercall.h>

#define PLINTH_CONTROL_VERSION 1u
#define PLINTH_NAME_MAX        64u /* bytes, the terminating NUL included */
#define PLINTH_MAX_VCPUS       64u /* for each domain */

enum plinth_control_cmd {
	PLINTH_CTL_machine_info = 1,
	PLINTH_CTL_domain_create,
	PLINTH_CTL_domain_destroy,
	PLINTH_CTL_domain_pause,
	PLINTH_CTL_domain_unpause,
	PLINTH_CTL_domain_info,
	PLINTH_CTL_mem_populate,
	PLINTH_CTL_mem_map,
	PLINTH_CTL_mem_unmap,
	PLINTH_CTL_memory_map_set,
	PLINTH_CTL_vcpu_set,
	PLINTH_CTL_vcpu_get,
	PLINTH_CTL_irq_bind,
	PLINTH_CTL_irq_eoi,
	PLINTH_CTL_log_read,
	PLINTH_CTL_sched_set,
	PLINTH_CTL_sched_get,
	PLINTH_CTL_grant_seed,
	PLINTH_CTL_affinity_set,
	PLINTH_CTL_affinity_get,
	PLINTH_CTL_vcpu_stats,
	PLINTH_CTL_msi_bind,
	PLINTH_CTL_irq_unbind,
	PLINTH_CTL_COUNT
};

struct plinth_ctl_machine_info {
	uint64_t total_pages;      /* RAM of the machine */
	uint64_t free_pages;       /* can be given to domains */
	uint64_t hypervisor_pages; /* image, frame table, page tables, boot-time reservations */
	uint64_t foreign_gfn;      /* control domain's window for mem_map: first gfn ... */
	uint64_t foreign_pages;    /* ... and length */
	uint64_t tsc_khz;
	uint64_t rsdp; /* address of the machine's ACPI root pointer, 0 = none */
	uint32_t cpus;
	uint32_t domains;
	char vendor[16]; /* "AMD-V" or "VT-x" */
};

#define PLINTH_CREATE_x2apic  (1u << 0) /* vCPUs start with x2APIC mode on */
#define PLINTH_CREATE_scratch (1u << 1) /* memory only: never runs, not listed */
struct plinth_ctl_domain_create {
	uint32_t flags;
	uint32_t max_vcpus; /* 1..PLINTH_MAX_VCPUS */
	uint64_t max_pages; /* populate beyond this fails */
	uint8_t uuid[16];
	char name[PLINTH_NAME_MAX];
	domid_t domid; /* out */
};

struct plinth_ctl_domain { /* destroy, pause, unpause */
	domid_t domid;
	uint16_t pad;
	uint32_t done; /* destroy, out: 1 when the domain is gone, 0 = call again */
};

#define PLINTH_DOM_running  (1u << 0) /* a vCPU is on a CPU now */
#define PLINTH_DOM_blocked  (1u << 1) /* all online vCPUs wait for an event */
#define PLINTH_DOM_paused   (1u << 2)
#define PLINTH_DOM_shutdown (1u << 3) /* see shutdown_reason */
#define PLINTH_DOM_dying    (1u << 4)
#define PLINTH_DOM_control  (1u << 5)
#define PLINTH_DOM_scratch  (1u << 6)
struct plinth_ctl_domain_info {
	domid_t domid; /* in: look from this one up; out: the one found. -ESRCH: no more */
	uint16_t pad;
	uint32_t flags;
	uint32_t shutdown_reason;
	uint32_t online_vcpus;
	uint32_t max_vcpus;
	uint32_t pad2;
	uint64_t pages; /* RAM owned now */
	uint64_t max_pages;
	uint64_t overhead_pages; /* hypervisor memory spent on it */
	uint64_t cpu_time_ns;
	uint8_t uuid[16];
	char name[PLINTH_NAME_MAX];
};

struct plinth_ctl_mem { /* populate, map, unmap */
	domid_t domid;
	uint16_t pad;
	uint32_t flags;
	uint64_t gfn; /* first, in domid; unmap: unused */
	uint64_t count;
	uint64_t dst_gfn; /* map, unmap: first, in the control domain's window */
	uint64_t done;    /* out: pages done */
};
#define PLINTH_MAP_readonly (1u << 0)

struct plinth_ctl_memory_map {
	domid_t domid;
	uint16_t pad;
	uint32_t count;  /* 1..126 */
	uint64_t buffer; /* linear address of struct hvm_memmap_entry */
};

struct plinth_ctl_vcpu {
	domid_t domid;
	uint16_t pad;
	uint32_t vcpu;
	uint64_t buffer; /* linear address of struct plinth_vcpu_state */
};

#define PLINTH_IRQ_level      (1u << 0)
#define PLINTH_IRQ_active_low (1u << 1)
struct plinth_ctl_irq { /* bind, eoi, unbind */
	uint32_t gsi;
	uint32_t flags;
	evtchn_port_t port; /* bind: out; unbind: in, of either kind: it is closed */
	uint32_t pad;
};

/* A message-signalled interrupt: what a device is to write, and where, to notify port. */
struct plinth_ctl_msi {
	uint64_t address; /* out, all three */
	uint32_t data;
	evtchn_port_t port;
};

struct plinth_ctl_log {
	uint64_t offset; /* in: byte position since boot; out: position after what was read */
	uint64_t buffer; /* linear address */
	uint32_t length; /* in: room; out: bytes written */
	uint32_t pad;
};

struct plinth_ctl_sched {
	domid_t domid;
	uint16_t pad;
	uint32_t weight; /* 1..65535, 256 = default */
	uint32_t cap;    /* per cent of one CPU; 0 = none, at most 100 for each vCPU */
	uint32_t pad2;
};

struct plinth_ctl_affinity {
	domid_t domid;
	uint16_t pad;
	uint32_t vcpu;
	uint64_t cpus[4]; /* a bit for each CPU where it may run */
	uint32_t cpu;     /* out (get): where it runs or ran last */
	uint32_t running; /* out (get): it runs now */
};

#define PLINTH_VCPU_running (1u << 0) /* it is on a CPU now */
#define PLINTH_VCPU_blocked (1u << 1) /* it waits for an event */
#define PLINTH_VCPU_online  (1u << 2)
struct plinth_ctl_vcpu_stats {
	domid_t domid;
	uint16_t pad;
	uint32_t vcpu;
	uint32_t flags; /* out, all that follows: PLINTH_VCPU_* */
	uint32_t cpu;   /* where it runs or ran last */
	uint64_t cpu_time_ns;
	uint64_t exits[20]; /* since its creation, by enum exit_reason; the rest is 0 */
};
_Static_assert(EXIT_COUNT <= 20, "a counter for each reason");

struct plinth_ctl_grant_seed {
	domid_t domid;
	domid_t to; /* who may map it */
	grant_ref_t ref;
	uint64_t gfn;
};

struct plinth_control {
	uint32_t cmd;
	uint32_t version;
	union {
		struct plinth_ctl_machine_info machine_info;
		struct plinth_ctl_domain_create create;
		struct plinth_ctl_domain domain;
		struct plinth_ctl_domain_info info;
		struct plinth_ctl_mem mem;
		struct plinth_ctl_memory_map memory_map;
		struct plinth_ctl_vcpu vcpu;
		struct plinth_ctl_irq irq;
		struct plinth_ctl_msi msi;
		struct plinth_ctl_log log;
		struct plinth_ctl_sched sched;
		struct plinth_ctl_affinity affinity;
		struct plinth_ctl_vcpu_stats stats;
		struct plinth_ctl_grant_seed seed;
		uint8_t size[184];
	} u;
};
_Static_assert(sizeof(struct plinth_control) == 192, "ABI");

#endif
