/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on a controller that works. */
// links: drivers/nvme/controller.c drivers/nvme/admin.c drivers/nvme/io.c drivers/nvme/queue.c
// links: drivers/nvme/namespace.c tests/fake/device_fake.c tests/host/drivers/nvme/nvme_model.c
#include "nvme_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct model m;

static int set_up(void **state)
{
	(void)state;
	model_init(&m);
	return 0;
}

static void attach(void)
{
	assert_int_equal(fake_device_attach(&m.f), 0);
	assert_int_equal(m.f.disk_count, 1);
	m.irq = false;
}

static void one(enum block_op op, u64 sector, u32 bytes, u32 offset, enum block_status expected)
{
	struct test_request t;

	request_make(&m, &t, op, sector, bytes, offset);
	if (op == BLOCK_WRITE)
		for (u32 i = 0; i < bytes; i++)
			t.data[i] = (u8)(i * 3 + (i >> 8) + sector);
	request_submit(&m, &t, 0);
	kick(&m, 0);
	if (!t.done)
		assert_true(model_irq(&m));
	assert_int_equal(t.done, 1);
	assert_int_equal(t.status, expected);
	if (t.data && expected == BLOCK_OK)
		assert_memory_equal(t.data, m.ns[0].data + sector * 512, bytes);
	request_free(&m, &t);
}

/* All shapes that PRPs come in: within a page, two, lists, to the greatest request; from the middle
 * of a page. */
static void moves_data(void **state)
{
	static const u32 sizes[] = {512, 4096, 4608, 8192, 8704, 12288, 65536, 131072, 524288};
	static const u32 offsets[] = {0, 512, 3584, 4};

	(void)state;
	attach();
	for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned int o = 0; o < ARRAY_SIZE(offsets); o++) {
			one(BLOCK_READ, s * 3 + o, sizes[s], offsets[o], BLOCK_OK);
			one(BLOCK_WRITE, s * 5 + o, sizes[s], offsets[o], BLOCK_OK);
		}
	model_end(&m, false);
}

static void blocks_of_4096(void **state)
{
	(void)state;
	model_namespace(&m, 1, 512, 12);
	attach();
	assert_int_equal(m.f.disks[0]->sectors, 4096);
	assert_int_equal(m.f.disks[0]->sector_size, 4096);
	one(BLOCK_READ, 8, 8192, 0, BLOCK_OK);
	one(BLOCK_WRITE, 4088, 4096, 0, BLOCK_OK);
	one(BLOCK_READ, 4, 4096, 0, BLOCK_INVALID);
	one(BLOCK_READ, 8, 512, 0, BLOCK_INVALID);
	model_end(&m, false);
}

static void flush_and_discard(void **state)
{
	(void)state;
	attach();
	one(BLOCK_FLUSH, 0, 0, 0, BLOCK_OK);
	assert_int_equal(m.flushes, 1);
	one(BLOCK_DISCARD, 16, 4096, 0, BLOCK_OK);
	assert_int_equal(m.discards, 1);
	for (unsigned int i = 0; i < 4096; i++)
		assert_int_equal(m.ns[0].data[16 * 512 + i], 0);
	assert_int_not_equal(m.ns[0].data[16 * 512 - 1] | m.ns[0].data[24 * 512 + 1], 0);
	model_end(&m, false);
}

static void no_cache_no_discard(void **state)
{
	(void)state;
	m.vwc = 0;
	m.oncs = 0;
	attach();
	assert_false(m.f.disks[0]->write_cache);
	assert_false(m.f.disks[0]->discard);
	one(BLOCK_FLUSH, 0, 0, 0, BLOCK_OK);
	one(BLOCK_DISCARD, 16, 4096, 0, BLOCK_UNSUPPORTED);
	assert_int_equal(m.seen_count, 0);
	model_end(&m, false);
}

