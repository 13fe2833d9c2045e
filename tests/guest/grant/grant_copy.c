/* SPDX-License-Identifier: BSD-2-Clause */
/* grant copy: by reference and by frame, offsets, limits, batches. */
#include <tests/guest/grant/grant.h>

const char test_title[] = "grants: copy";

static u8 from[4096] __attribute__((aligned(4096)));
static u8 to[4096] __attribute__((aligned(4096)));

static s16 copy(struct gnttab_copy c)
{
	c.status = 99;
	CHECK_EQ(grant_table_op(GNTTABOP_copy, &c, 1), 0, "copy call");
	return c.status;
}
static struct gnttab_copy ref_to_frame(u32 ref, u16 off, const u8 *dst, u16 dst_off, u16 len)
{
	return (struct gnttab_copy){
		.source = {.u.ref = ref, .domid = own_domid(), .offset = off},
		.dest = {.u.gmfn = (u64)dst >> 12, .domid = DOMID_SELF, .offset = dst_off},
		.len = len,
		.flags = GNTCOPY_source_gref};
}

void test_main(void)
{
	struct gnttab_copy c, batch[3];

	grant_init();
	for (u32 i = 0; i < 4096; i++)
		from[i] = (u8)(i * 7);
	grant_page(8, from, GTF_permit_access | GTF_readonly);
	grant_page(9, to, GTF_permit_access);
	CHECK_EQ(copy(ref_to_frame(8, 0, to, 0, 4096)), GNTST_okay, "whole page");
	CHECK(!memcmp(from, to, 4096), "contents");
	CHECK_EQ(grant_table()[8].flags, GTF_permit_access | GTF_readonly, "flags after the copy");
	memset(to, 0, 4096);
	CHECK_EQ(copy(ref_to_frame(8, 100, to, 4000, 96)), GNTST_okay, "a piece");
	CHECK(!memcmp(from + 100, to + 4000, 96) && to[3999] == 0, "piece in its place");
	CHECK_EQ(copy(ref_to_frame(8, 100, to, 0, 0)), GNTST_okay, "length 0");
	CHECK_EQ(copy(ref_to_frame(8, 1, to, 0, 4096)), GNTST_bad_copy_arg,
		 "source crosses its page");
	CHECK_EQ(copy(ref_to_frame(8, 0, to, 4095, 2)), GNTST_bad_copy_arg,
		 "target crosses its page");
	CHECK_EQ(copy(ref_to_frame(8, 0xFFFF, to, 0, 0xFFFF)), GNTST_bad_copy_arg, "wild sizes");
	/* From a frame into a grant. */
	c = (struct gnttab_copy){
		.source = {.u.gmfn = (u64)from >> 12, .domid = DOMID_SELF, .offset = 8},
		.dest = {.u.ref = 9, .domid = own_domid(), .offset = 16},
		.len = 32,
		.flags = GNTCOPY_dest_gref};
	CHECK_EQ(copy(c), GNTST_okay, "frame to grant");
	CHECK(!memcmp(from + 8, to + 16, 32), "contents");
	c.dest.u.ref = 8;
	CHECK(copy(c) < 0, "a read-only grant is not written");
	c.dest.u.ref = 100;
	CHECK(copy(c) < 0, "an empty entry");
	c.dest.u.ref = 0xFFFFFFFF;
	CHECK_EQ(copy(c), GNTST_bad_gntref, "a wild reference");
	c.dest.u.ref = 9;
	c.source.u.gmfn = EMPTY_GFN;
	CHECK(copy(c) < 0, "from where nothing is");
	c.source.u.gmfn = 1ull << 60;
	CHECK(copy(c) < 0, "from a wild frame");
	c.source.u.gmfn = (u64)from >> 12;
	c.source.domid = 0;
	CHECK(copy(c) < 0, "a frame of the control domain");
	c.source.domid = DOMID_SELF;
	c.dest.domid = 4000;
	CHECK_EQ(copy(c), GNTST_bad_domain, "a domain that is not there");
	c.dest.domid = own_domid();
	c.flags = 0xFFFC;
	CHECK(copy(c) < 0, "unknown flags");
	/* One bad element does not spoil the others. */
	memset(to, 0, 4096);
	batch[0] = batch[2] = ref_to_frame(8, 0, to, 0, 10);
	batch[2].dest.offset = 20;
	batch[1] = ref_to_frame(400, 0, to, 10, 10);
	CHECK_EQ(grant_table_op(GNTTABOP_copy, batch, 3), 0, "batch");
	CHECK(batch[0].status == GNTST_okay && batch[1].status < 0 && batch[2].status == GNTST_okay,
	      "statuses of a batch");
	CHECK(!memcmp(from, to, 10) && !memcmp(from, to + 20, 10) && !to[12], "batch contents");
	CHECK_EQ(grant_table_op(GNTTABOP_copy, batch, 0), 0, "empty batch");
}
