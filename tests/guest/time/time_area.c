/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu_op 10 and 13: the registered vcpu_info and the time area hold a valid clock at once. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "registered vcpu_info and time area";

static u8 page[4096] __attribute__((aligned(4096)));
static struct vcpu_time_info area __attribute__((aligned(64)));

static s64 register_info(u32 vcpu, u64 gfn, u32 offset)
{
	struct vcpu_register_vcpu_info r = {.gfn = gfn, .offset = offset};

	return vcpu_op(VCPUOP_register_vcpu_info, vcpu, &r);
}

static void check_time_area(void)
{
	struct vcpu_register_area r = {(u64)&area};
	u64 direct, through;
	u32 version;

	CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &r), 0, "time area");
	CHECK(area.tsc_to_system_mul && !(area.version & 1), "written before the call returns");
	direct = clock_ns();
	through = pvclock_read(&area, NULL);
	CHECK(through >= direct && through - direct < 2000000000, "the same clock");
	for (u32 i = 0; i < 20; i++) {
		struct sched_poll p = {.timeout = clock_ns() + 1000000};
		u64 before = pvclock_read(&area, NULL);

		CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "sleep");
		CHECK(pvclock_read(&area, NULL) >= before + 500000, "goes on over a sleep");
	}
	r.addr = 0;
	CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &r), 0, "drop it");
	version = area.version;
	(void)version;
}

void test_main(void)
{
	volatile struct vcpu_info *info = (volatile struct vcpu_info *)(void *)(page + 128);
	u32 a, b;

	event_init();
	check_time_area();
	event_loop_pair(&a, &b);
	event_clear(b);
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, b), 0, "unmask");
	vcpu_info(0)->evtchn_upcall_pending = 0;
	vcpu_info(0)->arch[1] = 0x1234567;
	CHECK(register_info(0, EMPTY_GFN, 0) < 0, "where nothing is");
	CHECK(register_info(0, 1ull << 60, 0) < 0, "a wild frame");
	CHECK(register_info(0, (u64)page >> 12, 4096 - 32) < 0, "across the end of the page");
	CHECK(register_info(0, (u64)page >> 12, 0xFFFFFFF0) < 0, "a wild offset");
	CHECK(register_info(2, (u64)page >> 12, 0) < 0, "a vCPU that is not there");
	CHECK_EQ(register_info(0, (u64)page >> 12, 128), 0, "register");
	CHECK_EQ(info->arch[1], 0x1234567, "old contents are copied");
	CHECK_EQ(info->evtchn_pending_sel, ~0ull, "all selectors are set");
	CHECK_EQ(info->evtchn_upcall_pending, 1, "an upcall is pending");
	CHECK(info->time.tsc_to_system_mul && !(info->time.version & 1), "valid clock");
	CHECK_EQ(register_info(0, (u64)page >> 12, 256), -XEN_EBUSY, "a second time");
	info->evtchn_upcall_pending = 0;
	info->evtchn_pending_sel = 0;
	barrier();
	u8 embedded = vcpu_info(0)->evtchn_upcall_pending;
	CHECK_EQ(event_send(a), 0, "send");
	CHECK_EQ(info->evtchn_upcall_pending, 1, "upcall in the registered place");
	CHECK_EQ(info->evtchn_pending_sel, 1ull << (b / 64), "selector in the registered place");
	CHECK_EQ(vcpu_info(0)->evtchn_upcall_pending, embedded, "the embedded one is left alone");
	/* A vCPU that is down can be registered by another. */
	CHECK_EQ(register_info(1, (u64)page >> 12, 1024), 0, "register vCPU 1");
	CHECK(((volatile struct vcpu_info *)(void *)(page + 1024))->time.tsc_to_system_mul,
	      "its clock is valid at once");
	/* The page is given back: the hypervisor must not write to whoever gets it. */
	u64 list = (u64)page >> 12;
	CHECK_EQ(reservation(XENMEM_decrease_reservation, &list, 1, 0), 1, "give the page back");
	(void)event_send(a);
	struct sched_poll p = {.timeout = 1};
	CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "go on");
}
// guest: vcpus=2
