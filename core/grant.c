/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's grant table: its frames, its entries and who uses them, and hypercall 20. */
#include <core/grant.h>

#include <core/grant_table.h>
#include <core/guest_access.h>
#include <core/hypercall.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

#define PIECE_BYTES     4096u      /* of an array, copied in and out at once */
#define COUNT_MAX       (1u << 26) /* what hypercall_again() can note */
#define PIN_TRIES       5          /* a guest that keeps changing an entry gets an error */
#define PIN_FULL        0xFFu      /* each of the two counts has a byte */
#define WRITERS(pins)   ((u16)(pins) >> 8)
#define READERS(pins)   ((u16)(pins)&0xFFu)
#define ONE_USER(write) ((write) ? 0x100u : 1u)

/* Flags and domid of an entry, which change together. The guest sees the same bytes. */
typedef u32 __attribute__((may_alias)) entry_word;

static u16 *pins_of(struct domain *d, grant_ref_t ref)
{
	return &d->grant.pins[ref / GRANT_PINS_PER_PAGE][ref % GRANT_PINS_PER_PAGE];
}

static struct grant_entry_v1 *entry_of(struct domain *d, grant_ref_t ref)
{
	return &d->grant.frame[ref / GRANT_PER_FRAME][ref % GRANT_PER_FRAME];
}

/* --- the table --- */

static int grow(struct domain *d, u32 frames)
{
	struct grant_domain *g = &d->grant;

	while (g->frames < frames) {
		u16 **pins = &g->pins[g->frames * GRANT_PER_FRAME / GRANT_PINS_PER_PAGE];

		if (!*pins)
			*pins = domain_page_alloc(d, 0);
		if (!*pins)
			return -XEN_ENOMEM;
		g->frame[g->frames] = domain_page_alloc(d, 0);
		if (!g->frame[g->frames])
			return -XEN_ENOMEM;
		g->frame_gfn[g->frames] = ~0ull;
		WRITE_ONCE(g->frames, g->frames + 1);
	}
	return 0;
}

int grant_domain_init(struct domain *d)
{
	d->grant = (struct grant_domain){.maps_free = GRANT_MAX_MAPS};
	return grow(d, GRANT_INITIAL_FRAMES);
}

void grant_domain_free(struct domain *d)
{
	struct grant_domain *g = &d->grant;

	for (u32 i = 0; i < ARRAY_SIZE(g->frame) && g->frame[i]; i++)
		domain_page_free(d, g->frame[i], 0);
	for (u32 i = 0; i < ARRAY_SIZE(g->pins) && g->pins[i]; i++)
		domain_page_free(d, g->pins[i], 0);
	g->frames = 0;
}

int grant_table_frame(struct domain *d, u64 idx, hfn_t *frame)
{
	int err;

	if (idx >= GRANT_MAX_FRAMES)
		return -XEN_EINVAL;
	spin_lock(&d->grant.lock);
	err = grow(d, (u32)idx + 1);
	spin_unlock(&d->grant.lock);
	if (!err)
		*frame = page_to_hfn(d->grant.frame[idx]);
	return err;
}

int grant_seed(struct domain *d, grant_ref_t ref, domid_t to, gfn_t frame)
{
	struct grant_entry_v1 *e;

	if (ref >= GNTTAB_NR_RESERVED_ENTRIES || d->grant.frames == 0 || frame.v > UINT32_MAX)
		return -XEN_EINVAL;
	e = entry_of(d, ref);
	e->frame = (u32)frame.v;
	e->domid = to;
	__atomic_store_n(&e->flags, GTF_permit_access, __ATOMIC_RELEASE);
	return 0;
}

/* --- pinning --- */

