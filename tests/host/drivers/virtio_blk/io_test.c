/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on a device that works: modern and legacy, with and without what it may offer. */
// links: drivers/virtio_blk/device.c drivers/virtio_blk/describe.c
// links: drivers/virtio_blk/io.c drivers/virtio_blk/ring.c
// links: drivers/virtio_blk/transport.c drivers/virtio_blk/trouble.c
// links: tests/fake/device_fake.c
// links: tests/host/drivers/virtio_blk/virtio_model.c
#include "virtio_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct model m;

static int modern(void **state)
{
	(void)state;
	model_init(&m, false);
	return 0;
}

static int legacy(void **state)
{
	(void)state;
	model_init(&m, true);
	return 0;
}

static int plain(void **state)
{
	(void)state;
	model_init(&m, false);
	m.offered &= ~(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
	return 0;
}

static int msix(void **state)
{
	(void)state;
	model_init(&m, false);
	m.msix = true;
	m.f.interrupts = 2;
	model_capabilities(&m);
	return 0;
}

static int legacy_plain_msix(void **state)
{
	(void)state;
	model_init(&m, true);
	m.msix = true;
	m.offered &= ~(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
	m.queue_max = 1024;
	m.f.interrupts = 2;
	model_capabilities(&m);
	memset(m.f.config + 0x40, 0, 100); /* only MSI-X is left */
	m.f.config[PCI_CAPABILITIES] = 0x40 + 100;
	return 0;
}

static void attach(void)
{
	assert_int_equal(fake_device_attach(&m.f), 0);
	assert_int_equal(m.f.disk_count, 1);
	m.irq = false;
	m.isr = 0;
	m.notified = m.seen_count = 0;
}

static void one(enum block_op op, u64 sector, u32 bytes, u32 offset, enum block_status expected)
{
	struct test_request t;

	request_make(&m, &t, op, sector, bytes, offset);
	if (op == BLOCK_WRITE)
		for (u32 i = 0; i < bytes; i++)
			t.data[i] = (u8)(i * 3 + (i >> 8) + sector);
	request_submit(&m, &t);
	kick(&m);
	while (!t.done && model_irq(&m))
		;
	assert_int_equal(t.done, 1);
	assert_int_equal(t.status, expected);
	if (t.data && expected == BLOCK_OK)
		assert_memory_equal(t.data, m.data + sector * 512, bytes);
	request_free(&m, &t);
}

static void moves_data(void **state)
{
	static const u32 sizes[] = {512, 4096, 4608, 8192, 65536, 131072, 400 * 1024};

	(void)state;
	attach();
	assert_string_equal(m.f.disks[0]->serial, "disk?5");
	assert_string_equal(m.f.disk_names[0], "");
	assert_int_equal(m.f.disks[0]->physical_sector_size, 4096);
	for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned int o = 0; o < 3; o++) {
			one(BLOCK_READ, s * 3 + o, sizes[s], o * 512, BLOCK_OK);
			one(BLOCK_WRITE, s * 5 + o, sizes[s], o * 512, BLOCK_OK);
		}
	one(BLOCK_FLUSH, 0, 0, 0, BLOCK_OK);
	assert_int_equal(m.flushes, 1);
	model_end(&m, false);
}

/* More than the device holds, several times round the ring. */
static void more_than_fits(void **state)
{
	static struct test_request t[1500];

	(void)state;
	attach();
	m.hold = true;
	for (unsigned int i = 0; i < 1500; i++) {
		request_make(&m, &t[i], i & 1 ? BLOCK_READ : BLOCK_WRITE, i, 512, 0);
		request_submit(&m, &t[i]);
	}
	assert_int_equal(m.notified, 0);
	kick(&m);
	assert_int_equal(m.notified, 1);
	assert_true(m.held_count >= m.f.disks[0]->queue_depth);
	for (unsigned int i = 0; i < 40 && m.held_count; i++) {
		model_go(&m, i & 1);
		model_irq(&m);
	}
	assert_int_equal(m.seen_count, 1500);
	for (unsigned int i = 0; i < 1500; i++) {
		assert_int_equal(m.seen[i].sector, i);
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].status, BLOCK_OK);
		assert_memory_equal(t[i].data, m.data + i * 512, 512);
		request_free(&m, &t[i]);
	}
	model_end(&m, false);
}

