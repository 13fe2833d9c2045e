/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol: every request type, as Linux uses it and malformed. */
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

/* What a Linux guest does from boot to a running block device, byte for byte. */
static void test_linux_boot(void **state)
{
	struct world *w = *state;
	u32 tx;

	local_write(w->xs, "/local/domain/1/control/platform-feature-xs_reset_watches", "1");
	local_write(w->xs, "/local/domain/1/device/vbd/51712/backend",
		    "/local/domain/0/backend/vbd/1/51712");
	client_reads(w->a, 0, "control/platform-feature-xs_reset_watches", "1");
	client_ok(w->a, XS_RESET_WATCHES, 0, "");
	client_ok(w->a, XS_WATCH, 0, "control/shutdown|FFFFFFFF82A0B1C0");
	client_event(w->a, "control/shutdown", "FFFFFFFF82A0B1C0");
	client_ok(w->a, XS_WATCH, 0, "device|FFFFFFFF82A0B1E0");
	client_event(w->a, "device", "FFFFFFFF82A0B1E0");
	client_answer(w->a, XS_DIRECTORY, 0, "device", "vbd|");
	client_answer(w->a, XS_DIRECTORY, 0, "device/vbd", "51712|");
	client_reads(w->a, 0, "device/vbd/51712/backend", "/local/domain/0/backend/vbd/1/51712");
	tx = client_begin(w->a);
	client_write(w->a, tx, "device/vbd/51712/ring-ref", "8");
	client_write(w->a, tx, "device/vbd/51712/event-channel", "5");
	client_write(w->a, tx, "device/vbd/51712/protocol", "x86_64-abi");
	client_end(w->a, tx, true, "OK");
	client_event(w->a, "device/vbd/51712/ring-ref", "FFFFFFFF82A0B1E0");
	client_event(w->a, "device/vbd/51712/event-channel", "FFFFFFFF82A0B1E0");
	client_event(w->a, "device/vbd/51712/protocol", "FFFFFFFF82A0B1E0");
	client_write(w->a, 0, "device/vbd/51712/state", "3");
	client_event(w->a, "device/vbd/51712/state", "FFFFFFFF82A0B1E0");
	local_reads(w->xs, "/local/domain/1/device/vbd/51712/state", "3");
	/* Shutdown: the guest acknowledges with an empty value in a transaction. */
	local_write(w->xs, "/local/domain/1/control/shutdown", "poweroff");
	client_event(w->a, "control/shutdown", "FFFFFFFF82A0B1C0");
	tx = client_begin(w->a);
	client_reads(w->a, tx, "control/shutdown", "poweroff");
	client_write(w->a, tx, "control/shutdown", "");
	client_end(w->a, tx, true, "OK");
	client_event(w->a, "control/shutdown", "FFFFFFFF82A0B1C0");
	client_no_event(w->a);
}

static void test_nodes(void **state)
{
	struct world *w = *state;

	client_ok(w->a, XS_MKDIR, 0, "dir");
	client_answer(w->a, XS_DIRECTORY, 0, "dir", "");
	client_write(w->a, 0, "dir/a", "x");
	client_write(w->a, 0, "dir/b", "");
	client_answer(w->a, XS_DIRECTORY, 0, "dir", "a|b|");
	client_reads(w->a, 0, "dir/b", "");
	client_answer(w->a, XS_GET_PERMS, 0, "dir/a", "n1|b1|");
	client_ok(w->a, XS_RM, 0, "dir/a");
	client_ok(w->a, XS_RM, 0, "dir/a");
	client_error(w->a, XS_RM, 0, "none/a", "ENOENT");
	client_error(w->a, XS_READ, 0, "dir/a", "ENOENT");
	client_error(w->a, XS_DIRECTORY, 0, "dir/a", "ENOENT");
	client_error(w->a, XS_GET_PERMS, 0, "dir/a", "ENOENT");
	client_answer(w->a, XS_GET_DOMAIN_PATH, 0, "1", "/local/domain/1|");
	client_answer(w->a, XS_GET_DOMAIN_PATH, 0, "12345", "/local/domain/12345|");
}

