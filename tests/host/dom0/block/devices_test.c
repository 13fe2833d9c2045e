/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks and their partitions as devices: names, who keeps whom out, requests to the right place,
 * tables that change, disks that go. */
// links: dom0/block/block_io.c dom0/block/bounce.c dom0/block/open.c dom0/block/partition_table.c
// links: dom0/block/partitions.c dom0/block/gpt.c dom0/block/mbr.c dom0/block/ram_disk.c
// links: dom0/block/registry.c dom0/block/request.c dom0/block/split.c dom0/block/use.c
// links: tests/fake/files_fake.c tests/fake/fiber_fake.c tests/fake/block_fake.c
// links: tests/fake/partition_fake.c
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
#include <files_fake.h>
#include <partition_fake.h>

#define SECTORS 8192u

static struct block_fake disk[2];
static char why[BLOCK_WHY_MAX];

u64 block_memory_end(void)
{
	return GIB(1);
}

const struct module *module_find(const char *name)
{
	(void)name;
	return NULL;
}

static bool idle(void)
{
	return block_fake_complete(&disk[0]) || block_fake_complete(&disk[1]);
}

static void settle(void)
{
	do
		fiber_fake_run();
	while (idle());
}

static const struct gpt_part parts[] = {{100, 199, 0x1a, "boot"}, {200, 4999, 0x2b, "data"}};

static void make_table(struct block_fake *f, const struct gpt_part *p, unsigned int n)
{
	struct gpt_maker m = {.disk = f->data,
			      .sectors = f->dev.sectors,
			      .sector_size = 512,
			      .entries = 16,
			      .entry_size = 128};

	gpt_make(&m, p, n);
}

static int set_up(void **state)
{
	(void)state;
	fiber_fake_idle = idle;
	fake_log[0] = 0;
	block_fake_init(&disk[0], SECTORS, 512);
	block_fake_init(&disk[1], SECTORS, 512);
	make_table(&disk[0], parts, 2);
	assert_int_equal(block_add(&disk[0].dev, "nvme0n1"), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	settle();
	block_remove(&disk[0].dev);
	block_remove(&disk[1].dev);
	settle();
	block_fake_free(&disk[0]);
	block_fake_free(&disk[1]);
	return 0;
}

struct opening {
	const char *name, *holder;
	bool write;
	struct block_use *u;
};

static void open_fiber(void *ctx)
{
	struct opening *o = ctx;
	const struct block_target t = {.kind = BLOCK_PHY, .name = o->name, .write = o->write};

	why[0] = 0;
	o->u = block_open(&t, o->holder, why);
}

static struct block_use *open_as(const char *name, bool write, const char *holder)
{
	struct opening o = {.name = name, .holder = holder, .write = write};

	fiber_fake_call(open_fiber, &o);
	return o.u;
}

static void close_fiber(void *ctx)
{
	block_close(ctx);
}

static void close_use(struct block_use *u)
{
	fiber_fake_call(close_fiber, u);
	settle();
}

static const struct block_info *listed(const char *name)
{
	static struct block_info info;

	for (unsigned int i = 0; block_list(i, &info); i++)
		if (strcmp(info.name, name) == 0)
			return &info;
	return NULL;
}

static void listing(void **state)
{
	static const char *const order[] = {"a", "ap1", "ap2", "b", "bp1"};
	const struct block_info *i;
	struct block_info info;
	struct block_use *u;

	(void)state;
	settle();
	assert_non_null(strstr(fake_log, "nvme0n1: 4 MiB, GPT, 2 partitions"));
	i = listed("nvme0n1p2");
	assert_non_null(i);
	assert_string_equal(i->label, "data");
	assert_string_equal(i->uuid, "2b2b2b2b-2b2b-2b2b-2b2b-2b2b2b2b2b2b");
	assert_string_equal(i->parent, "nvme0n1");
	assert_true(i->device->sectors == 4800 && !i->holder);
	u = open_as("nvme0n1p2", true, "guest web");
	i = listed("nvme0n1p2");
	assert_string_equal(i->holder, "guest web");
	assert_true(i->held_for_writing);
	i = listed("nvme0n1");
	assert_true(i && !i->parent && !i->holder && i->device == &disk[0].dev);
	close_use(u);
	assert_null(listed("nvme0n1p2")->holder);
	assert_null(listed("nvme0n1p3"));
	/* Two disks whose tables are read at the same time: partitions follow their disk. */
	block_remove(&disk[0].dev);
	make_table(&disk[1], parts, 1);
	assert_int_equal(block_add(&disk[0].dev, "a"), 0);
	assert_int_equal(block_add(&disk[1].dev, "b"), 0);
	settle();
	for (unsigned int n = 0; n < ARRAY_SIZE(order); n++) {
		assert_true(block_list(n, &info));
		assert_string_equal(info.name, order[n]);
	}
	assert_false(block_list(ARRAY_SIZE(order), &info));
}

/* While a table is still being read, an opening of a partition waits for it. */
static void names(void **state)
{
	static const char *const good[] = {
		"nvme0n1p2",
		"/dev/nvme0n1p2",
		"LABEL=data",
		"PARTLABEL=data",
		"UUID=2b2b2b2b-2b2b-2b2b-2b2b-2b2b2b2b2b2b",
		"PARTUUID=2B2B2B2B-2B2B-2b2b-2b2b-2b2b2b2b2b2b",
	};
	static const char *const bad[] = {"nvme0n1p3",  "nvme0n1p", "LABEL=",
					  "LABEL=Data", "UUID=",    "UUID=2b2b",
					  "",           "/dev/",    "dev/nvme0n1p2"};
	struct block_use *u;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		u = open_as(good[i], false, "x");
		assert_non_null(u);
		assert_int_equal(block_device_of(u)->sectors, 4800);
		close_use(u);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_null(open_as(bad[i], false, "x"));
		assert_non_null(strstr(why, "there is no disk or partition"));
	}
	/* The same label on another disk. */
	make_table(&disk[1], parts + 1, 1);
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	assert_null(open_as("LABEL=data", false, "x"));
	assert_string_equal(why, "LABEL=data is ambiguous: it is nvme0n1p2 and sdap1");
	u = open_as("LABEL=boot", false, "x");
	assert_non_null(u);
	close_use(u);
}

