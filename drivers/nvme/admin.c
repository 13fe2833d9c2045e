/* SPDX-License-Identifier: BSD-2-Clause */
/* The admin queue: one command at a time, and one Asynchronous Event Request that stays there. */
#include <drivers/nvme/nvme_private.h>

#include <errno.h>
#include <string.h>

#define EVENT_ID     0u /* of the Asynchronous Event Request */
#define EVENTS_SHOWN 8u /* the controller shall not fill the log */

void nvme_admin_complete(struct nvme *n)
{
	struct nvme_completion c;
	bool any = false;

	while (n->admin_up && nvme_queue_take(&n->admin, &c)) {
		u16 id = (u16)c.id_status, status = (u16)(c.id_status >> 17);

		any = true;
		if (id == EVENT_ID && n->event_asked) {
			n->event_asked = false;
			n->event = c.result;
			n->event_came = status == 0;
			n->d->ops->need_service(n->d);
		} else if (id == n->admin_id && id != EVENT_ID && !n->admin_done) {
			n->admin_done = true;
			n->admin_status = status;
			n->admin_result = c.result;
		} else {
			nvme_fail(n, true, "an admin command ended that was not given");
		}
	}
	if (any && n->admin_up)
		nvme_queue_taken(n, &n->admin);
}

/* Waits in steps that begin short: Identify takes microseconds in an emulator, milliseconds in a
 * disk. */
static int nvme_admin_wait(struct nvme *n)
{
	u64 end = n->d->ops->now(n->d) + NVME_ADMIN_NS, step = 20000;

	for (;;) {
		nvme_admin_complete(n);
		if (n->admin_done)
			return n->admin_status;
		if (!n->admin_up || !nvme_look(n))
			return -EIO;
		if (n->d->ops->now(n->d) >= end)
			break;
		n->d->ops->sleep(n->d, step);
		step = min_u64(step * 2, 5000000);
	}
	nvme_fail(n, true, "an admin command is not answered");
	return -ETIMEDOUT;
}

int nvme_admin(struct nvme *n, const struct nvme_command *c, u32 *result)
{
	struct nvme_command *at;
	int rc;

	if (!n->admin_up)
		return -EIO;
	n->admin_id = (u16)(n->admin_id % 0x7FFFu + 1);
	n->admin_done = false;
	at = nvme_queue_next(&n->admin);
	*at = *c;
	at->id = n->admin_id;
	nvme_queue_ring(n, &n->admin);
	rc = nvme_admin_wait(n);
	n->admin_done = true; /* whatever comes with this number now was not asked for */
	if (rc >= 0 && result)
		*result = n->admin_result;
	return rc;
}

int nvme_identify(struct nvme *n, u32 what, u32 nsid)
{
	struct nvme_command c = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.nsid = nsid,
		.prp1 = n->page_bus,
		.dword10 = what,
	};

	memset(n->page, 0, NVME_IDENTIFY_BYTES);
	return nvme_admin(n, &c, NULL);
}

