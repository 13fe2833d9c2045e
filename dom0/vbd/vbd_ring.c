/* SPDX-License-Identifier: BSD-2-Clause */
/* One ring's turn: answers what is done, takes what is new, in batches. The page is hostile: each
 * request is copied once and only the copy is looked at, indices are read once and bounded. */
#include <dom0/vbd/vbd_internal.h>

#include <string.h>
#include <dom0/entry/paging.h>
#include <dom0/hyper/hypercall.h>

/* The indirect segments of the requests of one turn, each request's at a multiple of its size, so
 * that none crosses a page. */
static _Alignas(PAGE_SIZE) struct blkif_segment indirect[VBD_TURN][VBD_SEGMENTS];
static struct gnttab_copy copy_ops[VBD_TURN];
static struct vbd_request *copy_requests[VBD_TURN];
static unsigned int copy_count;

void vbd_ring_event(void *ctx)
{
	((struct vbd_ring *)ctx)->work.due = true;
}

void vbd_rings_wake(struct vbd *v)
{
	for (unsigned int i = 0; i < v->ring_count; i++)
		v->ring[i].work.due = true;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void count_request(struct vbd *v, const struct vbd_request *r)
{
	bool good = r->status == BLKIF_RSP_OKAY;
	u64 bytes = good ? (u64)r->sectors * BLOCK_SECTOR : 0;

	if (r->op == BLKIF_OP_READ) {
		v->stats.reads++;
		v->stats.read_bytes += bytes;
	} else if (r->op == BLKIF_OP_WRITE || r->op == BLKIF_OP_BARRIER) {
		v->stats.writes++;
		v->stats.written_bytes += bytes;
	} else if (r->op == BLKIF_OP_FLUSH) {
		v->stats.flushes++;
		v->stats.written_bytes += bytes;
	} else if (r->op == BLKIF_OP_DISCARD) {
		v->stats.discards++;
	}
	if (!good)
		v->stats.errors++;
}

/* There is room: as many slots were taken as are answered. */
static void put_response(struct vbd_ring *ring, const struct vbd_request *r)
{
	union blkif_slot *s = &ring->shared->slot[ring->rsp_prod++ & (ring->slots - 1)];

	s->response = (struct blkif_response){.id = r->id, .op = r->op, .status = r->status};
}

static void give_up_grants(struct vbd *v, struct vbd_request *r)
{
	for (unsigned int i = 0; i < r->granted; i++)
		vbd_grants_put(v, r->slot[i]);
	r->granted = 0;
}

static void become_hungry(struct vbd_ring *ring)
{
	if (!ring->hungry) {
		ring->hungry = true;
		ring->vbd->hungry++;
	}
}

/* Its turn has come. Not sooner: until then the others leave it its part. */
static void be_fed(struct vbd_ring *ring)
{
	if (ring->hungry) {
		ring->hungry = false;
		ring->vbd->hungry--;
	}
}

static void wake_hungry(struct vbd *v)
{
	for (unsigned int i = 0; v->hungry && i < v->ring_count; i++)
		if (v->ring[i].hungry)
			v->ring[i].work.due = true;
}

/* The guest is not told before its pages are unmapped: it takes one that is still in use for a
 * back end that went mad. Returns whether there was anything. */
static bool answer_done(struct vbd_ring *ring)
{
	struct vbd *v = ring->vbd;
	struct vbd_request *r, *first = ring->done.first;

	if (!first)
		return false;
	for (r = first; r; r = r->next)
		give_up_grants(v, r);
	vbd_grants_unmap(v);
	while ((r = vbd_list_take(&ring->done)) != NULL) {
		put_response(ring, r);
		count_request(v, r);
		r->next = ring->free;
		ring->free = r;
		ring->taken--;
		v->in_flight--;
		ring->barrier = false; /* it was alone */
	}
	wake_hungry(v);
	return true;
}

static void publish(struct vbd_ring *ring)
{
	struct blkif_ring *s = ring->shared;
	u32 old = ring->published, new = ring->rsp_prod;

	if (old == new)
		return;
	__atomic_store_n(&s->rsp_prod, new, __ATOMIC_RELEASE);
	ring->published = new;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if ((u32)(new - READ_ONCE(s->rsp_event)) < (u32)(new - old)) {
		hyper_event_send(ring->port);
		ring->vbd->stats.notified++;
	}
}

/* --- new ones --------------------------------------------------------------------------------- */

static void want_indirect(struct vbd_ring *ring, struct vbd_request *r, grant_ref_t ref)
{
	u64 at = paging_gpa(indirect[copy_count]).v;

	copy_requests[copy_count] = r;
	copy_ops[copy_count++] =
		(struct gnttab_copy){.source = {.u.ref = ref, .domid = ring->vbd->domid},
				     .dest = {.u.gmfn = at >> PAGE_SHIFT,
					      .domid = DOMID_SELF,
					      .offset = (u16)(at & PAGE_MASK)},
				     .len = (u16)(r->segment_count * sizeof(struct blkif_segment)),
				     .flags = GNTCOPY_source_gref,
				     .status = GNTST_general_error};
}

static void sort_in(struct vbd_ring *ring, struct vbd_request *r, enum vbd_parsed p)
{
	vbd_list_add(p == VBD_PARSED ? &ring->ready : &ring->done, r);
}

/* Fetches the segments of this turn's indirect requests. If the call as a whole fails, each still
 * says GNTST_general_error. */
static void fetch_indirect(struct vbd_ring *ring)
{
	unsigned int n = copy_count;

	if (!n)
		return;
	copy_count = 0;
	ring->vbd->stats.copy_calls++;
	(void)!hyper_grant_copy(copy_ops, n);
	for (unsigned int i = 0; i < n; i++) {
		struct vbd_request *r = copy_requests[i];

		if (copy_ops[i].status == GNTST_okay) {
			sort_in(ring, r, vbd_request_segments(ring->vbd, indirect[i], r));
		} else {
			r->status = BLKIF_RSP_ERROR;
			sort_in(ring, r, VBD_ANSWER);
		}
	}
}

/* Whether one more request fits this ring's part of the disk's share. */
static bool may_take(struct vbd_ring *ring)
{
	struct vbd *v = ring->vbd;
	u32 part = v->hungry ? v->share / v->ring_count : v->share;

	if (ring->barrier || !ring->free)
		return false; /* an answer of its own comes first */
	if (v->in_flight < v->share && ring->taken < (part ? part : 1))
		return true;
	become_hungry(ring);
	return false;
}

/* false: a barrier that has to wait for what was taken before it. */
static bool take_one(struct vbd_ring *ring)
{
	union blkif_slot slot;
	struct vbd_request *r = ring->free;
	enum vbd_parsed parsed;

	memcpy(&slot, &ring->shared->slot[ring->req_cons & (ring->slots - 1)], sizeof(slot));
	barrier(); /* what follows looks at the copy */
	if (slot.rw.op == BLKIF_OP_BARRIER) {
		if (ring->taken)
			return false;
		ring->barrier = true;
	}
	ring->req_cons++;
	ring->free = r->next;
	ring->taken++;
	ring->vbd->in_flight++;
	parsed = vbd_request_parse(ring->vbd, &slot, r);
	if (parsed == VBD_INDIRECT)
		want_indirect(ring, r, slot.indirect.gref[0]);
	else
		sort_in(ring, r, parsed);
	return true;
}

/* Asks to be told of new requests. While many are on their way, their answers bring us here anyway:
 * then only of some at once. */
static bool ask_for_event(struct vbd_ring *ring)
{
	WRITE_ONCE(ring->shared->req_event, ring->req_cons + 1 + ring->submitted / 4);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&ring->shared->req_prod, __ATOMIC_ACQUIRE) != ring->req_cons;
}

