/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on files. What lies on blocks whose places are known goes to the device at once, with
 * the requester's own pages; what needs libext2fs goes through the file system's worker. */
#include <dom0/fs/fs_internal.h>

#include <stdlib.h>
#include <dom0/block/slice.h>

#define JOBS        64u
#define DIRTY_BYTES (192u << 10) /* of metadata, before it is committed without being asked */

static void advance(struct fs_job *j);
static void run_waiting(struct fs_file *f);

static bool over(const struct fs_job *j)
{
	return j->status != BLOCK_OK || j->at >= j->end;
}

/* Ends the job if nothing of it is left. */
static void settle(struct fs_job *j)
{
	struct fs_file *f = j->file;
	struct block_request *r = j->request;
	enum block_status status = j->status;

	if (j->advancing || j->outstanding || !over(j))
		return;
	j->next = f->jobs;
	f->jobs = j;
	r->done(r, status);
}

static void give_to_worker(struct fs_job *j)
{
	struct fs *fs = j->file->fs;

	j->next = NULL;
	*fs->work_end = j;
	fs->work_end = &j->next;
	fiber_wake(fs->worker);
}

static void end_drain(struct fs_file *f)
{
	if (f->frozen && f->busy == 0 && f->drained)
		fiber_wake(f->drained);
}

static void resume_stalled(struct fs_file *f)
{
	struct fs_job *j = f->stalled;

	if (!j || f->frozen || !f->parts)
		return;
	f->stalled = j->next;
	if (!f->stalled)
		f->stalled_end = &f->stalled;
	advance(j);
	block_kick(f->fs->use);
}

static void part_done(struct block_request *r, enum block_status status)
{
	struct fs_part *p = (struct fs_part *)r;
	struct fs_job *j = p->job;
	struct fs_file *f = j->file;

	if (status != BLOCK_OK && j->status == BLOCK_OK)
		j->status = status;
	j->outstanding--;
	f->busy--;
	if (p->waiter) {
		p->done = true;
		fiber_wake(p->waiter);
		return;
	}
	p->next = f->parts;
	f->parts = p;
	settle(j);
	resume_stalled(f);
	run_waiting(f);
	end_drain(f);
}

/* Sends count sectors from j->at on to the device's sector `to`. */
static void send(struct fs_job *j, struct fs_part *p, u64 to, u64 count)
{
	p->job = j;
	p->request.op = j->request->op;
	p->request.sector = to;
	p->request.count = count;
	p->request.done = part_done;
	p->request.segments = p->segments;
	p->request.segment_count = block_slice(j->request, j->at, count, p->segments);
	j->at += count;
	j->outstanding++;
	j->file->busy++;
	block_submit(j->file->fs->use, &p->request);
}

enum step { STEP_ON, STEP_WORKER, STEP_STALLED };

static enum step step(struct fs_job *j)
{
	struct fs_file *f = j->file;
	u64 lblk = j->at / f->block_sectors, within = j->at % f->block_sectors, count;
	const struct fs_run *run = fs_map_find(f, lblk);
	struct fs_part *p = f->parts;

	if (!run)
		return STEP_WORKER;
	count = min_u64(((u64)run->lblk + run->count) * f->block_sectors, j->end) - j->at;
	if (!run->pblk || run->unwritten) {
		if (j->request->op != BLOCK_READ)
			return STEP_WORKER;
		if (!block_slice_zero(j->request, j->at, count))
			j->status = BLOCK_INVALID;
		j->at += count;
		return STEP_ON;
	}
	if (!p || f->frozen)
		return STEP_STALLED;
	f->parts = p->next;
	p->waiter = NULL;
	send(j, p, (run->pblk + (lblk - run->lblk)) * f->block_sectors + within, count);
	return STEP_ON;
}

/* Goes on until all is sent, or something is to be waited for. */
static void advance(struct fs_job *j)
{
	struct fs_file *f = j->file;
	enum step s = STEP_ON;

	j->advancing = true;
	while (s == STEP_ON && !over(j))
		s = step(j);
	j->advancing = false;
	if (over(j))
		settle(j);
	else if (s == STEP_WORKER)
		give_to_worker(j);
	else {
		j->next = NULL;
		*f->stalled_end = j;
		f->stalled_end = &j->next;
	}
}

/* --- the worker --- */

