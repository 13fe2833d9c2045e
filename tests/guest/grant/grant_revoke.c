/* SPDX-License-Identifier: BSD-2-Clause */
/* Revocation while mapped: the granter clears its entry, gives the page back, drops it; the mapping
 * stays whole until it is undone, and the page is not reused before. */
#include <tests/guest/grant/grant.h>

const char test_title[] = "grants: revoked while mapped";

static volatile u64 page[512] __attribute__((aligned(4096)));
#define AT (EMPTY_GFN << 12)

void test_main(void)
{
	struct gnttab_map_grant_ref m;
	u64 gfn = (u64)page >> 12, list;

	grant_init();
	page[0] = 0xAAAA;
	grant_page(8, page, GTF_permit_access);
	m = grant_map(8, AT, GNTMAP_host_map);
	CHECK_EQ(m.status, GNTST_okay, "map");
	/* 1. The entry is cleared under the mapping. */
	grant_table()[8].flags = GTF_invalid;
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), 0xAAAA, "mapping after the entry was cleared");
	CHECK(grant_map(8, AT + 0x1000, GNTMAP_host_map).status < 0, "no new mapping");
	CHECK_EQ(grant_unmap(AT, m.handle), GNTST_okay, "unmap a revoked grant");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), ~0ull, "gone");
	/* 2. The page itself is given back under the mapping. */
	grant_page(8, page, GTF_permit_access);
	m = grant_map(8, AT, GNTMAP_host_map);
	CHECK_EQ(m.status, GNTST_okay, "map again");
	list = gfn;
	CHECK_EQ(reservation(XENMEM_decrease_reservation, &list, 1, 0), 1, "give the page back");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), 0xAAAA, "the mapping keeps the frame");
	*gfn_ptr(EMPTY_GFN) = 0xBBBB;
	list = gfn;
	CHECK_EQ(reservation(XENMEM_populate_physmap, &list, 1, 0), 1, "take another");
	CHECK_EQ(page[0], 0, "a fresh page, not the granted one");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), 0xBBBB, "still the old frame");
	CHECK_EQ(grant_unmap(AT, m.handle), GNTST_okay, "unmap");
	/* 3. The mapper drops the gfn by other means. */
	grant_page(8, page, GTF_permit_access);
	m = grant_map(8, AT, GNTMAP_host_map);
	CHECK_EQ(m.status, GNTST_okay, "map a third time");
	list = EMPTY_GFN;
	(void)reservation(XENMEM_decrease_reservation, &list, 1, 0);
	(void)add_to_physmap(XENMAPSPACE_grant_table, 1, EMPTY_GFN);
	(void)grant_unmap(AT, m.handle);
	page[3] = 4;
	CHECK_EQ(page[3], 4, "the page is still ours");
	/* 4. Left mapped at the end: the domain's destruction must undo it. */
	grant_page(10, page, GTF_permit_access);
	m = grant_map(10, AT + 0x5000, GNTMAP_host_map);
	CHECK_EQ(m.status, GNTST_okay, "mapping left behind");
}