/* Takes up to VBD_TURN requests. Returns whether to come again soon. */
static bool take_requests(struct vbd_ring *ring)
{
	unsigned int n = 0;

	ring->held = false;
	do {
		u32 prod = __atomic_load_n(&ring->shared->req_prod, __ATOMIC_ACQUIRE);

		if (prod - ring->req_cons > ring->slots - (ring->req_cons - ring->rsp_prod)) {
			ring->stopped = true;
			vbd_fail(ring->vbd, "the guest wrote a wild ring index");
			return false;
		}
		while (ring->req_cons != prod) {
			if (n++ == VBD_TURN)
				return true;
			ring->held = !may_take(ring) || !take_one(ring);
			if (ring->held)
				return false;
		}
	} while (ask_for_event(ring));
	return false;
}

/* --- on their way ----------------------------------------------------------------------------- */

static bool get_grants(struct vbd *v, struct vbd_request *r)
{
	if (r->segment_count > vbd_grants_room(v))
		return false;
	for (; r->granted < r->segment_count; r->granted++)
		r->slot[r->granted] = vbd_grants_get(v, r->ref[r->granted], !r->write);
	return true;
}

/* Gives slots to those that the limits let pass. */
static void begin_ready(struct vbd_ring *ring)
{
	struct vbd *v = ring->vbd;
	struct vbd_request *r;

	while ((r = ring->ready.first) != NULL) {
		if (!r->passed && !vbd_limits_pass(v, (u64)r->sectors * BLOCK_SECTOR))
			return;
		r->passed = true;
		if (!get_grants(v, r)) {
			/* Others of this disk hold them; their answers wake all rings. */
			become_hungry(ring);
			return;
		}
		vbd_list_add(&ring->mapping, vbd_list_take(&ring->ready));
	}
}

