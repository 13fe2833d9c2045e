/* SPDX-License-Identifier: BSD-2-Clause */
/* The runstate area: states, sums that add up, updates under the flag, an area across pages whose
 * mapping goes away. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "runstate area";

static u8 pages[2][4096] __attribute__((aligned(4096)));
static volatile struct vcpu_runstate_info *area;

static struct vcpu_runstate_info read_area(void)
{
	struct vcpu_runstate_info r;
	u64 entry;

	do {
		entry = area->state_entry_time;
		barrier();
		r.state = area->state;
		for (u32 i = 0; i < 4; i++)
			r.time[i] = area->time[i];
		barrier();
		r.state_entry_time = area->state_entry_time;
	} while (entry & XEN_RUNSTATE_UPDATE || entry != r.state_entry_time);
	return r;
}

static u64 total(const struct vcpu_runstate_info *r, u64 now)
{
	return r->time[0] + r->time[1] + r->time[2] + r->time[3] + (now - r->state_entry_time);
}

static void check_sums(const char *what)
{
	struct vcpu_runstate_info a, b;
	u64 ta, tb;

	a = read_area();
	ta = clock_ns();
	delay_ns(3000000);
	sched_op(SCHEDOP_yield, NULL);
	b = read_area();
	tb = clock_ns();
	if (b.state != RUNSTATE_running)
		test_fail("%s: state %d while running", what, b.state);
	s64 off = (s64)((total(&b, tb) - total(&a, ta)) - (tb - ta));
	if (off > 1000000 || off < -1000000)
		test_fail("%s: times are off by %ld ns", what, (long)off);
	for (u32 i = 0; i < 4; i++)
		CHECK(b.time[i] >= a.time[i], "a time went backwards");
	CHECK(b.state_entry_time <= tb, "entry time in the future");
}

static void test_area(u64 va, const char *what)
{
	struct vcpu_register_area r = {va};
	struct vcpu_runstate_info before, after;
	u32 port_timeout = 0;
	struct sched_poll p = {.ports = (u64)&port_timeout, .nr_ports = 0};

	area = (volatile struct vcpu_runstate_info *)va;
	CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r), 0, what);
	CHECK_EQ(area->state, RUNSTATE_running, "written before the call returns");
	check_sums(what);
	before = read_area();
	p.timeout = clock_ns() + 20000000;
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "sleep");
	after = read_area();
	if (after.time[RUNSTATE_blocked] < before.time[RUNSTATE_blocked] + 10000000)
		test_fail("%s: blocked grew by %lu ns only", what,
			  (unsigned long)(after.time[RUNSTATE_blocked] -
					  before.time[RUNSTATE_blocked]));
}

void test_main(void)
{
	struct vcpu_register_area r = {MAP_WINDOW + 4096 - 20};

	event_init();
	test_area((u64)pages, "area in one page");
	CHECK_EQ(vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0, "update flag");
	check_sums("with the update flag");
	map_page(MAP_WINDOW, (u64)pages[1], 3);
	map_page(MAP_WINDOW + 4096, (u64)pages[0], 3);
	test_area(r.addr, "area across pages");
	/* The mapping goes, the area stays where it was. */
	map_page(MAP_WINDOW, 0, 0);
	map_page(MAP_WINDOW + 4096, 0, 0);
	u64 before = *(volatile u64 *)(void *)(pages[1] + 4096 - 20 + 8);
	delay_ns(1000000);
	sched_op(SCHEDOP_yield, NULL);
	struct sched_poll p = {.nr_ports = 0, .timeout = clock_ns() + 3000000};
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "sleep");
	CHECK(*(volatile u64 *)(void *)(pages[1] + 4096 - 20 + 8) != before,
	      "still written after its mapping went");
	/* Its pages given back: nothing may break. */
	u64 list[2] = {(u64)pages[0] >> 12, (u64)pages[1] >> 12};
	CHECK_EQ(reservation(XENMEM_decrease_reservation, list, 2, 0), 2, "give the pages back");
	for (u32 i = 0; i < 20; i++) {
		p.timeout = clock_ns() + 1000000;
		CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "sleep");
	}
	CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 7, &r) < 0, 1, "vCPU 7");
}
