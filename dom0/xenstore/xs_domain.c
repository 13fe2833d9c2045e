/* SPDX-License-Identifier: BSD-2-Clause */
/* Table of domains, and what each is charged for; life and death of the server. */
#include <dom0/xenstore/xs_domain.h>

#include <errno.h>
#include <stdlib.h>

#include <dom0/xenstore/xs_ring.h>
#include <dom0/xenstore/xs_transaction.h>
#include <dom0/xenstore/xs_tree.h>
#include <dom0/xenstore/xs_watch.h>

_Static_assert(XS_SLOTS_PER_CHUNK *XS_CHUNKS >= DOMID_FIRST_RESERVED, "every id has a slot");

static struct xs_slot *xs_slot_find(const struct xenstore *xs, domid_t domid)
{
	struct xs_slot *chunk;

	if (domid >= DOMID_FIRST_RESERVED)
		return NULL;
	chunk = xs->chunks[domid / XS_SLOTS_PER_CHUNK];
	return chunk != NULL ? &chunk[domid % XS_SLOTS_PER_CHUNK] : NULL;
}

static struct xs_slot *xs_slot_get(struct xenstore *xs, domid_t domid)
{
	struct xs_slot **chunk;

	if (domid >= DOMID_FIRST_RESERVED)
		return NULL;
	chunk = &xs->chunks[domid / XS_SLOTS_PER_CHUNK];
	if (*chunk == NULL)
		*chunk = calloc(XS_SLOTS_PER_CHUNK, sizeof(**chunk));
	return *chunk != NULL ? *chunk + domid % XS_SLOTS_PER_CHUNK : NULL;
}

struct xs_domain *xs_domain_find(const struct xenstore *xs, domid_t domid)
{
	const struct xs_slot *slot = xs_slot_find(xs, domid);

	return slot != NULL ? slot->dom : NULL;
}

struct xs_domain *xs_domain_get(struct xenstore *xs, domid_t domid)
{
	struct xs_slot *slot = xs_slot_get(xs, domid);

	if (slot == NULL)
		return NULL;
	if (slot->dom == NULL) {
		slot->dom = calloc(1, sizeof(*slot->dom));
		if (slot->dom == NULL)
			return NULL;
		slot->dom->domid = domid;
		slot->dom->privileged = domid == 0;
	}
	return slot->dom;
}

void xs_domain_put(struct xenstore *xs, struct xs_domain *dom)
{
	if (dom == NULL || dom->introduced || dom->owned != NULL)
		return;
	xs_slot_find(xs, dom->domid)->dom = NULL;
	free(dom);
}

u64 xs_domain_void_gen(const struct xenstore *xs, domid_t domid)
{
	const struct xs_slot *slot = xs_slot_find(xs, domid);

	return slot != NULL ? slot->void_gen : 0;
}

void xs_domain_reset(struct xenstore *xs, struct xs_domain *dom)
{
	xs_watch_remove_all(xs, dom);
	while (dom->txs != NULL)
		xs_tx_free(dom->txs);
}

int xs_domain_charge(struct xs_domain *dom, size_t bytes)
{
	if (!dom->privileged && bytes > XS_QUOTA_WORK_BYTES - dom->work_bytes)
		return -ENOSPC;
	dom->work_bytes += (u32)bytes;
	return 0;
}

void xs_domain_uncharge(struct xs_domain *dom, size_t bytes)
{
	dom->work_bytes -= (u32)bytes;
}

void xs_domain_mark_dirty(struct xenstore *xs, struct xs_domain *dom)
{
	if (dom->dirty || dom->conn == NULL)
		return;
	dom->dirty = true;
	dom->dirty_next = xs->dirty;
	xs->dirty = dom;
}

void xs_domain_flush(struct xenstore *xs)
{
	while (xs->dirty != NULL) {
		struct xs_domain *dom = xs->dirty;

		xs->dirty = dom->dirty_next;
		dom->dirty = false;
		xs_ring_flush(xs, dom);
	}
}

static void xs_domain_undirty(struct xenstore *xs, struct xs_domain *dom)
{
	struct xs_domain **link = &xs->dirty;

	while (*link != NULL && *link != dom)
		link = &(*link)->dirty_next;
	if (*link != NULL)
		*link = dom->dirty_next;
	dom->dirty = false;
}

