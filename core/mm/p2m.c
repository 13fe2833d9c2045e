/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's memory: nested table, frames and flushes put together. */
#include <core/mm/p2m.h>

#include <core/mm/frame.h>
#include <core/vapic.h>
#include <xen/errno.h>

#define POPULATE_PIECE  4096u /* pages */
#define TEAR_DOWN_PIECE 64u   /* leaves */
#define TEAR_DOWN_PAGES 8192u /* freeing scrubs: bounded in pages too */
#define RIGHTS_RAM      (EPT_R | EPT_W | EPT_X)

/* Under the write lock: does what the update, which took `pages` frames away, owes before old
 * frames or tables are used again. */
static void settle(struct domain *d, bool flush, hfn_t taken, u64 pages)
{
	if (flush) {
		d->removed_frame = taken;
		d->removed_pages = pages;
		tlb_flush_domain(d);
		ept_flushed(&d->p2m);
	}
}

/* A guest chooses the gfns of its RAM, grants and shared pages; each scattered one costs up to
 * three table pages. Four times what dense 4 KiB leaves need, and a start, is enough for any guest.
 * Splits are not held up, so that memory can always be given back; they are bounded by the RAM
 * there is to split: max_pages / 512 more. */
static bool tables_exceeded(struct domain *d, gfn_t g, unsigned int order)
{
	u64 limit = 64 + d->max_pages / 128;
	struct ept_leaf hole;

	if (likely(d->control || d->p2m.table_pages + 3 <= limit))
		return false;
	hole = ept_lookup(&d->p2m, g);
	return hole.type == EPT_TYPE_none && hole.order >= order &&
	       d->p2m.table_pages + (hole.order - order) / ORDER_2M > limit;
}

static int map_locked(struct domain *d, gfn_t g, hfn_t f, unsigned int order, unsigned int rights,
		      enum ept_type type)
{
	struct ept_result r;

	if (tables_exceeded(d, g, order))
		return -XEN_ENOMEM;
	if ((VAPIC_BASE >> PAGE_SHIFT) - g.v < 1ull << order && !d->control &&
	    type != EPT_TYPE_mmio)
		return -XEN_EINVAL; /* the virtual APIC's page stays a hole, or the CPU's */
	r = ept_map(&d->p2m, g, f, order, rights, type);
	settle(d, r.flush, hfn(0), ~0ull);
	return r.err;
}

/* Under the write lock. Takes out what is there if its type is right. */
static int unmap_locked(struct domain *d, gfn_t g, unsigned int order, enum ept_type type,
			struct ept_leaf *old)
{
	struct ept_result r;

	*old = ept_lookup(&d->p2m, g);
	if (old->type != type || old->order < order)
		return -XEN_ENOENT;
	r = ept_unmap(&d->p2m, g, order, old);
	settle(d, r.flush, old->frame, 1ull << order);
	return r.err;
}

int p2m_map(struct domain *d, gfn_t g, hfn_t f, unsigned int order, unsigned int rights,
	    enum ept_type type)
{
	int err;

	write_lock(&d->p2m_lock);
	err = map_locked(d, g, f, order, rights, type);
	write_unlock(&d->p2m_lock);
	return err;
}

int p2m_unmap(struct domain *d, gfn_t g, unsigned int order, enum ept_type type,
	      struct ept_leaf *old)
{
	int err;

	write_lock(&d->p2m_lock);
	err = unmap_locked(d, g, order, type, old);
	write_unlock(&d->p2m_lock);
	return err;
}

void p2m_unmap_grants(struct domain *d, const gfn_t *at, u32 n)
{
	struct ept_result r;
	struct ept_leaf old;
	hfn_t taken = hfn(0);
	u64 count = 0;

	write_lock(&d->p2m_lock);
	for (u32 i = 0; i < n; i++) {
		old = ept_lookup(&d->p2m, at[i]);
		if (old.type != EPT_TYPE_grant || old.order != ORDER_4K)
			continue;
		r = ept_unmap(&d->p2m, at[i], ORDER_4K, &old);
		assert(!r.err); /* nothing to split */
		taken = old.frame;
		count++;
	}
	if (count == 1)
		settle(d, true, taken, 1);
	else
		settle(d, count > 0, hfn(0), ~0ull);
	write_unlock(&d->p2m_lock);
}

static int release_locked(struct domain *d, gfn_t g)
{
	struct ept_leaf old;
	int err;

	if (d->control)
		return -XEN_EINVAL; /* its devices reach all of it, for ever */
	err = unmap_locked(d, g, 0, EPT_TYPE_ram, &old);
	if (err)
		return err;
	d->pages--;
	frame_put(old.frame);
	return 0;
}

int p2m_release_page(struct domain *d, gfn_t g)
{
	int err;

	write_lock(&d->p2m_lock);
	err = release_locked(d, g);
	write_unlock(&d->p2m_lock);
	return err;
}