enum mapped { MAPPED_all, MAPPED_later, MAPPED_never };

static enum mapped fill_segments(const struct vbd *v, struct vbd_request *r)
{
	enum mapped result = MAPPED_all;

	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct vbd_grant *g = &v->grants.slot[r->slot[i]];
		u8 *page = v->grants.window ? v->grants.window + r->slot[i] * PAGE_SIZE : NULL;

		if (g->state == VBD_GRANT_BAD)
			return MAPPED_never;
		if (g->state != VBD_GRANT_MAPPED)
			result = MAPPED_later;
		r->segment[i].bus = g->bus + r->offset[i];
		r->segment[i].cpu = page ? page + r->offset[i] : NULL;
	}
	return result;
}

static void want_again(struct vbd *v, const struct vbd_request *r)
{
	for (unsigned int i = 0; i < r->granted; i++)
		vbd_grants_want(v, r->slot[i]);
}

/* Maps what is wanted; what the hypervisor has no room for now is tried again later. */
static void map_grants(struct vbd_ring *ring)
{
	struct vbd *v = ring->vbd;
	struct vbd_list list = ring->mapping;
	struct vbd_request *r, *next;

	if (!list.first)
		return;
	for (r = list.first; r; r = r->next)
		want_again(v, r);
	vbd_grants_map(v);
	vbd_list_init(&ring->mapping);
	for (r = list.first; r; r = next) {
		enum mapped m = fill_segments(v, r);

		next = r->next;
		if (m == MAPPED_never)
			r->status = BLKIF_RSP_ERROR;
		vbd_list_add(m == MAPPED_all     ? &ring->mapped
			     : m == MAPPED_later ? &ring->mapping
						 : &ring->done,
			     r);
	}
	if (ring->mapping.first)
		loop_set_timer(&v->retry_timer, loop_now() + VBD_RETRY_NS);
}

static void submit_mapped(struct vbd_ring *ring)
{
	struct vbd_list list = ring->mapped;
	struct vbd_request *r, *next;

	if (!list.first)
		return;
	/* Those that go on with a further step at once come into the emptied list. */
	vbd_list_init(&ring->mapped);
	for (r = list.first; r; r = next) {
		next = r->next;
		vbd_request_submit(r);
	}
	block_kick(ring->vbd->use);
	if (ring->mapped.first)
		ring->work.due = true;
}

/* The back end closes: what the device does not have is dropped unanswered, for the front end to
 * ask again elsewhere or to fail. */
static void drop(struct vbd_ring *ring, struct vbd_list *l)
{
	struct vbd_request *r;

	while ((r = vbd_list_take(l)) != NULL) {
		give_up_grants(ring->vbd, r);
		r->next = ring->free;
		ring->free = r;
		ring->taken--;
		ring->vbd->in_flight--;
	}
	vbd_grants_unmap(ring->vbd);
}

static void turn_of_stopped(struct vbd_ring *ring)
{
	drop(ring, &ring->ready);
	drop(ring, &ring->mapping);
	drop(ring, &ring->mapped);
	(void)answer_done(ring);
	publish(ring);
	if (!ring->taken)
		ring->vbd->work.due = true;
}

bool vbd_ring_turn(void *ctx)
{
	struct vbd_ring *ring = ctx;
	bool more;

	if (ring->stopped) {
		turn_of_stopped(ring);
		return false;
	}
	(void)answer_done(ring);
	be_fed(ring);
	more = take_requests(ring);
	fetch_indirect(ring);
	begin_ready(ring);
	map_grants(ring);
	submit_mapped(ring);
	/* What failed at once, and what a disk in memory has done by now. */
	if (answer_done(ring) && ring->held)
		more = true;
	publish(ring);
	return more && !ring->stopped;
}
