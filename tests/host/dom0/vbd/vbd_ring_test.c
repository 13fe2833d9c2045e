/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back end's rings: every operation, batches, several pages and queues, limits, fairness.
 */
// links: dom0/vbd/vbd.c dom0/vbd/vbd_connect.c dom0/vbd/vbd_grants.c dom0/vbd/vbd_limits.c
// links: dom0/vbd/vbd_nodes.c dom0/vbd/vbd_request.c dom0/vbd/vbd_ring.c dom0/hyper/foreign.c
// links: dom0/block/limiter.c tests/host/dom0/vbd/world.c tests/host/dom0/vbd/front.c
// links: dom0/xenstore/xs_commit.c dom0/xenstore/xs_domain.c dom0/xenstore/xs_event.c
// links: dom0/xenstore/xs_guest_tree.c dom0/xenstore/xs_local.c dom0/xenstore/xs_names.c
// links: dom0/xenstore/xs_ops.c dom0/xenstore/xs_path.c dom0/xenstore/xs_perm.c
// links: dom0/xenstore/xs_ring.c dom0/xenstore/xs_transaction.c dom0/xenstore/xs_tree.c
// links: dom0/xenstore/xs_watch.c dom0/xenstore/xs_wire.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <dom0/vbd/vbd.h>
#include <tests/host/dom0/vbd/front.h>

static struct vbd *vbd;
static struct block_use *disk;
static struct front front;
static bool destroyed;

static void note_destroyed(void *ctx)
{
	assert_ptr_equal(ctx, &destroyed);
	destroyed = true;
}

static struct vbd_config config(void)
{
	return (struct vbd_config){.domid = WORLD_DOMID,
				   .number = 51712,
				   .params = "phy:nvme0n1",
				   .use = &world.disk[0],
				   .discard = true,
				   .queues = 4};
}

static void start(const struct vbd_config *c)
{
	disk = &world.disk[0];
	front = (struct front){.number = c->number, .queues = 1, .first_ring = 8, .first_port = 1};
	destroyed = false;
	assert_int_equal(vbd_create(world.xs, c, &vbd), 0);
	world_run();
	assert_int_equal(front_back_state(&front), 2);
}

static void connect(void)
{
	struct vbd_config c = config();

	start(&c);
	assert_true(front_connect(&front));
}

static int set_up(void **state)
{
	(void)state;
	world_begin();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!destroyed) {
		vbd_destroy(vbd, 0, note_destroyed, &destroyed);
		do
			world_run();
		while (world_complete(disk, 1000));
		assert_true(destroyed);
	}
	world_end();
	return 0;
}

static void expect(u64 id, u8 op, s16 status)
{
	const struct blkif_response *r = front_answer(&front, id);

	assert_non_null(r);
	assert_int_equal(r->op, op);
	assert_int_equal(r->status, status);
}

static void fill(unsigned int page, unsigned int pages, u8 seed)
{
	u8 *p = world_page(FRONT_DATA + page);

	for (size_t i = 0; i < pages * PAGE_SIZE; i++)
		p[i] = (u8)(seed + i / 7);
}

/* --- operations ------------------------------------------------------------------------------- */

static void test_write_and_read(void **state)
{
	(void)state;
	connect();
	fill(0, 11, 3);
	front_rw(&front, 0, BLKIF_OP_WRITE, 0x1122334455667788, 100, 0, 11);
	front_do(&front, 0, disk);
	expect(0x1122334455667788, BLKIF_OP_WRITE, 0);
	assert_memory_equal(disk->data + 100 * 512, world_page(FRONT_DATA), 11 * PAGE_SIZE);
	front_rw(&front, 0, BLKIF_OP_READ, 2, 100, 20, 11);
	front_do(&front, 0, disk);
	expect(2, BLKIF_OP_READ, 0);
	assert_memory_equal(world_page(FRONT_DATA + 20), world_page(FRONT_DATA), 11 * PAGE_SIZE);
}

