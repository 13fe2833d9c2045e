/* SPDX-License-Identifier: BSD-2-Clause */
/* The controller as a whole: taken, reset when it fails, given back. NVM Express Base Specification
 * 1.4, "Initialization" and "Shutdown". */
#include <drivers/nvme/nvme.h>
#include <drivers/nvme/nvme_private.h>

#include <errno.h>

#define STEP_NS        1000000u
#define BETWEEN_RESETS NS_PER_SEC
#define DETACH_NS      (2u * NS_PER_SEC) /* the event loop waits meanwhile */
#define DETACH_READS   1000000u          /* should the clock stand still */

void nvme_went(struct nvme *n)
{
	if (n->gone)
		return;
	n->gone = true;
	n->running = n->admin_up = false;
	n->d->ops->log(n->d, "does not answer any more");
	nvme_io_end_all(n, NULL, BLOCK_GONE);
	n->d->ops->need_service(n->d);
}

void nvme_fail(struct nvme *n, bool suspect, const char *why)
{
	if (n->gone || n->dead)
		return;
	n->running = n->admin_up = false;
	n->wants_reset = true;
	n->suspect |= suspect;
	n->d->ops->log(n->d, "%s: reset", why);
	/* At once, so that it neither moves data nor interrupts until service() gets to it. */
	device_write32(n->d, 0, NVME_CC, 0);
	n->d->ops->need_service(n->d);
}

bool nvme_look(struct nvme *n)
{
	u32 status = device_read32(n->d, 0, NVME_CSTS);

	if (status == NVME_ALL_ONES)
		nvme_went(n);
	else if (status & NVME_CSTS_FATAL)
		nvme_fail(n, true, "reports that it failed");
	else if (!(status & NVME_CSTS_READY))
		nvme_fail(n, true, "stopped by itself");
	else
		return true;
	return false;
}

/* Until the ready bit is as wanted, as long as CAP.TO allows. */
static int wait_ready(struct nvme *n, u32 ready)
{
	const struct device_ops *ops = n->d->ops;
	u64 half_seconds = max_u64(NVME_CAP_TO(n->cap), 1);
	u64 end = ops->now(n->d) + half_seconds * (NS_PER_SEC / 2);

	for (;;) {
		u32 status = device_read32(n->d, 0, NVME_CSTS);

		if (status == NVME_ALL_ONES) {
			nvme_went(n);
			return -ENODEV;
		}
		if ((status & NVME_CSTS_READY) == ready)
			return 0;
		if (ready && (status & NVME_CSTS_FATAL))
			break;
		if (ops->now(n->d) >= end)
			break;
		ops->sleep(n->d, STEP_NS);
	}
	ops->log(n->d, ready ? "does not get ready" : "does not stop");
	return -EIO;
}

static void write64(struct nvme *n, u32 offset, u64 v)
{
	device_write32(n->d, 0, offset, (u32)v);
	device_write32(n->d, 0, offset + 4, (u32)(v >> 32));
}

static int read_capabilities(struct nvme *n)
{
	u64 low = device_read32(n->d, 0, NVME_CAP), high = device_read32(n->d, 0, NVME_CAP + 4);
	const char *why = NULL;

	n->cap = low | high << 32;
	if (n->cap == ~0ull) {
		nvme_went(n);
		return -ENODEV;
	}
	if (!(n->cap & NVME_CAP_CSS_NVM))
		why = "has no NVM command set";
	else if (NVME_CAP_MPSMIN(n->cap))
		why = "takes no pages of 4 KiB";
	else if (!NVME_CAP_MQES(n->cap))
		why = "has queues of one entry";
	else if (NVME_BELLS + 4u * (4ull << NVME_CAP_DSTRD(n->cap)) > n->d->bar_size[0])
		why = "has doorbells outside its window";
	else if (n->io.sq && NVME_CAP_MQES(n->cap) + 1 < n->io.entries)
		why = "has shorter queues than before";
	if (why)
		n->d->ops->log(n->d, "%s", why);
	return why ? -ENODEV : 0;
}

int nvme_start(struct nvme *n)
{
	int rc = read_capabilities(n);

	if (rc)
		return rc;
	n->admin_up = false;
	device_write32(n->d, 0, NVME_CC, 0);
	rc = wait_ready(n, 0);
	if (rc)
		return rc;
	nvme_queue_reset(n, &n->admin, 0);
	device_write32(n->d, 0, NVME_AQA,
		       (NVME_ADMIN_ENTRIES - 1) << 16 | (NVME_ADMIN_ENTRIES - 1));
	write64(n, NVME_ASQ, n->admin.sq_bus);
	write64(n, NVME_ACQ, n->admin.cq_bus);
	device_write32(n->d, 0, NVME_CC, NVME_CC_ENTRY_SIZES | NVME_CC_ENABLE);
	rc = wait_ready(n, NVME_CSTS_READY);
	if (rc)
		return rc;
	n->admin_up = true;
	return nvme_admin_prepare(n);
}

/* Nothing may sleep here. The clock and a count bound it. */
static void spin(struct nvme *n, u32 mask, u32 wanted, u64 ns)
{
	u64 end = n->d->ops->now(n->d) + ns;

	for (u32 i = 0; i < DETACH_READS && n->d->ops->now(n->d) < end; i++) {
		u32 status = device_read32(n->d, 0, NVME_CSTS);

		if (status == NVME_ALL_ONES || (status & mask) == wanted)
			return;
	}
}

/* The volatile cache gets written, then nothing moves any more. Should it not stop, bus mastering
 * is taken from it right after this. */
