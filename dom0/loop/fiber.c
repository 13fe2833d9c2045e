/* SPDX-License-Identifier: BSD-2-Clause */
/* Fibers on the event loop: each is a work of the loop that switches to a stack of its own. */
#include <dom0/loop/fiber.h>

#include <stdlib.h>
#include <dom0/entry/panic.h>
#include <dom0/loop/fiber_switch.h>
#include <dom0/loop/loop.h>

#define SPARE_STACKS 4u
#define CANARY       0x706C696E74683F21ull

struct fiber {
	void *stack_pointer; /* while it waits */
	struct loop_work work;
	struct loop_timer timer;
	void (*fn)(void *ctx);
	void *ctx;
	bool waits, woken, ended;
	struct fiber *next_waiting; /* for the same mutex */
	u64 *stack;
};

static struct fiber *current;
/* Stacks for the next fibers: given back to malloc() each time, the holes that they leave are
 * filled with small things, and the heap grows. */
static u64 *spare[SPARE_STACKS];
static void *loop_stack_pointer;

static u64 *take_stack(void)
{
	for (unsigned int i = 0; i < SPARE_STACKS; i++)
		if (spare[i]) {
			u64 *stack = spare[i];

			spare[i] = NULL;
			return stack;
		}
	return malloc(FIBER_STACK);
}

static void give_stack(u64 *stack)
{
	for (unsigned int i = 0; i < SPARE_STACKS; i++)
		if (!spare[i]) {
			spare[i] = stack;
			return;
		}
	free(stack);
}

/* What a new fiber's first switch returns to. */
static void begin(void)
{
	struct fiber *f = current;

	f->fn(f->ctx);
	f->ended = true;
	fiber_switch(&f->stack_pointer, loop_stack_pointer);
	panic("a fiber that ended goes on");
}

static bool resume(void *ctx)
{
	struct fiber *f = ctx;

	if (f->waits && !f->woken)
		return false;
	f->waits = f->woken = false;
	current = f;
	fiber_switch(&loop_stack_pointer, f->stack_pointer);
	current = NULL;
	if (f->stack[0] != CANARY)
		panic("a fiber's stack of %u bytes is too small", FIBER_STACK);
	if (f->ended) {
		loop_stop_timer(&f->timer);
		loop_remove_work(&f->work);
		give_stack(f->stack);
		free(f);
	}
	return false;
}

static void timer_due(void *ctx)
{
	fiber_wake(ctx);
}

bool fiber_start(void (*fn)(void *ctx), void *ctx)
{
	struct fiber *f = calloc(1, sizeof(*f));
	u64 *stack = take_stack();

	if (!f || !stack) {
		free(f);
		if (stack)
			give_stack(stack);
		return false;
	}
	*f = (struct fiber){.fn = fn, .ctx = ctx, .stack = stack};
	f->work = (struct loop_work){.fn = resume, .ctx = f, .due = true};
	f->timer = (struct loop_timer){.fn = timer_due, .ctx = f};
	stack[0] = CANARY;
	f->stack_pointer = fiber_prepare(stack + FIBER_STACK / sizeof(*stack), begin);
	loop_add_work(&f->work);
	return true;
}

struct fiber *fiber_self(void)
{
	return current;
}

void fiber_wait(void)
{
	struct fiber *f = current;

	if (!f)
		panic("the event loop itself cannot wait");
	if (f->woken) {
		f->woken = false;
		return;
	}
	f->waits = true;
	fiber_switch(&f->stack_pointer, loop_stack_pointer);
}

void fiber_wake(struct fiber *f)
{
	f->woken = true;
	f->work.due = true;
}

void fiber_sleep(u64 ns)
{
	struct fiber *f = current;
	u64 end = loop_now() + ns;

	if (!f)
		panic("the event loop itself cannot sleep");
	do {
		loop_set_timer(&f->timer, end);
		fiber_wait();
	} while (loop_now() < end);
	loop_stop_timer(&f->timer);
}

void fiber_yield(void)
{
	struct fiber *f = current;

	if (!f)
		panic("the event loop itself cannot yield");
	f->woken = f->waits = true;
	f->work.due = true;
	fiber_switch(&f->stack_pointer, loop_stack_pointer);
}

void fiber_lock(struct fiber_mutex *m)
{
	struct fiber **end = &m->first, *f = current;

	if (!m->holder) {
		m->holder = f;
		return;
	}
	if (m->holder == f)
		panic("a fiber takes a lock twice");
	while (*end)
		end = &(*end)->next_waiting;
	f->next_waiting = NULL;
	*end = f;
	while (m->holder != f)
		fiber_wait();
}

void fiber_unlock(struct fiber_mutex *m)
{
	struct fiber *next = m->first;

	m->holder = next;
	if (next) {
		m->first = next->next_waiting;
		fiber_wake(next);
	}
}
