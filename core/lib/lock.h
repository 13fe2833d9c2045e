/* SPDX-License-Identifier: BSD-2-Clause */
/* Spin locks and reader-writer locks. The hypervisor runs with interrupts off, so they never need
 * to be saved; no lock is held while a guest runs. */
#ifndef CORE_LIB_LOCK_H
#define CORE_LIB_LOCK_H

#include <core/types.h>

/* A ticket lock: CPUs get it in the order in which they asked. */
typedef struct {
	u16 next, owner;
} spinlock_t;

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}
static inline void spin_lock(spinlock_t *l)
{
	u16 ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
}
static inline bool spin_trylock(spinlock_t *l)
{
	u16 owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE); /* what the last one wrote */
	u16 expected = owner;

	return __atomic_compare_exchange_n(&l->next, &expected, (u16)(owner + 1), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
static inline void spin_unlock(spinlock_t *l)
{
	/* Only the holder writes owner: no locked instruction is needed. */
	__atomic_store_n(&l->owner, (u16)(l->owner + 1), __ATOMIC_RELEASE);
}

/* Many readers or one writer; a waiting writer holds new readers off. */
typedef struct {
	s32 state; /* readers, or -1 with a writer inside */
	u32 writers_waiting;
} rwlock_t;

static inline void read_lock(rwlock_t *l)
{
	for (;;) {
		s32 s = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

		if (s >= 0 && __atomic_load_n(&l->writers_waiting, __ATOMIC_RELAXED) == 0 &&
		    __atomic_compare_exchange_n(&l->state, &s, s + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		cpu_relax();
	}
}
static inline void read_unlock(rwlock_t *l)
{
	__atomic_fetch_sub(&l->state, 1, __ATOMIC_RELEASE);
}
static inline void write_lock(rwlock_t *l)
{
	s32 expected;

	__atomic_fetch_add(&l->writers_waiting, 1, __ATOMIC_RELAXED);
	do {
		expected = 0;
		cpu_relax();
	} while (!__atomic_compare_exchange_n(&l->state, &expected, -1, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	__atomic_fetch_sub(&l->writers_waiting, 1, __ATOMIC_RELAXED);
}
static inline void write_unlock(rwlock_t *l)
{
	__atomic_store_n(&l->state, 0, __ATOMIC_RELEASE);
}

#endif
