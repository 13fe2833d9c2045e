/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants of data: which are mapped, and batches of mapping and unmapping. */
#include <dom0/vbd/vbd_internal.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/hypercall.h>

/* One batch of each kind for all disks: each is sent before its ring's turn ends. A slot is in
 * each at most once. */
static struct gnttab_map_grant_ref map_ops[VBD_GRANTS];
static u16 map_slots[VBD_GRANTS];
static unsigned int map_count;
static struct gnttab_unmap_grant_ref unmap_ops[VBD_GRANTS];
static unsigned int unmap_count;

static u64 window_address(const struct vbd_grants *g, u16 slot)
{
	return g->window ? ptr_arg(g->window) + slot * PAGE_SIZE : 0;
}

bool vbd_grants_init(struct vbd *v, bool keep)
{
	struct vbd_grants *g = &v->grants;

	*g = (struct vbd_grants){.keep = keep,
				 .free_count = VBD_GRANTS,
				 .oldest = VBD_NO_GRANT,
				 .newest = VBD_NO_GRANT};
	g->slot = calloc(VBD_GRANTS, sizeof(*g->slot));
	if (!g->slot)
		return false;
	for (unsigned int i = 0; i < VBD_GRANTS; i++)
		g->slot[i].next = (u16)(i + 1 < VBD_GRANTS ? i + 1 : VBD_NO_GRANT);
	for (unsigned int i = 0; i < VBD_GRANT_HASH; i++)
		g->hash[i] = VBD_NO_GRANT;
	/* A disk in memory is reached by the processor; everything else by DMA alone, which saves
	 * the work on page tables and TLBs. */
	if (v->device->needs_cpu) {
		g->window = foreign_reserve(VBD_GRANTS);
		if (!g->window) {
			free(g->slot);
			g->slot = NULL;
			return false;
		}
	}
	return true;
}

/* --- kept ones -------------------------------------------------------------------------------- */

static u16 *hash_head(struct vbd_grants *g, grant_ref_t ref)
{
	return &g->hash[ref % VBD_GRANT_HASH];
}

static u16 hash_find(struct vbd_grants *g, grant_ref_t ref)
{
	u16 i = *hash_head(g, ref);

	while (i != VBD_NO_GRANT && g->slot[i].ref != ref)
		i = g->slot[i].next;
	return i;
}

static void hash_remove(struct vbd_grants *g, u16 slot)
{
	u16 *link = hash_head(g, g->slot[slot].ref);

	while (*link != slot)
		link = &g->slot[*link].next;
	*link = g->slot[slot].next;
}

static void idle_add(struct vbd_grants *g, u16 slot)
{
	struct vbd_grant *s = &g->slot[slot];

	s->older = g->newest;
	s->newer = VBD_NO_GRANT;
	if (g->newest != VBD_NO_GRANT)
		g->slot[g->newest].newer = slot;
	else
		g->oldest = slot;
	g->newest = slot;
	g->idle_count++;
}

static void idle_remove(struct vbd_grants *g, u16 slot)
{
	struct vbd_grant *s = &g->slot[slot];

	if (s->older != VBD_NO_GRANT)
		g->slot[s->older].newer = s->newer;
	else
		g->oldest = s->newer;
	if (s->newer != VBD_NO_GRANT)
		g->slot[s->newer].older = s->older;
	else
		g->newest = s->older;
	g->idle_count--;
}

/* --- one slot --------------------------------------------------------------------------------- */

/* The slot may be used anew at once: what is unmapped here is so before the next one is mapped. */
static void release(struct vbd *v, u16 slot)
{
	struct vbd_grants *g = &v->grants;
	struct vbd_grant *s = &g->slot[slot];

	if (s->state == VBD_GRANT_MAPPED) {
		if (unmap_count == VBD_GRANTS)
			vbd_grants_unmap(v);
		unmap_ops[unmap_count++] =
			(struct gnttab_unmap_grant_ref){.host_addr = window_address(g, slot),
							.dev_bus_addr = s->bus,
							.handle = s->handle,
							.status = GNTST_general_error};
		v->stats.mapped--;
	}
	if (g->keep)
		hash_remove(g, slot);
	s->state = VBD_GRANT_FREE;
	s->next = g->free;
	g->free = slot;
	g->free_count++;
}

