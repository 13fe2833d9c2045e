/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's disk driver that keeps to the rules, for tests of the block back end. */
#ifndef TESTS_HOST_DOM0_VBD_FRONT_H
#define TESTS_HOST_DOM0_VBD_FRONT_H

#include <dom0/vbd/blkif.h>
#include <tests/host/dom0/vbd/world.h>

#define FRONT_QUEUES 4u

/* Queue q has port first_port + q and its ring at page and reference first_ring + q * 16. Data page
 * n has page and reference FRONT_DATA + n. */
#define FRONT_DATA  128u
#define FRONT_PAGES (WORLD_PAGES - FRONT_DATA)

struct front_queue {
	struct blkif_ring *ring;
	unsigned int slots, port;
	u32 req_prod, rsp_cons;
};

struct front {
	u32 number;
	unsigned int queues, order;
	unsigned int first_ring, first_port;
	bool persistent, no_protocol;
	struct front_queue queue[FRONT_QUEUES];
	struct blkif_response response[1024]; /* taken */
	unsigned int responses;
};

void front_write(const struct front *f, const char *key, const char *value);
/* Of the back end's nodes; "" if there is none. */
const char *front_back(const struct front *f, const char *key);
unsigned int front_back_state(const struct front *f);
void front_state(const struct front *f, unsigned int state);
/* Makes the rings, writes the keys and state 3, runs the loop, says 4 if the back end does. */
bool front_connect(struct front *f);
/* A request that the caller fills in. */
union blkif_slot *front_slot(struct front *f, unsigned int q);
/* pages: data pages from `page` on, whole. */
void front_rw(struct front *f, unsigned int q, u8 op, u64 id, u64 sector, unsigned int page,
	      unsigned int pages);
/* The segments go into the page `list` (a data page). */
void front_indirect(struct front *f, unsigned int q, u8 op, u64 id, u64 sector, unsigned int page,
		    unsigned int pages, unsigned int list);
/* Shows the back end what was put in; notifies as the protocol says. Returns whether it did. */
bool front_push(struct front *f, unsigned int q);
/* Takes all answers, asks for the next event. */
void front_take(struct front *f, unsigned int q);
const struct blkif_response *front_answer(const struct front *f, u64 id); /* NULL: none */
/* push, run, complete all on u, run, take. */
void front_do(struct front *f, unsigned int q, struct block_use *u);

#endif
