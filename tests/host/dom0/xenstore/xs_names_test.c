/* SPDX-License-Identifier: BSD-2-Clause */
/* Tree of names: lookup, order, traversal, removal, growth. */
// links: dom0/xenstore/xs_names.c

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dom0/xenstore/xs_limits.h>
#include <dom0/xenstore/xs_names.h>

static struct xn_node root;

static void start(struct xn_tree *tree)
{
	root = (struct xn_node){.name = ""};
	assert_int_equal(xn_tree_init(tree, &root, 8, 42), 0);
}

static struct xn_node *add(struct xn_tree *tree, struct xn_node *parent, const char *name)
{
	struct xn_node *node = xn_node_alloc(sizeof(*node), name, strlen(name));

	assert_non_null(node);
	xn_link(tree, parent, node);
	return node;
}

static void clear(struct xn_tree *tree)
{
	while (root.first != NULL) {
		struct xn_node *leaf = xn_leaf(&root);

		xn_unlink(tree, leaf);
		free(leaf);
	}
	assert_int_equal(tree->node_count, 0);
	xn_tree_fini(tree);
}

static void test_find(void **state)
{
	struct xn_tree tree;
	struct xn_node *a, *b, *ab;

	(void)state;
	start(&tree);
	a = add(&tree, &root, "a");
	b = add(&tree, &root, "b");
	ab = add(&tree, a, "b");
	assert_ptr_equal(xn_find(&tree, &root, "a", 1), a);
	assert_ptr_equal(xn_find(&tree, &root, "bc", 1), b);
	assert_ptr_equal(xn_find(&tree, a, "b", 1), ab);
	assert_null(xn_find(&tree, b, "b", 1));
	assert_null(xn_find(&tree, &root, "ab", 2));
	xn_unlink(&tree, ab);
	free(ab);
	assert_null(xn_find(&tree, a, "b", 1));
	assert_int_equal(a->child_count, 0);
	clear(&tree);
}

static void test_order_and_paths(void **state)
{
	struct xn_tree tree;
	struct xn_node *a, *b, *c;
	char path[XS_PATH_SIZE];

	(void)state;
	start(&tree);
	a = add(&tree, &root, "a");
	b = add(&tree, a, "bb");
	c = add(&tree, &root, "c");
	assert_ptr_equal(xn_next(&root, &root), a);
	assert_ptr_equal(xn_next(a, &root), b);
	assert_ptr_equal(xn_next(b, &root), c);
	assert_null(xn_next(c, &root));
	assert_null(xn_next(b, a));
	assert_null(xn_next(b, b));
	assert_ptr_equal(xn_leaf(&root), b);
	xn_path(&root, path);
	assert_string_equal(path, "/");
	xn_path(b, path);
	assert_string_equal(path, "/a/bb");
	xn_unlink(&tree, c);
	assert_ptr_equal(root.last, a);
	free(c);
	clear(&tree);
}

/* Lookup stays flat: the table grows with the tree, and chains stay short. */
static void test_growth(void **state)
{
	struct xn_tree tree;
	unsigned int longest = 0;
	char name[16];

	(void)state;
	start(&tree);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		add(&tree, &root, name);
	}
	assert_true(tree.bucket_count >= 16384);
	for (u32 i = 0; i < tree.bucket_count; i++) {
		unsigned int length = 0;

		for (struct xn_node *n = tree.buckets[i]; n != NULL; n = n->chain)
			length++;
		longest = length > longest ? length : longest;
	}
	assert_true(longest < 12);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_non_null(xn_find(&tree, &root, name, strlen(name)));
	}
	clear(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_order_and_paths),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
