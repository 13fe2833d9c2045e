/* SPDX-License-Identifier: BSD-2-Clause */
/* Fibers for host tests, on one stack. */
#include <fiber_fake.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

struct fiber {
	struct fiber *next;
	void (*fn)(void *ctx);
	void *ctx;
	bool woken;
};

bool (*fiber_fake_idle)(void);
bool fiber_fake_no_memory;
u64 fiber_fake_now;

static struct fiber *current, *started;

bool fiber_start(void (*fn)(void *ctx), void *ctx)
{
	struct fiber *f = fiber_fake_no_memory ? NULL : calloc(1, sizeof(*f)), **end = &started;

	if (!f)
		return false;
	f->fn = fn;
	f->ctx = ctx;
	while (*end)
		end = &(*end)->next;
	*end = f;
	return true;
}

struct fiber *fiber_self(void)
{
	return current;
}

static void run(struct fiber *f)
{
	struct fiber *outer = current;

	current = f;
	f->fn(f->ctx);
	current = outer;
}

static bool run_started(void)
{
	struct fiber *f = started;

	if (!f)
		return false;
	started = f->next;
	run(f);
	free(f);
	return true;
}

void fiber_wait(void)
{
	struct fiber *f = current;

	assert_non_null(f);
	while (!f->woken) {
		if (run_started())
			continue;
		/* What happens now happens in the loop, not in a fiber. */
		current = NULL;
		if (!fiber_fake_idle || !fiber_fake_idle())
			fail_msg("a fiber waits for ever");
		current = f;
	}
	f->woken = false;
}

void fiber_wake(struct fiber *f)
{
	f->woken = true;
}

void fiber_sleep(u64 ns)
{
	fiber_fake_now += ns;
	while (run_started())
		;
}

void fiber_fake_call(void (*fn)(void *ctx), void *ctx)
{
	struct fiber f = {.fn = fn, .ctx = ctx};

	run(&f);
}

void fiber_fake_run(void)
{
	while (run_started())
		;
}
