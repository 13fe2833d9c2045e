/* SPDX-License-Identifier: BSD-2-Clause */
/* Watches: who is told about which changes. */
#include <dom0/xenstore/xs_watch.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_event.h>

#define XS_WATCH_BUCKETS 256u

static struct xs_wnode *xs_wnode_root(const struct xenstore *xs)
{
	return (struct xs_wnode *)xs->watches.root;
}

static struct xs_wnode *xs_wnode_child(const struct xenstore *xs, const struct xs_wnode *parent,
				       const char *name, size_t len)
{
	return (struct xs_wnode *)xn_find(&xs->watches, &parent->link, name, len);
}

int xs_watch_init(struct xenstore *xs)
{
	struct xs_wnode *root = xn_node_alloc(sizeof(*root), "", 0);

	if (root == NULL)
		return -ENOMEM;
	if (xn_tree_init(&xs->watches, &root->link, XS_WATCH_BUCKETS, xs->config.hash_seed) != 0) {
		free(root);
		return -ENOMEM;
	}
	return 0;
}

void xs_watch_fini(struct xenstore *xs)
{
	free(xs->watches.root);
	if (xs->watches.root != NULL)
		xn_tree_fini(&xs->watches);
}

/* Drops path elements nothing hangs on any more. */
static void xs_wnode_prune(struct xenstore *xs, struct xs_wnode *w)
{
	while (w->watches == NULL && w->link.child_count == 0 && w->link.parent != NULL) {
		struct xs_wnode *parent = (struct xs_wnode *)w->link.parent;

		xn_unlink(&xs->watches, &w->link);
		free(w);
		w = parent;
	}
}

/* The special events are children of the root; no path element can begin with "!". */
static const char *xs_watch_key(const char *path)
{
	if (path[0] != '@')
		return path;
	return strcmp(path, XS_INTRODUCE_EVENT) == 0 ? "!introduce" : "!release";
}

static struct xs_wnode *xs_wnode_find(const struct xenstore *xs, const char *path)
{
	const char *cursor = xs_watch_key(path), *name;
	struct xs_wnode *w = xs_wnode_root(xs);
	size_t len;

	while (w != NULL && xs_path_next(&cursor, &name, &len))
		w = xs_wnode_child(xs, w, name, len);
	return w;
}

/* NULL: out of memory, nothing changed. */
static struct xs_wnode *xs_wnode_make(struct xenstore *xs, const char *path)
{
	const char *cursor = xs_watch_key(path), *name;
	struct xs_wnode *w = xs_wnode_root(xs);
	size_t len;

	while (xs_path_next(&cursor, &name, &len)) {
		struct xs_wnode *child = xs_wnode_child(xs, w, name, len);

		if (child == NULL) {
			child = xn_node_alloc(sizeof(*child), name, len);
			if (child == NULL) {
				xs_wnode_prune(xs, w);
				return NULL;
			}
			xn_link(&xs->watches, &w->link, &child->link);
		}
		w = child;
	}
	return w;
}

/* The client's path to a key: absolute, or the name of a special event. */
static int xs_watch_resolve(const struct xs_domain *dom, const char *path, char *buf,
			    size_t *prefix)
{
	if (!xs_path_is_special(path))
		return xs_path_absolute(dom->domid, path, buf, prefix);
	if (!dom->privileged)
		return -EACCES;
	memcpy(buf, path, strlen(path) + 1);
	*prefix = 0;
	return 0;
}

static struct xs_watch *xs_watch_find(const struct xenstore *xs, const struct xs_domain *dom,
				      const char *path, const char *token)
{
	struct xs_wnode *w = xs_wnode_find(xs, path);
	struct xs_watch *watch = w != NULL ? w->watches : NULL;

	while (watch != NULL && (watch->dom != dom || strcmp(watch->token, token) != 0))
		watch = watch->next;
	return watch;
}

