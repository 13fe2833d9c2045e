/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling policy: time and events in, decisions out. No clock or hardware is touched, so that
 * hours of it can be simulated on the host. Each CPU has a queue with a lock; an entity belongs to
 * the queue of entity.cpu. Functions that say "locked" want that queue's lock held; no caller holds
 * two. */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include <core/lib/list.h>
#include <core/lib/lock.h>
#include <core/types.h>
#include <sched/cpuset.h>
#include <sched/heap.h>

#define POLICY_MAX_CPUS       CPUSET_CPUS
#define POLICY_NO_CPU         CPUSET_NONE
#define POLICY_DEFAULT_WEIGHT 256u
#define POLICY_NEVER          (~0ull)
#define POLICY_SLICE_NS       10000000ull /* a CPU looks this often while anyone waits there */

/* PARKED: has something to do, but its group used up its cap for now. */
enum policy_state { POLICY_ASLEEP, POLICY_QUEUED, POLICY_RUNNING, POLICY_PARKED };

/* What the vCPUs of a domain share. weight and cap may be written at any time. */
struct policy_group {
	u32 weight; /* 1..65535 */
	u32 cap;    /* per cent of one CPU, 0: none */
	u64 clock;  /* atomic; see credit.c */
	u64 paid;   /* atomic: the cap is used up to this time */
};

/* The policy's view of one vCPU; lives inside the mechanism's. */
struct policy_entity {
	struct heap_node node; /* in its CPU's queued or parked */
	struct list arrival;   /* in its CPU's arrivals while QUEUED */
	struct policy_group *group;
	enum policy_state state;
	u32 cpu;               /* whose queue it belongs to: where it runs or ran last */
	u32 share;             /* its part of its CPU's load */
	bool movable;          /* may run on more than one CPU */
	bool yielded;          /* RUNNING: the next decision favours the queue */
	u64 virtual_ns;        /* run time, scaled by weight */
	u64 charged_at;        /* RUNNING: accounted up to this time ... */
	u64 clock;             /* ... and this one of its group's clock */
	u64 left;              /* run time that is paid for already, of a capped group */
	u64 owed;              /* ASLEEP: run time by which it was behind the next one */
	u64 since;             /* QUEUED: waits since */
	struct cpuset allowed; /* where it may run */
};

struct policy_cpu {
	spinlock_t lock;
	bool promised; /* asked to look, and did not yet */
	u32 queued;
	u32 movable;                   /* queued ones that may run elsewhere too */
	u64 load;                      /* shares of who runs and who is queued */
	struct policy_entity *running; /* NULL: idle */
	u64 until;                     /* of the last decision */
	struct heap queue, parked;     /* by virtual time; by the time when they may go on */
	struct list arrivals;          /* queued ones, who waits longest first */
	u64 floor_ns;                  /* virtual time of whoever is served next; never goes back */
	u32 rotor;                     /* which other CPU to look at next */
	u32 look;                      /* the hint that the decision under way was given */
	/* For other CPUs to read without the lock. */
	u64 least_ns; /* virtual time of the first in the queue */
	u32 hint;     /* a CPU whose queue is worth a look */
} __attribute__((aligned(64)));

struct policy {
	u32 cpus;
	u32 next;              /* where the next entity is born: atomic */
	struct cpuset all;     /* those that are there */
	struct cpuset idle;    /* run nothing, and nobody asked them to look */
	struct cpuset alone;   /* run one until POLICY_NEVER, and nobody asked them to look */
	struct cpuset crowded; /* have somebody queued who may run elsewhere */
	struct policy_cpu cpu[POLICY_MAX_CPUS];
};

struct policy_decision {
	struct policy_entity *run; /* NULL: idle */
	u64 until;                 /* look again at this time at the latest */
	u32 poke[2]; /* CPUs that should call policy_pick() now too, or POLICY_NO_CPU */
	/* Ran here and may not any more: asleep now, in another CPU's queue's care, to be woken
	 * again. NULL: nobody. */
	struct policy_entity *moved;
};

void policy_init(struct policy *p, u32 cpus); /* cpus in 1..POLICY_MAX_CPUS */
/* Asleep, may run anywhere; g outlives it. */
void policy_add(struct policy *p, struct policy_entity *e, struct policy_group *g);

/* Locks the queue that e belongs to; unlocked by spin_unlock(). */
must_use spinlock_t *policy_lock(struct policy *p, const struct policy_entity *e);

/* Locked, asleep: it has something to do. Returns the CPU that should call policy_pick() now, or
 * POLICY_NO_CPU. */
must_use u32 policy_wake(struct policy *p, struct policy_entity *e, u64 now);
/* Locked: it has nothing to do. */
void policy_sleep(struct policy *p, struct policy_entity *e, u64 now);
/* On the CPU that runs e: it lets the others go first. Is anyone there to profit from a decision?
 */
must_use bool policy_yield(struct policy *p, struct policy_entity *e);
/* Locked: where e may run; at least one CPU is there. If it is asleep, it is in another queue's
 * care on return; if it runs where it may not, its CPU has to look. Not for QUEUED and PARKED
 * ones: put them to sleep, and wake them afterwards. */
void policy_allow(struct policy *p, struct policy_entity *e, const struct cpuset *allowed);
/* With the lock of cpu's queue: what cpu runs from now on. The entity that ran there, unless put to
 * sleep, is queued or chosen again. As long as anyone is queued, each idle CPU that may run it has
 * been asked to look, and the CPU of the queue looks again within a slice. */
must_use struct policy_decision policy_pick(struct policy *p, u32 cpu, u64 now);

#endif
