/* SPDX-License-Identifier: BSD-2-Clause */
/* Watches: path forms, matches, removal above, special events, who is told. */
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
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	xenstore_destroy(w->xs);
	client_free(w->a);
	client_free(w->b);
	free(w);
	return 0;
}

static void test_forms(void **state)
{
	struct world *w = *state;

	client_ok(w->a, XS_WATCH, 0, "device|rel");
	client_event(w->a, "device", "rel");
	client_ok(w->a, XS_WATCH, 0, "/local/domain/1/device|abs");
	client_event(w->a, "/local/domain/1/device", "abs");
	local_write(w->xs, "/local/domain/1/device/vbd/1", "x");
	client_event(w->a, "/local/domain/1/device/vbd/1", "abs");
	client_event(w->a, "device/vbd/1", "rel");
	client_no_event(w->a);
	/* The path's form does not matter for finding a watch again. */
	client_error(w->a, XS_WATCH, 0, "device|abs", "EEXIST");
	client_ok(w->a, XS_UNWATCH, 0, "device|abs");
	client_error(w->a, XS_UNWATCH, 0, "device|abs", "ENOENT");
	client_write(w->a, 0, "device/vbd/1", "y");
	client_event(w->a, "device/vbd/1", "rel");
	client_no_event(w->a);
}

static void test_reply_before_events(void **state)
{
	struct world *w = *state;
	struct client_message m;

	client_ok(w->a, XS_WATCH, 0, "device|t");
	client_event(w->a, "device", "t");
	assert_true(client_send(w->a, XS_WRITE, 0, "device\0x", 8));
	assert_int_equal(xs_domain_service(w->xs, 1), 0);
	assert_true(client_pull_message(w->a, &m));
	assert_int_equal(m.header.type, XS_WRITE);
	assert_true(client_pull_message(w->a, &m));
	assert_int_equal(m.header.type, XS_WATCH_EVENT);
}

static void test_matches(void **state)
{
	struct world *w = *state;

	client_ok(w->a, XS_WATCH, 0, "d/x|t");
	client_event(w->a, "d/x", "t");
	client_write(w->a, 0, "d/xy", "");
	client_write(w->a, 0, "d", "");
	client_write(w->a, 0, "e/x", "");
	client_no_event(w->a);
	client_ok(w->a, XS_MKDIR, 0, "d/x");
	client_event(w->a, "d/x", "t");
	client_ok(w->a, XS_MKDIR, 0, "d/x"); /* is there: no change */
	client_no_event(w->a);
	client_write(w->a, 0, "d/x/a/b", "");
	client_event(w->a, "d/x/a/b", "t");
	client_no_event(w->a);
	client_ok(w->a, XS_SET_PERMS, 0, "d/x/a|n1|r2");
	client_event(w->a, "d/x/a", "t");
	client_ok(w->a, XS_RM, 0, "d/x/a/b");
	client_event(w->a, "d/x/a/b", "t");
	client_ok(w->a, XS_RM, 0, "d/x/a/b");
	client_no_event(w->a);
	/* The same value again is an event. */
	client_write(w->a, 0, "d/x", "");
	client_event(w->a, "d/x", "t");
	/* A watch on a node that a write makes on its way. */
	client_ok(w->a, XS_WATCH, 0, "m/n|u");
	client_event(w->a, "m/n", "u");
	client_write(w->a, 0, "m/n/o", "");
	client_event(w->a, "m/n/o", "u");
	client_no_event(w->a);
}

static void test_removal_above(void **state)
{
	struct world *w = *state;

	client_write(w->a, 0, "d/x/y", "");
	client_ok(w->a, XS_WATCH, 0, "d/x/y|1");
	client_ok(w->a, XS_WATCH, 0, "d/x/none|2");
	client_ok(w->a, XS_WATCH, 0, "/local/domain/1/d|3");
	client_ok(w->a, XS_WATCH, 0, "e|4");
	client_event(w->a, "d/x/y", "1");
	client_event(w->a, "d/x/none", "2");
	client_event(w->a, "/local/domain/1/d", "3");
	client_event(w->a, "e", "4");
	client_ok(w->a, XS_RM, 0, "d/x");
	client_event(w->a, "/local/domain/1/d/x", "3");
	client_event(w->a, "d/x/y", "1");
	client_event(w->a, "d/x/none", "2");
	client_no_event(w->a);
	client_write(w->a, 0, "d/x/y", "");
	client_event(w->a, "/local/domain/1/d/x/y", "3");
	client_event(w->a, "d/x/y", "1");
	assert_int_equal(xs_local_rm(w->xs, 0, "/local"), 0);
	client_event(w->a, "/local/domain/1/d", "3");
	client_event(w->a, "d/x/y", "1");
	client_event(w->a, "d/x/none", "2");
	client_event(w->a, "e", "4");
	client_no_event(w->a);
}

