/* SPDX-License-Identifier: BSD-2-Clause */
/* A priority queue with the links inside the objects: a skew heap. Insertion and removal take a
 * number of steps that is, on average over any sequence, the logarithm of the size. Not locked. */
#ifndef SCHED_HEAP_H
#define SCHED_HEAP_H

#include <core/types.h>

struct heap_node {
	struct heap_node *up, *left, *right;
	u64 key;
};

struct heap {
	struct heap_node *top; /* has the least key; NULL: empty */
};

void heap_insert(struct heap *h, struct heap_node *n, u64 key);
void heap_remove(struct heap *h, struct heap_node *n); /* n is in h */
/* The node after n, parents before their children; those below n only if `deeper`. NULL: n was the
 * last. */
struct heap_node *heap_next(const struct heap_node *n, bool deeper);

#endif
