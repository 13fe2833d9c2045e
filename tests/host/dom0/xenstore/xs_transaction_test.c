/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions: isolation, conflicts, order of events, and a random comparison with serial runs. */
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

static xs_tx_id begin(struct xenstore *xs)
{
	xs_tx_id tx;

	assert_int_equal(xs_local_tx_start(xs, &tx), 0);
	return tx;
}

static int put(struct xenstore *xs, xs_tx_id tx, const char *path, const char *value)
{
	return xs_local_write(xs, tx, path, value, strlen(value));
}

static void reads(struct xenstore *xs, xs_tx_id tx, const char *path, const char *value)
{
	char buf[64];
	int rc = xs_local_read(xs, tx, path, buf, sizeof(buf));

	if (value == NULL) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_true(rc >= 0);
	assert_string_equal(buf, value);
}

static void test_isolation(void **state)
{
	struct xenstore *xs = client_server();
	xs_tx_id tx;

	(void)state;
	local_write(xs, "/a/keep", "k");
	local_write(xs, "/a/old", "o");
	tx = begin(xs);
	assert_int_equal(put(xs, tx, "/a/new/deep", "n"), 0);
	assert_int_equal(xs_local_rm(xs, tx, "/a/old"), 0);
	assert_int_equal(put(xs, tx, "/a/keep", "changed"), 0);
	reads(xs, tx, "/a/new/deep", "n");
	reads(xs, tx, "/a/old", NULL);
	reads(xs, tx, "/a/keep", "changed");
	local_lists(xs, tx, "/a", "keep|new");
	reads(xs, 0, "/a/new", NULL);
	reads(xs, 0, "/a/old", "o");
	reads(xs, 0, "/a/keep", "k");
	local_lists(xs, 0, "/a", "keep|old");
	assert_int_equal(xs_local_tx_end(xs, tx, true), 0);
	local_lists(xs, 0, "/a", "keep|new");
	reads(xs, 0, "/a/keep", "changed");
	assert_int_equal(xs_local_tx_end(xs, tx, true), -ENOENT);
	assert_int_equal(put(xs, tx, "/a", ""), -ENOENT);
	xenstore_destroy(xs);
}

static void test_abort(void **state)
{
	struct xenstore *xs = client_server();
	xs_tx_id tx = begin(xs);

	(void)state;
	assert_int_equal(put(xs, tx, "/a", "1"), 0);
	assert_int_equal(xs_local_tx_end(xs, tx, false), 0);
	local_missing(xs, "/a");
	xenstore_destroy(xs);
}

static void test_remove_and_make_again(void **state)
{
	struct xenstore *xs = client_server();
	xs_tx_id tx;

	(void)state;
	local_write(xs, "/a/b/c", "old");
	local_write(xs, "/a/b/d", "old");
	local_perms(xs, "/a/b", "r3");
	tx = begin(xs);
	assert_int_equal(put(xs, tx, "/a/b/c", "lost"), 0);
	assert_int_equal(xs_local_rm(xs, tx, "/a/b"), 0);
	reads(xs, tx, "/a/b/c", NULL);
	assert_int_equal(put(xs, tx, "/a/b/e", "new"), 0);
	reads(xs, tx, "/a/b/d", NULL);
	local_lists(xs, tx, "/a/b", "e");
	local_lists(xs, tx, "/a", "b");
	assert_int_equal(xs_local_rm(xs, tx, "/a/b/e"), 0);
	assert_int_equal(put(xs, tx, "/a/b/f", "f"), 0);
	/* Made and removed: no trace. */
	assert_int_equal(put(xs, tx, "/tmp/x/y", "f"), 0);
	assert_int_equal(xs_local_rm(xs, tx, "/tmp"), 0);
	assert_int_equal(xs_local_tx_end(xs, tx, true), 0);
	local_lists(xs, 0, "/a/b", "f");
	local_lists(xs, 0, "/", "a");
	xenstore_destroy(xs);
}

