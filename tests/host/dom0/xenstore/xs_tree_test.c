/* SPDX-License-Identifier: BSD-2-Clause */
/* The store through the local client and release: values, parents, removal, ownership. */
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

static void test_values(void **state)
{
	struct xenstore *xs = client_server();
	char buf[16];
	u64 value;

	(void)state;
	local_write(xs, "/a/b/c", "one");
	local_reads(xs, "/a/b/c", "one");
	local_reads(xs, "/a/b", "");
	local_write(xs, "/a/b/c", "");
	local_reads(xs, "/a/b/c", "");
	assert_int_equal(xs_local_write(xs, 0, "/bin", "\0\xff\n", 3), 0);
	assert_int_equal(xs_local_read(xs, 0, "/bin", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "\0\xff\n", 4);
	assert_int_equal(xs_local_read(xs, 0, "/bin", buf, 3), -E2BIG);
	assert_int_equal(xs_local_read(xs, 0, "/bin", buf, 4), 3);
	assert_int_equal(xs_local_writef(xs, 0, "/n", "%u", 77u), 0);
	assert_int_equal(xs_local_read_u64(xs, 0, "/n", &value), 0);
	assert_int_equal(value, 77);
	assert_int_equal(xs_local_read_u64(xs, 0, "/a", &value), -EINVAL);
	assert_int_equal(xs_local_read_u64(xs, 0, "/none", &value), -ENOENT);
	local_write(xs, "relative/x", "r");
	local_reads(xs, "/local/domain/0/relative/x", "r");
	xenstore_destroy(xs);
}

static void test_bad_paths(void **state)
{
	struct xenstore *xs = client_server();

	(void)state;
	assert_int_equal(xs_local_write(xs, 0, "/a//b", "", 0), -EINVAL);
	assert_int_equal(xs_local_mkdir(xs, 0, "/a b"), -EINVAL);
	assert_int_equal(xs_local_rm(xs, 0, "/"), -EINVAL);
	assert_int_equal(xs_local_rm(xs, 0, ""), -EINVAL);
	assert_int_equal(xs_local_mkdir(xs, 0, "@introduceDomain"), -EINVAL);
	xenstore_destroy(xs);
}

static void test_rm(void **state)
{
	struct xenstore *xs = client_server();

	(void)state;
	local_write(xs, "/a/b/c", "1");
	local_write(xs, "/a/d", "2");
	assert_int_equal(xs_local_rm(xs, 0, "/a/none"), 0);
	assert_int_equal(xs_local_rm(xs, 0, "/a/none/deep"), -ENOENT);
	assert_int_equal(xs_local_rm(xs, 0, "/a/b"), 0);
	local_missing(xs, "/a/b/c");
	local_missing(xs, "/a/b");
	local_lists(xs, 0, "/a", "d");
	assert_int_equal(xs_local_mkdir(xs, 0, "/a/d"), 0);
	local_reads(xs, "/a/d", "2");
	xenstore_destroy(xs);
}

static void test_directory(void **state)
{
	struct xenstore *xs = client_server();
	char *names;
	size_t count;

	(void)state;
	local_write(xs, "/d/one", "");
	local_write(xs, "/d/two/x", "");
	local_write(xs, "/d/three", "");
	local_lists(xs, 0, "/d", "one|two|three");
	local_lists(xs, 0, "/d/one", "");
	assert_int_equal(xs_local_directory(xs, 0, "/e", &names, &count), -ENOENT);
	assert_null(names);
	xenstore_destroy(xs);
}

/* Deepest path there can be: nothing in the server recurses. */
static void test_deep(void **state)
{
	struct xenstore *xs = client_server();
	char path[3073];

	(void)state;
	for (size_t i = 0; i < 3072; i += 2)
		memcpy(path + i, "/x", 3);
	local_write(xs, path, "deep");
	local_reads(xs, path, "deep");
	assert_int_equal(xs_local_rm(xs, 0, "/x"), 0);
	local_missing(xs, path);
	local_write(xs, path, "again");
	xenstore_destroy(xs);
}

static void test_release(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c = client_open(xs, 5);

	(void)state;
	local_write(xs, "/shared/5", "");
	local_perms(xs, "/shared/5", "n5");
	local_write(xs, "/shared/5/inner", "toolstack");
	local_perms(xs, "/shared/5/inner", "n0");
	local_write(xs, "/other", "");
	local_perms(xs, "/other", "b0");
	client_write(c, 0, "/other/mine/deep", "x");
	local_write(xs, "/other/kept", "y");
	xs_domain_release(xs, 5);
	local_missing(xs, "/shared/5/inner");
	local_missing(xs, "/shared/5");
	local_lists(xs, 0, "/other", "kept");
	assert_false(xs_domain_introduced(xs, 5));
	assert_int_equal(xs_domain_service(xs, 5), -ENOENT);
	xs_domain_release(xs, 5); /* harmless */
	client_free(c);
	xenstore_destroy(xs);
}

/* Nodes made for a guest before it is introduced, which then never is. */
static void test_release_unknown(void **state)
{
	struct xenstore *xs = client_server();

	(void)state;
	local_write(xs, "/g", "");
	local_perms(xs, "/g", "n9");
	xs_domain_release(xs, 9);
	local_missing(xs, "/g");
	local_perms(xs, "/", "n9");
	xs_domain_release(xs, 9);
	local_lists(xs, 0, "/", "");
	xs_domain_release(xs, 0);
	xs_domain_release(xs, 0x7ff4);
	local_write(xs, "/still", "here");
	xenstore_destroy(xs);
}

/* The second guest of an id has no rights of the first. */
static void test_id_again(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c = client_open(xs, 5);
	struct xs_perm perms[4];

	(void)state;
	local_write(xs, "/secret", "s");
	local_perms(xs, "/secret", "n0 r5 r6");
	client_reads(c, 0, "/secret", "s");
	xs_domain_release(xs, 5);
	client_free(c);
	c = client_open(xs, 5);
	client_error(c, XS_READ, 0, "/secret", "EACCES");
	assert_int_equal(xs_local_get_perms(xs, 0, "/secret", perms, 4), 2);
	assert_int_equal(perms[1].domid, 6);
	/* Nor do copies of the list bring them back. */
	local_write(xs, "/secret/below", "t");
	local_write(xs, "/secret", "s2");
	client_error(c, XS_READ, 0, "/secret/below", "EACCES");
	client_error(c, XS_READ, 0, "/secret", "EACCES");
	local_perms(xs, "/secret", "n0 r5");
	client_reads(c, 0, "/secret", "s2");
	xenstore_destroy(xs);
	client_free(c);
}

static void test_introduce_errors(void **state)
{
	struct xenstore *xs = client_server();
	struct client *c = client_open(xs, 5);

	(void)state;
	assert_int_equal(xs_domain_introduce(xs, 5, &c->page, NULL, NULL), -EINVAL);
	assert_int_equal(xs_domain_introduce(xs, 0, &c->page, (xs_notify_fn)(void *)c, c), -EINVAL);
	assert_int_equal(xs_domain_introduce(xs, 5, &c->page, (xs_notify_fn)(void *)c, c), -EEXIST);
	assert_int_equal(xs_domain_introduce(xs, 0x7ff0, &c->page, (xs_notify_fn)(void *)c, c),
			 -EINVAL);
	assert_int_equal(c->page.server_features, 2);
	assert_int_equal(c->page.connection, 0);
	xenstore_destroy(xs);
	client_free(c);
}

/* Two servers know nothing of each other. */
static void test_instances(void **state)
{
	struct xenstore *a = client_server(), *b = client_server();

	(void)state;
	local_write(a, "/x", "a");
	local_missing(b, "/x");
	xenstore_destroy(a);
	xenstore_destroy(b);
	xenstore_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_rm),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_unknown),
		cmocka_unit_test(test_id_again),
		cmocka_unit_test(test_introduce_errors),
		cmocka_unit_test(test_instances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