int p2m_place_shared(struct domain *d, gfn_t g, hfn_t f, u64 *where)
{
	struct ept_leaf old;
	int err;

	write_lock(&d->p2m_lock);
	old = ept_lookup(&d->p2m, g);
	err = 0;
	if (old.type == EPT_TYPE_shared && old.frame.v == f.v)
		goto out; /* it is there already */
	if (old.type == EPT_TYPE_ram)
		err = release_locked(d, g);
	else if (old.type != EPT_TYPE_none)
		err = -XEN_EINVAL; /* never over a grant, a device or another shared page */
	if (err)
		goto out;
	if (*where != ~0ull && unmap_locked(d, gfn(*where), 0, EPT_TYPE_shared, &old) == 0)
		*where = ~0ull;
	err = map_locked(d, g, f, 0, EPT_R | EPT_W, EPT_TYPE_shared);
	if (!err)
		*where = g.v;
out:
	write_unlock(&d->p2m_lock);
	return err;
}

/* The largest order that fits alignment and count. */
static unsigned int fitting_order(const struct domain *d, u64 g, u64 count)
{
	static const unsigned int orders[] = {ORDER_1G, ORDER_2M};

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++)
		if (orders[i] <= d->p2m.max_order && (g & low_mask(orders[i])) == 0 &&
		    count >> orders[i])
			return orders[i];
	return ORDER_4K;
}

static int populate_one(struct domain *d, gfn_t g, u64 count, u64 *done)
{
	unsigned int order = fitting_order(d, g.v, count);
	hfn_t f;
	int err;

	while (frame_alloc(d->id, order, &f)) {
		if (order == ORDER_4K)
			return -XEN_ENOMEM;
		order = order == ORDER_1G ? ORDER_2M : ORDER_4K;
	}
	err = map_locked(d, g, f, order, RIGHTS_RAM, EPT_TYPE_ram);
	if (err) {
		frame_free(f, order);
		return err;
	}
	d->pages += 1ull << order;
	*done += 1ull << order;
	return 0;
}

int p2m_populate(struct domain *d, gfn_t g, u64 count, u64 *done)
{
	int err = 0;

	*done = 0;
	if (g.v >> 36 || count > 1ull << 36)
		return -XEN_EINVAL;
	write_lock(&d->p2m_lock);
	while (!err && *done < count && *done < POPULATE_PIECE) {
		if (d->pages >= d->max_pages)
			err = -XEN_ENOMEM;
		else
			err = populate_one(d, gfn(g.v + *done),
					   min_u64(count - *done, d->max_pages - d->pages), done);
	}
	write_unlock(&d->p2m_lock);
	return *done ? 0 : err;
}

struct ept_leaf p2m_lookup(struct domain *d, gfn_t g)
{
	struct ept_leaf leaf;

	read_lock(&d->p2m_lock);
	leaf = ept_lookup(&d->p2m, g);
	read_unlock(&d->p2m_lock);
	return leaf;
}

int p2m_get_ram(struct domain *d, gfn_t g, bool write, hfn_t *f)
{
	struct ept_leaf leaf;
	int err = -XEN_EINVAL;

	read_lock(&d->p2m_lock);
	leaf = ept_lookup(&d->p2m, g);
	if (leaf.type == EPT_TYPE_ram && (!write || (leaf.rights & EPT_W)))
		err = frame_get(leaf.frame, d->id);
	read_unlock(&d->p2m_lock);
	*f = leaf.frame;
	return err;
}

static void drop_leaf(struct domain *d, const struct ept_leaf *leaf)
{
	u64 pages = 1ull << leaf->order;

	if (leaf->type == EPT_TYPE_ram) {
		d->pages -= pages;
		frame_free(leaf->frame, leaf->order);
	} else if (leaf->type == EPT_TYPE_foreign) {
		for (u64 i = 0; i < pages; i++)
			frame_put(hfn(leaf->frame.v + i));
	}
}

/* 1 GiB is more than a piece: taken out in parts, and whole only if there is no page to split it.
 */
static void take_leaf(struct domain *d, gfn_t at, struct ept_leaf *leaf)
{
	unsigned int order = leaf->order;
	struct ept_result r = ept_unmap(&d->p2m, at, (unsigned int)min_u64(order, ORDER_2M), leaf);

	if (r.err)
		r = ept_unmap(&d->p2m, at, order, leaf);
	assert(!r.err);
	settle(d, r.flush, leaf->frame, 1ull << order);
}

int p2m_tear_down(struct domain *d)
{
	struct ept_leaf leaf;
	unsigned int n = 0;
	u64 pages = 0;
	gfn_t at;
	int err = 0;

	write_lock(&d->p2m_lock);
	while (!err && ept_next(&d->p2m, gfn(d->tear_down_gfn), &at, &leaf)) {
		if (n++ == TEAR_DOWN_PIECE || pages >= TEAR_DOWN_PAGES) {
			err = -XEN_EAGAIN;
			break;
		}
		take_leaf(d, at, &leaf);
		d->tear_down_gfn = at.v + (1ull << leaf.order);
		pages += 1ull << leaf.order;
		drop_leaf(d, &leaf);
	}
	write_unlock(&d->p2m_lock);
	return err;
}
