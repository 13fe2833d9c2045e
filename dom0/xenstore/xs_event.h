/* SPDX-License-Identifier: BSD-2-Clause */
/* Each domain's queue of watch events: bounded, and no change is lost without a trace. */
#ifndef DOM0_XENSTORE_XS_EVENT_H
#define DOM0_XENSTORE_XS_EVENT_H

#include <dom0/xenstore/xs_watch.h>

/* A whole message, header first. */
struct xs_event {
	struct xs_event *next;
	struct xs_watch *watch; /* valid while the event is in the queue */
	u32 len;
	u8 bytes[];
};

/* Queues an event. Without room the watch is only marked, and once there is room reports its own
 * path: a client that then looks at everything it watches has missed nothing. */
void xs_event_add(struct xenstore *xs, struct xs_watch *watch, const char *path);
/* Takes the oldest event off the queue, for the caller to free; NULL if there is none. */
struct xs_event *xs_event_take(struct xs_domain *dom);
bool xs_event_pending(const struct xs_domain *dom);
/* The watch ends: drops its events. */
void xs_event_purge(struct xs_watch *watch);
void xs_event_drop_all(struct xs_domain *dom);

#endif
