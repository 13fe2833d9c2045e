/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on an overlay. Parts go to the base or the overlay with the requester's own pages; the
 * first write to a cluster copies the rest of it. Several of these overlap; what meets one waits.
 */
#include <dom0/cow/cow_internal.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/block/slice.h>
#include <dom0/entry/paging.h>

static void advance(struct cow *c, struct cow_job *j);
static void go_on(struct cow *c);

static bool over(const struct cow_job *j)
{
	return j->status != BLOCK_OK || j->at >= j->end;
}

static void settle(struct cow *c, struct cow_job *j)
{
	struct block_request *r = j->request;
	enum block_status status = j->status;

	if (j->advancing || j->outstanding || !over(j))
		return;
	j->next = c->jobs;
	c->jobs = j;
	r->done(r, status);
}

static void stall(struct cow *c, struct cow_job *j)
{
	j->next = NULL;
	*c->stalled_end = j;
	c->stalled_end = &j->next;
}

static void give_to_worker(struct cow *c, struct cow_job *j)
{
	j->next = NULL;
	*c->work_end = j;
	c->work_end = &j->next;
	fiber_wake(c->worker);
}

/* The cluster has a place of its own from now on. */
static void publish(struct cow *c, u32 cluster, u32 place, enum block_status status)
{
	bit_clear(c->busy, cluster);
	if (status != BLOCK_OK) {
		bit_clear(c->used, place);
		c->free_places++;
		return;
	}
	c->map[cluster] = place;
	bit_set(c->changed, cluster);
}

/* --- parts --- */

static void part_done(struct block_request *r, enum block_status status)
{
	struct cow_part *p = (struct cow_part *)r;
	struct cow *c = r->ctx;
	struct cow_job *j = p->job;

	if (status != BLOCK_OK && j->status == BLOCK_OK)
		j->status = status;
	if (p->whole)
		publish(c, p->cluster, p->place, status);
	j->outstanding--;
	c->under_way--;
	p->next = c->parts;
	c->parts = p;
	settle(c, j);
	go_on(c);
}

static void send(struct cow *c, struct cow_job *j, struct block_use *to, u64 sector, u64 count,
		 u32 whole_place)
{
	struct cow_part *p = c->parts;

	c->parts = p->next;
	p->job = j;
	p->whole = whole_place != 0;
	p->cluster = (u32)(j->at / c->cluster_sectors);
	p->place = whole_place;
	p->request.op = j->request->op;
	p->request.sector = sector;
	p->request.count = count;
	p->request.segments = p->segments;
	p->request.segment_count = block_slice(j->request, j->at, count, p->segments);
	p->request.done = part_done;
	p->request.ctx = c;
	j->at += count;
	j->outstanding++;
	c->under_way++;
	block_submit(to, &p->request);
}

/* --- first writes --- */

static void fill_step(struct cow_fill *f);

static void fill_end(struct cow_fill *f, enum block_status status)
{
	struct cow *c = f->cow;

	f->active = false;
	c->under_way--;
	publish(c, f->cluster, f->place, status);
	/* Others that wait for it try it themselves. */
	if (status != BLOCK_OK)
		f->job->status = status;
	go_on(c);
}

static void fill_written(struct block_request *r, enum block_status status)
{
	struct cow_fill *f = r->ctx;

	f->done += r->count;
	if (status != BLOCK_OK || f->done == f->count)
		fill_end(f, status);
	else
		fill_step(f);
}

static void fill_write(struct cow_fill *f)
{
	struct cow *c = f->cow;
	struct block_request *r = &f->request;

	r->op = BLOCK_WRITE;
	r->sector = (u64)f->place * c->cluster_sectors + f->done;
	r->done = fill_written;
	block_submit(c->overlay, r);
	block_kick(c->overlay);
}

static void fill_read(struct block_request *r, enum block_status status)
{
	struct cow_fill *f = r->ctx;

	if (status == BLOCK_OK)
		fill_write(f);
	else
		fill_end(f, status);
}

static void fill_step(struct cow_fill *f)
{
	struct cow *c = f->cow;
	struct block_request *r = &f->request;
	u64 count = min_u64(f->count - f->done, COW_COPY_BYTES / BLOCK_SECTOR);

	f->segment = (struct block_segment){.bus = paging_gpa(f->buffer).v,
					    .cpu = f->buffer,
					    .bytes = (u32)(count * BLOCK_SECTOR)};
	*r = (struct block_request){.op = BLOCK_READ,
				    .sector = (u64)f->cluster * c->cluster_sectors + f->done,
				    .count = count,
				    .segments = &f->segment,
				    .segment_count = 1,
				    .done = fill_read,
				    .ctx = f};
	if (c->map[f->cluster] == COW_ZERO) {
		memset(f->buffer, 0, count * BLOCK_SECTOR);
		fill_write(f);
		return;
	}
	block_submit(c->base, r);
	block_kick(c->base);
}

