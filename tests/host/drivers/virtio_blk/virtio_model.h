/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio block device for tests of the driver, which does what the specification says unless it
 * is told to misbehave. */
#ifndef TESTS_VIRTIO_MODEL_H
#define TESTS_VIRTIO_MODEL_H

#include <device_fake.h>
#include <drivers/virtio_blk/virtio_blk.h>
#include <drivers/virtio_blk/virtio_blk_regs.h>

#define MODEL_SEEN 4096u
#define MODEL_HELD 1024u

struct model_seen {
	u32 type;
	u64 sector;
	u32 descriptors;
};

struct model {
	struct fake_device f;
	bool legacy, msix;
	u64 offered, driver_features;
	u32 device_select, driver_select;
	u8 status, isr, generation;
	u16 queue_select, queue_size, queue_max, config_vector, queue_vector;
	bool queue_enabled;
	u64 desc, avail, used;
	u16 avail_index; /* what it has taken */
	u16 used_index;
	struct virtio_blk_config config;
	u8 *data;
	size_t bytes;
	bool irq;
	/* Requests that it has and has not begun; they wait here if `hold`. */
	u16 held[MODEL_HELD];
	unsigned int held_count;
	bool hold;
	unsigned int resets, notified, flushes, interrupts;
	struct model_seen seen[MODEL_SEEN];
	unsigned int seen_count;
	u64 discarded[64][2];
	unsigned int discard_count;
	/* Misbehaviour. */
	bool gone;
	bool never_resets, refuses_features, no_vectors, silent;
	unsigned int reset_delay; /* so many reads of the status until a reset is over */
	unsigned int errors;      /* so many requests end with error_status */
	u8 error_status;
	u64 stuck_sector; /* requests for it are never returned, stuck_times */
	unsigned int stuck_times;
	s64 length_off; /* what it says it wrote too much */
	bool no_status; /* does not write the status */
	bool needs_reset_on_io;
	unsigned int tearing; /* the capacity changes during so many reads of it */
};

void model_init(struct model *m, bool legacy);
/* Puts the capabilities of a modern device into the configuration space; its own are overwritten.
 */
void model_capabilities(struct model *m);
void model_go(struct model *m, bool backwards);
bool model_irq(struct model *m);
/* Puts an entry of its own invention into the used ring. */
void model_return(struct model *m, u32 id, u32 bytes);
void model_resize(struct model *m, u64 sectors);
void model_end(struct model *m, bool gone);

struct test_request {
	struct block_request r;
	struct block_segment segments[130];
	unsigned int done;
	enum block_status status;
	u8 *data;
	size_t bytes;
};

void request_make(struct model *m, struct test_request *t, enum block_op op, u64 sector, u32 bytes,
		  u32 offset);
void request_free(struct model *m, struct test_request *t);
void request_submit(struct model *m, struct test_request *t);
void kick(struct model *m);

#endif
