/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants that must not be mapped, and unmapping what is not mapped. */
#include <tests/guest/grant/grant.h>

const char test_title[] = "grants: bad arguments";

static volatile u64 page[512] __attribute__((aligned(4096)));
#define AT (EMPTY_GFN << 12)

static void refuse(u32 ref, u64 gpa, u32 flags, const char *what)
{
	struct gnttab_map_grant_ref m = grant_map(ref, gpa, flags);

	if (m.status >= 0)
		test_fail("mapped: %s", what);
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), ~0ull, "nothing was mapped");
}

void test_main(void)
{
	struct gnttab_map_grant_ref m = {.host_addr = AT, .flags = GNTMAP_host_map, .ref = 8};
	static const u16 domids[] = {DOMID_INVALID, 4000, 0xFFFF};

	grant_init();
	page[5] = 55;
	refuse(8, AT, GNTMAP_host_map, "an empty entry");
	refuse(511, AT, GNTMAP_host_map, "the last entry, empty");
	CHECK_EQ(grant_map(512, AT, GNTMAP_host_map).status, GNTST_bad_gntref, "beyond the frames");
	CHECK_EQ(grant_map(0xFFFFFFFF, AT, GNTMAP_host_map).status, GNTST_bad_gntref,
		 "wild reference");
	refuse(0, AT, GNTMAP_host_map, "an entry for the control domain");
	grant_page(8, page, GTF_permit_access);
	for (u32 i = 0; i < ARRAY_SIZE(domids); i++) {
		m.dom = domids[i];
		m.status = 99;
		CHECK_EQ(grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0, "call");
		CHECK_EQ(m.status, GNTST_bad_domain, "a domain that is not there");
	}
	m.dom = 0;
	CHECK_EQ(grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0, "call");
	CHECK(m.status < 0, "a grant of the control domain that is not for us");
	refuse(8, AT + 8, GNTMAP_host_map, "an address inside a page");
	refuse(8, AT, 0, "without host_map");
	refuse(8, 1ull << 60, GNTMAP_host_map, "beyond the address width");
	refuse(8, ~0xFFFull, GNTMAP_host_map, "the last page of all");
	/* A gfn that is not empty: RAM, and the APIC page. */
	CHECK(grant_map(8, (u64)page, GNTMAP_host_map).status < 0, "over RAM");
	CHECK_EQ(page[5], 55, "RAM is as it was");
	CHECK(grant_map(8, APIC_MMIO, GNTMAP_host_map).status < 0, "over the local APIC");
	grant_table()[8].domid = 0;
	refuse(8, AT, GNTMAP_host_map, "granted to another domain");
	grant_page(8, page, 2);
	refuse(8, AT, GNTMAP_host_map, "a transfer entry");
	grant_page(8, page, 3);
	refuse(8, AT, GNTMAP_host_map, "a transitive entry");
	grant_page(8, page, GTF_permit_access | GTF_sub_page);
	refuse(8, AT, GNTMAP_host_map, "a sub-page entry");
	grant_page(8, page, GTF_permit_access);
	grant_table()[8].frame = (u32)EMPTY_GFN + 5;
	refuse(8, AT, GNTMAP_host_map, "a gfn where nothing is");
	grant_table()[8].frame = 0xFFFFFFFF;
	refuse(8, AT, GNTMAP_host_map, "a wild gfn");
	grant_table()[8].frame = APIC_MMIO >> 12;
	refuse(8, AT, GNTMAP_host_map, "the local APIC's page");
	grant_page(8, grant_frame, GTF_permit_access);
	(void)grant_map(8, AT,
			GNTMAP_host_map); /* the grant table itself: allowed or not, no harm */
	CHECK_EQ(grant_unmap(AT + 0x9000, 0), GNTST_bad_handle, "unmap: handle never given");
	CHECK_EQ(grant_unmap(AT, 0xFFFFFFFF), GNTST_bad_handle, "unmap: wild handle");
	grant_page(9, page, GTF_permit_access);
	m = grant_map(9, AT + 0x2000, GNTMAP_host_map);
	CHECK_EQ(m.status, GNTST_okay, "a good one");
	CHECK(grant_unmap(AT + 0x3000, m.handle) < 0, "unmap: another address");
	CHECK_EQ(gfn_ptr(EMPTY_GFN + 2)[5], 55, "still mapped");
	CHECK_EQ(grant_unmap(AT + 0x2000, m.handle), GNTST_okay, "unmap");
	(void)grant_table_op(GNTTABOP_map_grant_ref, &m, ~0ull);
	(void)grant_table_op(GNTTABOP_unmap_grant_ref, &m, 1ull << 62);
}