/* More blocks than one range says. */
static void large_discard(void **state)
{
	struct test_request t;

	(void)state;
	m.ns[0].blocks = 3ull << 33;
	attach();
	request_make(&m, &t, BLOCK_DISCARD, 8, 0, 0);
	t.r.count = 2ull << 33;
	request_submit(&m, &t, 0);
	kick(&m, 0);
	model_irq(&m);
	assert_int_equal(t.status, BLOCK_OK);
	assert_int_equal(t.done, 1);
	assert_int_equal(m.seen[0].dword10, 4);
	model_end(&m, false);
}

static void bad_requests(void **state)
{
	struct test_request t;

	(void)state;
	attach();
	one(BLOCK_READ, 4096, 512, 0, BLOCK_INVALID);
	one(BLOCK_READ, 4095, 1024, 0, BLOCK_INVALID);
	one(BLOCK_READ, ~0ull, 512, 0, BLOCK_INVALID);
	one(BLOCK_READ, 0, 0, 0, BLOCK_INVALID);
	one(BLOCK_READ, 0, 512, 2, BLOCK_INVALID);
	one(BLOCK_DISCARD, 4096, 512, 0, BLOCK_INVALID);
	one(BLOCK_DISCARD, 0, 0, 0, BLOCK_INVALID);
	/* A hole in the middle, a sum that is wrong, more than a list holds. */
	request_make(&m, &t, BLOCK_READ, 0, 12288, 0);
	t.segments[0].bytes = 512;
	request_submit(&m, &t, 0);
	assert_int_equal(t.status, BLOCK_INVALID);
	t.segments[0].bytes = 4096;
	t.r.count = 3;
	request_submit(&m, &t, 0);
	assert_int_equal(t.status, BLOCK_INVALID);
	t.r.count = 4096;
	t.segments[0].bytes = 4096 * 512;
	t.r.segment_count = 1;
	request_submit(&m, &t, 0);
	assert_int_equal(t.status, BLOCK_INVALID);
	t.r.segment_count = 3;
	assert_int_equal(t.done, 3);
	request_free(&m, &t);
	assert_int_equal(m.seen_count, 0);
	model_end(&m, false);
}

static void read_only(void **state)
{
	(void)state;
	m.ns[0].read_only = true;
	attach();
	assert_true(m.f.disks[0]->read_only);
	one(BLOCK_READ, 0, 512, 0, BLOCK_OK);
	one(BLOCK_WRITE, 0, 512, 0, BLOCK_INVALID);
	one(BLOCK_DISCARD, 0, 512, 0, BLOCK_INVALID);
	model_end(&m, false);
}

static void limits(void **state)
{
	(void)state;
	m.mdts = 3;
	m.cap = (m.cap & ~0xFFFFull) | 7;
	attach();
	assert_int_equal(m.f.disks[0]->max_bytes, 32768);
	assert_int_equal(m.f.disks[0]->queue_depth, 7);
	one(BLOCK_READ, 0, 32768, 512, BLOCK_OK);
	model_end(&m, false);
}

static void absurd_limits(void **state)
{
	(void)state;
	m.mdts = 255;
	m.max_commands = 5;
	attach();
	assert_int_equal(m.f.disks[0]->max_bytes, 524288);
	assert_int_equal(m.f.disks[0]->queue_depth, 5);
	m.mdts = 0;
	one(BLOCK_READ, 0, 65536, 0, BLOCK_OK);
	model_end(&m, false);
}

/* A batch is told with one write, its completions with one too, in whatever order they come. */
static void batch(void **state)
{
	static struct test_request t[32];

	(void)state;
	attach();
	m.hold = true;
	for (unsigned int i = 0; i < 32; i++) {
		request_make(&m, &t[i], BLOCK_READ, i * 8, 4096, 0);
		request_submit(&m, &t[i], 0);
	}
	assert_int_equal(m.sq_bells, 0);
	kick(&m, 0);
	kick(&m, 0);
	assert_int_equal(m.sq_bells, 1);
	model_go(&m, true);
	model_irq(&m);
	assert_int_equal(m.cq_bells, 1);
	for (unsigned int i = 0; i < 32; i++) {
		assert_int_equal(t[i].done, 1);
		assert_memory_equal(t[i].data, m.ns[0].data + i * 4096, 4096);
		request_free(&m, &t[i]);
	}
	model_end(&m, false);
}