static void test_parts_of_pages(void **state)
{
	union blkif_slot *s;

	(void)state;
	connect();
	fill(0, 2, 9);
	s = front_slot(&front, 0);
	s->rw = (struct blkif_rw){.op = BLKIF_OP_WRITE, .segment_count = 2, .id = 1, .sector = 7};
	s->rw.segment[0] = (struct blkif_segment){FRONT_DATA, 3, 4, 0};
	s->rw.segment[1] = (struct blkif_segment){FRONT_DATA + 1, 7, 7, 0};
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_WRITE, 0);
	assert_memory_equal(disk->data + 7 * 512, (u8 *)world_page(FRONT_DATA) + 3 * 512, 1024);
	assert_memory_equal(disk->data + 9 * 512, (u8 *)world_page(FRONT_DATA + 1) + 7 * 512, 512);
}

/* A write needs no right to write the guest's page, a read does. */
static void test_rights_of_grants(void **state)
{
	(void)state;
	connect();
	world_grant(FRONT_DATA, FRONT_DATA, true);
	front_rw(&front, 0, BLKIF_OP_WRITE, 1, 0, 0, 1);
	front_rw(&front, 0, BLKIF_OP_READ, 2, 0, 0, 1);
	world.ref[FRONT_DATA + 1].granted = false;
	front_rw(&front, 0, BLKIF_OP_WRITE, 3, 0, 0, 3);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_WRITE, 0);
	expect(2, BLKIF_OP_READ, -1);
	expect(3, BLKIF_OP_WRITE, -1);
	assert_int_equal(disk->submitted, 1);
}

static void test_indirect(void **state)
{
	(void)state;
	connect();
	fill(0, 32, 77);
	front_indirect(&front, 0, BLKIF_OP_WRITE, 1, 8, 0, 32, 100);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_WRITE, 0);
	assert_memory_equal(disk->data + 8 * 512, world_page(FRONT_DATA), 32 * PAGE_SIZE);
	front_indirect(&front, 0, BLKIF_OP_READ, 2, 8, 40, 32, 100);
	front_indirect(&front, 0, BLKIF_OP_READ, 3, 8, 40, 33, 101);
	front_indirect(&front, 0, BLKIF_OP_READ, 4, 8, 40, 0, 101);
	front_indirect(&front, 0, BLKIF_OP_FLUSH, 5, 8, 40, 1, 101);
	front_indirect(&front, 0, BLKIF_OP_READ, 6, 8, 40, 1, 101);
	front.queue[0].ring->slot[(front.queue[0].req_prod - 1) % 32].indirect.gref[0] = 5;
	front_do(&front, 0, disk);
	expect(2, BLKIF_OP_READ, 0);
	expect(3, BLKIF_OP_READ, -1);
	expect(4, BLKIF_OP_READ, -1);
	expect(5, BLKIF_OP_FLUSH, -2);
	expect(6, BLKIF_OP_READ, -1);
	assert_memory_equal(world_page(FRONT_DATA + 40), world_page(FRONT_DATA), 32 * PAGE_SIZE);
}

static void test_flush_and_barrier(void **state)
{
	static const u8 order[] = {BLOCK_WRITE, BLOCK_FLUSH, BLOCK_FLUSH,
				   BLOCK_WRITE, BLOCK_FLUSH, BLOCK_READ};

	(void)state;
	connect();
	front_rw(&front, 0, BLKIF_OP_WRITE, 1, 0, 0, 1);
	front_rw(&front, 0, BLKIF_OP_FLUSH, 2, 0, 0, 0);
	front_rw(&front, 0, BLKIF_OP_BARRIER, 3, 8, 0, 1);
	front_rw(&front, 0, BLKIF_OP_READ, 4, 0, 1, 1); /* not before the barrier is done */
	front_do(&front, 0, disk);
	for (u64 id = 1; id <= 4; id++)
		assert_non_null(front_answer(&front, id));
	expect(3, BLKIF_OP_BARRIER, 0);
	assert_int_equal(disk->order_length, sizeof(order));
	assert_memory_equal(disk->order, order, sizeof(order));
}