/* For each: what the transaction does, what happens outside meanwhile, the outcome. */
static const struct {
	const char *tx_op, *outside_op; /* r read, w write, d list, x remove; then the path */
	int result;
} conflicts[] = {
	{"r/s/a", "w/s/a", -EAGAIN},
	{"r/s/a", "w/s/b", 0},
	{"r/s/a", "x/s/a", -EAGAIN},
	{"r/s/none", "w/s/none", -EAGAIN},
	{"r/s/none", "w/s/other", 0},
	{"w/s/a", "w/s/a", -EAGAIN},
	{"w/s/n1", "w/s/n2", 0},
	{"w/s/n1", "w/s/n1", -EAGAIN},
	{"w/s/n/1", "w/s/n/2", -EAGAIN},
	{"d/s", "w/s/new", -EAGAIN},
	{"d/s", "w/s/a", 0},
	{"d/s", "x/s/a", -EAGAIN},
	{"x/s", "w/s/new", 0},
	{"x/s/a", "x/s/a", -EAGAIN},
	{"x/s/none", "w/s/none", -EAGAIN},
	{"w/s/a", "x/s", -EAGAIN},
	{"w/s/n", "x/s", -EAGAIN},
	{"d/s", "x/s", -EAGAIN},
	{"r/s/a", "r/s/a", 0},
	{"r/s/a/b/c", "w/s/a/b", -EAGAIN},
};

static void run(struct xenstore *xs, xs_tx_id tx, const char *op)
{
	char buf[64], *names;
	size_t count;
	int rc = -EINVAL;

	if (op[0] == 'r')
		rc = xs_local_read(xs, tx, op + 1, buf, sizeof(buf));
	else if (op[0] == 'w')
		rc = put(xs, tx, op + 1, tx != 0 ? "inside" : "outside");
	else if (op[0] == 'x')
		rc = xs_local_rm(xs, tx, op + 1);
	else if (op[0] == 'd' && (rc = xs_local_directory(xs, tx, op + 1, &names, &count)) == 0)
		free(names);
	assert_true(rc >= 0 || rc == -ENOENT);
}

static void test_conflicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
		struct xenstore *xs = client_server();
		xs_tx_id tx;
		int rc;

		local_write(xs, "/s/a", "1");
		local_write(xs, "/s/b", "1");
		tx = begin(xs);
		run(xs, tx, conflicts[i].tx_op);
		run(xs, 0, conflicts[i].outside_op);
		assert_int_equal(put(xs, tx, "/mark", "1"), 0);
		rc = xs_local_tx_end(xs, tx, true);
		if (rc != conflicts[i].result)
			fail_msg("%s against %s: %d", conflicts[i].tx_op, conflicts[i].outside_op,
				 rc);
		if (rc == 0)
			local_reads(xs, "/mark", "1");
		else
			local_missing(xs, "/mark");
		xenstore_destroy(xs);
	}
}

static void test_two_transactions(void **state)
{
	struct xenstore *xs = client_server();
	struct client *a = client_open(xs, 1);
	u32 t1, t2;

	(void)state;
	local_write(xs, "/s", "0");
	local_perms(xs, "/s", "b0");
	t1 = client_begin(a);
	t2 = client_begin(a);
	assert_int_not_equal(t1, t2);
	client_reads(a, t1, "/s", "0");
	client_reads(a, t2, "/s", "0");
	client_write(a, t1, "/s", "1");
	client_write(a, t2, "/s", "2");
	client_end(a, t2, true, "OK");
	client_end(a, t1, true, "EAGAIN");
	local_reads(xs, "/s", "2");
	client_end(a, t1, true, "ENOENT");
	/* Making different children of one directory is no conflict. */
	t1 = client_begin(a);
	t2 = client_begin(a);
	client_write(a, t1, "/s/1", "");
	client_write(a, t2, "/s/2", "");
	client_end(a, t1, true, "OK");
	client_end(a, t2, true, "OK");
	local_lists(xs, 0, "/s", "1|2");
	xenstore_destroy(xs);
	client_free(a);
}

