/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants to oneself: what the grant tests share. */
#ifndef TESTS_GUEST_GRANT_GRANT_H
#define TESTS_GUEST_GRANT_GRANT_H

#include <tests/guest/lib/guest.h>

static u8 grant_frame[4096] __attribute__((aligned(4096)));

static inline volatile struct grant_entry_v1 *grant_table(void)
{
	return (volatile struct grant_entry_v1 *)(void *)grant_frame;
}
static inline u16 own_domid(void)
{
	return (u16)cpuid(0x40000004, 0).ecx;
}
static inline void grant_init(void)
{
	CHECK_EQ(add_to_physmap(XENMAPSPACE_grant_table, 0, (u64)grant_frame >> 12), 0,
		 "grant frame 0");
}
/* Grants the page at p to this domain. */
static inline void grant_page(u32 ref, const volatile void *p, u16 flags)
{
	volatile struct grant_entry_v1 *e = &grant_table()[ref];

	e->domid = own_domid();
	e->frame = (u32)((u64)p >> 12);
	barrier();
	e->flags = flags;
}
static inline struct gnttab_map_grant_ref grant_map(u32 ref, u64 gpa, u32 flags)
{
	struct gnttab_map_grant_ref m = {
		.host_addr = gpa, .flags = flags, .ref = ref, .dom = own_domid(), .status = 99};

	CHECK_EQ(grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0, "map call");
	return m;
}
static inline s16 grant_unmap(u64 gpa, u32 handle)
{
	struct gnttab_unmap_grant_ref u = {.host_addr = gpa, .handle = handle, .status = 99};

	CHECK_EQ(grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0, "unmap call");
	return u.status;
}

#endif
