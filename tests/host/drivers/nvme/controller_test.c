/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller that does not do what it should: at the start, under load, for good. */
// links: drivers/nvme/controller.c drivers/nvme/admin.c drivers/nvme/io.c drivers/nvme/queue.c
// links: drivers/nvme/namespace.c tests/fake/device_fake.c tests/host/drivers/nvme/nvme_model.c
#include "nvme_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define N 32u

static struct model m;
static struct test_request t[N];
static unsigned int order[N * 4], order_count; /* in which requests ended */

static int set_up(void **state)
{
	(void)state;
	model_init(&m);
	order_count = 0;
	return 0;
}

static void attach(void)
{
	assert_int_equal(fake_device_attach(&m.f), 0);
	assert_int_equal(m.f.disk_count, 1);
	m.irq = false;
}

static void attach_fails(const char *why)
{
	assert_true(fake_device_attach(&m.f) < 0);
	assert_non_null(strstr(m.f.log, why));
	assert_null(m.f.d.state);
	fake_device_end(&m.f);
	for (unsigned int i = 0; i < MODEL_NAMESPACES; i++)
		free(m.ns[i].data);
}

static void ended(struct block_request *r, enum block_status status)
{
	struct test_request *q = r->ctx;

	q->done++;
	q->status = status;
	order[order_count++] = (unsigned int)(q - t);
}

/* N requests, one of 4 KiB each: reads, and writes of what is checked at the end. */
static void submit_all(void)
{
	for (unsigned int i = 0; i < N; i++) {
		request_make(&m, &t[i], i & 1 ? BLOCK_WRITE : BLOCK_READ, i * 8, 4096, 0);
		if (i & 1)
			memset(t[i].data, (int)i, 4096);
		t[i].r.done = ended;
		request_submit(&m, &t[i], 0);
	}
	kick(&m, 0);
}

static void all_ended(enum block_status status)
{
	assert_int_equal(order_count, N);
	for (unsigned int i = 0; i < N; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].status, status);
		if (status == BLOCK_OK)
			assert_memory_equal(t[i].data, m.ns[0].data + i * 4096, 4096);
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
	struct device_id id = {.class_code = 1, .subclass = 8, .prog_if = 2};

	(void)state;
	assert_true(nvme_driver.match(&id));
	id.prog_if = 1;
	assert_false(nvme_driver.match(&id));
	id = (struct device_id){.class_code = 1, .subclass = 6, .prog_if = 2};
	assert_false(nvme_driver.match(&id));
}

static void taken_and_given_back(void **state)
{
	(void)state;
	attach();
	assert_string_equal(m.f.disks[0]->model, "Fake disk");
	assert_string_equal(m.f.disks[0]->serial, "S?1");
	assert_string_equal(m.f.disk_names[0], "n1");
	assert_int_equal(m.f.disks[0]->page_mask, 4095);
	model_end(&m, false);
	assert_int_equal(m.shutdowns, 1);
	/* And once more. */
	model_init(&m);
	attach();
	model_end(&m, false);
}

static void never_ready(void **state)
{
	u64 began = m.f.now;

	(void)state;
	m.never_ready = true;
	attach_fails("does not get ready");
	/* CAP.TO is two seconds. */
	assert_in_range(m.f.now - began, 2 * NS_PER_SEC, 3 * NS_PER_SEC);
}

static void never_stops(void **state)
{
	(void)state;
	m.never_stops = true;
	attach_fails("does not stop");
}

static void admin_silent(void **state)
{
	(void)state;
	m.admin_silent = true;
	attach_fails("is not answered");
}

static void admin_fails(void **state)
{
	static const u8 opcodes[] = {NVME_ADMIN_IDENTIFY, NVME_ADMIN_CREATE_CQ,
				     NVME_ADMIN_CREATE_SQ};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(opcodes); i++) {
		m.admin_fails = opcodes[i];
		attach_fails("(");
		if (i + 1 < ARRAY_SIZE(opcodes))
			model_init(&m);
	}
}