static void test_protocol(void **state)
{
	struct xenstore *xs = client_server();
	struct client *a = client_open(xs, 1), *b = client_open(xs, 2);
	u32 tx = client_begin(a);

	(void)state;
	client_error(a, XS_TRANSACTION_START, tx, "", "EBUSY");
	client_error(a, XS_TRANSACTION_END, 0, "T", "ENOENT");
	client_error(a, XS_TRANSACTION_END, tx, "X", "EINVAL");
	client_error(a, XS_TRANSACTION_END, tx, "", "EINVAL");
	client_error(a, XS_READ, tx + 1, "/s", "ENOENT");
	client_error(b, XS_READ, tx, "/s", "ENOENT"); /* ids are each client's own */
	client_end(a, tx, false, "OK");
	client_error(a, XS_READ, tx, "/s", "ENOENT");
	/* One left open ends with the domain. */
	(void)client_begin(a);
	xs_domain_release(xs, 1);
	client_free(a);
	xenstore_destroy(xs);
	client_free(b);
}

static void test_release_meanwhile(void **state)
{
	struct xenstore *xs = client_server();
	struct client *a = client_open(xs, 1);
	xs_tx_id tx;

	(void)state;
	local_write(xs, "/s", "");
	local_perms(xs, "/s", "n0 r1");
	tx = begin(xs);
	assert_int_equal(put(xs, tx, "/s/copy", "of the list"), 0);
	xs_domain_release(xs, 1);
	assert_int_equal(xs_local_tx_end(xs, tx, true), -EAGAIN);
	local_missing(xs, "/s/copy");
	xenstore_destroy(xs);
	client_free(a);
}

static void test_events(void **state)
{
	struct xenstore *xs = client_server();
	struct client *a = client_open(xs, 1);
	xs_tx_id tx;

	(void)state;
	local_write(xs, "/s/gone/x", "");
	local_perms(xs, "/s", "r0");
	client_ok(a, XS_WATCH, 0, "/s|t");
	client_event(a, "/s", "t");
	tx = begin(xs);
	assert_int_equal(put(xs, tx, "/s/2", "x"), 0);
	assert_int_equal(put(xs, tx, "/s/1/deep", "x"), 0);
	assert_int_equal(xs_local_rm(xs, tx, "/s/gone"), 0);
	assert_int_equal(put(xs, tx, "/s/2", "y"), 0);
	assert_int_equal(put(xs, tx, "/s/tmp", "y"), 0);
	assert_int_equal(xs_local_rm(xs, tx, "/s/tmp"), 0);
	client_no_event(a);
	assert_int_equal(xs_local_tx_end(xs, tx, true), 0);
	client_event(a, "/s/2", "t");
	client_event(a, "/s/1/deep", "t");
	client_event(a, "/s/gone", "t");
	client_no_event(a);
	tx = begin(xs);
	assert_int_equal(put(xs, tx, "/s/2", "z"), 0);
	assert_int_equal(xs_local_tx_end(xs, tx, false), 0);
	client_no_event(a);
	xenstore_destroy(xs);
	client_free(a);
}

/* Random transactions beside random writes. The twin store gets each transaction's operations in
 * one go when it commits: answers and contents must be the same as if it had run just then. */
#define STEPS 40

struct step {
	char op, path[32], value[8], answer[256];
};

static u32 seed;

static u32 draw(u32 n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % n;
}

static void draw_path(char *path)
{
	static const char *const names[] = {"a", "b", "c"};
	u32 depth = 1 + draw(3);

	path[0] = '\0';
	for (u32 i = 0; i < depth; i++) {
		strcat(path, "/");
		strcat(path, names[draw(3)]);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)(uintptr_t)a, *(char *const *)(uintptr_t)b);
}

