/* SPDX-License-Identifier: BSD-2-Clause */
/* add_to_physmap: shared info moves, displaces RAM, refuses what is wrong. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "add_to_physmap";

static volatile u64 page[2][512] __attribute__((aligned(4096)));

void test_main(void)
{
	struct xen_add_to_physmap a = {
		.domid = 0, .space = XENMAPSPACE_shared_info, .gpfn = EMPTY_GFN};
	struct xen_domid_arg self = {DOMID_SELF};
	s64 pages = memory_op(XENMEM_current_reservation, &self);
	volatile struct shared_info *s;
	u64 list;

	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 0, EMPTY_GFN), 0, "at an empty gfn");
	s = (volatile struct shared_info *)(void *)(EMPTY_GFN << 12);
	CHECK(s->vcpu_info[0].time.tsc_to_system_mul, "clock is valid at once");
	s->evtchn_mask[63] = 0x55AA;
	page[0][0] = 1;
	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 0, (u64)page[0] >> 12), 0, "over RAM");
	s = (volatile struct shared_info *)(volatile void *)page[0];
	CHECK_EQ(s->evtchn_mask[63], 0x55AA, "it moved with its contents");
	CHECK_EQ(*gfn_ptr(EMPTY_GFN), ~0ull, "the old place is empty");
	CHECK_EQ(memory_op(XENMEM_current_reservation, &self), pages - 1,
		 "the displaced page is freed");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 0, (u64)page[0] >> 12), 0,
		 "the same place again");
	CHECK_EQ(s->evtchn_mask[63], 0x55AA, "still there");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 0, EMPTY_GFN), 0, "back");
	list = (u64)page[0] >> 12;
	CHECK_EQ(reservation(XENMEM_populate_physmap, &list, 1, 0), 1, "RAM again in the gap");
	CHECK_EQ(page[0][0], 0, "zero");
	CHECK_EQ(memory_op(XENMEM_current_reservation, &self), pages, "count");
	/* Giving back the gfn of shared info must not free the hypervisor's page. */
	list = EMPTY_GFN;
	(void)reservation(XENMEM_decrease_reservation, &list, 1, 0);
	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 0, EMPTY_GFN + 1), 0, "map it once more");
	CHECK_EQ(((volatile struct shared_info *)(void *)((EMPTY_GFN + 1) << 12))->evtchn_mask[63],
		 0x55AA, "it is still the same page");
	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 1, EMPTY_GFN), -XEN_EINVAL, "index 1");
	CHECK(add_to_physmap(2, 0, EMPTY_GFN) < 0, "space 2");
	CHECK(add_to_physmap(77, 0, EMPTY_GFN) < 0, "space 77");
	CHECK(add_to_physmap(XENMAPSPACE_shared_info, 0, ~0ull) < 0, "gfn 2^64 - 1");
	CHECK(add_to_physmap(XENMAPSPACE_shared_info, 0, 1ull << 52) < 0, "gfn 2^52");
	CHECK(memory_op(XENMEM_add_to_physmap, &a) < 0, "another domain");
	/* High addresses are as good as low ones: up to the width of CPUID. */
	u64 high = 1ull << ((cpuid(0x80000008, 0).eax & 0xFF) - 13);
	CHECK_EQ(add_to_physmap(XENMAPSPACE_shared_info, 0, high), 0,
		 "near the end of the address space");
	map_page(MAP_WINDOW, high << 12, 3);
	CHECK_EQ(((volatile struct shared_info *)MAP_WINDOW)->evtchn_mask[63], 0x55AA,
		 "readable there");
	page[1][0] = 2;
	CHECK_EQ(page[1][0], 2, "RAM elsewhere");
}
