/* SPDX-License-Identifier: BSD-2-Clause */
/* The page shared with a guest: byte rings, with a peer that may write anything at any time. */
#ifndef DOM0_XENSTORE_XS_RING_H
#define DOM0_XENSTORE_XS_RING_H

#include <dom0/xenstore/xs_internal.h>

/* NULL: out of memory. */
struct xs_conn *xs_ring_open(struct xenstore_domain_interface *page, xs_notify_fn notify,
			     void *ctx) must_use;
/* conn may be NULL. Does not touch the page. */
void xs_ring_close(struct xs_conn *conn);
/* Moves waiting output into the ring, and notifies if anything moved since the last time. */
void xs_ring_flush(struct xenstore *xs, struct xs_domain *dom);

#endif