static struct cow_fill *spare_fill(struct cow *c)
{
	for (unsigned int i = 0; i < COW_FILLS; i++)
		if (!c->fills[i].active)
			return &c->fills[i];
	return NULL;
}

static void fill_begin(struct cow *c, struct cow_fill *f, struct cow_job *j, u32 cluster, u32 place)
{
	u64 first = (u64)cluster * c->cluster_sectors;

	f->active = true;
	f->cluster = cluster;
	f->place = place;
	f->done = 0;
	f->count = min_u64(c->cluster_sectors, c->device.sectors - first);
	f->cow = c;
	f->job = j;
	bit_set(c->busy, cluster);
	c->under_way++;
	fill_step(f);
}

/* --- jobs --- */

enum step { STEP_ON, STEP_STALLED };

/* Sectors from j->at on that lie side by side below, as the map says. */
static u64 run_of(const struct cow *c, const struct cow_job *j)
{
	u32 cluster = (u32)(j->at / c->cluster_sectors), place = c->map[cluster];
	u64 end = ((u64)cluster + 1) * c->cluster_sectors;

	while (end < j->end && place != COW_ZERO) {
		u32 next = c->map[++cluster];

		if (place ? next != ++place : next != 0)
			break;
		end += c->cluster_sectors;
	}
	return min_u64(end, j->end) - j->at;
}

static enum step step_mapped(struct cow *c, struct cow_job *j, u32 place)
{
	u64 within = j->at % c->cluster_sectors;

	if (!c->parts)
		return STEP_STALLED;
	if (place == 0)
		send(c, j, c->base, j->at, run_of(c, j), 0);
	else if (place == COW_ZERO)
		send(c, j, c->overlay, COW_ZERO_CLUSTER * (u64)c->cluster_sectors + within,
		     run_of(c, j), 0);
	else
		send(c, j, c->overlay, (u64)place * c->cluster_sectors + within, run_of(c, j), 0);
	return STEP_ON;
}

static enum step step_first_write(struct cow *c, struct cow_job *j, u32 cluster)
{
	u64 first = (u64)cluster * c->cluster_sectors;
	u64 end = min_u64(first + c->cluster_sectors, c->device.sectors);
	bool whole = j->at == first && j->end >= end;
	struct cow_fill *f = spare_fill(c);
	u32 place;

	if (bit_get(c->busy, cluster) || (whole ? !c->parts : !f))
		return STEP_STALLED;
	place = c->broken ? 0 : cow_place_take(c, false);
	if (!place) {
		j->status = c->broken ? BLOCK_ERROR : BLOCK_NO_SPACE;
		return STEP_ON;
	}
	if (whole) {
		bit_set(c->busy, cluster);
		send(c, j, c->overlay, (u64)place * c->cluster_sectors, end - first, place);
		return STEP_ON;
	}
	fill_begin(c, f, j, cluster, place);
	return STEP_ON; /* it is busy now, or done */
}

static enum step step(struct cow *c, struct cow_job *j)
{
	u32 cluster = (u32)(j->at / c->cluster_sectors), place = c->map[cluster];

	if (c->frozen)
		return STEP_STALLED;
	if (j->request->op == BLOCK_WRITE && (place == 0 || place == COW_ZERO))
		return step_first_write(c, j, cluster);
	return step_mapped(c, j, place);
}

static void advance(struct cow *c, struct cow_job *j)
{
	enum step s = STEP_ON;

	j->advancing = true;
	while (s == STEP_ON && !over(j))
		s = step(c, j);
	j->advancing = false;
	if (over(j))
		settle(c, j);
	else
		stall(c, j);
}

static void start(struct cow *c, struct block_request *r)
{
	struct cow_job *j = c->jobs;

	c->jobs = j->next;
	*j = (struct cow_job){.request = r, .at = r->sector, .end = r->sector + r->count};
	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
		advance(c, j);
	else
		give_to_worker(c, j);
}

static void resume_all(struct cow *c)
{
	struct cow_job *j = c->stalled;

	c->stalled = NULL;
	c->stalled_end = &c->stalled;
	while (j) {
		struct cow_job *next = j->next;

		advance(c, j);
		j = next;
	}
	while (c->waiting && c->jobs) {
		struct block_request *r = c->waiting;

		c->waiting = r->next;
		if (!c->waiting)
			c->waiting_end = &c->waiting;
		start(c, r);
	}
}

