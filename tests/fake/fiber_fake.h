/* SPDX-License-Identifier: BSD-2-Clause */
/* Fibers for host tests without stacks of their own: one that waits runs the others, and what the
 * test does meanwhile, from inside its wait. */
#ifndef FAKE_FIBER_FAKE_H
#define FAKE_FIBER_FAKE_H

#include <dom0/loop/fiber.h>

/* What happens while all fibers wait, as a device that completes something. false: nothing more
 * can happen, then a fiber that still waits fails the test. */
extern bool (*fiber_fake_idle)(void);
/* fiber_start() fails. */
extern bool fiber_fake_no_memory;
/* Time, for fiber_sleep(). */
extern u64 fiber_fake_now;

/* fn runs as a fiber, to its end; others may begin before and after. */
void fiber_fake_call(void (*fn)(void *ctx), void *ctx);
/* Runs those that were started, to their ends. */
void fiber_fake_run(void);

#endif