/* Charged as if no other watch shared a path element. */
static u32 xs_watch_cost(const char *path, const char *token)
{
	size_t cost = sizeof(struct xs_watch) + 2 * strlen(path) + strlen(token) + 2;

	for (const char *p = path; *p != '\0'; p++)
		cost += *p == '/' ? sizeof(struct xs_wnode) + 1 : 0;
	return (u32)cost;
}

static struct xs_watch *xs_watch_alloc(const char *path, const char *token)
{
	size_t path_size = strlen(path) + 1, token_size = strlen(token) + 1;
	char *memory = calloc(1, sizeof(struct xs_watch) + path_size + token_size);
	struct xs_watch *watch = (struct xs_watch *)(void *)memory;

	if (memory == NULL)
		return NULL;
	memory += sizeof(*watch);
	memcpy(memory, path, path_size);
	memcpy(memory + path_size, token, token_size);
	watch->path = memory;
	watch->token = memory + path_size;
	return watch;
}

static void xs_watch_link(struct xs_watch *watch, struct xs_domain *dom, struct xs_wnode *w)
{
	watch->wnode = w;
	watch->next = w->watches;
	watch->link = &w->watches;
	if (watch->next != NULL)
		watch->next->link = &watch->next;
	w->watches = watch;
	watch->dom = dom;
	watch->dom_next = dom->watches;
	watch->dom_link = &dom->watches;
	if (watch->dom_next != NULL)
		watch->dom_next->dom_link = &watch->dom_next;
	dom->watches = watch;
	dom->watch_count++;
}

static void xs_watch_unlink(struct xenstore *xs, struct xs_watch *watch)
{
	struct xs_domain *dom = watch->dom;

	*watch->link = watch->next;
	if (watch->next != NULL)
		watch->next->link = watch->link;
	*watch->dom_link = watch->dom_next;
	if (watch->dom_next != NULL)
		watch->dom_next->dom_link = watch->dom_link;
	dom->watch_count--;
	xs_domain_uncharge(dom, watch->charge);
	xs_wnode_prune(xs, watch->wnode);
}

static int xs_watch_create(struct xenstore *xs, struct xs_domain *dom, const char *path,
			   const char *token, struct xs_watch **out)
{
	u32 cost = xs_watch_cost(path, token);
	struct xs_watch *watch;
	struct xs_wnode *w;
	int rc = xs_domain_charge(dom, cost);

	if (rc != 0)
		return rc;
	watch = xs_watch_alloc(path, token);
	w = watch != NULL ? xs_wnode_make(xs, path) : NULL;
	if (w == NULL) {
		free(watch);
		xs_domain_uncharge(dom, cost);
		return -ENOMEM;
	}
	watch->charge = cost;
	xs_watch_link(watch, dom, w);
	*out = watch;
	return 0;
}

int xs_watch_add(struct xenstore *xs, struct xs_domain *dom, const char *path, const char *token,
		 xs_local_watch_fn fn, void *ctx)
{
	char absolute[XS_PATH_SIZE];
	struct xs_watch *watch;
	size_t prefix;
	int rc = xs_watch_resolve(dom, path, absolute, &prefix);

	if (rc != 0)
		return rc;
	if (strlen(token) > XS_TOKEN_MAX)
		return -EINVAL;
	if (xs_watch_find(xs, dom, absolute, token) != NULL)
		return -EEXIST;
	if (!dom->privileged && dom->watch_count >= XS_QUOTA_WATCHES)
		return -ENOSPC;
	rc = xs_watch_create(xs, dom, absolute, token, &watch);
	if (rc != 0)
		return rc;
	watch->prefix = prefix;
	watch->fn = fn;
	watch->ctx = ctx;
	xs_event_add(xs, watch, watch->path);
	return 0;
}

static void xs_watch_destroy(struct xenstore *xs, struct xs_watch *watch)
{
	xs_event_purge(watch);
	xs_watch_unlink(xs, watch);
	free(watch);
}

