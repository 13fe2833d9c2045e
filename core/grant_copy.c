/* SPDX-License-Identifier: BSD-2-Clause */
/* Copying between granted pages and the caller's own, without mapping them. */
#include <core/grant_table.h>

#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

/* The page at one end, held while bytes move. */
struct end {
	struct domain *granter; /* NULL: the caller's own page, by gfn */
	grant_ref_t ref;
	bool write;
	hfn_t frame;
};

static s16 end_hold(struct domain *d, const struct gnttab_copy_ptr *p, bool by_ref, bool write,
		    struct end *e)
{
	s16 status;

	*e = (struct end){.ref = p->u.ref, .write = write};
	if (!by_ref) {
		if (p->domid != DOMID_SELF && p->domid != d->id)
			return GNTST_permission_denied;
		return p2m_get_ram(d, gfn(p->u.gmfn), write, &e->frame) ? GNTST_bad_page
									: GNTST_okay;
	}
	e->granter = domain_get(p->domid == DOMID_SELF ? d->id : p->domid);
	if (!e->granter)
		return GNTST_bad_domain;
	status = grant_pin(e->granter, e->ref, d->id, write, &e->frame);
	if (status != GNTST_okay)
		domain_put(e->granter);
	return status;
}

static void end_drop(struct end *e)
{
	if (!e->granter) {
		frame_put(e->frame);
		return;
	}
	grant_unpin(e->granter, e->ref, e->write, e->frame);
	domain_put(e->granter);
}

static void move_bytes(const struct gnttab_copy *op, hfn_t to, hfn_t from)
{
	u8 *dst = frame_map(to);
	const u8 *src = frame_map(from);

	memmove(dst + op->dest.offset, src + op->source.offset, op->len);
	frame_unmap(src);
	frame_unmap(dst);
}

static void copy_one(struct vcpu *v, struct gnttab_copy *op)
{
	struct end src, dst;

	op->status = GNTST_general_error;
	if (op->flags & ~(GNTCOPY_source_gref | GNTCOPY_dest_gref))
		return;
	op->status = GNTST_bad_copy_arg;
	if ((u32)op->source.offset + op->len > PAGE_SIZE ||
	    (u32)op->dest.offset + op->len > PAGE_SIZE)
		return;
	op->status = end_hold(v->domain, &op->source, op->flags & GNTCOPY_source_gref, false, &src);
	if (op->status != GNTST_okay)
		return;
	op->status = end_hold(v->domain, &op->dest, op->flags & GNTCOPY_dest_gref, true, &dst);
	if (op->status == GNTST_okay) {
		move_bytes(op, dst.frame, src.frame);
		end_drop(&dst);
	}
	end_drop(&src);
}

void grant_copy_some(struct vcpu *v, void *ops, u32 n)
{
	for (u32 i = 0; i < n; i++)
		copy_one(v, (struct gnttab_copy *)ops + i);
}
