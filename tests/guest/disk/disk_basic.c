/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk through its ring: every operation, pieces of pages, indirect requests, what must be
 * refused, closing and opening again. xvda is 1 MiB or more and may be written. */
#include <tests/guest/disk/blk.h>

const char test_title[] = "disk: operations of the ring";

#define DATA_REF  32u
#define INDIRECT  (DATA_REF + 64)
#define PAGES     64u
#define SECTOR_OK 64u

static u8 ring_page[4096] __attribute__((aligned(4096)));
static u64 data[PAGES][512] __attribute__((aligned(4096)));
static struct blkif_segment list[512] __attribute__((aligned(4096)));
static struct blk disk;

static void fill(u32 page, u64 seed)
{
	for (u32 i = 0; i < 512; i++)
		data[page][i] = (seed + i) * 0x9E3779B97F4A7C15ull;
}
static bool holds(u32 page, u64 seed)
{
	for (u32 i = 0; i < 512; i++)
		if (data[page][i] != (seed + i) * 0x9E3779B97F4A7C15ull)
			return false;
	return true;
}

static void grant_all(void)
{
	for (u32 i = 0; i < PAGES; i++)
		blk_grant(DATA_REF + i, data[i], false);
	blk_grant(INDIRECT, list, true);
}
static void revoke_all(void)
{
	for (u32 i = 0; i < PAGES; i++)
		CHECK(blk_revoke(DATA_REF + i), "a page is in use after the response");
	CHECK(blk_revoke(INDIRECT), "an indirect page is in use after the response");
}

static void whole_pages(void)
{
	for (u32 i = 0; i < 11; i++)
		fill(i, 1000 + i);
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_WRITE, SECTOR_OK, DATA_REF, 11), 0, "write of 11 pages");
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, SECTOR_OK, DATA_REF + 20, 11), 0, "read of 11 pages");
	for (u32 i = 0; i < 11; i++)
		CHECK(holds(20 + i, 1000 + i), "what was written comes back");
}

/* Sectors 3..5 of one page, then 0..0 of another, at an odd place. */
static void pieces(void)
{
	volatile struct blkif_rw *q = &blk_slot(&disk)->rw;

	fill(0, 5000);
	fill(1, 6000);
	*(struct blkif_rw *)(u64)q =
		(struct blkif_rw){.op = BLKIF_OP_WRITE,
				  .segment_count = 2,
				  .id = 7,
				  .sector = SECTOR_OK + 13,
				  .segment = {{DATA_REF, 3, 5, 0}, {DATA_REF + 1, 0, 0, 0}}};
	CHECK_EQ(blk_wait_one(&disk, 7, BLKIF_OP_WRITE), 0, "write of pieces");
	memset(data[2], 0, 4096);
	memset(data[3], 0xFF, 4096);
	q = &blk_slot(&disk)->rw;
	*(struct blkif_rw *)(u64)q =
		(struct blkif_rw){.op = BLKIF_OP_READ,
				  .segment_count = 2,
				  .id = 8,
				  .sector = SECTOR_OK + 13,
				  .segment = {{DATA_REF + 2, 0, 1, 0}, {DATA_REF + 3, 6, 7, 0}}};
	CHECK_EQ(blk_wait_one(&disk, 8, BLKIF_OP_READ), 0, "read of pieces");
	CHECK(!memcmp(data[2], &data[0][3 * 64], 1024), "the first two sectors");
	CHECK(!memcmp(&data[3][6 * 64], &data[0][5 * 64], 512), "the third sector");
	CHECK(!memcmp(&data[3][7 * 64], data[1], 512), "the fourth sector");
	CHECK(data[2][128] == 0 && data[3][6 * 64 - 1] == ~0ull, "nothing beside the pieces");
}

static s16 indirect(u8 op, u64 sector, u32 first, u32 count)
{
	volatile struct blkif_indirect *q = &blk_slot(&disk)->indirect;

	for (u32 i = 0; i < count && i < 512; i++)
		list[i] = (struct blkif_segment){first + i, 0, 7, 0};
	*(struct blkif_indirect *)(u64)q = (struct blkif_indirect){.op = BLKIF_OP_INDIRECT,
								   .real_op = op,
								   .segment_count = (u16)count,
								   .id = 77,
								   .sector = sector,
								   .gref = {INDIRECT}};
	return blk_wait_one(&disk, 77, op);
}

static void indirect_requests(void)
{
	CHECK(disk.max_indirect >= 32, "indirect segments are offered");
	for (u32 i = 0; i < 32; i++)
		fill(i, 9000 + i);
	CHECK_EQ(indirect(BLKIF_OP_WRITE, 256, DATA_REF, 32), 0, "indirect write");
	CHECK_EQ(indirect(BLKIF_OP_READ, 256, DATA_REF + 32, 32), 0, "indirect read");
	for (u32 i = 0; i < 32; i++)
		CHECK(holds(32 + i, 9000 + i), "what was written indirectly comes back");
	CHECK_EQ(indirect(BLKIF_OP_READ, 256, DATA_REF, 0), -1, "no segments");
	CHECK_EQ(indirect(BLKIF_OP_READ, 256, DATA_REF, 400), -1, "too many segments");
	CHECK(indirect(BLKIF_OP_FLUSH, 256, DATA_REF, 1) < 0, "an indirect flush");
}