/* guest-abi 5: what must hold is checked on the very word that the exchange replaces. */
static s16 mark_used(struct grant_entry_v1 *e, domid_t who, bool write)
{
	entry_word *word = (entry_word *)(void *)e;
	u32 old = __atomic_load_n(word, __ATOMIC_RELAXED);
	u32 bits = GTF_reading | (write ? GTF_writing : 0);

	for (int i = 0; i < PIN_TRIES; i++) {
		u32 kind = old & (GTF_type_mask | GTF_sub_page);

		if (kind != GTF_permit_access || old >> 16 != who ||
		    (write && (old & GTF_readonly)))
			return GNTST_general_error;
		if (__atomic_compare_exchange_n(word, &old, old | bits, false, __ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return GNTST_okay;
	}
	return GNTST_eagain;
}

static void clear_used(struct grant_entry_v1 *e, u16 pins)
{
	u16 bits = 0;

	if (WRITERS(pins) == 0)
		bits |= GTF_writing;
	if (pins == 0)
		bits |= GTF_reading;
	if (bits)
		__atomic_fetch_and(&e->flags, (u16)~bits, __ATOMIC_SEQ_CST);
}

/* Of the entry alone; f is not known yet or not a frame that can be had. */
static void unpin_entry(struct domain *granter, grant_ref_t ref, bool write)
{
	u16 *pins = pins_of(granter, ref);

	spin_lock(&granter->grant.lock);
	*pins = (u16)(*pins - ONE_USER(write));
	clear_used(entry_of(granter, ref), *pins);
	spin_unlock(&granter->grant.lock);
}

s16 grant_pin(struct domain *granter, grant_ref_t ref, domid_t who, bool write, hfn_t *f)
{
	struct grant_domain *g = &granter->grant;
	s16 status = GNTST_bad_gntref;
	u32 frame = 0;

	spin_lock(&g->lock);
	if (ref < g->frames * GRANT_PER_FRAME) {
		grant_ref_t at = (grant_ref_t)index_guarded(ref, g->frames * GRANT_PER_FRAME);
		u16 *pins = pins_of(granter, at);
		struct grant_entry_v1 *e = entry_of(granter, at);

		if ((write ? WRITERS(*pins) : READERS(*pins)) == PIN_FULL)
			status = GNTST_no_space;
		else
			status = mark_used(e, who, write);
		if (status == GNTST_okay) {
			*pins = (u16)(*pins + ONE_USER(write));
			frame = READ_ONCE(e->frame);
		}
	}
	spin_unlock(&g->lock);
	if (status != GNTST_okay)
		return status;
	if (p2m_get_ram(granter, gfn(frame), write, f)) {
		unpin_entry(granter, ref, write);
		return GNTST_bad_page;
	}
	return GNTST_okay;
}

void grant_unpin(struct domain *granter, grant_ref_t ref, bool write, hfn_t f)
{
	frame_put(f);
	unpin_entry(granter, ref, write);
}

/* --- the hypercall --- */

/* After `piece` elements the hypercall restarts: copying moves a page for each. */
static const struct {
	void (*some)(struct vcpu *v, void *ops, u32 n);
	u32 size, piece;
} arrays[] = {
	[GNTTABOP_map_grant_ref] = {grant_map_some, sizeof(struct gnttab_map_grant_ref),
				    GRANT_PIECE},
	[GNTTABOP_unmap_grant_ref] = {grant_unmap_some, sizeof(struct gnttab_unmap_grant_ref),
				      GRANT_PIECE},
	[GNTTABOP_copy] = {grant_copy_some, sizeof(struct gnttab_copy), 32},
};
_Static_assert(sizeof(struct gnttab_map_grant_ref) * GRANT_PIECE <= PIECE_BYTES, "a piece fits");

static s64 array_op(struct vcpu *v, u64 op, u32 count)
{
	u64 buf[PIECE_BYTES / 8];
	u64 start = hypercall_start(v->regs.gpr[GPR_RDI]), size = arrays[op].size, n;
	gva_t at = gva(v->regs.gpr[GPR_RSI] + start * size);

	if (count >= COUNT_MAX)
		return -XEN_EINVAL;
	if (start >= count)
		return 0;
	n = min_u64(count - start, arrays[op].piece);
	if (copy_from_guest(v, buf, at, n * size))
		return -XEN_EFAULT;
	arrays[op].some(v, buf, (u32)n);
	if (copy_to_guest(v, at, buf, n * size))
		return -XEN_EFAULT;
	return start + n < count ? hypercall_again(v, start + n) : 0;
}

static s64 query_size(struct vcpu *v, void *arg)
{
	struct gnttab_query_size *q = arg;
	int err;
	struct domain *d = domain_get_for(v, q->dom, &err);

	q->status = err == -XEN_EPERM ? GNTST_permission_denied : GNTST_bad_domain;
	if (d) {
		q->nr_frames = READ_ONCE(d->grant.frames);
		q->max_nr_frames = GRANT_MAX_FRAMES;
		q->status = GNTST_okay;
		domain_put(d);
	}
	return 0;
}

static s64 set_version(struct vcpu *v, void *arg)
{
	const struct gnttab_set_version *s = arg;

	(void)v;
	if (s->version == 1)
		return 0;
	return s->version == 2 ? -XEN_ENOSYS : -XEN_EINVAL;
}

static s64 get_version(struct vcpu *v, void *arg)
{
	struct gnttab_get_version *g = arg;
	int err;
	struct domain *d = domain_get_for(v, g->dom, &err);

	if (!d)
		return err;
	domain_put(d);
	g->version = 1;
	return 0;
}

static const struct hypercall_op ops[] = {
	[GNTTABOP_query_size] = {query_size, sizeof(struct gnttab_query_size), HYPERCALL_OUT},
	[GNTTABOP_set_version] = {set_version, sizeof(struct gnttab_set_version), 0},
	[GNTTABOP_get_version] = {get_version, sizeof(struct gnttab_get_version), HYPERCALL_OUT},
};

s64 do_grant_table_op(struct vcpu *v)
{
	u64 op = hypercall_cmd(v->regs.gpr[GPR_RDI]);
	u32 count = (u32)v->regs.gpr[GPR_RDX];

	if (op < ARRAY_SIZE(arrays) && arrays[op].some)
		return array_op(v, op, count);
	return count == 1 ? hypercall_op(v, ops, ARRAY_SIZE(ops), v->regs.gpr[GPR_RSI])
			  : -XEN_EINVAL;
}
