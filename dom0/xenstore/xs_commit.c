/* SPDX-License-Identifier: BSD-2-Clause */
/* The commit of a transaction: validate, reserve everything that may fail, then apply. */
#include <dom0/xenstore/xs_transaction.h>

#include <errno.h>
#include <stdlib.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_watch.h>

/* Pairs every path element with the store's node, and compares what was seen. */
static int xs_commit_validate(struct xenstore *xs, struct xs_tx *tx)
{
	struct xn_node *root = tx->names.root;

	for (struct xn_node *n = root; n != NULL; n = xn_next(n, root)) {
		struct xs_tnode *t = (struct xs_tnode *)n;
		const struct xs_tnode *parent = (struct xs_tnode *)n->parent;

		if (parent == NULL) {
			t->real = xs_node_root(xs);
		} else {
			t->hidden = parent->hidden || parent->hides;
			t->real = parent->real != NULL
					  ? xs_node_child(xs, parent->real, n->name, n->name_len)
					  : NULL;
		}
		t->base = t->hidden || t->hides ? NULL : t->real;
		if (t->seen && t->seen_gen != (t->real != NULL ? t->real->gen : 0))
			return -EAGAIN;
		if (t->seen_dir && (t->real == NULL || t->seen_dir_gen != t->real->dir_gen))
			return -EAGAIN;
	}
	/* Ids in the lists of new nodes may have changed hands: let the client look again. */
	return xs->release_gen > tx->start_gen ? -EAGAIN : 0;
}

static u32 xs_commit_removed(const struct xs_tx *tx)
{
	u32 count = 0;

	for (const struct xs_tnode *t = tx->order_first; t != NULL; t = t->order_next) {
		struct xn_node *top = t->hides ? &t->real->link : NULL;

		for (struct xn_node *n = top; n != NULL; n = xn_next(n, top))
			count += ((struct xs_node *)n)->owner == tx->dom;
	}
	return count;
}

static int xs_commit_quota(const struct xs_tx *tx)
{
	u32 added = 0;
	u32 removed;

	if (tx->dom->privileged)
		return 0;
	for (const struct xs_tnode *t = tx->order_first; t != NULL; t = t->order_next)
		added += t->exists && t->base == NULL && t->data.perms[0].domid == tx->dom->domid;
	if (added == 0 || tx->dom->node_count + added <= XS_QUOTA_NODES)
		return 0;
	removed = xs_commit_removed(tx);
	if (added <= removed || tx->dom->node_count + added - removed <= XS_QUOTA_NODES)
		return 0;
	return -ENOSPC;
}

static int xs_commit_reserve(struct xenstore *xs, struct xs_tx *tx)
{
	for (struct xs_tnode *t = tx->order_first; t != NULL; t = t->order_next) {
		if (!t->exists)
			continue;
		if (xs_domain_get(xs, t->data.perms[0].domid) == NULL)
			return -ENOMEM;
		if (t->base != NULL)
			continue;
		t->fresh = xn_node_alloc(sizeof(*t->fresh), t->link.name, t->link.name_len);
		if (t->fresh == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* A node's parent was put in the order before it, so it is there by now. */
static void xs_commit_apply(struct xenstore *xs, struct xs_tnode *t, u64 gen)
{
	xn_path(&t->link, xs->path);
	if (t->hides)
		xs_node_remove(xs, t->real, xs->path, gen);
	if (!t->exists)
		return;
	if (t->base != NULL) {
		xs_node_change(xs, t->base, &t->data, gen);
	} else {
		t->base = t->fresh;
		t->fresh = NULL;
		xs_node_add(xs, ((struct xs_tnode *)t->link.parent)->base, t->base, &t->data, gen);
	}
	if (t->fire)
		xs_watch_changed(xs, xs->path, t->base, t->data.perms != NULL ? &t->data : NULL);
}

int xs_tx_commit(struct xenstore *xs, struct xs_tx *tx)
{
	int rc = tx->error;
	u64 gen;

	if (rc == 0)
		rc = xs_commit_validate(xs, tx);
	if (rc != 0 || tx->order_first == NULL)
		return rc;
	rc = xs_commit_quota(tx);
	if (rc == 0)
		rc = xs_commit_reserve(xs, tx);
	if (rc != 0)
		return rc;
	gen = ++xs->gen;
	for (struct xs_tnode *t = tx->order_first; t != NULL; t = t->order_next)
		xs_commit_apply(xs, t, gen);
	return 0;
}