/* What waits tries again: those that stalled, then requests that had no job. Devices may end
 * requests at once, which leads here again: then it is done once more, not within itself. */
static void go_on(struct cow *c)
{
	if (c->frozen && !c->under_way && c->drained)
		fiber_wake(c->drained);
	c->again = true;
	if (c->frozen || c->resuming)
		return;
	c->resuming = true;
	while (c->again && !c->frozen) {
		c->again = false;
		resume_all(c);
	}
	c->resuming = false;
	block_kick(c->overlay);
	block_kick(c->base);
}

/* --- the worker --- */

static void discard(struct cow *c, const struct cow_job *j)
{
	u64 first = (j->at + c->cluster_sectors - 1) / c->cluster_sectors;
	u64 end = j->end == c->device.sectors ? c->clusters : j->end / c->cluster_sectors;

	c->frozen = true;
	c->drained = fiber_self();
	while (c->under_way)
		fiber_wait();
	c->drained = NULL;
	for (u64 i = first; i < end; i++) {
		u32 place = c->map[i];

		if (place == COW_ZERO)
			continue;
		if (place)
			bit_set(c->freed, place);
		c->map[i] = COW_ZERO;
		bit_set(c->changed, (u32)i);
	}
	c->frozen = false;
}

static void do_job(struct cow *c, struct cow_job *j)
{
	if (j->request->op == BLOCK_FLUSH)
		j->status = cow_log_commit(c);
	else
		discard(c, j);
	j->at = j->end;
	settle(c, j);
	go_on(c);
}

static void worker(void *ctx)
{
	struct cow *c = ctx;

	c->worker = fiber_self();
	while (c->work || !c->worker_stops) {
		struct cow_job *j = c->work;

		if (!j) {
			fiber_wait();
			continue;
		}
		c->work = j->next;
		if (!c->work)
			c->work_end = &c->work;
		do_job(c, j);
	}
	c->worker = NULL;
	fiber_wake(c->stopper);
}

/* --- the device --- */

static void submit(struct block_device *b, struct block_request *r)
{
	struct cow *c = (struct cow *)b;
	bool inside = r->sector <= b->sectors && r->count <= b->sectors - r->sector;

	if (r->op != BLOCK_FLUSH && (!inside || r->count == 0)) {
		r->done(r, inside ? BLOCK_OK : BLOCK_INVALID);
		return;
	}
	if (!c->write && r->op != BLOCK_READ) {
		r->done(r, r->op == BLOCK_FLUSH ? BLOCK_OK : BLOCK_INVALID);
		return;
	}
	if (c->jobs && !c->waiting && !c->resuming) {
		start(c, r);
		return;
	}
	r->next = NULL;
	*c->waiting_end = r;
	c->waiting_end = &r->next;
}

static void kick(struct block_device *b)
{
	struct cow *c = (struct cow *)b;

	block_kick(c->overlay);
	block_kick(c->base);
}

const struct block_device_ops cow_ops = {.submit = submit, .kick = kick};

static bool take_memory(struct cow *c)
{
	c->part_memory = calloc(COW_PARTS, sizeof(*c->part_memory));
	c->job_memory = calloc(COW_JOBS, sizeof(*c->job_memory));
	for (unsigned int i = 0; c->write && i < COW_FILLS; i++) {
		c->fills[i].buffer = malloc(COW_COPY_BYTES);
		if (!c->fills[i].buffer)
			return false;
	}
	return c->part_memory && c->job_memory;
}

bool cow_requests_begin(struct cow *c)
{
	if (!take_memory(c) || !fiber_start(worker, c))
		return false;
	while (!c->worker)
		fiber_sleep(0);
	for (unsigned int i = 0; i < COW_PARTS; i++) {
		c->part_memory[i].next = c->parts;
		c->parts = &c->part_memory[i];
	}
	for (unsigned int i = 0; i < COW_JOBS; i++) {
		c->job_memory[i].next = c->jobs;
		c->jobs = &c->job_memory[i];
	}
	c->waiting_end = &c->waiting;
	c->stalled_end = &c->stalled;
	c->work_end = &c->work;
	return true;
}

void cow_requests_end(struct cow *c)
{
	if (c->worker) {
		c->stopper = fiber_self();
		c->worker_stops = true;
		fiber_wake(c->worker);
		while (c->worker)
			fiber_wait();
	}
	free(c->part_memory);
	free(c->job_memory);
	for (unsigned int i = 0; i < COW_FILLS; i++)
		free(c->fills[i].buffer);
}
