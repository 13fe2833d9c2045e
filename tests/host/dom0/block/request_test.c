/* SPDX-License-Identifier: BSD-2-Clause */
/* Random requests of any shape against disks with all sorts of limits, and a model of what is on
 * the disk. */
// links: dom0/block/block_io.c dom0/block/bounce.c dom0/block/open.c dom0/block/partition_table.c
// links: dom0/block/partitions.c dom0/block/gpt.c dom0/block/mbr.c dom0/block/ram_disk.c
// links: dom0/block/registry.c dom0/block/request.c dom0/block/split.c dom0/block/use.c
// links: tests/fake/files_fake.c tests/fake/fiber_fake.c tests/fake/block_fake.c
// libs: -lz
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <block_fake.h>
#include <dom0/block/block_internal.h>
#include <dom0/entry/modules.h>
#include <dom0/entry/paging.h>
#include <fiber_fake.h>

#define DISK_SECTORS 2048u
#define SLOTS        24u
#define SLOT_BYTES   (96u << 10)
#define SEGMENTS     40u

_Static_assert(SLOTS *SLOT_BYTES <= 4u << 20, "the memory's size");

static u64 memory_end = GIB(4);
static struct block_fake disk;
static u8 *memory; /* of the "guests": SLOTS pieces */
static char why[BLOCK_WHY_MAX];

u64 block_memory_end(void)
{
	return memory_end;
}

static u8 module_data[5 * BLOCK_SECTOR + 100];
static const struct module module = {
	.name = "image", .options = "", .data = module_data, .size = sizeof(module_data)};

const struct module *module_find(const char *name)
{
	return strcmp(name, "image") == 0 ? &module : NULL;
}

static bool idle(void)
{
	return block_fake_complete(&disk);
}

static void settle(void)
{
	fiber_fake_run();
	while (block_fake_complete(&disk))
		fiber_fake_run();
}

