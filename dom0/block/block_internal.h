/* SPDX-License-Identifier: BSD-2-Clause */
/* What the block layer's own files share: devices as it keeps them, openings, and the way of a
 * request that a device does not take as it is. */
#ifndef DOM0_BLOCK_BLOCK_INTERNAL_H
#define DOM0_BLOCK_BLOCK_INTERNAL_H

#include <dom0/block/block.h>

#define BLOCK_LABEL_MAX  (37 * 3)
#define BLOCK_UUID_MAX   37
#define BLOCK_HOLDER_MAX 64

/* What a request may pass through on its way: overlay (2), file (1), disk (0). */
#define BLOCK_LEVELS 3u

/* A device, or a part of one. Files and overlays have a node for each opening; it is not listed. */
struct block_node {
	struct block_node *next;
	struct block_device *dev;  /* where its requests go: a partition's to its disk */
	struct block_node *parent; /* the disk, or NULL */
	struct block_device view;  /* a partition: its disk with another size; else unused */
	u64 start;                 /* the first sector of a partition */
	unsigned int number;       /* of a partition */
	const char *title;         /* as messages call it */
	char name[BLOCK_NAME_MAX];
	char label[BLOCK_LABEL_MAX], uuid[BLOCK_UUID_MAX];
	struct block_use *uses;
	void (*release)(struct block_device *dev); /* at the end of its only use; or NULL */
	unsigned int level;
	bool listed;
	bool scanned, rescan; /* a fiber reads its partition table; it shall do so once more */
};

/* A device's limits with "none" spelt as numbers that never limit. */
struct block_limits {
	u64 page_mask;
	u64 boundary;
	u64 address_limit;
	u64 max_discard; /* sectors */
	u64 granularity; /* sectors, of discards */
	u64 bus_mask;    /* bits of a bus address that must be 0 */
	u32 max_bytes;   /* a multiple of the sector size */
	u32 max_segment;
	unsigned int max_segments;
	u32 sector_bytes;
	u32 sector_mask; /* in BLOCK_SECTOR: the low bits that must be 0 */
};

struct part;

/* How far the request that a use is cutting has come. */
struct cut {
	struct part *head; /* NULL: none is being cut */
	unsigned int segment;
	u32 offset; /* bytes of that segment that are done with */
	u64 at;     /* the device's sector where the next part begins */
	u64 end;
};

struct block_use {
	struct block_device *dev; /* NULL: it went away */
	u64 start;
	struct block_limits limits;
	struct block_device view;
	unsigned int level; /* the node's */
	bool write;
	struct block_node *node; /* NULL: it went away */
	struct block_use *next;  /* of the same node */
	void (*changed)(void *ctx, enum block_change what);
	void *changed_ctx;
	char holder[BLOCK_HOLDER_MAX];
	/* Requests that are to be cut, or wait for memory to describe them. */
	struct block_request *waiting, *waiting_last;
	struct cut cut;
	struct block_use *next_turn;
	bool has_turn;
	bool hidden; /* the block layer's own: nobody else is kept out */
};

/* --- registry.c --- */

struct block_node *node_first(void);
struct block_node *node_named(const char *name);
/* What its users see of it. */
const struct block_device *node_device(const struct block_node *n);
/* A partition, its place checked by the caller. -XEN_EEXIST, -XEN_ENOMEM. */
int node_add_part(struct block_node *disk, unsigned int number, u64 start, u64 count,
		  const char *label, const char *uuid) must_use;
/* Takes away a partition, or a whole device and its partitions. */
void node_remove(struct block_node *n);
/* Tells its users that its size is another one. */
void node_resized(struct block_node *n);
/* A node that is not listed, for one opening. NULL: out of memory. */
struct block_node *node_hidden(struct block_device *dev, const char *title,
			       unsigned int level) must_use;

/* --- use.c --- */

/* Opens without asking who else has it open. NULL: out of memory. */
struct block_use *use_new(struct block_node *n, bool write, const char *holder) must_use;
void use_free(struct block_use *u);
void use_refresh(struct block_use *u);
/* The device is gone: its requests that wait end. */
void use_gone(struct block_use *u);
/* Whether n may be opened; else why says who has it. */
bool use_allowed(const struct block_node *n, bool write, char why[BLOCK_WHY_MAX]) must_use;

/* --- split.c --- */

/* Memory for so many more requests to be described at a time. false: out of memory. */
bool split_reserve(unsigned int level, unsigned int parts) must_use;
void split_unreserve(unsigned int level, unsigned int parts);
/* Passes on a request that only needs another first sector. false: not now, use split_submit(). */
bool split_pass(struct block_use *u, struct block_request *r) must_use;
/* Cuts a well-formed request into parts that u's device takes. */
void split_submit(struct block_use *u, struct block_request *r);
void split_gone(struct block_use *u);

/* --- bounce.c --- */

#define BOUNCE_BYTES 65536u

/* Memory that every device reaches, BOUNCE_BYTES aligned to as much. NULL: all is taken. */
void *bounce_take(u64 address_limit, u64 *bus) must_use;
void bounce_put(void *p);
/* Whether there is any that such a device reaches. */
bool bounce_reaches(u64 address_limit) must_use;
/* Whether the processor reaches so many bytes of r's memory, from a place in it on. */
bool bounce_possible(const struct block_request *r, unsigned int segment, u32 offset,
		     u32 bytes) must_use;
/* Copies them to or from p. */
void bounce_copy(const struct block_request *r, unsigned int segment, u32 offset, void *p,
		 u32 bytes, bool to_request);

/* --- partitions.c --- */

/* Looks for partitions, in a fiber, soon. */
void partitions_scan(struct block_node *disk);
/* From a fiber: waits until no partition table is being read any more. */
void partitions_wait(void);
/* The disk goes away. */
void partitions_forget(struct block_node *disk);

/* --- ram_disk.c --- */

/* The boot module as a device. NULL: why. */
struct block_node *ram_disk_node(const char *module, char why[BLOCK_WHY_MAX]) must_use;

/* --- machine_memory.c --- */

/* An address beyond all of the machine's memory. */
u64 block_memory_end(void);

#endif
