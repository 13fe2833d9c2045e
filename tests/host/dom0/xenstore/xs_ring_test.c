/* SPDX-License-Identifier: BSD-2-Clause */
/* The shared page: wrap-around, pieces, backpressure, bounded work, hostile indices. */
// links: dom0/xenstore/xs_commit.c dom0/xenstore/xs_domain.c dom0/xenstore/xs_event.c
// links: dom0/xenstore/xs_guest_tree.c dom0/xenstore/xs_local.c dom0/xenstore/xs_names.c
// links: dom0/xenstore/xs_ops.c dom0/xenstore/xs_path.c dom0/xenstore/xs_perm.c
// links: dom0/xenstore/xs_ring.c dom0/xenstore/xs_transaction.c dom0/xenstore/xs_tree.c
// links: dom0/xenstore/xs_watch.c dom0/xenstore/xs_wire.c tests/host/dom0/xenstore/xs_client.c

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dom0/xenstore/xenstore.h>
#include <dom0/xenstore/xs_limits.h>
#include <tests/host/dom0/xenstore/xs_client.h>

struct world {
	struct xenstore *xs;
	struct client *a;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->xs = client_server();
	w->a = client_open(w->xs, 1);
	local_write(w->xs, "/local/domain/1", "");
	local_perms(w->xs, "/local/domain/1", "n0 b1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	xenstore_destroy(w->xs);
	client_free(w->a);
	free(w);
	return 0;
}

/* Many messages of odd lengths, so that headers and bodies are cut at every offset. */
static void test_wrap(void **state)
{
	struct world *w = *state;
	char body[512], value[512];

	for (int i = 0; i < 300; i++) {
		size_t len = (size_t)(i % 97) * 5;

		memset(value, 'a' + i % 26, len);
		value[len] = '\0';
		memcpy(body, "v", 2);
		memcpy(body + 2, value, len);
		assert_string_equal(client_call(w->a, XS_WRITE, 0, body, len + 2)->body, "OK");
		client_reads(w->a, 0, "v", value);
	}
	assert_true(w->a->page.req_prod > 50000);
}

/* Ring positions are taken over from the page, here just before the indices wrap. */
static void adopted_notify(void *ctx, domid_t domid)
{
	(void)domid;
	++*(unsigned int *)ctx;
}

static void test_adopted_indices(void **state)
{
	struct world *w = *state;
	unsigned int notified = 0;

	xs_domain_release(w->xs, 1);
	w->a->page.req_cons = w->a->page.req_prod = 0xfffffff8u;
	w->a->page.rsp_cons = w->a->page.rsp_prod = 0xfffffffdu;
	assert_int_equal(xs_domain_introduce(w->xs, 1, &w->a->page, adopted_notify, &notified), 0);
	client_answer(w->a, XS_GET_DOMAIN_PATH, 0, "1", "/local/domain/1|");
	client_answer(w->a, XS_GET_DOMAIN_PATH, 0, "2", "/local/domain/2|");
	assert_true(w->a->page.req_cons < 100);
	assert_true(notified > 0);
}

static void test_pieces(void **state)
{
	struct world *w = *state;
	struct xs_header header = {XS_GET_DOMAIN_PATH, 9, 0, 2};
	char bytes[sizeof(header) + 2];
	struct client_message m;

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), "1", 2);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_false(client_pull_message(w->a, &m));
		assert_int_equal(client_push(w->a, bytes + i, 1), 1);
		assert_int_equal(xs_domain_service(w->xs, 1), 0);
		assert_int_equal(w->a->page.req_cons, w->a->page.req_prod);
	}
	assert_true(client_pull_message(w->a, &m));
	assert_int_equal(m.header.req_id, 9);
	assert_string_equal(m.body, "/local/domain/1");
}

