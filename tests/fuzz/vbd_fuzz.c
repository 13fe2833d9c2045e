/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile guest against the block back end: requests, indices, keys, grants that come and go, and
 * pages that change while the back end works. The world around it checks that nothing outside the
 * disk and the pages that are granted at that moment is touched, and that nothing is left. */
// links: dom0/vbd/vbd.c dom0/vbd/vbd_connect.c dom0/vbd/vbd_grants.c dom0/vbd/vbd_limits.c
// links: dom0/vbd/vbd_nodes.c dom0/vbd/vbd_request.c dom0/vbd/vbd_ring.c dom0/hyper/foreign.c
// links: dom0/block/limiter.c tests/host/dom0/vbd/world.c tests/host/dom0/vbd/front.c
// links: dom0/xenstore/xs_commit.c dom0/xenstore/xs_domain.c dom0/xenstore/xs_event.c
// links: dom0/xenstore/xs_guest_tree.c dom0/xenstore/xs_local.c dom0/xenstore/xs_names.c
// links: dom0/xenstore/xs_ops.c dom0/xenstore/xs_path.c dom0/xenstore/xs_perm.c
// links: dom0/xenstore/xs_ring.c dom0/xenstore/xs_transaction.c dom0/xenstore/xs_tree.c
// links: dom0/xenstore/xs_watch.c dom0/xenstore/xs_wire.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/vbd/vbd.h>
#include <tests/host/dom0/vbd/front.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_left;
static struct front front;
static struct vbd *vbd;
static struct block_use *disk;
static unsigned int destroyed;
static u64 requests; /* of the whole run */

