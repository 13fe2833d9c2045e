/* SPDX-License-Identifier: BSD-2-Clause */
/* Quotas: what one guest can take of the server, and that others go on. */
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
#include <tests/host/dom0/xenstore/xs_client.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_watch.h>

struct world {
	struct xenstore *xs;
	struct client *a, *b;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->xs = client_server();
	w->a = client_open(w->xs, 1);
	w->b = client_open(w->xs, 2);
	local_write(w->xs, "/local/domain/1", "");
	local_perms(w->xs, "/local/domain/1", "n0 b1");
	local_write(w->xs, "/local/domain/2", "");
	local_perms(w->xs, "/local/domain/2", "n0 b2");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	client_write(w->b, 0, "b/still/works", "1");
	xs_domain_release(w->xs, 1);
	assert_null(xs_domain_find(w->xs, 1));
	xenstore_destroy(w->xs);
	client_free(w->a);
	client_free(w->b);
	free(w);
	return 0;
}

static u32 nodes(struct world *w)
{
	return xs_domain_find(w->xs, 1)->node_count;
}

static void test_nodes(void **state)
{
	struct world *w = *state;
	char path[64];
	u32 tx;

	for (unsigned int i = 0; i < XS_QUOTA_NODES; i++) {
		snprintf(path, sizeof(path), "n%u", i);
		client_ok(w->a, XS_MKDIR, 0, path);
	}
	assert_int_equal(nodes(w), XS_QUOTA_NODES);
	client_error(w->a, XS_MKDIR, 0, "more", "ENOSPC");
	client_error(w->a, XS_WRITE, 0, "more|x", "ENOSPC");
	client_write(w->a, 0, "n1", "change");
	/* Several at once: all or none. */
	client_ok(w->a, XS_RM, 0, "n0");
	client_error(w->a, XS_WRITE, 0, "p/q|x", "ENOSPC");
	client_error(w->a, XS_READ, 0, "p", "ENOENT");
	assert_int_equal(nodes(w), XS_QUOTA_NODES - 1);
	/* A transaction that removes as many as it makes. */
	tx = client_begin(w->a);
	client_ok(w->a, XS_RM, tx, "n2");
	client_write(w->a, tx, "p/q", "");
	client_end(w->a, tx, true, "OK");
	tx = client_begin(w->a);
	client_ok(w->a, XS_RM, tx, "n3");
	client_write(w->a, tx, "r/s", "");
	client_end(w->a, tx, true, "ENOSPC");
	client_error(w->a, XS_READ, 0, "r", "ENOENT");
	client_answer(w->a, XS_READ, 0, "n3", "");
	/* The control domain may give it more all the same. */
	local_write(w->xs, "/local/domain/1/n1/x/y", "");
	assert_int_equal(nodes(w), XS_QUOTA_NODES + 2);
	local_perms(w->xs, "/local/domain/1/n1/x/y", "n0");
	assert_int_equal(nodes(w), XS_QUOTA_NODES + 1);
	client_ok(w->a, XS_RM, 0, "n1");
	assert_int_equal(nodes(w), XS_QUOTA_NODES - 1);
}

static void test_node_size(void **state)
{
	struct world *w = *state;
	char body[XS_PAYLOAD_MAX];
	const struct client_message *m;
	size_t most = XS_QUOTA_NODE_BYTES - 1 - 2 * sizeof(struct xs_perm);

	memset(body, 'v', sizeof(body));
	memcpy(body, "n", 2);
	m = client_call(w->a, XS_WRITE, 0, body, 2 + most);
	assert_string_equal(m->body, "OK");
	m = client_call(w->a, XS_WRITE, 0, body, 2 + most + 1);
	assert_string_equal(m->body, "ENOSPC");
	client_error(w->a, XS_SET_PERMS, 0, "n|n1|b1|r2", "ENOSPC");
	/* A long name counts too. */
	memset(body, 'n', 2047);
	body[2047] = '\0';
	m = client_call(w->a, XS_MKDIR, 0, body, 2048);
	assert_string_equal(m->body, "ENOSPC");
	m = client_call(w->a, XS_MKDIR, 0, body + 100, 1948);
	assert_string_equal(m->body, "OK");
}

