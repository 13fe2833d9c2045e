/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the block back end among themselves. */
#ifndef DOM0_VBD_VBD_INTERNAL_H
#define DOM0_VBD_VBD_INTERNAL_H

#include <dom0/hyper/foreign.h>
#include <dom0/loop/loop.h>
#include <dom0/vbd/blkif.h>
#include <dom0/vbd/vbd.h>

#define VBD_SEGMENTS   32u   /* of one request, indirect ones included */
#define VBD_GRANTS     1024u /* of one disk that are mapped at a time: 32 requests of 128 KiB */
#define VBD_IN_FLIGHT  64u   /* requests of one disk at a time, over all its rings */
#define VBD_TURN       32u   /* requests taken from one ring before others have their turn */
#define VBD_RETRY_NS   1000000ull
#define VBD_PATH       96u
#define VBD_GRANT_HASH 1024u /* at most 32 of the references that a guest has share a chain */
#define VBD_NO_GRANT   0xFFFFu

enum vbd_state { /* xenbus: both ends' "state" */
		 VBD_UNKNOWN,
		 VBD_INITIALISING,
		 VBD_INIT_WAIT,
		 VBD_INITIALISED,
		 VBD_CONNECTED,
		 VBD_CLOSING,
		 VBD_CLOSED,
};

/* --- grants of data --------------------------------------------------------------------------- */

enum vbd_grant_state { VBD_GRANT_FREE, VBD_GRANT_WANTED, VBD_GRANT_MAPPED, VBD_GRANT_BAD };

/* Slot i of the table is mapped at page i of the window, if the device needs it there. */
struct vbd_grant {
	u64 bus;
	grant_ref_t ref;
	grant_handle_t handle;
	u16 users;        /* requests; one that is kept mapped may have none */
	u16 next;         /* in the free list or the hash chain */
	u16 older, newer; /* among those that are kept mapped and have no user */
	u8 state;         /* enum vbd_grant_state */
	bool write;
	bool queued; /* in the batch that is being put together */
};

struct vbd_grants {
	struct vbd_grant *slot; /* VBD_GRANTS */
	u8 *window;             /* NULL: only devices reach the pages */
	bool keep;              /* the front end negotiated feature-persistent */
	u16 free;               /* list */
	u32 free_count, idle_count;
	u16 oldest, newest; /* idle ones */
	u16 hash[VBD_GRANT_HASH];
};

/* --- requests and rings ----------------------------------------------------------------------- */

struct vbd_ring;

struct vbd_request {
	struct block_request block, flush;
	struct vbd_ring *ring;
	struct vbd_request *next; /* in one of the lists of its ring */
	u64 id;
	u8 op;                          /* what the response says */
	s16 status;                     /* BLKIF_RSP_* */
	bool flush_before, flush_after; /* what is still to be done */
	bool data;
	bool write;                 /* the device reads the pages only */
	bool passed;                /* by the limits: do not ask again */
	u16 segment_count, granted; /* granted: so many have a slot */
	u32 sectors;
	grant_ref_t ref[VBD_SEGMENTS];
	u16 offset[VBD_SEGMENTS]; /* bytes in the page */
	u16 slot[VBD_SEGMENTS];
	struct block_segment segment[VBD_SEGMENTS];
};

/* First in, first out. */
struct vbd_list {
	struct vbd_request *first, **end;
};

struct vbd_ring {
	struct vbd *vbd;
	struct blkif_ring *shared;
	unsigned int pages, slots;
	grant_handle_t handle[1u << BLKIF_RING_PAGE_ORDER];
	evtchn_port_t port;
	struct loop_work work;
	u32 req_cons, rsp_prod;  /* ours; what the guest does to the shared ones does not matter */
	u32 published;           /* value of rsp_prod in the page */
	bool stopped;            /* nothing is taken any more */
	bool barrier;            /* one is under way: nothing is taken meanwhile */
	bool held;               /* requests stay in the page until others are answered */
	bool hungry;             /* has requests that the disk's share did not allow */
	u32 taken;               /* requests not answered yet */
	u32 submitted;           /* of these, with the device */
	struct vbd_list ready;   /* checked; no grant is mapped yet */
	struct vbd_list mapping; /* has slots, not all mapped */
	struct vbd_list mapped;  /* to be submitted */
	struct vbd_list done;    /* to be answered */
	struct vbd_request *free;
	struct vbd_request *requests; /* all of them */
};

