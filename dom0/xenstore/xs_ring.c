/* SPDX-License-Identifier: BSD-2-Clause */
/* The page shared with a guest: byte rings, with a peer that may write anything at any time. */
#include <dom0/xenstore/xs_ring.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_event.h>
#include <dom0/xenstore/xs_wire.h>

#define XS_RING_SIZE 1024u

/* Fields of the page that tell a guest what went wrong. */
#define XS_FEATURE_ERROR   2u
#define XS_ERROR_RINGIDX   2u
#define XS_ERROR_PROTO     3u
#define XS_CONNECTION_OPEN 0u

/*
 * Our own two indices live here; what the guest does to their copies in the page is overwritten.
 * At most one reply waits: the next request is not looked at before it is gone, so replies need
 * neither memory nor a limit.
 */
struct xs_conn {
	struct xenstore_domain_interface *page;
	xs_notify_fn notify;
	void *ctx;
	u32 req_cons, rsp_prod;
	bool progress; /* the page changed since the last notification */
	size_t in_len;
	size_t reply_len;       /* 0: none waits */
	struct xs_event *event; /* being sent */
	const u8 *out;          /* being sent: the reply or the event's bytes */
	size_t out_len, out_done;
	u8 in[XS_MESSAGE_MAX];
	u8 reply[XS_MESSAGE_MAX];
};

struct xs_conn *xs_ring_open(struct xenstore_domain_interface *page, xs_notify_fn notify, void *ctx)
{
	struct xs_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->page = page;
	conn->notify = notify;
	conn->ctx = ctx;
	conn->req_cons = READ_ONCE(page->req_cons);
	conn->rsp_prod = READ_ONCE(page->rsp_prod);
	WRITE_ONCE(page->server_features, XS_FEATURE_ERROR);
	WRITE_ONCE(page->error, 0);
	WRITE_ONCE(page->connection, XS_CONNECTION_OPEN);
	return conn;
}

void xs_ring_close(struct xs_conn *conn)
{
	if (conn != NULL)
		free(conn->event);
	free(conn);
}

static void xs_ring_stop(struct xenstore *xs, struct xs_domain *dom, u32 error, const char *reason)
{
	struct xs_conn *conn = dom->conn;

	dom->stopped = reason;
	WRITE_ONCE(conn->page->error, error);
	conn->progress = true;
	free(conn->event);
	conn->event = NULL;
	conn->out = NULL;
	conn->reply_len = 0;
	conn->in_len = 0;
	xs_domain_reset(xs, dom);
	if (xs->config.stopped != NULL)
		xs->config.stopped(xs->config.ctx, dom->domid, reason);
}