static enum block_status status_of(errcode_t err)
{
	if (!err)
		return BLOCK_OK;
	return err == EXT2_ET_BLOCK_ALLOC_FAIL ? BLOCK_NO_SPACE : BLOCK_ERROR;
}

/* Blocks that are new and not written as a whole: nothing of what they had may be seen. */
static errcode_t zero_edges(struct fs_file *f, const struct fs_run *run, u64 from, u64 to)
{
	u8 *zeroes = calloc(1, f->fs->e2->blocksize);
	u32 bytes = f->fs->e2->blocksize;
	u64 place = run->pblk * f->block_sectors;
	bool head = from % f->block_sectors != 0, tail = to % f->block_sectors != 0;
	errcode_t err = zeroes ? 0 : EXT2_ET_NO_MEMORY;

	if (!err && head)
		err = io_block_error(block_io(f->fs->use, BLOCK_WRITE, place, zeroes, bytes));
	place += (u64)(run->count - 1) * f->block_sectors;
	if (!err && tail && !(head && run->count == 1))
		err = io_block_error(block_io(f->fs->use, BLOCK_WRITE, place, zeroes, bytes));
	free(zeroes);
	return err;
}

static void send_and_wait(struct fs_job *j, u64 to, u64 count)
{
	struct fs_part *p = j->file->reserved;

	p->waiter = fiber_self();
	p->done = false;
	send(j, p, to, count);
	block_kick(j->file->fs->use);
	while (!p->done)
		fiber_wait();
}

/* A write to blocks that have no place or no content yet. They become part of the file for readers
 * and for commits only when they have been written. */
static errcode_t write_new(struct fs_job *j, const struct fs_run *old)
{
	struct fs_file *f = j->file;
	u64 lblk = j->at / f->block_sectors, from = j->at, to;
	u64 last = min_u64((u64)old->lblk + old->count - 1, (j->end - 1) / f->block_sectors);
	struct fs_run run;
	errcode_t err;

	if (f->fs->broken)
		return EXT2_ET_SHORT_WRITE;
	err = fs_map_allocate(f, lblk, (u32)(last - lblk + 1), &run);
	if (err)
		return err;
	to = min_u64((lblk + run.count) * f->block_sectors, j->end);
	err = zero_edges(f, &run, from, to);
	if (!err)
		send_and_wait(j, run.pblk * f->block_sectors + from % f->block_sectors, to - from);
	if (err || j->status != BLOCK_OK) {
		/* With extents they stay unwritten; else they would show what they had. */
		if (!(f->inode.i_flags & EXT4_EXTENTS_FL))
			f->fs->broken = true;
		return err;
	}
	return fs_map_written(f, &run);
}

static errcode_t resolve(struct fs_job *j)
{
	struct fs_file *f = j->file;
	u64 lblk = j->at / f->block_sectors;
	const struct fs_run *run = fs_map_find(f, lblk);
	errcode_t err = 0;

	if (!run) {
		err = fs_map_load(f, lblk);
		run = fs_map_find(f, lblk);
	}
	if (!err && !run)
		err = EXT2_ET_EXTENT_INVALID_LENGTH;
	if (!err && j->request->op == BLOCK_WRITE && (!run->pblk || run->unwritten)) {
		struct fs_run copy = *run;

		err = write_new(j, &copy);
	}
	if (!err && (u64)f->fs->io.dirty * f->fs->io.unit_bytes > DIRTY_BYTES)
		err = fs_commit(f->fs);
	return err;
}

static errcode_t punch(struct fs_job *j)
{
	struct fs_file *f = j->file;
	u64 first = (j->at + f->block_sectors - 1) / f->block_sectors;
	u64 end = j->end / f->block_sectors;
	errcode_t err = 0;

	if (first >= end)
		return 0;
	f->frozen = true;
	f->drained = fiber_self();
	while (f->busy)
		fiber_wait();
	f->drained = NULL;
	/* What is freed here must not be given out again before that is on the medium. */
	if (f->fs->uncommitted)
		err = fs_commit(f->fs);
	if (!err) {
		f->fs->uncommitted = true;
		err = ext2fs_punch(f->fs->e2, f->ino, (struct ext2_inode *)&f->inode, NULL, first,
				   end - 1);
		if (!err)
			err = fs_commit(f->fs);
		if (err)
			f->fs->broken = true;
	}
	fs_map_forget(f);
	f->frozen = false;
	return err;
}