/* 32 requests: one notification, one interrupt. */
static void batch(void **state)
{
	static struct test_request t[32];

	(void)state;
	attach();
	for (unsigned int round = 0; round < 20; round++) {
		m.notified = m.interrupts = 0;
		for (unsigned int i = 0; i < 32; i++) {
			request_make(&m, &t[i], BLOCK_READ, i * 8, 4096, 0);
			request_submit(&m, &t[i]);
		}
		kick(&m);
		kick(&m);
		while (model_irq(&m))
			;
		assert_int_equal(m.notified, 1);
		assert_int_equal(m.interrupts, 1);
		for (unsigned int i = 0; i < 32; i++) {
			assert_int_equal(t[i].done, 1);
			request_free(&m, &t[i]);
		}
	}
	model_end(&m, false);
}

static void discards(void **state)
{
	(void)state;
	attach();
	assert_true(m.f.disks[0]->discard);
	assert_int_equal(m.f.disks[0]->discard_granularity, 4096);
	/* 1000 sectors a range, two ranges a command: two commands, then one. */
	one(BLOCK_DISCARD, 8, 2500 * 512, 0, BLOCK_OK);
	assert_int_equal(m.discard_count, 3);
	assert_int_equal(m.seen_count, 2);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(m.discarded[i][0], 8 + 1000 * i);
		assert_int_equal(m.discarded[i][1], i < 2 ? 1000 : 500);
	}
	model_end(&m, false);
}

/* An error in its second part: that is tried again, not what was done. */
static void discard_fails_half_way(void **state)
{
	struct test_request t;

	(void)state;
	attach();
	m.hold = true;
	request_make(&m, &t, BLOCK_DISCARD, 8, 2500 * 512, 0);
	request_submit(&m, &t);
	kick(&m);
	model_go(&m, false);
	model_irq(&m);
	m.errors = 1;
	m.error_status = VIRTIO_BLK_S_IOERR;
	model_go(&m, false);
	model_irq(&m);
	model_go(&m, false);
	model_irq(&m);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.status, BLOCK_OK);
	assert_int_equal(m.discard_count, 3);
	model_end(&m, false);
}

static void bad_requests(void **state)
{
	struct test_request t;

	(void)state;
	attach();
	one(BLOCK_READ, 4096, 512, 0, BLOCK_INVALID);
	one(BLOCK_READ, 4095, 1024, 0, BLOCK_INVALID);
	one(BLOCK_WRITE, ~0ull, 512, 0, BLOCK_INVALID);
	one(BLOCK_READ, 0, 0, 0, BLOCK_INVALID);
	one(BLOCK_DISCARD, 0, 0, 0, BLOCK_INVALID);
	request_make(&m, &t, BLOCK_READ, 0, 120 * 4096, 0);
	request_submit(&m, &t);
	assert_int_equal(t.status, BLOCK_INVALID);
	t.r.segment_count = 3;
	request_submit(&m, &t);
	assert_int_equal(t.status, BLOCK_INVALID);
	t.segments[1].bytes = 0;
	t.r.count = 16;
	request_submit(&m, &t);
	assert_int_equal(t.status, BLOCK_INVALID);
	assert_int_equal(t.done, 3);
	t.r.segment_count = 120;
	request_free(&m, &t);
	kick(&m);
	assert_int_equal(m.notified, 0);
	/* Nothing of it was lost: all descriptors are there still. */
	one(BLOCK_READ, 0, 4096, 0, BLOCK_OK);
	model_end(&m, false);
}

