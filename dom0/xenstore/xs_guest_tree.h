/* SPDX-License-Identifier: BSD-2-Clause */
/* The nodes a guest finds when it starts, except those of its devices. */
#ifndef DOM0_XENSTORE_XS_GUEST_TREE_H
#define DOM0_XENSTORE_XS_GUEST_TREE_H

#include <dom0/xenstore/xenstore.h>

/* Strings are the caller's and are not kept. */
struct xs_guest {
	domid_t domid;
	const char *name; /* any text */
	const char *uuid; /* 36 characters, as in 7d444840-9dc0-11d1-b245-5ffdce74fad2 */
	u32 vcpus;        /* possible vCPUs */
	u32 vcpus_online; /* of these, on from the start: the lowest */
	u64 memory_max_kib;
	u64 memory_target_kib;
	evtchn_port_t store_port; /* the guest's ends */
	u64 store_ring_gfn;
	evtchn_port_t console_port;
	u64 console_ring_gfn;
	u32 console_limit_bytes;
	const char *console_tty; /* may be "" */
};

/* Writes /local/domain/N and /vm/UUID in one transaction; before xs_domain_introduce. -EEXIST: one
 * of them is there already. -EINVAL: no such domid, bad uuid, no vCPU. */
int xs_guest_tree_write(struct xenstore *xs, const struct xs_guest *guest) must_use;
/* Removes both, with all devices below /local/domain/N (their back ends' nodes are elsewhere). No
 * error if they are not there. */
int xs_guest_tree_remove(struct xenstore *xs, domid_t domid) must_use;

#endif
