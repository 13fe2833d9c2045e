/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk that is given for reading alone, and a CD-ROM: both say so, give what is on them, and take
 * nothing. xvda begins with "plinth!!", xvdb too. */
#include <tests/guest/disk/blk.h>

const char test_title[] = "disk: read-only";

#define REF 32u

static u8 ring_page[2][4096] __attribute__((aligned(4096)));
static u64 data[512] __attribute__((aligned(4096)));
static struct blk disk[2];

static void one(struct blk *b, u32 vdev, u32 ring_ref, void *ring, u32 info)
{
	blk_find(b, vdev, ring_ref, ring);
	blk_connect(b);
	CHECK_EQ(b->info, info, "what the back end says of it");
	CHECK(!b->discard, "no discard on what cannot be written");
	CHECK_EQ(blk_rw(b, BLKIF_OP_READ, 0, REF, 1), 0, "read");
	CHECK(!memcmp(data, "plinth!!", 8), "its contents");
	memset(data, 0xEE, 4096);
	CHECK_EQ(blk_rw(b, BLKIF_OP_WRITE, 0, REF, 1), -1, "write");
	CHECK_EQ(blk_rw(b, BLKIF_OP_READ, 0, REF, 1), 0, "read again");
	CHECK(!memcmp(data, "plinth!!", 8), "nothing was written");
}

void test_main(void)
{
	xs_init();
	grant_init();
	blk_grant(REF, data, false);
	one(&disk[0], BLK_XVDA, 16, ring_page[0], BLKIF_INFO_READONLY);
	one(&disk[1], BLK_XVDB, 17, ring_page[1],
	    BLKIF_INFO_READONLY | BLKIF_INFO_CDROM | BLKIF_INFO_REMOVABLE);
	blk_close(&disk[0]);
	blk_close(&disk[1]);
}
// guest: boot=own