static void not_usable(void **state)
{
	u64 cap = m.cap;

	(void)state;
	m.cap = cap & ~NVME_CAP_CSS_NVM;
	attach_fails("no NVM command set");
	model_init(&m);
	m.cap = cap | 1ull << 48;
	attach_fails("pages of 4 KiB");
	model_init(&m);
	m.cap = cap & ~0xFFFFull;
	attach_fails("queues of one entry");
	model_init(&m);
	m.cap = cap | 15ull << 32;
	attach_fails("outside its window");
	model_init(&m);
	m.bad_entry_sizes = true;
	attach_fails("no queue entries");
	model_init(&m);
	m.gone = true;
	attach_fails("does not answer any more");
	model_init(&m);
	m.f.d.bar_size[0] = 0x1000;
	attach_fails("no window");
	model_init(&m);
	m.f.out_of_memory = true;
	attach_fails("no memory");
}

/* Errors that may go away: tried again, at most three times. */
static void errors(void **state)
{
	(void)state;
	attach();
	m.error_status = 0x281;
	m.errors = 2;
	submit_all();
	while (model_irq(&m))
		;
	all_ended(BLOCK_OK);
	assert_int_equal(m.seen_count, N + 2);

	order_count = 0;
	m.errors = 3 * N;
	submit_all();
	while (model_irq(&m))
		;
	all_ended(BLOCK_ERROR);
	assert_int_equal(m.errors, 0);
	model_end(&m, false);
}

static void final_errors(void **state)
{
	static const struct {
		u16 status;
		enum block_status is;
	} cases[] = {
		{0x281, BLOCK_ERROR},
		{NVME_STATUS_OPCODE, BLOCK_UNSUPPORTED},
		{NVME_STATUS_LBA_RANGE, BLOCK_INVALID},
		{NVME_STATUS_WRITE_PROTECTED, BLOCK_INVALID},
		{NVME_STATUS_READ_ONLY, BLOCK_INVALID},
		{NVME_STATUS_CAPACITY, BLOCK_NO_SPACE},
		{NVME_STATUS_NAMESPACE, BLOCK_GONE},
		{0x7FFF & ~NVME_STATUS_DNR, BLOCK_ERROR},
	};

	(void)state;
	attach();
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		order_count = 0;
		m.errors = N;
		m.error_status = cases[i].status | NVME_STATUS_DNR;
		submit_all();
		model_irq(&m);
		all_ended(cases[i].is);
	}
	/* The log does not grow with each. */
	assert_true(strlen(m.f.log) < 2000);
	assert_int_equal(m.resets, 1);
	model_end(&m, false);
}

/* Reset in the middle of 32 requests, some of which were done: none lost, none done twice, in
 * order. */
static void reset_under_load(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.held_count = 20; /* the last twelve get lost */
	model_go(&m, true);
	model_irq(&m);
	assert_int_equal(order_count, 20);
	m.hold = false;
	pass_and_irq(12 * NS_PER_SEC);
	all_ended(BLOCK_OK);
	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(order[20 + i], 20 + i);
	assert_int_equal(m.resets, 2);
	assert_non_null(strstr(m.f.log, "takes too long"));
	model_end(&m, false);
}

/* Done by the controller, but the reset came before its completion was seen: done again, ended
 * once. New requests meanwhile wait behind. */
