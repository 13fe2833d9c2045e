/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: what a guest owns. Looked up by id, counted, gone when the last reference is. */
#ifndef CORE_DOMAIN_H
#define CORE_DOMAIN_H

#include <core/event.h>
#include <core/grant.h>
#include <core/lib/print.h>
#include <core/lib/list.h>
#include <core/lib/lock.h>
#include <core/types.h>
#include <ept/ept.h>
#include <plinth/control.h>
#include <sched/policy.h>
#include <xen/hypercall.h>
#include <xen/shared_info.h>
#include <xen/start_info.h>

struct vcpu;

#define DOMAIN_MAX_MEMMAP 126u
#define DEBUG_LINE_MAX    128u

struct domain {
	domid_t id;
	bool control;       /* the control domain */
	bool scratch;       /* memory only */
	bool dying;         /* destroy began: atomic */
	bool shut_down;     /* under shutdown_lock */
	u8 shutdown_reason; /* SHUTDOWN_* */
	bool x2apic;        /* vCPUs start in x2APIC mode */
	bool runstate_flag; /* vm_assist 5: under no lock, one byte */
	u32 refs;           /* atomic */
	u32 pause_count;    /* under shutdown_lock */
	spinlock_t shutdown_lock;
	struct list link; /* all domains, in order of id */
	char name[PLINTH_NAME_MAX];
	u8 uuid[16];

	u32 max_vcpus;
	struct vcpu **vcpu; /* max_vcpus pointers, NULL until created; fixed before the first run */

	/* Memory: core/mm/p2m.h. Lock order: p2m_lock last but the frame allocator's. */
	rwlock_t p2m_lock;
	struct ept p2m;
	u64 tlb_generation;              /* atomic; bumped by each flush */
	hfn_t removed_frame;             /* what the last flush was for: these frames were taken */
	u64 removed_pages;               /* away; under p2m_lock */
	u64 pages, max_pages;            /* RAM owned: under p2m_lock */
	u32 overhead_pages;              /* hypervisor pages spent besides p2m's tables: atomic */
	struct hvm_memmap_entry *memmap; /* page, DOMAIN_MAX_MEMMAP entries */
	u32 memmap_count;
	u64 tear_down_gfn; /* destroy got that far */

	struct shared_info *shared; /* hypervisor page */
	u64 hvm_param[HVM_NR_PARAMS];
	struct event_domain event;
	struct grant_domain grant;

	struct policy_group sched; /* weight and cap: see sched/sched.h */
	u64 cpu_time_retired;      /* of vCPUs that are gone */
	void *hvm;                 /* the vendor's: I/O bitmap of the control domain */

	spinlock_t debug_lock; /* text written to port 0xE9 and console_io */
	u32 debug_length;
	char debug_line[DEBUG_LINE_MAX];
	u64 log_tokens, log_refill_ns; /* rate limit of the domain's lines, in bytes */
	u32 log_dropped;               /* lines, since the last one that was shown */
};

extern struct domain *control_domain;

/* id 0 is the control domain. *out has one reference for the caller. 0, -XEN_ENOMEM, -XEN_EINVAL,
 * -XEN_ENOSPC (no id free). */
must_use int domain_create(const struct plinth_ctl_domain_create *c, bool control,
			   struct domain **out);
/* By id, with a reference; NULL if there is none. Dying ones are found too. */
struct domain *domain_get(domid_t id);
/* The first one with an id >= from. */
struct domain *domain_get_from(domid_t from);
/* DOMID_SELF and v's own id give v's domain; others only if v's domain is the control domain.
 * NULL: not found or not allowed, *err is -XEN_ESRCH or -XEN_EPERM. */
struct domain *domain_get_for(struct vcpu *v, domid_t id, int *err);
void domain_ref(struct domain *d);
void domain_put(struct domain *d);

void domain_pause(struct domain *d); /* counts; returns when no vCPU of d runs (not waiting for
					the caller's own) */
must_use int domain_unpause(struct domain *d); /* -XEN_EINVAL if it is not paused */
/* Stops all vCPUs and tells the control domain (VIRQ_DOM_EXC). First reason wins. The caller's own
 * vCPU leaves the CPU at the next look of the loop. Logs for a reason other than poweroff, reboot.
 */
void domain_shutdown(struct domain *d, u8 reason);
/* Ends a domain for what it did: logs "NAME (domain N): why", then shuts down with crash. */
void domain_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);
/* A bounded piece of the destruction. 0: done (the id is gone for domain_get), -XEN_EAGAIN: again.
 */
must_use int domain_destroy_step(struct domain *d);
void domain_account_pages(struct domain *d, int pages); /* changes overhead_pages */
/* Hypervisor page(s) charged to d, zeroed. */
must_use void *domain_page_alloc(struct domain *d, unsigned int order);
void domain_page_free(struct domain *d, void *page, unsigned int order);

/* Text of a guest for the log, by port 0xE9 or console_io: whole lines as "NAME| text", bounded
 * in length and rate. Takes it up to the end of the first line and returns how many bytes that
 * are; 0 if another vCPU's is being taken: to be tried again after a look at interrupts. */
must_use size_t domain_debug_text(struct domain *d, const char *text, size_t n);

#endif
