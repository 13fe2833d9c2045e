/* SPDX-License-Identifier: BSD-2-Clause */
/* The device as a whole: taken, reset when it fails, given back. Virtual I/O Device (VIRTIO)
 * Version 1.1, "Device Initialization", "Block Device". */
#include <drivers/virtio_blk/virtio_blk.h>
#include <drivers/virtio_blk/virtio_blk_private.h>

#include <errno.h>
#include <string.h>

#define STEP_NS        1000000u
#define BETWEEN_RESETS NS_PER_SEC
#define DETACH_READS   1000000u

#define WANTED                                                                                    \
	(VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE | \
	 VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_DISCARD |                      \
	 VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 |                       \
	 VIRTIO_F_ACCESS_PLATFORM)

static void went(struct virtio_blk *v)
{
	if (v->gone)
		return;
	v->gone = true;
	v->running = false;
	v->d->ops->log(v->d, "does not answer any more");
	virtio_io_end_all(v, BLOCK_GONE);
	v->d->ops->need_service(v->d);
}

void virtio_fail(struct virtio_blk *v, bool suspect, const char *why)
{
	if (v->gone || v->dead)
		return;
	v->running = false;
	v->wants_reset = true;
	v->suspect |= suspect;
	v->d->ops->log(v->d, "%s: reset", why);
	/* At once, so that it neither moves data nor interrupts until service() gets to it. */
	virtio_set_status(v, 0);
	v->d->ops->need_service(v->d);
}

bool virtio_look(struct virtio_blk *v)
{
	u8 status = virtio_status(v);

	if (status == VIRTIO_STATUS_GONE)
		went(v);
	else if (status & VIRTIO_STATUS_NEEDS_RESET)
		virtio_fail(v, true, "reports that it failed");
	else if (!(status & VIRTIO_STATUS_DRIVER_OK))
		virtio_fail(v, true, "stopped by itself");
	else
		return true;
	return false;
}

/* --- start --- */

/* "Driver Requirements: Common configuration structure layout": a reset is over when the status
 * reads as 0. */
static int reset(struct virtio_blk *v)
{
	u64 end = v->d->ops->now(v->d) + VIRTIO_RESET_NS;
	u8 status;

	virtio_set_status(v, 0);
	while ((status = virtio_status(v)) != 0) {
		if (status == VIRTIO_STATUS_GONE) {
			went(v);
			return -ENODEV;
		}
		if (v->d->ops->now(v->d) >= end) {
			v->d->ops->log(v->d, "does not end its reset");
			return -EIO;
		}
		v->d->ops->sleep(v->d, STEP_NS);
	}
	return 0;
}

static int negotiate(struct virtio_blk *v)
{
	u64 wanted = WANTED;
	u64 features;
	u8 status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;

	virtio_set_status(v, VIRTIO_STATUS_ACKNOWLEDGE);
	virtio_set_status(v, status);
	features = virtio_features(v) & wanted;
	if (v->features && features != v->features) {
		v->d->ops->log(v->d, "offers other features than before");
		return -EIO;
	}
	v->features = features;
	virtio_set_features(v, features);
	if (v->legacy)
		return 0;
	if (!(features & VIRTIO_F_VERSION_1)) {
		v->d->ops->log(v->d, "is not of version 1");
		return -ENODEV;
	}
	virtio_set_status(v, status | VIRTIO_STATUS_FEATURES_OK);
	if (!(virtio_status(v) & VIRTIO_STATUS_FEATURES_OK)) {
		v->d->ops->log(v->d, "refuses the features that it offers");
		return -ENODEV;
	}
	return 0;
}

/* A length of the queue that can be used; 0: none. Legacy devices set it, of others at most so much
 * is wanted. */
static u16 usable_size(struct virtio_blk *v)
{
	u16 size = virtio_queue_size(v), fits = 1;

	if (v->legacy)
		return size <= VIRTIO_QUEUE_MAX && (size & (size - 1)) == 0 ? size : 0;
	while (size && fits * 2u <= size && fits < VIRTIO_QUEUE_WANTED)
		fits = (u16)(fits * 2);
	return size ? fits : 0;
}

