/* SPDX-License-Identifier: BSD-2-Clause */
/* The local client: watches by callback, dispatch, transactions across the event loop. */
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

#include <dom0/xenstore/xs_limits.h>

struct seen {
	struct xenstore *xs;
	unsigned int count;
	char path[64], token[16];
	bool unwatch;
};

static void note(void *ctx, const char *path, const char *token)
{
	struct seen *seen = ctx;

	seen->count++;
	snprintf(seen->path, sizeof(seen->path), "%.60s", path);
	snprintf(seen->token, sizeof(seen->token), "%.12s", token);
	if (seen->unwatch)
		assert_int_equal(xs_local_unwatch(seen->xs, "/w", token), 0);
}

static void test_watch(void **state)
{
	struct seen seen = {.xs = client_server()};

	(void)state;
	assert_false(xs_local_pending(seen.xs));
	assert_int_equal(xs_local_watch(seen.xs, "/w", "t", note, &seen), 0);
	assert_int_equal(xs_local_watch(seen.xs, "/w", "t", note, &seen), -EEXIST);
	assert_int_equal(xs_local_watch(seen.xs, "/w", "t", NULL, &seen), -EINVAL);
	assert_int_equal(xs_local_watch(seen.xs, "/w/", "t", note, &seen), -EINVAL);
	assert_true(xs_local_pending(seen.xs));
	assert_int_equal(seen.count, 0); /* only from dispatch */
	assert_false(xs_local_dispatch(seen.xs));
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.path, "/w");
	assert_string_equal(seen.token, "t");
	local_write(seen.xs, "/w/x/y", "");
	assert_false(xs_local_dispatch(seen.xs));
	assert_string_equal(seen.path, "/w/x/y");
	assert_int_equal(xs_local_watch(seen.xs, "backend", "rel", note, &seen), 0);
	local_write(seen.xs, "/local/domain/0/backend/vbd", "");
	assert_false(xs_local_dispatch(seen.xs));
	assert_string_equal(seen.path, "backend/vbd");
	assert_int_equal(xs_local_unwatch(seen.xs, "/w", "t"), 0);
	assert_int_equal(xs_local_unwatch(seen.xs, "/w", "t"), -ENOENT);
	local_write(seen.xs, "/w", "");
	assert_false(xs_local_pending(seen.xs));
	xenstore_destroy(seen.xs);
}

/* A guest's change reaches the tool stack. */
static void test_guest_to_local(void **state)
{
	struct seen seen = {.xs = client_server()};
	struct client *c = client_open(seen.xs, 4);

	(void)state;
	local_write(seen.xs, "/local/domain/4", "");
	local_perms(seen.xs, "/local/domain/4", "n4");
	assert_int_equal(xs_local_watch(seen.xs, "/local/domain/4/state", "s", note, &seen), 0);
	client_write(c, 0, "state", "4");
	assert_false(xs_local_dispatch(seen.xs));
	assert_int_equal(seen.count, 2);
	xs_domain_release(seen.xs, 4);
	assert_false(xs_local_dispatch(seen.xs));
	assert_int_equal(seen.count, 3);
	xenstore_destroy(seen.xs);
	client_free(c);
}

static void test_unwatch_in_callback(void **state)
{
	struct seen seen = {.xs = client_server(), .unwatch = true};

	(void)state;
	assert_int_equal(xs_local_watch(seen.xs, "/w", "t", note, &seen), 0);
	local_write(seen.xs, "/w", "1");
	local_write(seen.xs, "/w", "2");
	assert_false(xs_local_dispatch(seen.xs));
	assert_int_equal(seen.count, 1);
	xenstore_destroy(seen.xs);
}

static void again(void *ctx, const char *path, const char *token)
{
	struct seen *seen = ctx;

	(void)token;
	seen->count++;
	local_write(seen->xs, path, "again");
}

/* A callback that causes its own event does not hold up the loop. */
static void test_dispatch_bounded(void **state)
{
	struct seen seen = {.xs = client_server()};

	(void)state;
	assert_int_equal(xs_local_watch(seen.xs, "/w", "t", again, &seen), 0);
	assert_true(xs_local_dispatch(seen.xs));
	assert_int_equal(seen.count, XS_DISPATCH_EVENTS);
	xenstore_destroy(seen.xs);
}

static void test_overflow(void **state)
{
	struct seen seen = {.xs = client_server()};

	(void)state;
	assert_int_equal(xs_local_watch(seen.xs, "/w", "t", note, &seen), 0);
	for (unsigned int i = 0; i < XS_LOCAL_EVENTS + 100; i++)
		local_write(seen.xs, "/w/x", "");
	while (xs_local_dispatch(seen.xs))
		;
	assert_int_equal(seen.count, XS_LOCAL_EVENTS + 1);
	assert_string_equal(seen.path, "/w");
	xenstore_destroy(seen.xs);
}

/* A transaction left open while a guest writes. */
static void test_transaction(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c = client_open(xs, 4);
	xs_tx_id tx;
	char buf[8];

	(void)state;
	local_write(xs, "/local/domain/4/state", "1");
	local_perms(xs, "/local/domain/4/state", "n4");
	assert_int_equal(xs_local_tx_start(xs, &tx), 0);
	assert_int_equal(xs_local_read(xs, tx, "/local/domain/4/state", buf, sizeof(buf)), 1);
	client_write(c, 0, "/local/domain/4/state", "2");
	assert_int_equal(xs_local_writef(xs, tx, "/x", "%s", "y"), 0);
	assert_int_equal(xs_local_tx_end(xs, tx, true), -EAGAIN);
	local_missing(xs, "/x");
	assert_int_equal(xs_local_mkdir(xs, 99, "/x"), -ENOENT);
	assert_int_equal(xs_local_rm(xs, 99, "/x"), -ENOENT);
	assert_int_equal(xs_local_read(xs, 99, "/", buf, sizeof(buf)), -ENOENT);
	xenstore_destroy(xs);
	client_free(c);
}

static void test_format(void **state)
{
	struct xenstore *xs = client_server();
	char big[2000];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[1023] = '\0';
	assert_int_equal(xs_local_writef(xs, 0, "/f", "%s", big), 0);
	big[1023] = 'x';
	big[1024] = '\0';
	assert_int_equal(xs_local_writef(xs, 0, "/f", "%s", big), -E2BIG);
	assert_int_equal(xs_local_write(xs, 0, "/f", big, 4097), -E2BIG);
	xenstore_destroy(xs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_guest_to_local),
		cmocka_unit_test(test_unwatch_in_callback),
		cmocka_unit_test(test_dispatch_bounded),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
