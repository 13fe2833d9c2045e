/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of a disk's rate: token buckets with the names and the meaning of Firecracker's
 * rate_limiter. Pure: time comes in, a decision goes out. */
#ifndef DOM0_BLOCK_LIMITER_H
#define DOM0_BLOCK_LIMITER_H

#include <core/types.h>

/* size tokens are earned every refill_time ms, evenly, and at most as many are saved up; a new
 * bucket is full. one_time_burst more may be spent once, before all others. size or refill_time 0:
 * no limit. */
struct token_bucket {
	u64 size, one_time_burst, refill_time;
};

/* What is set: bytes, and requests. */
struct rate_limit {
	struct token_bucket bandwidth, ops;
};

/* One bucket at work. Tokens are counted in units of 1 / ns of the refill time, so that nothing is
 * ever rounded. Negative: a request larger than the bucket is being earned afterwards. */
struct bucket_state {
	struct token_bucket set;
	__int128 level;
	u64 burst_left;
	u64 at; /* when level was right */
};

/* All zero: no limits. */
struct limiter {
	struct bucket_state bandwidth, ops;
};

#define LIMITER_SIZE_MAX   (1ull << 62)
#define LIMITER_REFILL_MAX (1ull << 32) /* ms */

/* From now on these limits hold. What is saved up, or owed, stays as far as a new size lets it; a
 * bucket whose settings stay is not touched. now: ns. false, and nothing changed: a number is out
 * of range. */
bool limiter_set(struct limiter *l, const struct rate_limit *limit, u64 now) must_use;
/* Asks for one request of so many bytes (0: as a flush). 0: it may go and is counted; else the
 * time, later than now, before which it is of no use to ask again. A request that is larger than a
 * bucket goes when that is full. */
u64 limiter_take(struct limiter *l, u64 bytes, u64 now) must_use;

#endif
