/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the virtio block driver know of each other.
 *
 * A request takes descriptors from a list of the driver's own (what the device finds in the table
 * is never read back): one that points to an indirect table, or one for each part. The first one's
 * index is its slot. Requests that find too few, or come during a reset, wait in order. */
#ifndef DRIVERS_VIRTIO_BLK_VIRTIO_BLK_PRIVATE_H
#define DRIVERS_VIRTIO_BLK_VIRTIO_BLK_PRIVATE_H

#include <drivers/device.h>
#include <drivers/virtio_blk/virtio_blk_regs.h>

#define VIRTIO_QUEUE_MAX        1024u /* a legacy device does not let one choose */
#define VIRTIO_QUEUE_WANTED     256u
#define VIRTIO_TRIES            3u /* of a request, and of a reset */
#define VIRTIO_MAX_BYTES        (512u * 1024u)
#define VIRTIO_AREA_BYTES       128u  /* of each slot: header, status, ranges of a discard */
#define VIRTIO_AREA_INDIRECT    2048u /* and its indirect table */
#define VIRTIO_CHUNK_BYTES      65536u
#define VIRTIO_CHUNKS           8u
#define VIRTIO_INDIRECT_ENTRIES ((VIRTIO_AREA_INDIRECT - VIRTIO_AREA_BYTES) / 16u)
#define VIRTIO_RANGES           6u

#define VIRTIO_REQUEST_NS (10u * NS_PER_SEC) /* a request that takes longer is lost */
#define VIRTIO_RESET_NS   (2u * NS_PER_SEC)
#define VIRTIO_WATCH_NS   NS_PER_SEC /* how often a busy device is looked at */
#define VIRTIO_POLL_NS    200000u    /* without interrupts */

struct virtio_area {
	struct virtio_blk_header header;
	u8 status, pad[15];
	struct virtio_blk_range ranges[VIRTIO_RANGES];
};
_Static_assert(sizeof(struct virtio_area) == VIRTIO_AREA_BYTES, "one slot's");

#define VIRTIO_NO_SLOT 0xFFFFu

struct virtio_slot {
	struct block_request *request; /* NULL: free, or not the first of a chain */
	struct virtio_area *area;
	u64 area_bus;
	u64 from, to;       /* of a discard: sectors done before, and after this command */
	u32 bytes, least;   /* of data that the device may, and must, write */
	u16 next, previous; /* in order of submission */
	u16 last, count;    /* of its descriptors */
};

struct virtio_window {
	u32 bar, offset, bytes; /* bytes 0: there is none */
};

struct virtio_ring {
	struct virtio_desc *desc;
	struct virtio_avail *avail;
	struct virtio_used *used;
	u64 bus, avail_bus, used_bus;
	size_t bytes;
	u16 size, avail_index, told, used_index;
	bool indirect, event_index;
};

struct virtio_blk {
	struct device *d;
	bool running; /* the queue takes requests */
	bool gone;    /* the hardware does not answer */
	bool dead;    /* given up: resets did not help */
	bool wants_reset;
	bool suspect;  /* the reset is for all requests' account, not only for late ones' */
	bool in_batch; /* used descriptors are being handled: notified at the end */
	bool polled;   /* no interrupts */
	bool config_changed;
	bool found; /* its windows */
	bool added;
	u64 timer_at; /* 0: not set */
	unsigned int errors_logged;
	bool irq_seen;       /* since the timer last rang */
	unsigned int missed; /* how often in a row it found what no interrupt had told */

	bool legacy, msix;
	unsigned int vectors;
	struct virtio_window common, notify, isr, config;
	u32 notify_multiplier;
	u32 notify_at; /* offset in its window's bar */
	u64 features;

	struct virtio_ring ring;
	struct virtio_slot *slots; /* ring.size */
	u16 *chain;                /* free: the next free one; else the next of its request */
	u16 free_first, free_count, usable;
	u16 oldest, newest, busy;
	struct block_request *waiting, **waiting_end;
	void *chunks[VIRTIO_CHUNKS];
	u64 chunks_bus[VIRTIO_CHUNKS];

