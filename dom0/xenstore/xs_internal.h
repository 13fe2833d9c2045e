/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects the files of the server share: server, domain, connection. */
#ifndef DOM0_XENSTORE_XS_INTERNAL_H
#define DOM0_XENSTORE_XS_INTERNAL_H

#include <dom0/xenstore/xenstore.h>
#include <dom0/xenstore/xs_limits.h>
#include <dom0/xenstore/xs_names.h>
#include <dom0/xenstore/xs_path.h>

struct xs_node;
struct xs_tx;
struct xs_watch;
struct xs_event;
struct xs_conn;

/* A client, an owner of nodes, or both. Exists from introduction or the first owned node until the
 * release. Domain 0 always exists and has no connection. */
struct xs_domain {
	domid_t domid;
	bool privileged;
	bool introduced;
	bool dirty; /* on the list of domains with new output */
	struct xs_domain *dirty_next;

	struct xs_node *owned;
	u32 node_count;

	struct xs_tx *txs;
	u32 tx_count;
	u32 last_tx_id;

	struct xs_watch *watches;
	u32 watch_count;
	u32 work_bytes; /* of watches and transactions */

	struct xs_event *event_first, *event_last;
	u32 event_count, event_bytes;
	struct xs_watch *missed_first, *missed_last; /* watches with events that found no room */

	struct xs_conn *conn;
	const char *stopped;
};

/* Generations count changes of the whole store; void_gen is that of the id's last release. */
struct xs_slot {
	struct xs_domain *dom;
	u64 void_gen;
};
#define XS_SLOTS_PER_CHUNK 256u
#define XS_CHUNKS          128u

struct xenstore {
	struct xenstore_config config;
	u64 gen;
	u64 release_gen; /* of the last release of any domain */
	struct xn_tree nodes;
	struct xn_tree watches;
	struct xs_domain *local; /* domain 0 */
	struct xs_domain *dirty;
	struct xs_slot *chunks[XS_CHUNKS];
	char path[XS_PATH_SIZE]; /* scratch of xs_tx_commit and the release */
};

#endif