static void test_notifications(void **state)
{
	struct world *w = *state;
	unsigned int before;

	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	before = w->a->notified;
	assert_int_equal(xs_domain_service(w->xs, 1), 0); /* nothing to do: silent */
	assert_int_equal(w->a->notified, before);
	for (int i = 0; i < 5; i++)
		assert_true(client_send(w->a, XS_GET_DOMAIN_PATH, 0, "1", 2));
	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	assert_int_equal(w->a->notified, before + 1); /* one for the batch */
	/* An event made by somebody else arrives without a service call. */
	while (client_pull_message(w->a, &w->a->reply))
		;
	client_ok(w->a, XS_WATCH, 0, "x|t");
	client_event(w->a, "x", "t");
	before = w->a->notified;
	local_write(w->xs, "/local/domain/1/x", "1");
	assert_int_equal(w->a->notified, before + 1);
	assert_true(client_pull_message(w->a, &w->a->reply));
	assert_string_equal(w->a->reply.body, "x");
}

/* 64 requests without a body get replies of 23 bytes, more than the ring holds. */
static void test_errors_need_room(void **state)
{
	struct world *w = *state;
	struct xs_header header = {XS_READ, 1, 0, 0};
	struct client_message m;
	unsigned int replies = 0, calls = 0;

	for (int i = 0; i < 64; i++)
		assert_int_equal(client_push(w->a, &header, sizeof(header)), sizeof(header));
	for (; replies < 64; calls++) {
		assert_true(xs_domain_service(w->xs, 1) >= 0);
		while (client_pull_message(w->a, &m)) {
			assert_string_equal(m.body, "EINVAL");
			replies++;
		}
	}
	assert_true(calls >= 2);
	assert_int_equal(w->a->page.req_prod, w->a->page.req_cons);
}

/* One call answers a bounded number of requests, and says that there are more. */
static void test_budget(void **state)
{
	struct world *w = *state;
	struct client_message m;
	unsigned int replies = 0;

	client_write(w->a, 0, "e", "");
	for (unsigned int i = 0; i < XS_SERVICE_REQUESTS + 8; i++)
		assert_true(client_send(w->a, XS_READ, 0, "e", 2));
	assert_int_equal(xs_domain_service(w->xs, 1), 1);
	while (client_pull_message(w->a, &m))
		replies++;
	assert_int_equal(replies, XS_SERVICE_REQUESTS);
	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	while (client_pull_message(w->a, &m))
		replies++;
	assert_int_equal(replies, XS_SERVICE_REQUESTS + 8);
}

static void test_full(void **state)
{
	struct world *w = *state;
	struct client_message m;
	unsigned int replies = 0;

	client_write(w->a, 0, "e", "");
	for (int i = 0; i < 64; i++) {
		assert_true(client_send(w->a, XS_READ, 0, "e", 2));
		assert_int_equal(xs_domain_service(w->xs, 1), 0);
	}
	assert_int_equal(w->a->page.rsp_prod - w->a->page.rsp_cons, 1024);
	/* One more is handled and its reply waits; after that requests stay in their ring. */
	for (int i = 0; i < 3; i++)
		assert_true(client_send(w->a, XS_READ, 0, "e", 2));
	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	assert_int_equal(w->a->page.req_prod - w->a->page.req_cons, 36);
	while (client_pull_message(w->a, &m))
		replies++;
	assert_int_equal(replies, 64);
	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	for (replies = 0; client_pull_message(w->a, &m);)
		replies++;
	assert_int_equal(replies, 3);
}

/* Events never cut a message in two, however slowly the guest reads. */
static void test_interleaving(void **state)
{
	struct world *w = *state;
	struct client_message m;
	unsigned int events = 0, replies = 0;
	char big[1500];

	memset(big, 'b', sizeof(big));
	assert_int_equal(xs_local_write(w->xs, 0, "/local/domain/1/big", big, sizeof(big)), 0);
	client_ok(w->a, XS_WATCH, 0, "w|token");
	client_event(w->a, "w", "token");
	for (int i = 0; i < 2000; i++) {
		if (i % 100 == 0 && i < 1000)
			assert_true(client_send(w->a, XS_READ, 0, "big", 4));
		if (i % 50 == 0 && i < 1000)
			assert_int_equal(xs_local_writef(w->xs, 0, "/local/domain/1/w/n", "%d", i),
					 0);
		assert_true(xs_domain_service(w->xs, 1) >= 0);
		/* Reads 13 bytes at a time. */
		for (int k = 0; k < 13 && w->a->page.rsp_cons != w->a->page.rsp_prod; k++) {
			u32 ahead = w->a->page.rsp_prod;

			w->a->page.rsp_prod = w->a->page.rsp_cons + 1;
			if (client_pull_message(w->a, &m)) {
				if (m.header.type == XS_WATCH_EVENT) {
					assert_string_equal(m.body, "w/n");
					events++;
				} else {
					assert_int_equal(m.header.type, XS_READ);
					assert_int_equal(m.header.len, sizeof(big));
					assert_memory_equal(m.body, big, sizeof(big));
					replies++;
				}
			}
			w->a->page.rsp_prod = ahead;
		}
	}
	assert_int_equal(replies, 10);
	assert_int_equal(events, 20);
}