	u32 discard_sectors, discard_ranges; /* at most in a range, in a command */
	struct block_request id_request;     /* asks for the serial number */
	bool id_done;
	u8 *id;
	u64 id_bus;
	struct block_device block;
};

/* --- transport.c --- */

/* Finds the windows. Negative after a line of the log. */
int virtio_find(struct virtio_blk *v) must_use;
/* After irq_request(): whether MSI-X is on. */
void virtio_find_msix(struct virtio_blk *v);
u8 virtio_status(struct virtio_blk *v) must_use;
void virtio_set_status(struct virtio_blk *v, u8 status);
u64 virtio_features(struct virtio_blk *v) must_use;
void virtio_set_features(struct virtio_blk *v, u64 features);
u8 virtio_isr(struct virtio_blk *v) must_use;
/* Device configuration; offset aligned to 4. What is beyond its window reads as 0. */
u32 virtio_config(struct virtio_blk *v, size_t offset) must_use;
u8 virtio_generation(struct virtio_blk *v) must_use;
/* How long queue 0 may be; 0: there is none. */
u16 virtio_queue_size(struct virtio_blk *v) must_use;
/* Gives the ring to the device. Negative after a line of the log. */
int virtio_queue_start(struct virtio_blk *v) must_use;

/* --- ring.c --- */

int virtio_ring_alloc(struct virtio_blk *v, u16 size) must_use;
void virtio_ring_free(struct virtio_blk *v);
/* As after a reset: empty. polled: the device need not interrupt. */
void virtio_ring_reset(struct virtio_ring *r, bool polled);
void virtio_ring_put(struct virtio_ring *r, u16 head);
/* Tells the device what was put, if it wants to know. */
void virtio_ring_kick(struct virtio_blk *v);
/* How many entries the device returned that were not taken yet. */
u16 virtio_ring_used(const struct virtio_ring *r) must_use;
struct virtio_used_entry virtio_ring_take(struct virtio_ring *r);
/* Asks for an interrupt with the next one. */
void virtio_ring_ask(struct virtio_ring *r);

/* --- describe.c --- */

/* Fills in v->block from the configuration. Negative after a line of the log. */
int virtio_describe(struct virtio_blk *v) must_use;
/* The size as it is now, whole blocks only. */
u64 virtio_sectors(struct virtio_blk *v) must_use;

/* --- device.c --- */

/* Reads the status; true if the device is there and well. Else what follows has begun. */
bool virtio_look(struct virtio_blk *v);
/* Stops the device and asks for a reset from service(). suspect: any request may be the reason. */
void virtio_fail(struct virtio_blk *v, bool suspect, const char *why);

/* --- io.c --- */

extern const struct block_device_ops virtio_block_ops;
int virtio_io_alloc(struct virtio_blk *v) must_use;
void virtio_io_free(struct virtio_blk *v);
/* All free. */
void virtio_slots_reset(struct virtio_blk *v);
/* Handles what the device returned, then starts what waits. Returns how many there were. */
unsigned int virtio_io_complete(struct virtio_blk *v);
void virtio_io_start_waiting(struct virtio_blk *v);
/* Has the device write its serial number to v->id; v->id_request ends. There is room. */
void virtio_io_ask_id(struct virtio_blk *v);

/* --- trouble.c --- */

/* The device works on nothing any more: its requests wait again, before the others, in order. Those
 * that failed too often end. */
void virtio_io_take_back(struct virtio_blk *v);
/* Ends all requests. No DMA may be under way. */
void virtio_io_end_all(struct virtio_blk *v, enum block_status status);
/* Sets the timer to when a busy device must be looked at next. */
void virtio_io_arm(struct virtio_blk *v);
/* It rang: late requests, lost interrupts. */
void virtio_io_timer(struct virtio_blk *v);

#endif
