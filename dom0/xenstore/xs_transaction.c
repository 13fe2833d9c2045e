/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions: an overlay of the store that remembers what was looked at and what was changed. */
#include <dom0/xenstore/xs_transaction.h>

#include <errno.h>
#include <stdlib.h>

#include <dom0/xenstore/xs_domain.h>

#define XS_TX_BUCKETS 16u

static struct xs_tnode *xs_tx_root(const struct xs_tx *tx)
{
	return (struct xs_tnode *)tx->names.root;
}

static int xs_tx_charge(struct xs_tx *tx, size_t bytes)
{
	int rc = xs_domain_charge(tx->dom, bytes);

	if (rc == 0)
		tx->bytes += (u32)bytes;
	return rc;
}

static void xs_tx_uncharge(struct xs_tx *tx, size_t bytes)
{
	xs_domain_uncharge(tx->dom, bytes);
	tx->bytes -= (u32)bytes;
}

static size_t xs_data_size(const struct xs_data *data)
{
	return data->value_len + data->perm_count * sizeof(*data->perms);
}

int xs_tx_begin(struct xenstore *xs, struct xs_domain *dom, struct xs_tx *tx)
{
	struct xs_tnode *root = xn_node_alloc(sizeof(*root), "", 0);

	*tx = (struct xs_tx){.dom = dom, .start_gen = xs->gen};
	if (root == NULL)
		return -ENOMEM;
	if (xn_tree_init(&tx->names, &root->link, XS_TX_BUCKETS, xs->config.hash_seed) != 0) {
		free(root);
		tx->names.root = NULL;
		return -ENOMEM;
	}
	return 0;
}

int xs_tx_open(struct xenstore *xs, struct xs_domain *dom, struct xs_tx **out)
{
	struct xs_tx *tx;
	int rc;

	if (!dom->privileged && dom->tx_count >= XS_QUOTA_TRANSACTIONS)
		return -ENOSPC;
	tx = malloc(sizeof(*tx));
	if (tx == NULL)
		return -ENOMEM;
	rc = xs_tx_begin(xs, dom, tx);
	if (rc != 0) {
		free(tx);
		return rc;
	}
	do {
		dom->last_tx_id++;
	} while (dom->last_tx_id == 0 || xs_tx_find(dom, dom->last_tx_id) != NULL);
	tx->id = dom->last_tx_id;
	tx->next = dom->txs;
	dom->txs = tx;
	dom->tx_count++;
	*out = tx;
	return 0;
}

struct xs_tx *xs_tx_find(const struct xs_domain *dom, u32 id)
{
	struct xs_tx *tx = dom->txs;

	while (tx != NULL && tx->id != id)
		tx = tx->next;
	return tx;
}

static void xs_tnode_free(struct xs_tnode *t)
{
	xs_data_free(&t->data);
	free(t->fresh);
	free(t);
}

void xs_tx_fini(struct xs_tx *tx)
{
	struct xn_node *root = tx->names.root;

	if (root == NULL)
		return;
	while (root->first != NULL) {
		struct xn_node *leaf = xn_leaf(root);

		xn_unlink(&tx->names, leaf);
		xs_tnode_free((struct xs_tnode *)leaf);
	}
	xs_tnode_free((struct xs_tnode *)root);
	xn_tree_fini(&tx->names);
	tx->names.root = NULL;
	xs_domain_uncharge(tx->dom, tx->bytes);
	tx->bytes = 0;
}

void xs_tx_free(struct xs_tx *tx)
{
	struct xs_tx **link = &tx->dom->txs;

	while (*link != tx)
		link = &(*link)->next;
	*link = tx->next;
	tx->dom->tx_count--;
	xs_tx_fini(tx);
	free(tx);
}

static int xs_tx_tnode(struct xs_tx *tx, struct xs_tnode *parent, const char *name, size_t len,
		       struct xs_tnode **out)
{
	struct xs_tnode *t = (struct xs_tnode *)xn_find(&tx->names, &parent->link, name, len);
	int rc;

	if (t == NULL) {
		if (!tx->dom->privileged && tx->tnode_count >= XS_QUOTA_TX_NODES)
			return -ENOSPC;
		rc = xs_tx_charge(tx, sizeof(*t) + len + 1);
		if (rc != 0)
			return rc;
		t = xn_node_alloc(sizeof(*t), name, len);
		if (t == NULL) {
			xs_tx_uncharge(tx, sizeof(*t) + len + 1);
			return -ENOMEM;
		}
		xn_link(&tx->names, &parent->link, &t->link);
		tx->tnode_count++;
	}
	*out = t;
	return 0;
}

