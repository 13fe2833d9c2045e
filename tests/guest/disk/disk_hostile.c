/* SPDX-License-Identifier: BSD-2-Clause */
/* 100,000 requests (few=5,000) of which hardly one is right, on the ring of xvda. Pages that are
 * not granted, and those granted for reading alone, must stay as they are; what lies beside the
 * disk on the medium is for the host to look at. Now and then the ring itself is spoilt, and set up
 * again. */
#include <tests/guest/disk/blk.h>

const char test_title[] = "disk: hostile rings";

#define REQUESTS 100000u
#define FEW      5000u /* with the word "few": for a slow machine */
#define REF      32u
#define GRANTED  16u /* pages that may be written, then as many that may be read */
#define GUARDS   16u
#define PATTERN  0x1122334455667788ull

static u8 ring_page[4096] __attribute__((aligned(4096)));
static u64 data[2 * GRANTED][512] __attribute__((aligned(4096)));
static u64 guard[GUARDS][512] __attribute__((aligned(4096)));
static struct blkif_segment list[2][512] __attribute__((aligned(4096)));
static struct blk disk;
static u64 state = 0x853C49E6748FEA9Bull;
static u32 answered, restarts;

static u64 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}
static u64 below(u64 n)
{
	return rnd() % n;
}

/* Mostly granted pages; guards, entries that are void, and none at all. */
static u32 any_ref(void)
{
	switch (below(8)) {
	case 0:
		return (u32)rnd();
	case 1:
		return REF + 2 * GRANTED + 2 + (u32)below(400);
	case 2:
		return REF + GRANTED + (u32)below(GRANTED);
	default:
		return REF + (u32)below(GRANTED);
	}
}

static u64 any_sector(void)
{
	switch (below(6)) {
	case 0:
		return rnd();
	case 1:
		return disk.sectors - below(16);
	case 2:
		return ~0ull - below(64);
	default:
		return below(disk.sectors);
	}
}

static struct blkif_segment any_segment(void)
{
	if (below(4) == 0)
		return (struct blkif_segment){any_ref(), (u8)rnd(), (u8)rnd(), (u16)rnd()};
	return (struct blkif_segment){any_ref(), (u8)below(4), (u8)(4 + below(5)), 0};
}

static void put_any(u64 id)
{
	static const u8 ops[] = {0, 0, 0, 1, 1, 1, 2, 3, 5, 6, 6, 6, 4, 77};
	union blkif_slot s;
	u8 op = ops[below(sizeof(ops))];

	for (u32 i = 0; i < sizeof(s) / 8; i++)
		((u64 *)&s)[i] = rnd();
	s.rw.op = op;
	s.rw.id = id;
	if (op == BLKIF_OP_INDIRECT) {
		s.indirect.real_op = ops[below(sizeof(ops))];
		s.indirect.segment_count = (u16)(below(4) ? below(40) : rnd());
		s.indirect.id = id;
		s.indirect.sector = any_sector();
		for (u32 i = 0; i < BLKIF_INDIRECT_PAGES; i++)
			s.indirect.gref[i] =
				below(8) ? REF + 2 * GRANTED + (u32)below(2) : any_ref();
		for (u32 i = 0; i < 40; i++)
			list[below(2)][below(512)] = any_segment();
	} else if (op == BLKIF_OP_DISCARD) {
		s.discard.sector = any_sector();
		s.discard.count = below(2) ? below(64) : rnd();
	} else {
		s.rw.segment_count = (u8)(below(8) ? below(13) : rnd());
		s.rw.sector = any_sector();
		for (u32 i = 0; i < BLKIF_SEGMENTS; i++)
			s.rw.segment[i] = any_segment();
	}
	*(union blkif_slot *)(u64)blk_slot(&disk) = s;
}

static void grant_all(void)
{
	for (u32 i = 0; i < 2 * GRANTED; i++)
		blk_grant(REF + i, data[i], i >= GRANTED);
	for (u32 i = 0; i < 2; i++)
		blk_grant(REF + 2 * GRANTED + i, list[i], true);
}

static void check_memory(void)
{
	for (u32 i = 0; i < GRANTED * 512; i++)
		CHECK(data[GRANTED + i / 512][i % 512] == PATTERN,
		      "a page granted for reading was written");
	for (u32 i = 0; i < GUARDS * 512; i++)
		CHECK(guard[i / 512][i % 512] == PATTERN,
		      "a page that was not granted was written");
}

/* Answers to all that was put, while other things in the ring and the lists change. */
static void drain(void)
{
	struct blkif_response r;

	while (disk.consumed != disk.produced) {
		for (u32 i = 0; i < 8; i++)
			list[below(2)][below(512)] = any_segment();
		CHECK(blk_response(&disk, &r, 60000), "no response to a bad request");
		CHECK(r.status <= 0 && r.status >= -2, "status of a response");
		answered++;
	}
}

/* Indices that cannot be: the back end stops, says so, and takes a new ring. */
static void spoil_ring(void)
{
	disk.ring->req_prod = disk.produced + BLK_SLOTS + 1 + (u32)below(1u << 30);
	(void)event_send(disk.port);
	CHECK(blk_back_state(&disk, 5, 10000) || blk_back_key(&disk, "state") == 6,
	      "the back end stops with a ring that is spoilt");
	blk_write_key(&disk, "state", 6);
	CHECK(blk_back_state(&disk, 6, 10000), "and is closed");
	CHECK_EQ(event_port_op(EVTCHNOP_close, disk.port), 0, "closing the port");
	CHECK(blk_revoke(disk.ring_ref), "the ring is still in use");
	blk_connect(&disk);
	restarts++;
}

void test_main(void)
{
	u64 id = 0, requests = cmdline_has("few") ? FEW : REQUESTS;

	for (u32 i = 0; i < GRANTED * 512; i++)
		data[GRANTED + i / 512][i % 512] = PATTERN;
	for (u32 i = 0; i < GUARDS * 512; i++)
		guard[i / 512][i % 512] = PATTERN;
	xs_init();
	grant_init();
	blk_find(&disk, BLK_XVDA, 16, ring_page);
	blk_connect(&disk);
	grant_all();
	while (id < requests) {
		u32 n = 1 + (u32)below(BLK_SLOTS);

		for (u32 i = 0; i < n; i++)
			put_any(id++);
		blk_push(&disk);
		drain();
		if (below(2000) == 0)
			spoil_ring();
	}
	CHECK_EQ(answered, id, "one response for each request");
	check_memory();
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, 0, REF, 1), 0, "a good request after all that");
	for (u32 i = 0; i < 2 * GRANTED + 2; i++)
		CHECK(blk_revoke(REF + i), "a page is in use at the end");
	blk_close(&disk);
	print("disk_hostile: %lu requests, %u new rings\n", (unsigned long)id, restarts);
}
// guest: boot=own