static int set_up(void **state)
{
	(void)state;
	fiber_fake_idle = idle;
	memory = aligned_alloc(4u << 20, 4u << 20);
	assert_non_null(memory);
	memory_end = GIB(4);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static void open_fiber(void *ctx)
{
	struct block_use **u = ctx;
	const struct block_target t = {.kind = BLOCK_PHY, .name = "d0", .write = true};

	*u = block_open(&t, "test", why);
}

static void close_fiber(void *ctx)
{
	block_close(ctx);
}

static struct block_use *open_disk(void)
{
	struct block_use *u = NULL;

	fake_log[0] = 0;
	assert_int_equal(block_add(&disk.dev, "d0"), 0);
	fiber_fake_call(open_fiber, &u);
	assert_non_null(u);
	return u;
}

static void close_disk(struct block_use *u)
{
	fiber_fake_call(close_fiber, u);
	settle();
	block_remove(&disk.dev);
}

/* --- random requests --- */

struct slot {
	struct block_request r;
	struct block_segment segments[SEGMENTS];
	u8 *memory, *expected; /* of a read */
	bool busy;
	enum block_status status;
	u64 clipped_from, clipped_to;
};

static struct slot slots[SLOTS];
static u8 *model;
static bool *touched; /* sectors that some request is at work on */
static unsigned int ended, bad;

static void slot_done(struct block_request *r, enum block_status status)
{
	struct slot *s = r->ctx;

	assert_true(s->busy);
	s->busy = false;
	s->status = status;
	ended++;
	for (u64 i = 0; i < r->count; i++)
		touched[r->sector + i] = false;
	if (status != BLOCK_OK) {
		/* What of a failed write is on the disk is not known: look. */
		assert_true(status == BLOCK_ERROR || status == BLOCK_GONE);
		bad++;
		memcpy(model + r->sector * BLOCK_SECTOR, disk.data + r->sector * BLOCK_SECTOR,
		       r->count * BLOCK_SECTOR);
	} else if (r->op == BLOCK_READ) {
		const u8 *want = model + r->sector * BLOCK_SECTOR;

		for (unsigned int i = 0; i < r->segment_count; i++) {
			assert_memory_equal(s->segments[i].cpu, want, s->segments[i].bytes);
			want += s->segments[i].bytes;
		}
	}
}

/* Segments of odd sizes at odd places in the slot's memory, never two at the same place. */
static void random_shape(struct slot *s, bool high, bool cpu, u32 step)
{
	u32 at = 0, bytes = 0;
	unsigned int n = 0, most = 1 + (unsigned int)fake_random(SEGMENTS);

	while (n < most) {
		u32 size = (u32)(1 + fake_random(fake_random(4) ? 8 : 40)) * BLOCK_SECTOR;

		at += fake_random(3) ? 0 : (u32)fake_random(9) * step;
		if (at + size > SLOT_BYTES)
			break;
		s->segments[n++] = (struct block_segment){
			.bus = high && fake_random(3) ? fake_high_bus(s->memory + at)
						      : paging_gpa(s->memory + at).v,
			.cpu = cpu ? s->memory + at : NULL,
			.bytes = size};
		at += size;
		bytes += size;
	}
	s->r.segment_count = n;
	s->r.count = bytes / BLOCK_SECTOR;
}

/* Whole sectors of the disk. */
static void round_shape(struct slot *s, u32 sector_size)
{
	u32 excess = (u32)(s->r.count * BLOCK_SECTOR % sector_size);

	while (excess) {
		struct block_segment *l = &s->segments[s->r.segment_count - 1];
		u32 n = l->bytes < excess ? l->bytes : excess;

		l->bytes -= n;
		excess -= n;
		s->r.count -= n / BLOCK_SECTOR;
		if (!l->bytes)
			s->r.segment_count--;
	}
}

/* A place for it where no other request is at work. */
static bool place(struct slot *s, u32 sector_size)
{
	u64 unit = sector_size / BLOCK_SECTOR;

	if (!s->r.count || s->r.count > DISK_SECTORS)
		return false;
	s->r.sector = fake_random((DISK_SECTORS - s->r.count) / unit + 1) * unit;
	for (u64 i = 0; i < s->r.count; i++)
		if (touched[s->r.sector + i])
			return false;
	for (u64 i = 0; i < s->r.count; i++)
		touched[s->r.sector + i] = true;
	return true;
}

static void fill_memory(const struct slot *s)
{
	u8 *at = model + s->r.sector * BLOCK_SECTOR;

	for (unsigned int i = 0; i < s->r.segment_count; i++) {
		for (u32 b = 0; b < s->segments[i].bytes; b++)
			((u8 *)s->segments[i].cpu)[b] = (u8)fake_random(256);
		memcpy(at, s->segments[i].cpu, s->segments[i].bytes);
		at += s->segments[i].bytes;
	}
}

static bool submit_random(struct block_use *u, struct slot *s, bool high, u32 step)
{
	s->r = (struct block_request){.op = fake_random(2) ? BLOCK_READ : BLOCK_WRITE,
				      .segments = s->segments,
				      .done = slot_done,
				      .ctx = s};
	random_shape(s, high, true, step);
	round_shape(s, disk.dev.sector_size);
	if (!place(s, disk.dev.sector_size))
		return false;
	if (s->r.op == BLOCK_WRITE)
		fill_memory(s);
	s->busy = true;
	block_submit(u, &s->r);
	return true;
}

static void random_requests(struct block_use *u, unsigned int count, bool high, u32 step)
{
	unsigned int submitted = 0;

	model = malloc(DISK_SECTORS * BLOCK_SECTOR);
	touched = calloc(DISK_SECTORS, sizeof(*touched));
	memcpy(model, disk.data, DISK_SECTORS * BLOCK_SECTOR);
	ended = bad = 0;
	for (unsigned int i = 0; i < SLOTS; i++)
		slots[i] = (struct slot){.memory = memory + (size_t)i * SLOT_BYTES};
	while (submitted < count) {
		struct slot *s = &slots[fake_random(SLOTS)];

		if (!s->busy && submit_random(u, s, high, step))
			submitted++;
		if (fake_random(3) == 0) {
			block_kick(u);
			block_fake_complete(&disk);
		}
	}
	block_kick(u);
	settle();
	assert_int_equal(ended, submitted); /* none is lost, none ends twice */
	assert_memory_equal(disk.data, model, DISK_SECTORS * BLOCK_SECTOR);
	free(model);
	free(touched);
}

struct shape {
	u32 sector_size;
	unsigned int max_segments;
	u32 max_bytes, max_segment;
	u64 page_mask, boundary, address_limit;
	bool needs_cpu;
};

static const struct shape shapes[] = {
	{512, 128, 512u << 10, 512u << 10, 0, 0, 0, false},
	{512, 1, 512, 512, 0, 0, 0, false},
	{512, 2, 4096, 1024, 0, 0, 0, false},
	{512, 64, 128u << 10, 64u << 10, 4095, 0, 0, false},
	{4096, 64, 128u << 10, 64u << 10, 4095, 0, 0, false},
	{4096, 1, 4096, 4096, 0, 0, 0, false},
	{4096, 3, 8192, 4096, 4095, 4095, 0, false},
	{512, 8, 64u << 10, 64u << 10, 0, 65535, 0xFFFFFFFF, false},
	{2048, 8, 10000, 3000, 0, 0xFFF, 0xFFFFFFFF, false},
	{512, 100, 1u << 20, 1u << 20, 0, 0, 0, true},
};

static void run_shape(const struct shape *c, bool at_once, unsigned int fail_one_in, u32 step)
{
	struct block_use *u;

	block_fake_init(&disk, DISK_SECTORS, c->sector_size);
	disk.dev.max_segments = c->max_segments;
	disk.dev.max_bytes = c->max_bytes;
	disk.dev.max_segment = c->max_segment;
	disk.dev.page_mask = c->page_mask;
	disk.dev.segment_boundary = c->boundary;
	disk.dev.address_limit = c->address_limit;
	disk.dev.needs_cpu = c->needs_cpu;
	memory_end = GIB(8);
	u = open_disk();
	assert_int_equal(block_device_of(u)->needs_cpu, c->needs_cpu || c->address_limit);
	disk.at_once = at_once;
	disk.fail_one_in = fail_one_in;
	random_requests(u, 1500, true, step);
	assert_true(fail_one_in ? bad > 10 : bad == 0);
	disk.at_once = false;
	disk.fail_one_in = 0;
	close_disk(u);
	block_fake_free(&disk);
}

static void any_shape(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++)
		run_shape(&shapes[i], false, 0, BLOCK_SECTOR);
}