static s16 odd_rw(u8 op, u64 sector, u32 ref, u8 first, u8 last, u8 count)
{
	*(struct blkif_rw *)(u64)&blk_slot(&disk)->rw =
		(struct blkif_rw){.op = op,
				  .segment_count = count,
				  .id = 9,
				  .sector = sector,
				  .segment = {{ref, first, last, 0}}};
	return blk_wait_one(&disk, 9, op);
}

static void what_is_refused(void)
{
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, disk.sectors, DATA_REF, 1), -1, "beyond the end");
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_WRITE, disk.sectors - 7, DATA_REF, 1), -1, "over the end");
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, ~0ull - 3, DATA_REF, 1), -1, "around the end");
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, DATA_REF, 5, 4, 1), -1, "last before first");
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, DATA_REF, 0, 8, 1), -1, "a ninth sector");
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, DATA_REF, 0, 7, 0), -1, "no segment");
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, DATA_REF, 0, 7, 12), -1, "twelve segments");
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, 500, 0, 7, 1), -1, "a page that is not granted");
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, 0xFFFFFFFF, 0, 7, 1), -1, "no such grant");
	CHECK_EQ(odd_rw(4, 0, DATA_REF, 0, 7, 1), -2, "an operation that nobody knows");
	CHECK_EQ(odd_rw(200, 0, DATA_REF, 0, 7, 1), -2, "another one");
	/* The device may not write into what is granted for reading. */
	blk_grant(DATA_REF, data[0], true);
	CHECK_EQ(odd_rw(BLKIF_OP_READ, 0, DATA_REF, 0, 7, 1), -1, "read into a read-only page");
	CHECK_EQ(odd_rw(BLKIF_OP_WRITE, SECTOR_OK, DATA_REF, 0, 7, 1), 0,
		 "write of a read-only page");
	blk_grant(DATA_REF, data[0], false);
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, 0, DATA_REF, 1), 0, "and goes on");
}

static void all_slots(void)
{
	u64 seen = 0;

	for (u32 i = 0; i < BLK_SLOTS; i++) {
		fill(i, 20000 + i);
		blk_put_rw(&disk, BLKIF_OP_WRITE, i, 512 + i * 8, DATA_REF + i, 1);
	}
	blk_push(&disk);
	for (u32 i = 0; i < BLK_SLOTS; i++) {
		struct blkif_response r;

		CHECK(blk_response(&disk, &r, 30000), "a response for each slot");
		CHECK(r.status == 0 && r.id < BLK_SLOTS && !(seen >> r.id & 1), "one for each id");
		seen |= 1ull << r.id;
	}
	CHECK_EQ(blk_flush(&disk), 0, "flush");
	for (u32 i = 0; i < BLK_SLOTS; i++)
		blk_put_rw(&disk, BLKIF_OP_READ, i, 512 + i * 8, DATA_REF + 32 + i, 1);
	blk_push(&disk);
	for (u32 i = 0; i < BLK_SLOTS; i++) {
		struct blkif_response r;

		CHECK(blk_response(&disk, &r, 30000) && r.status == 0, "a read for each slot");
	}
	for (u32 i = 0; i < BLK_SLOTS; i++)
		CHECK(holds(32 + i, 20000 + i), "32 at once: what was written comes back");
}

static void discards(void)
{
	volatile struct blkif_discard *q = &blk_slot(&disk)->discard;
	s16 status;

	*(struct blkif_discard *)(u64)q = (struct blkif_discard){
		.op = BLKIF_OP_DISCARD, .id = 5, .sector = 1024, .count = 64};
	status = blk_wait_one(&disk, 5, BLKIF_OP_DISCARD);
	CHECK_EQ(status, disk.discard ? 0 : -2, "discard");
	q = &blk_slot(&disk)->discard;
	*(struct blkif_discard *)(u64)q = (struct blkif_discard){
		.op = BLKIF_OP_DISCARD, .id = 6, .sector = 8, .count = ~0ull - 4};
	status = blk_wait_one(&disk, 6, BLKIF_OP_DISCARD);
	CHECK(status < 0, "a discard around the end");
}

void test_main(void)
{
	xs_init();
	grant_init();
	blk_find(&disk, BLK_XVDA, 16, ring_page);
	for (u32 round = 0; round < 3; round++) {
		blk_connect(&disk);
		CHECK(disk.flush, "flush is offered");
		CHECK(disk.sectors >= 2048 && disk.sector_size >= 512, "size of the disk");
		grant_all();
		whole_pages();
		if (disk.sector_size == 512)
			pieces();
		indirect_requests();
		what_is_refused();
		all_slots();
		discards();
		revoke_all();
		blk_close(&disk);
	}
}
// guest: boot=own