/* Only the first look counts, and none at the transaction's own work. */
static void xs_tnode_see(struct xs_tnode *t, const struct xs_node *base, bool hidden)
{
	if (t == NULL || t->seen || hidden || t->exists)
		return;
	t->seen = true;
	t->seen_gen = base != NULL ? base->gen : 0;
}

/* What is at (t, b), and remembers where the deepest node was met. */
static void xs_ref_update(struct xs_ref *ref, struct xs_node *base, bool hidden, const char *rest)
{
	struct xs_tnode *t = ref->t;

	ref->b = t != NULL && t->hides ? NULL : base;
	if (t != NULL && t->exists)
		ref->data = &t->data;
	else
		ref->data = ref->b != NULL ? &ref->b->data : NULL;
	if (ref->data != NULL) {
		ref->near = ref->data;
		ref->near_t = t;
		ref->near_rest = rest;
	} else {
		xs_tnode_see(t, base, hidden || (t != NULL && t->hides));
	}
}

int xs_tx_walk(struct xenstore *xs, struct xs_tx *tx, const char *path, struct xs_ref *ref)
{
	const char *cursor = path, *name;
	size_t len;
	bool hidden = false;
	struct xs_node *near_base = NULL;

	*ref = (struct xs_ref){.t = tx != NULL ? xs_tx_root(tx) : NULL};
	xs_ref_update(ref, xs_node_root(xs), false, path);
	near_base = ref->b;
	while (xs_path_next(&cursor, &name, &len)) {
		struct xs_node *base = ref->b != NULL ? xs_node_child(xs, ref->b, name, len) : NULL;

		hidden = hidden || (ref->t != NULL && ref->t->hides);
		if (tx != NULL) {
			int rc = xs_tx_tnode(tx, ref->t, name, len, &ref->t);

			if (rc != 0)
				return rc;
		}
		xs_ref_update(ref, base, hidden, cursor);
		if (ref->data != NULL)
			near_base = ref->b;
	}
	/* A node without a base here is the transaction's own, so nothing is seen by mistake. */
	if (near_base != NULL)
		xs_tnode_see(ref->near_t, near_base, false);
	return 0;
}

void xs_tx_see_dir(const struct xs_ref *ref)
{
	if (ref->t == NULL || ref->t->seen_dir || ref->b == NULL)
		return;
	ref->t->seen_dir = true;
	ref->t->seen_dir_gen = ref->b->dir_gen;
}

static void xs_order_append(struct xs_tx *tx, struct xs_tnode *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->order_next = NULL;
	t->order_prev = tx->order_last;
	if (tx->order_last != NULL)
		tx->order_last->order_next = t;
	else
		tx->order_first = t;
	tx->order_last = t;
}

static void xs_order_remove(struct xs_tx *tx, struct xs_tnode *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	t->fire = false;
	if (t->order_prev != NULL)
		t->order_prev->order_next = t->order_next;
	else
		tx->order_first = t->order_next;
	if (t->order_next != NULL)
		t->order_next->order_prev = t->order_prev;
	else
		tx->order_last = t->order_prev;
}

static void xs_tnode_drop(struct xs_tx *tx, struct xs_tnode *t)
{
	if (t->exists)
		xs_tx_uncharge(tx, xs_data_size(&t->data));
	xs_data_free(&t->data);
	t->exists = false;
	xs_order_remove(tx, t);
}

int xs_tx_put(struct xs_tx *tx, struct xs_tnode *t, struct xs_data *data, bool fire)
{
	size_t old_size = t->exists ? xs_data_size(&t->data) : 0;
	int rc = xs_tx_charge(tx, xs_data_size(data));

	if (rc != 0) {
		xs_data_free(data);
		return rc;
	}
	xs_tx_uncharge(tx, old_size);
	xs_data_free(&t->data);
	t->data = *data;
	t->exists = true;
	t->fire = t->fire || fire;
	xs_order_append(tx, t);
	if (t->link.parent != NULL)
		((struct xs_tnode *)t->link.parent)->dir_changes++;
	return 0;
}

void xs_tx_remove(struct xs_tx *tx, const struct xs_ref *ref)
{
	struct xs_tnode *top = ref->t;
	bool in_store = ref->b != NULL || top->hides;

	for (struct xn_node *n = xn_next(&top->link, &top->link); n != NULL;
	     n = xn_next(n, &top->link)) {
		struct xs_tnode *t = (struct xs_tnode *)n;

		xs_tnode_drop(tx, t);
		t->hides = false;
	}
	xs_tnode_drop(tx, top);
	((struct xs_tnode *)top->link.parent)->dir_changes++;
	/* A node that only the transaction ever had leaves no trace. */
	if (in_store) {
		top->hides = true;
		xs_order_append(tx, top);
	}
}
