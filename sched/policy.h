/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling policy: time and events in, decisions out. No clock, lock or hardware is touched, so
 * that hours of it can be simulated on the host. The caller (sched/sched.c) serialises all calls.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include <core/lib/list.h>
#include <core/types.h>

#define POLICY_MAX_CPUS       256u
#define POLICY_NO_CPU         (~0u)
#define POLICY_DEFAULT_WEIGHT 256u
#define POLICY_NEVER          (~0ull)

enum policy_state { POLICY_ASLEEP, POLICY_QUEUED, POLICY_RUNNING };

/* The policy's view of one vCPU; lives inside the mechanism's. */
struct policy_entity {
	struct list link; /* in the run queue while QUEUED */
	enum policy_state state;
	u32 weight;     /* 1..65535 */
	u32 cpu;        /* where it runs or ran last */
	u64 virtual_ns; /* run time, scaled by the weight */
	u64 charged_at; /* RUNNING: accounted up to this time */
	bool yielded;   /* RUNNING: the next decision favours the queue */
};

/* promised: a decision was asked for and did not come yet. */
struct policy_cpu {
	struct policy_entity *running; /* NULL: idle */
	u64 until;                     /* of the last decision */
	bool promised;
};

struct policy {
	struct list queue; /* QUEUED entities, least virtual_ns first */
	u64 floor_ns;      /* virtual time of whoever is served next; never goes back */
	u32 cpus;
	u32 endless; /* CPUs that run something until POLICY_NEVER */
	struct policy_cpu cpu[POLICY_MAX_CPUS];
};

struct policy_decision {
	struct policy_entity *run; /* NULL: idle */
	u64 until;                 /* look again at this time at the latest */
	u32 poke; /* a CPU that should look at the queue now too, or POLICY_NO_CPU */
};

void policy_init(struct policy *p, u32 cpus); /* cpus in 1..POLICY_MAX_CPUS */
void policy_add(struct policy *p, struct policy_entity *e, u32 weight); /* asleep */
void policy_remove(struct policy *p, struct policy_entity *e);          /* must be asleep */
/* e has something to do. Returns the CPU that should call policy_pick() now, or POLICY_NO_CPU. */
must_use u32 policy_wake(struct policy *p, struct policy_entity *e, u64 now);
/* The running or queued e has nothing to do. */
void policy_sleep(struct policy *p, struct policy_entity *e, u64 now);
/* The running e lets the others go first. */
void policy_yield(struct policy *p, struct policy_entity *e, u64 now);
/* What cpu runs from now on. The entity that ran there, unless put to sleep, is queued or chosen
 * again. As long as anything is queued, each idle CPU has been asked to look, and each other one
 * looks again within a slice. */
must_use struct policy_decision policy_pick(struct policy *p, u32 cpu, u64 now);

#endif