/* The order of a listing is not part of the comparison. */
static void list(struct xenstore *xs, xs_tx_id tx, const char *path, char *answer)
{
	char *names, *sorted[16], *name;
	size_t count;
	int rc = xs_local_directory(xs, tx, path, &names, &count);

	sprintf(answer, "%d", rc);
	name = names;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = name;
		name += strlen(name) + 1;
	}
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 0; i < count; i++)
		sprintf(answer + strlen(answer), " %s", sorted[i]);
	free(names);
}

static void perform(struct xenstore *xs, xs_tx_id tx, const struct step *s, char *answer)
{
	char buf[64] = "";
	int rc = 0;

	switch (s->op) {
	case 0:
		rc = xs_local_read(xs, tx, s->path, buf, sizeof(buf));
		break;
	case 1:
		rc = put(xs, tx, s->path, s->value);
		break;
	case 2:
		rc = xs_local_rm(xs, tx, s->path);
		break;
	case 3:
		rc = xs_local_mkdir(xs, tx, s->path);
		break;
	default:
		list(xs, tx, s->path, answer);
		return;
	}
	sprintf(answer, "%d %s", rc, buf);
}

static void draw_step(struct step *s)
{
	s->op = (char)draw(5);
	draw_path(s->path);
	sprintf(s->value, "%u", draw(1000));
}

static void dump(struct xenstore *xs, const char *path, char *out)
{
	char *names, child[64], value[64] = "", *name, *sorted[16];
	size_t count;

	if (xs_local_directory(xs, 0, path, &names, &count) != 0)
		return;
	assert_true(xs_local_read(xs, 0, path, value, sizeof(value)) >= 0);
	sprintf(out + strlen(out), "%s=%s\n", path, value);
	name = names;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = name;
		name += strlen(name) + 1;
	}
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 0; i < count; i++) {
		sprintf(child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, sorted[i]);
		dump(xs, child, out);
	}
	free(names);
}

static void same(struct xenstore *xs, struct xenstore *twin)
{
	static char one[65536], two[65536];

	one[0] = two[0] = '\0';
	dump(xs, "/", one);
	dump(twin, "/", two);
	assert_string_equal(one, two);
}

/* One transaction with some writes of others in between; true if it committed. */
static bool random_round(struct xenstore *xs, struct xenstore *twin, u32 others)
{
	static struct step steps[STEPS];
	u32 count = 1 + draw(STEPS);
	xs_tx_id tx = begin(xs);
	char answer[256], twin_answer[256];
	int rc;

	for (u32 i = 0; i < count; i++) {
		struct step other;

		draw_step(&steps[i]);
		perform(xs, tx, &steps[i], steps[i].answer);
		if (draw(100) >= others)
			continue;
		draw_step(&other);
		perform(xs, 0, &other, answer);
		perform(twin, 0, &other, twin_answer);
		assert_string_equal(answer, twin_answer);
	}
	rc = xs_local_tx_end(xs, tx, true);
	assert_true(rc == 0 || rc == -EAGAIN);
	for (u32 i = 0; rc == 0 && i < count; i++) {
		perform(twin, 0, &steps[i], twin_answer);
		assert_string_equal(steps[i].answer, twin_answer);
	}
	same(xs, twin);
	return rc == 0;
}

static void test_serial(void **state)
{
	u32 committed = 0, alone = 0, rounds = 0;

	(void)state;
	for (seed = 1; seed < 400; seed += 7) {
		u32 keep = seed;
		struct xenstore *xs = client_server(), *twin = client_server();

		for (u32 round = 0; round < 20; round++) {
			rounds++;
			committed += random_round(xs, twin, 3);
			alone += random_round(xs, twin, 0);
		}
		xenstore_destroy(xs);
		xenstore_destroy(twin);
		seed = keep;
	}
	assert_true(committed > 100);
	assert_int_equal(alone, rounds); /* nothing beside it: never a conflict */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isolation),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_remove_and_make_again),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_two_transactions),
		cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_release_meanwhile),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_serial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