/* A barrier behind a request that fails at once must not wait for an event. */
static void test_barrier_after_a_bad_request(void **state)
{
	(void)state;
	connect();
	front_rw(&front, 0, BLKIF_OP_READ, 1, WORLD_SECTORS, 0, 1);
	front_rw(&front, 0, BLKIF_OP_BARRIER, 2, WORLD_SECTORS, 0, 1);
	front_rw(&front, 0, BLKIF_OP_BARRIER, 3, 0, 0, 0);
	front_rw(&front, 0, BLKIF_OP_WRITE, 4, 0, 0, 1);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_READ, -1);
	expect(2, BLKIF_OP_BARRIER, -1);
	expect(3, BLKIF_OP_BARRIER, 0);
	expect(4, BLKIF_OP_WRITE, 0);
}

static void test_flush_without_a_cache(void **state)
{
	(void)state;
	world.disk[0].device.write_cache = false;
	connect();
	front_rw(&front, 0, BLKIF_OP_FLUSH, 1, 0, 0, 0);
	front_rw(&front, 0, BLKIF_OP_BARRIER, 2, 0, 0, 1);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_FLUSH, 0);
	expect(2, BLKIF_OP_BARRIER, 0);
	assert_int_equal(disk->flushes, 0);
	assert_int_equal(disk->submitted, 1);
}

static void discard(u64 id, u64 sector, u64 count, u8 flag)
{
	front_slot(&front, 0)->discard = (struct blkif_discard){
		.op = BLKIF_OP_DISCARD, .flag = flag, .id = id, .sector = sector, .count = count};
}

static void test_discard(void **state)
{
	(void)state;
	connect();
	memset(disk->data, 0xFF, 64 * 512);
	discard(1, 8, 16, 0);
	discard(2, 8, 16, BLKIF_DISCARD_SECURE);
	discard(3, 8, WORLD_SECTORS, 0);
	discard(4, ~0ull, 2, 0);
	discard(5, 8, 0, 0);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_DISCARD, 0);
	expect(2, BLKIF_OP_DISCARD, -2);
	expect(3, BLKIF_OP_DISCARD, -1);
	expect(4, BLKIF_OP_DISCARD, -1);
	expect(5, BLKIF_OP_DISCARD, 0);
	assert_int_equal(disk->discards, 1);
	assert_int_equal(disk->data[8 * 512 - 1], 0xFF);
	assert_int_equal(disk->data[8 * 512], 0);
	assert_int_equal(disk->data[24 * 512], 0xFF);
}

static void test_bad_requests(void **state)
{
	static const struct {
		u8 op, segments, first, last;
		u64 sector;
		s16 status;
	} bad[] = {
		{BLKIF_OP_READ, 0, 0, 7, 0, -1},
		{BLKIF_OP_READ, 12, 0, 7, 0, -1},
		{BLKIF_OP_READ, 255, 0, 7, 0, -1},
		{BLKIF_OP_READ, 1, 4, 3, 0, -1},
		{BLKIF_OP_READ, 1, 0, 8, 0, -1},
		{BLKIF_OP_READ, 1, 255, 255, 0, -1},
		{BLKIF_OP_WRITE, 1, 0, 7, WORLD_SECTORS - 7, -1},
		{BLKIF_OP_WRITE, 1, 0, 7, ~0ull, -1},
		{BLKIF_OP_WRITE, 1, 0, 7, ~0ull - 7, -1},
		{4, 1, 0, 7, 0, -2},
		{7, 1, 0, 7, 0, -2},
		{255, 1, 0, 7, 0, -2},
	};

	(void)state;
	connect();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		union blkif_slot *s = front_slot(&front, 0);

		s->rw = (struct blkif_rw){.op = bad[i].op,
					  .segment_count = bad[i].segments,
					  .id = i,
					  .sector = bad[i].sector};
		s->rw.segment[0] = (struct blkif_segment){FRONT_DATA, bad[i].first, bad[i].last, 0};
	}
	front_do(&front, 0, disk);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		expect(i, bad[i].op, bad[i].status);
	assert_int_equal(disk->submitted, 0);
	front_rw(&front, 0, BLKIF_OP_WRITE, 99, WORLD_SECTORS - 8, 0, 1);
	front_do(&front, 0, disk);
	expect(99, BLKIF_OP_WRITE, 0);
}

