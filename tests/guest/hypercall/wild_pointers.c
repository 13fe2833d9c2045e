/* SPDX-License-Identifier: BSD-2-Clause */
/* Each hypercall with arguments at addresses where there is nothing: -EFAULT, and no harm. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "hypercalls with wild pointers";

struct call {
	u8 nr;
	u8 cmd;
	u8 arg;    /* which argument is the pointer: 2 or 3 */
	u64 other; /* the remaining argument */
	const char *name;
};
#define MEM 12
#define VER 17
#define GNT 20
#define VCP 24
#define SCH 29
#define EVT 32
#define HVM 34
static const struct call calls[] = {
	{MEM, 1, 2, 0, "decrease_reservation"},
	{MEM, 3, 2, 0, "current_reservation"},
	{MEM, 4, 2, 0, "maximum_reservation"},
	{MEM, 6, 2, 0, "populate_physmap"},
	{MEM, 7, 2, 0, "add_to_physmap"},
	{MEM, 9, 2, 0, "memory_map"},
	{VER, 1, 2, 0, "extraversion"},
	{VER, 2, 2, 0, "compile_info"},
	{VER, 3, 2, 0, "capabilities"},
	{VER, 4, 2, 0, "changeset"},
	{VER, 5, 2, 0, "platform_parameters"},
	{VER, 6, 2, 0, "get_features"},
	{VER, 8, 2, 0, "guest_handle"},
	{18, 0, 3, 10, "console_io write"},
	{GNT, 0, 2, 1, "map_grant_ref"},
	{GNT, 1, 2, 1, "unmap_grant_ref"},
	{GNT, 5, 2, 1, "copy"},
	{GNT, 6, 2, 1, "query_size"},
	{GNT, 8, 2, 1, "set_version"},
	{VCP, 5, 3, 0, "register_runstate"},
	{VCP, 8, 3, 0, "set_singleshot"},
	{VCP, 10, 3, 0, "register_vcpu_info"},
	{VCP, 13, 3, 0, "register_time_area"},
	{SCH, 2, 2, 0, "shutdown"},
	{SCH, 3, 2, 0, "poll"},
	{EVT, 0, 2, 0, "bind_interdomain"},
	{EVT, 1, 2, 0, "bind_virq"},
	{EVT, 3, 2, 0, "close"},
	{EVT, 4, 2, 0, "send"},
	{EVT, 5, 2, 0, "status"},
	{EVT, 6, 2, 0, "alloc_unbound"},
	{EVT, 7, 2, 0, "bind_ipi"},
	{EVT, 8, 2, 0, "bind_vcpu"},
	{EVT, 9, 2, 0, "unmask"},
	{EVT, 10, 2, 0, "reset"},
	{HVM, 0, 2, 0, "set_param"},
	{HVM, 1, 2, 0, "get_param"},
	{HVM, 23, 2, 0, "set_evtchn_upcall_vector"},
};
static u8 page[4096] __attribute__((aligned(4096)));

static void try_pointer(u64 p, const char *what)
{
	for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		s64 r = c->arg == 2 ? hypercall3(c->nr, c->cmd, p, c->other)
				    : hypercall3(c->nr, c->cmd, c->other, p);

		if (r != -XEN_EFAULT)
			test_fail("%s with a pointer %s: %ld", c->name, what, (long)r);
	}
}

/* Pointers inside the structures. */
static void try_inner(u64 p, const char *what)
{
	struct xen_memory_reservation m = {.extent_start = p, .nr_extents = 1, .domid = DOMID_SELF};
	struct xen_memory_map map = {.nr_entries = 100, .buffer = p};
	struct sched_poll poll = {.ports = p, .nr_ports = 3, .timeout = 1};
	struct vcpu_register_area area = {p};

	if (memory_op(XENMEM_decrease_reservation, &m) > 0)
		test_fail("decrease_reservation with a list %s", what);
	if (memory_op(XENMEM_populate_physmap, &m) > 0)
		test_fail("populate_physmap with a list %s", what);
	if (memory_op(XENMEM_memory_map, &map) != -XEN_EFAULT)
		test_fail("memory_map with a buffer %s", what);
	if (sched_op(SCHEDOP_poll, &poll) != -XEN_EFAULT)
		test_fail("poll with ports %s", what);
	if (vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area) >= 0)
		test_fail("runstate area %s", what);
	if (p && vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area) >= 0)
		test_fail("time area %s", what);
}

static void both(u64 p, const char *what)
{
	try_pointer(p, what);
	try_inner(p, what);
}

void test_main(void)
{
	both(0x123456789000, "not mapped");
	both(0x0000800000000000, "not canonical");
	both(0x8000000000000000, "far from canonical");
	both(0xFFFFFFFFFFFFF000, "in the last page");
	both(~0ull, "of all ones");
	both(0xC0000000, "to where no memory is");
	both(0xFEE00000, "to the local APIC");
	/* The first bytes are there, the rest is not. */
	map_page(MAP_WINDOW, (u64)page, 3);
	both(MAP_WINDOW + 4095, "across the end of what is mapped");
	/* A page-table entry that names memory which is not there. */
	map_page(MAP_WINDOW + 0x1000, 0xC0000000, 3);
	both(MAP_WINDOW + 4095, "across into a hole");
	map_page(MAP_WINDOW + 0x2000, 0xFFFFFFFFF000, 3);
	both(MAP_WINDOW + 0x2000, "beyond the physical address width");
}