/* Each pair of openings of the whole disk and its parts. */
static void exclusive(void **state)
{
	static const char *const name[] = {"nvme0n1", "nvme0n1p1", "nvme0n1p2"};

	(void)state;
	settle();
	for (unsigned int i = 0; i < 3 * 3 * 4; i++) {
		unsigned int a = i % 3, b = i / 3 % 3;
		bool write_a = i / 9 & 1, write_b = i / 18 & 1;
		bool related = a == b || a == 0 || b == 0;
		struct block_use *u = open_as(name[a], write_a, "guest a"), *v;
		char want[BLOCK_WHY_MAX];

		assert_non_null(u);
		v = open_as(name[b], write_b, "guest b");
		if (!related || (!write_a && !write_b)) {
			assert_non_null(v);
			close_use(v);
		} else {
			const char *how = write_a ? "writing" : "reading";

			if (a == b)
				snprintf(want, sizeof(want), "%s is in use for %s by guest a",
					 name[a], how);
			else if (b == 0)
				snprintf(want, sizeof(want),
					 "%s, a part of nvme0n1, is in use for %s by guest a",
					 name[a], how);
			else
				snprintf(want, sizeof(want),
					 "nvme0n1, which %s is a part of, is in use for %s by "
					 "guest a",
					 name[b], how);
			assert_null(v);
			assert_string_equal(why, want);
		}
		close_use(u);
	}
	/* Several readers, and a writer once all of them are gone. */
	{
		struct block_use *r1 = open_as(name[1], false, "r1");
		struct block_use *r2 = open_as(name[0], false, "r2");

		assert_true(r1 && r2);
		assert_null(open_as(name[1], true, "w"));
		close_use(r1);
		assert_null(open_as(name[1], true, "w"));
		close_use(r2);
		r1 = open_as(name[1], true, "w");
		assert_non_null(r1);
		close_use(r1);
	}
}

static void read_only(void **state)
{
	struct block_use *u;

	(void)state;
	settle();
	block_remove(&disk[0].dev);
	disk[0].dev.read_only = true;
	assert_int_equal(block_add(&disk[0].dev, "cd0"), 0);
	assert_null(open_as("cd0p1", true, "x"));
	assert_string_equal(why, "cd0p1 is read-only");
	u = open_as("cd0p1", false, "x");
	assert_true(u && block_device_of(u)->read_only);
	close_use(u);
}

