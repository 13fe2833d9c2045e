/* SPDX-License-Identifier: BSD-2-Clause */
/* The committed store. Changes come only from the commit of a transaction or a release. */
#ifndef DOM0_XENSTORE_XS_TREE_H
#define DOM0_XENSTORE_XS_TREE_H

#include <dom0/xenstore/xs_perm.h>

struct xs_node {
	struct xn_node link;
	struct xs_data data;
	u64 gen;     /* of the last change of value or permissions, or of the creation */
	u64 dir_gen; /* of the last change of the list of children */
	struct xs_domain *owner;
	struct xs_node *own_prev, *own_next;
};

int xs_tree_init(struct xenstore *xs) must_use;
void xs_tree_fini(struct xenstore *xs);

struct xs_node *xs_node_root(const struct xenstore *xs);
struct xs_node *xs_node_parent(const struct xs_node *node);
struct xs_node *xs_node_child(const struct xenstore *xs, const struct xs_node *parent,
			      const char *name, size_t len);

/* These cannot fail: what they need was allocated before. The owner named by data's first
 * permission must be in the table of domains. data is taken over. */
void xs_node_add(struct xenstore *xs, struct xs_node *parent, struct xs_node *node,
		 struct xs_data *data, u64 gen);
/* Swaps: data then holds what the node held. */
void xs_node_change(struct xenstore *xs, struct xs_node *node, struct xs_data *data, u64 gen);
/* Fires the watches (path is the node's), then deletes the node and all below. Not for the root. */
void xs_node_remove(struct xenstore *xs, struct xs_node *node, const char *path, u64 gen);
void xs_node_set_owner(struct xs_node *node, struct xs_domain *owner);

#endif
