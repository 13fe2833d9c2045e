/* SPDX-License-Identifier: BSD-2-Clause */
/* The block layer: which devices there are, who uses them, and requests on their way to them.
 * Devices come from drivers, partition tables, files, boot modules and overlays; to who uses one
 * they are the same. */
#ifndef DOM0_BLOCK_BLOCK_H
#define DOM0_BLOCK_BLOCK_H

#include <core/types.h>
#include <drivers/block.h>

#define BLOCK_NAME_MAX 32u /* bytes with the NUL, as "nvme0n1p2" */
#define BLOCK_WHY_MAX  256u

/* --- for those who offer devices --- */

/* A device is there from now on; its partitions are looked for (in a fiber, soon). Called again for
 * one that is known: its number of sectors changed. dev stays the caller's and must live until it
 * is taken away. -EEXIST: there is one of that name. */
int block_add(struct block_device *dev, const char *name) must_use;
/* It is gone: it has completed all its requests, gets no more, and dev is not looked at again. Who
 * still has it open gets BLOCK_GONE. */
void block_remove(struct block_device *dev);

/* --- for those who use devices --- */

enum block_kind {
	BLOCK_PHY,  /* a whole device or a partition: name, "LABEL=" or "UUID=" of a partition */
	BLOCK_FILE, /* "/DEVICE/PATH": a raw image on an ext file system; "NAME": a boot module */
	BLOCK_COW,  /* an overlay over one of these */
};

struct block_target {
	enum block_kind kind;
	const char *name; /* BLOCK_COW: of the base, as for "file:" if it has a '/', else "phy:" or
			   * a module */
	const char *
		overlay; /* BLOCK_COW: where it lies, as name; NULL: as DESIGN of the format says */
	bool write;
};

struct block_use; /* one opening of a device */

enum block_change { BLOCK_RESIZED, BLOCK_WENT_AWAY };

/* Opens a device for `holder` (for messages, as "guest web"; copied). Only from a fiber. One that
 * is open for writing, in whole or in part, is not opened a second time; one that is open for
 * reading is not opened for writing. NULL: why says what is wrong, in one line without a full stop.
 */
struct block_use *block_open(const struct block_target *t, const char *holder,
			     char why[BLOCK_WHY_MAX]) must_use;
/* Only from a fiber, with no request under way. What was written is on the medium afterwards. */
void block_close(struct block_use *u);
/* Size, sector sizes and abilities as the user sees them; limits do not matter to a user, requests
 * of any shape are split. Valid until block_close(). */
const struct block_device *block_device_of(const struct block_use *u);
/* Makes a file larger, to so many bytes, from a fiber; other devices grow by themselves. 0; -1:
 * why. */
int block_grow(struct block_use *u, u64 bytes, char why[BLOCK_WHY_MAX]) must_use;
/* fn is called when the device changes; NULL: nobody. */
void block_on_change(struct block_use *u, void (*fn)(void *ctx, enum block_change what), void *ctx);
/* Any request; bad ones end with BLOCK_INVALID. done() may be called before this returns. */
void block_submit(struct block_use *u, struct block_request *r);
/* After a batch of block_submit() calls. */
void block_kick(struct block_use *u);
/* One operation on memory of the control domain's own, from a fiber, which waits. */
enum block_status block_io(struct block_use *u, enum block_op op, u64 sector, void *data,
			   size_t bytes) must_use;

/* --- for listing --- */

struct block_info {
	char name[BLOCK_NAME_MAX];
	const struct block_device *device;
	char label[37 * 3], uuid[37]; /* of a partition: UTF-8; else empty */
	const char *parent;           /* the device it is a part of, or NULL */
	const char *holder;           /* who has it open, or NULL */
	bool held_for_writing;
};
/* The i-th device, from 0. false: no more. */
bool block_list(unsigned int i, struct block_info *info) must_use;

#endif
