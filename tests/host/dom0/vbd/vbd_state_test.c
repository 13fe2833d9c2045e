/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back end's nodes and states: opening, closing, coming back, mistakes, the end. */
// links: dom0/vbd/vbd.c dom0/vbd/vbd_connect.c dom0/vbd/vbd_grants.c dom0/vbd/vbd_limits.c
// links: dom0/vbd/vbd_nodes.c dom0/vbd/vbd_request.c dom0/vbd/vbd_ring.c dom0/hyper/foreign.c
// links: dom0/block/limiter.c tests/host/dom0/vbd/world.c tests/host/dom0/vbd/front.c
// links: dom0/xenstore/xs_commit.c dom0/xenstore/xs_domain.c dom0/xenstore/xs_event.c
// links: dom0/xenstore/xs_guest_tree.c dom0/xenstore/xs_local.c dom0/xenstore/xs_names.c
// links: dom0/xenstore/xs_ops.c dom0/xenstore/xs_path.c dom0/xenstore/xs_perm.c
// links: dom0/xenstore/xs_ring.c dom0/xenstore/xs_transaction.c dom0/xenstore/xs_tree.c
// links: dom0/xenstore/xs_watch.c dom0/xenstore/xs_wire.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/vbd/vbd.h>
#include <tests/host/dom0/vbd/front.h>

#define FRONT "/local/domain/5/device/vbd/51712"
#define BACK  "/local/domain/0/backend/vbd/5/51712"

static struct vbd *vbd;
static struct block_use *disk;
static struct front front;
static unsigned int destroyed, refused;

static void note_destroyed(void *ctx)
{
	assert_ptr_equal(ctx, &destroyed);
	destroyed++;
}

static void note_refused(void *ctx)
{
	assert_ptr_equal(ctx, &destroyed);
	refused++;
}

static void start(void)
{
	const struct vbd_config c = {.domid = WORLD_DOMID,
				     .number = 51712,
				     .params = "phy:nvme0n1",
				     .use = disk,
				     .discard = true,
				     .queues = 4};

	assert_int_equal(vbd_create(world.xs, &c, &vbd), 0);
	world_run();
	assert_int_equal(front_back_state(&front), 2);
}

static void end_at_once(void)
{
	vbd_destroy(vbd, 0, note_destroyed, &destroyed);
	assert_int_equal(destroyed, 0); /* not before it returns */
	world_run();
}

static int set_up(void **state)
{
	(void)state;
	world_begin();
	disk = &world.disk[0];
	front = (struct front){.number = 51712, .queues = 1, .first_ring = 8, .first_port = 1};
	destroyed = 0;
	start();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!destroyed) {
		end_at_once();
		while (world_complete(disk, 1000))
			world_run();
	}
	assert_int_equal(destroyed, 1);
	refused = 0;
	world_end();
	return 0;
}

static void connect(void)
{
	assert_true(front_connect(&front));
}

static const char *front_value(const char *key)
{
	static char value[128];
	char path[128];

	snprintf(path, sizeof(path), FRONT "/%s", key);
	if (xs_local_read(world.xs, XS_NO_TX, path, value, sizeof(value)) < 0)
		return "";
	return value;
}

static void expect_perms(const char *path, char all, domid_t owner, char letter, domid_t who)
{
	struct xs_perm perms[4];

	assert_int_equal(xs_local_get_perms(world.xs, XS_NO_TX, path, perms, 4), 2);
	assert_int_equal(perms[0].letter, all);
	assert_int_equal(perms[0].domid, owner);
	assert_int_equal(perms[1].letter, letter);
	assert_int_equal(perms[1].domid, who);
}

static void reads(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		front_rw(&front, 0, BLKIF_OP_READ, i, 0, i, 1);
	front_push(&front, 0);
	world_run();
}

/* --- nodes ------------------------------------------------------------------------------------ */

