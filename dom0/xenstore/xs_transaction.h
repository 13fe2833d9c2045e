/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions: an overlay of the store that remembers what was looked at and what was changed. */
#ifndef DOM0_XENSTORE_XS_TRANSACTION_H
#define DOM0_XENSTORE_XS_TRANSACTION_H

#include <dom0/xenstore/xs_tree.h>

/*
 * One path element the transaction has passed. Optimistic control: seen generations are compared
 * at commit, so a transaction that commits has seen the store as it is at that moment.
 */
struct xs_tnode {
	struct xn_node link;
	struct xs_data data; /* if exists: the transaction's own version */
	u64 seen_gen;        /* 0: there was no such node */
	u64 seen_dir_gen;
	bool seen, seen_dir;
	bool exists;
	bool hides;  /* the store's node and all below are removed */
	bool queued; /* in the order of changes */
	bool fire;   /* watches are told; parents made on the way are silent */
	u32 dir_changes;
	struct xs_tnode *order_prev, *order_next;
	/* Only during commit. */
	struct xs_node *real;  /* the store's node at this path */
	struct xs_node *base;  /* the same unless hidden; later what the commit made */
	struct xs_node *fresh; /* allocated for a node to be made */
	bool hidden;
};

struct xs_tx {
	struct xs_tx *next;
	struct xs_domain *dom;
	u32 id; /* 0: made for one request */
	int error;
	u64 start_gen;
	struct xn_tree names;
	struct xs_tnode *order_first, *order_last;
	u32 tnode_count;
	u32 bytes; /* charged to dom */
};

/* Where a path leads in a transaction, or in the store itself if there is none. */
struct xs_ref {
	struct xs_tnode *t;         /* NULL without a transaction */
	struct xs_node *b;          /* the store's node unless hidden, or NULL */
	const struct xs_data *data; /* NULL: no such node */
	/* The deepest node that exists on the way, and the path from there on. */
	const struct xs_data *near;
	struct xs_tnode *near_t;
	const char *near_rest;
};

/* Makes a transaction that requests can name. -ENOSPC: too many. */
int xs_tx_open(struct xenstore *xs, struct xs_domain *dom, struct xs_tx **out) must_use;
/* Makes one for a single request, in the caller's memory. */
int xs_tx_begin(struct xenstore *xs, struct xs_domain *dom, struct xs_tx *tx) must_use;
struct xs_tx *xs_tx_find(const struct xs_domain *dom, u32 id);
/* Frees what xs_tx_begin or the changes allocated. */
void xs_tx_fini(struct xs_tx *tx);
/* Ends one made by xs_tx_open. */
void xs_tx_free(struct xs_tx *tx);
/* All or nothing. -EAGAIN: conflict. -ENOSPC: quota of nodes. -ENOMEM. To be freed in any case. */
int xs_tx_commit(struct xenstore *xs, struct xs_tx *tx) must_use;

/* Follows an absolute path; tx may be NULL. What is found is remembered as seen. */
int xs_tx_walk(struct xenstore *xs, struct xs_tx *tx, const char *path,
	       struct xs_ref *ref) must_use;
/* The list of children has been looked at. */
void xs_tx_see_dir(const struct xs_ref *ref);

/* Changes of the overlay. value and perms are taken over, also on failure. fire: tell watches. */
int xs_tx_put(struct xs_tx *tx, struct xs_tnode *t, struct xs_data *data, bool fire) must_use;
void xs_tx_remove(struct xs_tx *tx, const struct xs_ref *ref);

#endif
