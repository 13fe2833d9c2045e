/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings: mapped and bound when a front end is ready, taken down when either end closes. */
#include <dom0/vbd/vbd_internal.h>

#include <stdlib.h>
#include <dom0/hyper/hypercall.h>

static unsigned int slots_of(unsigned int pages)
{
	unsigned int fit =
		(unsigned int)((pages * PAGE_SIZE - BLKIF_RING_HEADER) / sizeof(union blkif_slot));
	unsigned int slots = 1;

	while (slots * 2 <= fit)
		slots *= 2;
	return slots;
}

static bool make_requests(struct vbd_ring *ring)
{
	unsigned int n = ring->slots < VBD_IN_FLIGHT ? ring->slots : VBD_IN_FLIGHT;

	ring->requests = calloc(n, sizeof(*ring->requests));
	if (!ring->requests)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		struct vbd_request *r = &ring->requests[i];

		vbd_request_init(r, ring);
		r->next = ring->free;
		ring->free = r;
	}
	return true;
}

static const char *map_ring(struct vbd_ring *ring, const grant_ref_t *ref)
{
	struct vbd *v = ring->vbd;
	void *page;
	s16 status = foreign_map_grants(v->domid, ref, ring->pages, ring->handle, &page);

	if (status == GNTST_no_space)
		return "no room to map its ring";
	if (status != GNTST_okay)
		return "its ring cannot be mapped";
	ring->shared = page;
	ring->slots = slots_of(ring->pages);
	/* Where another back end stopped, for a front end that kept its ring. */
	ring->rsp_prod = READ_ONCE(ring->shared->rsp_prod);
	ring->req_cons = ring->published = ring->rsp_prod;
	return NULL;
}

static const char *open_ring(struct vbd *v, struct vbd_ring *ring, const struct vbd_front *f,
			     unsigned int q)
{
	const char *why;

	*ring = (struct vbd_ring){.vbd = v, .pages = f->pages};
	vbd_list_init(&ring->ready);
	vbd_list_init(&ring->mapping);
	vbd_list_init(&ring->mapped);
	vbd_list_init(&ring->done);
	why = map_ring(ring, f->queue[q].ref);
	if (why)
		return why;
	if (!make_requests(ring))
		return "out of memory";
	if (hyper_bind_interdomain(v->domid, f->queue[q].port, &ring->port)) {
		ring->port = 0;
		return "its event channel cannot be bound";
	}
	ring->work = (struct loop_work){.fn = vbd_ring_turn, .ctx = ring, .due = true};
	loop_add_work(&ring->work);
	loop_on_event(ring->port, vbd_ring_event, ring);
	return NULL;
}

/* Nothing of it is under way. Also one that was not opened to the end. */
static void close_ring(struct vbd_ring *ring)
{
	loop_remove_work(&ring->work);
	if (ring->port) {
		loop_forget_event(ring->port);
		hyper_event_close(ring->port);
	}
	if (ring->shared)
		foreign_unmap_grants(ring->shared, ring->handle, ring->pages);
	free(ring->requests);
}

static void close_all(struct vbd *v)
{
	loop_stop_timer(&v->retry_timer);
	loop_stop_timer(&v->limit_timer);
	for (unsigned int i = 0; i < v->ring_count; i++)
		close_ring(&v->ring[i]);
	vbd_grants_free(v);
	free(v->ring);
	v->ring = NULL;
	v->ring_count = v->hungry = 0;
}

const char *vbd_connect(struct vbd *v, const struct vbd_front *f)
{
	const char *why = NULL;

	v->ring = calloc(f->queues, sizeof(*v->ring));
	if (!v->ring)
		return "out of memory";
	if (!vbd_grants_init(v, f->persistent))
		why = "out of memory for its grants";
	while (!why && v->ring_count < f->queues) {
		why = open_ring(v, &v->ring[v->ring_count], f, v->ring_count);
		v->ring_count++;
	}
	if (why)
		close_all(v);
	return why;
}

bool vbd_disconnect(struct vbd *v)
{
	bool busy = false;

	for (unsigned int i = 0; i < v->ring_count; i++) {
		struct vbd_ring *ring = &v->ring[i];

		ring->stopped = true;
		busy |= ring->taken != 0;
		if (ring->taken > ring->submitted)
			ring->work.due = true; /* what waits is dropped */
	}
	if (busy)
		return false;
	if (v->ring_count)
		close_all(v);
	return true;
}
