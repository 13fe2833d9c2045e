/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall 12: a guest gives pages back, takes new ones, and places the shared ones. */
#include <core/hypercall.h>

#include <core/domain.h>
#include <core/guest_access.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

#define PIECE_EXTENTS 64u
#define PIECE_PAGES   512u       /* a piece ends with the extent that reaches this */
#define COUNT_MAX     (1u << 26) /* what hypercall_again() can note */

static bool is_self(const struct vcpu *v, domid_t id)
{
	return id == DOMID_SELF || id == v->domain->id;
}

static bool release_extent(struct domain *d, u64 g, unsigned int order)
{
	for (u64 i = 0; i < 1ull << order; i++)
		if (p2m_release_page(d, gfn(g + i)))
			return false;
	return true;
}

/* All of it or nothing. */
static bool populate_extent(struct domain *d, u64 g, unsigned int order)
{
	u64 count = 1ull << order, done = 0, n;

	if (READ_ONCE(d->pages) + count > d->max_pages || g > ~0ull - count)
		return false;
	for (; done < count; done += n) {
		n = 0;
		if (p2m_populate(d, gfn(g + done), count - done, &n) || n == 0)
			break;
	}
	if (done == count)
		return true;
	while (done > 0 && !p2m_release_page(d, gfn(g + done - 1)))
		done--;
	return false;
}

/* Returns how many extents are done, which is short if one can't be; -XEN_EFAULT only if none is
 * done (guest-abi 3: callers take a short count for the answer). */
static s64 change_reservation(struct vcpu *v, void *arg)
{
	u64 cmd = v->regs.gpr[GPR_RDI], start = hypercall_start(cmd), n, done = 0, pages = 0;
	bool release = hypercall_cmd(cmd) == XENMEM_decrease_reservation;
	const struct xen_memory_reservation *r = arg;
	u64 list[PIECE_EXTENTS];

	if (!is_self(v, r->domid))
		return -XEN_EPERM;
	if (start >= r->nr_extents || r->nr_extents >= COUNT_MAX || r->extent_order > ORDER_2M)
		return (s64)start;
	n = min_u64(r->nr_extents - start, PIECE_EXTENTS);
	if (copy_from_guest(v, list, gva(r->extent_start + start * sizeof(list[0])),
			    n * sizeof(list[0])))
		return start ? (s64)start : -XEN_EFAULT;
	for (; done < n && pages < PIECE_PAGES; done++, pages += 1ull << r->extent_order)
		if (!(release ? release_extent(v->domain, list[done], r->extent_order)
			      : populate_extent(v->domain, list[done], r->extent_order)))
			return (s64)(start + done);
	start += done;
	return start < r->nr_extents ? hypercall_again(v, start) : (s64)start;
}

static s64 reservation(struct vcpu *v, void *arg)
{
	const struct xen_domid_arg *a = arg;
	bool now = hypercall_cmd(v->regs.gpr[GPR_RDI]) == XENMEM_current_reservation;
	int err;
	struct domain *d = domain_get_for(v, a->domid, &err);
	u64 pages;

	if (!d)
		return err;
	pages = now ? READ_ONCE(d->pages) : d->max_pages;
	domain_put(d);
	return (s64)pages;
}

/* xen_add_to_physmap.size is not looked at: callers leave it uninitialised for these spaces. */
static s64 add_to_physmap(struct vcpu *v, void *arg)
{
	const struct xen_add_to_physmap *a = arg;
	struct domain *d = v->domain;
	hfn_t frame;
	u64 *where;
	int err;

	if (!is_self(v, a->domid))
		return -XEN_EPERM;
	if (a->space == XENMAPSPACE_shared_info && a->idx == 0) {
		frame = page_to_hfn(d->shared);
		where = &d->event.shared_gfn;
	} else if (a->space == XENMAPSPACE_grant_table) {
		err = grant_table_frame(d, a->idx, &frame);
		if (err)
			return err;
		where = &d->grant.frame_gfn[a->idx];
	} else {
		return -XEN_EINVAL;
	}
	return p2m_place_shared(d, gfn(a->gpfn), frame, where);
}

static s64 memory_map(struct vcpu *v, void *arg)
{
	struct xen_e820_entry out[DOMAIN_MAX_MEMMAP];
	const struct domain *d = v->domain;
	struct xen_memory_map *m = arg;
	u32 have = READ_ONCE(d->memmap_count);

	if (have == 0 || !d->memmap)
		return -XEN_ENOSYS;
	m->nr_entries = (u32)min_u64(m->nr_entries, min_u64(have, DOMAIN_MAX_MEMMAP));
	for (u32 i = 0; i < m->nr_entries; i++)
		out[i] = (struct xen_e820_entry){d->memmap[i].addr, d->memmap[i].size,
						 d->memmap[i].type};
	return copy_to_guest(v, gva(m->buffer), out, m->nr_entries * sizeof(out[0]));
}

static const struct hypercall_op ops[] = {
	[XENMEM_decrease_reservation] = {change_reservation, sizeof(struct xen_memory_reservation),
					 HYPERCALL_RESTARTS},
	[XENMEM_populate_physmap] = {change_reservation, sizeof(struct xen_memory_reservation),
				     HYPERCALL_RESTARTS},
	[XENMEM_current_reservation] = {reservation, sizeof(struct xen_domid_arg), 0},
	[XENMEM_maximum_reservation] = {reservation, sizeof(struct xen_domid_arg), 0},
	[XENMEM_add_to_physmap] = {add_to_physmap, sizeof(struct xen_add_to_physmap), 0},
	[XENMEM_memory_map] = {memory_map, sizeof(struct xen_memory_map), HYPERCALL_OUT},
};

s64 do_memory_op(struct vcpu *v)
{
	return hypercall_op(v, ops, ARRAY_SIZE(ops), v->regs.gpr[GPR_RSI]);
}
