/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls with arbitrary arguments by a guest and by the control domain, over two domains that
 * die and come back. What must hold: no bad access, no endless restart, nothing left at the end. */
// links: core/event.c core/event_port.c core/event_op.c core/grant.c core/grant_map.c
// links: core/grant_copy.c core/memory_op.c core/version.c core/console_io.c core/debug_text.c
// links: core/hvm_op.c tests/fake/core_fake.c
// links: core/hypercall_op.c
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <core/event.h>
#include <call.h>
#include <core_fake.h>
#include <xen/errno.h>

#define PAGES 24u /* RAM of each domain */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

static u64 take(struct input *in, size_t n)
{
	u64 v = 0;

	if (n > in->left)
		n = in->left;
	memcpy(&v, in->p, n);
	in->p += n;
	in->left -= n;
	return v;
}

static void make(struct domain **d, domid_t id)
{
	*d = fake_domain_new(id, 2);
	(*d)->max_pages = 64;
	for (u64 g = 0; g < PAGES; g++)
		(void)fake_ram_at(*d, g);
	/* Some grants to the other one. */
	for (u32 ref = 0; ref < 12; ref++)
		(*d)->grant.frame[0][ref] = (struct grant_entry_v1){
			.flags = (u16)(1u | (ref & 1) << 2), .domid = id ? 0 : 1, .frame = ref};
}

static s64 call(struct vcpu *v, u32 which, u64 arg, u64 count)
{
	u64 cmd = v->regs.gpr[GPR_RDI];

	switch (which) {
	case 0:
		return fake_call(do_event_channel_op, v, cmd, arg, 0);
	case 1:
		return fake_call(do_grant_table_op, v, cmd, arg, count);
	case 2:
		return fake_call(do_memory_op, v, cmd, arg, 0);
	case 3:
		return fake_call(do_hvm_op, v, cmd, arg, 0);
	case 4:
		return fake_call(do_xen_version, v, cmd, arg, 0);
	case 5:
		return fake_call(do_console_io, v, cmd, count, arg);
	default:
		return fake_call(do_vm_assist, v, cmd, arg, 0);
	}
}

static void hypercall(struct vcpu *v, struct input *in)
{
	u32 which = (u32)take(in, 1) % 7;
	u64 cmd = take(in, 1), shape = take(in, 1), count = take(in, 1);
	size_t n = take(in, 1);
	u64 arg = fake_gva(0), pieces = 0;

	if (cmd & 0x80)
		cmd = take(in, 8);
	if (shape & 1)
		arg = fake_gva(FAKE_BUFFER - 8); /* runs off the end */
	if (shape & 2)
		arg = take(in, 8);
	if (shape & 4)
		count = take(in, 8);
	if (n > in->left)
		n = in->left;
	memcpy(fake_buffer, in->p, n);
	in->p += n;
	in->left -= n;
	if (shape & 8) { /* a valid pointer where the structures have theirs */
		u64 at = fake_gva(512);

		memcpy(fake_buffer + (which == 2 && cmd == XENMEM_memory_map ? 8 : 0), &at, 8);
	}
	v->regs.gpr[GPR_RDI] = cmd;
	while (call(v, which, arg, count) == HYPERCALL_RESTART)
		if (pieces++ > 1u << 20)
			abort();
}

static void run(struct vcpu *v, u32 which, u64 cmd, const void *arg, size_t n)
{
	u64 pieces = 0;

	memcpy(fake_buffer, arg, n);
	v->regs.gpr[GPR_RDI] = cmd;
	while (call(v, which, fake_gva(0), 1) == HYPERCALL_RESTART)
		if (pieces++ > 1u << 20)
			abort();
}

/* Arguments that are mostly right, so that what follows success is reached too. */
static void plausible(struct vcpu *v, struct input *in)
{
	struct gnttab_map_grant_ref m = {.flags = (u32)take(in, 1) % 8 | GNTMAP_host_map,
					 .ref = (u32)take(in, 1) % 16,
					 .dom = v->domain->control};
	struct gnttab_unmap_grant_ref u = {.handle = (u32)take(in, 1) % 16};
	struct gnttab_copy c = {.source.domid = DOMID_SELF, .dest.domid = v->domain->control};
	struct xen_memory_reservation r = {.extent_start = fake_gva(512), .domid = DOMID_SELF};
	struct xen_add_to_physmap a = {.domid = DOMID_SELF};

	switch (take(in, 1) % 6) {
	case 0:
		m.host_addr = (PAGES + take(in, 1) % 24) << PAGE_SHIFT;
		run(v, 1, GNTTABOP_map_grant_ref, &m, sizeof(m));
		break;
	case 1:
		u.host_addr = (PAGES + take(in, 1) % 24) << PAGE_SHIFT;
		run(v, 1, GNTTABOP_unmap_grant_ref, &u, sizeof(u));
		break;
	case 2:
		c.source.u.gmfn = take(in, 1) % PAGES;
		c.dest.u.ref = m.ref;
		c.len = (u16)take(in, 2);
		c.source.offset = (u16)take(in, 2);
		c.flags = GNTCOPY_dest_gref;
		run(v, 1, GNTTABOP_copy, &c, sizeof(c));
		break;
	case 3:
	case 4:
		for (u32 i = 0; i < 8; i++) {
			u64 g = take(in, 1) % 64;

			memcpy(fake_buffer + 512 + 8 * i, &g, 8);
		}
		r.nr_extents = take(in, 1) % 9;
		r.extent_order = (u32)take(in, 1) % 4;
		run(v, 2, m.flags & 1 ? XENMEM_populate_physmap : XENMEM_decrease_reservation, &r,
		    sizeof(r));
		break;
	default:
		a.space = m.ref & 1;
		a.idx = m.ref >> 1;
		a.gpfn = take(in, 1) % 64;
		run(v, 2, XENMEM_add_to_physmap, &a, sizeof(a));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct domain *d[2];
	u32 born = 1;

	make(&d[0], 0);
	make(&d[1], 1);
	while (in.left > 0) {
		u64 what = take(&in, 1);

		if (what == 0xFF) {
			fake_domain_destroy(d[1]);
			make(&d[1], (domid_t)born);
		} else if (what == 0xFE) {
			event_raise_global_virq((u32)take(&in, 1) % NR_VIRQS);
			event_raise_virq(d[1]->vcpu[1], (u32)take(&in, 1) & 1);
		} else if (what == 0xFD) {
			(void)!event_register_info(d[what & 1]->vcpu[take(&in, 1) & 1],
						   gfn(take(&in, 1) % (PAGES + 8)),
						   (u32)take(&in, 2));
		} else if (what == 0xFC) {
			d[1]->grant.frame[0][take(&in, 1) % 16].flags = (u16)take(&in, 2);
		} else if (what >= 0xC0) {
			plausible(d[what & 1]->vcpu[what >> 1 & 1], &in);
		} else {
			hypercall(d[what & 1]->vcpu[what >> 1 & 1], &in);
		}
	}
	fake_end();
	return 0;
}
