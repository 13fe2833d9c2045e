/* SPDX-License-Identifier: BSD-2-Clause */
/* Namespaces: several, strange ones, and those that come, go and change while in use. */
// links: drivers/nvme/controller.c drivers/nvme/admin.c drivers/nvme/io.c drivers/nvme/queue.c
// links: drivers/nvme/namespace.c tests/fake/device_fake.c tests/host/drivers/nvme/nvme_model.c
#include "nvme_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define CHANGED (NVME_EVENT_NOTICE | NVME_LOG_CHANGED << 16)

static struct model m;

static int set_up(void **state)
{
	(void)state;
	model_init(&m);
	return 0;
}

static void attach(unsigned int disks)
{
	assert_int_equal(fake_device_attach(&m.f), 0);
	assert_int_equal(m.f.disk_count, disks);
	m.irq = false;
}

static void several(void **state)
{
	struct test_request t;

	(void)state;
	model_namespace(&m, 2, 256, 12);
	model_namespace(&m, 4, 100, 9);
	attach(3);
	assert_string_equal(m.f.disk_names[0], "n1");
	assert_string_equal(m.f.disk_names[1], "n2");
	assert_string_equal(m.f.disk_names[2], "n4");
	assert_int_equal(m.f.disks[1]->sectors, 2048);
	request_make(&m, &t, BLOCK_READ, 8, 8192, 0);
	request_submit(&m, &t, 1);
	kick(&m, 1);
	model_irq(&m);
	assert_int_equal(t.status, BLOCK_OK);
	assert_memory_equal(t.data, m.ns[1].data + 4096, 8192);
	request_free(&m, &t);
	model_end(&m, false);
}

/* Controllers of version 1.0 do not list them. */
static void without_list(void **state)
{
	(void)state;
	model_namespace(&m, 3, 256, 12);
	m.no_list = true;
	attach(2);
	assert_string_equal(m.f.disk_names[1], "n3");
	model_end(&m, false);
}

static void strange(void **state)
{
	(void)state;
	model_namespace(&m, 1, 100, 8);
	model_namespace(&m, 2, 100, 13);
	model_namespace(&m, 3, 100, 9);
	m.ns[2].metadata = 8;
	model_namespace(&m, 4, 100, 9);
	m.ns[3].blocks = 1ull << 60;
	attach(0);
	assert_non_null(strstr(m.f.log, "namespace 1 has blocks of neither"));
	assert_non_null(strstr(m.f.log, "namespace 2 has blocks of neither"));
	assert_non_null(strstr(m.f.log, "namespace 3 is formatted with metadata"));
	assert_non_null(strstr(m.f.log, "namespace 4 claims"));
	model_end(&m, false);
}

static void list_not_ascending(void **state)
{
	(void)state;
	m.bad_list = true;
	attach(1);
	model_end(&m, false);
}

static void resized(void **state)
{
	(void)state;
	attach(1);
	m.ns[0].blocks = 8192;
	model_event(&m, CHANGED);
	assert_int_equal(m.f.changed, 1);
	assert_int_equal(m.f.disks[0]->sectors, 8192);
	assert_int_equal(m.logs_read, 1);
	/* And it asked for the next one. */
	m.ns[0].blocks = 4096;
	model_event(&m, CHANGED);
	assert_int_equal(m.f.changed, 2);
	assert_int_equal(m.f.disks[0]->sectors, 4096);
	/* Nothing changed. */
	model_event(&m, CHANGED);
	assert_int_equal(m.f.changed, 2);
	assert_int_equal(m.f.removed, 0);
	model_end(&m, false);
}

static void comes(void **state)
{
	(void)state;
	attach(1);
	model_namespace(&m, 2, 100, 9);
	model_event(&m, CHANGED);
	assert_int_equal(m.f.disk_count, 2);
	assert_string_equal(m.f.disk_names[1], "n2");
	model_end(&m, false);
}

