/* SPDX-License-Identifier: BSD-2-Clause */
/* Fibers: work that has to wait (a reset, a file system's operation) on a stack of its own, while
 * the event loop goes on. Only one runs at a time, and it runs until it waits or ends: no locks are
 * needed for what does not span a wait. */
#ifndef DOM0_LOOP_FIBER_H
#define DOM0_LOOP_FIBER_H

#include <core/types.h>

#define FIBER_STACK 32768u /* bytes */

struct fiber;

/* Starts fn(ctx) from the event loop, soon. The fiber is gone when fn returns. false: out of
 * memory. */
must_use bool fiber_start(void (*fn)(void *ctx), void *ctx);
/* The one that runs; NULL in the event loop itself. */
struct fiber *fiber_self(void);
/* Leaves to the event loop until somebody calls fiber_wake(). A wake that came first is not lost.
 */
void fiber_wait(void);
/* From the loop or another fiber; f goes on soon, from the loop. */
void fiber_wake(struct fiber *f);
/* Lets others run for so long. */
void fiber_sleep(u64 ns);
/* Lets everything else that is due run once. */
void fiber_yield(void);

/* Held by one fiber at a time; others wait in the order in which they came. All zero: free. */
struct fiber_mutex {
	struct fiber *holder;
	struct fiber *first; /* of those that wait */
};
void fiber_lock(struct fiber_mutex *m);
void fiber_unlock(struct fiber_mutex *m);

#endif