static void test_read_only(void **state)
{
	struct vbd_config c = config();

	(void)state;
	c.read_only = true;
	start(&c);
	assert_true(front_connect(&front));
	assert_string_equal(front_back(&front, "info"), "4");
	assert_string_equal(front_back(&front, "mode"), "r");
	front_rw(&front, 0, BLKIF_OP_WRITE, 1, 0, 0, 1);
	front_rw(&front, 0, BLKIF_OP_BARRIER, 2, 0, 0, 1);
	front_indirect(&front, 0, BLKIF_OP_WRITE, 3, 0, 0, 1, 9);
	discard(4, 0, 8, 0);
	front_rw(&front, 0, BLKIF_OP_READ, 5, 0, 0, 1);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_WRITE, -1);
	expect(2, BLKIF_OP_BARRIER, -1);
	expect(3, BLKIF_OP_WRITE, -1);
	expect(4, BLKIF_OP_DISCARD, -2);
	expect(5, BLKIF_OP_READ, 0);
	assert_int_equal(disk->submitted, 1);
}

static void test_device_errors(void **state)
{
	(void)state;
	connect();
	disk->result = BLOCK_ERROR;
	front_rw(&front, 0, BLKIF_OP_READ, 1, 0, 0, 1);
	front_rw(&front, 0, BLKIF_OP_BARRIER, 2, 0, 0, 1);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_READ, -1);
	expect(2, BLKIF_OP_BARRIER, -1);
	disk->result = BLOCK_UNSUPPORTED;
	discard(3, 0, 8, 0);
	front_do(&front, 0, disk);
	expect(3, BLKIF_OP_DISCARD, -2);
}

