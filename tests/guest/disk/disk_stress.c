/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps up to 32 requests going on xvda, for others to disturb: this guest's end, the device's
 * reset, errors, limits, neighbours. Every sector that is written says which it is, by whom and
 * when, and every one that is read must say so too: no request may be done to the wrong place. On
 * the command line: ms=N       how long, from the first request pages=N    of one request, 1 to 11;
 * depth=N: 1 to 32 span=N     of the disk's 4 KiB blocks only the first N salt=N     who writes
 *   read, write    nothing else (without: both)
 *   crash, close   at a random moment with all requests under way; close: begins again
 *   errors     may come back; such a write may have been done or not
 *   errors=N   must come back for what includes the 4 KiB block N, and for nothing else
 *   unplug     the disk must be taken away before the end
 *   quiet      no line each second
 *   scan       all of the span is looked at first
 *   wait       does not begin, but lives for ms */
#include <tests/guest/disk/blk.h>

const char test_title[] = "disk: 32 requests at once, disturbed";

#define REF        32u
#define PAGES_MAX  11u
#define BLOCKS_MAX 16384u
#define SECTORS    8u /* of a block */
#define SLOW_NS    60000000000ull
#define UNSURE     0x80000000u /* of done[]: the last write may have been done or not */

struct stamp {
	u64 magic, sector, salt, time, sum;
};
struct slot {
	bool busy, write;
	u32 block;
	u32 time;
};

static u8 ring_page[4096] __attribute__((aligned(4096)));
static u8 data[BLK_SLOTS][PAGES_MAX * 4096] __attribute__((aligned(4096)));
static struct slot slots[BLK_SLOTS];
static u32 done[BLOCKS_MAX]; /* time of the last write; 0: not in this life */
static bool taken[BLOCKS_MAX];
static struct blk disk;
static u64 state, salt, total, errors, bad_block;
static u32 blocks, pages, depth, now;
static bool only_read, only_write, may_fail, quiet;

/* The number behind this key on the command line. */
static u64 key(const char *word, u64 otherwise)
{
	const char *p = (const char *)start_info()->cmdline_paddr;
	size_t n = strlen(word);

	for (; *p; p++)
		if (!memcmp(p, word, n))
			return blk_number(p + n);
	return otherwise;
}

static u64 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static u64 sum_of(const struct stamp *s)
{
	return (s->magic ^ s->sector * 3 ^ s->salt * 5 ^ s->time * 7) * 0x9E3779B97F4A7C15ull;
}

static void stamp_all(u32 slot, u32 block, u32 time)
{
	for (u32 i = 0; i < pages * SECTORS; i++) {
		struct stamp s = {0x5354414D50ull, (u64)block * SECTORS + i, salt, time, 0};

		s.sum = sum_of(&s);
		memcpy(&data[slot][i * 512], &s, sizeof(s));
		memcpy(&data[slot][(i + 1) * 512 - sizeof(s)], &s, sizeof(s));
	}
}

/* A sector is as it was at first (zero), or holds a stamp of its own; of this life's time if it was
 * written in it. */
static void look(u32 slot, u32 block, u32 time)
{
	for (u32 i = 0; i < pages * SECTORS; i++) {
		const u8 *at = &data[slot][i * 512];
		const struct stamp *a = (const void *)at;
		const struct stamp *b = (const void *)(at + 512 - sizeof(*b));
		u64 sector = (u64)block * SECTORS + i;

		if (!time && !a->magic && !a->sum && !b->magic && !b->sum)
			continue;
		if (a->magic != 0x5354414D50ull || a->sector != sector || a->salt != salt ||
		    a->sum != sum_of(a) || memcmp(a, b, sizeof(*a)))
			test_fail("sector %lu holds sector %lu of %lu, %s", (unsigned long)sector,
				  (unsigned long)a->sector, (unsigned long)a->salt, WHERE);
		if (time && !(time & UNSURE) && a->time != time)
			test_fail("sector %lu is of time %lu, not %u, %s", (unsigned long)sector,
				  (unsigned long)a->time, time, WHERE);
	}
}

static void begin(u32 slot)
{
	u32 units = blocks / pages, unit = (u32)(rnd() % units);
	struct slot *s = &slots[slot];

	while (taken[unit])
		unit = (unit + 1) % units;
	taken[unit] = true;
	*s = (struct slot){.busy = true, .block = unit * pages, .time = ++now};
	s->write = only_write || (!only_read && rnd() % 2);
	if (s->write)
		stamp_all(slot, s->block, s->time);
	blk_put_rw(&disk, s->write ? BLKIF_OP_WRITE : BLKIF_OP_READ, slot, (u64)s->block * SECTORS,
		   REF + slot * PAGES_MAX, pages);
}

static void finish(const struct blkif_response *r)
{
	struct slot *s = &slots[r->id % BLK_SLOTS];

	CHECK(r->id < BLK_SLOTS && s->busy, "a response to nothing");
	if (r->status && !(r->status == -1 && may_fail) &&
	    !(bad_block >= s->block && bad_block < s->block + pages))
		test_fail("status %d of a %s of block %u, %s", r->status,
			  s->write ? "write" : "read", s->block, WHERE);
	s->busy = taken[s->block / pages] = false;
	total++;
	if (r->status) {
		errors++;
		if (s->write)
			done[s->block] = s->time | UNSURE;
	} else if (s->write) {
		done[s->block] = s->time;
	} else {
		look((u32)r->id, s->block, done[s->block]);
	}
}