static void test_watches(void **state)
{
	struct world *w = *state;
	char body[64];

	for (unsigned int i = 0; i < XS_QUOTA_WATCHES; i++) {
		snprintf(body, sizeof(body), "w|%u", i);
		client_ok(w->a, XS_WATCH, 0, body);
	}
	client_error(w->a, XS_WATCH, 0, "w|more", "ENOSPC");
	client_ok(w->a, XS_UNWATCH, 0, "w|3");
	client_ok(w->a, XS_WATCH, 0, "w|more");
	client_ok(w->a, XS_RESET_WATCHES, 0, "");
	assert_int_equal(xs_domain_find(w->xs, 1)->work_bytes, 0);
}

static void test_watch_memory(void **state)
{
	struct world *w = *state;
	char body[XS_PAYLOAD_MAX];
	const struct client_message *m;
	unsigned int made = 0;

	/* Paths of a thousand elements each. */
	for (unsigned int i = 0; i < XS_QUOTA_WATCHES; i++, made++) {
		int len = snprintf(body, sizeof(body), "%u", i);

		for (int k = 0; k < 1000; k++, len += 2)
			memcpy(body + len, "/x", 3);
		memcpy(body + len + 1, "t", 2);
		m = client_call(w->a, XS_WATCH, 0, body, (size_t)len + 3);
		if (strcmp(m->body, "OK") != 0)
			break;
	}
	assert_string_equal(m->body, "ENOSPC");
	assert_true(made > 2 && made < 20);
	client_ok(w->a, XS_RESET_WATCHES, 0, "");
	assert_int_equal(xs_domain_find(w->xs, 1)->work_bytes, 0);
}

static void test_transactions(void **state)
{
	struct world *w = *state;
	u32 tx[XS_QUOTA_TRANSACTIONS];
	char path[64];
	unsigned int i;

	for (i = 0; i < XS_QUOTA_TRANSACTIONS; i++)
		tx[i] = client_begin(w->a);
	client_error(w->a, XS_TRANSACTION_START, 0, "", "ENOSPC");
	client_end(w->a, tx[0], false, "OK");
	tx[0] = client_begin(w->a);
	for (i = 0; i < XS_QUOTA_TX_NODES; i++) {
		snprintf(path, sizeof(path), "%u", i);
		if (strcmp(client_call(w->a, XS_READ, tx[0], path, strlen(path) + 1)->body,
			   "ENOENT") != 0)
			break;
	}
	assert_string_equal(w->a->reply.body, "ENOSPC");
	assert_int_equal(i, XS_QUOTA_TX_NODES - 3); /* local, domain, 1 */
	client_end(w->a, tx[0], true, "OK");
	for (i = 1; i < XS_QUOTA_TRANSACTIONS; i++)
		client_end(w->a, tx[i], false, "OK");
	assert_int_equal(xs_domain_find(w->xs, 1)->work_bytes, 0);
}

static void test_transaction_memory(void **state)
{
	struct world *w = *state;
	char body[2000];
	u32 tx = client_begin(w->a);
	unsigned int i;

	memset(body, 'v', sizeof(body));
	for (i = 0; i < 900; i++) {
		snprintf(body, 8, "%06u", i);
		if (strcmp(client_call(w->a, XS_WRITE, tx, body, sizeof(body))->body, "OK") != 0)
			break;
	}
	assert_string_equal(w->a->reply.body, "ENOSPC");
	assert_true(i > 300 && i < 600);
	/* Writing the same node again and again needs no more. */
	client_end(w->a, tx, false, "OK");
	tx = client_begin(w->a);
	for (i = 0; i < 900; i++)
		assert_string_equal(client_call(w->a, XS_WRITE, tx, body, sizeof(body))->body,
				    "OK");
	client_end(w->a, tx, true, "OK");
	assert_int_equal(xs_domain_find(w->xs, 1)->work_bytes, 0);
}

/* A transaction in which a request ran out half-way cannot commit. */
static void test_transaction_half(void **state)
{
	struct world *w = *state;
	char body[2100];
	u32 tx = client_begin(w->a);
	size_t len;

	memcpy(body, "half/made/", 10);
	memset(body + 10, 'n', 1800);
	body[1810] = '\0';
	memset(body + 1811, 'v', 280);
	len = 2091;
	assert_string_equal(client_call(w->a, XS_WRITE, tx, body, len)->body, "ENOSPC");
	client_end(w->a, tx, true, "ENOSPC");
	client_error(w->a, XS_READ, 0, "half", "ENOENT");
}

