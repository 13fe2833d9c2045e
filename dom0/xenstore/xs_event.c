/* SPDX-License-Identifier: BSD-2-Clause */
/* Each domain's queue of watch events: bounded, and no change is lost without a trace. */
#include <dom0/xenstore/xs_event.h>

#include <stdlib.h>
#include <string.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_wire.h>

static bool xs_event_room(const struct xs_domain *dom, size_t len)
{
	u32 count = dom->privileged ? XS_LOCAL_EVENTS : XS_QUOTA_EVENTS;
	u32 bytes = dom->privileged ? XS_LOCAL_EVENT_BYTES : XS_QUOTA_EVENT_BYTES;

	return dom->event_count < count && dom->event_bytes + len <= bytes;
}

/* False: no room or no memory. */
static bool xs_event_queue(struct xs_watch *watch, const char *path)
{
	struct xs_domain *dom = watch->dom;
	size_t path_size = strlen(path) + 1, token_size = strlen(watch->token) + 1;
	size_t len = sizeof(struct xs_header) + path_size + token_size;
	struct xs_header header = {XS_WATCH_EVENT, 0, 0, (u32)(path_size + token_size)};
	struct xs_event *event;

	if (!xs_event_room(dom, len))
		return false;
	event = malloc(sizeof(*event) + len);
	if (event == NULL)
		return false;
	*event = (struct xs_event){.watch = watch, .len = (u32)len};
	memcpy(event->bytes, &header, sizeof(header));
	memcpy(event->bytes + sizeof(header), path, path_size);
	memcpy(event->bytes + sizeof(header) + path_size, watch->token, token_size);
	if (dom->event_last != NULL)
		dom->event_last->next = event;
	else
		dom->event_first = event;
	dom->event_last = event;
	dom->event_count++;
	dom->event_bytes += event->len;
	return true;
}

void xs_event_add(struct xenstore *xs, struct xs_watch *watch, const char *path)
{
	struct xs_domain *dom = watch->dom;

	xs_domain_mark_dirty(xs, dom);
	if (watch->missed || xs_event_queue(watch, path + watch->prefix))
		return;
	watch->missed = true;
	watch->missed_next = NULL;
	if (dom->missed_last != NULL)
		dom->missed_last->missed_next = watch;
	else
		dom->missed_first = watch;
	dom->missed_last = watch;
}

static void xs_event_unmiss(struct xs_watch *watch)
{
	struct xs_domain *dom = watch->dom;
	struct xs_watch **link = &dom->missed_first, *prev = NULL;

	if (!watch->missed)
		return;
	while (*link != watch) {
		prev = *link;
		link = &prev->missed_next;
	}
	*link = watch->missed_next;
	if (dom->missed_last == watch)
		dom->missed_last = prev;
	watch->missed = false;
}

static void xs_event_unlink_first(struct xs_domain *dom)
{
	struct xs_event *event = dom->event_first;

	dom->event_first = event->next;
	if (event->next == NULL)
		dom->event_last = NULL;
	dom->event_count--;
	dom->event_bytes -= event->len;
}

struct xs_event *xs_event_take(struct xs_domain *dom)
{
	struct xs_event *event;

	while (dom->missed_first != NULL) {
		struct xs_watch *watch = dom->missed_first;

		if (!xs_event_queue(watch, watch->path + watch->prefix))
			break;
		xs_event_unmiss(watch);
	}
	event = dom->event_first;
	if (event != NULL)
		xs_event_unlink_first(dom);
	return event;
}

bool xs_event_pending(const struct xs_domain *dom)
{
	return dom->event_first != NULL || dom->missed_first != NULL;
}

void xs_event_purge(struct xs_watch *watch)
{
	struct xs_domain *dom = watch->dom;
	struct xs_event **link = &dom->event_first, *prev = NULL;

	xs_event_unmiss(watch);
	while (*link != NULL) {
		struct xs_event *event = *link;

		if (event->watch != watch) {
			prev = event;
			link = &event->next;
			continue;
		}
		*link = event->next;
		if (dom->event_last == event)
			dom->event_last = prev;
		dom->event_count--;
		dom->event_bytes -= event->len;
		free(event);
	}
}

void xs_event_drop_all(struct xs_domain *dom)
{
	while (dom->event_first != NULL) {
		struct xs_event *event = dom->event_first;

		xs_event_unlink_first(dom);
		free(event);
	}
	while (dom->missed_first != NULL)
		xs_event_unmiss(dom->missed_first);
}
