/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring between a guest's disk driver and its back end, as 64-bit guests lay it out. */
#ifndef DOM0_VBD_BLKIF_H
#define DOM0_VBD_BLKIF_H

#include <stddef.h>
#include <core/types.h>

#define BLKIF_OP_READ     0u
#define BLKIF_OP_WRITE    1u
#define BLKIF_OP_BARRIER  2u /* a write with everything before it done, nothing after it begun */
#define BLKIF_OP_FLUSH    3u
#define BLKIF_OP_DISCARD  5u
#define BLKIF_OP_INDIRECT 6u

#define BLKIF_RSP_OKAY        0
#define BLKIF_RSP_ERROR       (-1)
#define BLKIF_RSP_UNSUPPORTED (-2)

#define BLKIF_SEGMENTS         11u /* in the request itself */
#define BLKIF_INDIRECT_PAGES   8u
#define BLKIF_DISCARD_SECURE   1u
#define BLKIF_SECTORS_PER_PAGE 8u
#define BLKIF_RING_HEADER      64u
#define BLKIF_RING_PAGE_ORDER  4u /* the largest of ours */
#define BLKIF_INFO_CDROM       1u
#define BLKIF_INFO_REMOVABLE   2u
#define BLKIF_INFO_READONLY    4u

struct blkif_segment {
	u32 gref;
	u8 first, last; /* sectors of 512 bytes in the page, both inclusive */
	u16 pad;
};

struct blkif_rw {
	u8 op, segment_count;
	u16 handle; /* chosen by the guest, and not the same with all: a ring has one disk */
	u32 pad;
	u64 id, sector;
	struct blkif_segment segment[BLKIF_SEGMENTS];
};

struct blkif_discard {
	u8 op, flag;
	u16 handle;
	u32 pad;
	u64 id, sector, count;
};

struct blkif_indirect {
	u8 op, real_op;
	u16 segment_count;
	u32 pad;
	u64 id, sector;
	u16 handle, pad2;
	u32 gref[BLKIF_INDIRECT_PAGES]; /* pages full of struct blkif_segment */
};

struct blkif_response {
	u64 id;
	u8 op, pad;
	s16 status;
	u32 pad2;
};

union blkif_slot {
	struct blkif_rw rw;
	struct blkif_discard discard;
	struct blkif_indirect indirect;
	struct blkif_response response;
};

struct blkif_ring {
	u32 req_prod, req_event, rsp_prod, rsp_event;
	u8 pad[BLKIF_RING_HEADER - 16];
	union blkif_slot slot[]; /* the largest power of two that fits */
};

_Static_assert(sizeof(struct blkif_segment) == 8, "ABI");
_Static_assert(offsetof(struct blkif_rw, segment) == 24, "ABI");
_Static_assert(offsetof(struct blkif_discard, count) == 24, "ABI");
_Static_assert(offsetof(struct blkif_indirect, handle) == 24, "ABI");
_Static_assert(offsetof(struct blkif_indirect, gref) == 28, "ABI");
_Static_assert(sizeof(struct blkif_response) == 16, "ABI");
_Static_assert(offsetof(struct blkif_response, status) == 10, "ABI");
_Static_assert(sizeof(union blkif_slot) == 112, "ABI");
_Static_assert(offsetof(struct blkif_ring, slot) == BLKIF_RING_HEADER, "ABI");

#endif