static void test_disk_in_memory(void **state)
{
	(void)state;
	world.disk[0].device.needs_cpu = true;
	world.disk[0].at_once = true;
	connect();
	fill(0, 11, 1);
	for (unsigned int i = 0; i < 32; i++)
		front_rw(&front, 0, BLKIF_OP_WRITE, i, i * 88, 0, 11);
	front_push(&front, 0);
	world_run();
	front_take(&front, 0);
	for (unsigned int i = 0; i < 32; i++)
		expect(i, BLKIF_OP_WRITE, 0);
	assert_memory_equal(disk->data + 31 * 88 * 512, world_page(FRONT_DATA), 11 * PAGE_SIZE);
	assert_int_equal(world.notified[1], 1);
	assert_int_equal(world.unmap_calls, 1);
	assert_int_equal(disk->kicks, 1);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void test_one_of_each_for_a_batch(void **state)
{
	struct vbd_stats stats;

	(void)state;
	connect();
	world.map_calls = world.unmap_calls = world.copy_calls = 0;
	for (unsigned int i = 0; i < 16; i++)
		front_rw(&front, 0, BLKIF_OP_READ, i, 0, i, 1);
	for (unsigned int i = 16; i < 32; i++)
		front_indirect(&front, 0, BLKIF_OP_READ, i, 0, 32, 12, i);
	assert_true(front_push(&front, 0));
	world_run();
	assert_int_equal(disk->queued, 32);
	assert_int_equal(disk->kicks, 1);
	assert_int_equal(world.map_calls, 1);
	assert_int_equal(world.copy_calls, 1);
	assert_int_equal(world.mapped, 1 + 16 + 16 * 12);
	assert_int_equal(world.notified[1], 0);
	world_complete(disk, 32);
	world_run();
	assert_int_equal(world.unmap_calls, 1);
	assert_int_equal(world.notified[1], 1);
	front_take(&front, 0);
	assert_int_equal(front.responses, 32);
	vbd_stats(vbd, &stats);
	assert_int_equal(stats.reads, 32);
	assert_int_equal(stats.read_bytes, (16 + 16 * 12) * PAGE_SIZE);
	assert_int_equal(stats.in_flight + stats.mapped, 0);
}

/* Nothing is answered while its page is still mapped. */
static void still_mapped(void)
{
	struct blkif_ring *r = front.queue[0].ring;

	if (r->rsp_prod != front.queue[0].rsp_cons)
		assert_int_equal(world.mapped, 1);
}

static void test_unmapped_before_answered(void **state)
{
	(void)state;
	connect();
	front_rw(&front, 0, BLKIF_OP_READ, 1, 0, 0, 4);
	world.meanwhile = still_mapped;
	front_do(&front, 0, disk);
	world.meanwhile = NULL;
	expect(1, BLKIF_OP_READ, 0);
}

/* While many requests are on their way, the guest need not notify for each further one; when they
 * are done it is asked to again. */
static void test_few_events_from_the_guest(void **state)
{
	unsigned int events = 0;

	(void)state;
	connect();
	for (unsigned int i = 0; i < 16; i++)
		front_rw(&front, 0, BLKIF_OP_READ, i, 0, i, 1);
	front_push(&front, 0);
	world_run();
	for (unsigned int i = 16; i < 32; i++) {
		front_rw(&front, 0, BLKIF_OP_READ, i, 0, i, 1);
		events += front_push(&front, 0);
		world_run();
	}
	assert_in_range(events, 1, 16);
	while (world_complete(disk, 1))
		world_run();
	front_take(&front, 0);
	assert_int_equal(front.responses, 32);
	front_rw(&front, 0, BLKIF_OP_READ, 99, 0, 0, 1);
	assert_true(front_push(&front, 0));
	world_run();
	assert_int_equal(disk->queued, 1);
}

static void test_indices_wrap(void **state)
{
	(void)state;
	connect();
	for (u64 i = 0; i < 500; i++) {
		front_rw(&front, 0, BLKIF_OP_READ, i, i, (unsigned int)i % 64, 1);
		front_do(&front, 0, disk);
		expect(i, BLKIF_OP_READ, 0);
	}
}

static void test_no_room_to_map(void **state)
{
	(void)state;
	connect();
	world.refuse_maps = 5;
	front_rw(&front, 0, BLKIF_OP_WRITE, 1, 0, 0, 4);
	front_rw(&front, 0, BLKIF_OP_WRITE, 2, 0, 4, 4);
	front_push(&front, 0);
	world_run();
	assert_int_equal(disk->queued, 0);
	world_pass(NS_PER_SEC / 100);
	assert_int_equal(disk->queued, 2);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_WRITE, 0);
	expect(2, BLKIF_OP_WRITE, 0);
}

static void wild_index(u32 prod)
{
	connect();
	front_rw(&front, 0, BLKIF_OP_READ, 1, 0, 0, 1);
	front_push(&front, 0);
	world_run();
	front.queue[0].ring->req_prod = prod;
	world_event(1);
	world_run();
	assert_int_equal(front_back_state(&front), 5);
	assert_string_not_equal(front_back(&front, "error"), "");
	assert_int_equal(world.log_lines, 1);
	world_complete(disk, 100);
	world_run();
	assert_int_equal(world.mapped, 0);
	front_state(&front, 6);
	assert_int_equal(front_back_state(&front), 6);
	front_state(&front, 1);
	assert_int_equal(front_back_state(&front), 2);
	assert_true(front_connect(&front));
}

static void test_wild_index(void **state)
{
	(void)state;
	wild_index(34);
}

static void test_index_goes_back(void **state)
{
	(void)state;
	wild_index(0);
}

/* --- forms of rings --------------------------------------------------------------------------- */

