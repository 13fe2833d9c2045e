/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual CPU: its registers, what it waits for, and how others wake it. */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include <core/hvm.h>
#include <core/lib/list.h>
#include <core/lib/lock.h>
#include <core/timer.h>
#include <core/types.h>
#include <core/vapic.h>
#include <plinth/vcpu_state.h>
#include <xen/shared_info.h>

/* Why a vCPU is not runnable: bits of vcpu.wait, changed atomically. 0 = runnable. */
#define VCPU_BLOCKED (1u << 0) /* HLT, block or poll: an event ends it */
#define VCPU_DOWN    (1u << 1) /* offline: not started yet, VCPUOP_down, HLT with IF=0 */
#define VCPU_PAUSED  (1u << 2) /* its domain is paused, shut down or dying */

#define VCPU_SIGNAL_INIT    (1u << 0)
#define VCPU_SIGNAL_STARTUP (1u << 1)

/* An area of guest memory registered once, written often: the frame is held by a reference. */
struct guest_area {
	bool valid;
	hfn_t frame[2]; /* the second one if the area crosses a page */
	u32 offset;     /* of the area in the first */
};

/* A walk of 4-level page tables that core/guest_access.c did for this vCPU: where it went and what
 * it read there. It gives the same result again if every entry still reads the same. */
struct guest_trail {
	u64 page;           /* linear address >> PAGE_SHIFT */
	u64 cr3, cr4, efer; /* all of them */
	u64 generation;     /* the domain's tlb_generation: host addresses hold while it stands */
	u64 have;           /* rights: AND of the entries, NX inverted */
	hfn_t frame;        /* of it */
	u32 levels;         /* entries read, 0: not in use */
	bool writable;      /* the nested mapping allows it, and the leaf is marked dirty */
	struct {
		u64 *slot, entry; /* where, what */
	} step[5];                /* from the top */
	void *page_at;            /* what is there */
};
#define GUEST_TRAILS 8u

struct vcpu {
	/* First what each exit touches. */
	struct plinth_vcpu_state regs; /* see HVM_STATE_* for what is current */
	unsigned int regs_valid;       /* groups that are current in regs */
	unsigned int regs_dirty;       /* groups to be put back before entry */
	struct hvm_event event;        /* for the next entry */
	u8 int_shadow;                 /* STI or MOV SS shadow at the last exit */
	bool want_irq_window, want_nmi_window;
	bool nmi_pending, nmi_masked;
	u64 tlb_seen; /* domain's tlb_generation at the last flush */
	void *hvm;    /* the vendor's */

	struct domain *domain;
	u32 id;
	u32 wait;               /* VCPU_*; atomic */
	spinlock_t signal_lock; /* of the next two; the scheduler's is taken inside */
	u32 signalled;          /* VCPU_SIGNAL_*: to be acted on when no CPU has v */
	u8 startup_vector;
	bool has_state; /* was given a start state (STARTUP, control interface): VCPUOP_up works */

	struct vapic vapic;
	void *xsave; /* extended state, 64-byte aligned */

	struct guest_trail trail[GUEST_TRAILS]; /* by a hash of the page's number */

	/* Upcalls: see core/event.h */
	struct vcpu_info *info; /* embedded in shared_info or registered; NULL: none yet */
	bool info_registered;
	u8 upcall_vector;  /* HVMOP_set_evtchn_upcall_vector, 0 = none */
	u32 virq_port[2];  /* per-vCPU VIRQs 0 and 1, 0 = unbound */
	bool polling;      /* in SCHEDOP_poll; atomic */
	bool poll_blocked; /* left the CPU in SCHEDOP_poll */

	/* Time: see core/clock.h */
	struct timer singleshot; /* VCPUOP_set_singleshot_timer, set_timer_op */
	struct timer poll_timer;
	struct guest_area time_area, runstate_area;
	spinlock_t runstate_lock;
	struct vcpu_runstate_info runstate;

	/* Scheduling: sched/'s own. */
	u32 cpu; /* where it runs or ran last */
	void *sched;

	u64 exits[EXIT_COUNT]; /* by reason */

	struct {
		u64 mtrr_def_type, mtrr_fixed[11], mtrr_variable[16];
	} msr; /* values kept only to be read back: core/msr.c */
};

/* Makes the groups current in v->regs. Only for the vCPU of this CPU, or one that cannot run. */
static inline void vcpu_need(struct vcpu *v, unsigned int groups)
{
	unsigned int missing = groups & ~v->regs_valid;

	if (missing) {
		hvm->load(v, missing);
		v->regs_valid |= missing;
	}
}
/* regs was changed in these groups (which were needed before). */
static inline void vcpu_dirty(struct vcpu *v, unsigned int groups)
{
	v->regs_dirty |= groups;
}

/* Creates vCPU id of d, down, with reset state. 0, -XEN_ENOMEM, -XEN_EEXIST, -XEN_EINVAL. */
must_use int vcpu_create(struct domain *d, u32 id);
void vcpu_destroy(struct vcpu *v); /* v does not run and never will */
void vcpu_op_init(struct vcpu *v); /* core/vcpu_op.c: v->singleshot */

/* Ends VCPU_BLOCKED: v looks at its events again. Any CPU, no lock of v needed. */
void vcpu_wake(struct vcpu *v);
/* Like vcpu_wake, and if v runs on another CPU now, forces an exit: events changed. */
void vcpu_kick(struct vcpu *v);
/* v (the caller's own) stops running until woken, unless an event is there already. */
void vcpu_block(struct vcpu *v);
/* Is anything there that ends HLT (honour_if: only what can be delivered with RFLAGS.IF)? */
bool vcpu_has_event(struct vcpu *v);
/* Takes v offline (its own CPU); the last one of a domain shuts it down with poweroff. */
void vcpu_down(struct vcpu *v);
void vcpu_up(struct vcpu *v);
void vcpu_pause_bit(struct vcpu *v, bool paused); /* sets or clears VCPU_PAUSED */

/* INIT and STARTUP as the virtual APIC delivers them; v may be any vCPU of the sender's domain,
 * also one that runs. */
void vcpu_init_signal(struct vcpu *v);
void vcpu_startup(struct vcpu *v, u8 vector);
/* For the scheduler: v's state is saved. Acts on signals that came while the CPU had v, then clears
 * *on_cpu, after which v may be gone. */
void vcpu_let_go(struct vcpu *v, bool *on_cpu);

/* Queues an exception for v (the caller's own), combining it with one being delivered: double
 * fault, triple fault (AMD APM vol. 2, "#DF-Double-Fault Exception"). */
void vcpu_raise(struct vcpu *v, u8 vector);
void vcpu_raise_error(struct vcpu *v, u8 vector, u32 error);
void vcpu_raise_page_fault(struct vcpu *v, gva_t address, u32 error);

/* Advances RIP behind the intercepted instruction; ends interrupt shadow. Returns 0, or -XEN_EFAULT
 * with an exception queued (the instruction could not be read or decoded). */
must_use int vcpu_skip(struct vcpu *v, const struct hvm_exit *exit);
/* An instruction was emulated and RIP moved on: ends the interrupt shadow, single-steps. */
void vcpu_completed(struct vcpu *v);

#endif
