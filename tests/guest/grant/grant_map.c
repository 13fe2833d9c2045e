/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping a granted page: contents, rights, the reading and writing flags, unmapping. */
#include <tests/guest/grant/grant.h>

const char test_title[] = "grants: map and unmap";

static volatile u64 page[512] __attribute__((aligned(4096)));
#define AT        (EMPTY_GFN << 12)
#define GFLAGS(r) (grant_table()[r].flags)

struct store {
	volatile u64 *p;
};
static void write_word(void *arg)
{
	*((struct store *)arg)->p = 0xBAD;
}

void test_main(void)
{
	struct gnttab_map_grant_ref m, m2;
	struct store s = {gfn_ptr(EMPTY_GFN)};

	grant_init();
	page[0] = 0x1234;
	page[511] = 0x5678;
	grant_page(8, page, GTF_permit_access);
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), ~0ull, "nothing there before");
	m = grant_map(8, AT, GNTMAP_host_map);
	CHECK_EQ(m.status, GNTST_okay, "map");
	CHECK_EQ(GFLAGS(8), GTF_permit_access | GTF_reading | GTF_writing, "flags while mapped");
	CHECK_EQ(gfn_ptr(EMPTY_GFN)[0], 0x1234, "contents through the mapping");
	CHECK_EQ(gfn_ptr(EMPTY_GFN)[511], 0x5678, "end of the page");
	gfn_ptr(EMPTY_GFN)[1] = 77;
	CHECK_EQ(page[1], 77, "a write through the mapping");
	/* A second mapping of the same entry, read-only. */
	m2 = grant_map(8, AT + 0x1000, GNTMAP_host_map | GNTMAP_readonly);
	CHECK_EQ(m2.status, GNTST_okay, "second map");
	CHECK(m2.handle != m.handle, "handles differ");
	CHECK_EQ(gfn_ptr(EMPTY_GFN + 1)[1], 77, "the same page");
	s.p = gfn_ptr(EMPTY_GFN + 1);
	(void)expect_fault(write_word, &s);
	CHECK_EQ(page[0], 0x1234, "a read-only mapping cannot be written");
	CHECK_EQ(grant_unmap(AT, m.handle), GNTST_okay, "unmap");
	CHECK_EQ(GFLAGS(8), GTF_permit_access | GTF_reading, "no writer left");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), ~0ull, "nothing there after unmap");
	CHECK_EQ(grant_unmap(AT, m.handle), GNTST_bad_handle, "unmap twice");
	CHECK_EQ(grant_unmap(AT + 0x1000, m2.handle), GNTST_okay, "unmap the second");
	CHECK_EQ(GFLAGS(8), GTF_permit_access, "nobody uses it");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN + 1), ~0ull, "gone");
	/* Read-only grants. */
	grant_page(9, page, GTF_permit_access | GTF_readonly);
	m = grant_map(9, AT, GNTMAP_host_map);
	CHECK(m.status < 0, "a read-only grant cannot be mapped for writing");
	CHECK_EQ(GFLAGS(9), GTF_permit_access | GTF_readonly, "and was left alone");
	m = grant_map(9, AT, GNTMAP_host_map | GNTMAP_readonly);
	CHECK_EQ(m.status, GNTST_okay, "map read-only");
	CHECK_EQ(GFLAGS(9), GTF_permit_access | GTF_readonly | GTF_reading, "reading only");
	CHECK_EQ(gfn_ptr(EMPTY_GFN)[511], 0x5678, "contents");
	CHECK_EQ(grant_unmap(AT, m.handle), GNTST_okay, "unmap");
	/* Many times: no handle and no count is lost. */
	for (u32 i = 0; i < 500; i++) {
		m = grant_map(8, AT, GNTMAP_host_map);
		CHECK_EQ(m.status, GNTST_okay, "map again");
		CHECK_EQ(grant_unmap(AT, m.handle), GNTST_okay, "unmap again");
	}
	CHECK_EQ(GFLAGS(8), GTF_permit_access, "at the end");
}