/* "Identify Controller": ASCII, padded with spaces. What is not printable becomes '?'. */
static void text(char *to, const char *from, size_t bytes)
{
	size_t len = bytes;

	while (len && (from[len - 1] == ' ' || !from[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[len] = '\0';
}

static int identify_controller(struct nvme *n)
{
	const struct nvme_identify_controller *id = n->page;
	u8 mdts;
	int rc = nvme_identify(n, NVME_IDENTIFY_CONTROLLER, 0);

	if (rc) {
		n->d->ops->log(n->d, "does not identify itself (%d)", rc);
		return -EIO;
	}
	if ((id->sqes & 0xFu) > 6 || id->sqes >> 4 < 6 || (id->cqes & 0xFu) > 4 ||
	    id->cqes >> 4 < 4) {
		n->d->ops->log(n->d, "has no queue entries of 64 and 16 bytes");
		return -ENODEV;
	}
	text(n->serial, id->serial, sizeof(id->serial));
	text(n->model, id->model, sizeof(id->model));
	mdts = id->mdts;
	n->max_bytes =
		mdts && mdts < 8 ? (u32)min_u64(NVME_MAX_BYTES, PAGE_SIZE << mdts) : NVME_MAX_BYTES;
	n->max_commands = id->max_commands;
	n->namespace_limit = id->namespace_count;
	n->oaes = id->oaes;
	n->shutdown_us = id->rtd3e;
	n->write_cache = id->vwc & NVME_VWC_PRESENT;
	n->discard = id->oncs & NVME_ONCS_DATASET;
	return 0;
}

static int command(struct nvme *n, const struct nvme_command *c, const char *what)
{
	int rc = nvme_admin(n, c, NULL);

	if (rc)
		n->d->ops->log(n->d, "%s failed (%d)", what, rc);
	return rc ? -EIO : 0;
}

/* "I/O Submission Queue Create": the completion queue must be there first. */
static int make_queues(struct nvme *n)
{
	u32 size = (u32)(n->io.entries - 1) << 16 | 1u;
	struct nvme_command count = {
		.opcode = NVME_ADMIN_SET_FEATURES,
		.dword10 = NVME_FEATURE_QUEUES,
	};
	struct nvme_command cq = {
		.opcode = NVME_ADMIN_CREATE_CQ,
		.prp1 = n->io.cq_bus,
		.dword10 = size,
		.dword11 = NVME_QUEUE_CONTIGUOUS | (n->polled ? 0 : NVME_QUEUE_INTERRUPT),
	};
	struct nvme_command sq = {
		.opcode = NVME_ADMIN_CREATE_SQ,
		.prp1 = n->io.sq_bus,
		.dword10 = size,
		.dword11 = 1u << 16 | NVME_QUEUE_CONTIGUOUS,
	};
	int rc;

	nvme_queue_reset(n, &n->io, 1);
	rc = command(n, &count, "setting the number of queues");
	if (!rc)
		rc = command(n, &cq, "making the completion queue");
	if (!rc)
		rc = command(n, &sq, "making the submission queue");
	return rc;
}

static void ask_for_event(struct nvme *n)
{
	struct nvme_command *c;

	if (!n->admin_up)
		return;
	c = nvme_queue_next(&n->admin);
	*c = (struct nvme_command){.opcode = NVME_ADMIN_ASYNC_EVENT, .id = EVENT_ID};
	n->event_asked = true;
	nvme_queue_ring(n, &n->admin);
}

int nvme_admin_prepare(struct nvme *n)
{
	struct nvme_command events = {
		.opcode = NVME_ADMIN_SET_FEATURES,
		.dword10 = NVME_FEATURE_EVENTS,
	};
	int rc;

	n->event_asked = n->event_came = false;
	rc = identify_controller(n);
	if (!rc)
		rc = make_queues(n);
	if (rc)
		return rc;
	events.dword11 = (n->oaes & NVME_OAES_ATTRIBUTES) | NVME_EVENTS_HEALTH;
	rc = nvme_admin(n, &events, NULL);
	if (rc > 0)
		n->d->ops->log(n->d, "tells of no events (status 0x%x)", (unsigned int)rc);
	if (!rc)
		ask_for_event(n);
	return rc < 0 ? rc : 0;
}

void nvme_admin_event(struct nvme *n)
{
	u32 event = n->event, bytes = NVME_LOG_BYTES;
	struct nvme_command c = {.opcode = NVME_ADMIN_GET_LOG, .prp1 = n->page_bus};

	n->event_came = false;
	if (NVME_EVENT_TYPE(event) == NVME_EVENT_NOTICE &&
	    NVME_EVENT_INFO(event) == NVME_EVENT_ATTRIBUTES)
		n->rescan = true;
	else if (n->events_logged < EVENTS_SHOWN && ++n->events_logged)
		n->d->ops->log(n->d, "%s: event type %u, 0x%x",
			       NVME_EVENT_TYPE(event) == NVME_EVENT_HEALTH ? "health warning"
									   : "reports",
			       NVME_EVENT_TYPE(event), NVME_EVENT_INFO(event));
	/* The log page must be read before the controller reports such an event again. */
	if (NVME_EVENT_LOG(event) == NVME_LOG_CHANGED)
		bytes = NVME_LOG_CHANGED_BYTES;
	c.nsid = NVME_ALL_ONES;
	c.dword10 = NVME_EVENT_LOG(event) | (bytes / 4 - 1) << 16;
	if (nvme_admin(n, &c, NULL) >= 0)
		ask_for_event(n);
}
