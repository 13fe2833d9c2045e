/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree of names whose children are found through one hash table, embedded in other objects. */
#include <dom0/xenstore/xs_names.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/xenstore/xs_limits.h>

/* A child's hash continues its parent's, so equal names under different parents differ. */
static u32 xn_hash(const struct xn_node *parent, const char *name, size_t len)
{
	u32 hash = parent->hash * 2654435761u + 1u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (u8)name[i]) * 16777619u;
	hash ^= hash >> 15;
	hash *= 2246822519u;
	return hash ^ (hash >> 13);
}

int xn_tree_init(struct xn_tree *tree, struct xn_node *root, u32 bucket_count, u64 seed)
{
	tree->buckets = calloc(bucket_count, sizeof(*tree->buckets));
	if (tree->buckets == NULL)
		return -ENOMEM;
	tree->bucket_count = bucket_count;
	tree->node_count = 0;
	tree->root = root;
	root->hash = (u32)(seed ^ (seed >> 32));
	return 0;
}

void xn_tree_fini(struct xn_tree *tree)
{
	free(tree->buckets);
	tree->buckets = NULL;
}

void *xn_node_alloc(size_t size, const char *name, size_t len)
{
	char *memory = calloc(1, size + len + 1);
	struct xn_node *node = (struct xn_node *)(void *)memory;

	if (memory == NULL)
		return NULL;
	memcpy(memory + size, name, len);
	node->name = memory + size;
	node->name_len = (u32)len;
	return memory;
}

struct xn_node *xn_find(const struct xn_tree *tree, const struct xn_node *parent, const char *name,
			size_t len)
{
	u32 hash;
	struct xn_node *node;

	if (parent->child_count == 0)
		return NULL;
	hash = xn_hash(parent, name, len);
	node = tree->buckets[hash & (tree->bucket_count - 1)];
	while (node != NULL && !(node->hash == hash && node->parent == parent &&
				 node->name_len == len && memcmp(node->name, name, len) == 0))
		node = node->chain;
	return node;
}

/* If there is no memory the chains just stay longer. */
static void xn_grow(struct xn_tree *tree)
{
	u32 count = tree->bucket_count * 2;
	struct xn_node **buckets = calloc(count, sizeof(*buckets));

	if (buckets == NULL)
		return;
	for (u32 i = 0; i < tree->bucket_count; i++) {
		struct xn_node *node = tree->buckets[i];

		while (node != NULL) {
			struct xn_node *chain = node->chain;
			struct xn_node **bucket = &buckets[node->hash & (count - 1)];

			node->chain = *bucket;
			*bucket = node;
			node = chain;
		}
	}
	free(tree->buckets);
	tree->buckets = buckets;
	tree->bucket_count = count;
}

void xn_link(struct xn_tree *tree, struct xn_node *parent, struct xn_node *node)
{
	struct xn_node **bucket;

	if (tree->node_count >= tree->bucket_count)
		xn_grow(tree);
	node->hash = xn_hash(parent, node->name, node->name_len);
	bucket = &tree->buckets[node->hash & (tree->bucket_count - 1)];
	node->chain = *bucket;
	*bucket = node;
	node->parent = parent;
	node->next = NULL;
	node->prev = parent->last;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->child_count++;
	tree->node_count++;
}

void xn_unlink(struct xn_tree *tree, struct xn_node *node)
{
	struct xn_node *parent = node->parent;
	struct xn_node **link = &tree->buckets[node->hash & (tree->bucket_count - 1)];

	while (*link != node)
		link = &(*link)->chain;
	*link = node->chain;
	if (node->prev != NULL)
		node->prev->next = node->next;
	else
		parent->first = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
	else
		parent->last = node->prev;
	parent->child_count--;
	tree->node_count--;
}

struct xn_node *xn_next(struct xn_node *node, const struct xn_node *top)
{
	if (node->first != NULL)
		return node->first;
	while (node != top) {
		if (node->next != NULL)
			return node->next;
		node = node->parent;
	}
	return NULL;
}

struct xn_node *xn_leaf(struct xn_node *node)
{
	while (node->first != NULL)
		node = node->first;
	return node;
}

void xn_path(const struct xn_node *node, char *buf)
{
	const struct xn_node *n;
	size_t len = 0;

	for (n = node; n->parent != NULL; n = n->parent)
		len += n->name_len + 1u;
	/* Paths are checked before a node is made, so this cannot happen; it must not overflow. */
	if (len == 0 || len >= XS_PATH_SIZE) {
		memcpy(buf, "/", 2);
		return;
	}
	buf[len] = '\0';
	for (n = node; n->parent != NULL; n = n->parent) {
		len -= n->name_len;
		memcpy(buf + len, n->name, n->name_len);
		buf[--len] = '/';
	}
}