static u8 buffer[16 * 512];
static enum block_status io_status;

static void io_fiber(void *ctx)
{
	memset(buffer, 0x99, sizeof(buffer));
	io_status = block_io(ctx, BLOCK_WRITE, 4, buffer, sizeof(buffer));
}

static void to_the_right_place(void **state)
{
	struct block_use *u;

	(void)state;
	settle();
	disk[0].dev.max_bytes = 2048; /* looked at when it is opened: requests are cut as well */
	for (unsigned int cut = 0; cut < 2; cut++) {
		u = open_as("nvme0n1p1", true, "x");
		memset(disk[0].data + 100 * 512, 0, 100 * 512);
		fiber_fake_call(io_fiber, u);
		assert_int_equal(io_status, BLOCK_OK);
		for (unsigned int i = 100; i < 200; i++)
			assert_int_equal(disk[0].data[i * 512], i >= 104 && i < 120 ? 0x99 : 0);
		close_use(u);
		disk[0].dev.max_bytes = 65536;
	}
	u = open_as("nvme0n1p1", false, "x");
	fiber_fake_call(io_fiber, u);
	assert_int_equal(io_status, BLOCK_INVALID); /* opened for reading */
	close_use(u);
}

static void beyond_fiber(void *ctx)
{
	assert_int_equal(block_io(ctx, BLOCK_READ, 99, buffer, 512), BLOCK_OK);
	assert_int_equal(block_io(ctx, BLOCK_READ, 100, buffer, 512), BLOCK_INVALID);
	assert_int_equal(block_io(ctx, BLOCK_READ, 99, buffer, 1024), BLOCK_INVALID);
	assert_int_equal(block_io(ctx, BLOCK_WRITE, ~0ull - 99, buffer, 512), BLOCK_INVALID);
}

static void not_beyond_the_partition(void **state)
{
	struct block_use *u = open_as("nvme0n1p1", true, "x");

	(void)state;
	fiber_fake_call(beyond_fiber, u);
	close_use(u);
}

static unsigned int went_away;

static void on_change(void *ctx, enum block_change what)
{
	(void)ctx;
	went_away += what == BLOCK_WENT_AWAY;
}

/* A guest that has the whole disk writes another table: it counts once the disk is free again. */
static void table_rewritten(void **state)
{
	static const struct gpt_part other[] = {{100, 199, 0x1a, "boot"}, {300, 399, 0x33, "new"}};
	struct block_use *u, *kept;

	(void)state;
	kept = open_as("nvme0n1p1", false, "reader");
	close_use(kept);
	u = open_as("nvme0n1", true, "guest");
	make_table(&disk[0], other, 2);
	assert_int_equal(listed("nvme0n1p2")->device->sectors, 4800);
	close_use(u);
	assert_int_equal(listed("nvme0n1p2")->device->sectors, 100);
	assert_string_equal(listed("nvme0n1p2")->label, "new");
	assert_int_equal(listed("nvme0n1p1")->device->sectors, 100);
}

static void disk_grows(void **state)
{
	static const struct gpt_part other[] = {{100, 199, 0x1a, "boot"}, {250, 399, 0x2b, "data"}};
	struct block_use *same, *changed;

	(void)state;
	disk[1].dev.sectors = SECTORS / 2;
	make_table(&disk[1], parts, 1);
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	same = open_as("sdap1", true, "a");
	block_on_change(same, on_change, NULL);
	went_away = 0;
	disk[1].dev.sectors = SECTORS;
	make_table(&disk[1], other, 2);
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	settle();
	assert_int_equal(went_away, 0); /* unchanged: kept */
	assert_string_equal(listed("sdap1")->holder, "a");
	changed = open_as("sdap2", true, "b");
	assert_non_null(changed);
	block_on_change(changed, on_change, NULL);
	/* Now the second one is another one. */
	make_table(&disk[1], parts, 2);
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	settle();
	assert_int_equal(went_away, 1);
	assert_int_equal(listed("sdap2")->device->sectors, 4800);
	/* The table cannot be read: what fits the smaller disk stays. */
	disk[1].bad_sector = 0;
	disk[1].dev.sectors = 1000;
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	settle();
	assert_non_null(strstr(fake_log, "sda: the partition table cannot be read"));
	assert_null(listed("sdap2"));
	assert_non_null(listed("sdap1"));
	assert_int_equal(went_away, 1);
	close_use(same);
	close_use(changed);
}

