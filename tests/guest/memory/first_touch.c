/* SPDX-License-Identifier: BSD-2-Clause */
/* All RAM of the memory map: there, zero, writable; the map agrees with the hypercall's. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "memory map and first touch of all RAM";

static struct xen_e820_entry entries[128];

static bool ours(u64 at)
{
	const struct hvm_start_info *s = start_info();
	u64 low = (u64)s & ~0xFFFull;

	/* The image, what the control domain wrote for us, and low memory where it may write too.
	 */
	if (at >= 0x100000 && at < (u64)image_end)
		return true;
	if (at >= low - 0x10000 && at < low + 0x10000)
		return true;
	if (s->cmdline_paddr && at == (s->cmdline_paddr & ~0xFFFull))
		return true;
	if (s->rsdp_paddr && at == (s->rsdp_paddr & ~0xFFFull))
		return true;
	return at < 0x1000;
}

void test_main(void)
{
	const struct hvm_start_info *s = start_info();
	const struct hvm_memmap_entry *m = (const void *)s->memmap_paddr;
	struct xen_memory_map call = {.nr_entries = ARRAY_SIZE(entries), .buffer = (u64)entries};
	struct xen_domid_arg self = {DOMID_SELF};
	u64 ram = 0, not_zero = 0;

	CHECK(s->memmap_entries > 0 && s->memmap_entries <= 126, "entries in start info");
	CHECK((u64)m < 1u << 30 && (u64)s < 1u << 30, "below 1 GiB");
	CHECK_EQ(memory_op(XENMEM_memory_map, &call), 0, "memory_op/9");
	CHECK_EQ(call.nr_entries, s->memmap_entries, "as many entries");
	for (u32 i = 0; i < call.nr_entries; i++) {
		CHECK(entries[i].addr == m[i].addr && entries[i].size == m[i].size &&
			      entries[i].type == m[i].type,
		      "the two maps agree");
		CHECK(!i || m[i].addr >= m[i - 1].addr + m[i - 1].size, "sorted, not overlapping");
		if (m[i].type != XEN_HVM_MEMMAP_RAM)
			continue;
		ram += m[i].size;
		for (u64 at = m[i].addr; at + 4096 <= m[i].addr + m[i].size; at += 4096) {
			volatile u64 *p = (volatile u64 *)at;

			if (ours(at))
				continue;
			for (u32 k = 0; k < 512; k++)
				not_zero += p[k] != 0;
			p[0] = at;
			p[511] = ~at;
		}
	}
	for (u32 i = 0; i < call.nr_entries; i++)
		if (m[i].type == XEN_HVM_MEMMAP_RAM)
			for (u64 at = m[i].addr; at + 4096 <= m[i].addr + m[i].size; at += 4096)
				if (!ours(at) &&
				    (*(volatile u64 *)at != at || ((volatile u64 *)at)[511] != ~at))
					test_fail("page %lx lost what was written",
						  (unsigned long)at);
	print("%lu KiB of RAM, %lu words were not zero\n", (unsigned long)(ram >> 10),
	      (unsigned long)not_zero);
	CHECK(not_zero < 2048, "RAM is zero at first");
	CHECK(ram >= 31u << 20 && ram <= 32u << 20, "as much RAM as asked for");
	s64 pages = memory_op(XENMEM_current_reservation, &self);
	CHECK(pages * 4096 >= (s64)ram && pages * 4096 <= (33 << 20), "current_reservation");
	CHECK(memory_op(XENMEM_maximum_reservation, &self) >= pages, "maximum_reservation");
	self.domid = 0;
	CHECK(memory_op(XENMEM_current_reservation, &self) < 0, "of another domain");
	call.nr_entries = 1;
	memset(entries, 0, sizeof(entries));
	CHECK_EQ(memory_op(XENMEM_memory_map, &call), 0, "room for one entry");
	CHECK(entries[0].size && !entries[1].size, "no more than there is room for");
	call.nr_entries = 0;
	(void)memory_op(XENMEM_memory_map, &call);
}
