/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping and unmapping of granted frames, and the table of handles. */
#include <core/grant_table.h>

#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

#define NO_HANDLE   GRANT_MAX_MAPS
#define UNMAP_PIECE 64u
#define FLAGS_KNOWN (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly)

/* A handle is reserved while its mapping is made or taken down, without the lock. */
enum map_state {
	MAP_free,
	MAP_reserved,
	MAP_active,
};

struct grant_map {
	struct domain *granter; /* a reference is held */
	hfn_t frame;            /* pinned: a reference is held */
	gfn_t at;
	grant_ref_t ref;
	u16 next; /* free list */
	u8 state; /* enum map_state */
	bool write;
};
_Static_assert(sizeof(struct grant_map) * GRANT_MAPS_PER_PAGE == PAGE_SIZE, "maps fill their page");
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

static void release(struct domain *d, u32 handle)
{
	spin_lock(&d->grant.lock);
	push_free(d, handle);
	d->grant.maps_used--;
	spin_unlock(&d->grant.lock);
}

/* Pins and maps for the reserved m, whose granter, ref, write and at are set. */
static s16 pin_and_map(struct domain *d, struct grant_map *m)
{
	s16 status = grant_pin(m->granter, m->ref, d->id, m->write, &m->frame);
	int err;

	if (status != GNTST_okay)
		return status;
	err = p2m_map(d, m->at, m->frame, 0, m->write ? EPT_R | EPT_W : EPT_R, EPT_TYPE_grant);
	if (!err)
		return GNTST_okay;
	grant_unpin(m->granter, m->ref, m->write, m->frame);
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

static s16 check_map(const struct gnttab_map_grant_ref *op)
{
	if ((op->flags & ~FLAGS_KNOWN) || !(op->flags & GNTMAP_host_map))
		return GNTST_general_error;
	return op->host_addr & PAGE_MASK ? GNTST_bad_virt_addr : GNTST_okay;
}

void grant_map_one(struct vcpu *v, void *arg)
{
	struct gnttab_map_grant_ref *op = arg;
	struct domain *d = v->domain, *granter;
	struct grant_map *m;
	u32 handle;

	op->status = check_map(op);
	if (op->status != GNTST_okay)
		return;
	op->status = GNTST_bad_domain;
	granter = granter_get(op->dom);
	if (!granter)
		return;
	op->status = GNTST_no_space;
	m = reserve(d, &handle);
	if (!m)
		goto put;
	m->granter = granter;
	m->ref = op->ref;
	m->write = !(op->flags & GNTMAP_readonly);
	m->at = gpa_to_gfn(gpa(op->host_addr));
	op->status = pin_and_map(d, m);
	if (op->status != GNTST_okay)
		goto release;
	op->handle = handle;
	/* Only who drives devices has a use for machine addresses. */
	op->dev_bus_addr = d->control ? hfn_to_hpa(m->frame).v : 0;
	__atomic_store_n(&m->state, MAP_active, __ATOMIC_RELEASE);
	return;
release:
	release(d, handle);
put:
	domain_put(granter);
}

/* m is reserved and was active. TLBs are clean before the granter sees the entry unused. */
static s16 take_down(struct domain *d, struct grant_map *m, u32 handle)
{
	struct domain *granter = m->granter;
	struct ept_leaf old;
	int err = p2m_unmap(d, m->at, 0, EPT_TYPE_grant, &old);

	if (err && err != -XEN_ENOENT) {
		__atomic_store_n(&m->state, MAP_active, __ATOMIC_RELEASE);
		return GNTST_general_error;
	}
	grant_unpin(granter, m->ref, m->write, m->frame);
	release(d, handle);
	domain_put(granter);
	return GNTST_okay;
}

void grant_unmap_one(struct vcpu *v, void *arg)
{
	struct gnttab_unmap_grant_ref *op = arg;
	struct grant_domain *g = &v->domain->grant;
	struct grant_map *m = NULL;

	spin_lock(&g->lock);
	op->status = GNTST_bad_handle;
	if (op->handle < g->maps_size) {
		m = map_at(v->domain, (u32)index_guarded(op->handle, g->maps_size));
		if (__atomic_load_n(&m->state, __ATOMIC_ACQUIRE) != MAP_active) {
			m = NULL;
		} else if (gfn_to_gpa(m->at).v != op->host_addr) {
			op->status = GNTST_bad_virt_addr;
			m = NULL;
		} else {
			m->state = MAP_reserved;
		}
	}
	spin_unlock(&g->lock);
	if (m)
		op->status = take_down(v->domain, m, op->handle);
}

int grant_domain_unmap_all(struct domain *d)
{
	struct grant_domain *g = &d->grant;

	for (u32 done = 0; g->maps_unmapped < g->maps_size && g->maps_used > 0;) {
		u32 handle = g->maps_unmapped;
		struct grant_map *m = map_at(d, handle);

		if (m->state == MAP_active) {
			if (done++ == UNMAP_PIECE || take_down(d, m, handle) != GNTST_okay)
				return -XEN_EAGAIN;
		}
		g->maps_unmapped++;
	}
	for (u32 i = 0; i < g->maps_size / GRANT_MAPS_PER_PAGE; i++)
		domain_page_free(d, g->maps[i], 0);
	g->maps_size = 0;
	g->maps_free = NO_HANDLE;
	return 0;
}
