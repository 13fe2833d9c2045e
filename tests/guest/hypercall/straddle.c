/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures that lie across two pages which are not neighbours in physical memory. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "hypercall structures across pages";

static u8 pages[4][4096] __attribute__((aligned(4096)));

void test_main(void)
{
	struct xen_hvm_param *param;
	struct xen_e820_entry *entries;
	struct xen_memory_map map = {.nr_entries = 50};
	u64 value, sum = 0;

	/* Consecutive addresses, pages 3 and 1. */
	map_page(MAP_WINDOW, (u64)pages[3], 3);
	map_page(MAP_WINDOW + 4096, (u64)pages[1], 3);
	CHECK_EQ(hvm_get_param(HVM_PARAM_CONSOLE_PFN, &value), 0, "get_param");
	for (u64 at = MAP_WINDOW + 4096 - sizeof(*param) + 1; at < MAP_WINDOW + 4096; at++) {
		param = (struct xen_hvm_param *)at;
		*param =
			(struct xen_hvm_param){.domid = DOMID_SELF, .index = HVM_PARAM_CONSOLE_PFN};
		CHECK_EQ(hvm_op(HVMOP_get_param, param), 0, "get_param across pages");
		CHECK_EQ(param->value, value, "value across pages");
	}
	entries = (struct xen_e820_entry *)(MAP_WINDOW + 4096 - 10);
	map.buffer = (u64)entries;
	CHECK_EQ(memory_op(XENMEM_memory_map, &map), 0, "memory_map across pages");
	for (u32 i = 0; i < map.nr_entries; i++)
		if (entries[i].type == XEN_HVM_MEMMAP_RAM)
			sum += entries[i].size;
	CHECK(sum >= 16 << 20 && sum <= 33 << 20, "RAM in the map");
	for (u32 i = 0; i < 4096; i++)
		CHECK(pages[2][i] == 0 && pages[0][i] == 0, "the pages between were left alone");
}
