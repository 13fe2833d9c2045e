/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op: exact return values, partial work, restarts, shared pages that move. */
// links: core/memory_op.c core/grant.c core/grant_map.c core/grant_copy.c tests/fake/core_fake.c
// links: core/event.c core/event_port.c
// links: core/hypercall_op.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/mm/frame.h>
#include <call.h>
#include <core_fake.h>
#include <xen/errno.h>

#define LIST 4096u /* offset of the gfns in the buffer */

static struct domain *d0, *d1;
static unsigned int restarts;

static int set_up(void **state)
{
	(void)state;
	d0 = fake_domain_new(0, 1);
	d1 = fake_domain_new(1, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

static s64 call(struct domain *d, u32 cmd, void *arg, size_t size)
{
	struct vcpu *v = d->vcpu[0];
	s64 r;

	restarts = 0;
	memcpy(fake_buffer, arg, size);
	v->regs.gpr[GPR_RDI] = cmd;
	while ((r = fake_call(do_memory_op, v, v->regs.gpr[GPR_RDI], fake_gva(0), 0)) ==
	       HYPERCALL_RESTART)
		restarts++;
	memcpy(arg, fake_buffer, size);
	return r;
}

static u64 *gfns(void)
{
	return (u64 *)(void *)(fake_buffer + LIST);
}

static s64 change(u32 cmd, u64 n, u32 order)
{
	struct xen_memory_reservation r = {.extent_start = fake_gva(LIST),
					   .nr_extents = n,
					   .extent_order = order,
					   .domid = DOMID_SELF};

	return call(d1, cmd, &r, sizeof(r));
}

static void give_and_take(void **state)
{
	u64 before = fake_frames_used();

	(void)state;
	for (u32 i = 0; i < 200; i++)
		gfns()[i] = i + 10;
	assert_int_equal(change(XENMEM_populate_physmap, 200, 0), 200);
	assert_int_equal(restarts, 3);
	assert_int_equal(gfns()[7], 17);
	assert_int_equal(d1->pages, 200);
	assert_int_equal(change(XENMEM_populate_physmap, 1, 0), 0); /* there is one already */
	assert_int_equal(change(XENMEM_decrease_reservation, 200, 0), 200);
	assert_int_equal(d1->pages, 0);
	assert_int_equal(fake_frames_used(), before);
	assert_int_equal(change(XENMEM_decrease_reservation, 1, 0), 0);
	assert_int_equal(change(XENMEM_decrease_reservation, 0, 0), 0);
}

static void partial(void **state)
{
	(void)state;
	d1->max_pages = 70;
	for (u32 i = 0; i < 100; i++)
		gfns()[i] = i;
	assert_int_equal(change(XENMEM_populate_physmap, 100, 0), 70);
	gfns()[68] = 500;
	assert_int_equal(change(XENMEM_decrease_reservation, 70, 0), 68);
	assert_int_equal(d1->pages, 2);
	gfns()[0] = ~0ull;
	assert_int_equal(change(XENMEM_decrease_reservation, 1, 0), 0);
	assert_int_equal(change(XENMEM_populate_physmap, 1, 0), 0);
}

static void larger_extents(void **state)
{
	(void)state;
	gfns()[0] = 512;
	gfns()[1] = 1024;
	assert_int_equal(change(XENMEM_populate_physmap, 2, 9), 2);
	assert_int_equal(d1->pages, 1024);
	assert_int_equal(change(XENMEM_decrease_reservation, 2, 9), 2);
	assert_int_equal(restarts, 1);
	/* All or nothing. */
	(void)fake_ram_at(d1, 1000);
	assert_int_equal(change(XENMEM_populate_physmap, 2, 9), 0);
	assert_int_equal(d1->pages, 1);
	d1->max_pages = 512;
	gfns()[0] = 0;
	assert_int_equal(change(XENMEM_populate_physmap, 1, 9), 0);
	assert_int_equal(change(XENMEM_populate_physmap, 1, 10), 0);
	assert_int_equal(change(XENMEM_populate_physmap, 1, ~0u), 0);
}

static void reservation_arguments(void **state)
{
	struct xen_memory_reservation r = {.extent_start = 8, .nr_extents = 1, .domid = 0};

	(void)state;
	assert_int_equal(fake_call(do_memory_op, d1->vcpu[0], 1, 8, 0), -XEN_EFAULT);
	assert_int_equal(call(d1, XENMEM_populate_physmap, &r, sizeof(r)), -XEN_EPERM);
	r.domid = 1;
	assert_int_equal(call(d0, XENMEM_populate_physmap, &r, sizeof(r)), -XEN_EPERM);
	assert_int_equal(call(d1, XENMEM_populate_physmap, &r, sizeof(r)), -XEN_EFAULT);
	r.nr_extents = ~0ull;
	assert_int_equal(call(d1, XENMEM_populate_physmap, &r, sizeof(r)), 0);
	r.nr_extents = 1ull << 32;
	assert_int_equal(call(d1, XENMEM_decrease_reservation, &r, sizeof(r)), 0);
	assert_int_equal(fake_call(do_memory_op, d1->vcpu[0], 2, fake_gva(0), 0), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_memory_op, d1->vcpu[0], 64 + 7, fake_gva(0), 0), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_memory_op, d1->vcpu[0], 63, fake_gva(0), 0), -XEN_ENOSYS);
}