/* It goes while the controller works on a request for it and others wait. */
static void goes_under_load(void **state)
{
	static struct test_request t[8], other;

	(void)state;
	m.cap = (m.cap & ~0xFFFFull) | 4;
	model_namespace(&m, 2, 100, 9);
	attach(2);
	m.hold = true;
	for (unsigned int i = 0; i < 8; i++) {
		request_make(&m, &t[i], BLOCK_READ, 0, 512, 0);
		request_submit(&m, &t[i], 1);
	}
	request_make(&m, &other, BLOCK_READ, 0, 512, 0);
	request_submit(&m, &other, 0);
	kick(&m, 0);
	m.ns[1].there = false;
	model_event(&m, CHANGED);
	/* What waited has ended; what the controller has keeps the disk. */
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(t[i].done, i >= 4);
	assert_int_equal(other.done, 0);
	assert_int_equal(m.f.disk_count, 2);
	m.hold = false;
	model_go(&m, false);
	while (model_irq(&m))
		;
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].status, BLOCK_GONE);
		request_free(&m, &t[i]);
	}
	assert_int_equal(other.status, BLOCK_OK);
	assert_int_equal(other.done, 1);
	request_free(&m, &other);
	assert_int_equal(m.f.disk_count, 1);
	model_end(&m, false);
}

/* Another disk under the same number, or another format: away, then there as a new one. */
static void replaced(void **state)
{
	(void)state;
	attach(1);
	model_namespace(&m, 1, 100, 12);
	model_event(&m, CHANGED);
	assert_int_equal(m.f.removed, 1);
	assert_int_equal(m.f.disk_count, 1);
	assert_int_equal(m.f.disks[0]->sector_size, 4096);
	m.ns[0].identity = 7;
	model_event(&m, CHANGED);
	assert_int_equal(m.f.removed, 2);
	assert_int_equal(m.f.disk_count, 1);
	m.ns[0].read_only = true;
	model_event(&m, CHANGED);
	assert_int_equal(m.f.removed, 3);
	assert_true(m.f.disks[0]->read_only);
	model_end(&m, false);
}

static void other_events(void **state)
{
	(void)state;
	attach(1);
	for (unsigned int i = 0; i < 100; i++)
		model_event(&m, NVME_EVENT_HEALTH | 1u << 8 | 2u << 16);
	assert_int_equal(m.logs_read, 100);
	assert_non_null(strstr(m.f.log, "health warning"));
	assert_true(strlen(m.f.log) < 1000);
	assert_int_equal(m.f.changed, 0);
	model_end(&m, false);
}

/* The controller falls silent just when it is asked what changed. */
static void silent_after_event(void **state)
{
	(void)state;
	attach(1);
	m.admin_silent = true;
	m.ns[0].blocks = 5000;
	model_event(&m, CHANGED);
	assert_int_equal(m.f.disk_count, 0); /* three resets did not help */
	assert_non_null(strstr(m.f.log, "given up"));
	model_end(&m, false);
}

static void event_that_fails(void **state)
{
	(void)state;
	attach(1);
	m.event_asked = false;
	model_complete(&m, 0, m.event_id, NVME_STATUS_FIELD, CHANGED);
	model_irq(&m);
	assert_int_equal(m.logs_read, 0);
	assert_false(m.event_asked); /* nor is it asked for ever */
	model_end(&m, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(several, set_up),
		cmocka_unit_test_setup(without_list, set_up),
		cmocka_unit_test_setup(strange, set_up),
		cmocka_unit_test_setup(list_not_ascending, set_up),
		cmocka_unit_test_setup(resized, set_up),
		cmocka_unit_test_setup(comes, set_up),
		cmocka_unit_test_setup(goes_under_load, set_up),
		cmocka_unit_test_setup(replaced, set_up),
		cmocka_unit_test_setup(other_events, set_up),
		cmocka_unit_test_setup(silent_after_event, set_up),
		cmocka_unit_test_setup(event_that_fails, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