static void test_who_is_told(void **state)
{
	struct world *w = *state;

	client_ok(w->b, XS_WATCH, 0, "/|all");
	client_ok(w->b, XS_WATCH, 0, "/local/domain/1/p/q|below");
	client_event(w->b, "/", "all");
	client_event(w->b, "/local/domain/1/p/q", "below");
	client_write(w->a, 0, "p/q", "secret");
	client_ok(w->a, XS_RM, 0, "p");
	client_no_event(w->b);
	client_write(w->a, 0, "p", "");
	client_ok(w->a, XS_SET_PERMS, 0, "p|n1|r2");
	client_event(w->b, "/local/domain/1/p", "all");
	/* Readable, and then not: that too is told. */
	client_ok(w->a, XS_SET_PERMS, 0, "p|n1");
	client_event(w->b, "/local/domain/1/p", "all");
	client_write(w->a, 0, "p", "");
	client_no_event(w->b);
	/* In a readable directory all is told, since it may be listed. */
	client_ok(w->a, XS_SET_PERMS, 0, "p|n1|r2");
	client_event(w->b, "/local/domain/1/p", "all");
	client_write(w->a, 0, "p/q", "");
	client_event(w->b, "/local/domain/1/p/q", "all");
	client_event(w->b, "/local/domain/1/p/q", "below");
	client_ok(w->a, XS_SET_PERMS, 0, "p/q|n1");
	client_event(w->b, "/local/domain/1/p/q", "all");
	client_event(w->b, "/local/domain/1/p/q", "below");
	/* p goes, which is readable; q below is not. */
	client_ok(w->a, XS_RM, 0, "p");
	client_event(w->b, "/local/domain/1/p", "all");
	client_no_event(w->b);
}

/* A back end's nodes go with their directory; the front end that watches one hears of it. */
static void test_backend_removed(void **state)
{
	struct world *w = *state;

	local_write(w->xs, "/local/domain/0/backend/vbd/1/51712/state", "4");
	local_perms(w->xs, "/local/domain/0/backend/vbd/1/51712/state", "n0 r1");
	client_ok(w->a, XS_WATCH, 0, "/local/domain/0/backend/vbd/1/51712/state|be");
	client_event(w->a, "/local/domain/0/backend/vbd/1/51712/state", "be");
	assert_int_equal(xs_local_rm(w->xs, 0, "/local/domain/0/backend/vbd/1"), 0);
	client_event(w->a, "/local/domain/0/backend/vbd/1/51712/state", "be");
	client_no_event(w->a);
}

static unsigned int introduced, released;

static void count_special(void *ctx, const char *path, const char *token)
{
	(void)ctx;
	assert_string_equal(token, "s");
	if (strcmp(path, "@introduceDomain") == 0)
		introduced++;
	else if (strcmp(path, "@releaseDomain") == 0)
		released++;
	else
		fail_msg("%s", path);
}