int xs_watch_remove(struct xenstore *xs, struct xs_domain *dom, const char *path, const char *token)
{
	char absolute[XS_PATH_SIZE];
	struct xs_watch *watch;
	size_t prefix;
	int rc = xs_watch_resolve(dom, path, absolute, &prefix);

	if (rc != 0)
		return rc;
	watch = xs_watch_find(xs, dom, absolute, token);
	if (watch == NULL)
		return -ENOENT;
	xs_watch_destroy(xs, watch);
	return 0;
}

void xs_watch_remove_all(struct xenstore *xs, struct xs_domain *dom)
{
	xs_event_drop_all(dom);
	while (dom->watches != NULL)                /* each destruction moves the head on */
		xs_watch_destroy(xs, dom->watches); /* NOLINT(clang-analyzer-unix.Malloc) */
}

static bool xs_watch_may_read(const struct xenstore *xs, const struct xs_watch *watch,
			      const struct xs_data *data)
{
	return data != NULL && (xs_perm_access(xs, watch->dom, data) & XS_ACCESS_READ) != 0;
}

/* A watcher learns of a change if it can read the node, could before, or can list it. */
static void xs_wnode_fire(struct xenstore *xs, const struct xs_wnode *w, const char *path,
			  const struct xs_node *node, const struct xs_data *old)
{
	const struct xs_node *parent = xs_node_parent(node);

	for (struct xs_watch *watch = w->watches; watch != NULL; watch = watch->next) {
		if (xs_watch_may_read(xs, watch, &node->data) ||
		    xs_watch_may_read(xs, watch, old) ||
		    xs_watch_may_read(xs, watch, parent != NULL ? &parent->data : NULL))
			xs_event_add(xs, watch, path);
	}
}

/* Fires on the way to the node; returns the watched path's element for it, or NULL. */
static struct xs_wnode *xs_watch_fire_path(struct xenstore *xs, const char *path,
					   const struct xs_node *node, const struct xs_data *old)
{
	const char *cursor = path, *name;
	struct xs_wnode *w = xs_wnode_root(xs);
	size_t len;

	xs_wnode_fire(xs, w, path, node, old);
	while (w != NULL && xs_path_next(&cursor, &name, &len)) {
		w = xs_wnode_child(xs, w, name, len);
		if (w != NULL)
			xs_wnode_fire(xs, w, path, node, old);
	}
	return w;
}

void xs_watch_changed(struct xenstore *xs, const char *path, const struct xs_node *node,
		      const struct xs_data *old)
{
	(void)xs_watch_fire_path(xs, path, node, old);
}

/* Watches below report the path they watch, if they may read what is there: that node, or if it
 * does not exist the deepest one above it. */
void xs_watch_removed(struct xenstore *xs, const char *path, struct xs_node *node)
{
	struct xs_wnode *top = xs_watch_fire_path(xs, path, node, NULL);

	if (top == NULL)
		return;
	top->deepest = node;
	top->reached = true;
	for (struct xn_node *n = xn_next(&top->link, &top->link); n != NULL;
	     n = xn_next(n, &top->link)) {
		struct xs_wnode *w = (struct xs_wnode *)n;
		const struct xs_wnode *above = (struct xs_wnode *)n->parent;
		struct xs_node *child = NULL;

		if (above->reached)
			child = xs_node_child(xs, above->deepest, n->name, n->name_len);
		w->reached = child != NULL;
		w->deepest = child != NULL ? child : above->deepest;
		for (struct xs_watch *watch = w->watches; watch != NULL; watch = watch->next) {
			if (xs_watch_may_read(xs, watch, &w->deepest->data))
				xs_event_add(xs, watch, watch->path);
		}
	}
}

void xs_watch_fire_special(struct xenstore *xs, const char *name)
{
	struct xs_wnode *w = xs_wnode_find(xs, name);

	for (struct xs_watch *watch = w != NULL ? w->watches : NULL; watch != NULL;
	     watch = watch->next)
		xs_event_add(xs, watch, watch->path);
}
