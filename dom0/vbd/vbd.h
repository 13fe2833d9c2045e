/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks of guests: the back end that serves one virtual disk of one guest. */
#ifndef DOM0_VBD_VBD_H
#define DOM0_VBD_VBD_H

#include <core/types.h>
#include <dom0/block/block.h>
#include <dom0/block/limiter.h>
#include <dom0/xenstore/xenstore.h>
#include <xen/hypercall.h>

#define VBD_QUEUES_MAX    8u
#define VBD_CLOSE_TIMEOUT (10 * NS_PER_SEC) /* what a front end that answers never needs */

struct vbd;

struct vbd_config {
	domid_t domid;
	u32 number;            /* as in xenstore: 51712 is xvda */
	const char *params;    /* what the disk is, for who reads xenstore; copied */
	struct block_use *use; /* the caller's: open until vbd_destroy() is done */
	bool read_only;        /* a device that is read-only need not be said to be */
	bool removable, cdrom;
	bool discard;        /* may the guest discard, if the device can */
	bool persistent;     /* offer grants that stay mapped: the guest copies all data then */
	unsigned int queues; /* at most; 0: 1 */
	struct rate_limit limits; /* all zero: none */
};

struct vbd_stats {
	u64 reads, writes, flushes, discards;   /* done, successfully or not */
	u64 read_bytes, written_bytes;          /* of successful requests */
	u64 errors;                             /* answered with an error */
	u64 throttled;                          /* times that a limit held requests up */
	u64 notified;                           /* events sent to the guest */
	u64 map_calls, unmap_calls, copy_calls; /* hypercalls for grants of data */
	u32 in_flight;                          /* taken from the rings, not answered */
	u32 mapped;                             /* grants of data that are mapped now */
};

/* Offers a disk to a guest: writes both ends' nodes in one transaction. 0 or a negative <errno.h>
 * value; -EEXIST: the guest has one of that number; -EINVAL: no such domain, or limits out of
 * range. c is not kept. */
int vbd_create(struct xenstore *xs, const struct vbd_config *c, struct vbd **out) must_use;
/* Takes it away: asks the front end to close, waits for it for up to timeout_ns (0: it is dead, or
 * not asked), and for the device to end what it was given; then unmaps, removes the nodes, frees v
 * and calls done(ctx) from the event loop, never before this returns. May be called again with a
 * shorter time; the last done and ctx count. */
void vbd_destroy(struct vbd *v, u64 timeout_ns, void (*done)(void *ctx), void *ctx);
/* As vbd_destroy(), but a front end that does not let go of the disk within timeout_ns (not 0)
 * keeps it: v serves on as before and refused(ctx) is called instead of done(ctx). A vbd_destroy()
 * meanwhile ends the asking. */
void vbd_ask_close(struct vbd *v, u64 timeout_ns, void (*done)(void *ctx),
		   void (*refused)(void *ctx), void *ctx);
/* Tells the guest how large the device is now. */
void vbd_resize(struct vbd *v);
/* From now on; what a bucket has saved up stays. false: a number is out of range. */
bool vbd_set_limits(struct vbd *v, const struct rate_limit *limits) must_use;
void vbd_stats(const struct vbd *v, struct vbd_stats *stats);
/* For listing: the back end's state as in xenstore (4: the guest uses it). */
unsigned int vbd_state(const struct vbd *v);

#endif
