/* SPDX-License-Identifier: BSD-2-Clause */
/* What a disk may do in a time. All its rings share the buckets. */
#include <dom0/vbd/vbd_internal.h>

static bool any(const struct token_bucket *b)
{
	return b->size && b->refill_time;
}

bool vbd_limits_set(struct vbd *v, const struct rate_limit *limits)
{
	if (!limiter_set(&v->limiter, limits, loop_now()))
		return false;
	v->limited = any(&limits->bandwidth) || any(&limits->ops);
	return true;
}

bool vbd_limits_pass(struct vbd *v, u64 bytes)
{
	u64 at;

	if (!v->limited)
		return true;
	at = limiter_take(&v->limiter, bytes, loop_now());
	if (!at)
		return true;
	v->stats.throttled++;
	if (!v->limit_timer.at || at < v->limit_timer.at)
		loop_set_timer(&v->limit_timer, at);
	return false;
}
