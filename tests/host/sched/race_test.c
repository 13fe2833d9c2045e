/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy's locks: a thread for each CPU, with the mechanism's order of steps. Nobody runs twice
 * at a time, and nobody who was woken is forgotten. */
// links: sched/credit.c sched/heap.c
// libs: -lpthread
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <sched/policy.h>

#define CPUS  6u
#define TASKS 24u

struct task {
	struct policy_entity e;
	bool wants; /* atomic: what v->wait == 0 is */
	int on;     /* atomic: the CPU that has it, or -1 */
	u64 ran;
};

static struct policy p;
static struct policy_group group[TASKS / 3];
static struct task task[TASKS];
static bool poked[CPUS], calm, over;

static u64 clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NS_PER_SEC + (u64)t.tv_nsec;
}

static void poke(u32 cpu)
{
	if (cpu != POLICY_NO_CPU)
		__atomic_store_n(&poked[cpu], true, __ATOMIC_SEQ_CST);
}

static void wake(struct task *t)
{
	spinlock_t *lock = policy_lock(&p, &t->e);
	u32 cpu = POLICY_NO_CPU;

	if (__atomic_load_n(&t->wants, __ATOMIC_SEQ_CST) && t->e.state == POLICY_ASLEEP)
		cpu = policy_wake(&p, &t->e, clock_now());
	spin_unlock(lock);
	poke(cpu);
}

static void pin(struct task *t, u64 bits)
{
	struct cpuset allowed = {{bits}};
	spinlock_t *lock = policy_lock(&p, &t->e);
	bool waits = t->e.state == POLICY_QUEUED || t->e.state == POLICY_PARKED;
	bool runs = t->e.state == POLICY_RUNNING;
	u32 cpu = t->e.cpu;

	if (waits)
		policy_sleep(&p, &t->e, clock_now());
	policy_allow(&p, &t->e, &allowed);
	spin_unlock(lock);
	if (waits)
		wake(t);
	if (runs)
		poke(cpu);
}

static struct task *look(u32 cpu, struct task *old, u64 *until)
{
	struct policy_decision d;
	struct task *next;
	int none = -1;

	__atomic_store_n(&poked[cpu], false, __ATOMIC_SEQ_CST);
	spin_lock(&p.cpu[cpu].lock);
	if (old && !__atomic_load_n(&old->wants, __ATOMIC_SEQ_CST))
		policy_sleep(&p, &old->e, clock_now());
	d = policy_pick(&p, cpu, clock_now());
	spin_unlock(&p.cpu[cpu].lock);
	poke(d.poke[0]);
	poke(d.poke[1]);
	if (d.moved)
		wake(container_of(d.moved, struct task, e));
	*until = d.until;
	next = d.run ? container_of(d.run, struct task, e) : NULL;
	if (next == old)
		return next;
	if (old)
		__atomic_store_n(&old->on, -1, __ATOMIC_RELEASE);
	while (next && !__atomic_compare_exchange_n(&next->on, &none, (int)cpu, false,
						    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		none = -1;
		sched_yield();
	}
	return next;
}

/* What a guest or the control domain may do at any time. */
static void disturb(struct task *current, u64 r)
{
	struct task *t = &task[(r >> 8) % TASKS];

	if (r % 4 == 0 && current)
		__atomic_store_n(&current->wants, false, __ATOMIC_SEQ_CST);
	if (r % 4 == 1) {
		__atomic_store_n(&t->wants, true, __ATOMIC_SEQ_CST);
		wake(t);
	}
	if (r % 16 == 2)
		pin(t, 1 + (r >> 20) % 63);
	if (r % 64 == 3)
		__atomic_store_n(&t->e.group->cap, r & 1024 ? 0 : 1 + (u32)(r >> 20) % 300,
				 __ATOMIC_RELAXED);
}

static void *run_cpu(void *arg)
{
	u32 cpu = (u32)(uintptr_t)arg;
	u64 seed = 88172645463325252ull + cpu, until = 0;
	struct task *t = NULL;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		if (!__atomic_load_n(&calm, __ATOMIC_ACQUIRE)) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			disturb(t, seed >> 11);
		}
		if (__atomic_load_n(&poked[cpu], __ATOMIC_SEQ_CST) || clock_now() >= until ||
		    (t && !__atomic_load_n(&t->wants, __ATOMIC_SEQ_CST)))
			t = look(cpu, t, &until);
		if (t)
			__atomic_fetch_add(&t->ran, 1, __ATOMIC_RELAXED);
		if (seed % 64 == 0 || !t)
			sched_yield();
	}
	return NULL;
}

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void assert_not_forgotten(struct task *t)
{
	spinlock_t *lock = policy_lock(&p, &t->e);

	assert_true((t->e.state != POLICY_ASLEEP) == __atomic_load_n(&t->wants, __ATOMIC_SEQ_CST));
	spin_unlock(lock);
}

static void races(void **state)
{
	pthread_t thread[CPUS];
	u64 ran[TASKS];

	(void)state;
	policy_init(&p, CPUS);
	for (u32 i = 0; i < TASKS; i++) {
		group[i / 3].weight = POLICY_DEFAULT_WEIGHT;
		policy_add(&p, &task[i].e, &group[i / 3]);
		task[i].on = -1;
	}
	for (uintptr_t i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_cpu, (void *)i), 0);
	for (unsigned int round = 0; round < 6; round++) {
		__atomic_store_n(&calm, false, __ATOMIC_RELEASE);
		wait_ms(250);
		__atomic_store_n(&calm, true, __ATOMIC_RELEASE);
		wait_ms(20);
		for (u32 i = 0; i < TASKS; i++) {
			assert_not_forgotten(&task[i]);
			__atomic_store_n(&task[i].e.group->cap, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&task[i].wants, true, __ATOMIC_SEQ_CST);
			pin(&task[i], low_mask(CPUS));
			wake(&task[i]);
			ran[i] = __atomic_load_n(&task[i].ran, __ATOMIC_RELAXED);
		}
		for (u32 i = 0, ms = 0; i < TASKS; ms++) {
			assert_true(ms < 5000); /* each is due a slice in a twentieth of that */
			wait_ms(1);
			while (i < TASKS &&
			       __atomic_load_n(&task[i].ran, __ATOMIC_RELAXED) > ran[i])
				i++;
		}
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (u32 i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