static void fatal_under_load(void **state)
{
	struct test_request late;

	(void)state;
	attach();
	m.hold = true;
	submit_all();
	model_go(&m, false); /* its completions are never looked at */
	m.csts |= NVME_CSTS_FATAL;
	m.hold = false;
	memset(fake_dma(&m.f, m.q[1].cq, 256 * 16ul), 0, 256 * 16ul);
	m.irq = false;
	m.f.now += NS_PER_SEC;
	m.f.d.driver->timer(&m.f.d);
	assert_true(m.f.service_wanted);
	request_make(&m, &late, BLOCK_READ, 0, 512, 0);
	request_submit(&m, &late, 0);
	kick(&m, 0);
	assert_int_equal(m.seen_count, N);
	pass_and_irq(NS_PER_SEC);
	all_ended(BLOCK_OK);
	for (unsigned int i = 0; i < N; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(late.done, 1);
	assert_int_equal(m.seen[2 * N].dword12, 0);
	request_free(&m, &late);
	model_end(&m, false);
}

/* One command is never answered: it alone ends with an error, after three resets. */
static void one_stuck(void **state)
{
	(void)state;
	attach();
	m.stuck_block = 5 * 8;
	m.stuck_times = ~0u;
	submit_all();
	pass_and_irq(40 * NS_PER_SEC);
	assert_int_equal(order_count, N);
	assert_int_equal(t[5].status, BLOCK_ERROR);
	assert_int_equal(m.resets, 4);
	t[5].status = BLOCK_OK;
	memcpy(m.ns[0].data + 5 * 4096, t[5].data, 4096);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void stuck_twice(void **state)
{
	(void)state;
	attach();
	m.stuck_block = 31 * 8;
	m.stuck_times = 2;
	submit_all();
	pass_and_irq(30 * NS_PER_SEC);
	all_ended(BLOCK_OK);
	assert_int_equal(m.resets, 3);
	model_end(&m, false);
}

/* A command that is deadly ends, so does what came with it, and the disk lives on. */
static void always_fatal(void **state)
{
	(void)state;
	attach();
	m.fatal_on_io = true;
	submit_all();
	pass_and_irq(10 * NS_PER_SEC);
	all_ended(BLOCK_ERROR);
	assert_int_equal(m.f.disk_count, 1);
	m.fatal_on_io = false;
	order_count = 0;
	submit_all();
	model_irq(&m);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void given_up(void **state)
{
	struct test_request late;
	struct block_device *b;

	(void)state;
	attach();
	b = m.f.disks[0];
	m.hold = true;
	m.ready_once = true;
	submit_all();
	m.csts |= NVME_CSTS_FATAL;
	m.f.now += NS_PER_SEC;
	m.f.d.driver->timer(&m.f.d);
	request_make(&m, &late, BLOCK_READ, 0, 512, 0);
	b->ops->submit(b, &late.r);
	pass_and_irq(20 * NS_PER_SEC);
	all_ended(BLOCK_ERROR);
	assert_int_equal(late.done, 1);
	assert_int_equal(late.status, BLOCK_ERROR);
	assert_int_equal(m.f.disk_count, 0);
	assert_non_null(strstr(m.f.log, "given up"));
	request_free(&m, &late);
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

static struct block_request *resubmit_to_end;

static void ended_and_again(struct block_request *r, enum block_status status)
{
	struct test_request *q = r->ctx;

	ended(r, status);
	if (status == BLOCK_GONE && resubmit_to_end == r) {
		resubmit_to_end = NULL;
		request_submit(&m, q, 0);
	}
}

/* Detached under load, with requests that wait too, and a user who tries again. */
static void detached_under_load(void **state)
{
	(void)state;
	m.cap = (m.cap & ~0xFFFFull) | 7;
	attach();
	m.hold = true;
	submit_all();
	t[3].r.done = ended_and_again;
	resubmit_to_end = &t[3].r;
	assert_int_equal(m.held_count, 7);
	nvme_driver.detach(&m.f.d, false);
	assert_int_equal(t[3].done, 2);
	assert_int_equal(order_count, N + 1);
	t[3].done = 1;
	order_count = N;
	all_ended(BLOCK_GONE);
	assert_int_equal(m.cc & 1, 0);
	assert_int_equal(m.shutdowns, 1);
	fake_device_end(&m.f);
	free(m.ns[0].data);
}

static void hung_at_detach(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.never_stops = true;
	nvme_driver.detach(&m.f.d, false);
	all_ended(BLOCK_GONE);
	fake_device_end(&m.f);
	free(m.ns[0].data);
}

/* Completions that nobody asked for: unknown, of free slots, twice. */
static void bogus_completions(void **state)
{
	static const u32 ids[] = {0, 31, 254, 255, 256, 0xFFFF};

	(void)state;
	attach();
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		order_count = 0;
		submit_all();
		model_irq(&m);
		assert_int_equal(order_count, N);
		model_complete(&m, 1, ids[i], 0, 0);
		model_irq(&m);
		pass_and_irq(NS_PER_SEC);
		all_ended(BLOCK_OK);
		assert_int_equal(m.resets, i + 2);
	}
	order_count = 0;
	m.hold = true;
	submit_all();
	model_complete(&m, 1, 100, 0, 0);
	m.hold = false;
	model_irq(&m);
	pass_and_irq(NS_PER_SEC);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void bogus_admin_completions(void **state)
{
	static const u32 ids[] = {0, 1, 5, 0xFFFF};

	(void)state;
	attach();
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		if (ids[i] == 0)
			model_event(&m, 0); /* then it has none to complete */
		m.event_asked = false;
		model_complete(&m, 0, ids[i], 0, 0);
		if (ids[i] == 0)
			model_complete(&m, 0, ids[i], 0, 0);
		model_irq(&m);
		pass_and_irq(NS_PER_SEC);
		assert_int_equal(m.resets, i + 2);
	}
	submit_all();
	model_irq(&m);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

static void lost_interrupts(void **state)
{
	(void)state;
	attach();
	for (unsigned int i = 0; i < 3; i++) {
		order_count = 0;
		submit_all();
		fake_device_pass(&m.f, 2 * NS_PER_SEC, 100000000);
		all_ended(BLOCK_OK);
	}
	assert_non_null(strstr(m.f.log, "polled from now on"));
	assert_int_equal(m.resets, 1);
	order_count = 0;
	submit_all();
	fake_device_pass(&m.f, 1000000, 100000);
	all_ended(BLOCK_OK);
	model_end(&m, false);
}

/* It came back from a reset with less than it had. */
static void shorter_queues_after_reset(void **state)
{
	(void)state;
	attach();
	m.hold = true;
	submit_all();
	m.cap = (m.cap & ~0xFFFFull) | 7;
	pass_and_irq(20 * NS_PER_SEC);
	all_ended(BLOCK_ERROR);
	assert_int_equal(m.f.disk_count, 0);
	model_end(&m, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test_setup(taken_and_given_back, set_up),
		cmocka_unit_test_setup(never_ready, set_up),
		cmocka_unit_test_setup(never_stops, set_up),
		cmocka_unit_test_setup(admin_silent, set_up),
		cmocka_unit_test_setup(admin_fails, set_up),
		cmocka_unit_test_setup(not_usable, set_up),
		cmocka_unit_test_setup(errors, set_up),
		cmocka_unit_test_setup(final_errors, set_up),
		cmocka_unit_test_setup(reset_under_load, set_up),
		cmocka_unit_test_setup(fatal_under_load, set_up),
		cmocka_unit_test_setup(one_stuck, set_up),
		cmocka_unit_test_setup(stuck_twice, set_up),
		cmocka_unit_test_setup(always_fatal, set_up),
		cmocka_unit_test_setup(given_up, set_up),
		cmocka_unit_test_setup(pulled_out, set_up),
		cmocka_unit_test_setup(detached_under_load, set_up),
		cmocka_unit_test_setup(hung_at_detach, set_up),
		cmocka_unit_test_setup(bogus_completions, set_up),
		cmocka_unit_test_setup(bogus_admin_completions, set_up),
		cmocka_unit_test_setup(lost_interrupts, set_up),
		cmocka_unit_test_setup(shorter_queues_after_reset, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