struct vbd {
	struct xenstore *xs;
	domid_t domid;
	u32 number;
	char *params;
	char front[VBD_PATH], back[VBD_PATH], watch[VBD_PATH + 8];
	struct block_use *use;
	const struct block_device *device;
	u64 sectors;
	bool read_only, removable, cdrom, discard, persistent;
	unsigned int queues_max;
	enum vbd_state state; /* ours */
	bool watched;
	bool failed;     /* the front end broke the protocol: closed until it starts anew */
	bool gone;       /* the device */
	bool destroying; /* vbd_destroy() was called */
	bool offline;    /* and the front end was told */
	bool impatient;  /* the front end is not waited for any more */
	void (*destroyed)(void *ctx);
	void (*refused)(void *ctx); /* not NULL: the front end may keep the disk */
	void *destroyed_ctx;
	struct loop_work work; /* looks at the states */
	u64 log_again;         /* no line about the front end's mistakes before then */
	struct loop_timer close_timer, retry_timer, limit_timer;
	struct vbd_ring *ring;
	unsigned int ring_count; /* 0: not connected */
	unsigned int hungry;
	u32 share; /* requests of this disk in flight at a time */
	u32 in_flight;
	struct vbd_grants grants;
	struct limiter limiter;
	bool limited;
	struct vbd_stats stats;
};

void vbd_log(const struct vbd *v, const char *fmt, ...) printf_like(2, 3);
/* The front end broke the protocol (or the disk cannot be served): state 5, an error node, a line
 * of the log. The rings come down when the front end answers, or at once if it never connected. */
void vbd_fail(struct vbd *v, const char *why);

/* vbd_nodes.c */
int vbd_nodes_create(struct vbd *v) must_use;
void vbd_nodes_remove(struct vbd *v);
int vbd_nodes_offer(struct vbd *v) must_use;   /* features, state 2 */
int vbd_nodes_connect(struct vbd *v) must_use; /* what the disk is like, state 4 */
void vbd_set_state(struct vbd *v, enum vbd_state state);
void vbd_nodes_online(struct vbd *v, bool online); /* online = 0 */
void vbd_nodes_error(struct vbd *v, const char *why);
enum vbd_state vbd_front_state(const struct vbd *v); /* VBD_UNKNOWN: none that can be read */

struct vbd_front { /* what a front end wrote */
	unsigned int queues, pages;
	bool persistent;
	struct {
		grant_ref_t ref[1u << BLKIF_RING_PAGE_ORDER];
		evtchn_port_t port;
	} queue[VBD_QUEUES_MAX];
};
/* NULL, or what is wrong. */
const char *vbd_front_read(const struct vbd *v, struct vbd_front *f) must_use;

/* vbd_connect.c */
const char *vbd_connect(struct vbd *v, const struct vbd_front *f) must_use; /* NULL or an error */
/* Stops the rings. false: the device still has requests; v->work runs when it is done. */
bool vbd_disconnect(struct vbd *v) must_use;

/* vbd_ring.c */
bool vbd_ring_turn(void *ctx); /* of a loop_work; ctx: a ring */
void vbd_ring_event(void *ctx);
void vbd_rings_wake(struct vbd *v);
static inline void vbd_list_init(struct vbd_list *l)
{
	l->first = NULL;
	l->end = &l->first;
}
static inline void vbd_list_add(struct vbd_list *l, struct vbd_request *r)
{
	r->next = NULL;
	*l->end = r;
	l->end = &r->next;
}
static inline struct vbd_request *vbd_list_take(struct vbd_list *l)
{
	struct vbd_request *r = l->first;

	if (r) {
		l->first = r->next;
		if (!l->first)
			l->end = &l->first;
	}
	return r;
}

/* vbd_request.c */
/* Fills in r from a local copy of a slot. VBD_PARSED: to be done; VBD_ANSWER: to be answered with
 * r->status; VBD_INDIRECT: vbd_request_indirect() comes first. */
enum vbd_parsed { VBD_PARSED, VBD_ANSWER, VBD_INDIRECT };
enum vbd_parsed vbd_request_parse(const struct vbd *v, const union blkif_slot *slot,
				  struct vbd_request *r) must_use;
/* Checks r->segment_count segments, a local copy. */
enum vbd_parsed vbd_request_segments(const struct vbd *v, const struct blkif_segment *s,
				     struct vbd_request *r) must_use;
void vbd_request_init(struct vbd_request *r, struct vbd_ring *ring); /* once */
void vbd_request_submit(struct vbd_request *r);                      /* its next step */

/* vbd_grants.c */
bool vbd_grants_init(struct vbd *v, bool keep) must_use; /* false: out of memory */
void vbd_grants_free(struct vbd *v);                     /* unmaps all; no slot has a user */
/* So many slots can be had. */
static inline u32 vbd_grants_room(const struct vbd *v)
{
	return v->grants.free_count + v->grants.idle_count;
}
u16 vbd_grants_get(struct vbd *v, grant_ref_t ref, bool write); /* there is room */
void vbd_grants_put(struct vbd *v, u16 slot);
void vbd_grants_want(struct vbd *v, u16 slot); /* again, after GNTST_no_space */
/* What was asked for since the last call, in one hypercall each. */
void vbd_grants_map(struct vbd *v);
void vbd_grants_unmap(struct vbd *v);

/* vbd_limits.c */
bool vbd_limits_set(struct vbd *v, const struct rate_limit *limits) must_use;
/* May a request of so many bytes start? false: not yet; all rings are woken when it is worth asking
 * again. */
bool vbd_limits_pass(struct vbd *v, u64 bytes) must_use;

#endif