static u8 take(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

static u64 take_number(void)
{
	static const u64 edges[] = {
		0,          1,          WORLD_SECTORS - 8, WORLD_SECTORS - 1, WORLD_SECTORS,
		0xFFFFFFFF, 1ull << 32, (1ull << 55) + 1,  1ull << 63,        ~0ull - 7,
		~0ull};
	u8 how = take();

	if (how < 200)
		return (u64)how * 16 + take() % 16;
	return edges[how % ARRAY_SIZE(edges)];
}

/* The guest's other CPUs, at work while the back end is in a hypercall. */
static void meanwhile(void)
{
	unsigned int q = take() % FRONT_QUEUES;
	u8 *page = world_page(q & 1 ? front.first_ring + q / 2 * 16 : FRONT_DATA + take() % 16);

	if (input_left)
		page[take() | (take() & 15) << 8] = take();
}

static void note_destroyed(void *ctx)
{
	(void)ctx;
	destroyed++;
}

static struct blkif_segment some_segment(void)
{
	struct blkif_segment s = {.gref = FRONT_DATA + take() % 64, .first = 0, .last = 7};
	u8 how = take();

	if (how & 1)
		s.first = how >> 5;
	if (how & 2)
		s.last = take();
	if ((how & 0x1C) == 0x1C)
		s.gref = (u32)take_number();
	return s;
}

static void put_request(unsigned int q)
{
	union blkif_slot *s = front_slot(&front, q);
	u8 how = take();
	unsigned int n = take();

	requests++;
	s->rw.op = how & 0x80 ? take() : how % 7;
	s->rw.id = take_number();
	s->rw.sector = take_number();
	if (s->rw.op == BLKIF_OP_INDIRECT) {
		struct blkif_segment *l = world_page(FRONT_DATA + n % 16);

		s->indirect.real_op = how & 0x40 ? take() : how & 1;
		s->indirect.segment_count = (u16)(how & 0x20 ? take_number() : 1 + n % 32);
		s->indirect.gref[0] = FRONT_DATA + n % 16;
		for (unsigned int i = 0; i < 32 && input_left; i++)
			l[i] = some_segment();
	} else if (s->rw.op == BLKIF_OP_DISCARD) {
		s->discard.count = take_number();
		s->discard.flag = how >> 6 & 1;
	} else {
		s->rw.segment_count = how & 0x40 ? (u8)n : (u8)(n % 12);
		for (unsigned int i = 0; i < BLKIF_SEGMENTS && i < n; i++)
			s->rw.segment[i] = some_segment();
	}
}

static void put_requests(void)
{
	unsigned int q = take() % front.queues;

	if (!front.queue[q].ring)
		return;
	for (unsigned int n = 1 + take() % 32; n && input_left; n--)
		put_request(q);
	front_push(&front, q);
}

static void write_key(void)
{
	static const char *const keys[] = {"state",
					   "ring-ref",
					   "event-channel",
					   "protocol",
					   "ring-page-order",
					   "ring-ref0",
					   "ring-ref1",
					   "multi-queue-num-queues",
					   "feature-persistent",
					   "queue-0/ring-ref",
					   "queue-1/event-channel",
					   "backend"};
	char value[24];
	unsigned int n = 0;
	const char *key = keys[take() % ARRAY_SIZE(keys)];
	u8 how = take();

	if (how < 128) {
		snprintf(value, sizeof(value), "%u", how % 16);
	} else {
		for (n = 0; n < how % 22u; n++)
			value[n] = (char)take();
		value[n] = 0;
	}
	front_write(&front, key, value);
}

static void spoil_ring(void)
{
	struct blkif_ring *r = front.queue[take() % front.queues].ring;
	u32 *field;

	if (!r)
		return;
	field = (u32 *)(void *)((u8 *)r + take() % 4 * 4);
	*field = take() & 1 ? *field + take() : (u32)take_number();
	world_event(front.first_port + take() % front.queues);
}

static void change_grant(void)
{
	u32 ref = FRONT_DATA + take() % 64;
	u8 how = take();

	/* As the hypervisor sees to it, what is mapped stays until it is not. */
	if (world.ref[ref].pins)
		return;
	world_grant(ref, FRONT_DATA + take() % 64, how & 1);
	world.ref[ref].granted = how & 6;
}

static void step(void)
{
	switch (take() % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		put_requests();
		break;
	case 5:
		world_complete(disk, take() % 40);
		break;
	case 6:
		write_key();
		break;
	case 7:
		spoil_ring();
		break;
	case 8:
		change_grant();
		break;
	case 9:
		front_state(&front, take() % 8);
		break;
	case 10:
		world_pass((u64)take() * 100000);
		break;
	case 11:
		world.refuse_maps = take() % 8;
		break;
	case 12:
		disk->result = (enum block_status)(take() % (BLOCK_NO_SPACE + 1));
		break;
	case 13:
		for (unsigned int q = 0; q < front.queues; q++)
			if (front.queue[q].ring) {
				front.responses = 0;
				front.queue[q].rsp_cons = front.queue[q].ring->rsp_prod;
				front.queue[q].ring->rsp_event = front.queue[q].rsp_cons + 1;
			}
		break;
	case 14: /* the whole way round */
		front_state(&front, 5);
		front_state(&front, 6);
		while (world_complete(disk, 1000))
			world_run();
		front_state(&front, 1);
		(void)front_connect(&front);
		break;
	default:
		disk->device.sectors = take_number() % (WORLD_SECTORS + 1);
		disk->on_change(disk->ctx, BLOCK_RESIZED);
		break;
	}
	world_run();
}

static void begin(void)
{
	u8 how = take(), form = take();
	struct vbd_config c = {.domid = WORLD_DOMID,
			       .number = 51712,
			       .params = "fuzz",
			       .use = disk,
			       .discard = true,
			       .persistent = how & 1,
			       .queues = FRONT_QUEUES,
			       .read_only = (how & 0x30) == 0x30};

	disk->device.needs_cpu = how & 2;
	disk->at_once = how & 4;
	disk->device.write_cache = how & 8;
	disk->device.read_only = (how & 0x70) == 0x70;
	disk->device.queue_depth = 1u + form % 40;
	if (how & 0x80)
		c.limits.ops = (struct token_bucket){.size = 50, .refill_time = 10};
	front = (struct front){.number = 51712,
			       .queues = 1 + form % FRONT_QUEUES,
			       .order = form / 4 % 5,
			       .first_ring = 8,
			       .first_port = 1,
			       .persistent = how & 1};
	world_check(vbd_create(world.xs, &c, &vbd) == 0, "test: cannot create");
	world_run();
	world_check(front_connect(&front), "a front end that keeps to the rules is refused");
}

static void say_count(void)
{
	fprintf(stderr, "stat::requests: %lu\n", (unsigned long)requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool said;

	if (!said)
		atexit(say_count);
	said = true;
	input = data;
	input_left = size;
	world_begin();
	disk = &world.disk[0];
	destroyed = 0;
	begin();
	world.meanwhile = meanwhile;
	while (input_left)
		step();
	world.meanwhile = NULL;
	vbd_destroy(vbd, 0, note_destroyed, NULL);
	do
		world_run();
	while (world_complete(disk, 1000));
	world_check(destroyed == 1, "it does not end");
	world_end();
	return 0;
}
