/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree of names whose children are found through one hash table, embedded in other objects. */
#ifndef DOM0_XENSTORE_XS_NAMES_H
#define DOM0_XENSTORE_XS_NAMES_H

#include <core/types.h>

/* First member of whatever is kept in a tree. Children are in order of their linking. */
struct xn_node {
	struct xn_node *parent;
	struct xn_node *first, *last; /* children */
	struct xn_node *prev, *next;  /* siblings */
	struct xn_node *chain;        /* same bucket */
	const char *name;             /* NUL-terminated, behind the object */
	u32 name_len;
	u32 hash; /* of the whole path */
	u32 child_count;
};

struct xn_tree {
	struct xn_node **buckets;
	u32 bucket_count; /* power of two */
	u32 node_count;
	struct xn_node *root;
};

/* bucket_count: a power of two to begin with; grows with the tree. root must outlive the tree and
 * is not in the table. -ENOMEM. */
int xn_tree_init(struct xn_tree *tree, struct xn_node *root, u32 bucket_count, u64 seed) must_use;
/* Frees the table; nodes are the caller's. */
void xn_tree_fini(struct xn_tree *tree);

/* Zeroed memory of size bytes, beginning with a struct xn_node that has the name; free() it. */
void *xn_node_alloc(size_t size, const char *name, size_t len) must_use;
struct xn_node *xn_find(const struct xn_tree *tree, const struct xn_node *parent, const char *name,
			size_t len);
/* The name must not be there yet. */
void xn_link(struct xn_tree *tree, struct xn_node *parent, struct xn_node *node);
/* The node must have no children. */
void xn_unlink(struct xn_tree *tree, struct xn_node *node);

/* Next in preorder in the tree below and with top; NULL at the end. */
struct xn_node *xn_next(struct xn_node *node, const struct xn_node *top);
/* A node without children at or below this one: to take trees apart from below. */
struct xn_node *xn_leaf(struct xn_node *node);
/* Writes the path from the root, "/" for the root itself, to a buffer of XS_PATH_SIZE. */
void xn_path(const struct xn_node *node, char *buf);

#endif
