/* SPDX-License-Identifier: BSD-2-Clause */
/* Out of memory at every single allocation: an error, never a crash, leak or half-done change. */
// links: dom0/xenstore/xs_commit.c dom0/xenstore/xs_domain.c dom0/xenstore/xs_event.c
// links: dom0/xenstore/xs_guest_tree.c dom0/xenstore/xs_local.c dom0/xenstore/xs_names.c
// links: dom0/xenstore/xs_ops.c dom0/xenstore/xs_path.c dom0/xenstore/xs_perm.c
// links: dom0/xenstore/xs_ring.c dom0/xenstore/xs_transaction.c dom0/xenstore/xs_tree.c
// links: dom0/xenstore/xs_watch.c dom0/xenstore/xs_wire.c tests/host/dom0/xenstore/xs_client.c
// libs: -Wl,--wrap=malloc -Wl,--wrap=calloc

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dom0/xenstore/xenstore.h>
#include <tests/host/dom0/xenstore/xs_client.h>

#include <dom0/xenstore/xs_guest_tree.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long countdown = -1; /* allocations until one fails; negative: none will */
static bool keep_failing, failed;

static bool fails(void)
{
	if (countdown < 0)
		return false;
	if (countdown > 0) {
		countdown--;
		return false;
	}
	if (!keep_failing)
		countdown = -1;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

static void nothing(void *ctx, const char *path, const char *token)
{
	(void)path;
	(void)token;
	++*(unsigned int *)ctx;
}

static void no_notify(void *ctx, domid_t domid)
{
	(void)ctx;
	(void)domid;
}

static void send(struct client *c, u32 type, u32 tx, const void *body, size_t len)
{
	struct client_message m;
	bool reply = false;

	assert_true(client_send(c, type, tx, body, len));
	while (!reply) {
		assert_int_equal(xs_domain_service(c->xs, c->domid), 0);
		while (client_pull_message(c, &m))
			reply = reply || m.header.type != XS_WATCH_EVENT;
	}
	if (m.header.type == XS_ERROR && type != 99)
		assert_true(strcmp(m.body, "ENOMEM") == 0 || strcmp(m.body, "ENOENT") == 0 ||
			    strcmp(m.body, "EACCES") == 0);
}

/* Something of everything. Results are checked for sanity only. */
static void scenario(struct client *c, unsigned int *events)
{
	const struct xenstore_config config = {.hash_seed = 1};
	const struct xs_guest guest = {.domid = 1,
				       .name = "n",
				       .uuid = "7d444840-9dc0-11d1-b245-5ffdce74fad2",
				       .vcpus = 1,
				       .vcpus_online = 1,
				       .console_tty = ""};
	struct xenstore *xs = xenstore_create(&config);
	xs_tx_id tx;
	char value[16];
	char *names;
	size_t count;
	int rc;

	if (xs == NULL)
		return;
	memset(&c->page, 0, sizeof(c->page));
	c->xs = xs;
	c->domid = 1;
	c->partial_len = 0;
	rc = xs_local_watch(xs, "/local/domain/1", "t", nothing, events);
	assert_true(rc == 0 || rc == -ENOMEM);
	rc = xs_guest_tree_write(xs, &guest);
	assert_true(rc == 0 || rc == -ENOMEM);
	/* Whole or not at all. */
	assert_int_equal(xs_local_read(xs, 0, "/local/domain/1/name", value, sizeof(value)) ==
				 -ENOENT,
			 rc != 0);
	rc = xs_domain_introduce(xs, 1, &c->page, no_notify, NULL);
	assert_true(rc == 0 || rc == -ENOMEM);
	if (rc == 0) {
		send(c, XS_WATCH, 0, "data\0tok", 9);
		send(c, XS_WRITE, 0, "data/a/b\0value", 14);
		send(c, XS_TRANSACTION_START, 0, "", 1);
		send(c, XS_WRITE, 1, "data/x/y/z\0value", 16);
		send(c, XS_RM, 1, "data/a", 7);
		send(c, XS_SET_PERMS, 1, "data/x\0n1\0r2", 13);
		send(c, XS_TRANSACTION_END, 1, "T", 2);
		send(c, XS_GET_PERMS, 0, "data/x", 7);
		send(c, XS_DIRECTORY, 0, "data", 5);
		send(c, XS_UNWATCH, 0, "data\0tok", 9);
	}
	rc = xs_local_tx_start(xs, &tx);
	if (rc == 0) {
		rc = xs_local_write(xs, tx, "/made/in/tx", "x", 1);
		assert_true(rc == 0 || rc == -ENOMEM);
		rc = xs_local_set_perms(xs, tx, "/made", &(struct xs_perm){'n', 700}, 1);
		assert_true(rc == 0 || rc == -ENOMEM || rc == -ENOENT);
		rc = xs_local_tx_end(xs, tx, true);
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	rc = xs_local_directory(xs, 0, "/", &names, &count);
	assert_true(rc == 0 || rc == -ENOMEM);
	if (rc == 0)
		free(names);
	(void)xs_local_dispatch(xs);
	xs_domain_release(xs, 700);
	xs_domain_release(xs, 1);
	rc = xs_guest_tree_remove(xs, 1);
	assert_true(rc == 0 || rc == -ENOMEM);
	xenstore_destroy(xs);
}

static void every_allocation(bool keep)
{
	struct client *c = __real_calloc(1, sizeof(*c));
	unsigned int events = 0;
	long n = 0;

	keep_failing = keep;
	do {
		failed = false;
		countdown = n++;
		scenario(c, &events);
		countdown = -1;
	} while (failed);
	assert_true(n > 200);
	assert_true(events > 0);
	client_free(c);
}

static void test_one(void **state)
{
	(void)state;
	every_allocation(false);
}

static void test_from_then_on(void **state)
{
	(void)state;
	every_allocation(true);
}

/* An event that found no memory is made up for. */
static void test_event(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c = client_open(xs, 1);

	(void)state;
	local_write(xs, "/w", "");
	local_perms(xs, "/w", "b0");
	client_ok(c, XS_WATCH, 0, "/w|t");
	client_event(c, "/w", "t");
	/* A domain that comes and goes allocates only for its event. */
	client_write(c, 0, "/w/mine", "");
	client_event(c, "/w/mine", "t");
	keep_failing = true;
	countdown = 0;
	xs_domain_release(xs, 9);
	assert_int_equal(xs_local_rm(xs, 0, "/w"), -ENOMEM);
	countdown = -1;
	client_no_event(c);
	for (long n = 0; n < 10; n++) {
		keep_failing = false;
		countdown = n;
		failed = false;
		if (xs_local_write(xs, 0, "/w", "x", 1) == 0)
			break;
		client_no_event(c);
	}
	countdown = -1;
	assert_true(failed); /* the last allocation is the event's */
	client_event(c, "/w", "t");
	client_no_event(c);
	xenstore_destroy(xs);
	client_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_from_then_on),
		cmocka_unit_test(test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