static void shut_down(struct nvme *n)
{
	u32 status = device_read32(n->d, 0, NVME_CSTS), cc = device_read32(n->d, 0, NVME_CC);
	u64 ns = max_u64(n->shutdown_us * 1000ull, DETACH_NS / 4);

	n->running = n->admin_up = false;
	if (status == NVME_ALL_ONES)
		return;
	/* One that was told to stop must not be enabled again by this. */
	if ((cc & NVME_CC_ENABLE) && (status & NVME_CSTS_READY) && !(status & NVME_CSTS_FATAL)) {
		device_write32(n->d, 0, NVME_CC, cc | NVME_CC_SHN_NORMAL);
		spin(n, NVME_CSTS_SHUTDOWN, NVME_CSTS_SHUT, min_u64(ns, DETACH_NS));
	}
	device_write32(n->d, 0, NVME_CC, 0);
	spin(n, NVME_CSTS_READY, 0, DETACH_NS);
}

static void release(struct nvme *n)
{
	struct device *d = n->d;

	d->ops->timer_set(d, 0);
	nvme_io_free(n);
	nvme_queue_free(n, &n->io);
	nvme_queue_free(n, &n->admin);
	if (n->page)
		d->ops->dma_free(d, n->page, NVME_IDENTIFY_BYTES);
	d->state = NULL;
	d->ops->free(d, n);
}

static int take(struct nvme *n)
{
	int rc = read_capabilities(n);

	if (rc)
		return rc;
	n->page = n->d->ops->dma_alloc(n->d, NVME_IDENTIFY_BYTES, PAGE_SIZE, &n->page_bus);
	if (!n->page || nvme_queue_alloc(n, &n->admin, NVME_ADMIN_ENTRIES) ||
	    nvme_queue_alloc(n, &n->io, (u16)min_u64(NVME_IO_ENTRIES, NVME_CAP_MQES(n->cap) + 1))) {
		n->d->ops->log(n->d, "no memory for its queues");
		return -ENOMEM;
	}
	n->polled = n->d->ops->irq_request(n->d, 1) == 0;
	rc = nvme_start(n);
	if (!rc)
		rc = nvme_io_alloc(n);
	if (rc)
		return rc;
	n->running = true;
	nvme_io_arm(n);
	n->d->ops->log(n->d, "%s, serial %s, %u requests at a time%s", n->model, n->serial,
		       n->slot_count, n->polled ? ", without interrupts" : "");
	return nvme_namespaces_scan(n);
}

static int nvme_attach(struct device *d)
{
	struct nvme *n;
	int rc;

	if (d->bar_is_port[0] || d->bar_size[0] < NVME_BELLS + 16) {
		d->ops->log(d, "has no window of registers");
		return -ENODEV;
	}
	n = d->ops->alloc(d, sizeof(*n));
	if (!n) {
		d->ops->log(d, "no memory");
		return -ENOMEM;
	}
	n->d = d;
	n->waiting_end = &n->waiting;
	d->state = n;
	rc = take(n);
	if (!rc)
		return 0;
	n->dead = true;
	shut_down(n);
	nvme_io_end_all(n, NULL, BLOCK_GONE);
	nvme_namespaces_end(n);
	release(n);
	return rc;
}

static void nvme_detach(struct device *d, bool gone)
{
	struct nvme *n = d->state;

	if (!n)
		return;
	if (!gone && !n->gone)
		shut_down(n);
	n->gone = true;
	n->running = n->admin_up = false;
	nvme_io_end_all(n, NULL, BLOCK_GONE);
	nvme_namespaces_end(n);
	release(n);
}

/* Requests wait meanwhile, those that it had too. */
static void recover(struct nvme *n)
{
	for (unsigned int i = 0; i < NVME_TRIES; i++) {
		int rc;

		if (i)
			n->d->ops->sleep(n->d, BETWEEN_RESETS);
		n->wants_reset = false;
		rc = nvme_start(n);
		if (!rc)
			rc = nvme_namespaces_scan(n);
		if (n->gone)
			return;
		if (rc || n->wants_reset)
			continue;
		nvme_io_take_back(n);
		n->suspect = false;
		n->running = true;
		nvme_io_start_waiting(n);
		return;
	}
	n->d->ops->log(n->d, "given up after %u resets", NVME_TRIES);
	n->dead = true;
	n->running = n->admin_up = n->wants_reset = false;
	device_write32(n->d, 0, NVME_CC, 0);
	nvme_io_end_all(n, NULL, BLOCK_ERROR);
	nvme_namespaces_end(n);
}

static void nvme_service(struct device *d)
{
	struct nvme *n = d->state;

	if (!n || n->dead)
		return;
	if (n->wants_reset && !n->gone)
		recover(n);
	if (n->gone) {
		nvme_namespaces_end(n);
		return;
	}
	if (n->running && n->event_came)
		nvme_admin_event(n);
	if (n->running && n->rescan && nvme_namespaces_scan(n))
		return; /* the reset that follows looks again */
	if (n->has_leaving)
		nvme_namespaces_reap(n);
}

static void nvme_irq(struct device *d, unsigned int index)
{
	struct nvme *n = d->state;

	(void)index;
	if (!n)
		return;
	n->irq_seen = true;
	if (n->running)
		nvme_io_complete(n);
	if (n->admin_up)
		nvme_admin_complete(n);
}

static void nvme_timer(struct device *d)
{
	struct nvme *n = d->state;

	if (n)
		nvme_io_timer(n);
}

static bool nvme_match(const struct device_id *id)
{
	return id->class_code == 0x01 && id->subclass == 0x08 && id->prog_if == 0x02;
}

const struct driver nvme_driver = {
	.name = "nvme",
	.match = nvme_match,
	.attach = nvme_attach,
	.service = nvme_service,
	.irq = nvme_irq,
	.timer = nvme_timer,
	.detach = nvme_detach,
};
