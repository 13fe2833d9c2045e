/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling mechanism: puts the policy's decisions into effect on the CPUs. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <core/types.h>
#include <sched/cpuset.h>

struct vcpu;
struct domain;

void sched_init(void);     /* boot CPU, cpu_count is known */
void sched_init_cpu(void); /* each CPU */

must_use int sched_vcpu_init(struct vcpu *v); /* -XEN_ENOMEM */
void sched_vcpu_destroy(struct vcpu *v);      /* v is off its CPU and never wakes again */

/* v->wait may have become 0: v competes for a CPU. Any CPU. */
void sched_wake(struct vcpu *v);
/* v->wait became nonzero while v may be waiting for a CPU: takes it out of the queue. If it runs,
 * its own CPU does so at its next sched_next(). */
void sched_unqueue(struct vcpu *v);
/* Decides what this CPU runs now and switches to it: NULL if nothing. From the CPU's loop. */
struct vcpu *sched_next(void);
void sched_yield(struct vcpu *v); /* the caller's own */
/* Asks CPU id to call sched_next() soon, forcing an exit if it runs a guest. */
void sched_poke(u32 id);
/* Waits until v's state is saved and no CPU runs it. v->wait is nonzero; not for the own vCPU. */
void sched_wait_off_cpu(const struct vcpu *v);
/* No CPU runs v or is about to, and its state is saved. */
bool sched_off_cpu(const struct vcpu *v);
bool sched_on_cpu(const struct vcpu *v);

/* Each has effect at once, also on those that run. d->sched has the current values. */
void sched_set_weight(struct domain *d, u32 weight); /* 1..65535 */
void sched_set_cap(struct domain *d, u32 cap);       /* per cent of one CPU, 0: none */
/* v runs on these CPUs alone; those that are not there are left out. -XEN_EINVAL: none is left. */
must_use int sched_set_affinity(struct vcpu *v, const struct cpuset *wanted);
void sched_get_affinity(const struct vcpu *v, struct cpuset *allowed);

#endif
