/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that does not do what it should: at the start, under load, for good. */
// links: drivers/virtio_blk/device.c drivers/virtio_blk/describe.c
// links: drivers/virtio_blk/io.c drivers/virtio_blk/ring.c
// links: drivers/virtio_blk/transport.c drivers/virtio_blk/trouble.c
// links: tests/fake/device_fake.c
// links: tests/host/drivers/virtio_blk/virtio_model.c
#include "virtio_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define N 32u

static struct model m;
static struct test_request t[N];
static unsigned int order[N * 4], order_count;

static int modern(void **state)
{
	(void)state;
	model_init(&m, false);
	order_count = 0;
	return 0;
}

static int legacy(void **state)
{
	modern(state);
	free(m.data);
	model_init(&m, true);
	return 0;
}

static int plain(void **state)
{
	modern(state);
	m.offered &= ~(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
	return 0;
}

static void attach(void)
{
	assert_int_equal(fake_device_attach(&m.f), 0);
	assert_int_equal(m.f.disk_count, 1);
	m.irq = false;
	m.isr = 0;
	m.resets = m.notified = m.seen_count = 0;
}

static void attach_fails(const char *why)
{
	assert_true(fake_device_attach(&m.f) < 0);
	assert_non_null(strstr(m.f.log, why));
	assert_null(m.f.d.state);
	fake_device_end(&m.f);
	free(m.data);
}

static void ended(struct block_request *r, enum block_status status)
{
	struct test_request *q = r->ctx;

	q->done++;
	q->status = status;
	order[order_count++] = (unsigned int)(q - t);
}

static void submit_all(void)
{
	order_count = 0;
	for (unsigned int i = 0; i < N; i++) {
		request_make(&m, &t[i], i & 1 ? BLOCK_WRITE : BLOCK_READ, i * 8, 4096, 0);
		if (i & 1)
			memset(t[i].data, (int)i, 4096);
		t[i].r.done = ended;
		request_submit(&m, &t[i]);
	}
	kick(&m);
}

static void all_ended(enum block_status status)
{
	assert_int_equal(order_count, N);
	for (unsigned int i = 0; i < N; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].status, status);
		if (status == BLOCK_OK)
			assert_memory_equal(t[i].data, m.data + i * 4096, 4096);
		request_free(&m, &t[i]);
	}
}

static void pass_and_irq(u64 ns)
{
	for (u64 i = 0; i < ns; i += 100000000) {
		fake_device_pass(&m.f, 100000000, 50000000);
		model_irq(&m);
	}
}

static void matches(void **state)
{
	struct device_id id = {.vendor = 0x1AF4, .product = 0x1042};

	(void)state;
	assert_true(virtio_blk_driver.match(&id));
	id.product = 0x1001;
	assert_true(virtio_blk_driver.match(&id));
	id.product = 0x1041;
	assert_false(virtio_blk_driver.match(&id));
	id = (struct device_id){.vendor = 0x8086, .product = 0x1042};
	assert_false(virtio_blk_driver.match(&id));
}

static void taken_twice(void **state)
{
	(void)state;
	attach();
	model_end(&m, false);
	model_init(&m, false);
	m.reset_delay = 5;
	attach();
	model_end(&m, false);
}

static void never_resets(void **state)
{
	(void)state;
	m.never_resets = true;
	attach_fails("does not end its reset");
}

static void refuses_features(void **state)
{
	(void)state;
	m.refuses_features = true;
	attach_fails("refuses the features");
}

static void not_version_1(void **state)
{
	(void)state;
	m.offered &= ~VIRTIO_F_VERSION_1;
	attach_fails("not of version 1");
}

static void silent(void **state)
{
	(void)state;
	m.silent = true;
	attach_fails("does not answer");
}

static void no_queue(void **state)
{
	(void)state;
	m.queue_max = 0;
	attach_fails("no queue");
}

static void odd_legacy_queue(void **state)
{
	(void)state;
	m.queue_max = 2048;
	attach_fails("no queue");
	model_init(&m, true);
	m.queue_max = 100;
	attach_fails("no queue");
}