static u16 take_slot(struct vbd *v)
{
	struct vbd_grants *g = &v->grants;
	u16 slot;

	if (!g->free_count) {
		slot = g->oldest;
		idle_remove(g, slot);
		release(v, slot);
	}
	slot = g->free;
	g->free = g->slot[slot].next;
	g->free_count--;
	return slot;
}

void vbd_grants_want(struct vbd *v, u16 slot)
{
	struct vbd_grants *g = &v->grants;
	struct vbd_grant *s = &g->slot[slot];

	if (s->state != VBD_GRANT_WANTED || s->queued)
		return;
	s->queued = true;
	map_slots[map_count] = slot;
	map_ops[map_count++] = (struct gnttab_map_grant_ref){
		.host_addr = window_address(g, slot),
		.flags = GNTMAP_device_map | (g->window ? GNTMAP_host_map : 0) |
			 (s->write ? 0 : GNTMAP_readonly),
		.ref = s->ref,
		.dom = v->domid,
		.status = GNTST_general_error};
}

u16 vbd_grants_get(struct vbd *v, grant_ref_t ref, bool write)
{
	struct vbd_grants *g = &v->grants;
	u16 slot = g->keep ? hash_find(g, ref) : VBD_NO_GRANT;
	struct vbd_grant *s;

	if (slot != VBD_NO_GRANT) {
		s = &g->slot[slot];
		if (s->users++ == 0)
			idle_remove(g, slot);
		return slot;
	}
	slot = take_slot(v);
	s = &g->slot[slot];
	/* One that is kept is used in both directions. */
	*s = (struct vbd_grant){
		.ref = ref, .users = 1, .state = VBD_GRANT_WANTED, .write = write || g->keep};
	if (g->keep) {
		s->next = *hash_head(g, ref);
		*hash_head(g, ref) = slot;
	}
	vbd_grants_want(v, slot);
	return slot;
}

void vbd_grants_put(struct vbd *v, u16 slot)
{
	struct vbd_grant *s = &v->grants.slot[slot];

	if (--s->users)
		return;
	if (v->grants.keep && s->state == VBD_GRANT_MAPPED)
		idle_add(&v->grants, slot);
	else
		release(v, slot);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void settle(struct vbd *v, struct vbd_grant *s, const struct gnttab_map_grant_ref *op)
{
	s->queued = false;
	switch (op->status) {
	case GNTST_okay:
		s->state = VBD_GRANT_MAPPED;
		s->handle = op->handle;
		s->bus = op->dev_bus_addr;
		v->stats.mapped++;
		break;
	case GNTST_eagain:
	case GNTST_no_space: /* not the guest's fault: later */
		break;
	default:
		s->state = VBD_GRANT_BAD;
	}
}

void vbd_grants_map(struct vbd *v)
{
	unsigned int n = map_count;

	vbd_grants_unmap(v); /* first: their window pages may be the ones to be mapped anew */
	if (!n)
		return;
	map_count = 0;
	v->stats.map_calls++;
	/* If the call as a whole fails, each element still says GNTST_general_error. */
	(void)!hyper_grant_map(map_ops, n);
	for (unsigned int i = 0; i < n; i++)
		settle(v, &v->grants.slot[map_slots[i]], &map_ops[i]);
}

void vbd_grants_unmap(struct vbd *v)
{
	unsigned int n = unmap_count;
	int err;

	if (!n)
		return;
	unmap_count = 0;
	v->stats.unmap_calls++;
	err = hyper_grant_unmap(unmap_ops, n);
	for (unsigned int i = 0; i < n; i++)
		if (err || unmap_ops[i].status != GNTST_okay)
			panic("vbd: cannot unmap a guest's page (error %d, status %d)", err,
			      unmap_ops[i].status);
}

void vbd_grants_free(struct vbd *v)
{
	struct vbd_grants *g = &v->grants;

	while (g->idle_count) {
		u16 slot = g->oldest;

		idle_remove(g, slot);
		release(v, slot);
	}
	vbd_grants_unmap(v);
	if (g->window)
		foreign_release(g->window);
	free(g->slot);
	*g = (struct vbd_grants){0};
}