static void test_large_ring(void **state)
{
	struct vbd_config c = config();

	(void)state;
	start(&c);
	assert_string_equal(front_back(&front, "max-ring-page-order"), "4");
	front.order = 4;
	assert_true(front_connect(&front));
	assert_int_equal(front.queue[0].slots, 512);
	for (unsigned int i = 0; i < 512; i++)
		front_rw(&front, 0, BLKIF_OP_READ, i, 0, i % 64, 1);
	front_do(&front, 0, disk);
	for (unsigned int i = 0; i < 512; i++)
		expect(i, BLKIF_OP_READ, 0);
}

static void test_queues(void **state)
{
	struct vbd_config c = config();

	(void)state;
	start(&c);
	assert_string_equal(front_back(&front, "multi-queue-max-queues"), "4");
	front.queues = 4;
	front.order = 1;
	assert_true(front_connect(&front));
	for (unsigned int q = 0; q < 4; q++)
		for (unsigned int i = 0; i < 64; i++)
			front_rw(&front, q, BLKIF_OP_READ, q * 64 + i, 0, i, 1);
	for (unsigned int q = 0; q < 4; q++)
		front_push(&front, q);
	do {
		world_run();
		assert_in_range(disk->queued, 0, 64);
	} while (world_complete(disk, 7));
	for (unsigned int q = 0; q < 4; q++)
		front_take(&front, q);
	assert_int_equal(front.responses, 256);
	for (unsigned int i = 0; i < 256; i++)
		expect(i, BLKIF_OP_READ, 0);
}

/* One queue that never rests does not starve another of the same disk. */
static void test_queues_share(void **state)
{
	struct vbd_config c = config();
	unsigned int rounds = 0;

	(void)state;
	world.disk[0].device.queue_depth = 4;
	start(&c);
	front.queues = 2;
	assert_true(front_connect(&front));
	for (unsigned int i = 0; i < 32; i++)
		front_rw(&front, 0, BLKIF_OP_READ, 1000 + i, 0, 0, 1);
	front_push(&front, 0);
	world_run();
	assert_int_equal(disk->queued, 8);
	front_rw(&front, 1, BLKIF_OP_READ, 1, 0, 1, 1);
	front_push(&front, 1);
	world_run();
	while (!front_answer(&front, 1) && rounds++ < 100) {
		world_complete(disk, 1);
		world_run();
		front_take(&front, 1);
		front.queue[0].rsp_cons = front.queue[0].ring->rsp_prod;
		front.queue[0].ring->rsp_event = front.queue[0].rsp_cons + 1;
		front_rw(&front, 0, BLKIF_OP_READ, 1000, 0, 0, 1);
		front_push(&front, 0);
		world_run();
	}
	assert_in_range(rounds, 1, 20);
	do
		world_run();
	while (world_complete(disk, 100));
}

static void test_persistent(void **state)
{
	struct vbd_config c = config();
	struct vbd_stats stats;

	(void)state;
	c.persistent = true;
	world.disk[0].device.needs_cpu = true;
	start(&c);
	assert_string_equal(front_back(&front, "feature-persistent"), "1");
	front.persistent = true;
	assert_true(front_connect(&front));
	for (unsigned int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < 8; i++)
			front_rw(&front, 0, i & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE, round * 8 + i,
				 i * 88, i * 11, 11);
		front_do(&front, 0, disk);
	}
	for (unsigned int i = 0; i < 80; i++)
		expect(i, i & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE, 0);
	vbd_stats(vbd, &stats);
	assert_int_equal(stats.map_calls, 1);
	assert_int_equal(stats.unmap_calls, 0);
	assert_int_equal(stats.mapped, 88);
	front_state(&front, 5);
	front_state(&front, 6);
	assert_int_equal(world.mapped, 0);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
	struct vbd_config c = config();
	const struct rate_limit none = {0};

	(void)state;
	c.limits.ops = (struct token_bucket){.size = 10, .refill_time = 1000};
	start(&c);
	world.disk[0].at_once = true;
	assert_true(front_connect(&front));
	for (unsigned int i = 0; i < 32; i++)
		front_rw(&front, 0, BLKIF_OP_READ, i, 0, i, 1);
	front_push(&front, 0);
	world_run();
	front_take(&front, 0);
	assert_int_equal(front.responses, 10);
	assert_int_equal(world.mapped, 1);
	world.timer_sets = 0;
	world_pass(NS_PER_SEC);
	front_take(&front, 0);
	assert_int_equal(front.responses, 20);
	assert_in_range(world.timer_sets, 1, 11);
	assert_true(vbd_set_limits(vbd, &none));
	world_run();
	front_take(&front, 0);
	assert_int_equal(front.responses, 32);
}

