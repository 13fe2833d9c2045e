/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks in memory below a small block layer, with a loop that a test turns. */
#include <disk_fake.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/entry/paging.h>
#include <dom0/entry/panic.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>

#define PENDING 512u

char fake_log[8192];
unsigned int fake_seed = 1;
static struct fake_disk *disks;
static struct loop_work *works;
static struct loop_timer *timers;
static u64 now = 1000;

struct pending {
	struct fake_disk *disk;
	struct block_request *request;
	unsigned int before; /* a flush: events that had been when it was submitted */
};
static struct pending pending[PENDING];
static unsigned int pending_count;

struct block_use {
	struct block_device *device;
	struct fake_disk *disk; /* NULL: a file */
	bool write;
};

unsigned int fake_random(void)
{
	fake_seed = fake_seed * 1103515245u + 12345u;
	return fake_seed >> 8;
}

/* --- the loop --- */

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	abort();
}
u64 loop_now(void)
{
	return now;
}
u64 loop_wall_seconds(void)
{
	return 1700000000u + now / 1000000000u;
}
void loop_add_work(struct loop_work *w)
{
	w->next = works;
	works = w;
}
void loop_remove_work(struct loop_work *w)
{
	for (struct loop_work **l = &works; *l; l = &(*l)->next)
		if (*l == w) {
			*l = w->next;
			return;
		}
}
void loop_stop_timer(struct loop_timer *t)
{
	t->at = 0;
	for (struct loop_timer **l = &timers; *l; l = &(*l)->next)
		if (*l == t) {
			*l = t->next;
			return;
		}
}
void loop_set_timer(struct loop_timer *t, u64 abs_ns)
{
	loop_stop_timer(t);
	t->at = abs_ns ? abs_ns : 1;
	t->next = timers;
	timers = t;
}

static void line(const char *format, va_list args)
{
	size_t n = strlen(fake_log);

	vsnprintf(fake_log + n, sizeof(fake_log) - n, format, args);
	n = strlen(fake_log);
	snprintf(fake_log + n, sizeof(fake_log) - n, "\n");
}
void machine_console_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(format, args);
	va_end(args);
}
gpa_t paging_gpa(const void *p)
{
	return (gpa_t){(u64)p};
}

/* --- disks --- */

static void remember(struct fake_disk *d, u64 sector, u64 count, const u8 *data)
{
	struct disk_event *e;

	if (!d->record)
		return;
	if (d->event_count == d->event_room) {
		d->event_room = d->event_room ? d->event_room * 2 : 256;
		d->events = realloc(d->events, d->event_room * sizeof(*d->events));
	}
	e = &d->events[d->event_count++];
	*e = (struct disk_event){.sector = sector, .count = count};
	if (count) {
		e->data = malloc(count * BLOCK_SECTOR);
		memcpy(e->data, data, count * BLOCK_SECTOR);
	}
}

static enum block_status do_request(struct fake_disk *d, struct block_request *r, u64 before)
{
	u8 *at = d->data + r->sector * BLOCK_SECTOR;

	if (r->op == BLOCK_FLUSH) {
		d->flushes++;
		remember(d, before, 0, NULL);
		return BLOCK_OK;
	}
	if (r->op == BLOCK_DISCARD) {
		d->discards++;
		return BLOCK_OK;
	}
	if ((r->op == BLOCK_WRITE && d->fail_writes) || (r->op == BLOCK_READ && d->fail_reads))
		return BLOCK_ERROR;
	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];
		void *memory = (void *)s->bus;

		if (r->op == BLOCK_READ)
			memcpy(memory, at, s->bytes);
		else
			memcpy(at, memory, s->bytes);
		at += s->bytes;
	}
	at = d->data + r->sector * BLOCK_SECTOR;
	if (r->op == BLOCK_READ) {
		d->reads++;
		d->bytes_read += r->count * BLOCK_SECTOR;
	} else {
		d->writes++;
		d->bytes_written += r->count * BLOCK_SECTOR;
		remember(d, r->sector, r->count, at);
	}
	return BLOCK_OK;
}

static bool complete_one(void)
{
	unsigned int i;
	struct pending p;

	if (!pending_count)
		return false;
	i = fake_random() % pending_count;
	p = pending[i];
	pending[i] = pending[--pending_count];
	p.request->done(p.request, do_request(p.disk, p.request, p.before));
	return true;
}