static void removed_while_read(void **state)
{
	(void)state;
	make_table(&disk[1], parts, 2);
	/* The table's fiber waits for its first sector when the disk goes. */
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	disk[1].gone = true;
	block_remove(&disk[1].dev);
	settle();
	assert_null(listed("sda"));
	assert_null(listed("sdap1"));
	disk[1].gone = false;
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	settle();
	assert_non_null(listed("sdap2"));
}

static void removed_with_users(void **state)
{
	struct block_use *whole, *part;

	(void)state;
	make_table(&disk[1], parts, 2);
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	whole = open_as("sda", false, "a");
	part = open_as("sdap2", false, "b");
	block_on_change(whole, on_change, NULL);
	block_on_change(part, on_change, NULL);
	went_away = 0;
	block_remove(&disk[1].dev);
	assert_int_equal(went_away, 2);
	fiber_fake_call(io_fiber, part);
	assert_int_equal(io_status, BLOCK_GONE);
	/* The name is free again at once. */
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	settle();
	assert_null(listed("sda")->holder);
	close_use(whole);
	close_use(part);
	assert_non_null(listed("sdap2"));
}

static void no_memory_for_the_table(void **state)
{
	(void)state;
	settle();
	fiber_fake_no_memory = true;
	assert_int_equal(block_add(&disk[1].dev, "sda"), 0);
	fiber_fake_no_memory = false;
	assert_non_null(strstr(fake_log, "sda: out of memory for the partition table"));
	close_use(open_as("sda", false, "x")); /* the disk itself works, and nobody waits */
}

static void files_fiber(void *ctx)
{
	struct block_target t = {.kind = BLOCK_FILE, .name = "/nvme0n1p2/image", .write = true};
	struct block_use *u, *v;

	(void)ctx;
	assert_null(block_open(&t, "guest a", why));
	assert_string_equal(why, "there is none for guest a");
	files_fake_file = &disk[0].dev;
	u = block_open(&t, "guest a", why);
	assert_true(u && files_fake_open == 1);
	assert_int_equal(block_io(u, BLOCK_WRITE, 7000, buffer, sizeof(buffer)), BLOCK_OK);
	/* Who may have a file open is for the file system to say. */
	v = block_open(&t, "guest b", why);
	assert_true(v && files_fake_open == 2);
	block_close(u);
	block_close(v);
	assert_int_equal(files_fake_open, 0);
	assert_true(disk[0].flushes >= 2);
	disk[0].dev.read_only = true;
	assert_null(block_open(&t, "guest a", why));
	assert_string_equal(why, "/nvme0n1p2/image is read-only");
	assert_int_equal(files_fake_open, 0);
	files_fake_overlay = &disk[1].dev;
	t.kind = BLOCK_COW;
	u = block_open(&t, "guest a", why);
	assert_true(u && files_fake_open == 1);
	block_close(u);
	assert_int_equal(files_fake_open, 0);
	disk[0].dev.read_only = false;
	files_fake_file = files_fake_overlay = NULL;
}

/* Files and overlays are opened and closed by those who know them, and not listed. */
static void files(void **state)
{
	(void)state;
	settle();
	fiber_fake_call(files_fiber, NULL);
	assert_null(listed("/nvme0n1p2/image"));
}

/* More requests than there is memory to describe: each use gets its turn. */
#define MANY 1000u

static unsigned int ended[2];
static struct block_use *resubmit_to; /* the first one's requests begin anew as they end */

static void count_end(struct block_request *r, enum block_status status)
{
	assert_int_equal(status, BLOCK_OK);
	ended[*(unsigned int *)r->ctx]++;
	if (resubmit_to && *(unsigned int *)r->ctx == 0) {
		block_submit(resubmit_to, r);
		block_kick(resubmit_to);
	}
}