static void do_job(struct fs_job *j)
{
	struct fs_file *f = j->file;
	errcode_t err;

	/* Nothing ends the job before this is done with it. */
	j->advancing = true;
	switch (j->request->op) {
	case BLOCK_FLUSH:
		err = fs_commit(f->fs);
		j->at = j->end;
		break;
	case BLOCK_DISCARD:
		err = punch(j);
		j->at = j->end;
		break;
	default:
		err = resolve(j);
	}
	if (err && j->status == BLOCK_OK)
		j->status = status_of(err);
	advance(j);
	while (f->stalled && f->parts && !f->frozen)
		resume_stalled(f);
	run_waiting(f);
	block_kick(f->fs->use);
}

static void worker(void *ctx)
{
	struct fs *fs = ctx;

	fs->worker = fiber_self();
	while (fs->work || !fs->worker_stops) {
		struct fs_job *j = fs->work;

		if (!j) {
			fiber_wait();
			continue;
		}
		fs->work = j->next;
		if (!fs->work)
			fs->work_end = &fs->work;
		fs_lock(fs);
		do_job(j);
		fs_unlock(fs);
	}
	fs->worker = NULL;
	fiber_wake(fs->stopper);
}

bool fs_worker_start(struct fs *fs)
{
	if (fs->worker)
		return true;
	fs->worker_stops = false;
	if (!fiber_start(worker, fs))
		return false;
	while (!fs->worker)
		fiber_sleep(0);
	return true;
}

void fs_worker_stop(struct fs *fs)
{
	if (!fs->worker)
		return;
	fs->stopper = fiber_self();
	fs->worker_stops = true;
	fiber_wake(fs->worker);
	while (fs->worker)
		fiber_wait();
}

/* --- the device --- */

static void start(struct fs_file *f, struct block_request *r)
{
	struct fs_job *j = f->jobs;

	f->jobs = j->next;
	*j = (struct fs_job){.file = f, .request = r, .at = r->sector, .end = r->sector + r->count};
	switch (r->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		advance(j);
		return;
	case BLOCK_FLUSH:
		j->end = j->at + 1; /* until it is done */
		break;
	case BLOCK_DISCARD:
		break;
	}
	give_to_worker(j);
}

static void run_waiting(struct fs_file *f)
{
	while (f->waiting && f->jobs && !f->frozen) {
		struct block_request *r = f->waiting;

		f->waiting = r->next;
		if (!f->waiting)
			f->waiting_end = &f->waiting;
		start(f, r);
	}
}

static void file_submit(struct block_device *b, struct block_request *r)
{
	struct fs_file *f = (struct fs_file *)b;
	bool inside = r->sector <= b->sectors && r->count <= b->sectors - r->sector;

	if (r->op != BLOCK_FLUSH && (!inside || r->count == 0)) {
		r->done(r, inside ? BLOCK_OK : BLOCK_INVALID);
		return;
	}
	if (!f->write && r->op != BLOCK_READ) {
		r->done(r, r->op == BLOCK_FLUSH ? BLOCK_OK : BLOCK_INVALID);
		return;
	}
	r->next = NULL;
	*f->waiting_end = r;
	f->waiting_end = &r->next;
	run_waiting(f);
}

static void file_kick(struct block_device *b)
{
	block_kick(((struct fs_file *)b)->fs->use);
}

const struct block_device_ops fs_file_ops = {.submit = file_submit, .kick = file_kick};

bool fs_data_init(struct fs_file *f)
{
	f->part_memory = calloc(FS_PARTS + 1, sizeof(*f->part_memory));
	f->job_memory = calloc(JOBS, sizeof(*f->job_memory));
	if (!f->part_memory || !f->job_memory) {
		fs_data_end(f);
		return false;
	}
	f->reserved = &f->part_memory[FS_PARTS];
	for (unsigned int i = 0; i < FS_PARTS; i++) {
		f->part_memory[i].next = f->parts;
		f->parts = &f->part_memory[i];
	}
	for (unsigned int i = 0; i < JOBS; i++) {
		f->job_memory[i].next = f->jobs;
		f->jobs = &f->job_memory[i];
	}
	f->waiting_end = &f->waiting;
	f->stalled_end = &f->stalled;
	return true;
}

void fs_data_end(struct fs_file *f)
{
	free(f->part_memory);
	free(f->job_memory);
	free(f->map);
	f->part_memory = NULL;
	f->job_memory = NULL;
	f->map = NULL;
}
