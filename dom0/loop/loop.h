/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: everything the control domain does begins here. Handlers are short. */
#ifndef DOM0_LOOP_LOOP_H
#define DOM0_LOOP_LOOP_H

#include <core/types.h>
#include <xen/hypercall.h>
#include <xen/shared_info.h>

typedef void (*loop_fn)(void *ctx);

/* shared: the mapped shared info page. */
void loop_init(struct shared_info *shared);
/* fn runs each time port is notified; unmasks it. */
void loop_on_event(evtchn_port_t port, loop_fn fn, void *ctx);
void loop_forget_event(evtchn_port_t port);
/* fn runs in each turn as long as it returns true ("there is more"); loop_work() asks for it again.
 */
struct loop_work {
	bool (*fn)(void *ctx);
	void *ctx;
	bool due;
	struct loop_work *next;
};
void loop_add_work(struct loop_work *w);
void loop_remove_work(struct loop_work *w);
/* fn runs once, at or after abs_ns of loop_now(). The timer is the caller's; arming again replaces.
 */
struct loop_timer {
	loop_fn fn;
	void *ctx;
	u64 at; /* 0: not armed */
	struct loop_timer *next;
};
void loop_set_timer(struct loop_timer *t, u64 abs_ns);
void loop_stop_timer(struct loop_timer *t);
u64 loop_now(void); /* ns since the hypervisor's boot */
/* Seconds since 1970, UTC, as the hypervisor has it from the machine's clock. */
u64 loop_wall_seconds(void);
/* Handles what is pending and returns. */
void loop_turn(void);
noreturn_fn void loop_run(void);

#endif
