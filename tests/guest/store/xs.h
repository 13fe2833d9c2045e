/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of the xenstore ring. */
#ifndef TESTS_GUEST_STORE_XS_H
#define TESTS_GUEST_STORE_XS_H

#include <dom0/hyper/rings.h>
#include <tests/guest/lib/guest.h>

struct xs_header {
	u32 type, req_id, tx_id, len;
};
enum {
	XS_DIRECTORY = 1,
	XS_READ,
	XS_GET_PERMS,
	XS_WATCH,
	XS_UNWATCH,
	XS_TRANSACTION_START,
	XS_TRANSACTION_END,
	XS_INTRODUCE,
	XS_RELEASE,
	XS_GET_DOMAIN_PATH,
	XS_WRITE,
	XS_MKDIR,
	XS_RM,
	XS_SET_PERMS,
	XS_WATCH_EVENT,
	XS_ERROR,
};

static volatile struct xenstore_domain_interface *xs_ring;
static u64 xs_port;
static u32 xs_next_id;
static char xs_body[4100]; /* of the last answer, NUL-terminated */
static u32 xs_watches;     /* watch events seen */
static char xs_watch_body[4100];

static inline void xs_init(void)
{
	u64 pfn;

	event_init();
	CHECK_EQ(hvm_get_param(HVM_PARAM_STORE_PFN, &pfn), 0, "store page");
	CHECK_EQ(hvm_get_param(HVM_PARAM_STORE_EVTCHN, &xs_port), 0, "store port");
	xs_ring = (volatile struct xenstore_domain_interface *)(pfn << 12);
}

static inline bool xs_put(const void *data, u32 n)
{
	const char *p = data;

	for (u32 i = 0; i < n; i++) {
		if (xs_ring->req_prod - xs_ring->req_cons >= 1024) {
			(void)event_send((u32)xs_port);
			if (!WAIT_FOR(xs_ring->req_prod - xs_ring->req_cons < 1024, 30000))
				return false;
		}
		xs_ring->req[xs_ring->req_prod % 1024] = p[i];
		barrier();
		xs_ring->req_prod = xs_ring->req_prod + 1;
	}
	(void)event_send((u32)xs_port);
	return true;
}

static inline bool xs_get(void *data, u32 n)
{
	char *p = data;

	for (u32 i = 0; i < n; i++) {
		if (xs_ring->rsp_prod == xs_ring->rsp_cons &&
		    !WAIT_FOR(xs_ring->rsp_prod != xs_ring->rsp_cons, 30000))
			return false;
		p[i] = xs_ring->rsp[xs_ring->rsp_cons % 1024];
		barrier();
		xs_ring->rsp_cons = xs_ring->rsp_cons + 1;
	}
	(void)event_send((u32)xs_port);
	return true;
}

/* Reads one message; its type. Watch events are counted and passed over unless they are wanted. */
static inline u32 xs_answer(bool watch_wanted, u32 *len)
{
	struct xs_header h;

	for (;;) {
		CHECK(xs_get(&h, sizeof(h)), "no answer of the store");
		CHECK(h.len <= 4096, "length of an answer");
		CHECK(xs_get(xs_body, h.len), "body of an answer");
		xs_body[h.len] = 0;
		if (len)
			*len = h.len;
		if (h.type != XS_WATCH_EVENT) {
			CHECK_EQ(h.req_id, xs_next_id, "request id");
			return h.type;
		}
		xs_watches++;
		memcpy(xs_watch_body, xs_body, h.len + 1);
		if (watch_wanted)
			return h.type;
	}
}

/* One request: path and value with a NUL between them (value NULL: path and NUL only). */
static inline u32 xs_request(u32 type, u32 tx, const char *path, const char *value, bool value_nul)
{
	struct xs_header h = {.type = type, .req_id = ++xs_next_id, .tx_id = tx};
	u32 n = (u32)strlen(path) + 1, m = value ? (u32)strlen(value) + value_nul : 0;

	h.len = n + m;
	CHECK(xs_put(&h, sizeof(h)) && xs_put(path, n) && xs_put(value, m),
	      "the store takes no request");
	return xs_answer(false, NULL);
}
static inline bool xs_error_is(u32 type, const char *name)
{
	return type == XS_ERROR && !memcmp(xs_body, name, strlen(name) + 1);
}

#endif
