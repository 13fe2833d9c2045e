/* SPDX-License-Identifier: BSD-2-Clause */
/* Permissions as guests meet them, over the ring. */
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
	local_perms(w->xs, "/local/domain/1", "n0 r1");
	local_write(w->xs, "/local/domain/1/data", "");
	local_perms(w->xs, "/local/domain/1/data", "n1");
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

static void test_read_only(void **state)
{
	struct world *w = *state;

	local_write(w->xs, "/local/domain/1/name", "guest");
	client_reads(w->a, 0, "name", "guest");
	client_reads(w->a, 0, "/local/domain/1/name", "guest");
	client_error(w->a, XS_WRITE, 0, "name|x", "EACCES");
	client_error(w->a, XS_WRITE, 0, "new|x", "EACCES");
	client_error(w->a, XS_MKDIR, 0, "new", "EACCES");
	client_error(w->a, XS_RM, 0, "name", "EACCES");
	client_error(w->a, XS_READ, 0, "none", "ENOENT");
	client_error(w->a, XS_SET_PERMS, 0, "name|n1", "EACCES");
	client_answer(w->a, XS_GET_PERMS, 0, "name", "n0|r1|");
}

static void test_stranger(void **state)
{
	struct world *w = *state;

	client_write(w->a, 0, "data/x", "1");
	client_error(w->b, XS_READ, 0, "/local/domain/1/data/x", "EACCES");
	client_error(w->b, XS_READ, 0, "/local/domain/1/data/none", "EACCES");
	client_error(w->b, XS_READ, 0, "/local/domain/1/none", "EACCES");
	client_error(w->b, XS_DIRECTORY, 0, "/local/domain/1", "EACCES");
	client_error(w->b, XS_GET_PERMS, 0, "/local/domain/1/data", "EACCES");
	client_error(w->b, XS_RM, 0, "/local/domain/1/data", "EACCES");
	client_error(w->b, XS_RM, 0, "/local/domain/1/data/none", "EACCES");
	client_error(w->b, XS_DIRECTORY, 0, "/", "EACCES");
	client_error(w->b, XS_WRITE, 0, "/new|x", "EACCES");
}

static void test_grant(void **state)
{
	struct world *w = *state;

	client_write(w->a, 0, "data/x", "1");
	client_ok(w->a, XS_SET_PERMS, 0, "data/x|n1|r2");
	client_reads(w->b, 0, "/local/domain/1/data/x", "1");
	client_error(w->b, XS_WRITE, 0, "/local/domain/1/data/x|2", "EACCES");
	client_ok(w->a, XS_SET_PERMS, 0, "data/x|n1|w2");
	client_error(w->b, XS_READ, 0, "/local/domain/1/data/x", "EACCES");
	client_write(w->b, 0, "/local/domain/1/data/x", "2");
	client_ok(w->a, XS_SET_PERMS, 0, "data/x|n1|b2");
	client_reads(w->b, 0, "/local/domain/1/data/x", "2");
	client_error(w->b, XS_SET_PERMS, 0, "/local/domain/1/data/x|n2", "EACCES");
	client_ok(w->a, XS_SET_PERMS, 0, "data/x|b1|n2");
	client_error(w->b, XS_READ, 0, "/local/domain/1/data/x", "EACCES");
	client_ok(w->a, XS_SET_PERMS, 0, "data/x|r1");
	client_reads(w->b, 0, "/local/domain/1/data/x", "2");
}

static void test_inheritance(void **state)
{
	struct world *w = *state;

	client_ok(w->a, XS_SET_PERMS, 0, "data|n1|b2");
	client_write(w->b, 0, "/local/domain/1/data/p/q", "from 2");
	client_answer(w->b, XS_GET_PERMS, 0, "/local/domain/1/data/p", "n2|b2|");
	client_answer(w->b, XS_GET_PERMS, 0, "/local/domain/1/data/p/q", "n2|b2|");
	client_error(w->a, XS_READ, 0, "data/p/q", "EACCES");
	/* The control domain's nodes keep the parent's owner. */
	local_write(w->xs, "/local/domain/1/data/t/u", "");
	client_answer(w->a, XS_GET_PERMS, 0, "data/t/u", "n1|b2|");
	/* Who may write a directory's node may delete it, whoever owns what is below. */
	client_ok(w->a, XS_RM, 0, "data");
	local_missing(w->xs, "/local/domain/1/data/p/q");
}

static void test_set_perms_errors(void **state)
{
	struct world *w = *state;

	client_error(w->a, XS_SET_PERMS, 0, "data|n2", "EPERM");
	client_error(w->a, XS_SET_PERMS, 0, "data|n2|b1", "EPERM");
	client_error(w->a, XS_SET_PERMS, 0, "data|x1", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data|n", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data|n1|", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data|n1|r65536", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data|n-1", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data|1", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data", "EINVAL");
	client_error(w->a, XS_SET_PERMS, 0, "data/none|n1", "ENOENT");
	client_error(w->a, XS_SET_PERMS, 0, "data|n1|r2|r3|r4|r5|r6", "ENOSPC");
	client_ok(w->a, XS_SET_PERMS, 0, "data|n1|r2|r3|r4|r65535");
	assert_int_equal(xs_local_set_perms(w->xs, 0, "/local", &(struct xs_perm){'n', 0x7ff0}, 1),
			 -EINVAL);
	assert_int_equal(xs_local_set_perms(w->xs, 0, "/local", NULL, 0), -EINVAL);
}

static void test_in_transaction(void **state)
{
	struct world *w = *state;
	u32 tx = client_begin(w->a);

	client_write(w->a, tx, "data/x", "1");
	client_ok(w->a, XS_SET_PERMS, tx, "data/x|n1|r2");
	client_answer(w->a, XS_GET_PERMS, tx, "data/x", "n1|r2|");
	client_error(w->a, XS_WRITE, tx, "name|x", "EACCES");
	client_end(w->a, tx, true, "OK");
	client_reads(w->b, 0, "/local/domain/1/data/x", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stranger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inheritance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_perms_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_transaction, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