/* Events for a guest that does not read: bounded, and each watch still reports in the end. */
static void test_events(void **state)
{
	struct world *w = *state;
	const struct xs_domain *dom = xs_domain_find(w->xs, 1);
	unsigned int single = 0, whole = 0;
	struct client_message m;

	client_ok(w->a, XS_WATCH, 0, "w|1");
	client_ok(w->a, XS_WATCH, 0, "v|2");
	client_event(w->a, "w", "1");
	client_event(w->a, "v", "2");
	for (int i = 0; i < 5000; i++)
		local_write(w->xs, "/local/domain/1/w/x", "");
	local_write(w->xs, "/local/domain/1/v", "late");
	assert_int_equal(dom->event_count, XS_QUOTA_EVENTS);
	assert_true(dom->event_bytes <= XS_QUOTA_EVENT_BYTES);
	do {
		while (client_pull_message(w->a, &m)) {
			single += strcmp(m.body, "w/x") == 0;
			whole += strcmp(m.body, "w") == 0;
		}
		assert_int_equal(xs_domain_service(w->xs, 1), 0);
	} while (w->a->page.rsp_cons != w->a->page.rsp_prod);
	assert_string_equal(m.body, "v"); /* the last one */
	assert_int_equal(whole, 1);
	assert_true(single >= XS_QUOTA_EVENTS && single < XS_QUOTA_EVENTS + 60);
	assert_int_equal(dom->event_count, 0);
	assert_int_equal(dom->event_bytes, 0);
	/* Back to normal. */
	local_write(w->xs, "/local/domain/1/w/x", "");
	client_event(w->a, "w/x", "1");
	client_no_event(w->a);
}

/* Watches that end while their event waits for room in the queue. */
static void test_missed_unwatch(void **state)
{
	struct world *w = *state;
	struct client_message m;
	struct xs_domain *dom = xs_domain_find(w->xs, 1);
	char body[32], seen[64] = "";
	int watches = 5;

	client_ok(w->a, XS_WATCH, 0, "w|x");
	for (int i = 0; i < watches; i++) {
		snprintf(body, sizeof(body), "v%d|t", i);
		client_ok(w->a, XS_WATCH, 0, body);
	}
	while (client_pull_message(w->a, &m))
		;
	for (int i = 0; i < 1000; i++)
		local_write(w->xs, "/local/domain/1/w", "");
	for (int i = 0; i < watches; i++) {
		snprintf(body, sizeof(body), "/local/domain/1/v%d", i);
		local_write(w->xs, body, "");
	}
	/* Not by messages: their replies would make the guest take events. */
	assert_int_equal(xs_watch_remove(w->xs, dom, "v2", "t"), 0);
	assert_int_equal(xs_watch_remove(w->xs, dom, "v4", "t"), 0);
	assert_int_equal(xs_watch_remove(w->xs, dom, "v0", "t"), 0);
	for (int quiet = 0; quiet < 2; quiet++) {
		for (; client_pull_message(w->a, &m); quiet = 0) {
			if (m.body[0] == 'v')
				strcat(seen, m.body);
		}
		assert_int_equal(xs_domain_service(w->xs, 1), 0);
	}
	assert_null(dom->missed_first);
	assert_null(dom->missed_last);
	assert_string_equal(seen, "v1v3");
	w->a->event_count = 0; /* from the beginning */
	client_write(w->a, 0, "v1", "");
	client_event(w->a, "v1", "t");
}

static void test_event_bytes(void **state)
{
	struct world *w = *state;
	const struct xs_domain *dom = xs_domain_find(w->xs, 1);
	char body[XS_PAYLOAD_MAX], path[2100] = "/local/domain/1/";

	memset(body, 't', 1100);
	memcpy(body, "w", 2);
	body[2 + 1000] = '\0';
	assert_string_equal(client_call(w->a, XS_WATCH, 0, body, 1003)->body, "OK");
	memcpy(path + strlen(path), "w/", 3);
	memset(path + strlen(path), 'n', 1900);
	for (int i = 0; i < 100; i++)
		local_write(w->xs, path, "");
	assert_true(dom->event_bytes <= XS_QUOTA_EVENT_BYTES);
	assert_true(dom->event_bytes > XS_QUOTA_EVENT_BYTES - 4096);
	client_ok(w->a, XS_RESET_WATCHES, 0, "");
	assert_int_equal(dom->event_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transaction_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transaction_half, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missed_unwatch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event_bytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
