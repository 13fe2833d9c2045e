/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine simulated around the scheduling policy: CPUs, domains, and vCPUs that run and sleep. */
#ifndef TESTS_HOST_SCHED_SIM_H
#define TESTS_HOST_SCHED_SIM_H

#include <sched/policy.h>

#define SIM_TASKS  2304u
#define SIM_GROUPS 2304u
#define POKE       5000ull /* ns until another CPU looks */
#define US         1000ull
#define MS         1000000ull
#define SEC        NS_PER_SEC

/* A vCPU that runs for `burst` and sleeps for `sleep`, in turn; sleep 0: never sleeps. */
struct task {
	struct policy_entity e;
	u64 burst, sleep, yield_every;
	u64 left, yield_left, wake_at;
	bool jitter;    /* bursts and sleeps vary at random between none and double */
	u64 ran, since; /* since: runs or waits */
	u64 longest_wait, longest_gap, waits, late, stopped_at;
	u32 longest_queue; /* while it waited last */
	u64 over;          /* waits longer than the queue times a slice */
};

extern struct policy p;
extern struct task task[SIM_TASKS];
extern struct policy_group group[SIM_GROUPS];
extern unsigned int tasks, groups, cpus;
extern u64 now, seed, skew; /* skew: clocks of CPUs differ by less than this */
/* Of all decisions and wake-ups since the machine began: basic blocks run. */
extern u64 decisions, blocks, most_blocks;
/* The longest time that a CPU idled while another queued two that it may run. */
extern u64 longest_idle;
extern u64 yields_heeded; /* someone was there to profit from them */

u64 rnd(u64 n); /* 0..n-1 */
void machine(unsigned int n, u64 with_seed);
struct policy_group *domain(u32 weight, u32 cap);
struct task *add(struct policy_group *g, u64 burst, u64 sleep);
/* A domain of its own, of this weight. */
struct task *add_alone(u32 weight, u64 burst, u64 sleep);
void pin(struct task *t, const struct cpuset *allowed);
void halt(struct task *t); /* paused, if it is queued or parked; wake_up() ends that */
void wake_up(struct task *t);
void run(u64 ns);
void sim_look(unsigned int cpu); /* a decision now, between two run()s or in place of them */
void forget(void);               /* what was measured */
u64 ran_by(const struct policy_group *g);
void check(void); /* nothing is lost, nothing is there twice */

#endif