static void disk_submit(struct block_device *b, struct block_request *r)
{
	u64 bytes = 0;

	for (unsigned int i = 0; i < r->segment_count; i++)
		bytes += r->segments[i].bytes;
	if ((r->op != BLOCK_FLUSH && r->sector + r->count > b->sectors) ||
	    (r->op <= BLOCK_WRITE && bytes != r->count * BLOCK_SECTOR) || pending_count == PENDING)
		panic("a request that the block layer would not let pass");
	pending[pending_count++] =
		(struct pending){(struct fake_disk *)b, r, ((struct fake_disk *)b)->event_count};
}

static void disk_kick(struct block_device *b)
{
	(void)b;
}

static const struct block_device_ops disk_ops = {.submit = disk_submit, .kick = disk_kick};

struct fake_disk *fake_disk_new(const char *name, u64 bytes)
{
	struct fake_disk *d = calloc(1, sizeof(*d));

	d->device = (struct block_device){.ops = &disk_ops,
					  .sectors = bytes / BLOCK_SECTOR,
					  .sector_size = 512,
					  .physical_sector_size = 512,
					  .write_cache = true,
					  .max_segments = 64,
					  .max_bytes = 1u << 20,
					  .max_segment = 1u << 20,
					  .address_limit = ~0ull,
					  .queue_depth = 32};
	d->name = name;
	d->data = calloc(1, bytes);
	d->next = disks;
	disks = d;
	return d;
}

void fake_disk_forget(struct fake_disk *d)
{
	for (unsigned int i = 0; i < d->event_count; i++)
		free(d->events[i].data);
	free(d->events);
	d->events = NULL;
	d->event_count = d->event_room = 0;
}

void fake_disk_free(struct fake_disk *d)
{
	for (struct fake_disk **l = &disks; *l; l = &(*l)->next)
		if (*l == d) {
			*l = d->next;
			break;
		}
	fake_disk_forget(d);
	free(d->data);
	free(d);
}

/* Some sectors of a write that was not flushed. */
static void tear(const struct disk_event *e, u8 *medium)
{
	unsigned int how = fake_random() % 4;

	for (u64 s = 0; s < e->count; s++) {
		bool there = how == 0 || (how == 1 && fake_random() % 2) ||
			     (how == 2 && s < e->count / 2);

		if (there)
			memcpy(medium + (e->sector + s) * BLOCK_SECTOR, e->data + s * BLOCK_SECTOR,
			       BLOCK_SECTOR);
	}
}

void fake_disk_crash(const struct fake_disk *d, const u8 *base, unsigned int events, u8 *medium)
{
	unsigned int flushed = 0;

	memcpy(medium, base, d->device.sectors * BLOCK_SECTOR);
	for (unsigned int i = 0; i < events; i++)
		if (!d->events[i].count && d->events[i].sector > flushed)
			flushed = (unsigned int)d->events[i].sector;
	for (unsigned int i = 0; i < flushed; i++)
		if (d->events[i].count)
			memcpy(medium + d->events[i].sector * BLOCK_SECTOR, d->events[i].data,
			       d->events[i].count * BLOCK_SECTOR);
	/* What came after the last flush may be there in any order; for each sector one of them. */
	for (unsigned int i = flushed; i < events; i++)
		if (d->events[i].count)
			tear(&d->events[i], medium);
}

/* --- the block layer --- */

struct block_device *(*fake_file_open)(const char *name, bool write, const char *holder,
				       char why[BLOCK_WHY_MAX]);
void (*fake_file_close)(struct block_device *dev);

static struct block_use *open_disk(const struct block_target *t, char why[BLOCK_WHY_MAX])
{
	struct fake_disk *d = disks;
	struct block_use *u;

	while (d && strcmp(d->name, t->name) != 0)
		d = d->next;
	if (!d || (t->write && (d->device.read_only || d->uses)) || (!t->write && d->write_uses)) {
		snprintf(why, BLOCK_WHY_MAX, "%s: %s", t->name,
			 !d                    ? "there is no such disk"
			 : d->device.read_only ? "is read-only"
					       : "is in use");
		return NULL;
	}
	u = calloc(1, sizeof(*u));
	*u = (struct block_use){&d->device, d, t->write};
	d->uses++;
	d->write_uses += t->write;
	return u;
}

struct block_use *block_open(const struct block_target *t, const char *holder,
			     char why[BLOCK_WHY_MAX])
{
	struct block_device *dev;
	struct block_use *u;

	if (t->kind == BLOCK_PHY)
		return open_disk(t, why);
	dev = fake_file_open(t->name, t->write, holder, why);
	if (!dev)
		return NULL;
	u = calloc(1, sizeof(*u));
	*u = (struct block_use){dev, NULL, t->write};
	return u;
}

