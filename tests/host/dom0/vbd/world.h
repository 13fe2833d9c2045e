/* SPDX-License-Identifier: BSD-2-Clause */
/* What surrounds the block back end, for tests and the fuzzer: a guest's pages and grants, events,
 * the loop, time, and a disk. Grants that are mapped for the processor really are (by mmap), so
 * that a use after unmapping faults; what only devices may reach has an address of another kind. */
#ifndef TESTS_HOST_DOM0_VBD_WORLD_H
#define TESTS_HOST_DOM0_VBD_WORLD_H

#include <core/types.h>
#include <dom0/block/block.h>
#include <dom0/vbd/blkif.h>
#include <dom0/xenstore/xenstore.h>
#include <xen/hypercall.h>

#define WORLD_DOMID   5u
#define WORLD_PAGES   512u /* of the guest */
#define WORLD_REFS    512u
#define WORLD_HANDLES 8192u
#define WORLD_SECTORS 4096u
#define WORLD_PORTS   16u

struct world_ref {
	bool granted, readonly;
	u32 gfn;
	unsigned int pins, write_pins;
};

struct world_handle {
	bool active, readonly, device;
	u32 ref;
	u64 host;
};

struct block_use {
	struct block_device device;
	u8 *data;                           /* WORLD_SECTORS */
	struct block_request *first, **end; /* submitted */
	unsigned int queued, submitted, kicks, flushes, discards;
	bool at_once; /* completes within submit */
	enum block_status result;
	void (*on_change)(void *ctx, enum block_change what);
	void *ctx;
	u8 order[64]; /* of the last operations, oldest first */
	unsigned int order_length;
};

struct world {
	struct xenstore *xs;
	u8 *guest; /* its pages, as the guest sees them */
	struct world_ref ref[WORLD_REFS];
	struct world_handle handle[WORLD_HANDLES];
	unsigned int handle_top; /* all in use are below */
	unsigned int mapped;     /* handles in use */
	unsigned int map_calls, unmap_calls, copy_calls, longest_map, longest_unmap;
	unsigned int refuse_maps; /* so many elements find no room */
	bool port_bound[WORLD_PORTS];
	unsigned int notified[WORLD_PORTS];
	u64 now;
	unsigned int works, timers; /* that the loop knows */
	unsigned int timer_sets;
	void (*meanwhile)(void); /* what the guest does during a hypercall; may be NULL */
	struct block_use disk[2];
	unsigned int log_lines;
	char log[512]; /* the last line */
};

extern struct world world;

void world_begin(void);
/* Fails if anything is left: mapped, bound, watched, known to the loop. */
void world_end(void);
void world_check(bool good, const char *what); /* ends the program */
/* Turns of the loop until nothing is due. */
void world_run(void);
void world_pass(u64 ns);             /* time, with its timers, then world_run() */
void world_event(unsigned int port); /* the guest notifies */
/* Ends up to n requests of a disk, oldest first; returns how many. */
unsigned int world_complete(struct block_use *u, unsigned int n);
void world_grant(u32 ref, u32 gfn, bool readonly);
void *world_page(u32 gfn);

#endif
