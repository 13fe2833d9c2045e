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

/* Words that can have a bit set: the CPUs that are there. */
extern u32 cpuset_words;

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
	u64 only = READ_ONCE(a->bits[0]) & READ_ONCE(b->bits[0]);
	u32 word = from / 64 < cpuset_words ? from / 64 : 0;
	u64 mask = ~low_mask(from % 64);

	if (likely(cpuset_words == 1)) {
		if (!only)
			return CPUSET_NONE;
		return (u32)__builtin_ctzll(word == from / 64 && (only & mask) ? only & mask
									       : only);
	}
	for (u32 i = 0; i <= cpuset_words; i++) {
		u64 both = READ_ONCE(a->bits[word]) & READ_ONCE(b->bits[word]) & mask;

		if (both)
			return word * 64 + (u32)__builtin_ctzll(both);
		word = word + 1 < cpuset_words ? word + 1 : 0;
		mask = ~0ull;
	}
	return CPUSET_NONE;
}

#endif
