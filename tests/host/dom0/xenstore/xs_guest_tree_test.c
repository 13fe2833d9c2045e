/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of a new guest: contents and permissions as its kernel needs them, and removal. */
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

#include <dom0/xenstore/xs_guest_tree.h>

#define UUID "7d444840-9dc0-11d1-b245-5ffdce74fad2"

static const struct xs_guest guest = {
	.domid = 7,
	.name = "first guest",
	.uuid = UUID,
	.vcpus = 3,
	.vcpus_online = 2,
	.memory_max_kib = 262144,
	.memory_target_kib = 262144,
	.store_port = 1,
	.store_ring_gfn = 0xfeffc,
	.console_port = 2,
	.console_ring_gfn = 0xfefff,
	.console_limit_bytes = 65536,
	.console_tty = "",
};

static void test_contents(void **state)
{
	struct xenstore *xs = client_server();

	(void)state;
	assert_int_equal(xs_guest_tree_write(xs, &guest), 0);
	local_reads(xs, "/local/domain/7/name", "first guest");
	local_reads(xs, "/local/domain/7/domid", "7");
	local_reads(xs, "/local/domain/7/vm", "/vm/" UUID);
	local_reads(xs, "/local/domain/7/cpu/0/availability", "online");
	local_reads(xs, "/local/domain/7/cpu/1/availability", "online");
	local_reads(xs, "/local/domain/7/cpu/2/availability", "offline");
	local_lists(xs, 0, "/local/domain/7/cpu", "0|1|2");
	local_reads(xs, "/local/domain/7/memory/static-max", "262144");
	local_reads(xs, "/local/domain/7/memory/target", "262144");
	local_reads(xs, "/local/domain/7/store/port", "1");
	local_reads(xs, "/local/domain/7/store/ring-ref", "1044476");
	local_reads(xs, "/local/domain/7/console/ring-ref", "1044479");
	local_reads(xs, "/local/domain/7/console/limit", "65536");
	local_reads(xs, "/local/domain/7/control/platform-feature-xs_reset_watches", "1");
	local_reads(xs, "/vm/" UUID "/uuid", UUID);
	assert_int_equal(xs_guest_tree_write(xs, &guest), -EEXIST);
	xenstore_destroy(xs);
}

static void test_perms(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c, *other;

	(void)state;
	assert_int_equal(xs_guest_tree_write(xs, &guest), 0);
	c = client_open(xs, 7);
	other = client_open(xs, 8);
	client_answer(c, XS_GET_PERMS, 0, "memory", "n0|r7|");
	client_answer(c, XS_GET_PERMS, 0, "cpu/1/availability", "n0|r7|");
	client_answer(c, XS_GET_PERMS, 0, "control/shutdown", "n7|");
	client_answer(c, XS_GET_PERMS, 0, "/vm/" UUID "/uuid", "n0|r7|");
	client_error(c, XS_WRITE, 0, "memory/target|1", "EACCES");
	client_error(c, XS_WRITE, 0, "control/other|1", "EACCES");
	client_error(c, XS_WRITE, 0, "device/vbd|1", "EACCES");
	client_write(c, 0, "control/shutdown", "");
	client_write(c, 0, "control/feature-poweroff", "1");
	client_write(c, 0, "control/sysrq", "");
	client_write(c, 0, "data/mine/deep", "1");
	client_write(c, 0, "attr/vif/0/ipv4/0", "10");
	client_write(c, 0, "device/suspend/event-channel", "9");
	client_error(other, XS_READ, 0, "/local/domain/7/name", "EACCES");
	client_error(other, XS_READ, 0, "/vm/" UUID "/uuid", "EACCES");
	xenstore_destroy(xs);
	client_free(c);
	client_free(other);
}

static void test_remove(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(xs_guest_tree_write(xs, &guest), 0);
		c = client_open(xs, 7);
		client_write(c, 0, "data/x", "1");
		local_write(xs, "/local/domain/7/device/vif/0/mac", "");
		if (i == 1)
			xs_domain_release(xs, 7); /* before or after the tree goes */
		assert_int_equal(xs_guest_tree_remove(xs, 7), 0);
		xs_domain_release(xs, 7);
		client_free(c);
		local_lists(xs, 0, "/local/domain", "");
		local_lists(xs, 0, "/vm", "");
	}
	assert_int_equal(xs_guest_tree_remove(xs, 7), 0);
	assert_int_equal(xs_guest_tree_remove(xs, 0), -EINVAL);
	/* Whatever vm says, nothing else is removed. */
	local_write(xs, "/local/domain/7/vm", "/local");
	assert_int_equal(xs_guest_tree_remove(xs, 7), 0);
	local_lists(xs, 0, "/local", "domain");
	xenstore_destroy(xs);
}

static void test_refused(void **state)
{
	struct xenstore *xs = client_server();
	struct xs_guest bad = guest;

	(void)state;
	bad.domid = 0;
	assert_int_equal(xs_guest_tree_write(xs, &bad), -EINVAL);
	bad = guest;
	bad.uuid = "short";
	assert_int_equal(xs_guest_tree_write(xs, &bad), -EINVAL);
	bad.uuid = "7d444840-9dc0-11d1-b245-5ffdce74fad/";
	assert_int_equal(xs_guest_tree_write(xs, &bad), -EINVAL);
	bad = guest;
	bad.vcpus = 0;
	assert_int_equal(xs_guest_tree_write(xs, &bad), -EINVAL);
	/* The same uuid for another domain: nothing is written. */
	assert_int_equal(xs_guest_tree_write(xs, &guest), 0);
	bad = guest;
	bad.domid = 8;
	assert_int_equal(xs_guest_tree_write(xs, &bad), -EEXIST);
	local_lists(xs, 0, "/local/domain", "7");
	xenstore_destroy(xs);
}

static unsigned int changes;

static void count(void *ctx, const char *path, const char *token)
{
	(void)ctx;
	(void)path;
	(void)token;
	changes++;
}

/* Thousands of guests: creating one more must not look at the others. */
static void test_many(void **state)
{
	struct xenstore *xs = client_server();
	struct xs_guest g = guest;
	char uuid[40];

	(void)state;
	assert_int_equal(xs_local_watch(xs, "/local/domain/999/name", "t", count, NULL), 0);
	g.uuid = uuid;
	for (u32 i = 1; i <= 1500; i++) {
		snprintf(uuid, sizeof(uuid), "%08x-9dc0-11d1-b245-5ffdce74fad2", i);
		g.domid = (domid_t)i;
		assert_int_equal(xs_guest_tree_write(xs, &g), 0);
	}
	assert_false(xs_local_dispatch(xs));
	/* Set, written, and the permissions of a directory above are not the watched node's. */
	assert_int_equal(changes, 2);
	for (u32 i = 1; i <= 1500; i++) {
		assert_int_equal(xs_guest_tree_remove(xs, (domid_t)i), 0);
		xs_domain_release(xs, (domid_t)i);
	}
	local_lists(xs, 0, "/local/domain", "");
	xenstore_destroy(xs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents), cmocka_unit_test(test_perms),
		cmocka_unit_test(test_remove),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