static void devices_that_complete_at_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++)
		run_shape(&shapes[i], true, 0, BLOCK_SECTOR);
}

static void errors(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++)
		run_shape(&shapes[i], i % 2, 20, BLOCK_SECTOR);
}

/* Memory that begins at any byte: not what controllers' descriptors can say. */
static void unaligned_memory(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++)
		run_shape(&shapes[i], false, 0, 37);
}

/* --- single requests --- */

static enum block_status last;
static unsigned int dones;

static void note(struct block_request *r, enum block_status status)
{
	(void)r;
	last = status;
	dones++;
}

static enum block_status one(struct block_use *u, struct block_request *r)
{
	dones = 0;
	r->done = note;
	block_submit(u, r);
	block_kick(u);
	settle();
	assert_int_equal(dones, 1);
	return last;
}

static struct block_request data_request(enum block_op op, u64 sector,
					 const struct block_segment *s, unsigned int n)
{
	struct block_request r = {.op = op, .sector = sector, .segments = s, .segment_count = n};

	for (unsigned int i = 0; i < n; i++)
		r.count += s[i].bytes / BLOCK_SECTOR;
	return r;
}

static void passed_on_as_it_is(void **state)
{
	struct block_segment s[2] = {{.bus = paging_gpa(memory).v, .bytes = 4096},
				     {.bus = paging_gpa(memory + 8192).v, .bytes = 4096}};
	struct block_request r = data_request(BLOCK_READ, 8, s, 2);
	struct block_use *u;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	u = open_disk();
	r.done = note;
	block_submit(u, &r);
	assert_true(disk.queued == 1 && disk.queue[0] == &r);
	assert_true(r.sector == 8 && r.count == 16);
	block_kick(u);
	settle();
	close_disk(u);
	block_fake_free(&disk);
}

