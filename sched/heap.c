/* SPDX-License-Identifier: BSD-2-Clause */
/* Skew heap: two heaps are merged along their right edges, and each node passed swaps its sides, so
 * that no edge stays long. */
#include <sched/heap.h>

static struct heap_node *merge(struct heap_node *a, struct heap_node *b, struct heap_node *up)
{
	struct heap_node *top = NULL, **at = &top;

	while (a && b) {
		struct heap_node *first = b->key < a->key ? b : a, *right = first->right;

		if (first == b)
			b = a;
		a = right;
		first->right = first->left;
		first->up = up;
		*at = up = first;
		at = &first->left;
	}
	*at = a ? a : b;
	if (*at)
		(*at)->up = up;
	return top;
}

void heap_insert(struct heap *h, struct heap_node *n, u64 key)
{
	*n = (struct heap_node){.key = key};
	h->top = merge(h->top, n, NULL);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *below = merge(n->left, n->right, n->up);

	if (!n->up)
		h->top = below;
	else if (n->up->left == n)
		n->up->left = below;
	else
		n->up->right = below;
}

struct heap_node *heap_next(const struct heap_node *n, bool deeper)
{
	if (deeper && (n->left || n->right))
		return n->left ? n->left : n->right;
	for (; n->up; n = n->up)
		if (n->up->left == n && n->up->right)
			return n->up->right;
	return NULL;
}