static void test_binary_value(void **state)
{
	struct world *w = *state;
	const struct client_message *m;

	m = client_call(w->a, XS_WRITE, 0, "bin\0\0\1\xff\0", 8);
	assert_string_equal(m->body, "OK");
	m = client_call(w->a, XS_READ, 0, "bin", 4);
	assert_int_equal(m->header.len, 4);
	assert_memory_equal(m->body, "\0\1\xff\0", 4);
	m = client_call(w->a, XS_WRITE, 0, "bin\0", 4);
	assert_string_equal(m->body, "OK");
	client_reads(w->a, 0, "bin", "");
}

static void raw_error(struct client *c, u32 type, const void *body, size_t len, const char *name)
{
	const struct client_message *m = client_call(c, type, 0, body, len);

	if (m->header.type != XS_ERROR || strcmp(m->body, name) != 0)
		fail_msg("type %u: %s instead of %s", type, m->body, name);
}

static void test_malformed(void **state)
{
	struct world *w = *state;
	static const u32 paths[] = {XS_DIRECTORY, XS_READ, XS_GET_PERMS, XS_MKDIR, XS_RM};
	static const u32 all[] = {
		XS_DIRECTORY,       XS_READ,
		XS_GET_PERMS,       XS_WATCH,
		XS_UNWATCH,         XS_TRANSACTION_END,
		XS_GET_DOMAIN_PATH, XS_WRITE,
		XS_MKDIR,           XS_RM,
		XS_SET_PERMS,       XS_DIRECTORY_PART,
	};
	char longest[XS_PAYLOAD_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		raw_error(w->a, all[i], "", 0, "EINVAL");
		raw_error(w->a, all[i], "unended", 7, "EINVAL");
		raw_error(w->a, all[i], "", 1, "EINVAL");
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		raw_error(w->a, paths[i], "a\0b", 4, "EINVAL");
		raw_error(w->a, paths[i], "a\0b", 3, "EINVAL");
		raw_error(w->a, paths[i], "/a/", 4, "EINVAL");
		raw_error(w->a, paths[i], "a b", 4, "EINVAL");
		raw_error(w->a, paths[i], "@releaseDomain", 15, "EINVAL");
		longest[sizeof(longest) - 1] = 'x';
		raw_error(w->a, paths[i], longest, sizeof(longest), "EINVAL");
		longest[sizeof(longest) - 1] = '\0';
		raw_error(w->a, paths[i], longest, sizeof(longest), "EINVAL");
	}
	raw_error(w->a, XS_GET_DOMAIN_PATH, "x", 2, "EINVAL");
	raw_error(w->a, XS_GET_DOMAIN_PATH, "70000", 6, "EINVAL");
	raw_error(w->a, XS_SET_PERMS, "a\0n1", 4, "EINVAL");
	raw_error(w->a, XS_DIRECTORY_PART, "/\0", 2, "EINVAL");
	raw_error(w->a, XS_DIRECTORY_PART, "/\0x", 4, "EINVAL");
	raw_error(w->a, XS_RM, "/", 2, "EINVAL");
}

static void test_refused(void **state)
{
	struct world *w = *state;
	static const u32 unknown[] = {XS_WATCH_EVENT, XS_ERROR, 20, 23, 128, 0xffffffffu};
	static const u32 privileged[] = {XS_CONTROL, XS_INTRODUCE,
					 XS_RELEASE, XS_IS_DOMAIN_INTRODUCED,
					 XS_RESUME,  XS_SET_TARGET};

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		raw_error(w->a, unknown[i], "1", 2, "ENOSYS");
	for (size_t i = 0; i < ARRAY_SIZE(privileged); i++)
		raw_error(w->a, privileged[i], "1", 2, "EACCES");
}

/* The same messages from the control domain, straight to the handler. */
static const char *privileged_call(struct xenstore *xs, u32 type, const char *body, size_t len)
{
	static u8 reply[XS_MESSAGE_MAX + 1];
	struct xs_header header = {type, 7, 0, (u32)len};
	size_t size = xs_wire_handle(xs, xs->local, &header, body, reply);

	memcpy(&header, reply, sizeof(header));
	assert_int_equal(size, sizeof(header) + header.len);
	assert_int_equal(header.req_id, 7);
	reply[size] = '\0';
	return (const char *)reply + sizeof(header);
}

