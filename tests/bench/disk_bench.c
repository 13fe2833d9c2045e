/* SPDX-License-Identifier: BSD-2-Clause */
/* How fast xvda is for a guest: sequential and random, reads and writes, one request at a time and
 * 32. What is on it is lost. Prints "DISK name requests ns". Its driver does what Linux's does in
 * the ring: answers are taken and new requests put in by the handler of the event, with one
 * notification if the back end wants one, and the processor is halted between.
 * On the command line, sequential: only these. */
#include <tests/bench/mark.h>
#include <tests/guest/disk/blk.h>

const char test_title[] = "rates of a disk";

#define DEPTH_MAX   32u
#define PAGES_MAX   32u /* of one request: 128 KiB */
#define RING_REF    8u
#define LIST_REF    16u /* a page of segments for each request */
#define DATA_REF    64u
#define FRAMES_MORE 2u /* of the grant table, behind the library's one */
#define FRAME_REFS  512u

static const struct workload {
	const char *name;
	u8 op;
	bool random;
	u32 depth, pages, count;
} workloads[] = {
	{"seq_read_1", BLKIF_OP_READ, false, 1, 32, 500},
	{"seq_read_32", BLKIF_OP_READ, false, 32, 32, 3000},
	{"seq_write_1", BLKIF_OP_WRITE, false, 1, 32, 500},
	{"seq_write_32", BLKIF_OP_WRITE, false, 32, 32, 3000},
	{"rand_read_1", BLKIF_OP_READ, true, 1, 1, 2000},
	{"rand_read_32", BLKIF_OP_READ, true, 32, 1, 20000},
	{"rand_write_1", BLKIF_OP_WRITE, true, 1, 1, 2000},
	{"rand_write_32", BLKIF_OP_WRITE, true, 32, 1, 20000},
};

static u8 ring_page[4096] __attribute__((aligned(4096)));
static u8 more_frames[FRAMES_MORE][4096] __attribute__((aligned(4096)));
static struct blkif_segment lists[DEPTH_MAX][512] __attribute__((aligned(4096)));
static u8 data[DEPTH_MAX][PAGES_MAX][4096] __attribute__((aligned(4096)));
static u32 free_tag[DEPTH_MAX], free_count;
static struct blk disk;
static u64 seed, blocks;
static u32 issued, done, count;

/* Linux too makes and ends a grant for each page of each request. */
static void grant_data(u32 ref, const void *p, bool readonly)
{
	volatile struct grant_entry_v1 *e;

	if (ref < FRAME_REFS) {
		blk_grant(ref, p, readonly);
		return;
	}
	e = &((volatile struct grant_entry_v1 *)(void *)more_frames)[ref - FRAME_REFS];
	e->domid = BLK_DOMAIN;
	e->frame = (u32)((u64)p >> 12);
	barrier();
	e->flags = (u16)(GTF_permit_access | (readonly ? GTF_readonly : 0));
}

static void revoke_data(u32 ref)
{
	volatile struct grant_entry_v1 *e;

	if (ref < FRAME_REFS) {
		CHECK(blk_revoke(ref), "a page is in use after the response");
		return;
	}
	e = &((volatile struct grant_entry_v1 *)(void *)more_frames)[ref - FRAME_REFS];
	CHECK(!(e->flags & (GTF_reading | GTF_writing)), "a page is in use after the response");
	e->flags = 0;
}

static u64 next_sector(const struct workload *w)
{
	u64 block = issued % blocks;

	if (w->random) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		block = seed % blocks;
	}
	return block * w->pages * BLKIF_SECTORS_PER_PAGE;
}

static void put_indirect(const struct workload *w, u32 tag, u64 sector, u32 first)
{
	volatile struct blkif_indirect *q = &blk_slot(&disk)->indirect;

	for (u32 i = 0; i < w->pages; i++)
		lists[tag][i] = (struct blkif_segment){.gref = first + i, .last = 7};
	blk_grant(LIST_REF + tag, lists[tag], true);
	q->op = BLKIF_OP_INDIRECT;
	q->real_op = w->op;
	q->segment_count = (u16)w->pages;
	q->id = tag;
	q->sector = sector;
	q->handle = 0;
	q->gref[0] = LIST_REF + tag;
}

static void put_one(const struct workload *w)
{
	u32 tag = free_tag[--free_count], first = DATA_REF + tag * w->pages;
	u64 sector = next_sector(w);

	for (u32 i = 0; i < w->pages; i++)
		grant_data(first + i, data[tag][i], w->op == BLKIF_OP_WRITE);
	if (w->pages > BLKIF_SEGMENTS)
		put_indirect(w, tag, sector, first);
	else
		blk_put_rw(&disk, w->op, tag, sector, first, w->pages);
	issued++;
}

static void put_all(const struct workload *w)
{
	while (free_count && issued < count)
		put_one(w);
	blk_push(&disk);
}

static void take_one(const struct workload *w)
{
	volatile struct blkif_response *r = &disk.ring->slot[disk.consumed++ % BLK_SLOTS].response;
	u32 tag = (u32)r->id;

	CHECK(r->id < w->depth && r->status == BLKIF_RSP_OKAY, "a request failed");
	for (u32 i = 0; i < w->pages; i++)
		revoke_data(DATA_REF + tag * w->pages + i);
	if (w->pages > BLKIF_SEGMENTS)
		CHECK(blk_revoke(LIST_REF + tag), "a list is in use after the response");
	free_tag[free_count++] = tag;
	done++;
}

/* Takes what is there, and asks to be told of the next. */
static bool take_all(const struct workload *w)
{
	u32 before = done;

	do {
		while (disk.consumed != disk.ring->rsp_prod) {
			barrier();
			take_one(w);
		}
		disk.ring->rsp_event = disk.consumed + 1;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	} while (disk.consumed != disk.ring->rsp_prod);
	return done != before;
}

static void run(const struct workload *w)
{
	u64 start, ns;

	count = w->count;
	blocks = disk.sectors / (w->pages * BLKIF_SECTORS_PER_PAGE);
	seed = 88172645463325252ull;
	issued = done = 0;
	for (free_count = 0; free_count < w->depth; free_count++)
		free_tag[free_count] = free_count;
	BENCH_MARK(BENCH_BEGIN);
	start = clock_ns();
	put_all(w);
	while (done < count) {
		if (take_all(w))
			put_all(w);
		else
			halt_once();
	}
	ns = clock_ns() - start;
	BENCH_MARK(BENCH_END);
	print("DISK %s %u %lu\n", w->name, count, (unsigned long)ns);
}

void test_main(void)
{
	xs_init();
	grant_init();
	for (u32 i = 0; i < FRAMES_MORE; i++)
		CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, i + 1, (u64)more_frames[i] >> 12),
			 0, "another grant frame");
	blk_find(&disk, BLK_XVDA, RING_REF, ring_page);
	blk_connect(&disk);
	CHECK(disk.max_indirect >= PAGES_MAX, "indirect requests of 128 KiB");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, disk.port), 0, "unmask");
	for (u32 i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!workloads[i].random || !cmdline_has("sequential"))
			run(&workloads[i]);
	blk_close(&disk);
}