static void test_special(void **state)
{
	struct world *w = *state;
	struct client *c;

	introduced = released = 0;
	assert_int_equal(xs_local_watch(w->xs, "@introduceDomain", "s", count_special, NULL), 0);
	assert_int_equal(xs_local_watch(w->xs, "@releaseDomain", "s", count_special, NULL), 0);
	assert_int_equal(xs_local_watch(w->xs, "@releaseDomain", "s", count_special, NULL),
			 -EEXIST);
	assert_int_equal(xs_local_watch(w->xs, "@other", "s", count_special, NULL), -EINVAL);
	assert_false(xs_local_dispatch(w->xs));
	assert_int_equal(introduced, 1);
	assert_int_equal(released, 1);
	local_write(w->xs, "/@introduceDomain/x", "a node, no event");
	assert_int_equal(xs_local_rm(w->xs, 0, "/@introduceDomain"), 0);
	assert_false(xs_local_dispatch(w->xs));
	assert_int_equal(introduced, 1);
	c = client_open(w->xs, 3);
	assert_false(xs_local_dispatch(w->xs));
	assert_int_equal(introduced, 2);
	xs_domain_release(w->xs, 3);
	xs_domain_release(w->xs, 3);
	assert_false(xs_local_dispatch(w->xs));
	assert_int_equal(released, 2);
	assert_int_equal(xs_local_unwatch(w->xs, "@releaseDomain", "s"), 0);
	assert_int_equal(xs_local_unwatch(w->xs, "@releaseDomain", "s"), -ENOENT);
	client_free(c);
	client_error(w->a, XS_WATCH, 0, "@introduceDomain|t", "EACCES");
	client_error(w->a, XS_WATCH, 0, "@releaseDomain|t", "EACCES");
	client_error(w->a, XS_UNWATCH, 0, "@releaseDomain|t", "EACCES");
	client_error(w->a, XS_WATCH, 0, "@x|t", "EINVAL");
}

static void test_reset(void **state)
{
	struct world *w = *state;
	u32 tx = client_begin(w->a);

	client_ok(w->a, XS_WATCH, 0, "a|1");
	client_ok(w->a, XS_WATCH, 0, "b|1");
	client_event(w->a, "a", "1");
	client_event(w->a, "b", "1");
	client_ok(w->a, XS_RESET_WATCHES, 0, "");
	client_write(w->a, 0, "a", "");
	client_no_event(w->a);
	client_error(w->a, XS_READ, tx, "a", "ENOENT");
	client_ok(w->a, XS_WATCH, 0, "a|1");
	client_event(w->a, "a", "1");
}

/* Events that wait when their watch ends are not sent, those of others are. */
static void test_unwatch_drops(void **state)
{
	struct world *w = *state;
	struct client_message m;
	unsigned int first = 0, second = 0;

	client_ok(w->a, XS_WATCH, 0, "a|1");
	client_ok(w->a, XS_WATCH, 0, "a|2");
	client_event(w->a, "a", "1");
	client_event(w->a, "a", "2");
	for (int i = 0; i < 100; i++)
		local_write(w->xs, "/local/domain/1/a", "");
	client_ok(w->a, XS_UNWATCH, 0, "a|1");
	local_write(w->xs, "/local/domain/1/a", "last");
	for (int quiet = 0; quiet < 2; quiet++) {
		for (; client_pull_message(w->a, &m); quiet = 0)
			second += m.body[2] == '2';
		assert_int_equal(xs_domain_service(w->xs, 1), 0);
	}
	for (size_t i = 0; i < w->a->event_count; i++) {
		first += w->a->events[i].body[2] == '1';
		second += w->a->events[i].body[2] == '2';
	}
	assert_true(first > 0 && first < 90); /* what was in the ring by then */
	assert_int_equal(second, 101);
}

static void test_errors(void **state)
{
	struct world *w = *state;
	char body[XS_PAYLOAD_MAX];
	const struct client_message *m;

	client_error(w->a, XS_WATCH, 0, "a", "EINVAL");
	client_error(w->a, XS_WATCH, 0, "a|t|x", "EINVAL");
	client_error(w->a, XS_WATCH, 0, "|t", "EINVAL");
	client_error(w->a, XS_WATCH, 0, "/a/|t", "EINVAL");
	client_error(w->a, XS_UNWATCH, 0, "a", "EINVAL");
	client_error(w->a, XS_UNWATCH, 0, "a|t", "ENOENT");
	/* An event of the longest path must hold the token. */
	memset(body, 't', sizeof(body));
	memcpy(body, "a", 2);
	body[2 + 1022] = '\0';
	m = client_call(w->a, XS_WATCH, 0, body, 2 + 1022 + 1);
	assert_string_equal(m->body, "OK");
	body[2 + 1022] = 't';
	body[2 + 1023] = '\0';
	m = client_call(w->a, XS_WATCH, 0, body, 2 + 1023 + 1);
	assert_string_equal(m->body, "EINVAL");
	/* An empty token is a token. */
	client_ok(w->a, XS_WATCH, 0, "b|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_before_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_matches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_above, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backend_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_special, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unwatch_drops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