static void odd_modern_queue(void **state)
{
	(void)state;
	m.queue_max = 100;
	attach();
	assert_int_equal(m.queue_size, 64);
	submit_all();
	model_irq(&m);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void odd_blocks(void **state)
{
	static const u32 sizes[] = {0, 511, 256, 520, 1u << 17, 0x80000000u};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (i)
			model_init(&m, false);
		m.config.blk_size = sizes[i];
		attach_fails("has blocks of");
	}
	model_init(&m, false);
	m.offered |= VIRTIO_BLK_F_SIZE_MAX;
	m.config.size_max = 100;
	attach_fails("takes no segment");
}

static void no_capabilities(void **state)
{
	(void)state;
	memset(m.f.config, 0, 256);
	attach_fails("no usable windows");
	model_init(&m, false);
	/* A list that bites its tail, of capabilities outside the windows. */
	memset(m.f.config + 0x40, 0, 0xC0);
	m.f.config[0x40] = PCI_CAPABILITY_VENDOR;
	m.f.config[0x41] = 0x40;
	m.f.config[0x43] = VIRTIO_CAP_COMMON;
	m.f.config[0x44] = 9;
	attach_fails("no usable windows");
	model_init(&m, false);
	/* Notified behind the end of its window. */
	memset(m.f.config + 0x40 + 4 * 20 + 12, 0, 4);
	m.f.config[0x40 + 4 * 20 + 12] = 8;
	attach_fails("notified outside");
	model_init(&m, false);
	m.f.out_of_memory = true;
	attach_fails("no memory");
	model_init(&m, false);
	m.gone = true;
	attach_fails("does not answer any more");
}

