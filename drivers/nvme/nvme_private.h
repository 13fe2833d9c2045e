/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the NVMe driver know of each other.
 *
 * One pair of I/O queues, since one CPU uses it. A request takes a slot, whose index is the
 * command's identifier and which has memory for a PRP list; there is one slot less than the queue
 * has entries, so that the queue is never full. Requests that find no slot, or come during a reset,
 * wait in order.
 */
#ifndef DRIVERS_NVME_NVME_PRIVATE_H
#define DRIVERS_NVME_NVME_PRIVATE_H

#include <drivers/device.h>
#include <drivers/nvme/nvme_regs.h>

#define NVME_ADMIN_ENTRIES  16u
#define NVME_IO_ENTRIES     256u
#define NVME_NAMESPACES     32u
#define NVME_TRIES          3u /* of a request, and of a reset */
#define NVME_MAX_BYTES      (512u * 1024u)
#define NVME_LIST_BYTES     1024u /* of each slot: all pages of NVME_MAX_BYTES but the first */
#define NVME_LIST_ENTRIES   (NVME_LIST_BYTES / 8u)
#define NVME_LISTS_IN_CHUNK 64u
#define NVME_LIST_CHUNKS    (NVME_IO_ENTRIES / NVME_LISTS_IN_CHUNK)

#define NVME_REQUEST_NS (10u * NS_PER_SEC) /* a command that takes longer is lost */
#define NVME_ADMIN_NS   (10u * NS_PER_SEC)
#define NVME_WATCH_NS   NS_PER_SEC /* how often a busy controller is looked at */
#define NVME_POLL_NS    200000u    /* without interrupts */

struct nvme_queue {
	struct nvme_command *sq;
	struct nvme_completion *cq;
	u64 sq_bus, cq_bus;
	u32 sq_bell, cq_bell; /* offsets of the doorbells */
	u32 phase;            /* what NVME_PHASE is in a new completion */
	u16 entries, tail, rung, head;
};

#define NVME_NO_SLOT 0xFFFFu

struct nvme_slot {
	struct block_request *request; /* NULL: free */
	void *list;                    /* a PRP list, or the ranges of a discard */
	u64 list_bus;
	u16 next, previous; /* free: the next free one; else in order of submission */
};

struct nvme;

struct nvme_namespace {
	struct block_device block;
	struct nvme *n;
	u32 nsid;
	u8 identity[24];
	char name[16];
	u32 index;          /* in struct nvme */
	unsigned int shift; /* from sectors to blocks */
	bool leaving;       /* not there any more: no new requests */
	bool added;
};

struct nvme {
	struct device *d;
	bool running; /* the I/O queue takes commands */
	bool gone;    /* the hardware does not answer */
	bool dead;    /* given up: resets did not help */
	bool wants_reset;
	bool suspect;     /* the reset is for all requests' account, not only for late ones' */
	bool in_batch;    /* completions are being handled: doorbells at the end */
	bool polled;      /* no interrupts */
	bool has_leaving; /* a namespace waits for its last request */
	u64 timer_at;     /* 0: not set */
	u64 cap;

	struct nvme_queue admin, io;
	/* The one admin command that service() or attach() waits for. */
	bool admin_up, admin_done;
	u16 admin_id, admin_status;
	u32 admin_result;
	bool event_asked, event_came, rescan;
	u32 event;
	unsigned int events_logged, errors_logged;
	bool irq_seen;       /* since the timer last rang */
	unsigned int missed; /* how often in a row it found what no interrupt had told */
	void *page;          /* what admin commands return */
	u64 page_bus;

	/* What the controller said of itself. */
	u32 max_bytes, max_commands, namespace_limit, oaes, shutdown_us;
	bool write_cache, discard;
	char serial[21], model[41];

	struct nvme_slot *slots;
	void *lists[NVME_LIST_CHUNKS];
	u64 lists_bus[NVME_LIST_CHUNKS];
	u16 slot_count, free_slot, oldest, newest, busy;
	struct block_request *waiting, **waiting_end;

