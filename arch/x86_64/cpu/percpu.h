/* SPDX-License-Identifier: BSD-2-Clause */
/* What each CPU has of its own, found through GS. */
#ifndef ARCH_X86_64_CPU_PERCPU_H
#define ARCH_X86_64_CPU_PERCPU_H

#include <core/types.h>

#define MAX_CPUS       256u
#define CPU_STACK_SIZE 16384u /* of the main stack; the fault stacks are 4 KiB each */

struct vcpu;
struct domain;

/* Aligned to a cache line of its own. `self` must stay first: this_cpu() reads GS:0. */
struct pcpu {
	struct pcpu *self;
	u32 id;      /* 0..cpu_count-1, boot CPU 0 */
	u32 apic_id; /* as the hardware has it */

	/* Kept by core: what runs here. */
	struct vcpu *current; /* never NULL once scheduling began; an idle CPU has NULL */
	/* Domain whose guest code this CPU runs now, NULL in the hypervisor. Set before the flush
	 * check of guest entry, cleared after the exit; others spin on it (core/tlb.c). */
	struct domain *in_guest;
	u64 exits;              /* counts up when in_guest is cleared */
	bool resched;           /* look at the run queue before the next entry */
	bool timer_due;         /* the timer interrupt came */
	u64 slice_end;          /* TSC, ~0: none. See hvm_ends_slices */
	u32 last_domain;        /* whose code ran here last: its id + 1 */
	struct vcpu *fpu_owner; /* whose extended state the registers hold, NULL: nobody's */

	/* Kept by the vendor code: ASIDs or VPIDs given out on this CPU. */
	u32 asid_next;
	u64 asid_generation;
	void *hvm; /* host save area, VMXON region */

	void *sched; /* the scheduler's own */
	void *timers;
	void *arch; /* descriptor tables, fault stacks: arch/x86_64/cpu's own */
} __attribute__((aligned(64)));

static inline struct pcpu *this_cpu(void)
{
	struct pcpu *p;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(p));
	return p;
}

extern u32 cpu_count; /* CPUs that came up; fixed after boot */
/* id < cpu_count */
struct pcpu *cpu_by_id(u32 id);

#endif