static void test_nodes(void **state)
{
	static const char *const back[][2] = {
		{"frontend", FRONT},
		{"frontend-id", "5"},
		{"online", "1"},
		{"mode", "w"},
		{"params", "phy:nvme0n1"},
		{"removable", "0"},
		{"device-type", "disk"},
		{"feature-flush-cache", "1"},
		{"feature-barrier", "1"},
		{"feature-discard", "1"},
		{"discard-granularity", "512"},
		{"discard-secure", "0"},
		{"feature-persistent", "0"},
		{"feature-max-indirect-segments", "32"},
		{"multi-queue-max-queues", "4"},
		{"max-ring-page-order", "4"},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(back); i++)
		assert_string_equal(front_back(&front, back[i][0]), back[i][1]);
	assert_string_equal(front_value("backend"), BACK);
	assert_string_equal(front_value("backend-id"), "0");
	assert_string_equal(front_value("virtual-device"), "51712");
	assert_string_equal(front_value("device-type"), "disk");
	assert_string_equal(front_value("trusted"), "1");
	assert_string_equal(front_value("state"), "1");
	expect_perms(BACK, 'n', 0, 'r', WORLD_DOMID);
	expect_perms(BACK "/state", 'n', 0, 'r', WORLD_DOMID);
	expect_perms(FRONT, 'n', WORLD_DOMID, 'r', 0);
	expect_perms(FRONT "/state", 'n', WORLD_DOMID, 'r', 0);
}

static void test_same_number_twice(void **state)
{
	const struct vbd_config c = {
		.domid = WORLD_DOMID, .number = 51712, .params = "", .use = &world.disk[1]};
	struct vbd *other;

	(void)state;
	assert_int_equal(vbd_create(world.xs, &c, &other), -EEXIST);
	assert_string_equal(front_back(&front, "params"), "phy:nvme0n1");
}

static void test_nothing_is_left(void **state)
{
	struct xs_perm perm;

	(void)state;
	connect();
	end_at_once();
	assert_int_equal(destroyed, 1);
	assert_int_equal(xs_local_get_perms(world.xs, XS_NO_TX, BACK, &perm, 1), -ENOENT);
	assert_int_equal(xs_local_get_perms(world.xs, XS_NO_TX, FRONT, &perm, 1), -ENOENT);
	assert_int_equal(
		xs_local_get_perms(world.xs, XS_NO_TX, "/local/domain/0/backend/vbd/5", &perm, 1),
		-ENOENT);
}

static void test_connected_nodes(void **state)
{
	(void)state;
	connect();
	assert_string_equal(front_back(&front, "sectors"), "4096");
	assert_string_equal(front_back(&front, "sector-size"), "512");
	assert_string_equal(front_back(&front, "physical-sector-size"), "4096");
	assert_string_equal(front_back(&front, "info"), "0");
}

/* Some front ends say at once that they are connected, and name no protocol. */
static void test_connects_in_one_step(void **state)
{
	(void)state;
	front.no_protocol = true;
	connect();
	front_state(&front, 5);
	front_state(&front, 6);
	front_state(&front, 4);
	assert_int_equal(front_back_state(&front), 4);
	front_rw(&front, 0, BLKIF_OP_READ, 1, 0, 0, 1);
	front_do(&front, 0, disk);
	assert_non_null(front_answer(&front, 1));
}

/* --- closing and coming back ------------------------------------------------------------------ */

static void test_close_and_open(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		connect();
		reads(4);
		world_complete(disk, 4);
		world_run();
		front_state(&front, 5);
		assert_int_equal(front_back_state(&front), 5);
		front_state(&front, 6);
		assert_int_equal(front_back_state(&front), 6);
		assert_int_equal(world.mapped, 0);
		assert_false(world.port_bound[1]);
		front_state(&front, 1);
		assert_int_equal(front_back_state(&front), 2);
	}
	assert_int_equal(world.log_lines, 0);
}

/* 5 is answered at once, 6 only when the device has let go of the guest's pages. */
static void test_close_with_requests_on_their_way(void **state)
{
	(void)state;
	connect();
	reads(32);
	front_state(&front, 5);
	assert_int_equal(front_back_state(&front), 5);
	front_state(&front, 6);
	assert_int_equal(front_back_state(&front), 5);
	assert_int_equal(world.mapped, 1 + 32);
	world_complete(disk, 31);
	world_run();
	assert_int_equal(front_back_state(&front), 5);
	assert_int_equal(world.mapped, 1 + 1);
	world_complete(disk, 1);
	world_run();
	assert_int_equal(front_back_state(&front), 6);
	assert_int_equal(world.mapped, 0);
	front_state(&front, 1);
	connect();
}