	struct nvme_namespace *namespaces[NVME_NAMESPACES];
};

/* A request's tag while it is here: the namespace's index and how often it was tried in vain. */
#define NVME_TAG(index)     ((index) << 8)
#define NVME_TAG_INDEX(tag) ((tag) >> 8)
#define NVME_TAG_TRIES(tag) ((tag)&0xFFu)

/* --- controller.c --- */

/* Disables, enables, identifies, makes the queues. From any state. 0, or negative after a line of
 * the log. May sleep. */
int nvme_start(struct nvme *n) must_use;
/* Reads the status register; true if the controller is there and well. Else what follows has begun.
 */
bool nvme_look(struct nvme *n);
/* Stops the I/O queue and asks for a reset from service(). suspect: any request may be the reason.
 */
void nvme_fail(struct nvme *n, bool suspect, const char *why);
/* The registers read as all ones: every request ends, service() removes the disks. */
void nvme_went(struct nvme *n);

/* --- queue.c --- */

int nvme_queue_alloc(struct nvme *n, struct nvme_queue *q, u16 entries) must_use;
void nvme_queue_free(struct nvme *n, struct nvme_queue *q);
/* As after a reset: empty. id: 0 admin, 1 I/O. */
void nvme_queue_reset(struct nvme *n, struct nvme_queue *q, unsigned int id);
/* The next entry to be filled in; nvme_queue_ring() tells the controller. */
struct nvme_command *nvme_queue_next(struct nvme_queue *q);
void nvme_queue_ring(struct nvme *n, struct nvme_queue *q);
/* Takes one completion off, if there is one. nvme_queue_taken() tells the controller. */
bool nvme_queue_take(struct nvme_queue *q, struct nvme_completion *c);
void nvme_queue_taken(struct nvme *n, struct nvme_queue *q);

/* --- admin.c --- */

/* One command, its id set here; waits for its end. Status field, or negative: no answer. */
int nvme_admin(struct nvme *n, const struct nvme_command *c, u32 *result) must_use;
/* Into n->page. 0, or not. */
int nvme_identify(struct nvme *n, u32 what, u32 nsid) must_use;
int nvme_admin_prepare(struct nvme *n) must_use;
/* Handles completions; from irq() and timer() too. */
void nvme_admin_complete(struct nvme *n);
/* What came with an Asynchronous Event Request; asks anew. May sleep. */
void nvme_admin_event(struct nvme *n);

/* --- namespace.c --- */

/* Finds namespaces and what changed of known ones. Negative: the controller did not answer. May
 * sleep. */
int nvme_namespaces_scan(struct nvme *n) must_use;
/* Takes away those that leave, if their last request is done. */
void nvme_namespaces_reap(struct nvme *n);
/* All of them: no more requests, and away. */
void nvme_namespaces_end(struct nvme *n);

/* --- io.c --- */

extern const struct block_device_ops nvme_block_ops;
int nvme_io_alloc(struct nvme *n) must_use;
void nvme_io_free(struct nvme *n);
/* Handles completions, then starts what waits. */
void nvme_io_complete(struct nvme *n);
/* The controller works on nothing any more: its requests wait again, before the others, in order.
 * Those that failed too often end. */
void nvme_io_take_back(struct nvme *n);
void nvme_io_start_waiting(struct nvme *n);
/* Ends all requests. No DMA may be under way. ns: only those that wait for this one; NULL: all. */
void nvme_io_end_all(struct nvme *n, const struct nvme_namespace *ns, enum block_status status);
bool nvme_io_has(const struct nvme *n, const struct nvme_namespace *ns) must_use;
/* Sets the timer to when a busy controller must be looked at next. */
void nvme_io_arm(struct nvme *n);
/* It rang: late requests, lost interrupts. */
void nvme_io_timer(struct nvme *n);

#endif
