/* SPDX-License-Identifier: BSD-2-Clause */
/* The committed store. Changes come only from the commit of a transaction or a release. */
#include <dom0/xenstore/xs_tree.h>

#include <errno.h>
#include <stdlib.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_watch.h>

#define XS_TREE_BUCKETS 1024u

struct xs_node *xs_node_root(const struct xenstore *xs)
{
	return (struct xs_node *)xs->nodes.root;
}

struct xs_node *xs_node_parent(const struct xs_node *node)
{
	return (struct xs_node *)node->link.parent;
}

struct xs_node *xs_node_child(const struct xenstore *xs, const struct xs_node *parent,
			      const char *name, size_t len)
{
	return (struct xs_node *)xn_find(&xs->nodes, &parent->link, name, len);
}

/* An owner that was never introduced stays in the table even without nodes, until its release: a
 * commit under way may be about to give it another one. */
void xs_node_set_owner(struct xs_node *node, struct xs_domain *owner)
{
	if (node->owner != NULL) {
		if (node->own_prev != NULL)
			node->own_prev->own_next = node->own_next;
		else
			node->owner->owned = node->own_next;
		if (node->own_next != NULL)
			node->own_next->own_prev = node->own_prev;
		node->owner->node_count--;
	}
	node->owner = owner;
	node->own_prev = NULL;
	node->own_next = NULL;
	if (owner != NULL) {
		node->own_next = owner->owned;
		if (owner->owned != NULL)
			owner->owned->own_prev = node;
		owner->owned = node;
		owner->node_count++;
	}
}

int xs_tree_init(struct xenstore *xs)
{
	struct xs_node *root = xn_node_alloc(sizeof(*root), "", 0);

	if (root == NULL)
		return -ENOMEM;
	root->data.perms = malloc(sizeof(*root->data.perms));
	if (root->data.perms == NULL ||
	    xn_tree_init(&xs->nodes, &root->link, XS_TREE_BUCKETS, xs->config.hash_seed) != 0) {
		xs_data_free(&root->data);
		free(root);
		return -ENOMEM;
	}
	root->data.perms[0] = (struct xs_perm){'n', 0};
	root->data.perm_count = 1;
	root->gen = root->dir_gen = root->data.perms_gen = ++xs->gen;
	xs_node_set_owner(root, xs->local);
	return 0;
}

static void xs_node_free(struct xs_node *node)
{
	xs_node_set_owner(node, NULL);
	xs_data_free(&node->data);
	free(node);
}

/* Everything below top, from below so that no node is left without a parent. */
static void xs_node_free_below(struct xenstore *xs, struct xs_node *top)
{
	while (top->link.first != NULL) {
		struct xn_node *leaf = xn_leaf(&top->link);

		xn_unlink(&xs->nodes, leaf);
		xs_node_free((struct xs_node *)leaf);
	}
}

void xs_tree_fini(struct xenstore *xs)
{
	struct xs_node *root = xs_node_root(xs);

	if (root == NULL)
		return;
	xs_node_free_below(xs, root);
	xs_node_free(root);
	xn_tree_fini(&xs->nodes);
}

void xs_node_add(struct xenstore *xs, struct xs_node *parent, struct xs_node *node,
		 struct xs_data *data, u64 gen)
{
	node->data = *data;
	*data = (struct xs_data){0};
	node->data.perms_gen = gen;
	node->gen = gen;
	node->dir_gen = gen;
	parent->dir_gen = gen;
	xn_link(&xs->nodes, &parent->link, &node->link);
	xs_node_set_owner(node, xs_domain_find(xs, node->data.perms[0].domid));
}

void xs_node_change(struct xenstore *xs, struct xs_node *node, struct xs_data *data, u64 gen)
{
	struct xs_data old = node->data;
	struct xs_domain *owner;

	node->data = *data;
	node->data.perms_gen = gen;
	node->gen = gen;
	*data = old;
	owner = xs_domain_find(xs, node->data.perms[0].domid);
	if (owner != node->owner)
		xs_node_set_owner(node, owner);
}

void xs_node_remove(struct xenstore *xs, struct xs_node *node, const char *path, u64 gen)
{
	xs_watch_removed(xs, path, node);
	xs_node_parent(node)->dir_gen = gen;
	xs_node_free_below(xs, node);
	xn_unlink(&xs->nodes, &node->link);
	xs_node_free(node);
}
