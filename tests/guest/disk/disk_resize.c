/* SPDX-License-Identifier: BSD-2-Clause */
/* xvda becomes larger while it is used: what was beyond its end is refused before, and works after.
 */
#include <tests/guest/disk/blk.h>

const char test_title[] = "disk: a new size";

#define REF 32u

static u8 ring_page[4096] __attribute__((aligned(4096)));
static u64 data[2][512] __attribute__((aligned(4096)));
static struct blk disk;

void test_main(void)
{
	u64 before, after, end;

	xs_init();
	grant_init();
	blk_find(&disk, BLK_XVDA, 16, ring_page);
	blk_connect(&disk);
	blk_grant(REF, data[0], false);
	blk_grant(REF + 1, data[1], false);
	before = after = disk.sectors;
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, before, REF, 1), -1, "beyond the end");
	print("disk_resize: %lu sectors\n", (unsigned long)before);
	end = clock_ns() + 60 * NS_PER_SEC;
	while (after == before && clock_ns() < end) {
		delay_ns(10000000);
		after = blk_back_key(&disk, "sectors");
	}
	CHECK(after > before, "it does not become larger");
	for (u32 i = 0; i < 512; i++)
		data[0][i] = 0x5EED0000 + i;
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_WRITE, after - 8, REF, 1), 0, "write of the new end");
	CHECK_EQ(blk_flush(&disk), 0, "flush");
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, after - 8, REF + 1, 1), 0, "read of the new end");
	CHECK(!memcmp(data[0], data[1], 4096), "what was written comes back");
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, before, REF + 1, 1), 0, "read of what is new");
	for (u32 i = 0; i < 512; i++)
		CHECK_EQ(data[1][i], 0, "what is new is zero");
	CHECK_EQ(blk_rw(&disk, BLKIF_OP_READ, after, REF, 1), -1, "beyond the new end");
	blk_close(&disk);
	print("disk_resize: %lu sectors now\n", (unsigned long)after);
}
// guest: boot=own
