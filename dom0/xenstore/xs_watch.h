/* SPDX-License-Identifier: BSD-2-Clause */
/* Watches: who is told about which changes, and the queues of events not yet taken. */
#ifndef DOM0_XENSTORE_XS_WATCH_H
#define DOM0_XENSTORE_XS_WATCH_H

#include <dom0/xenstore/xs_tree.h>

/* Watched paths form a tree of their own, so the watches below a removed node are found without
 * looking at any other. */
struct xs_wnode {
	struct xn_node link;
	struct xs_watch *watches;
	/* Only within xs_watch_removed: the deepest node of the store on this path. */
	struct xs_node *deepest;
	bool reached;
};

struct xs_watch {
	struct xs_wnode *wnode;
	struct xs_watch *next, **link;         /* same path */
	struct xs_watch *dom_next, **dom_link; /* same domain */
	struct xs_watch *missed_next;
	struct xs_domain *dom;
	xs_local_watch_fn fn; /* local client only */
	void *ctx;
	size_t prefix; /* bytes a relative watch leaves off its events' paths */
	u32 charge;
	bool missed;
	const char *path; /* absolute, or the name of a special event; both behind the object */
	const char *token;
};

int xs_watch_init(struct xenstore *xs) must_use;
/* All domains must have been reset. */
void xs_watch_fini(struct xenstore *xs);

/* path and token as the client gave them. Fires once. -EEXIST, -EINVAL, -EACCES, -ENOSPC, -ENOMEM.
 */
int xs_watch_add(struct xenstore *xs, struct xs_domain *dom, const char *path, const char *token,
		 xs_local_watch_fn fn, void *ctx) must_use;
/* -ENOENT. Events that wait are dropped. */
int xs_watch_remove(struct xenstore *xs, struct xs_domain *dom, const char *path,
		    const char *token) must_use;
void xs_watch_remove_all(struct xenstore *xs, struct xs_domain *dom);

/* The node has new contents; old is what it held before, NULL if it is new. */
void xs_watch_changed(struct xenstore *xs, const char *path, const struct xs_node *node,
		      const struct xs_data *old);
/* The node, still there, will be deleted with all below. */
void xs_watch_removed(struct xenstore *xs, const char *path, struct xs_node *node);
void xs_watch_fire_special(struct xenstore *xs, const char *name);

#endif
