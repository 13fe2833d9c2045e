/* SPDX-License-Identifier: BSD-2-Clause */
/* The messages of the protocol: one request in, one reply out. */
#ifndef DOM0_XENSTORE_XS_WIRE_H
#define DOM0_XENSTORE_XS_WIRE_H

#include <dom0/xenstore/xs_internal.h>

enum xs_type {
	XS_CONTROL = 0,
	XS_DIRECTORY = 1,
	XS_READ = 2,
	XS_GET_PERMS = 3,
	XS_WATCH = 4,
	XS_UNWATCH = 5,
	XS_TRANSACTION_START = 6,
	XS_TRANSACTION_END = 7,
	XS_INTRODUCE = 8,
	XS_RELEASE = 9,
	XS_GET_DOMAIN_PATH = 10,
	XS_WRITE = 11,
	XS_MKDIR = 12,
	XS_RM = 13,
	XS_SET_PERMS = 14,
	XS_WATCH_EVENT = 15,
	XS_ERROR = 16,
	XS_IS_DOMAIN_INTRODUCED = 17,
	XS_RESUME = 18,
	XS_SET_TARGET = 19,
	XS_RESET_WATCHES = 21,
	XS_DIRECTORY_PART = 22,
};

struct xs_header {
	u32 type;
	u32 req_id; /* echoed, like tx_id */
	u32 tx_id;
	u32 len; /* of the body, at most XS_PAYLOAD_MAX */
};

#define XS_MESSAGE_MAX (sizeof(struct xs_header) + XS_PAYLOAD_MAX)

_Static_assert(sizeof(struct xs_header) == 16, "ABI");

/* Handles a request of the domain; body has header->len bytes, which must be at most
 * XS_PAYLOAD_MAX. Writes the reply, header first, to a buffer of XS_MESSAGE_MAX; returns its
 * length. Every request has a reply; watch events it causes are queued. */
size_t xs_wire_handle(struct xenstore *xs, struct xs_domain *dom, const struct xs_header *header,
		      const char *body, u8 *reply) must_use;

#endif