static void test_bandwidth(void **state)
{
	struct vbd_config c = config();
	struct vbd_stats stats;

	(void)state;
	c.limits.bandwidth = (struct token_bucket){.size = 1 << 20, .refill_time = 1000};
	start(&c);
	world.disk[0].at_once = true;
	assert_true(front_connect(&front));
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int i = 0; i < 16; i++)
			front_indirect(&front, 0, BLKIF_OP_WRITE, i, 0, 0, 32, 64);
		front_do(&front, 0, disk);
		world_pass(NS_PER_SEC / 10);
		front.responses = 0;
		while (front.queue[0].req_prod != front.queue[0].ring->rsp_prod)
			world_pass(NS_PER_SEC / 10);
		front_take(&front, 0);
		front.responses = 0;
	}
	vbd_stats(vbd, &stats);
	/* 60 MiB at 1 MiB a second. */
	assert_in_range(world.now / (NS_PER_SEC / 1000), 59000, 64000);
	assert_int_equal(stats.written_bytes, MIB(60));
}

/* --- two disks -------------------------------------------------------------------------------- */

static void test_two_disks(void **state)
{
	struct vbd_config c = config();
	struct front second = {.number = 51728, .queues = 1, .first_ring = 80, .first_port = 9};
	struct vbd *other;
	bool gone = false;

	(void)state;
	connect();
	c.number = second.number;
	c.use = &world.disk[1];
	assert_int_equal(vbd_create(world.xs, &c, &other), 0);
	assert_true(front_connect(&second));
	fill(0, 1, 1);
	fill(1, 1, 2);
	front_rw(&front, 0, BLKIF_OP_WRITE, 1, 0, 0, 1);
	front_rw(&second, 0, BLKIF_OP_WRITE, 2, 0, 1, 1);
	front_push(&front, 0);
	front_do(&second, 0, &world.disk[1]);
	front_do(&front, 0, disk);
	expect(1, BLKIF_OP_WRITE, 0);
	assert_non_null(front_answer(&second, 2));
	assert_memory_equal(world.disk[0].data, world_page(FRONT_DATA), PAGE_SIZE);
	assert_memory_equal(world.disk[1].data, world_page(FRONT_DATA + 1), PAGE_SIZE);
	vbd_destroy(other, 0, (void (*)(void *))note_destroyed, &destroyed);
	world_run();
	assert_true(destroyed);
	destroyed = gone;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_write_and_read),
		T(test_parts_of_pages),
		T(test_rights_of_grants),
		T(test_indirect),
		T(test_flush_and_barrier),
		T(test_barrier_after_a_bad_request),
		T(test_flush_without_a_cache),
		T(test_discard),
		T(test_bad_requests),
		T(test_read_only),
		T(test_device_errors),
		T(test_disk_in_memory),
		T(test_one_of_each_for_a_batch),
		T(test_unmapped_before_answered),
		T(test_few_events_from_the_guest),
		T(test_indices_wrap),
		T(test_no_room_to_map),
		T(test_wild_index),
		T(test_index_goes_back),
		T(test_large_ring),
		T(test_queues),
		T(test_queues_share),
		T(test_persistent),
		T(test_limits),
		T(test_bandwidth),
		T(test_two_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
