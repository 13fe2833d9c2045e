/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of CPUs. Changing and reading one needs no lock: each bit is atomic. */
#ifndef SCHED_CPUSET_H
#define SCHED_CPUSET_H

#include <core/types.h>

#define CPUSET_CPUS 256u
#define CPUSET_NONE (~0u)

struct cpuset {
	u64 bits[CPUSET_CPUS / 64];
};

static inline bool cpuset_has(const struct cpuset *s, u32 cpu)
{
	return READ_ONCE(s->bits[cpu / 64]) & bit64(cpu);
}
/* Puts cpu in or takes it out. Was that a change? Ordered against all memory accesses if so. */
static inline bool cpuset_put(struct cpuset *s, u32 cpu, bool in)
{
	u64 bit = bit64(cpu), *word = &s->bits[cpu / 64];

	if (cpuset_has(s, cpu) == in)
		return false;
	return in ? !(__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST) & bit)
		  : (__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}
/* The first CPU of both sets at or behind `from`, the lowest ones after the highest; CPUSET_NONE if
 * there is none. */
static inline u32 cpuset_next(const struct cpuset *a, const struct cpuset *b, u32 from)
{
	u32 word = from / 64 % ARRAY_SIZE(a->bits);
	u64 mask = ~low_mask(from % 64);

	for (u32 i = 0; i <= ARRAY_SIZE(a->bits); i++) {
		u64 both = READ_ONCE(a->bits[word]) & READ_ONCE(b->bits[word]) & mask;

		if (both)
			return word * 64 + (u32)__builtin_ctzll(both);
		word = (word + 1) % ARRAY_SIZE(a->bits);
		mask = ~0ull;
	}
	return CPUSET_NONE;
}

#endif