static void bad_requests(void **state)
{
	struct block_segment s[2] = {{.bus = paging_gpa(memory).v, .bytes = 4096},
				     {.bus = paging_gpa(memory + 8192).v, .bytes = 4096}};
	struct block_request r;
	struct block_use *u;
	unsigned int before;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 4096);
	u = open_disk();
	before = disk.requests;
	r = data_request(BLOCK_READ, DISK_SECTORS - 8, s, 2);
	assert_int_equal(one(u, &r), BLOCK_INVALID); /* beyond the end */
	r = data_request(BLOCK_READ, ~0ull - 7, s, 2);
	assert_int_equal(one(u, &r), BLOCK_INVALID); /* around the end of all numbers */
	r = data_request(BLOCK_READ, 1, s, 2);
	assert_int_equal(one(u, &r), BLOCK_INVALID); /* not on a sector */
	r = data_request(BLOCK_READ, 0, s, 2);
	r.count = 8;
	assert_int_equal(one(u, &r), BLOCK_INVALID); /* the segments are more than that */
	r = data_request(BLOCK_READ, 0, s, 0);
	assert_int_equal(one(u, &r), BLOCK_INVALID);
	s[1].bytes = 512;
	r = data_request(BLOCK_READ, 0, s, 2);
	assert_int_equal(one(u, &r), BLOCK_INVALID); /* not whole sectors */
	s[1].bytes = 0;
	r = data_request(BLOCK_READ, 0, s, 2);
	assert_int_equal(one(u, &r), BLOCK_INVALID);
	s[1] = (struct block_segment){.bus = ~0ull - 511, .bytes = 4096};
	r = data_request(BLOCK_READ, 0, s, 2);
	assert_int_equal(one(u, &r), BLOCK_INVALID); /* memory around the end of all addresses */
	/* Memory that the device does not reach and the processor does not know. */
	s[1] = (struct block_segment){.bus = paging_gpa(memory + 8192).v + 1, .bytes = 4096};
	r = data_request(BLOCK_WRITE, 0, s + 1, 1);
	assert_int_equal(one(u, &r), BLOCK_INVALID);
	r = (struct block_request){.op = BLOCK_DISCARD, .sector = 0, .count = 8};
	assert_int_equal(one(u, &r), BLOCK_UNSUPPORTED);
	r = (struct block_request){.op = (enum block_op)77};
	assert_int_equal(one(u, &r), BLOCK_UNSUPPORTED);
	assert_int_equal(disk.requests, before);
	close_disk(u);
	block_fake_free(&disk);
}

static void flushes(void **state)
{
	struct block_request r = {.op = BLOCK_FLUSH};
	struct block_use *u;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	u = open_disk();
	assert_int_equal(one(u, &r), BLOCK_OK);
	assert_int_equal(disk.flushes, 1);
	disk.fail_one_in = 1;
	assert_int_equal(one(u, &r), BLOCK_ERROR);
	disk.fail_one_in = 0;
	close_disk(u);
	assert_int_equal(disk.flushes, 2); /* the end flushes */
	disk.dev.write_cache = false;
	u = open_disk();
	assert_int_equal(one(u, &r), BLOCK_OK);
	close_disk(u);
	assert_int_equal(disk.flushes, 2);
	block_fake_free(&disk);
}

static void discards(void **state)
{
	struct block_request r = {.op = BLOCK_DISCARD, .sector = 5, .count = 1000};
	struct block_use *u;
	unsigned int before;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	disk.dev.discard = true;
	disk.dev.discard_granularity = 8192;
	disk.dev.max_discard = 100; /* six units of 16 sectors */
	u = open_disk();
	memset(disk.data, 1, DISK_SECTORS * BLOCK_SECTOR);
	before = disk.requests;
	assert_int_equal(one(u, &r), BLOCK_OK);
	/* 16 to 992 is discarded, 976 sectors, 96 at a time. */
	assert_int_equal(disk.requests - before, 11);
	for (u64 i = 0; i < DISK_SECTORS; i++)
		assert_int_equal(disk.data[i * BLOCK_SECTOR], i < 16 || i >= 992);
	r.count = 20; /* no whole unit */
	assert_int_equal(one(u, &r), BLOCK_OK);
	assert_int_equal(disk.requests - before, 11);
	r.count = ~0ull;
	assert_int_equal(one(u, &r), BLOCK_INVALID);
	disk.dev.read_only = false;
	close_disk(u);
	block_fake_free(&disk);
}

