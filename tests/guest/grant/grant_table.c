/* SPDX-License-Identifier: BSD-2-Clause */
/* Size and frames of the grant table; what the control domain put into it. */
#include <tests/guest/grant/grant.h>

const char test_title[] = "grant table: size, version, frames";

static u8 frames[70][4096] __attribute__((aligned(4096)));

static struct gnttab_query_size query(void)
{
	struct gnttab_query_size q = {.dom = DOMID_SELF, .status = 99};

	CHECK_EQ(grant_table_op(GNTTABOP_query_size, &q, 1), 0, "query_size");
	CHECK_EQ(q.status, GNTST_okay, "status");
	return q;
}

void test_main(void)
{
	struct gnttab_query_size q = query(), other = {.dom = 0, .status = 99};
	struct gnttab_set_version v = {1};
	u64 console, store;
	u32 max = q.max_nr_frames;

	CHECK(q.nr_frames >= 1 && max >= q.nr_frames && max <= 70, "sizes make sense");
	CHECK(grant_table_op(GNTTABOP_query_size, &q, 2) < 0, "query_size with count 2");
	CHECK_EQ(grant_table_op(GNTTABOP_query_size, &other, 1), 0, "query of another domain");
	CHECK(other.status < 0, "is refused");
	CHECK_EQ(grant_table_op(GNTTABOP_set_version, &v, 1), 0, "version 1");
	v.version = 2;
	CHECK(grant_table_op(GNTTABOP_set_version, &v, 1) < 0, "version 2 is refused");
	v.version = 77;
	CHECK(grant_table_op(GNTTABOP_set_version, &v, 1) < 0, "version 77");
	grant_init();
	CHECK_EQ(hvm_get_param(HVM_PARAM_CONSOLE_PFN, &console), 0, "console page");
	CHECK_EQ(hvm_get_param(HVM_PARAM_STORE_PFN, &store), 0, "store page");
	CHECK_EQ(grant_table()[GNTTAB_RESERVED_CONSOLE].frame, console, "grant 0 is the console");
	CHECK_EQ(grant_table()[GNTTAB_RESERVED_XENSTORE].frame, store, "grant 1 is the store");
	CHECK_EQ(grant_table()[0].flags & GTF_type_mask, GTF_permit_access, "flags of grant 0");
	CHECK_EQ(grant_table()[0].domid, 0, "for the control domain");
	for (u32 i = 8; i < 512; i++)
		CHECK(!grant_table()[i].flags, "the rest is empty");
	/* The highest frame first, as Linux does; the table grows. */
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, max - 1, (u64)frames[max - 1] >> 12), 0,
		 "last frame");
	CHECK_EQ(query().nr_frames, max, "the table grew");
	for (u32 i = max - 1; i-- > 1;)
		CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, i, (u64)frames[i] >> 12), 0,
			 "frame");
	for (u32 i = 1; i < max; i++) {
		CHECK(*(u64 *)(void *)frames[i] == 0, "new frames are empty");
		*(volatile u64 *)(void *)frames[i] = i;
	}
	for (u32 i = 1; i < max; i++)
		CHECK_EQ(*(volatile u64 *)(void *)frames[i], i, "frames are distinct");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, max, EMPTY_GFN), -XEN_EINVAL,
		 "frame beyond the maximum");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status, EMPTY_GFN),
		 -XEN_EINVAL, "status frame of version 2");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, ~0ull, EMPTY_GFN), -XEN_EINVAL,
		 "frame 2^64 - 1");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, 1ull << 32, EMPTY_GFN), -XEN_EINVAL,
		 "frame 2^32");
	/* A frame that is mapped elsewhere moves. */
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, 3, EMPTY_GFN), 0, "move frame 3");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), 3, "it is at the new place");
	CHECK_EQ(*(volatile u64 *)(void *)frames[3], ~0ull, "and no longer at the old one");
}