int xs_domain_introduce(struct xenstore *xs, domid_t domid, struct xenstore_domain_interface *page,
			xs_notify_fn notify, void *ctx)
{
	struct xs_domain *dom;

	if (domid == 0 || domid >= DOMID_FIRST_RESERVED || page == NULL || notify == NULL)
		return -EINVAL;
	dom = xs_domain_get(xs, domid);
	if (dom == NULL)
		return -ENOMEM;
	if (dom->introduced)
		return -EEXIST;
	dom->conn = xs_ring_open(page, notify, ctx);
	if (dom->conn == NULL) {
		xs_domain_put(xs, dom);
		return -ENOMEM;
	}
	dom->introduced = true;
	xs_watch_fire_special(xs, XS_INTRODUCE_EVENT);
	xs_domain_flush(xs);
	return 0;
}

/* Takes the topmost first: what lies below goes with it. */
static void xs_domain_remove_nodes(struct xenstore *xs, struct xs_domain *dom)
{
	while (dom->owned != NULL) {
		struct xs_node *node = dom->owned;
		struct xs_node *parent;

		while ((parent = xs_node_parent(node)) != NULL && parent->owner == dom)
			node = parent;
		if (parent == NULL) {
			xs_node_set_owner(node, xs->local); /* the root stays */
			node->data.perms[0].domid = 0;
			continue;
		}
		xn_path(&node->link, xs->path);
		xs_node_remove(xs, node, xs->path, ++xs->gen);
	}
}

void xs_domain_release(struct xenstore *xs, domid_t domid)
{
	struct xs_domain *dom;
	struct xs_slot *slot;
	bool introduced;

	if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
		return;
	dom = xs_domain_find(xs, domid);
	introduced = dom != NULL && dom->introduced;
	xs->release_gen = ++xs->gen;
	slot = xs_slot_get(xs, domid);
	if (slot != NULL)
		slot->void_gen = xs->gen;
	if (dom != NULL) {
		xs_domain_reset(xs, dom);
		xs_domain_undirty(xs, dom);
		xs_ring_close(dom->conn);
		dom->conn = NULL;
		dom->introduced = false;
		xs_domain_remove_nodes(xs, dom);
		xs_domain_put(xs, dom);
	}
	if (introduced)
		xs_watch_fire_special(xs, XS_RELEASE_EVENT);
	xs_domain_flush(xs);
}

bool xs_domain_introduced(const struct xenstore *xs, domid_t domid)
{
	const struct xs_domain *dom = xs_domain_find(xs, domid);

	return dom != NULL && dom->introduced;
}

const char *xs_domain_stopped(const struct xenstore *xs, domid_t domid)
{
	const struct xs_domain *dom = xs_domain_find(xs, domid);

	return dom != NULL ? dom->stopped : NULL;
}

struct xenstore *xenstore_create(const struct xenstore_config *config)
{
	struct xenstore *xs = calloc(1, sizeof(*xs));

	if (xs == NULL)
		return NULL;
	xs->config = *config;
	xs->local = xs_domain_get(xs, 0);
	if (xs->local == NULL || xs_tree_init(xs) != 0 || xs_watch_init(xs) != 0) {
		xenstore_destroy(xs);
		return NULL;
	}
	xs->local->introduced = true;
	return xs;
}

void xenstore_destroy(struct xenstore *xs)
{
	if (xs == NULL)
		return;
	for (u32 id = 0; id < DOMID_FIRST_RESERVED; id++) {
		struct xs_domain *dom = xs_domain_find(xs, (domid_t)id);

		if (dom == NULL)
			continue;
		xs_domain_reset(xs, dom);
		xs_ring_close(dom->conn);
	}
	xs_watch_fini(xs);
	xs_tree_fini(xs); /* needs the owners */
	for (u32 id = 0; id < DOMID_FIRST_RESERVED; id++)
		free(xs_domain_find(xs, (domid_t)id));
	for (u32 i = 0; i < XS_CHUNKS; i++)
		free(xs->chunks[i]);
	free(xs);
}