/* A sector that cannot be read in the middle of a request that is cut. */
static void first_error_counts(void **state)
{
	struct block_segment s = {.bus = paging_gpa(memory).v, .bytes = 65536};
	struct block_request r = data_request(BLOCK_READ, 0, &s, 1);
	struct block_use *u;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	disk.dev.max_bytes = 4096;
	u = open_disk();
	disk.bad_sector = 64;
	assert_int_equal(one(u, &r), BLOCK_ERROR);
	disk.bad_sector = ~0ull;
	assert_int_equal(one(u, &r), BLOCK_OK);
	close_disk(u);
	block_fake_free(&disk);
}

/* Only where there is memory that the device does not reach must its users have cpu addresses. */
static void cpu_addresses(void **state)
{
	static const struct {
		u64 limit, end;
		bool needed;
	} cases[] = {{0xFFFFFFFF, GIB(3), false},
		     {0xFFFFFFFF, GIB(4) + 1, true},
		     {0xFFFFFF, GIB(1), true},
		     {0, ~0ull, false},
		     {~0ull, ~0ull, false}};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct block_use *u;

		block_fake_init(&disk, DISK_SECTORS, 512);
		memory_end = cases[i].end;
		u = open_disk();
		close_disk(u);
		disk.dev.address_limit = cases[i].limit;
		disk.gone = true; /* its table is not of interest */
		u = open_disk();
		assert_int_equal(block_device_of(u)->needs_cpu, cases[i].needed);
		close_disk(u);
		disk.gone = false;
		block_fake_free(&disk);
	}
}

static unsigned int changes[2];

static void on_change(void *ctx, enum block_change what)
{
	(void)ctx;
	changes[what]++;
}

static void gone_with_requests(void **state)
{
	struct block_segment s = {.bus = paging_gpa(memory).v, .bytes = 512u << 10};
	struct block_request r[40];
	struct block_use *u;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	disk.dev.max_bytes = 512;
	u = open_disk();
	memset(changes, 0, sizeof(changes));
	block_on_change(u, on_change, NULL);
	dones = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(r); i++) {
		r[i] = data_request(BLOCK_READ, 0, &s, 1);
		r[i].done = note;
		block_submit(u, &r[i]);
	}
	block_kick(u);
	for (unsigned int i = 0; i < 1000; i++)
		assert_true(block_fake_complete(&disk));
	disk.gone = true;
	while (block_fake_complete(&disk))
		;
	block_remove(&disk.dev);
	assert_int_equal(dones, ARRAY_SIZE(r));
	assert_int_equal(last, BLOCK_GONE);
	assert_true(changes[BLOCK_WENT_AWAY] == 1 && changes[BLOCK_RESIZED] == 0);
	r[0].done = note;
	block_submit(u, &r[0]);
	assert_int_equal(dones, ARRAY_SIZE(r) + 1);
	assert_int_equal(last, BLOCK_GONE);
	block_kick(u);
	assert_int_equal(block_device_of(u)->sectors, DISK_SECTORS);
	fiber_fake_call(close_fiber, u);
	block_fake_free(&disk);
}

static void resized(void **state)
{
	struct block_segment s = {.bus = paging_gpa(memory).v, .bytes = 4096};
	struct block_request r = data_request(BLOCK_READ, DISK_SECTORS - 8, &s, 1);
	struct block_use *u;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	disk.dev.sectors = DISK_SECTORS / 2;
	u = open_disk();
	memset(changes, 0, sizeof(changes));
	block_on_change(u, on_change, NULL);
	assert_int_equal(one(u, &r), BLOCK_INVALID);
	disk.dev.sectors = DISK_SECTORS;
	assert_int_equal(block_add(&disk.dev, "d0"), 0);
	assert_int_equal(changes[BLOCK_RESIZED], 1);
	assert_int_equal(block_device_of(u)->sectors, DISK_SECTORS);
	settle();
	assert_int_equal(one(u, &r), BLOCK_OK);
	close_disk(u);
	block_fake_free(&disk);
}