void block_close(struct block_use *u)
{
	if (u->write && block_io(u, BLOCK_FLUSH, 0, NULL, 0) != BLOCK_OK)
		machine_console_line("cannot be flushed");
	if (u->disk) {
		u->disk->uses--;
		u->disk->write_uses -= u->write;
	} else {
		fake_file_close(u->device);
	}
	free(u);
}

const struct block_device *block_device_of(const struct block_use *u)
{
	return u->device;
}

void block_submit(struct block_use *u, struct block_request *r)
{
	bool inside = r->sector <= u->device->sectors && r->count <= u->device->sectors - r->sector;

	if (!inside || (r->op == BLOCK_WRITE && !u->write)) {
		r->done(r, BLOCK_INVALID);
		return;
	}
	u->device->ops->submit(u->device, r);
}

void block_kick(struct block_use *u)
{
	u->device->ops->kick(u->device);
}

bool block_list(unsigned int i, struct block_info *info)
{
	struct fake_disk *d = disks;

	while (d && i--)
		d = d->next;
	if (!d)
		return false;
	*info = (struct block_info){.device = &d->device};
	snprintf(info->name, sizeof(info->name), "%s", d->name);
	snprintf(info->uuid, sizeof(info->uuid), "00112233-4455-6677-8899-%.12s", d->name);
	return true;
}

struct waiting {
	struct fiber *fiber;
	enum block_status status;
	bool done;
};

static void io_done(struct block_request *r, enum block_status status)
{
	struct waiting *w = r->ctx;

	w->status = status;
	w->done = true;
	fiber_wake(w->fiber);
}

enum block_status fake_io(struct block_device *dev, enum block_op op, u64 sector, void *data,
			  u64 sectors)
{
	struct waiting w = {.fiber = fiber_self()};
	struct block_segment s = {(u64)data, data, (u32)(sectors * BLOCK_SECTOR)};
	struct block_request r = {.op = op,
				  .sector = sector,
				  .count = sectors,
				  .segments = &s,
				  .segment_count = data ? 1 : 0,
				  .done = io_done,
				  .ctx = &w};

	dev->ops->submit(dev, &r);
	dev->ops->kick(dev);
	while (!w.done)
		fiber_wait();
	return w.status;
}

/* Cut as the block layer does it. */
enum block_status block_io(struct block_use *u, enum block_op op, u64 sector, void *data,
			   size_t bytes)
{
	u64 sectors = bytes / BLOCK_SECTOR;

	if (op == BLOCK_WRITE && !u->write)
		return BLOCK_INVALID;
	if (op == BLOCK_FLUSH || op == BLOCK_DISCARD)
		return fake_io(u->device, op, sector, NULL, sectors);
	while (sectors) {
		u64 n = min_u64(sectors, u->device->max_bytes / BLOCK_SECTOR);
		enum block_status s = sector + n > u->device->sectors
					      ? BLOCK_INVALID
					      : fake_io(u->device, op, sector, data, n);

		if (s != BLOCK_OK)
			return s;
		sector += n;
		sectors -= n;
		data = (u8 *)data + n * BLOCK_SECTOR;
	}
	return BLOCK_OK;
}

/* --- turning --- */

bool fake_turn(void)
{
	bool did = false;

	now += 1000;
	for (struct loop_timer *t = timers, *next; t; t = next) {
		next = t->next;
		if (t->at <= now) {
			loop_stop_timer(t);
			t->fn(t->ctx);
			did = true;
			break;
		}
	}
	for (struct loop_work *w = works, *next; w; w = next) {
		next = w->next;
		if (w->due) {
			w->due = false;
			(void)w->fn(w->ctx);
			return true; /* the list may be another one now */
		}
	}
	return complete_one() || did || timers != NULL;
}

struct run {
	void (*fn)(void *ctx);
	void *ctx;
	bool ended;
};

static void run_fiber(void *ctx)
{
	struct run *r = ctx;

	r->fn(r->ctx);
	r->ended = true;
}

void fake_run(void (*fn)(void *ctx), void *ctx)
{
	struct run r = {fn, ctx, false};

	if (!fiber_start(run_fiber, &r))
		panic("no fiber");
	while (!r.ended)
		if (!fake_turn())
			panic("all wait for something that does not come");
}