static void read_only_and_bare(void **state)
{
	(void)state;
	m.offered = VIRTIO_BLK_F_RO | VIRTIO_F_VERSION_1;
	attach();
	assert_true(m.f.disks[0]->read_only);
	assert_false(m.f.disks[0]->write_cache);
	assert_false(m.f.disks[0]->discard);
	assert_int_equal(m.f.disks[0]->max_segments, 1);
	assert_int_equal(m.f.disks[0]->sector_size, 512);
	one(BLOCK_READ, 0, 4096, 0, BLOCK_OK);
	one(BLOCK_WRITE, 0, 512, 0, BLOCK_INVALID);
	one(BLOCK_FLUSH, 0, 0, 0, BLOCK_OK);
	one(BLOCK_DISCARD, 0, 512, 0, BLOCK_UNSUPPORTED);
	assert_int_equal(m.seen_count, 1);
	model_end(&m, false);
}

static void large_blocks(void **state)
{
	(void)state;
	m.config.blk_size = 4096;
	m.config.capacity = 4095;
	m.offered |= VIRTIO_BLK_F_SIZE_MAX;
	m.config.size_max = 5000;
	attach();
	assert_int_equal(m.f.disks[0]->sector_size, 4096);
	assert_int_equal(m.f.disks[0]->sectors, 4088);
	assert_int_equal(m.f.disks[0]->max_segment, 4096);
	one(BLOCK_READ, 8, 8192, 0, BLOCK_OK);
	one(BLOCK_READ, 4, 4096, 0, BLOCK_INVALID);
	model_end(&m, false);
}

static void resized(void **state)
{
	(void)state;
	attach();
	model_resize(&m, 2048);
	assert_int_equal(m.f.changed, 1);
	assert_int_equal(m.f.disks[0]->sectors, 2048);
	one(BLOCK_READ, 2048, 512, 0, BLOCK_INVALID);
	model_resize(&m, 2048);
	assert_int_equal(m.f.changed, 1);
	/* It changes while it is read: never half the one and half the other. */
	m.tearing = 3;
	model_resize(&m, 4096);
	assert_int_equal(m.f.disks[0]->sectors, m.config.capacity);
	model_end(&m, false);
}

/* A device whose capacity never stands still does not hold us up. */
static void capacity_never_still(void **state)
{
	(void)state;
	m.tearing = ~0u;
	attach();
	model_end(&m, false);
}

static void one_vector_for_both(void **state)
{
	(void)state;
	m.f.interrupts = 1;
	attach();
	one(BLOCK_READ, 0, 512, 0, BLOCK_OK);
	model_resize(&m, 2048);
	assert_int_equal(m.f.disks[0]->sectors, 2048);
	model_end(&m, false);
}

static void without_interrupts(void **state)
{
	struct test_request t;

	(void)state;
	m.f.interrupts = 0;
	attach();
	request_make(&m, &t, BLOCK_READ, 3, 512, 0);
	request_submit(&m, &t);
	kick(&m);
	fake_device_pass(&m.f, 1000000, 100000);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.status, BLOCK_OK);
	request_free(&m, &t);
	m.config.capacity = 2048;
	fake_device_pass(&m.f, 2 * NS_PER_SEC, 100000000);
	assert_int_equal(m.f.disks[0]->sectors, 2048);
	model_end(&m, false);
}

#define ON_ALL(test)                                                                              \
	{#test " modern", test, modern, NULL, NULL}, {#test " legacy", test, legacy, NULL, NULL}, \
		{#test " plain", test, plain, NULL, NULL},                                        \
		{#test " msix", test, msix, NULL, NULL},                                          \
	{                                                                                         \
#test " legacy, plain, msix", test, legacy_plain_msix, NULL, NULL                 \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(moves_data),
		ON_ALL(more_than_fits),
		ON_ALL(discards),
		ON_ALL(discard_fails_half_way),
		ON_ALL(resized),
		ON_ALL(without_interrupts),
		cmocka_unit_test_setup(batch, modern),
		cmocka_unit_test_setup(batch, msix),
		cmocka_unit_test_setup(batch, legacy),
		cmocka_unit_test_setup(bad_requests, modern),
		cmocka_unit_test_setup(read_only_and_bare, modern),
		cmocka_unit_test_setup(large_blocks, modern),
		cmocka_unit_test_setup(capacity_never_still, modern),
		cmocka_unit_test_setup(one_vector_for_both, msix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
