/* SPDX-License-Identifier: BSD-2-Clause */
/* Token buckets in exact arithmetic. */
#include <dom0/block/limiter.h>

#define NS_PER_MS 1000000ull

static bool limits(const struct token_bucket *b)
{
	return b->size && b->refill_time;
}

/* What one token counts. */
static __int128 unit(const struct token_bucket *b)
{
	return (__int128)b->refill_time * (__int128)NS_PER_MS;
}

static __int128 full(const struct token_bucket *b)
{
	return (__int128)b->size * unit(b);
}

/* Each ns earns `size` units. */
static void earn(struct bucket_state *s, u64 now)
{
	__int128 missing = full(&s->set) - s->level;
	u64 passed = now - s->at;

	if (now <= s->at)
		return;
	s->at = now;
	if (missing / (__int128)s->set.size < (__int128)passed)
		s->level = full(&s->set);
	else
		s->level += (__int128)passed * (__int128)s->set.size;
}

static bool same(const struct token_bucket *a, const struct token_bucket *b)
{
	return a->size == b->size && a->one_time_burst == b->one_time_burst &&
	       a->refill_time == b->refill_time;
}

static void set_bucket(struct bucket_state *s, const struct token_bucket *b, u64 now)
{
	__int128 tokens = (__int128)b->size;

	if (same(&s->set, b))
		return;
	if (limits(&s->set)) {
		earn(s, now);
		tokens = s->level / unit(&s->set);
	}
	if (tokens > (__int128)b->size)
		tokens = (__int128)b->size;
	*s = (struct bucket_state){
		.set = *b, .level = tokens * unit(b), .burst_left = b->one_time_burst, .at = now};
}

static bool in_range(const struct token_bucket *b)
{
	return b->size <= LIMITER_SIZE_MAX && b->one_time_burst <= LIMITER_SIZE_MAX &&
	       b->refill_time <= LIMITER_REFILL_MAX;
}

bool limiter_set(struct limiter *l, const struct rate_limit *limit, u64 now)
{
	if (!in_range(&limit->bandwidth) || !in_range(&limit->ops))
		return false;
	set_bucket(&l->bandwidth, &limit->bandwidth, now);
	set_bucket(&l->ops, &limit->ops, now);
	return true;
}

/* How long, in ns, until so many tokens may be spent. */
static u64 wait_for(struct bucket_state *s, u64 tokens, u64 now)
{
	__int128 needed, missing;

	if (!limits(&s->set) || tokens <= s->burst_left)
		return 0;
	earn(s, now);
	tokens = min_u64(tokens - s->burst_left, s->set.size);
	needed = (__int128)tokens * unit(&s->set);
	missing = needed - s->level;
	if (missing <= 0)
		return 0;
	missing = (missing + (__int128)s->set.size - 1) / (__int128)s->set.size;
	return missing > (__int128)(~0ull >> 1) ? ~0ull >> 1 : (u64)missing;
}

static void spend(struct bucket_state *s, u64 tokens)
{
	u64 burst = min_u64(tokens, s->burst_left);

	if (!limits(&s->set))
		return;
	s->burst_left -= burst;
	s->level -= (__int128)(tokens - burst) * unit(&s->set);
}

u64 limiter_take(struct limiter *l, u64 bytes, u64 now)
{
	u64 wait = max_u64(wait_for(&l->bandwidth, bytes, now), wait_for(&l->ops, 1, now));

	if (wait)
		return now + wait;
	spend(&l->bandwidth, bytes);
	spend(&l->ops, 1);
	return 0;
}