static void takes_no_vectors(void **state)
{
	(void)state;
	m.msix = m.no_vectors = true;
	model_capabilities(&m);
	attach();
	assert_non_null(strstr(m.f.log, "polled"));
	submit_all();
	fake_device_pass(&m.f, 1000000, 100000);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void errors(void **state)
{
	(void)state;
	attach();
	m.error_status = VIRTIO_BLK_S_IOERR;
	m.errors = 2;
	submit_all();
	while (model_irq(&m))
		;
	all_ended(BLOCK_OK);
	m.errors = 3 * N;
	submit_all();
	while (model_irq(&m))
		;
	all_ended(BLOCK_ERROR);
	assert_int_equal(m.errors, 0);
	m.errors = N;
	m.error_status = VIRTIO_BLK_S_UNSUPPORTED;
	submit_all();
	model_irq(&m);
	all_ended(BLOCK_UNSUPPORTED);
	m.errors = 3 * N;
	m.error_status = 77;
	submit_all();
	while (model_irq(&m))
		;
	all_ended(BLOCK_ERROR);
	assert_true(strlen(m.f.log) < 2000);
	assert_int_equal(m.resets, 0);
	model_end(&m, false);
}

/* Reset in the middle of 32 requests: none lost, none done twice, in order. */
static void reset_under_load(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	assert_int_equal(m.held_count, N);
	m.held_count = 20; /* the last twelve get lost */
	model_go(&m, true);
	model_irq(&m);
	assert_int_equal(order_count, 20);
	m.hold = false;
	pass_and_irq(12 * NS_PER_SEC);
	all_ended(BLOCK_OK);
	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(order[20 + i], 20 + i);
	assert_int_equal(m.resets, 1);
	model_end(&m, false);
}

/* It asks for a reset by the configuration's interrupt; what comes meanwhile waits behind. */
static void needs_reset_under_load(void **state)
{
	struct test_request late;

	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.status |= VIRTIO_STATUS_NEEDS_RESET;
	m.isr = VIRTIO_ISR_CONFIG;
	m.hold = false;
	request_make(&m, &late, BLOCK_READ, 0, 512, 0);
	request_submit(&m, &late);
	m.f.d.driver->irq(&m.f.d, 0);
	assert_true(m.f.service_wanted);
	assert_int_equal(late.done, 0);
	pass_and_irq(NS_PER_SEC);
	all_ended(BLOCK_OK);
	for (unsigned int i = 0; i < N; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(late.done, 1);
	assert_int_equal(late.status, BLOCK_OK);
	request_free(&m, &late);
	model_end(&m, false);
}

static void one_stuck(void **state)
{
	(void)state;
	attach();
	m.stuck_sector = 5 * 8;
	m.stuck_times = ~0u;
	submit_all();
	pass_and_irq(40 * NS_PER_SEC);
	assert_int_equal(t[5].status, BLOCK_ERROR);
	assert_int_equal(m.resets, 3);
	t[5].status = BLOCK_OK;
	memcpy(m.data + 5 * 4096, t[5].data, 4096);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void stuck_twice(void **state)
{
	(void)state;
	attach();
	m.stuck_sector = 31 * 8;
	m.stuck_times = 2;
	submit_all();
	pass_and_irq(30 * NS_PER_SEC);
	all_ended(BLOCK_OK);
	assert_int_equal(m.resets, 2);
	model_end(&m, false);
}

static void always_fails(void **state)
{
	(void)state;
	attach();
	m.needs_reset_on_io = true;
	submit_all();
	pass_and_irq(10 * NS_PER_SEC);
	all_ended(BLOCK_ERROR);
	assert_int_equal(m.f.disk_count, 1);
	m.needs_reset_on_io = false;
	submit_all();
	model_irq(&m);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void given_up(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.never_resets = true;
	m.f.now += 11 * NS_PER_SEC;
	pass_and_irq(20 * NS_PER_SEC);
	all_ended(BLOCK_ERROR);
	assert_int_equal(m.f.disk_count, 0);
	assert_non_null(strstr(m.f.log, "given up"));
	m.never_resets = false;
	model_end(&m, false);
}

static void pulled_out(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.gone = true;
	fake_device_pass(&m.f, 2 * NS_PER_SEC, 100000000);
	all_ended(BLOCK_GONE);
	assert_int_equal(m.f.disk_count, 0);
	model_end(&m, true);
}

static void detached_under_load(void **state)
{
	(void)state;
	m.queue_max = 8;
	attach();
	m.hold = true;
	submit_all();
	assert_in_range(m.held_count, 1, 8);
	m.f.d.driver->detach(&m.f.d, false);
	all_ended(BLOCK_GONE);
	assert_int_equal(m.status, 0);
	fake_device_end(&m.f);
	free(m.data);
}

/* Used entries that nobody asked for: unknown, free, twice; in the middle of 32 others. */
static void bogus_entries(void **state)
{
	static const u32 ids[] = {0, 31, 255, 256, 0x10000, 0xFFFFFFFF};

	(void)state;
	attach();
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		m.hold = true;
		submit_all();
		m.held_count = 16;
		model_go(&m, false);
		model_return(&m, ids[i], 1);
		model_return(&m, ids[i], 1);
		m.hold = false;
		model_irq(&m);
		pass_and_irq(NS_PER_SEC);
		all_ended(BLOCK_OK);
		assert_int_equal(m.resets, i + 1);
	}
	model_end(&m, false);
}

static void index_runs_away(void **state)
{
	struct virtio_used *u;

	(void)state;
	attach();
	m.hold = true;
	submit_all();
	u = fake_dma(&m.f, m.used, 4);
	u->index = (u16)(m.used_index + 30000);
	m.isr = VIRTIO_ISR_QUEUE;
	m.hold = false;
	fake_device_irq(&m.f, 0);
	assert_non_null(strstr(m.f.log, "more than it was given"));
	pass_and_irq(NS_PER_SEC);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

/* It says that it wrote more or less than a request has, or does not say how it went. */
static void lengths(void **state)
{
	static const s64 off[] = {1, 1000000, -2, -4096, 0};

	(void)state;
	attach();
	for (unsigned int i = 0; i < ARRAY_SIZE(off); i++) {
		m.length_off = off[i];
		m.no_status = off[i] == 0;
		submit_all();
		m.length_off = 0;
		m.no_status = false;
		while (model_irq(&m))
			;
		pass_and_irq(2 * NS_PER_SEC);
		all_ended(BLOCK_OK);
		assert_int_equal(m.resets, i + 1);
	}
	model_end(&m, false);
}

static void other_features_after_reset(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.offered &= ~VIRTIO_F_INDIRECT_DESC;
	pass_and_irq(20 * NS_PER_SEC);
	all_ended(BLOCK_ERROR);
	assert_non_null(strstr(m.f.log, "other features"));
	model_end(&m, false);
}

static void lost_interrupts(void **state)
{
	(void)state;
	attach();
	for (unsigned int i = 0; i < 3; i++) {
		submit_all();
		fake_device_pass(&m.f, 2 * NS_PER_SEC, 100000000);
		all_ended(BLOCK_OK);
	}
	assert_non_null(strstr(m.f.log, "polled from now on"));
	assert_int_equal(m.resets, 0);
	model_end(&m, false);
}

static struct device_ops leaping;
static unsigned int asked;

static u64 now_and_then(struct device *d)
{
	if (++asked == 50) {
		m.hold = false;
		model_go(&m, false);
	}
	return ((struct fake_device *)(void *)d)->now;
}

/* The clock leaps by minutes while the device had no time: it gets a little, and there is no reset.
 */
static void clock_leaps(void **state)
{
	const struct device_ops *before;

	(void)state;
	attach();
	m.hold = true;
	submit_all();
	before = m.f.d.ops;
	leaping = *before;
	leaping.now = now_and_then;
	asked = 0;
	m.f.d.ops = &leaping;
	m.f.now += 100 * NS_PER_SEC;
	m.f.d.driver->timer(&m.f.d);
	m.f.d.ops = before;
	assert_null(strstr(m.f.log, "too long"));
	all_ended(BLOCK_OK);
	m.irq = false;
	model_end(&m, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test_setup(taken_twice, modern),
		cmocka_unit_test_setup(never_resets, modern),
		cmocka_unit_test_setup(never_resets, legacy),
		cmocka_unit_test_setup(refuses_features, modern),
		cmocka_unit_test_setup(not_version_1, modern),
		cmocka_unit_test_setup(silent, modern),
		cmocka_unit_test_setup(silent, legacy),
		cmocka_unit_test_setup(no_queue, modern),
		cmocka_unit_test_setup(no_queue, legacy),
		cmocka_unit_test_setup(odd_legacy_queue, legacy),
		cmocka_unit_test_setup(odd_modern_queue, modern),
		cmocka_unit_test_setup(odd_blocks, modern),
		cmocka_unit_test_setup(no_capabilities, modern),
		cmocka_unit_test_setup(takes_no_vectors, modern),
		cmocka_unit_test_setup(errors, modern),
		cmocka_unit_test_setup(errors, legacy),
		cmocka_unit_test_setup(reset_under_load, modern),
		cmocka_unit_test_setup(reset_under_load, legacy),
		cmocka_unit_test_setup(reset_under_load, plain),
		cmocka_unit_test_setup(needs_reset_under_load, modern),
		cmocka_unit_test_setup(needs_reset_under_load, plain),
		cmocka_unit_test_setup(one_stuck, modern),
		cmocka_unit_test_setup(stuck_twice, modern),
		cmocka_unit_test_setup(stuck_twice, plain),
		cmocka_unit_test_setup(always_fails, modern),
		cmocka_unit_test_setup(given_up, modern),
		cmocka_unit_test_setup(given_up, legacy),
		cmocka_unit_test_setup(pulled_out, modern),
		cmocka_unit_test_setup(pulled_out, legacy),
		cmocka_unit_test_setup(detached_under_load, modern),
		cmocka_unit_test_setup(bogus_entries, modern),
		cmocka_unit_test_setup(bogus_entries, legacy),
		cmocka_unit_test_setup(index_runs_away, modern),
		cmocka_unit_test_setup(lengths, modern),
		cmocka_unit_test_setup(other_features_after_reset, modern),
		cmocka_unit_test_setup(lost_interrupts, modern),
		cmocka_unit_test_setup(clock_leaps, modern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
