/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk's front end for test guests: one queue, one ring page. The back end's view of the ring's
 * layout is shared with it: dom0/vbd/blkif.h. */
#ifndef TESTS_GUEST_DISK_BLK_H
#define TESTS_GUEST_DISK_BLK_H

#include <dom0/vbd/blkif.h>
#include <tests/guest/grant/grant.h>
#include <tests/guest/store/xs.h>

#define BLK_SLOTS   32u
#define BLK_DOMAIN  0u /* where the back end is */
#define BLK_XVDA    51712u
#define BLK_XVDB    51728u
#define BLK_STATE_4 4u

struct blk {
	u32 vdev, ring_ref, port;
	char front[64], back[64];
	volatile struct blkif_ring *ring; /* a page of its own */
	u32 produced, consumed;
	u64 sectors;
	u32 sector_size, info, max_indirect;
	bool flush, discard, barrier, persistent;
};

static inline size_t text(char *to, size_t size, const char *fmt, ...) printf_like(3, 4);
static inline size_t text(char *to, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;
	size_t n;

	__builtin_va_start(ap, fmt);
	n = format_text(to, size, fmt, ap);
	__builtin_va_end(ap);
	return n;
}

static inline u64 blk_number(const char *s)
{
	u64 n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (u64)(*s++ - '0');
	return n;
}

/* Lets the control domain use the page at p. */
static inline void blk_grant(u32 ref, const volatile void *p, bool readonly)
{
	volatile struct grant_entry_v1 *e = &grant_table()[ref];

	e->domid = BLK_DOMAIN;
	e->frame = (u32)((u64)p >> 12);
	barrier();
	e->flags = (u16)(GTF_permit_access | (readonly ? GTF_readonly : 0));
}

/* Takes it back. false: it is in use. */
static inline bool blk_revoke(u32 ref)
{
	volatile struct grant_entry_v1 *e = &grant_table()[ref];

	if (e->flags & (GTF_reading | GTF_writing))
		return false;
	e->flags = 0;
	return true;
}

static inline void blk_write_key(const struct blk *b, const char *key, u64 value)
{
	char path[96], number[24];

	(void)text(path, sizeof(path), "%s/%s", b->front, key);
	(void)text(number, sizeof(number), "%lu", (unsigned long)value);
	if (xs_request(XS_WRITE, 0, path, number, false) != XS_WRITE)
		test_error("cannot write %s: %s", path, xs_body);
}

/* ~0: it is not there. */
static inline u64 blk_back_key(const struct blk *b, const char *key)
{
	char path[96];

	(void)text(path, sizeof(path), "%s/%s", b->back, key);
	return xs_request(XS_READ, 0, path, NULL, false) == XS_READ ? blk_number(xs_body) : ~0ull;
}

static inline bool blk_back_state(const struct blk *b, u32 state, u32 ms)
{
	u64 end = clock_ns() + (u64)ms * 1000000;

	while (blk_back_key(b, "state") != state) {
		if (clock_ns() > end)
			return false;
		delay_ns(1000000);
	}
	return true;
}

/* Once for each disk; xs_init() and grant_init() come before. ring: a page. */
static inline void blk_find(struct blk *b, u32 vdev, u32 ring_ref, volatile void *ring)
{
	char path[96];

	*b = (struct blk){.vdev = vdev, .ring_ref = ring_ref, .ring = ring};
	(void)text(b->front, sizeof(b->front), "device/vbd/%u", vdev);
	(void)text(path, sizeof(path), "%s/backend", b->front);
	if (xs_request(XS_READ, 0, path, NULL, false) != XS_READ)
		test_skip("this guest has no disk %u", vdev);
	(void)text(b->back, sizeof(b->back), "%s", xs_body);
}