static void fill_ring(void)
{
	for (u32 i = 0; i < depth; i++)
		if (!slots[i].busy)
			begin(i);
	blk_push(&disk);
}

static void drain(void)
{
	struct blkif_response r;

	while (disk.consumed != disk.produced) {
		CHECK(blk_response(&disk, &r, 60000), "no response within a minute");
		finish(&r);
	}
}

static void scan(void)
{
	for (u32 b = 0; b + pages <= blocks; b += pages) {
		CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, (u64)b * SECTORS, REF, pages), 0, "scan");
		look(0, b, 0);
	}
}

/* With requests under way, of which no response is waited for; the back end ends them all. */
static void close_now(void)
{
	blk_close(&disk);
	for (u32 i = 0; i < BLK_SLOTS * PAGES_MAX; i++)
		CHECK(blk_revoke(REF + i), "a page is in use after the end");
	for (u32 i = 0; i < BLK_SLOTS; i++) {
		if (slots[i].busy && slots[i].write)
			done[slots[i].block] = slots[i].time | UNSURE;
		slots[i] = (struct slot){0};
	}
	memset(taken, 0, sizeof(taken));
}

static void open_disk(void)
{
	blk_connect(&disk);
	for (u32 i = 0; i < BLK_SLOTS * PAGES_MAX; i++)
		blk_grant(REF + i, &data[0][0] + (u64)i * 4096, false);
}

static void tell(u64 ms)
{
	static u64 before;

	print("disk_stress: %lu done in %lu ms, %lu errors\n", (unsigned long)(total - before),
	      (unsigned long)ms, (unsigned long)errors);
	before = total;
}

/* All that was under way has ended, and the back end has closed. */
static void unplugged(void)
{
	close_now();
	print("disk_stress: unplugged after %lu, %lu errors\n", (unsigned long)total,
	      (unsigned long)errors);
	test_pass();
}

static void next_response(void)
{
	struct blkif_response r;
	u64 end = clock_ns() + SLOW_NS;

	while (!blk_response(&disk, &r, 1000)) {
		CHECK(clock_ns() < end, "no response within a minute");
		if (cmdline_has("unplug") && blk_back_key(&disk, "state") >= 5)
			unplugged();
	}
	finish(&r);
}

/* Until `end`; says each second how much was done in it. */
static void work_until(u64 end)
{
	u64 second = clock_ns();
	struct blkif_response r;

	while (clock_ns() < end) {
		u64 t;

		fill_ring();
		next_response();
		while (disk.ring->rsp_prod != disk.consumed && blk_response(&disk, &r, 1))
			finish(&r);
		t = clock_ns();
		if (!quiet && t - second >= 1000000000) {
			tell((t - second) / 1000000);
			second = t;
		}
	}
}

static void crash(void)
{
	struct sched_shutdown s = {.reason = SHUTDOWN_crash};

	fill_ring();
	(void)sched_op(SCHEDOP_shutdown, &s);
}

static void settings(void)
{
	state = __builtin_ia32_rdtsc() | 1;
	salt = key("salt=", 1);
	pages = (u32)key("pages=", 1);
	depth = (u32)key("depth=", BLK_SLOTS);
	blocks = (u32)key("span=", BLOCKS_MAX);
	only_read = cmdline_has("read");
	only_write = cmdline_has("write");
	may_fail = cmdline_has("errors");
	bad_block = key("errors=", ~0ull);
	quiet = cmdline_has("quiet");
	if (!pages || pages > PAGES_MAX || !depth || depth > BLK_SLOTS)
		test_error("pages or depth");
}

void test_main(void)
{
	u64 end;

	settings();
	xs_init();
	grant_init();
	blk_find(&disk, BLK_XVDA, 16, ring_page);
	open_disk();
	if (blocks > disk.sectors / SECTORS)
		blocks = (u32)(disk.sectors / SECTORS);
	if (blocks > BLOCKS_MAX)
		blocks = BLOCKS_MAX;
	CHECK(blocks / pages > 2 * BLK_SLOTS, "the disk is too small");
	if (cmdline_has("scan"))
		scan();
	end = clock_ns() + key("ms=", 1000) * 1000000;
	while (cmdline_has("wait") && clock_ns() < end)
		delay_ns(10000000);
	if (cmdline_has("crash")) {
		work_until(clock_ns() + rnd() % 100000000);
		crash();
	}
	while (cmdline_has("close") && clock_ns() < end) {
		work_until(clock_ns() + rnd() % 50000000);
		fill_ring();
		close_now();
		open_disk();
	}
	work_until(end);
	CHECK(!cmdline_has("unplug"), "the disk was not taken away");
	drain();
	CHECK(bad_block == ~0ull || errors, "no error has come back");
	for (u32 i = 0; i < BLK_SLOTS * PAGES_MAX; i++)
		CHECK(blk_revoke(REF + i), "a page is in use at the end");
	blk_close(&disk);
}
// guest: boot=own
