/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages given back and taken again: counts, zeroes, holes that read all ones. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "balloon";
#define PAGES 512u

static u8 pool[PAGES * 4096] __attribute__((aligned(2 << 20)));
static u64 list[PAGES];

static void fill_list(u32 n)
{
	for (u32 i = 0; i < n; i++)
		list[i] = ((u64)pool >> 12) + i;
}
static s64 pages_now(void)
{
	struct xen_domid_arg self = {DOMID_SELF};

	return memory_op(XENMEM_current_reservation, &self);
}
static volatile u64 *word(u32 page)
{
	return (volatile u64 *)(void *)(pool + page * 4096ul);
}

static void check_bad(void)
{
	struct xen_memory_reservation r = {.extent_start = (u64)list, .nr_extents = 1};

	list[0] = EMPTY_GFN;
	CHECK_EQ(reservation(XENMEM_decrease_reservation, list, 1, 0) <= 0, 1, "give back a hole");
	list[0] = ~0ull;
	CHECK(reservation(XENMEM_decrease_reservation, list, 1, 0) <= 0, "give back gfn 2^64 - 1");
	CHECK(reservation(XENMEM_populate_physmap, list, 1, 0) <= 0, "populate gfn 2^64 - 1");
	list[0] = 1ull << 52;
	CHECK(reservation(XENMEM_populate_physmap, list, 1, 0) <= 0, "populate gfn 2^52");
	list[0] = APIC_MMIO >> 12;
	(void)reservation(XENMEM_populate_physmap, list, 1, 0);
	fill_list(1);
	CHECK(reservation(XENMEM_decrease_reservation, list, 1, 40) <= 0, "order 40");
	CHECK(reservation(XENMEM_decrease_reservation, list, 1, ~0u) <= 0, "order 2^32 - 1");
	CHECK(reservation(XENMEM_populate_physmap, list, 1, 64) <= 0, "populate order 64");
	r.domid = 0;
	CHECK(memory_op(XENMEM_decrease_reservation, &r) <= 0, "another domain's memory");
	CHECK_EQ(reservation(XENMEM_decrease_reservation, list, 0, 0), 0, "no extents");
	/* Beyond the maximum: refused or done in part, never beyond. */
	for (u32 i = 0; i < PAGES; i++)
		list[i] = EMPTY_GFN + i;
	s64 before = pages_now(), took = reservation(XENMEM_populate_physmap, list, PAGES, 0);
	struct xen_domid_arg self = {DOMID_SELF};
	CHECK(before + took <= memory_op(XENMEM_maximum_reservation, &self), "maximum holds");
	(void)reservation(XENMEM_populate_physmap, list, ~0ull, 0);
	CHECK(pages_now() <= memory_op(XENMEM_maximum_reservation, &self), "maximum holds again");
}

void test_main(void)
{
	s64 start = pages_now();

	for (u32 i = 0; i < PAGES; i++)
		*word(i) = i + 1;
	for (u32 round = 0; round < 3; round++) {
		fill_list(PAGES);
		CHECK_EQ(reservation(XENMEM_decrease_reservation, list, PAGES, 0), PAGES,
			 "give all back");
		CHECK_EQ(pages_now(), start - (s64)PAGES, "pages after decrease");
		for (u32 i = 0; i < PAGES; i += 37) {
			CHECK_EQ(*word(i), ~0ull, "a hole reads all ones");
			*word(i) = 5;
		}
		fill_list(PAGES);
		CHECK_EQ(reservation(XENMEM_populate_physmap, list, PAGES, 0), PAGES,
			 "take all again");
		CHECK_EQ(pages_now(), start, "pages after populate");
		for (u32 i = 0; i < PAGES; i++) {
			for (u32 k = 0; k < 512; k++)
				if (word(i)[k])
					test_fail("page %u came back with old contents", i);
			*word(i) = i;
		}
	}
	/* Singles in the middle of a large page: the neighbours stay. */
	list[0] = ((u64)pool >> 12) + 100;
	CHECK_EQ(reservation(XENMEM_decrease_reservation, list, 1, 0), 1, "one page");
	CHECK(*word(99) == 99 && *word(101) == 101, "neighbours");
	CHECK_EQ(*word(100), ~0ull, "the one");
	list[0] = ((u64)pool >> 12) + 100;
	CHECK_EQ(reservation(XENMEM_populate_physmap, list, 1, 0), 1, "one page back");
	/* 2 MiB at once. */
	fill_list(1);
	s64 r = reservation(XENMEM_decrease_reservation, list, 1, 9);
	if (r == 1) {
		fill_list(1);
		CHECK_EQ(reservation(XENMEM_populate_physmap, list, 1, 9), 1, "2 MiB back");
		CHECK_EQ(*word(300), 0, "zero");
	}
	CHECK_EQ(pages_now(), start, "nothing is lost");
	check_bad();
}
