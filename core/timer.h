/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: each CPU keeps those armed on it in order and programs its local APIC for the first. */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <core/lib/list.h>
#include <core/types.h>

#define TIMER_NEVER (~0ull)

struct timer {
	u64 expires; /* ns since boot, clock_ns() */
	void (*fn)(
		struct timer *t); /* on the CPU where it was armed, interrupts off, no lock held */
	struct list link;
	u32 cpu;
	bool armed;
};

void timer_init_cpu(void); /* on each CPU, once */
void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Arms (or re-arms) on the calling CPU; a time in the past fires at once, from timer_run(). */
void timer_set(struct timer *t, u64 expires);
/* Disarms. On return fn does not run on the CPU where it was armed last, unless that is this one.
 * Not from within fn. */
void timer_stop(struct timer *t);
/* The same on any CPU, for a timer that goes away: it may have been armed here while fn still ran
 * there. Nobody arms it any more. */
void timer_end(struct timer *t);
/* Runs what is due on this CPU and programs the hardware for the rest. From the CPU's loop. */
void timer_run(void);

#endif