/* A kernel that was started anew over another that did not close. */
static void test_restart_without_closing(void **state)
{
	(void)state;
	connect();
	reads(3);
	front_state(&front, 1);
	assert_int_equal(front_back_state(&front), 4);
	world_complete(disk, 3);
	world_run();
	assert_int_equal(front_back_state(&front), 2);
	connect();
}

static void test_front_nodes_removed(void **state)
{
	(void)state;
	connect();
	reads(3);
	assert_int_equal(xs_local_rm(world.xs, XS_NO_TX, FRONT), 0);
	world_run();
	world_complete(disk, 3);
	world_run();
	assert_int_equal(world.mapped, 0);
	assert_int_equal(front_back_state(&front), 6);
}

/* A barrier's last flush that is not done any more must not look like success. */
static void test_close_within_a_barrier(void **state)
{
	(void)state;
	connect();
	front_rw(&front, 0, BLKIF_OP_BARRIER, 1, 0, 0, 1);
	front_push(&front, 0);
	world_run();
	world_complete(disk, 1);
	world_run();
	front_state(&front, 5);
	world_complete(disk, 1);
	world_run();
	front_take(&front, 0);
	if (front_answer(&front, 1))
		assert_int_equal(front_answer(&front, 1)->status, -1);
	assert_int_equal(disk->flushes, 1);
}

/* --- mistakes of the front end ---------------------------------------------------------------- */

static void expect_refused(const char *key, const char *value)
{
	front_write(&front, key, value);
	front_state(&front, 3);
	assert_int_equal(front_back_state(&front), 5);
	assert_string_not_equal(front_back(&front, "error"), "");
	assert_int_equal(world.mapped, 0);
	assert_false(world.port_bound[1]);
	front_state(&front, 6);
	assert_int_equal(front_back_state(&front), 6);
	front_state(&front, 1);
	assert_int_equal(front_back_state(&front), 2);
	assert_string_equal(front_back(&front, "error"), "");
}

static void test_bad_keys(void **state)
{
	static const char *const bad[][2] = {
		{"ring-ref", "nonsense"},
		{"ring-ref", "4294967296"},
		{"ring-ref", "400000"},
		{"ring-ref", ""},
		{"event-channel", "0"},
		{"event-channel", "15 "},
		{"event-channel", "99999999999999999999"},
		{"event-channel", "77"},
		{"protocol", "x86_32-abi"},
		{"protocol", "a protocol with a name that is much longer than any is"},
		{"ring-page-order", "5"},
		{"ring-page-order", "-1"},
		{"ring-page-order", "2"},
		{"multi-queue-num-queues", "0"},
		{"multi-queue-num-queues", "5"},
		{"multi-queue-num-queues", "2"},
		{"feature-persistent", "x"},
	};

	(void)state;
	connect();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		char path[96], good[64] = "";

		front_state(&front, 6);
		front_state(&front, 1);
		snprintf(path, sizeof(path), FRONT "/%s", bad[i][0]);
		snprintf(good, sizeof(good), "%s", front_value(bad[i][0]));
		expect_refused(bad[i][0], bad[i][1]);
		if (good[0])
			front_write(&front, bad[i][0], good);
		else
			assert_int_equal(xs_local_rm(world.xs, XS_NO_TX, path), 0);
	}
	/* All in one second: one line. */
	assert_int_equal(world.log_lines, 1);
	connect();
}

static void test_bad_state(void **state)
{
	static const char *const bad[] = {"", "7", "-1", "connected", "99999999999999999999999"};

	(void)state;
	connect();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		front_write(&front, "state", bad[i]);
		world_run();
		assert_int_equal(front_back_state(&front), 6);
		front_state(&front, 1);
		connect();
	}
}

/* --- the device ------------------------------------------------------------------------------- */