static inline void blk_connect(struct blk *b)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = BLK_DOMAIN};
	char path[96];

	memset((void *)(u64)b->ring, 0, 4096);
	b->ring->req_event = b->ring->rsp_event = 1;
	b->produced = b->consumed = 0;
	blk_grant(b->ring_ref, b->ring, false);
	CHECK_EQ(event_op(EVTCHNOP_alloc_unbound, &a), 0, "a port for the disk");
	b->port = a.port;
	blk_write_key(b, "state", 1);
	if (!blk_back_state(b, 2, 10000))
		test_fail("the back end does not offer the disk: its state is %lu (%s)",
			  (unsigned long)blk_back_key(b, "state"), b->back);
	blk_write_key(b, "ring-ref", b->ring_ref);
	blk_write_key(b, "event-channel", b->port);
	(void)text(path, sizeof(path), "%s/protocol", b->front);
	(void)xs_request(XS_WRITE, 0, path, "x86_64-abi", false);
	blk_write_key(b, "state", 3);
	CHECK(blk_back_state(b, BLK_STATE_4, 10000), "the back end does not connect");
	b->sectors = blk_back_key(b, "sectors");
	b->sector_size = (u32)blk_back_key(b, "sector-size");
	b->info = (u32)blk_back_key(b, "info");
	b->flush = blk_back_key(b, "feature-flush-cache") == 1;
	b->barrier = blk_back_key(b, "feature-barrier") == 1;
	b->discard = blk_back_key(b, "feature-discard") == 1;
	b->persistent = blk_back_key(b, "feature-persistent") == 1;
	b->max_indirect = (u32)blk_back_key(b, "feature-max-indirect-segments");
	blk_write_key(b, "state", 4);
}

/* Closes as blkfront does; the ring page can be used again. */
static inline void blk_close(struct blk *b)
{
	blk_write_key(b, "state", 5);
	CHECK(blk_back_state(b, 5, 10000) || blk_back_key(b, "state") == 6, "the back end closes");
	blk_write_key(b, "state", 6);
	CHECK(blk_back_state(b, 6, 10000), "the back end is closed");
	CHECK_EQ(event_port_op(EVTCHNOP_close, b->port), 0, "closing the port");
	CHECK(blk_revoke(b->ring_ref), "the ring is still in use");
}

/* The next slot, for the caller to fill. There must be room. */
static inline volatile union blkif_slot *blk_slot(struct blk *b)
{
	return &b->ring->slot[b->produced++ % BLK_SLOTS];
}
static inline u32 blk_room(const struct blk *b)
{
	return BLK_SLOTS - (b->produced - b->consumed);
}

/* Publishes what was put into slots, with an event if the back end wants one. */
static inline void blk_push(struct blk *b)
{
	u32 old = b->ring->req_prod;

	barrier();
	b->ring->req_prod = b->produced;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (b->produced - b->ring->req_event < b->produced - old)
		(void)event_send(b->port);
}

/* The next response; false: none after ms. */
static inline bool blk_response(struct blk *b, struct blkif_response *r, u32 ms)
{
	if (b->ring->rsp_prod == b->consumed) {
		b->ring->rsp_event = b->consumed + 1;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!WAIT_FOR(b->ring->rsp_prod != b->consumed, ms))
			return false;
	}
	barrier();
	*r = *(struct blkif_response *)(u64)&b->ring->slot[b->consumed++ % BLK_SLOTS].response;
	return true;
}

/* One read or write of up to 11 whole pages from refs `first` on. */
static inline void blk_put_rw(struct blk *b, u8 op, u64 id, u64 sector, u32 first, u32 pages)
{
	volatile struct blkif_rw *q = &blk_slot(b)->rw;

	q->op = op;
	q->segment_count = (u8)pages;
	q->handle = 0;
	q->id = id;
	q->sector = sector;
	for (u32 i = 0; i < pages && i < BLKIF_SEGMENTS; i++) {
		q->segment[i].gref = first + i;
		q->segment[i].first = 0;
		q->segment[i].last = 7;
	}
}

/* Puts one request, waits for its response: its status. */
static inline s16 blk_wait_one(struct blk *b, u64 id, u8 op)
{
	struct blkif_response r;

	blk_push(b);
	CHECK(blk_response(b, &r, 30000), "no response");
	CHECK_EQ(r.id, id, "id of the response");
	CHECK_EQ(r.op, op, "operation of the response");
	return r.status;
}
static inline s16 blk_rw(struct blk *b, u8 op, u64 sector, u32 first, u32 pages)
{
	static u64 id = 0x1000;

	blk_put_rw(b, op, ++id, sector, first, pages);
	return blk_wait_one(b, id, op);
}
static inline s16 blk_flush(struct blk *b)
{
	volatile struct blkif_rw *q = &blk_slot(b)->rw;

	q->op = BLKIF_OP_FLUSH;
	q->segment_count = 0;
	q->id = 0xF1;
	q->sector = 0;
	return blk_wait_one(b, 0xF1, BLKIF_OP_FLUSH);
}

#endif
