/* SPDX-License-Identifier: BSD-2-Clause */
/* What the overlay's own files share: an open overlay, its log, requests on their way. */
#ifndef DOM0_COW_COW_INTERNAL_H
#define DOM0_COW_COW_INTERNAL_H

#include <dom0/cow/cow.h>
#include <dom0/cow/format.h>
#include <dom0/loop/fiber.h>

#define COW_PARTS         64u
#define COW_JOBS          64u
#define COW_FILLS         4u
#define COW_PART_SEGMENTS 34u
#define COW_MAX_BYTES     131072u
#define COW_COPY_BYTES    65536u

struct cow_log {
	struct cow_header header;
	unsigned int slot; /* which of the two headers holds */
	u32 *clusters;     /* those the log lies in */
	u32 cluster_count, cluster_room;
	u32 place; /* the next record of the last of them */
	u64 sequence;
	u32 previous;
	u64 records;
};

/* A request on its way. */
struct cow_job {
	struct cow_job *next;
	struct block_request *request;
	u64 at, end;
	unsigned int outstanding;
	bool advancing;
	enum block_status status;
};

/* A first write to a cluster: what it does not cover comes from the base. */
struct cow_fill {
	bool active;
	u32 cluster, place;
	u64 done, count; /* sectors that are copied, and that are to be */
	u8 *buffer;      /* COW_COPY_BYTES */
	struct block_segment segment;
	struct block_request request;
	struct cow *cow;
	struct cow_job *job; /* which began it: waits until its end */
};

/* A piece of a job, on the base or the overlay. */
struct cow_part {
	struct block_request request; /* first */
	struct cow_part *next;
	struct cow_job *job;
	bool whole; /* writes all of a cluster that has no place yet */
	u32 cluster, place;
	struct block_segment segments[COW_PART_SEGMENTS];
};

struct cow {
	struct block_device device; /* first */
	struct block_use *base, *overlay;
	bool write, broken;
	u32 cluster_sectors;
	u32 clusters; /* of the disk */
	u32 *map;     /* for each 0: the base has it; COW_ZERO; where the overlay has it */
	u8 *changed;  /* bits: the log does not say so yet */
	u8 *recorded; /* bits: the commit under way says so */
	u8 *busy;     /* bits: a first write is under way */
	u32 places;   /* clusters of the overlay that are used at most, from 0 */
	u8 *used;
	u8 *freed; /* bits: given up; free when the log on the medium says so */
	u32 next_place, free_places;
	struct cow_log log;
	struct cow_part *parts, *part_memory;
	struct cow_job *jobs, *job_memory;
	struct cow_job *stalled, **stalled_end; /* wait for a part or a first write's end */
	struct cow_job *work, **work_end;       /* for the worker */
	struct block_request *waiting, **waiting_end;
	struct cow_fill fills[COW_FILLS];
	unsigned int under_way; /* parts and copies */
	bool frozen, resuming, again;
	struct fiber *drained;
	struct fiber *worker, *stopper;
	bool worker_stops;
};

static inline bool bit_get(const u8 *bits, u32 i)
{
	return bits[i / 8] & 1u << i % 8;
}
static inline void bit_set(u8 *bits, u32 i)
{
	bits[i / 8] |= (u8)(1u << i % 8);
}
static inline void bit_clear(u8 *bits, u32 i)
{
	bits[i / 8] &= (u8) ~(1u << i % 8);
}

/* --- log.c --- */

/* A place that nothing uses; 0: the overlay is full. Some are kept for the log. */
u32 cow_place_take(struct cow *c, bool for_log) must_use;
/* Counts the places that are free. */
void cow_places_count(struct cow *c);
/* Begins an overlay: c's sizes are set. */
enum block_status cow_log_create(struct cow *c) must_use;
/* Reads what there is into the map; the header is checked. */
enum block_status cow_log_replay(struct cow *c) must_use;
/* What was written so far is on the medium, and the log says so. */
enum block_status cow_log_commit(struct cow *c) must_use;
bool cow_header_valid(const struct cow_header *h) must_use;

/* --- request.c --- */

extern const struct block_device_ops cow_ops;
bool cow_requests_begin(struct cow *c) must_use;
void cow_requests_end(struct cow *c);

#endif
