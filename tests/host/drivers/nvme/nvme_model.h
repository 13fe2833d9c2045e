/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller for tests of the driver, which does what the specification says unless it is
 * told to misbehave. */
#ifndef TESTS_NVME_MODEL_H
#define TESTS_NVME_MODEL_H

#include <device_fake.h>
#include <drivers/nvme/nvme.h>
#include <drivers/nvme/nvme_regs.h>

#define MODEL_NAMESPACES 4u
#define MODEL_HELD       1024u
#define MODEL_SEEN       4096u

struct model_namespace {
	bool there;
	u64 blocks;
	u8 shift;
	u16 metadata;
	bool read_only;
	u8 identity;
	u8 *data;
	size_t bytes; /* of data */
};

struct model_queue {
	u64 sq, cq;
	u32 entries, cq_entries, head, tail, cq_tail;
	u32 cq_head; /* what the driver said */
	u32 phase;
	bool there, interrupts;
};

struct model_command {
	u32 queue;
	struct nvme_command c;
};

struct model {
	struct fake_device f;
	u64 cap;
	u32 cc, csts, aqa;
	u64 asq, acq;
	struct model_queue q[2];
	struct model_namespace ns[MODEL_NAMESPACES]; /* number is the index + 1 */
	bool irq;                                    /* would interrupt */
	/* What it has and has not begun; those of I/O wait here if `hold`. */
	struct model_command held[MODEL_HELD];
	unsigned int held_count;
	bool hold;
	u16 event_id;
	bool event_asked;
	/* What it was told. */
	unsigned int resets, sq_bells, cq_bells, flushes, discards, shutdowns, logs_read;
	struct nvme_command seen[MODEL_SEEN]; /* I/O commands in the order of their arrival */
	unsigned int seen_count;
	/* Misbehaviour. */
	bool gone;                                 /* all ones */
	bool never_ready, never_stops, ready_once; /* ready_once: not ready after the first time */
	bool fatal_on_io;                          /* fails when an I/O command arrives */
	bool admin_silent;                         /* answers no admin command */
	u8 admin_fails;                            /* this opcode ends with an error */
	bool no_list;                              /* no list of active namespaces */
	unsigned int errors;                       /* so many I/O commands end with error_status */
	u16 error_status;
	u64 stuck_block;          /* commands for this block never end; ~0: none */
	unsigned int stuck_times; /* so often */
	u8 mdts, vwc, oncs;
	u16 max_commands;
	bool bad_entry_sizes;
	bool bad_list; /* descending */
};

void model_init(struct model *m);
void model_namespace(struct model *m, u32 nsid, u64 blocks, u8 shift);
/* Ends the held commands, the last first if backwards. */
void model_go(struct model *m, bool backwards);
/* Takes an interrupt to the driver if there is one. Returns whether. */
bool model_irq(struct model *m);
/* Writes a completion of its own invention. */
void model_complete(struct model *m, u32 queue, u32 id, u16 status, u32 result);
/* An event, if one was asked for. */
void model_event(struct model *m, u32 result);
/* Detaches and checks that nothing is left. */
void model_end(struct model *m, bool gone);

/* A request of the test's. */
struct test_request {
	struct block_request r;
	struct block_segment segments[140];
	unsigned int done;
	enum block_status status;
	u8 *data; /* page-aligned */
	size_t bytes;
};

/* pages of memory, as many segments; offset in the first. */
void request_make(struct model *m, struct test_request *t, enum block_op op, u64 sector, u32 bytes,
		  u32 offset);
void request_free(struct model *m, struct test_request *t);
void request_submit(struct model *m, struct test_request *t, unsigned int disk);
void kick(struct model *m, unsigned int disk);

#endif