static void test_privileged(void **state)
{
	struct world *w = *state;

	assert_string_equal(privileged_call(w->xs, XS_IS_DOMAIN_INTRODUCED, "1", 2), "T");
	assert_string_equal(privileged_call(w->xs, XS_IS_DOMAIN_INTRODUCED, "0", 2), "T");
	assert_string_equal(privileged_call(w->xs, XS_IS_DOMAIN_INTRODUCED, "2", 2), "F");
	assert_string_equal(privileged_call(w->xs, XS_IS_DOMAIN_INTRODUCED, "", 1), "EINVAL");
	assert_string_equal(privileged_call(w->xs, XS_INTRODUCE, "1", 2), "ENOSYS");
	assert_string_equal(privileged_call(w->xs, XS_CONTROL, "print", 6), "ENOSYS");
	assert_string_equal(privileged_call(w->xs, XS_WATCH, "@releaseDomain\0t", 17), "OK");
	assert_string_equal(privileged_call(w->xs, XS_RM, "/", 2), "EINVAL");
	assert_false(xs_local_dispatch(w->xs));
}

/* Reads a directory in parts, as clients do when the whole is too big for a message. */
static void read_parts(struct client *c, u32 tx, const char *path, char *names, size_t *total)
{
	size_t offset = 0;
	char generation[24] = "";

	for (unsigned int part = 0; part < 100; part++) {
		char body[64];
		int len = snprintf(body, sizeof(body), "%s%c%zu", path, '\0', offset);
		const struct client_message *m =
			client_call(c, XS_DIRECTORY_PART, tx, body, (size_t)len + 1);
		size_t head = strlen(m->body) + 1, size = m->header.len - head;

		assert_int_equal(m->header.type, XS_DIRECTORY_PART);
		if (part > 0)
			assert_string_equal(generation, m->body);
		snprintf(generation, sizeof(generation), "%.20s", m->body);
		assert_true(size > 0);
		memcpy(names + offset, m->body + head, size);
		offset += size;
		if (names[offset - 1] == '\0' && (offset == 1 || names[offset - 2] == '\0')) {
			*total = offset - 1;
			return;
		}
	}
	fail_msg("the list has no end");
}

static void test_directory_part(void **state)
{
	struct world *w = *state;
	const struct client_message *m;
	char names[32768], path[64];
	size_t total, at = 0;
	u32 tx;

	client_ok(w->a, XS_MKDIR, 0, "big");
	read_parts(w->a, 0, "big", names, &total);
	assert_int_equal(total, 0);
	for (int i = 0; i < 600; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/big/some-longer-name-%d", i);
		local_write(w->xs, path, "");
	}
	client_error(w->a, XS_DIRECTORY, 0, "big", "E2BIG");
	read_parts(w->a, 0, "big", names, &total);
	for (int i = 0; i < 600; i++) {
		snprintf(path, sizeof(path), "some-longer-name-%d", i);
		assert_string_equal(names + at, path);
		at += strlen(path) + 1;
	}
	assert_int_equal(at, total);
	client_error(w->a, XS_DIRECTORY_PART, 0, "none|0", "ENOENT");
	/* Past the end: just the end. */
	m = client_call(w->a, XS_DIRECTORY_PART, 0,
			"big\0"
			"999999",
			11);
	assert_int_equal(m->header.len, strlen(m->body) + 2);
	tx = client_begin(w->a);
	client_ok(w->a, XS_RM, tx, "big/some-longer-name-0");
	client_write(w->a, tx, "big/new", "");
	read_parts(w->a, tx, "big", names, &total);
	assert_string_equal(names, "some-longer-name-1");
	assert_string_equal(names + total - 4, "new");
	client_end(w->a, tx, true, "OK");
}

/* The largest messages both ways. */
static void test_largest(void **state)
{
	struct world *w = *state;
	char body[XS_PAYLOAD_MAX];
	const struct client_message *m;

	memset(body, 'v', sizeof(body));
	assert_int_equal(xs_local_write(w->xs, 0, "/local/domain/1/v", body, sizeof(body)), 0);
	m = client_call(w->a, XS_READ, 0, "v", 2);
	assert_int_equal(m->header.len, XS_PAYLOAD_MAX);
	assert_memory_equal(m->body, body, sizeof(body));
	memcpy(body, "w", 2);
	m = client_call(w->a, XS_WRITE, 0, body, sizeof(body));
	assert_string_equal(m->body, "ENOSPC");
	m = client_call(w->a, XS_WRITE, 0, body, 2 + 1500);
	assert_string_equal(m->body, "OK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_linux_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_binary_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_privileged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
