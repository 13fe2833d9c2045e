/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop over two-level event channels, without interrupts. */
#include <dom0/loop/loop.h>

#include <dom0/entry/panic.h>
#include <dom0/hyper/hypercall.h>

struct handler {
	loop_fn fn;
	void *ctx;
};

static struct shared_info *info;
static struct handler handlers[XEN_EVTCHN_COUNT];
static struct loop_work *works;
static struct loop_timer *timers;
static evtchn_port_t timer_port;

u64 loop_now(void)
{
	const struct vcpu_time_info *t = &info->vcpu_info[0].time;
	u64 delta = __builtin_ia32_rdtsc() - t->tsc_timestamp;

	/* The hypervisor writes it once: no version needs to be checked. */
	delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
	return t->system_time + (u64)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
}

u64 loop_wall_seconds(void)
{
	/* The hypervisor writes it once, as above. */
	return ((u64)info->wc_sec_hi << 32 | info->wc_sec) + loop_now() / 1000000000u;
}

void loop_on_event(evtchn_port_t port, loop_fn fn, void *ctx)
{
	handlers[port] = (struct handler){fn, ctx};
	__atomic_fetch_and(&info->evtchn_mask[port / 64], ~bit64(port % 64), __ATOMIC_SEQ_CST);
	/* It may have become pending while masked. */
	if (info->evtchn_pending[port / 64] & bit64(port % 64)) {
		__atomic_fetch_or(&info->vcpu_info[0].evtchn_pending_sel, bit64(port / 64),
				  __ATOMIC_SEQ_CST);
		info->vcpu_info[0].evtchn_upcall_pending = 1;
	}
}

void loop_forget_event(evtchn_port_t port)
{
	__atomic_fetch_or(&info->evtchn_mask[port / 64], bit64(port % 64), __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&info->evtchn_pending[port / 64], ~bit64(port % 64), __ATOMIC_SEQ_CST);
	handlers[port] = (struct handler){0};
}

void loop_add_work(struct loop_work *w)
{
	w->next = works;
	works = w;
}

void loop_remove_work(struct loop_work *w)
{
	for (struct loop_work **l = &works; *l; l = &(*l)->next)
		if (*l == w) {
			*l = w->next;
			return;
		}
}

static void program_timer(void)
{
	u64 first = 0;

	for (const struct loop_timer *t = timers; t; t = t->next)
		if (!first || t->at < first)
			first = t->at;
	hyper_set_timer(first);
}

static void unlink_timer(struct loop_timer *t)
{
	for (struct loop_timer **l = &timers; *l; l = &(*l)->next)
		if (*l == t) {
			*l = t->next;
			break;
		}
	t->at = 0;
}

void loop_set_timer(struct loop_timer *t, u64 abs_ns)
{
	if (t->at)
		unlink_timer(t);
	t->at = abs_ns ? abs_ns : 1;
	t->next = timers;
	timers = t;
	program_timer();
}

void loop_stop_timer(struct loop_timer *t)
{
	if (t->at)
		unlink_timer(t);
}

static void timer_event(void *ctx)
{
	u64 now = loop_now();
	bool again = true;

	(void)ctx;
	while (again) { /* fn may change the list */
		again = false;
		for (struct loop_timer *t = timers; t; t = t->next)
			if (t->at <= now) {
				unlink_timer(t);
				t->fn(t->ctx);
				again = true;
				break;
			}
	}
	program_timer();
}

void loop_init(struct shared_info *shared)
{
	info = shared;
	for (unsigned int i = 0; i < 64; i++)
		info->evtchn_mask[i] = ~0ull;
	if (hyper_bind_virq(VIRQ_TIMER, &timer_port))
		panic("no timer event channel");
	loop_on_event(timer_port, timer_event, NULL);
}

static void handle_word(unsigned int word)
{
	u64 bits = __atomic_load_n(&info->evtchn_pending[word], __ATOMIC_SEQ_CST) &
		   ~info->evtchn_mask[word];

	while (bits) {
		unsigned int bit = (unsigned int)__builtin_ctzll(bits);
		struct handler *h = &handlers[word * 64 + bit];

		bits &= bits - 1;
		__atomic_fetch_and(&info->evtchn_pending[word], ~bit64(bit), __ATOMIC_SEQ_CST);
		if (h->fn)
			h->fn(h->ctx);
	}
}

static void handle_events(void)
{
	u64 sel;

	if (!__atomic_exchange_n(&info->vcpu_info[0].evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
		return;
	sel = __atomic_exchange_n(&info->vcpu_info[0].evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	while (sel) {
		handle_word((unsigned int)__builtin_ctzll(sel));
		sel &= sel - 1;
	}
}

static struct loop_work *first_due(void)
{
	struct loop_work *w = works;

	while (w && !w->due)
		w = w->next;
	return w;
}

static unsigned int count_due(void)
{
	unsigned int n = 0;

	for (const struct loop_work *w = works; w; w = w->next)
		n += w->due;
	return n;
}

/* As many as are due now, then events are looked at again: a work may take long, and one that
 * always has more is always due. What ran goes to the end, so that it cannot hold up the others. fn
 * may add and remove works. Returns whether there is more. */
static bool do_works(void)
{
	struct loop_work *w;

	for (unsigned int n = count_due(); n && (w = first_due()) != NULL; n--) {
		struct loop_work **end = &works;

		loop_remove_work(w);
		while (*end)
			end = &(*end)->next;
		*end = w;
		w->next = NULL;
		w->due = false;
		if (w->fn(w->ctx))
			w->due = true;
	}
	return first_due() != NULL;
}

void loop_turn(void)
{
	handle_events();
	(void)do_works();
}

void loop_run(void)
{
	for (;;) {
		handle_events();
		if (!do_works())
			hyper_block();
	}
}
