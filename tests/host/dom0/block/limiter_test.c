/* SPDX-License-Identifier: BSD-2-Clause */
/* Token buckets over simulated hours. */
// links: dom0/block/limiter.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <dom0/block/limiter.h>

#define MS   1000000ull
#define HOUR (3600ull * NS_PER_SEC)

static u64 seed = 88172645463325252ull;

static u64 rnd(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* A user that always has more: bytes done from `from` to `to`. */
static u64 greedy(struct limiter *l, u64 bytes, u64 from, u64 to, u64 *requests)
{
	u64 done = 0, now = from, next;

	*requests = 0;
	while (now <= to) {
		next = limiter_take(l, bytes, now);
		if (!next) {
			done += bytes;
			(*requests)++;
			continue;
		}
		assert_true(next > now);
		/* One ns before it is still refused: the time is exact. */
		if (next - now > 1)
			assert_true(limiter_take(l, bytes, next - 1) == next);
		now = next;
	}
	return done;
}

static void no_limit(void **state)
{
	struct limiter l = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(limiter_take(&l, ~0ull >> 1, 5), 0);
}

static void no_drift(void **state)
{
	/* Rates that no period divides. */
	static const struct rate_limit limits[] = {
		{.bandwidth = {.size = 1000003, .refill_time = 97}},
		{.bandwidth = {.size = 4096 * 7, .refill_time = 3}},
		{.ops = {.size = 1013, .refill_time = 1009}},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct rate_limit *c = &limits[i];
		bool by_bytes = c->bandwidth.size != 0;
		const struct token_bucket *b = by_bytes ? &c->bandwidth : &c->ops;
		u64 start = 12345, hours = 3 * HOUR, requests, bytes, want;
		struct limiter l = {0};

		assert_true(limiter_set(&l, c, start));
		bytes = greedy(&l, 65536, start, start + hours, &requests);
		want = b->size + (u64)((unsigned __int128)b->size * hours / (b->refill_time * MS));
		if (by_bytes) {
			assert_true(bytes <= want + 65536 && bytes + 65536 >= want);
		} else {
			assert_true(requests == want);
		}
	}
}

/* In no window of time are there more than a bucket and what it earns, whatever the pattern. */
static void never_more(void **state)
{
	struct rate_limit c = {.bandwidth = {.size = 1 << 20, .refill_time = 1000},
			       .ops = {.size = 100, .refill_time = 500}};
	struct limiter l = {0};
	u64 now = 1, requests = 0, bytes = 0;

	(void)state;
	assert_true(limiter_set(&l, &c, now));
	while (now < 2 * HOUR) {
		u64 n = 512 * (1 + rnd(64));

		if (limiter_take(&l, n, now) == 0) {
			requests++;
			bytes += n;
		} else {
			now += rnd(8) ? rnd(3 * MS) : rnd(5000 * MS);
		}
		assert_true(bytes <= (1 << 20) + (now / 1000) * (1 << 20) / MS + 1);
		assert_true(requests <= 100 + (now / 500) * 100 / MS + 1);
	}
	assert_true(requests > 100000);
}

static void burst(void **state)
{
	struct rate_limit c = {
		.bandwidth = {.size = 1000, .one_time_burst = 5000, .refill_time = 1000}};
	struct limiter l = {0};

	(void)state;
	assert_true(limiter_set(&l, &c, 0));
	assert_int_equal(limiter_take(&l, 4500, 0), 0);
	assert_int_equal(limiter_take(&l, 1500, 0), 0); /* 500 of the burst, all of the bucket */
	assert_int_equal(limiter_take(&l, 1, 0), MS);
	assert_int_equal(limiter_take(&l, 1000, 0), 1000 * MS);
	/* The burst does not come back. */
	assert_int_equal(limiter_take(&l, 1000, HOUR), 0);
	assert_int_equal(limiter_take(&l, 1, HOUR), HOUR + MS);
}

static void larger_than_the_bucket(void **state)
{
	struct rate_limit c = {.bandwidth = {.size = 1000, .refill_time = 1000}};
	struct limiter l = {0};

	(void)state;
	assert_true(limiter_set(&l, &c, 0));
	assert_int_equal(limiter_take(&l, 3500, 0), 0); /* it is full */
	assert_int_equal(limiter_take(&l, 500, 0), 3000 * MS);
	assert_int_equal(limiter_take(&l, 500, 3000 * MS), 0);
	/* Not before the bucket is full. */
	assert_int_equal(limiter_take(&l, 3500, 3000 * MS), 4000 * MS);
	assert_int_equal(limiter_take(&l, 3500, 4000 * MS), 0);
}

static void both_or_none(void **state)
{
	struct rate_limit c = {.bandwidth = {.size = 1000, .refill_time = 1000},
			       .ops = {.size = 2, .refill_time = 10000}};
	struct limiter l = {0};

	(void)state;
	assert_true(limiter_set(&l, &c, 0));
	assert_int_equal(limiter_take(&l, 1000, 0), 0);
	assert_int_equal(limiter_take(&l, 1000, 0), 1000 * MS); /* costs no op */
	assert_int_equal(limiter_take(&l, 0, 0), 0);            /* a flush: an op, no bytes */
	assert_int_equal(limiter_take(&l, 0, 0), 5000 * MS);
	assert_int_equal(limiter_take(&l, 1000, 1000 * MS), 5000 * MS); /* costs no bytes */
	assert_int_equal(limiter_take(&l, 1000, 5000 * MS), 0);
}

static void live_changes(void **state)
{
	struct rate_limit c = {.bandwidth = {.size = 1000, .refill_time = 1000}};
	struct limiter l = {0};

	(void)state;
	assert_true(limiter_set(&l, &c, 0));
	assert_int_equal(limiter_take(&l, 1000, 0), 0);
	assert_true(limiter_set(&l, &c, 0)); /* the same again is no present */
	assert_int_equal(limiter_take(&l, 1000, 0), 1000 * MS);
	c.bandwidth.size = 4000;
	assert_true(limiter_set(&l, &c, 500 * MS)); /* 500 are there */
	assert_int_equal(limiter_take(&l, 500, 500 * MS), 0);
	assert_int_equal(limiter_take(&l, 4000, 500 * MS), 1500 * MS);
	c.bandwidth.size = 0;
	assert_true(limiter_set(&l, &c, 500 * MS));
	assert_int_equal(limiter_take(&l, 1ull << 40, 500 * MS), 0);
	c.bandwidth.size = 100; /* a new bucket is full */
	assert_true(limiter_set(&l, &c, 500 * MS));
	assert_int_equal(limiter_take(&l, 100, 500 * MS), 0);
	/* A smaller one loses what does not fit. */
	c.bandwidth.size = 10;
	assert_true(limiter_set(&l, &c, HOUR));
	assert_int_equal(limiter_take(&l, 10, HOUR), 0);
	assert_true(limiter_take(&l, 1, HOUR) > HOUR);
}

static void extremes(void **state)
{
	struct rate_limit c = {
		.bandwidth = {.size = LIMITER_SIZE_MAX, .refill_time = LIMITER_REFILL_MAX},
		.ops = {.size = 1, .refill_time = LIMITER_REFILL_MAX}};
	struct limiter l = {0};

	(void)state;
	assert_true(limiter_set(&l, &c, 7));
	assert_int_equal(limiter_take(&l, ~0ull >> 1, 7), 0);
	assert_true(limiter_take(&l, ~0ull >> 1, 8) > 8);
	assert_true(limiter_take(&l, 1, 3) > 3); /* a clock that went back */
	assert_int_equal(limiter_take(&l, 1, ~0ull >> 1), 0);
	c.ops.size = LIMITER_SIZE_MAX + 1;
	assert_false(limiter_set(&l, &c, 9));
	c.ops = (struct token_bucket){.size = 1, .refill_time = LIMITER_REFILL_MAX + 1};
	assert_false(limiter_set(&l, &c, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limit),
		cmocka_unit_test(no_drift),
		cmocka_unit_test(never_more),
		cmocka_unit_test(burst),
		cmocka_unit_test(larger_than_the_bucket),
		cmocka_unit_test(both_or_none),
		cmocka_unit_test(live_changes),
		cmocka_unit_test(extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