static void stopped(struct world *w, const char *reason, u32 error)
{
	struct xenstore_domain_interface before;

	assert_int_equal(xs_domain_service(w->xs, 1), -EIO);
	assert_non_null(client_stop_reason);
	assert_non_null(strstr(client_stop_reason, reason));
	assert_ptr_equal(xs_domain_stopped(w->xs, 1), client_stop_reason);
	assert_int_equal(w->a->page.error, error);
	before = w->a->page;
	w->a->page.req_prod = before.req_prod = w->a->page.req_cons;
	/* Nothing more is done for it, while others are served. */
	local_write(w->xs, "/local/domain/1/x", "1");
	assert_int_equal(xs_domain_service(w->xs, 1), -EIO);
	assert_memory_equal(&before, &w->a->page, sizeof(before));
	xs_domain_release(w->xs, 1);
	assert_null(xs_domain_stopped(w->xs, 1));
	client_free(w->a);
	w->a = client_open(w->xs, 1);
	client_answer(w->a, XS_GET_DOMAIN_PATH, 0, "1", "/local/domain/1|");
}

static void test_bad_producer(void **state)
{
	struct world *w = *state;

	client_ok(w->a, XS_WATCH, 0, "x|t");
	(void)client_begin(w->a);
	w->a->page.req_prod = w->a->page.req_cons + 1025;
	stopped(w, "producer", 2);
	w->a->page.req_prod = w->a->page.req_cons - 1;
	stopped(w, "producer", 2);
}

static void test_bad_consumer(void **state)
{
	struct world *w = *state;

	w->a->page.rsp_cons = w->a->page.rsp_prod + 1;
	assert_true(client_send(w->a, XS_GET_DOMAIN_PATH, 0, "1", 2));
	stopped(w, "consumer", 2);
	/* Found when somebody else's write makes an event. */
	client_ok(w->a, XS_WATCH, 0, "x|t");
	client_event(w->a, "x", "t");
	local_perms(w->xs, "/local/domain/1", "n0 b1");
	w->a->page.rsp_cons = w->a->page.rsp_prod - 2000;
	local_write(w->xs, "/local/domain/1/x", "1");
	stopped(w, "consumer", 2);
}

static void test_too_long(void **state)
{
	struct world *w = *state;
	struct xs_header header = {XS_WRITE, 1, 0, XS_PAYLOAD_MAX + 1};

	(void)client_push(w->a, &header, sizeof(header));
	stopped(w, "4096", 3);
	header.len = 0xffffffffu;
	(void)client_push(w->a, &header, sizeof(header));
	stopped(w, "4096", 3);
}

/* What the guest does to the indices that are ours has no effect. */
static void test_our_indices(void **state)
{
	struct world *w = *state;
	u32 req = w->a->page.req_cons, rsp = w->a->page.rsp_prod;

	assert_true(client_send(w->a, XS_GET_DOMAIN_PATH, 0, "1", 2));
	w->a->page.req_cons = 0xdeadbeef;
	w->a->page.rsp_prod = 0xdeadbeef;
	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	assert_int_equal(w->a->page.req_cons, req + 18);
	assert_int_equal(w->a->page.rsp_prod, rsp + 16 + 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopted_indices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notifications, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_need_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interleaving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_producer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_consumer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_our_indices, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