/* More than the queue holds, round it several times: those that wait go in order. */
static void more_than_fits(void **state)
{
	static struct test_request t[1000];

	(void)state;
	attach();
	m.hold = true;
	for (unsigned int i = 0; i < 1000; i++) {
		request_make(&m, &t[i], BLOCK_READ, i, 512, 0);
		request_submit(&m, &t[i], 0);
	}
	kick(&m, 0);
	assert_int_equal(m.held_count, 255);
	for (unsigned int i = 0; i < 10; i++) {
		model_go(&m, i & 1);
		model_irq(&m);
	}
	assert_int_equal(m.seen_count, 1000);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(m.seen[i].dword10, i);
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].status, BLOCK_OK);
		assert_memory_equal(t[i].data, m.ns[0].data + i * 512, 512);
		request_free(&m, &t[i]);
	}
	model_end(&m, false);
}

static unsigned int again_left;

static void again(struct block_request *r, enum block_status status)
{
	struct test_request *t = r->ctx;

	assert_int_equal(status, BLOCK_OK);
	t->done++;
	if (again_left) {
		again_left--;
		request_submit(&m, t, 0);
		kick(&m, 0);
	}
}

/* done() submits the same request: what it kicks goes with the batch. */
static void resubmitted_in_done(void **state)
{
	static struct test_request t[8];

	(void)state;
	attach();
	m.hold = true;
	again_left = 800;
	for (unsigned int i = 0; i < 8; i++) {
		request_make(&m, &t[i], BLOCK_READ, i, 512, 0);
		t[i].r.done = again;
		request_submit(&m, &t[i], 0);
	}
	kick(&m, 0);
	for (unsigned int i = 0; i < 101; i++) {
		model_go(&m, false);
		model_irq(&m);
	}
	assert_int_equal(m.sq_bells, 101);
	assert_int_equal(m.cq_bells, 101);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(t[i].done, 101);
		request_free(&m, &t[i]);
	}
	model_end(&m, false);
}

static void without_interrupts(void **state)
{
	struct test_request t;

	(void)state;
	m.f.interrupts = 0;
	attach();
	request_make(&m, &t, BLOCK_READ, 3, 512, 0);
	request_submit(&m, &t, 0);
	kick(&m, 0);
	assert_false(m.irq);
	fake_device_pass(&m.f, 1000000, 100000);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.status, BLOCK_OK);
	request_free(&m, &t);
	/* Events are seen too. */
	m.ns[0].blocks = 8192;
	model_event(&m, NVME_EVENT_NOTICE | NVME_LOG_CHANGED << 16);
	fake_device_pass(&m.f, 2 * NS_PER_SEC, 100000000);
	assert_int_equal(m.f.disks[0]->sectors, 8192);
	model_end(&m, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(moves_data, set_up),
		cmocka_unit_test_setup(blocks_of_4096, set_up),
		cmocka_unit_test_setup(flush_and_discard, set_up),
		cmocka_unit_test_setup(no_cache_no_discard, set_up),
		cmocka_unit_test_setup(large_discard, set_up),
		cmocka_unit_test_setup(bad_requests, set_up),
		cmocka_unit_test_setup(read_only, set_up),
		cmocka_unit_test_setup(limits, set_up),
		cmocka_unit_test_setup(absurd_limits, set_up),
		cmocka_unit_test_setup(batch, set_up),
		cmocka_unit_test_setup(more_than_fits, set_up),
		cmocka_unit_test_setup(resubmitted_in_done, set_up),
		cmocka_unit_test_setup(without_interrupts, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