static void counts(void **state)
{
	struct xen_domid_arg a = {DOMID_SELF};

	(void)state;
	(void)fake_ram_at(d1, 3);
	assert_int_equal(call(d1, XENMEM_current_reservation, &a, sizeof(a)), 1);
	assert_int_equal(call(d1, XENMEM_maximum_reservation, &a, sizeof(a)), 1024);
	a.domid = 0;
	assert_int_equal(call(d1, XENMEM_current_reservation, &a, sizeof(a)), -XEN_EPERM);
	a.domid = 1;
	assert_int_equal(call(d0, XENMEM_current_reservation, &a, sizeof(a)), 1);
	a.domid = 5;
	assert_int_equal(call(d0, XENMEM_current_reservation, &a, sizeof(a)), -XEN_ESRCH);
}

static s64 place(u32 space, u64 idx, u64 g)
{
	struct xen_add_to_physmap a = {
		.domid = DOMID_SELF, .size = 0xDEAD, .space = space, .idx = idx, .gpfn = g};

	return call(d1, XENMEM_add_to_physmap, &a, sizeof(a));
}

static void shared_pages(void **state)
{
	struct xen_add_to_physmap a = {.domid = 1};
	u64 used;

	(void)state;
	(void)fake_ram_at(d1, 3);
	used = fake_frames_used();
	assert_int_equal(place(0, 0, 3), 0);
	assert_int_equal(fake_frames_used(), used - 1); /* the page displaced is free */
	assert_int_equal(d1->pages, 0);
	assert_ptr_equal(frame_map(p2m_lookup(d1, gfn(3)).frame), d1->shared);
	assert_int_equal(place(0, 0, 3), 0);
	assert_int_equal(place(0, 0, 4), 0); /* moves */
	assert_int_equal(p2m_lookup(d1, gfn(3)).type, EPT_TYPE_none);
	assert_int_equal(place(0, 1, 4), -XEN_EINVAL);
	for (u64 i = 4; i-- > 0;)
		assert_int_equal(place(1, i, 20 + i), 0);
	assert_int_equal(d1->grant.frames, 4);
	assert_ptr_equal(frame_map(p2m_lookup(d1, gfn(22)).frame), d1->grant.frame[2]);
	assert_int_equal(place(1, 2, 30), 0);
	assert_int_equal(p2m_lookup(d1, gfn(22)).type, EPT_TYPE_none);
	assert_int_equal(place(1, 2, 4), -XEN_EINVAL); /* shared_info is there */
	assert_int_equal(place(1, XENMAPIDX_grant_table_status, 31), -XEN_EINVAL);
	assert_int_equal(place(1, GRANT_MAX_FRAMES, 31), -XEN_EINVAL);
	assert_int_equal(place(2, 0, 31), -XEN_EINVAL);
	assert_int_equal(place(0, 0, ~0ull), -XEN_EINVAL);
	assert_int_equal(call(d0, XENMEM_add_to_physmap, &a, sizeof(a)), -XEN_EPERM);
}

static void maps(void **state)
{
	struct xen_memory_map m = {.nr_entries = 5, .buffer = fake_gva(LIST)};
	const struct xen_e820_entry *e = (void *)(fake_buffer + LIST);

	(void)state;
	assert_int_equal(call(d1, XENMEM_memory_map, &m, sizeof(m)), -XEN_ENOSYS);
	d1->memmap = domain_page_alloc(d1, 0);
	for (u32 i = 0; i < 126; i++)
		d1->memmap[i] = (struct hvm_memmap_entry){.addr = i, .size = 1000 + i, .type = 1};
	d1->memmap_count = 126;
	assert_int_equal(call(d1, XENMEM_memory_map, &m, sizeof(m)), 0);
	assert_int_equal(m.nr_entries, 5);
	assert_int_equal(e[4].size, 1004);
	m.nr_entries = 1000;
	assert_int_equal(call(d1, XENMEM_memory_map, &m, sizeof(m)), 0);
	assert_int_equal(m.nr_entries, 126);
	assert_int_equal(e[125].addr, 125);
	m.buffer = 0;
	assert_int_equal(call(d1, XENMEM_memory_map, &m, sizeof(m)), -XEN_EFAULT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(give_and_take),  TEST(partial),
		TEST(larger_extents), TEST(reservation_arguments),
		TEST(counts),         TEST(shared_pages),
		TEST(maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