static void test_resize(void **state)
{
	(void)state;
	connect();
	disk->device.sectors = 1024;
	disk->on_change(disk->ctx, BLOCK_RESIZED);
	assert_string_equal(front_back(&front, "sectors"), "1024");
	assert_int_equal(front_back_state(&front), 4);
	front_rw(&front, 0, BLKIF_OP_READ, 1, 1020, 0, 1);
	front_do(&front, 0, disk);
	assert_int_equal(front_answer(&front, 1)->status, -1);
}

static void test_device_removed(void **state)
{
	(void)state;
	connect();
	reads(32);
	disk->result = BLOCK_GONE;
	disk->on_change(disk->ctx, BLOCK_WENT_AWAY);
	world_run();
	assert_int_equal(front_back_state(&front), 5);
	world_complete(disk, 32);
	world_run();
	assert_int_equal(world.mapped, 0);
	front_state(&front, 6);
	assert_int_equal(front_back_state(&front), 6);
	front_state(&front, 1); /* it does not come back */
	assert_int_equal(front_back_state(&front), 6);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void test_detach(void **state)
{
	(void)state;
	connect();
	reads(8);
	vbd_destroy(vbd, VBD_CLOSE_TIMEOUT, note_destroyed, &destroyed);
	world_run();
	assert_int_equal(front_back_state(&front), 5);
	assert_string_equal(front_back(&front, "online"), "0");
	world_complete(disk, 8); /* still answered */
	world_run();
	front_take(&front, 0);
	assert_int_equal(front.responses, 8);
	front_state(&front, 5);
	assert_int_equal(destroyed, 0);
	front_state(&front, 6);
	assert_int_equal(destroyed, 1);
}

static void test_detach_unused(void **state)
{
	(void)state;
	vbd_destroy(vbd, VBD_CLOSE_TIMEOUT, note_destroyed, &destroyed);
	world_run();
	assert_int_equal(destroyed, 1);
}

static void ask(void)
{
	vbd_ask_close(vbd, VBD_CLOSE_TIMEOUT, note_destroyed, note_refused, &destroyed);
	world_run();
	assert_int_equal(front_back_state(&front), 5);
	assert_string_equal(front_back(&front, "online"), "0");
}

/* The front end takes no notice: it keeps a disk that works, and may be asked again. */
static void test_refused(void **state)
{
	(void)state;
	connect();
	reads(8);
	for (unsigned int i = 1; i <= 2; i++) {
		ask();
		world_pass(VBD_CLOSE_TIMEOUT - 1);
		assert_int_equal(refused, i - 1);
		world_pass(2);
		assert_int_equal(refused, i);
		assert_int_equal(front_back_state(&front), 4);
		assert_string_equal(front_back(&front, "online"), "1");
	}
	world_complete(disk, 8);
	world_run();
	front_take(&front, 0);
	assert_int_equal(front.responses, 8);
	reads(8);
	assert_int_equal(world.mapped, 1 + 8);
	world_complete(disk, 8);
	world_run();
	world_pass(2 * VBD_CLOSE_TIMEOUT);
	assert_int_equal(destroyed, 0);
	ask(); /* now it lets go */
	front_state(&front, 6);
	assert_int_equal(destroyed, 1);
	assert_int_equal(refused, 2);
}

/* As Linux before 5.14, when the disk is mounted: state 5, but it goes on, and closes later. */
static void test_refused_in_state_5(void **state)
{
	(void)state;
	connect();
	ask();
	front_state(&front, 5);
	reads(3);
	assert_int_equal(world.mapped, 1 + 3);
	world_pass(VBD_CLOSE_TIMEOUT + 1);
	assert_int_equal(refused, 1);
	reads(3);
	assert_int_equal(world.mapped, 1 + 6);
	world_complete(disk, 6);
	world_run();
	front_state(&front, 6);
	assert_int_equal(front_back_state(&front), 6);
	assert_int_equal(destroyed, 0);
	front_state(&front, 1);
	connect();
}

/* It has closed; what is still waited for is the device. */
static void test_slow_device_is_no_refusal(void **state)
{
	(void)state;
	connect();
	reads(4);
	ask();
	front_state(&front, 6);
	world_pass(VBD_CLOSE_TIMEOUT + 1);
	assert_int_equal(refused + destroyed, 0);
	world_complete(disk, 4);
	world_run();
	assert_int_equal(destroyed, 1);
	assert_int_equal(refused, 0);
}

static void test_destroyed_while_asked(void **state)
{
	(void)state;
	connect();
	ask();
	end_at_once();
	assert_int_equal(destroyed, 1);
	world_pass(2 * VBD_CLOSE_TIMEOUT);
	assert_int_equal(refused, 0);
}

static void test_front_end_does_not_answer(void **state)
{
	(void)state;
	connect();
	reads(8);
	vbd_destroy(vbd, VBD_CLOSE_TIMEOUT, note_destroyed, &destroyed);
	world_pass(VBD_CLOSE_TIMEOUT - 1);
	assert_int_equal(destroyed, 0);
	world_pass(2);
	assert_int_equal(destroyed, 0);
	assert_int_equal(world.mapped, 9);
	world_complete(disk, 8);
	world_run();
	assert_int_equal(destroyed, 1);
	assert_int_equal(world.log_lines, 1);
}

/* The guest's own nodes are gone already: none of them is made again. */
static void test_guest_destroyed(void **state)
{
	struct xs_perm perm;

	(void)state;
	connect();
	reads(32);
	assert_int_equal(xs_local_rm(world.xs, XS_NO_TX, "/local/domain/5"), 0);
	vbd_destroy(vbd, 0, note_destroyed, &destroyed);
	world_run();
	assert_int_equal(destroyed, 0);
	assert_int_equal(world.mapped, 33);
	world_complete(disk, 20);
	world_run();
	assert_int_equal(destroyed, 0);
	world_complete(disk, 12);
	world_run();
	assert_int_equal(destroyed, 1);
	assert_int_equal(xs_local_get_perms(world.xs, XS_NO_TX, "/local/domain/5", &perm, 1),
			 -ENOENT);
}

static void test_destroy_while_throttled(void **state)
{
	const struct rate_limit slow = {.ops = {.size = 2, .refill_time = 3600000}};

	(void)state;
	connect();
	assert_true(vbd_set_limits(vbd, &slow));
	reads(32);
	assert_int_equal(disk->queued, 2);
	world_complete(disk, 2);
	world_run();
	end_at_once();
	assert_int_equal(destroyed, 1);
}

/* A ring that was stopped for its index has requests that wait for their limit. */
static void test_wild_index_while_throttled(void **state)
{
	const struct rate_limit slow = {.ops = {.size = 2, .refill_time = 3600000}};

	(void)state;
	connect();
	assert_true(vbd_set_limits(vbd, &slow));
	reads(20);
	world_complete(disk, 2);
	world_run();
	front.queue[0].ring->req_prod += 1000;
	world_event(1);
	world_run();
	assert_int_equal(front_back_state(&front), 5);
	assert_int_equal(world.mapped, 0);
	end_at_once();
	assert_int_equal(destroyed, 1);
}

static void test_destroy_while_maps_wait(void **state)
{
	(void)state;
	connect();
	world.refuse_maps = 3;
	reads(4);
	end_at_once();
	assert_int_equal(disk->queued, 1);
	world_complete(disk, 1);
	world_run();
	assert_int_equal(destroyed, 1);
}

static void test_bad_limits(void **state)
{
	const struct rate_limit bad = {.ops = {.size = ~0ull, .refill_time = 1}};

	(void)state;
	assert_false(vbd_set_limits(vbd, &bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_nodes),
		T(test_same_number_twice),
		T(test_nothing_is_left),
		T(test_connected_nodes),
		T(test_connects_in_one_step),
		T(test_close_and_open),
		T(test_close_with_requests_on_their_way),
		T(test_restart_without_closing),
		T(test_front_nodes_removed),
		T(test_close_within_a_barrier),
		T(test_bad_keys),
		T(test_bad_state),
		T(test_resize),
		T(test_device_removed),
		T(test_detach),
		T(test_detach_unused),
		T(test_refused),
		T(test_refused_in_state_5),
		T(test_slow_device_is_no_refusal),
		T(test_destroyed_while_asked),
		T(test_front_end_does_not_answer),
		T(test_guest_destroyed),
		T(test_destroy_while_throttled),
		T(test_wild_index_while_throttled),
		T(test_destroy_while_maps_wait),
		T(test_bad_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
