/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping and unmapping of granted frames, and the table of handles. */
#include <core/grant_table.h>

#include <arch/x86_64/iommu/iommu.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

#define NO_HANDLE   GRANT_MAX_MAPS
#define UNMAP_PIECE 64u /* of a dying domain, at most GRANT_PIECE */
#define FLAGS_PLACE (GNTMAP_device_map | GNTMAP_host_map)
#define FLAGS_KNOWN (FLAGS_PLACE | GNTMAP_readonly)

/* A handle is reserved while its mapping is made or taken down, without the lock. */
enum map_state {
	MAP_free,
	MAP_reserved,
	MAP_active,
};

struct grant_map {
	struct domain *granter; /* a reference is held */
	hfn_t frame;            /* pinned: a reference is held */
	gfn_t at;               /* 0 without GNTMAP_host_map */
	grant_ref_t ref;
	u16 next; /* free list */
	u8 state; /* enum map_state */
	u8 flags; /* GNTMAP_* */
};
_Static_assert(sizeof(struct grant_map) * GRANT_MAPS_PER_PAGE == PAGE_SIZE, "maps fill their page");
_Static_assert(UNMAP_PIECE <= GRANT_PIECE, "take_down() has room");
_Static_assert(GRANT_MAX_MAPS <= UINT16_MAX, "next is 16 bits");

/* handle < maps_size */
static struct grant_map *map_at(struct domain *d, u32 handle)
{
	return &d->grant.maps[handle / GRANT_MAPS_PER_PAGE][handle % GRANT_MAPS_PER_PAGE];
}

static void push_free(struct domain *d, u32 handle)
{
	*map_at(d, handle) = (struct grant_map){.next = (u16)d->grant.maps_free};
	d->grant.maps_free = handle;
}

/* Another page of handles; false if there can't be one. */
static bool add_handles(struct domain *d)
{
	struct grant_domain *g = &d->grant;
	struct grant_map *page;

	if (g->maps_size == GRANT_MAX_MAPS)
		return false;
	page = domain_page_alloc(d, 0);
	if (!page)
		return false;
	g->maps[g->maps_size / GRANT_MAPS_PER_PAGE] = page;
	g->maps_size += GRANT_MAPS_PER_PAGE;
	for (u32 i = 1; i <= GRANT_MAPS_PER_PAGE; i++)
		push_free(d, g->maps_size - i);
	return true;
}

static struct grant_map *reserve(struct domain *d, u32 *handle)
{
	struct grant_domain *g = &d->grant;
	struct grant_map *m = NULL;

	spin_lock(&g->lock);
	if (g->maps_free != NO_HANDLE || add_handles(d)) {
		*handle = g->maps_free;
		m = map_at(d, *handle);
		g->maps_free = m->next;
		g->maps_used++;
		m->state = MAP_reserved;
	}
	spin_unlock(&g->lock);
	return m;
}

/* Under the lock. */
static inline void give_back(struct domain *d, u32 handle)
{
	push_free(d, handle);
	d->grant.maps_used--;
}

static void release(struct domain *d, u32 handle)
{
	spin_lock(&d->grant.lock);
	give_back(d, handle);
	spin_unlock(&d->grant.lock);
}

static inline bool may_write(const struct grant_map *m)
{
	return !(m->flags & GNTMAP_readonly);
}

/* Pins and maps for the reserved m, whose granter, ref, flags and at are set. */
static s16 pin_and_map(struct domain *d, struct grant_map *m)
{
	bool write = may_write(m);
	s16 status = grant_pin(m->granter, m->ref, d->id, write, &m->frame);
	int err = 0;

	if (status != GNTST_okay)
		return status;
	if (m->flags & GNTMAP_host_map)
		err = p2m_map(d, m->at, m->frame, 0, write ? EPT_R | EPT_W : EPT_R, EPT_TYPE_grant);
	if (!err && (m->flags & GNTMAP_device_map)) {
		err = iommu_allow(m->frame, write);
		if (err && (m->flags & GNTMAP_host_map))
			p2m_unmap_grants(d, &m->at, 1);
	}
	if (!err)
		return GNTST_okay;
	grant_unpin(m->granter, m->ref, write, m->frame);
	return err == -XEN_ENOMEM ? GNTST_no_space : GNTST_bad_virt_addr;
}

/* The domain that grants, with a reference. */
static struct domain *granter_get(domid_t id)
{
	struct domain *d = domain_get(id);

	if (d && READ_ONCE(d->dying)) {
		domain_put(d);
		return NULL;
	}
	return d;
}

/* Only who drives devices has a use for machine addresses. */
static s16 check_map(const struct domain *d, const struct gnttab_map_grant_ref *op)
{
	if ((op->flags & ~FLAGS_KNOWN) || !(op->flags & FLAGS_PLACE) ||
	    ((op->flags & GNTMAP_device_map) && !d->control))
		return GNTST_general_error;
	if ((op->flags & GNTMAP_host_map) && (op->host_addr & PAGE_MASK))
		return GNTST_bad_virt_addr;
	return GNTST_okay;
}

