/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants: the pin protocol, mapping, copying, revocation, and the death of either side. */
// links: core/grant.c core/grant_map.c core/grant_copy.c tests/fake/core_fake.c
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

#define MAPPED 100u /* gfn in the mapper */

static struct domain *d0, *d1, *d2;
static u8 *page; /* gfn 5 of d1 */

static struct grant_entry_v1 *entry(struct domain *d, u32 ref)
{
	return &d->grant.frame[ref / GRANT_PER_FRAME][ref % GRANT_PER_FRAME];
}

static void grant(u32 ref, domid_t to, u32 frame, u16 flags)
{
	*entry(d1, ref) = (struct grant_entry_v1){.domid = to, .frame = frame, .flags = flags};
}

static int set_up(void **state)
{
	(void)state;
	d0 = fake_domain_new(0, 1);
	d1 = fake_domain_new(1, 1);
	d2 = fake_domain_new(2, 1);
	page = fake_ram_at(d1, 5);
	grant(9, 2, 5, GTF_permit_access);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

static s64 call(struct domain *d, u32 cmd, void *arg, size_t size, u32 count)
{
	struct vcpu *v = d->vcpu[0];
	s64 r;

	memcpy(fake_buffer, arg, size * count);
	v->regs.gpr[GPR_RDI] = cmd;
	do
		r = fake_call(do_grant_table_op, v, v->regs.gpr[GPR_RDI], fake_gva(0), count);
	while (r == HYPERCALL_RESTART);
	memcpy(arg, fake_buffer, size * count);
	return r;
}

static s16 map(struct domain *d, u32 ref, u64 at, u32 flags, u32 *handle)
{
	struct gnttab_map_grant_ref m = {.host_addr = at * PAGE_SIZE,
					 .flags = flags | GNTMAP_host_map,
					 .ref = ref,
					 .dom = 1,
					 .status = 99};

	assert_int_equal(call(d, GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	*handle = m.handle;
	if (m.status == GNTST_okay && !d->control)
		assert_int_equal(m.dev_bus_addr, 0);
	return m.status;
}

static s16 unmap(struct domain *d, u32 handle, u64 at)
{
	struct gnttab_unmap_grant_ref u = {.host_addr = at * PAGE_SIZE, .handle = handle};

	u.status = 99;
	assert_int_equal(call(d, GNTTABOP_unmap_grant_ref, &u, sizeof(u), 1), 0);
	return u.status;
}

static bool in_use_at_unmap;

static void look_at_entry(void)
{
	in_use_at_unmap = entry(d1, 9)->flags & GTF_reading;
}

static void map_and_unmap(void **state)
{
	u32 h;
	struct ept_leaf leaf;

	(void)state;
	assert_int_equal(map(d2, 9, MAPPED, 0, &h), GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
	leaf = p2m_lookup(d2, gfn(MAPPED));
	assert_int_equal(leaf.type, EPT_TYPE_grant);
	assert_int_equal(leaf.rights, EPT_R | EPT_W);
	assert_ptr_equal(frame_map(leaf.frame), page);
	assert_int_equal(unmap(d2, h, MAPPED + 1), GNTST_bad_virt_addr);
	fake_on_unmap = look_at_entry;
	assert_int_equal(unmap(d2, h, MAPPED), GNTST_okay);
	assert_true(in_use_at_unmap); /* until no TLB knows it */
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
	assert_int_equal(p2m_lookup(d2, gfn(MAPPED)).type, EPT_TYPE_none);
	assert_int_equal(unmap(d2, h, MAPPED), GNTST_bad_handle);
	assert_int_equal(unmap(d2, ~0u, MAPPED), GNTST_bad_handle);
	assert_int_equal(unmap(d0, h, MAPPED), GNTST_bad_handle);
	assert_int_equal(d1->refs, 1);
}

static void bits_follow_the_users(void **state)
{
	u32 w, r1, r2;

	(void)state;
	assert_int_equal(map(d2, 9, MAPPED, GNTMAP_readonly, &r1), GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_reading);
	assert_int_equal(p2m_lookup(d2, gfn(MAPPED)).rights, EPT_R);
	assert_int_equal(map(d2, 9, MAPPED + 1, 0, &w), GNTST_okay);
	assert_int_equal(map(d2, 9, MAPPED + 2, GNTMAP_readonly, &r2), GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(unmap(d2, r1, MAPPED), GNTST_okay);
	assert_int_equal(unmap(d2, w, MAPPED + 1), GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_reading);
	assert_int_equal(unmap(d2, r2, MAPPED + 2), GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
}

static void refusals(void **state)
{
	struct gnttab_map_grant_ref m;
	u32 h;

	(void)state;
	assert_int_equal(map(d2, 512, MAPPED, 0, &h), GNTST_bad_gntref);
	assert_int_equal(map(d2, ~0u, MAPPED, 0, &h), GNTST_bad_gntref);
	assert_int_equal(map(d2, 10, MAPPED, 0, &h), GNTST_general_error); /* never granted */
	assert_int_equal(map(d0, 9, MAPPED, 0, &h), GNTST_general_error);  /* not for this one */
	grant(10, 2, 5, GTF_permit_access | GTF_sub_page);
	assert_int_equal(map(d2, 10, MAPPED, 0, &h), GNTST_general_error);
	grant(10, 2, 5, 2);
	assert_int_equal(map(d2, 10, MAPPED, 0, &h), GNTST_general_error);
	grant(10, 2, 6, GTF_permit_access); /* no page there */
	assert_int_equal(map(d2, 10, MAPPED, 0, &h), GNTST_bad_page);
	assert_int_equal(entry(d1, 10)->flags, GTF_permit_access);
	grant(10, 2, 5, GTF_permit_access | GTF_readonly);
	assert_int_equal(map(d2, 10, MAPPED, 0, &h), GNTST_general_error);
	assert_int_equal(map(d2, 10, FAKE_GFNS, GNTMAP_readonly, &h), GNTST_bad_virt_addr);
	(void)fake_ram_at(d2, 7);
	assert_int_equal(map(d2, 10, 7, GNTMAP_readonly, &h), GNTST_bad_virt_addr);
	assert_int_equal(entry(d1, 10)->flags, GTF_permit_access | GTF_readonly);
	assert_int_equal(map(d2, 10, MAPPED, 1u << 4, &h), GNTST_general_error);
	m = (struct gnttab_map_grant_ref){.flags = GNTMAP_device_map, .ref = 9, .dom = 1};
	assert_int_equal(call(d2, GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	assert_int_equal(m.status, GNTST_general_error);
	m = (struct gnttab_map_grant_ref){.flags = GNTMAP_host_map, .host_addr = 1, .dom = 1};
	assert_int_equal(call(d2, GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	assert_int_equal(m.status, GNTST_bad_virt_addr);
	m = (struct gnttab_map_grant_ref){.flags = GNTMAP_host_map, .dom = 7};
	assert_int_equal(call(d2, GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	assert_int_equal(m.status, GNTST_bad_domain);
	d1->dying = true;
	assert_int_equal(map(d2, 9, MAPPED, 0, &h), GNTST_bad_domain);
	d1->dying = false;
	fake_map_error = -XEN_ENOMEM;
	assert_int_equal(map(d2, 9, MAPPED, 0, &h), GNTST_no_space);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
	assert_int_equal(d2->grant.maps_used, 0);
	assert_int_equal(d1->refs, 1);
}

static void handles_run_out(void **state)
{
	u32 h;

	(void)state;
	fake_pages_left = 0;
	assert_int_equal(map(d2, 9, MAPPED, 0, &h), GNTST_no_space);
	fake_pages_left = 1;
	for (u32 i = 0; i < GRANT_MAPS_PER_PAGE; i++) {
		assert_int_equal(map(d2, 9, MAPPED + i, 0, &h), GNTST_okay);
		assert_int_equal(h, i);
	}
	assert_int_equal(map(d2, 9, MAPPED + 200, 0, &h), GNTST_no_space);
	assert_int_equal(unmap(d2, 77, MAPPED + 77), GNTST_okay);
	assert_int_equal(map(d2, 9, MAPPED + 200, 0, &h), GNTST_okay);
	assert_int_equal(h, 77);
}

static void hypercall_arguments(void **state)
{
	struct vcpu *v = d2->vcpu[0];
	u32 n[] = {1, 2, 3};

	(void)state;
	assert_int_equal(fake_call(do_grant_table_op, v, 0, 0, 1), -XEN_EFAULT);
	assert_int_equal(fake_call(do_grant_table_op, v, 0, ~0ull, 5), -XEN_EFAULT);
	assert_int_equal(fake_call(do_grant_table_op, v, 0, 0, 0), 0);
	assert_int_equal(fake_call(do_grant_table_op, v, 0, fake_gva(0), 1u << 26), -XEN_EINVAL);
	assert_int_equal(fake_call(do_grant_table_op, v, 0, fake_gva(0), ~0ull), -XEN_EINVAL);
	assert_int_equal(fake_call(do_grant_table_op, v, 2, fake_gva(0), 1), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_grant_table_op, v, 11, fake_gva(0), 1), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_grant_table_op, v, 64 + 6, fake_gva(0), 1), -XEN_ENOSYS);
	assert_int_equal(fake_call(do_grant_table_op, v, 6, fake_gva(0), 2), -XEN_EINVAL);
	assert_int_equal(call(d2, GNTTABOP_set_version, &n[0], 4, 1), 0);
	assert_int_equal(call(d2, GNTTABOP_set_version, &n[1], 4, 1), -XEN_ENOSYS);
	assert_int_equal(call(d2, GNTTABOP_set_version, &n[2], 4, 1), -XEN_EINVAL);
}

static void sizes_and_versions(void **state)
{
	struct gnttab_query_size q = {.dom = DOMID_SELF, .status = 9};
	struct gnttab_get_version g = {.dom = DOMID_SELF};
	hfn_t f;

	(void)state;
	assert_int_equal(call(d2, GNTTABOP_query_size, &q, sizeof(q), 1), 0);
	assert_int_equal(q.status, GNTST_okay);
	assert_int_equal(q.nr_frames, 1);
	assert_int_equal(q.max_nr_frames, GRANT_MAX_FRAMES);
	q.dom = 1;
	assert_int_equal(call(d2, GNTTABOP_query_size, &q, sizeof(q), 1), 0);
	assert_int_equal(q.status, GNTST_permission_denied);
	q.dom = 8;
	assert_int_equal(call(d0, GNTTABOP_query_size, &q, sizeof(q), 1), 0);
	assert_int_equal(q.status, GNTST_bad_domain);
	assert_int_equal(call(d2, GNTTABOP_get_version, &g, sizeof(g), 1), 0);
	assert_int_equal(g.version, 1);
	assert_int_equal(grant_table_frame(d2, GRANT_MAX_FRAMES, &f), -XEN_EINVAL);
	assert_int_equal(grant_table_frame(d2, XENMAPIDX_grant_table_status, &f), -XEN_EINVAL);
	assert_int_equal(grant_table_frame(d2, 4, &f), 0);
	assert_ptr_equal(frame_map(f), d2->grant.frame[4]);
	assert_int_equal(d2->grant.frames, 5);
	fake_pages_left = 2;
	assert_int_equal(grant_table_frame(d2, 63, &f), -XEN_ENOMEM);
	fake_pages_left = ~0u;
	assert_int_equal(grant_table_frame(d2, 63, &f), 0);
	assert_int_equal(d2->overhead_pages, 1 + 64 + 16);
	assert_int_equal(grant_seed(d2, 8, 0, gfn(3)), -XEN_EINVAL);
	assert_int_equal(grant_seed(d2, 1, 0, gfn(1ull << 32)), -XEN_EINVAL);
	assert_int_equal(grant_seed(d2, 1, 0, gfn(3)), 0);
	assert_int_equal(entry(d2, 1)->frame, 3);
	assert_int_equal(entry(d2, 1)->flags, GTF_permit_access);
}

static void arrays_restart(void **state)
{
	static struct gnttab_map_grant_ref m[100];
	static struct gnttab_unmap_grant_ref u[100];

	(void)state;
	for (u32 i = 0; i < 100; i++)
		m[i] = (struct gnttab_map_grant_ref){.host_addr = (MAPPED + i) * PAGE_SIZE,
						     .flags = GNTMAP_host_map,
						     .ref = i == 50 ? 11 : 9,
						     .dom = 1};
	assert_int_equal(call(d2, GNTTABOP_map_grant_ref, m, sizeof(m[0]), 100), 0);
	for (u32 i = 0; i < 100; i++) {
		assert_int_equal(m[i].status, i == 50 ? GNTST_general_error : GNTST_okay);
		u[i] = (struct gnttab_unmap_grant_ref){.host_addr = m[i].host_addr,
						       .handle = m[i].handle};
	}
	assert_int_equal(d2->grant.maps_used, 99);
	assert_int_equal(call(d2, GNTTABOP_unmap_grant_ref, u, sizeof(u[0]), 100), 0);
	assert_int_equal(d2->grant.maps_used, 0);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
}

/* By the control domain, of entry 9 of d1. */
static struct gnttab_map_grant_ref device_map(u32 ref, u32 flags, u64 at)
{
	struct gnttab_map_grant_ref m = {
		.flags = flags, .host_addr = at, .ref = ref, .dom = 1, .status = 99};

	assert_int_equal(call(d0, GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	return m;
}

static void for_devices(void **state)
{
	struct gnttab_map_grant_ref m;
	u64 bus = hfn_to_hpa(page_to_hfn(page)).v;
	const u32 *users = fake_dma[page_to_hfn(page).v];

	(void)state;
	grant(9, 0, 5, GTF_permit_access);
	m = device_map(9, GNTMAP_device_map, 12345); /* the address is not looked at */
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(m.dev_bus_addr, bus);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(frame_refs(page_to_hfn(page)), 2);
	assert_int_equal(users[0], 0);
	assert_int_equal(users[1], 1);
	for (u64 g = 0; g < FAKE_GFNS; g++)
		assert_int_equal(p2m_lookup(d0, gfn(g)).type, EPT_TYPE_none);
	assert_int_equal(unmap(d0, m.handle, 3), GNTST_bad_virt_addr);
	fake_flushes = 0;
	assert_int_equal(unmap(d0, m.handle, 0), GNTST_okay);
	assert_int_equal(fake_flushes, 0);
	assert_int_equal(users[1], 0);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
	assert_int_equal(frame_refs(page_to_hfn(page)), 1);
	assert_int_equal(unmap(d0, m.handle, 0), GNTST_bad_handle);

	m = device_map(9, GNTMAP_device_map | GNTMAP_readonly, 0);
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_reading);
	assert_int_equal(users[0], 1);
	assert_int_equal(unmap(d0, m.handle, 0), GNTST_okay);
	assert_int_equal(users[0], 0);

	m = device_map(9, GNTMAP_device_map | GNTMAP_host_map, MAPPED * PAGE_SIZE);
	assert_int_equal(m.status, GNTST_okay);
	assert_int_equal(m.dev_bus_addr, bus);
	assert_int_equal(p2m_lookup(d0, gfn(MAPPED)).type, EPT_TYPE_grant);
	assert_int_equal(users[1], 1);
	assert_int_equal(unmap(d0, m.handle, 0), GNTST_bad_virt_addr);
	assert_int_equal(unmap(d0, m.handle, MAPPED), GNTST_okay);
	assert_int_equal(users[1], 0);
	assert_int_equal(p2m_lookup(d0, gfn(MAPPED)).type, EPT_TYPE_none);
	assert_int_equal(device_map(9, GNTMAP_device_map | GNTMAP_host_map, 1).status,
			 GNTST_bad_virt_addr);
	assert_int_equal(device_map(9, GNTMAP_readonly, 0).status, GNTST_general_error);
	assert_int_equal(device_map(10, GNTMAP_device_map, 0).status, GNTST_general_error);
	fake_allow_error = -XEN_ENOMEM; /* nothing is left behind */
	m = device_map(9, GNTMAP_device_map | GNTMAP_host_map, MAPPED * PAGE_SIZE);
	assert_int_equal(m.status, GNTST_no_space);
	assert_int_equal(p2m_lookup(d0, gfn(MAPPED)).type, EPT_TYPE_none);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
	assert_int_equal(d0->grant.maps_used, 0);
	assert_int_equal(d1->refs, 1);
}

/* For the processor alone: no device reaches it. */
static void not_for_devices(void **state)
{
	u32 h;

	(void)state;
	grant(9, 0, 5, GTF_permit_access);
	assert_int_equal(map(d0, 9, MAPPED, 0, &h), GNTST_okay);
	assert_int_equal(fake_dma[page_to_hfn(page).v][1], 0);
	assert_int_equal(unmap(d0, h, MAPPED), GNTST_okay);
}

/* The control domain's end leaves no device in a guest's page. */
static void the_driver_dies(void **state)
{
	(void)state;
	grant(9, 0, 5, GTF_permit_access);
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(device_map(9, GNTMAP_device_map, 0).status, GNTST_okay);
	assert_int_equal(fake_dma[page_to_hfn(page).v][1], 100);
	fake_domain_destroy(d0);
	assert_int_equal(fake_dma[page_to_hfn(page).v][1], 0);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
}

static u32 entries_in_use;

static void count_in_use(void)
{
	for (u32 ref = 20; ref < 40; ref++)
		entries_in_use += (entry(d1, ref)->flags & GTF_reading) != 0;
}

/* One flush, and all entries are in use until it is done. */
static void a_batch_has_one_flush(void **state)
{
	static struct gnttab_unmap_grant_ref u[20];
	u32 h;

	(void)state;
	for (u32 i = 0; i < 20; i++) {
		grant(20 + i, 2, 5, GTF_permit_access);
		assert_int_equal(map(d2, 20 + i, MAPPED + i, 0, &h), GNTST_okay);
		u[i] = (struct gnttab_unmap_grant_ref){.host_addr = (MAPPED + i) * PAGE_SIZE,
						       .handle = h};
	}
	u[7] = u[6]; /* once is enough */
	fake_flushes = entries_in_use = 0;
	fake_on_unmap = count_in_use;
	assert_int_equal(call(d2, GNTTABOP_unmap_grant_ref, u, sizeof(u[0]), 20), 0);
	assert_int_equal(fake_flushes, 1);
	assert_int_equal(entries_in_use, 20);
	for (u32 i = 0; i < 20; i++) {
		assert_int_equal(u[i].status, i == 7 ? GNTST_bad_handle : GNTST_okay);
		assert_int_equal(entry(d1, 20 + i)->flags & GTF_reading, i == 7 ? GTF_reading : 0);
	}
	fake_on_unmap = NULL;
	assert_int_equal(unmap(d2, 7, MAPPED + 7), GNTST_okay);
}

/* The granter is looked up once for neighbours of one domain. */
static void a_batch_of_several_granters(void **state)
{
	static struct gnttab_map_grant_ref m[200];

	(void)state;
	(void)fake_ram_at(d0, 3);
	*entry(d0, 9) = (struct grant_entry_v1){.domid = 2, .frame = 3, .flags = GTF_permit_access};
	for (u32 i = 0; i < 200; i++)
		m[i] = (struct gnttab_map_grant_ref){.host_addr = (MAPPED + i) * PAGE_SIZE,
						     .flags = GNTMAP_host_map,
						     .ref = 9,
						     .dom = (domid_t[]){1, 1, 0, 77, 1}[i % 5]};
	assert_int_equal(call(d2, GNTTABOP_map_grant_ref, m, sizeof(m[0]), 200), 0);
	for (u32 i = 0; i < 200; i++)
		assert_int_equal(m[i].status, i % 5 == 3 ? GNTST_bad_domain : GNTST_okay);
	assert_int_equal(d1->refs, 1 + 120);
	assert_int_equal(d0->refs, 1 + 40);
}

static void one_entry_has_255_writers(void **state)
{
	u32 h;

	(void)state;
	for (u32 i = 0; i < 255; i++)
		assert_int_equal(map(d2, 9, MAPPED + i, 0, &h), GNTST_okay);
	assert_int_equal(map(d2, 9, MAPPED + 255, 0, &h), GNTST_no_space);
	assert_int_equal(map(d2, 9, MAPPED + 255, GNTMAP_readonly, &h), GNTST_okay);
	assert_int_equal(map(d2, 9, MAPPED + 256, GNTMAP_readonly, &h), GNTST_okay);
}

static void a_mapping_outlives_the_granter(void **state)
{
	u32 h;

	(void)state;
	page[0] = 42;
	assert_int_equal(map(d2, 9, MAPPED, 0, &h), GNTST_okay);
	fake_domain_destroy(d1);
	assert_int_equal(fake_domains_living, 3);
	assert_int_equal(*(u8 *)frame_map(p2m_lookup(d2, gfn(MAPPED)).frame), 42);
	assert_int_equal(unmap(d2, h, MAPPED), GNTST_okay);
	assert_int_equal(fake_domains_living, 2);
}

static void the_mapper_dies(void **state)
{
	u32 h;

	(void)state;
	for (u32 i = 0; i < 200; i++)
		assert_int_equal(map(d2, 9, MAPPED + i, 0, &h), GNTST_okay);
	assert_int_equal(grant_domain_unmap_all(d2), -XEN_EAGAIN);
	fake_domain_destroy(d2);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
	assert_int_equal(d1->refs, 1);
}

static void revoked_while_mapped(void **state)
{
	u32 h;

	(void)state;
	assert_int_equal(map(d2, 9, MAPPED, 0, &h), GNTST_okay);
	grant(9, 0, 77, 0); /* against the rules */
	assert_int_equal(p2m_release_page(d1, gfn(5)), 0);
	page[1] = 1; /* still d2's to use */
	assert_int_equal(unmap(d2, h, MAPPED), GNTST_okay);
	assert_int_equal(entry(d1, 9)->flags, 0);
}

static void own_grants(void **state)
{
	u32 h;

	(void)state;
	grant(10, 1, 5, GTF_permit_access);
	assert_int_equal(map(d1, 10, MAPPED, 0, &h), GNTST_okay);
	assert_int_equal(d1->refs, 2);
	assert_int_equal(unmap(d1, h, MAPPED), GNTST_okay);
	grant(10, 0, 5, GTF_permit_access);
	assert_int_equal(map(d0, 10, MAPPED, 0, &h), GNTST_okay);
}

static s16 copy(struct domain *d, struct gnttab_copy c)
{
	c.status = 99;
	assert_int_equal(call(d, GNTTABOP_copy, &c, sizeof(c), 1), 0);
	return c.status;
}

static void copying(void **state)
{
	u8 *own = fake_ram_at(d2, 3);
	struct gnttab_copy c = {.source = {.u.gmfn = 3, .domid = DOMID_SELF, .offset = 10},
				.dest = {.u.ref = 9, .domid = 1, .offset = 4000},
				.len = 96,
				.flags = GNTCOPY_dest_gref};

	(void)state;
	memset(own, 0xA5, PAGE_SIZE);
	assert_int_equal(copy(d2, c), GNTST_okay);
	assert_int_equal(page[3999], 0);
	assert_int_equal(page[4000], 0xA5);
	assert_int_equal(page[4095], 0xA5);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access);
	c.len = 97;
	assert_int_equal(copy(d2, c), GNTST_bad_copy_arg);
	c.len = 0;
	c.dest.offset = 4096;
	assert_int_equal(copy(d2, c), GNTST_okay);
	c.dest.offset = 4097;
	assert_int_equal(copy(d2, c), GNTST_bad_copy_arg);
	c.dest.offset = 0;
	c.len = 1;
	c.source.u.gmfn = 4;
	assert_int_equal(copy(d2, c), GNTST_bad_page);
	c.source.u.gmfn = ~0ull;
	assert_int_equal(copy(d2, c), GNTST_bad_page);
	c.source.domid = 1;
	assert_int_equal(copy(d2, c), GNTST_permission_denied);
	c.source = c.dest;
	c.flags |= GNTCOPY_source_gref;
	c.source.offset = 4090;
	assert_int_equal(copy(d2, c), GNTST_okay);
	assert_int_equal(page[0], 0xA5);
	c.flags |= 4;
	assert_int_equal(copy(d2, c), GNTST_general_error);
	c.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
	grant(9, 2, 5, GTF_permit_access | GTF_readonly);
	assert_int_equal(copy(d2, c), GNTST_general_error);
	c.dest.domid = 9;
	assert_int_equal(copy(d2, c), GNTST_bad_domain);
	assert_int_equal(entry(d1, 9)->flags, GTF_permit_access | GTF_readonly);
	c = (struct gnttab_copy){.source = {.u.ref = 9, .domid = 1},
				 .dest = {.u.gmfn = 3, .domid = DOMID_SELF},
				 .len = 4096,
				 .flags = GNTCOPY_source_gref};
	assert_int_equal(copy(d2, c), GNTST_okay);
	assert_memory_equal(own, page, PAGE_SIZE);
	assert_int_equal(d1->refs, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(map_and_unmap),
		TEST(bits_follow_the_users),
		TEST(refusals),
		TEST(handles_run_out),
		TEST(hypercall_arguments),
		TEST(sizes_and_versions),
		TEST(arrays_restart),
		TEST(for_devices),
		TEST(not_for_devices),
		TEST(the_driver_dies),
		TEST(a_batch_has_one_flush),
		TEST(a_batch_of_several_granters),
		TEST(one_entry_has_255_writers),
		TEST(a_mapping_outlives_the_granter),
		TEST(the_mapper_dies),
		TEST(revoked_while_mapped),
		TEST(own_grants),
		TEST(copying),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
