/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's disk driver that keeps to the rules, for tests of the block back end. */
#include <tests/host/dom0/vbd/front.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void front_write(const struct front *f, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/%u/device/vbd/%u/%s", WORLD_DOMID, f->number,
		 key);
	world_check(xs_local_write(world.xs, XS_NO_TX, path, value, strlen(value)) == 0,
		    "test: cannot write a key");
}

static void write_number(const struct front *f, const char *dir, const char *key, unsigned int n)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), "%s%s", dir, key);
	snprintf(text, sizeof(text), "%u", n);
	front_write(f, path, text);
}

const char *front_back(const struct front *f, const char *key)
{
	static char value[256];
	char path[128];

	snprintf(path, sizeof(path), "backend/vbd/%u/%u/%s", WORLD_DOMID, f->number, key);
	if (xs_local_read(world.xs, XS_NO_TX, path, value, sizeof(value)) < 0)
		value[0] = 0;
	return value;
}

unsigned int front_back_state(const struct front *f)
{
	return (unsigned int)atoi(front_back(f, "state"));
}

void front_state(const struct front *f, unsigned int state)
{
	write_number(f, "", "state", state);
	world_run();
}

static void make_queue(struct front *f, unsigned int q)
{
	struct front_queue *fq = &f->queue[q];
	unsigned int first = f->first_ring + q * 16, pages = 1u << f->order;
	unsigned int fit = (unsigned int)((pages * PAGE_SIZE - 64) / sizeof(union blkif_slot));
	char dir[24] = "", key[24];

	*fq = (struct front_queue){
		.ring = world_page(first), .slots = 1, .port = f->first_port + q};
	while (fq->slots * 2 <= fit)
		fq->slots *= 2;
	memset(fq->ring, 0, 64);
	fq->ring->req_event = fq->ring->rsp_event = 1;
	if (f->queues > 1)
		snprintf(dir, sizeof(dir), "queue-%u/", q);
	for (unsigned int i = 0; i < pages; i++) {
		snprintf(key, sizeof(key), f->order ? "ring-ref%u" : "ring-ref", i);
		write_number(f, dir, key, first + i);
		world_grant(first + i, first + i, false);
	}
	write_number(f, dir, "event-channel", fq->port);
}

bool front_connect(struct front *f)
{
	for (unsigned int i = FRONT_DATA; i < WORLD_PAGES; i++)
		world_grant(i, i, false);
	f->responses = 0;
	for (unsigned int q = 0; q < f->queues; q++)
		make_queue(f, q);
	if (f->queues > 1)
		write_number(f, "", "multi-queue-num-queues", f->queues);
	if (f->order)
		write_number(f, "", "ring-page-order", f->order);
	if (!f->no_protocol)
		front_write(f, "protocol", "x86_64-abi");
	if (f->persistent)
		front_write(f, "feature-persistent", "1");
	front_state(f, 3);
	if (front_back_state(f) != 4)
		return false;
	front_state(f, 4);
	return true;
}

union blkif_slot *front_slot(struct front *f, unsigned int q)
{
	struct front_queue *fq = &f->queue[q];
	union blkif_slot *s = &fq->ring->slot[fq->req_prod++ % fq->slots];

	memset(s, 0, sizeof(*s));
	return s;
}

static struct blkif_segment whole(unsigned int page)
{
	return (struct blkif_segment){.gref = FRONT_DATA + page, .first = 0, .last = 7};
}

void front_rw(struct front *f, unsigned int q, u8 op, u64 id, u64 sector, unsigned int page,
	      unsigned int pages)
{
	union blkif_slot *s = front_slot(f, q);

	s->rw.op = op;
	s->rw.segment_count = (u8)pages;
	s->rw.id = id;
	s->rw.sector = sector;
	for (unsigned int i = 0; i < pages; i++)
		s->rw.segment[i] = whole(page + i);
}

void front_indirect(struct front *f, unsigned int q, u8 op, u64 id, u64 sector, unsigned int page,
		    unsigned int pages, unsigned int list)
{
	struct blkif_segment *l = world_page(FRONT_DATA + list);
	union blkif_slot *s = front_slot(f, q);

	s->indirect.op = BLKIF_OP_INDIRECT;
	s->indirect.real_op = op;
	s->indirect.segment_count = (u16)pages;
	s->indirect.id = id;
	s->indirect.sector = sector;
	s->indirect.gref[0] = FRONT_DATA + list;
	for (unsigned int i = 0; i < pages; i++)
		l[i] = whole(page + i);
}

bool front_push(struct front *f, unsigned int q)
{
	struct front_queue *fq = &f->queue[q];
	u32 old = fq->ring->req_prod, new = fq->req_prod;

	fq->ring->req_prod = new;
	if ((u32)(new - fq->ring->req_event) >= (u32)(new - old))
		return false;
	world_event(fq->port);
	return true;
}

void front_take(struct front *f, unsigned int q)
{
	struct front_queue *fq = &f->queue[q];

	while (fq->rsp_cons != fq->ring->rsp_prod) {
		world_check(f->responses < ARRAY_SIZE(f->response), "test: too many answers");
		f->response[f->responses++] = fq->ring->slot[fq->rsp_cons++ % fq->slots].response;
	}
	fq->ring->rsp_event = fq->rsp_cons + 1;
}

const struct blkif_response *front_answer(const struct front *f, u64 id)
{
	for (unsigned int i = 0; i < f->responses; i++)
		if (f->response[i].id == id)
			return &f->response[i];
	return NULL;
}

void front_do(struct front *f, unsigned int q, struct block_use *u)
{
	front_push(f, q);
	do
		world_run();
	while (world_complete(u, 1000));
	front_take(f, q);
}