static void submit_many(struct block_use *u, struct block_request *r, unsigned int *who,
			unsigned int n)
{
	static struct block_segment segment;

	segment = (struct block_segment){.bus = paging_gpa(buffer).v, .bytes = 512};
	for (unsigned int i = 0; i < n; i++) {
		r[i] = (struct block_request){.op = BLOCK_READ,
					      .sector = i % 100,
					      .count = 1,
					      .segments = &segment,
					      .segment_count = 1,
					      .done = count_end,
					      .ctx = who};
		block_submit(u, &r[i]);
	}
	block_kick(u);
}

static void turns(void **state)
{
	static struct block_request r[2][MANY];
	static unsigned int who[2] = {0, 1};
	struct block_use *u[2];
	unsigned int at_once, before;

	(void)state;
	ended[0] = ended[1] = 0;
	u[0] = open_as("nvme0n1p1", false, "greedy");
	u[1] = open_as("nvme0n1p2", false, "late");
	submit_many(u[0], r[0], &who[0], MANY);
	at_once = disk[0].queued;
	assert_true(at_once >= 32 && at_once < MANY); /* no more are described */
	submit_many(u[1], r[1], &who[1], MANY);
	assert_int_equal(disk[0].queued, at_once);
	for (unsigned int i = 0; i < at_once; i++)
		block_fake_complete(&disk[0]);
	before = ended[1];
	for (unsigned int i = 0; i < 600; i++)
		block_fake_complete(&disk[0]);
	/* The later one gets its half. */
	assert_true(ended[1] - before > 240 && ended[1] - before < 360);
	settle();
	assert_true(ended[0] == MANY && ended[1] == MANY);
	/* One that takes again at once what it has just given back. */
	submit_many(u[0], r[0], &who[0], at_once);
	assert_int_equal(disk[0].queued, at_once);
	resubmit_to = u[0];
	submit_many(u[1], r[1], &who[1], 100);
	for (unsigned int i = 0; i < 20 * at_once && ended[1] < MANY + 100; i++)
		block_fake_complete(&disk[0]);
	assert_int_equal(ended[1], MANY + 100);
	resubmit_to = NULL;
	settle();
	close_use(u[0]);
	close_use(u[1]);
}

/* A file whose flushes end when those of its partition do, more than there are parts. */
#define NESTED 400u

static struct block_use *below;
static struct block_request inner[NESTED];
static unsigned int inner_count;

static void inner_done(struct block_request *r, enum block_status status)
{
	struct block_request *outer = r->ctx;

	outer->done(outer, status);
}

static void nested_submit(struct block_device *b, struct block_request *r)
{
	struct block_request *i = &inner[inner_count++];

	(void)b;
	*i = (struct block_request){.op = r->op, .done = inner_done, .ctx = r};
	block_submit(below, i);
	block_kick(below);
}

static void nested_fiber(void *ctx)
{
	static const struct block_device_ops ops = {.submit = nested_submit};
	static struct block_device file;
	static struct block_request r[NESTED];
	static unsigned int who = 1;
	struct block_target t = {.kind = BLOCK_PHY, .name = "nvme0n1p2"};
	struct block_use *u;

	(void)ctx;
	file = disk[0].dev;
	file.ops = &ops;
	files_fake_file = &file;
	below = block_open(&t, "the file", why);
	t.kind = BLOCK_FILE;
	t.name = "/nvme0n1p2/image";
	u = block_open(&t, "guest", why);
	assert_true(u && below);
	ended[1] = inner_count = 0;
	for (unsigned int i = 0; i < NESTED; i++) {
		r[i] = (struct block_request){.op = BLOCK_FLUSH, .done = count_end, .ctx = &who};
		block_submit(u, &r[i]);
	}
	block_kick(u);
	while (idle())
		;
	assert_int_equal(ended[1], NESTED);
	block_close(u);
	block_close(below);
	files_fake_file = NULL;
}

static void nested(void **state)
{
	(void)state;
	settle();
	fiber_fake_call(nested_fiber, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listing),
		TEST(names),
		TEST(exclusive),
		TEST(read_only),
		TEST(to_the_right_place),
		TEST(not_beyond_the_partition),
		TEST(table_rewritten),
		TEST(disk_grows),
		TEST(removed_while_read),
		TEST(removed_with_users),
		TEST(no_memory_for_the_table),
		TEST(turns),
		TEST(files),
		TEST(nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