static int make_queue(struct virtio_blk *v)
{
	u16 size = usable_size(v);
	int rc;

	v->ring.indirect = v->features & VIRTIO_F_INDIRECT_DESC;
	v->ring.event_index = v->features & VIRTIO_F_EVENT_IDX;
	if (size < (v->ring.indirect ? 1 : 4)) {
		v->d->ops->log(v->d, "has no queue of a usable length");
		return -ENODEV;
	}
	if (!v->ring.desc) {
		rc = virtio_ring_alloc(v, size);
		if (rc) {
			v->d->ops->log(v->d, "no memory for its queue");
			return rc;
		}
		rc = virtio_io_alloc(v);
		if (rc)
			return rc;
	} else if (size != v->ring.size) {
		v->d->ops->log(v->d, "has another length of its queue than before");
		return -EIO;
	}
	virtio_ring_reset(&v->ring, v->polled);
	return virtio_queue_start(v);
}

/* From any state to one that takes requests. */
static int start(struct virtio_blk *v)
{
	u8 status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK;
	int rc = reset(v);

	if (!rc)
		rc = negotiate(v);
	if (!rc)
		rc = make_queue(v);
	if (rc)
		return rc;
	if (!v->legacy)
		status |= VIRTIO_STATUS_FEATURES_OK;
	virtio_set_status(v, status);
	return 0;
}

/* --- taken and given back --- */

static void id_done(struct block_request *r, enum block_status status)
{
	struct virtio_blk *v = r->ctx;
	size_t len = VIRTIO_BLK_ID_BYTES;

	v->id_done = true;
	if (status != BLOCK_OK)
		return;
	memcpy(v->block.serial, v->id, len);
	v->block.serial[len] = '\0';
	for (size_t i = 0; i < len && v->block.serial[i]; i++)
		if (v->block.serial[i] < ' ' || v->block.serial[i] > '~')
			v->block.serial[i] = '?';
}

/* The serial number also shows whether the device answers at all. */
static int read_id(struct virtio_blk *v)
{
	u64 end = v->d->ops->now(v->d) + VIRTIO_REQUEST_NS;

	v->id_request = (struct block_request){
		.op = BLOCK_READ,
		.segment_count = 1,
		.done = id_done,
		.ctx = v,
	};
	virtio_io_ask_id(v);
	while (!v->id_done && v->running && v->d->ops->now(v->d) < end) {
		v->d->ops->sleep(v->d, STEP_NS / 10);
		if (v->running)
			virtio_io_complete(v);
	}
	if (v->id_done)
		return 0;
	v->d->ops->log(v->d, "does not answer");
	return -EIO;
}

static void release(struct virtio_blk *v)
{
	struct device *d = v->d;

	d->ops->timer_set(d, 0);
	virtio_io_free(v);
	virtio_ring_free(v);
	d->state = NULL;
	d->ops->free(d, v);
}

/* Nothing may sleep here. Should it not stop, bus mastering is taken from it right after this. */
static void stop(struct virtio_blk *v)
{
	u8 status = virtio_status(v);

	v->running = false;
	if (status == VIRTIO_STATUS_GONE)
		return;
	virtio_set_status(v, 0);
	for (u32 i = 0; i < DETACH_READS && status; i++)
		status = virtio_status(v);
}

static int take(struct virtio_blk *v)
{
	int rc = virtio_find(v);

	if (rc)
		return rc;
	v->found = true;
	/* Firmware may have left it running. */
	rc = reset(v);
	if (rc)
		return rc;
	v->vectors = v->d->ops->irq_request(v->d, 2);
	v->polled = v->vectors == 0;
	virtio_find_msix(v);
	rc = start(v);
	if (!rc)
		rc = virtio_describe(v);
	if (rc)
		return rc;
	v->running = true;
	rc = read_id(v);
	if (rc)
		return rc;
	v->d->ops->log(v->d, "%s interface, %u requests at a time%s%s%s",
		       v->legacy ? "legacy" : "modern", v->block.queue_depth,
		       v->block.serial[0] ? ", serial " : "", v->block.serial,
		       v->polled ? ", without interrupts" : "");
	v->added = v->d->ops->block_add(v->d, &v->block, "") == 0;
	if (!v->added)
		v->d->ops->log(v->d, "not taken");
	virtio_io_arm(v);
	return v->added ? 0 : -EEXIST;
}

