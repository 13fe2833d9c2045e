/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' memory in the control domain's window: foreign mappings, each page with a reference. */
#include <core/control_memory.h>

#include <core/control_domain.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

#define PIECE_PAGES 2048u

static void put_pages(hfn_t f, u64 count)
{
	for (u64 i = 0; i < count; i++)
		frame_put(hfn(f.v + i));
}

static int get_pages(hfn_t f, u64 count, domid_t owner)
{
	for (u64 i = 0; i < count; i++) {
		int err = frame_get(hfn(f.v + i), owner);

		if (err) {
			put_pages(f, i);
			return err;
		}
	}
	return 0;
}

/* The leaf's frames with references, taken while the p2m lock keeps them from going away. */
static int grab(struct domain *d, gfn_t g, u64 room, u64 dst, hfn_t *f, unsigned int *order)
{
	struct ept_leaf leaf;
	int err = -XEN_EINVAL;

	read_lock(&d->p2m_lock);
	leaf = ept_lookup(&d->p2m, g);
	if (leaf.type == EPT_TYPE_ram) {
		bool large = leaf.order >= ORDER_2M && room >= 512 && (g.v & 511) == 0 &&
			     (dst & 511) == 0;

		*order = large ? ORDER_2M : ORDER_4K;
		*f = leaf.frame;
		err = get_pages(*f, 1ull << *order, d->id);
	}
	read_unlock(&d->p2m_lock);
	return err;
}

int control_memory_map(struct domain *d, struct plinth_ctl_mem *m)
{
	unsigned int rights = m->flags & PLINTH_MAP_readonly ? EPT_R : EPT_R | EPT_W;
	int err = 0;

	m->done = 0;
	if ((m->flags & ~PLINTH_MAP_readonly) || !control_domain_in_window(m->dst_gfn, m->count) ||
	    m->gfn >> 36 || m->count > 1ull << 36)
		return -XEN_EINVAL;
	while (m->done < m->count && m->done < PIECE_PAGES) {
		unsigned int order;
		hfn_t f;

		err = grab(d, gfn(m->gfn + m->done), m->count - m->done, m->dst_gfn + m->done, &f,
			   &order);
		if (err)
			break;
		err = p2m_map(control_domain, gfn(m->dst_gfn + m->done), f, order, rights,
			      EPT_TYPE_foreign);
		if (err) {
			put_pages(f, 1ull << order);
			break;
		}
		m->done += 1ull << order;
	}
	return m->done ? 0 : err;
}

int control_memory_unmap(struct plinth_ctl_mem *m)
{
	int err = 0;

	m->done = 0;
	if (!control_domain_in_window(m->dst_gfn, m->count))
		return -XEN_EINVAL;
	while (m->done < m->count && m->done < PIECE_PAGES) {
		gfn_t g = gfn(m->dst_gfn + m->done);
		struct ept_leaf old = p2m_lookup(control_domain, g);
		bool whole = old.order == ORDER_2M && (g.v & 511) == 0 && m->count - m->done >= 512;
		unsigned int order = whole ? ORDER_2M : ORDER_4K;

		err = p2m_unmap(control_domain, g, order, EPT_TYPE_foreign, &old);
		if (err)
			break;
		put_pages(old.frame, 1ull << order);
		m->done += 1ull << order;
	}
	return m->done ? 0 : err;
}
