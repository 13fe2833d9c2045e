/* SPDX-License-Identifier: BSD-2-Clause */
/* The disks of one guest: opened, offered to it, taken away. Everything here runs in a fiber that
 * holds the guest's lock, unless said otherwise. */
#ifndef DOM0_TOOL_GUEST_DISKS_H
#define DOM0_TOOL_GUEST_DISKS_H

#include <dom0/tool/guests.h>
#include <dom0/vbd/vbd.h>
#include <dom0/xenstore/xenstore.h>

struct guest_disk {
	struct guest_disk *next;
	struct guest *guest;
	struct disk_spec spec;
	struct block_use *use;
	struct vbd *vbd;     /* NULL: not offered yet, or no more */
	struct fiber *waits; /* for the back end's end */
	bool refused;        /* by the guest, which was asked to let go of it */
};

/* Opens what the configuration names. false: why says of which disk and why not, and none is open.
 */
bool guest_disks_open(struct guest *g, char why[BLOCK_WHY_MAX]) must_use;
/* Offers them to the guest's domain, which is in the store. 0 or a negative <errno.h> value. */
int guest_disks_connect(struct guest *g, struct xenstore *store) must_use;
/* Takes all away; the guest runs no more and is not asked. What it wrote is on the medium
 * afterwards. */
void guest_disks_close(struct guest *g);

/* One more disk for a running guest. spec becomes the guest's own if that works; else why. */
bool guest_disk_attach(struct guest *g, struct xenstore *store, struct disk_spec *spec,
		       char why[BLOCK_WHY_MAX]) must_use;
/* force: without asking the guest; else it has some seconds to let go. false: it did not, and keeps
 * the disk. */
bool guest_disk_detach(struct guest_disk *d, bool force) must_use;
/* By virtual device, as "xvda" or "51712". NULL: none. From anywhere. */
struct guest_disk *guest_disk_find(struct guest *g, const char *vdev);

#endif