static void remove_disk(struct virtio_blk *v)
{
	if (v->added)
		v->d->ops->block_remove(v->d, &v->block);
	v->added = false;
}

static int virtio_attach(struct device *d)
{
	struct virtio_blk *v = d->ops->alloc(d, sizeof(*v));
	int rc;

	if (!v) {
		d->ops->log(d, "no memory");
		return -ENOMEM;
	}
	v->d = d;
	v->waiting_end = &v->waiting;
	v->oldest = v->newest = VIRTIO_NO_SLOT;
	d->state = v;
	rc = take(v);
	if (!rc)
		return 0;
	v->dead = true;
	if (v->found)
		stop(v);
	virtio_io_end_all(v, BLOCK_GONE);
	release(v);
	return rc;
}

static void virtio_detach(struct device *d, bool gone)
{
	struct virtio_blk *v = d->state;

	if (!v)
		return;
	if (!gone && !v->gone)
		stop(v);
	v->gone = true;
	v->running = false;
	virtio_io_end_all(v, BLOCK_GONE);
	remove_disk(v);
	release(v);
}

/* --- while it runs --- */

static void look_at_size(struct virtio_blk *v)
{
	u64 sectors;

	v->config_changed = false;
	if (!virtio_look(v))
		return;
	sectors = virtio_sectors(v);
	if (sectors == v->block.sectors || !v->added)
		return;
	v->block.sectors = sectors;
	if (v->d->ops->block_add(v->d, &v->block, "") != 0)
		v->d->ops->log(v->d, "its new size is not taken");
}

/* Requests wait meanwhile, those that it had too. */
static void recover(struct virtio_blk *v)
{
	for (unsigned int i = 0; i < VIRTIO_TRIES; i++) {
		int rc;

		if (i)
			v->d->ops->sleep(v->d, BETWEEN_RESETS);
		v->wants_reset = false;
		rc = start(v);
		if (v->gone)
			return;
		if (rc || v->wants_reset)
			continue;
		virtio_io_take_back(v);
		v->suspect = false;
		v->running = true;
		v->config_changed = true; /* its size may have changed meanwhile */
		virtio_io_start_waiting(v);
		return;
	}
	v->d->ops->log(v->d, "given up after %u resets", VIRTIO_TRIES);
	v->dead = true;
	v->running = v->wants_reset = false;
	virtio_set_status(v, 0);
	virtio_io_end_all(v, BLOCK_ERROR);
	remove_disk(v);
}

static void virtio_service(struct device *d)
{
	struct virtio_blk *v = d->state;

	if (!v || v->dead)
		return;
	if (v->wants_reset && !v->gone)
		recover(v);
	if (v->gone)
		remove_disk(v);
	else if (v->running && v->config_changed)
		look_at_size(v);
}

static void virtio_irq(struct device *d, unsigned int index)
{
	struct virtio_blk *v = d->state;
	bool config = index > 0;

	if (!v)
		return;
	if (!v->msix) {
		u8 isr = virtio_isr(v); /* which also takes the interrupt back */

		if (!isr)
			return;
		config = isr & VIRTIO_ISR_CONFIG;
	}
	if (!v->running)
		return;
	v->irq_seen = true;
	/* With one vector for both, what is not the queue's is the configuration's. */
	if (index == 0 && virtio_io_complete(v) == 0 && v->msix && v->vectors == 1)
		config = true;
	if (config && v->running) {
		v->config_changed = true;
		d->ops->need_service(d);
	}
}

static void virtio_timer(struct device *d)
{
	struct virtio_blk *v = d->state;

	if (v)
		virtio_io_timer(v);
}

static bool virtio_match(const struct device_id *id)
{
	return id->vendor == VIRTIO_VENDOR &&
	       (id->product == VIRTIO_BLOCK || id->product == VIRTIO_BLOCK_TRANSITIONAL);
}

const struct driver virtio_blk_driver = {
	.name = "virtio",
	.match = virtio_match,
	.attach = virtio_attach,
	.service = virtio_service,
	.irq = virtio_irq,
	.timer = virtio_timer,
	.detach = virtio_detach,
};