static s16 map_one(struct domain *d, struct domain *granter, struct gnttab_map_grant_ref *op)
{
	struct grant_map *m;
	s16 status;
	u32 handle;

	m = reserve(d, &handle);
	if (!m)
		return GNTST_no_space;
	m->granter = granter;
	m->ref = op->ref;
	m->flags = (u8)op->flags;
	m->at = op->flags & GNTMAP_host_map ? gpa_to_gfn(gpa(op->host_addr)) : gfn(0);
	status = pin_and_map(d, m);
	if (status != GNTST_okay) {
		release(d, handle);
		return status;
	}
	domain_ref(granter);
	op->handle = handle;
	op->dev_bus_addr = d->control ? hfn_to_hpa(m->frame).v : 0;
	__atomic_store_n(&m->state, MAP_active, __ATOMIC_RELEASE);
	return GNTST_okay;
}

void grant_map_some(struct vcpu *v, void *ops, u32 n)
{
	struct gnttab_map_grant_ref *op = ops;
	struct domain *d = v->domain, *granter = NULL;

	for (; n > 0; n--, op++) {
		op->status = check_map(d, op);
		if (op->status != GNTST_okay)
			continue;
		/* Most often all are of one domain. */
		if (!granter || granter->id != op->dom) {
			if (granter)
				domain_put(granter);
			granter = granter_get(op->dom);
		}
		op->status = granter ? map_one(d, granter, op) : GNTST_bad_domain;
	}
	if (granter)
		domain_put(granter);
	iommu_settle();
}

/* Takes down those of the n <= GRANT_PIECE mappings that are not NULL; they are reserved. One flush
 * for all, and only then does a granter see an entry unused. */
static void take_down(struct domain *d, struct grant_map *const maps[], u32 n)
{
	gfn_t at[GRANT_PIECE];
	u32 mapped = 0;

	for (u32 i = 0; i < n; i++) {
		if (maps[i] && (maps[i]->flags & GNTMAP_host_map))
			at[mapped++] = maps[i]->at;
		if (maps[i] && (maps[i]->flags & GNTMAP_device_map))
			iommu_revoke(maps[i]->frame, may_write(maps[i]));
	}
	iommu_settle();
	if (mapped)
		p2m_unmap_grants(d, at, mapped);
	for (u32 i = 0; i < n; i++) {
		const struct grant_map *m = maps[i];

		if (!m)
			continue;
		grant_unpin(m->granter, m->ref, may_write(m), m->frame);
		domain_put(m->granter);
	}
}

/* Under the lock: the mapping that op names, reserved; or NULL. */
static struct grant_map *claim(struct domain *d, struct gnttab_unmap_grant_ref *op)
{
	struct grant_map *m;

	op->status = GNTST_bad_handle;
	if (op->handle >= d->grant.maps_size)
		return NULL;
	m = map_at(d, (u32)index_guarded(op->handle, d->grant.maps_size));
	if (__atomic_load_n(&m->state, __ATOMIC_ACQUIRE) != MAP_active)
		return NULL;
	op->status = GNTST_bad_virt_addr;
	if (gfn_to_gpa(m->at).v != op->host_addr)
		return NULL;
	op->status = GNTST_okay;
	m->state = MAP_reserved;
	return m;
}

void grant_unmap_some(struct vcpu *v, void *ops, u32 n)
{
	struct gnttab_unmap_grant_ref *op = ops;
	struct domain *d = v->domain;
	struct grant_map *maps[GRANT_PIECE];

	spin_lock(&d->grant.lock);
	for (u32 i = 0; i < n; i++)
		maps[i] = claim(d, &op[i]);
	spin_unlock(&d->grant.lock);
	take_down(d, maps, n);
	spin_lock(&d->grant.lock);
	for (u32 i = 0; i < n; i++)
		if (maps[i])
			give_back(d, op[i].handle);
	spin_unlock(&d->grant.lock);
}

int grant_domain_unmap_all(struct domain *d)
{
	struct grant_domain *g = &d->grant;
	struct grant_map *maps[UNMAP_PIECE] = {0};
	u32 n = 0;

	while (g->maps_unmapped < g->maps_size && n < UNMAP_PIECE && n < g->maps_used) {
		struct grant_map *m = map_at(d, g->maps_unmapped++);

		if (m->state != MAP_active)
			continue;
		m->state = MAP_reserved;
		maps[n++] = m;
	}
	take_down(d, maps, n);
	g->maps_used -= n;
	if (g->maps_used > 0)
		return -XEN_EAGAIN;
	for (u32 i = 0; i < g->maps_size / GRANT_MAPS_PER_PAGE; i++)
		domain_page_free(d, g->maps[i], 0);
	g->maps_size = 0;
	g->maps_free = NO_HANDLE;
	return 0;
}