/* Moves up to want bytes of requests to in; returns how many. */
static size_t xs_ring_pull(struct xenstore *xs, struct xs_domain *dom, size_t want)
{
	struct xs_conn *conn = dom->conn;
	u32 available, offset, first;

	/* Our last req_cons must be visible before we look: the guest notifies only if it finds
	 * that we had taken everything. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	available = __atomic_load_n(&conn->page->req_prod, __ATOMIC_ACQUIRE) - conn->req_cons;
	if (available > XS_RING_SIZE) {
		xs_ring_stop(xs, dom, XS_ERROR_RINGIDX,
			     "xenstore request ring: bad producer index");
		return 0;
	}
	if (available > want)
		available = (u32)want;
	if (available == 0)
		return 0;
	offset = conn->req_cons % XS_RING_SIZE;
	first = available < XS_RING_SIZE - offset ? available : XS_RING_SIZE - offset;
	memcpy(conn->in + conn->in_len, conn->page->req + offset, first);
	memcpy(conn->in + conn->in_len + first, conn->page->req, available - first);
	conn->in_len += available;
	conn->req_cons += available;
	__atomic_store_n(&conn->page->req_cons, conn->req_cons, __ATOMIC_RELEASE);
	conn->progress = true;
	return available;
}

/* Moves up to len bytes into the response ring; returns how many. */
static size_t xs_ring_push(struct xenstore *xs, struct xs_domain *dom, const u8 *bytes, size_t len)
{
	struct xs_conn *conn = dom->conn;
	u32 used, room, offset, first;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	used = conn->rsp_prod - __atomic_load_n(&conn->page->rsp_cons, __ATOMIC_ACQUIRE);
	if (used > XS_RING_SIZE) {
		xs_ring_stop(xs, dom, XS_ERROR_RINGIDX,
			     "xenstore response ring: bad consumer index");
		return 0;
	}
	room = XS_RING_SIZE - used;
	if (room > len)
		room = (u32)len;
	if (room == 0)
		return 0;
	offset = conn->rsp_prod % XS_RING_SIZE;
	first = room < XS_RING_SIZE - offset ? room : XS_RING_SIZE - offset;
	/* room > 0: there are bytes. NOLINTNEXTLINE(clang-analyzer-unix.cstring.NullArg) */
	memcpy(conn->page->rsp + offset, bytes, first);
	if (room > first)
		memcpy(conn->page->rsp, bytes + first, room - first);
	conn->rsp_prod += room;
	__atomic_store_n(&conn->page->rsp_prod, conn->rsp_prod, __ATOMIC_RELEASE);
	conn->progress = true;
	return room;
}

/* Chooses the next message to send: a reply before events, so that a client has the answer to a
 * request before the events which that caused. */
static bool xs_ring_next(struct xs_domain *dom)
{
	struct xs_conn *conn = dom->conn;

	conn->out_done = 0;
	if (conn->reply_len > 0) {
		conn->out = conn->reply;
		conn->out_len = conn->reply_len;
		return true;
	}
	conn->event = xs_event_take(dom);
	if (conn->event == NULL)
		return false;
	conn->out = conn->event->bytes;
	conn->out_len = conn->event->len;
	return true;
}

static void xs_ring_sent(struct xs_conn *conn)
{
	if (conn->event != NULL)
		free(conn->event);
	else
		conn->reply_len = 0;
	conn->event = NULL;
	conn->out = NULL;
}

/* Sends until the ring is full or nothing is left. Ends: the guest takes at most XS_RING_SIZE per
 * message it is given while we run, and what can be queued is bounded. */
static void xs_ring_pump(struct xenstore *xs, struct xs_domain *dom)
{
	struct xs_conn *conn = dom->conn;

	while (dom->stopped == NULL && (conn->out != NULL || xs_ring_next(dom))) {
		size_t done = xs_ring_push(xs, dom, conn->out + conn->out_done,
					   conn->out_len - conn->out_done);

		if (done == 0)
			return;
		conn->out_done += done;
		if (conn->out_done == conn->out_len)
			xs_ring_sent(conn);
	}
}

void xs_ring_flush(struct xenstore *xs, struct xs_domain *dom)
{
	struct xs_conn *conn = dom->conn;

	xs_ring_pump(xs, dom);
	if (!conn->progress)
		return;
	conn->progress = false;
	conn->notify(conn->ctx, dom->domid);
}

/* Collects one message; true if it is complete. */
static bool xs_ring_receive(struct xenstore *xs, struct xs_domain *dom, struct xs_header *header)
{
	struct xs_conn *conn = dom->conn;
	size_t want = sizeof(*header);

	for (;;) {
		if (conn->in_len >= sizeof(*header)) {
			memcpy(header, conn->in, sizeof(*header));
			if (header->len > XS_PAYLOAD_MAX) {
				xs_ring_stop(xs, dom, XS_ERROR_PROTO,
					     "xenstore request longer than 4096 bytes");
				return false;
			}
			want = sizeof(*header) + header->len;
		}
		if (conn->in_len == want)
			return true;
		if (xs_ring_pull(xs, dom, want - conn->in_len) == 0)
			return false;
	}
}

int xs_domain_service(struct xenstore *xs, domid_t domid)
{
	struct xs_domain *dom = xs_domain_find(xs, domid);
	struct xs_conn *conn = dom != NULL ? dom->conn : NULL;
	unsigned int budget = XS_SERVICE_REQUESTS;

	if (conn == NULL)
		return -ENOENT;
	while (dom->stopped == NULL && budget > 0) {
		struct xs_header header;

		xs_ring_pump(xs, dom);
		if (conn->reply_len > 0 || !xs_ring_receive(xs, dom, &header))
			break;
		conn->in_len = 0;
		budget--;
		conn->reply_len = xs_wire_handle(xs, dom, &header,
						 (char *)conn->in + sizeof(header), conn->reply);
	}
	xs_domain_mark_dirty(xs, dom);
	xs_domain_flush(xs);
	if (dom->stopped != NULL)
		return -EIO;
	return budget == 0 ? 1 : 0;
}
