/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC's timer: one-shot and periodic, on a bus clock of 1 GHz. */
#include <core/vapic_private.h>

#include <arch/x86_64/platform/clock.h>

/* A guest may ask for a period of 1 ns: it gets its interrupts no closer together than this. */
#define PERIOD_MIN_NS 100000u

/* Divide configuration: bits 3, 1 and 0 are the binary logarithm of the divisor, less one; 7 = 0.
 */
static unsigned int divide_shift(u32 divide)
{
	return (((divide & 3) | (divide >> 1 & 4)) + 1) & 7;
}

static u64 period_ns(const struct vapic *a)
{
	return (u64)REG(a, REG_INITIAL) << divide_shift(a->divide);
}

static bool is_periodic(const struct vapic *a)
{
	return REG(a, REG_LVT + LVT_TIMER) & LVT_PERIODIC;
}

/* Moves the start of a periodic timer to that of the period now is in: one step without a division
 * in the common case, whatever number of periods was missed otherwise. */
static void catch_up(struct vapic *a, u64 now)
{
	u64 period = period_ns(a), elapsed = now - a->timer_start_ns;

	if (elapsed < period || !period)
		return;
	elapsed -= period;
	a->timer_start_ns += period;
	if (elapsed >= period)
		a->timer_start_ns += elapsed - elapsed % period;
}

static void expired(struct timer *t)
{
	struct vapic *a = container_of(t, struct vapic, timer);
	struct vcpu *v = container_of(a, struct vcpu, vapic);
	u64 now = clock_ns();

	if (is_periodic(a)) {
		catch_up(a, now);
		timer_set(t, max_u64(a->timer_start_ns + period_ns(a), now + PERIOD_MIN_NS));
	} else {
		a->timer_running = false;
	}
	vapic_lvt_raise(v, LVT_TIMER);
}

/* Arms the real timer for what the registers say. A masked timer counts, but costs nothing. */
static void arm(struct vapic *a, u64 now)
{
	if (!a->timer_running)
		return;
	if (is_periodic(a))
		catch_up(a, now);
	else if (now - a->timer_start_ns >= period_ns(a))
		a->timer_running = false;
	if (a->timer_running && !(REG(a, REG_LVT + LVT_TIMER) & LVT_MASKED))
		timer_set(&a->timer, a->timer_start_ns + period_ns(a));
}

void vapic_timer_init(struct vcpu *v)
{
	timer_init(&v->vapic.timer, expired);
}

/* expired() may be running on another CPU now, and arm the next period. */
void vapic_timer_stop(struct vcpu *v)
{
	struct timer *t = &v->vapic.timer;

	do
		timer_stop(t);
	while (READ_ONCE(t->armed));
}

u32 vapic_timer_current(const struct vcpu *v)
{
	const struct vapic *a = &v->vapic;
	u64 elapsed = clock_ns() - a->timer_start_ns, period = period_ns(a);

	if (!a->timer_running)
		return 0;
	if (elapsed >= period) {
		if (!is_periodic(a))
			return 0;
		elapsed %= period;
	}
	return (u32)((period - elapsed) >> divide_shift(a->divide));
}

void vapic_timer_lvt_changed(struct vcpu *v)
{
	vapic_timer_stop(v);
	arm(&v->vapic, clock_ns());
}

void vapic_timer_set_initial(struct vcpu *v, u32 count)
{
	struct vapic *a = &v->vapic;

	vapic_timer_stop(v);
	REG(a, REG_INITIAL) = count;
	a->timer_running = count != 0;
	a->timer_start_ns = clock_ns();
	arm(a, a->timer_start_ns);
}

void vapic_timer_set_divide(struct vcpu *v, u32 value)
{
	struct vapic *a = &v->vapic;
	u32 left = vapic_timer_current(v);
	u64 now = clock_ns();

	vapic_timer_stop(v);
	REG(a, REG_DIVIDE) = a->divide = value;
	/* It goes on from the present count at the new speed. */
	a->timer_start_ns = now - ((u64)(REG(a, REG_INITIAL) - left) << divide_shift(value));
	arm(a, now);
}
