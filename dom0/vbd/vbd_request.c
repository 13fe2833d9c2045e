/* SPDX-License-Identifier: BSD-2-Clause */
/* One request of a guest: what it asks for, checked, and the steps it is made of. */
#include <dom0/vbd/vbd_internal.h>

static enum vbd_parsed answer(struct vbd_request *r, s16 status)
{
	r->status = status;
	return VBD_ANSWER;
}

/* Sectors [first, first + count) are on the disk. */
static bool in_disk(const struct vbd *v, u64 first, u64 count)
{
	return first <= v->sectors && count <= v->sectors - first;
}

enum vbd_parsed vbd_request_segments(const struct vbd *v, const struct blkif_segment *s,
				     struct vbd_request *r)
{
	r->sectors = 0;
	for (unsigned int i = 0; i < r->segment_count; i++) {
		u32 n = (u32)s[i].last - s[i].first + 1;

		if (s[i].first > s[i].last || s[i].last >= BLKIF_SECTORS_PER_PAGE)
			return answer(r, BLKIF_RSP_ERROR);
		r->ref[i] = s[i].gref;
		r->offset[i] = (u16)(s[i].first * BLOCK_SECTOR);
		r->segment[i].bytes = n * BLOCK_SECTOR;
		r->sectors += n;
	}
	r->block.count = r->sectors;
	return in_disk(v, r->block.sector, r->sectors) ? VBD_PARSED : answer(r, BLKIF_RSP_ERROR);
}

static void set_data(struct vbd_request *r, bool write, unsigned int segments)
{
	r->data = segments != 0;
	r->write = write;
	r->block.op = write ? BLOCK_WRITE : BLOCK_READ;
	r->segment_count = (u16)segments;
}

static enum vbd_parsed parse_rw(const struct vbd *v, const struct blkif_rw *q,
				struct vbd_request *r)
{
	bool write = q->op != BLKIF_OP_READ;
	/* A barrier without data is an old way to flush, a flush with data an old barrier. */
	bool flush = q->op == BLKIF_OP_BARRIER || q->op == BLKIF_OP_FLUSH;

	r->block.sector = q->sector;
	if (q->segment_count > BLKIF_SEGMENTS || (q->segment_count == 0 && !flush))
		return answer(r, BLKIF_RSP_ERROR);
	if (write && v->read_only && q->segment_count)
		return answer(r, BLKIF_RSP_ERROR);
	r->flush_before = flush;
	r->flush_after = flush && q->segment_count;
	set_data(r, write, q->segment_count);
	return r->data ? vbd_request_segments(v, q->segment, r) : VBD_PARSED;
}

static enum vbd_parsed parse_discard(const struct vbd *v, const struct blkif_discard *q,
				     struct vbd_request *r)
{
	if (!v->discard || (q->flag & BLKIF_DISCARD_SECURE))
		return answer(r, BLKIF_RSP_UNSUPPORTED);
	if (v->read_only || !in_disk(v, q->sector, q->count))
		return answer(r, BLKIF_RSP_ERROR);
	if (!q->count)
		return answer(r, BLKIF_RSP_OKAY);
	r->data = true;
	r->block.op = BLOCK_DISCARD;
	r->block.sector = q->sector;
	r->block.count = q->count;
	return VBD_PARSED;
}

static enum vbd_parsed parse_indirect(const struct vbd *v, const struct blkif_indirect *q,
				      struct vbd_request *r)
{
	r->op = q->real_op;
	if (q->real_op != BLKIF_OP_READ && q->real_op != BLKIF_OP_WRITE)
		return answer(r, BLKIF_RSP_UNSUPPORTED);
	if (q->segment_count == 0 || q->segment_count > VBD_SEGMENTS)
		return answer(r, BLKIF_RSP_ERROR);
	if (q->real_op == BLKIF_OP_WRITE && v->read_only)
		return answer(r, BLKIF_RSP_ERROR);
	r->block.sector = q->sector;
	set_data(r, q->real_op == BLKIF_OP_WRITE, q->segment_count);
	return VBD_INDIRECT;
}

enum vbd_parsed vbd_request_parse(const struct vbd *v, const union blkif_slot *slot,
				  struct vbd_request *r)
{
	r->id = slot->rw.id; /* at the same place in all of them */
	r->op = slot->rw.op;
	r->status = BLKIF_RSP_OKAY;
	r->flush_before = r->flush_after = r->data = r->write = r->passed = false;
	r->segment_count = r->granted = 0;
	r->sectors = 0;
	r->block.count = 0;
	switch (slot->rw.op) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
	case BLKIF_OP_BARRIER:
	case BLKIF_OP_FLUSH:
		return parse_rw(v, &slot->rw, r);
	case BLKIF_OP_DISCARD:
		return parse_discard(v, &slot->discard, r);
	case BLKIF_OP_INDIRECT:
		return parse_indirect(v, &slot->indirect, r);
	default:
		return answer(r, BLKIF_RSP_UNSUPPORTED);
	}
}

/* --- steps ------------------------------------------------------------------------------------ */

static s16 status_of(enum block_status status)
{
	if (status == BLOCK_OK)
		return BLKIF_RSP_OKAY;
	return status == BLOCK_UNSUPPORTED ? BLKIF_RSP_UNSUPPORTED : BLKIF_RSP_ERROR;
}

/* A flush is empty where the device has no cache. */
static bool step_left(const struct vbd_request *r)
{
	return r->data ||
	       (r->ring->vbd->device->write_cache && (r->flush_before || r->flush_after));
}

static void step_done(struct block_request *b, enum block_status status)
{
	struct vbd_request *r = b->ctx;
	struct vbd_ring *ring = r->ring;

	ring->submitted--;
	r->status = status_of(status);
	/* Both lists are looked at by the ring's turn, so that all that ends with one interrupt
	 * shares the hypercalls. */
	if (r->status == BLKIF_RSP_OKAY && step_left(r) && !ring->stopped) {
		vbd_list_add(&ring->mapped, r);
	} else {
		if (step_left(r))
			r->status = BLKIF_RSP_ERROR;
		vbd_list_add(&ring->done, r);
	}
	ring->work.due = true;
}

void vbd_request_init(struct vbd_request *r, struct vbd_ring *ring)
{
	r->ring = ring;
	r->block = (struct block_request){.segments = r->segment, .done = step_done, .ctx = r};
	r->flush = (struct block_request){.op = BLOCK_FLUSH, .done = step_done, .ctx = r};
}

void vbd_request_submit(struct vbd_request *r)
{
	struct vbd *v = r->ring->vbd;
	struct block_request *b = &r->block;

	if (!step_left(r)) {
		vbd_list_add(&r->ring->done, r);
		return;
	}
	r->ring->submitted++;
	if (v->device->write_cache && r->flush_before) {
		r->flush_before = false;
	} else if (r->data) {
		r->data = false;
		b->segment_count = r->segment_count;
		block_submit(v->use, b);
		return;
	} else {
		r->flush_after = false;
	}
	block_submit(v->use, &r->flush);
}