static void io_fiber(void *ctx)
{
	struct block_use *u = ctx;
	u8 *a = malloc(100 * BLOCK_SECTOR + 1), *b = malloc(100 * BLOCK_SECTOR);

	for (unsigned int i = 0; i < 100 * BLOCK_SECTOR; i++)
		a[i + 1] = (u8)fake_random(256);
	assert_int_equal(block_io(u, BLOCK_WRITE, 7, a + 1, 100 * BLOCK_SECTOR), BLOCK_OK);
	assert_int_equal(block_io(u, BLOCK_READ, 7, b, 100 * BLOCK_SECTOR), BLOCK_OK);
	assert_memory_equal(a + 1, b, 100 * BLOCK_SECTOR);
	assert_memory_equal(disk.data + 7 * BLOCK_SECTOR, b, 100 * BLOCK_SECTOR);
	assert_int_equal(block_io(u, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	assert_int_equal(block_io(u, BLOCK_READ, 7, b, 100), BLOCK_INVALID);
	assert_int_equal(block_io(u, BLOCK_READ, DISK_SECTORS - 1, b, 1024), BLOCK_INVALID);
	free(a);
	free(b);
}

static void from_a_fiber(void **state)
{
	struct block_use *u;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	u = open_disk();
	fiber_fake_call(io_fiber, u);
	close_disk(u);
	block_fake_free(&disk);
}

static void module_fiber(void *ctx)
{
	struct block_target t = {.kind = BLOCK_FILE, .name = "image", .write = true};
	struct block_use *u = block_open(&t, "guest a", why), *v;
	u8 sector[BLOCK_SECTOR];

	(void)ctx;
	assert_non_null(u);
	assert_non_null(strstr(fake_log, "image: the last 100 bytes"));
	assert_int_equal(block_device_of(u)->sectors, 5);
	assert_true(block_device_of(u)->needs_cpu && !block_device_of(u)->read_only);
	memset(sector, 0x5A, sizeof(sector));
	assert_int_equal(block_io(u, BLOCK_WRITE, 4, sector, sizeof(sector)), BLOCK_OK);
	assert_int_equal(block_io(u, BLOCK_WRITE, 5, sector, sizeof(sector)), BLOCK_INVALID);
	t.write = false;
	assert_null(block_open(&t, "guest b", why));
	assert_string_equal(why, "image is in use for writing by guest a");
	block_close(u);
	u = block_open(&t, "guest b", why);
	v = block_open(&t, "guest c", why);
	assert_true(u && v && block_device_of(u)->read_only);
	memset(sector, 0, sizeof(sector));
	assert_int_equal(block_io(v, BLOCK_READ, 4, sector, sizeof(sector)), BLOCK_OK);
	assert_true(sector[0] == 0x5A && sector[511] == 0x5A);
	assert_int_equal(block_io(v, BLOCK_WRITE, 4, sector, sizeof(sector)), BLOCK_INVALID);
	t.write = true;
	assert_null(block_open(&t, "guest d", why));
	block_close(u);
	block_close(v);
	t.name = "nothing";
	assert_null(block_open(&t, "guest d", why));
	assert_string_equal(why, "there is no file nothing on the boot medium");
}

static void modules(void **state)
{
	(void)state;
	fiber_fake_call(module_fiber, NULL);
	assert_int_equal(module_data[4 * BLOCK_SECTOR], 0x5A);
	assert_int_equal(module_data[5 * BLOCK_SECTOR], 0);
}

static void refused(void **state)
{
	struct block_fake other;

	(void)state;
	block_fake_init(&disk, DISK_SECTORS, 512);
	block_fake_init(&other, DISK_SECTORS, 512);
	assert_int_equal(block_add(&disk.dev, "d0"), 0);
	settle();
	assert_true(block_add(&other.dev, "d0") < 0);
	assert_true(block_add(&other.dev, "") < 0);
	assert_true(block_add(&other.dev, "a-name-that-is-much-too-long-for-a-disk") < 0);
	other.dev.sector_size = 520;
	assert_true(block_add(&other.dev, "d1") < 0);
	other.dev.sector_size = 4096;
	other.dev.max_segment = 512;
	assert_true(block_add(&other.dev, "d1") < 0);
	block_remove(&other.dev); /* was never there */
	block_remove(&disk.dev);
	block_fake_free(&disk);
	block_fake_free(&other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_shape),
		TEST(devices_that_complete_at_once),
		TEST(errors),
		TEST(unaligned_memory),
		TEST(passed_on_as_it_is),
		TEST(bad_requests),
		TEST(flushes),
		TEST(discards),
		TEST(first_error_counts),
		TEST(gone_with_requests),
		TEST(cpu_addresses),
		TEST(resized),
		TEST(from_a_fiber),
		TEST(modules),
		TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
