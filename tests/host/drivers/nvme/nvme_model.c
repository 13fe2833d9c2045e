/* SPDX-License-Identifier: BSD-2-Clause */
/* The controller that the driver sees in tests. */
#include "nvme_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define DSTRD 1u /* doorbells 8 bytes apart: the driver must not take 4 for granted */

static void put(struct model *m, struct model_queue *q, u32 id, u16 status, u32 result)
{
	struct nvme_completion *c = fake_dma(&m->f, q->cq + q->cq_tail * sizeof(*c), sizeof(*c));

	if (!c)
		return;
	c->result = result;
	c->sq_head = (u16)q->head;
	c->id_status = (u32)status << 17 | q->phase | (id & 0xFFFF);
	if (++q->cq_tail == q->cq_entries) {
		q->cq_tail = 0;
		q->phase ^= NVME_PHASE;
	}
	m->irq |= q->interrupts;
}

void model_complete(struct model *m, u32 queue, u32 id, u16 status, u32 result)
{
	put(m, &m->q[queue], id, status, result);
}

static u16 identify(struct model *m, const struct nvme_command *c)
{
	u8 *page = fake_dma(&m->f, c->prp1, 4096);
	struct nvme_identify_controller *ic = (void *)page;
	struct nvme_identify_namespace *in = (void *)page;
	u32 *list = (void *)page;
	const struct model_namespace *ns = &m->ns[(c->nsid - 1) % MODEL_NAMESPACES];

	if (!page)
		return 4;
	memset(page, 0, 4096);
	switch (c->dword10 & 0xFF) {
	case NVME_IDENTIFY_CONTROLLER:
		memset(ic->serial, ' ', sizeof(ic->serial));
		memcpy(ic->serial,
		       "S\x01"
		       "1",
		       3);
		memset(ic->model, ' ', sizeof(ic->model));
		memcpy(ic->model, "Fake disk", 9);
		ic->mdts = m->mdts;
		ic->oaes = NVME_OAES_ATTRIBUTES;
		ic->sqes = m->bad_entry_sizes ? 0x77 : 0x66;
		ic->cqes = 0x44;
		ic->max_commands = m->max_commands;
		ic->namespace_count = MODEL_NAMESPACES;
		ic->oncs = m->oncs;
		ic->vwc = m->vwc;
		return 0;
	case NVME_IDENTIFY_ACTIVE:
		if (m->no_list)
			return NVME_STATUS_FIELD | NVME_STATUS_DNR;
		for (u32 i = 0, k = 0; i < MODEL_NAMESPACES; i++)
			if (m->ns[i].there)
				list[k++] = i + 1;
		if (m->bad_list)
			for (u32 i = 0; i < 1024; i++)
				list[i] = 1;
		return 0;
	case NVME_IDENTIFY_NAMESPACE:
		if (c->nsid == 0 || c->nsid > MODEL_NAMESPACES)
			return NVME_STATUS_NAMESPACE | NVME_STATUS_DNR;
		if (!ns->there)
			return 0;
		in->size = in->capacity = in->used = ns->blocks;
		in->format = 1;
		in->format_count = 1;
		in->formats[1].block_shift = ns->shift;
		in->formats[1].metadata_bytes = ns->metadata;
		in->attributes = ns->read_only;
		in->identity[3] = ns->identity;
		return 0;
	default:
		return NVME_STATUS_FIELD;
	}
}

static u16 create(struct model *m, const struct nvme_command *c)
{
	struct model_queue *q = &m->q[1];

	if ((c->dword10 & 0xFFFF) != 1 || !(c->dword11 & NVME_QUEUE_CONTIGUOUS))
		return NVME_STATUS_FIELD;
	if (c->dword10 >> 16 > NVME_CAP_MQES(m->cap))
		return 0x102;
	if (c->opcode == NVME_ADMIN_CREATE_CQ) {
		q->cq = c->prp1;
		q->cq_entries = (c->dword10 >> 16) + 1;
		q->interrupts = c->dword11 & NVME_QUEUE_INTERRUPT;
		q->cq_tail = 0;
		q->phase = NVME_PHASE;
		return 0;
	}
	if (!q->cq || c->dword11 >> 16 != 1)
		return 0x100;
	q->sq = c->prp1;
	q->entries = (c->dword10 >> 16) + 1;
	q->head = q->tail = 0;
	q->there = true;
	return 0;
}

static void admin(struct model *m, const struct nvme_command *c)
{
	u16 status = 0;

	if (m->admin_silent)
		return;
	if (m->admin_fails && c->opcode == m->admin_fails) {
		put(m, &m->q[0], c->id, NVME_STATUS_FIELD | NVME_STATUS_DNR, 0);
		return;
	}
	switch (c->opcode) {
	case NVME_ADMIN_IDENTIFY:
		status = identify(m, c);
		break;
	case NVME_ADMIN_CREATE_CQ:
	case NVME_ADMIN_CREATE_SQ:
		status = create(m, c);
		break;
	case NVME_ADMIN_SET_FEATURES:
		break;
	case NVME_ADMIN_GET_LOG:
		m->logs_read++;
		if (!fake_dma(&m->f, c->prp1, ((c->dword10 >> 16 & 0xFFF) + 1) * 4ul))
			status = 4;
		break;
	case NVME_ADMIN_ASYNC_EVENT:
		assert_false(m->event_asked);
		m->event_asked = true;
		m->event_id = c->id;
		return;
	default:
		status = NVME_STATUS_OPCODE;
	}
	put(m, &m->q[0], c->id, status, 0);
}

/* Follows the PRPs as the specification has it and moves the bytes. */
static u16 move(struct model *m, const struct nvme_command *c, u8 *disk, size_t bytes)
{
	u64 at = c->prp1, *list = NULL;
	size_t done = 0;
	u32 k = 0;

	if (c->prp1 & 3)
		return 0x13;
	while (done < bytes) {
		size_t n = 4096 - (at & 4095);
		u8 *p;

		if (n > bytes - done)
			n = bytes - done;
		p = fake_dma(&m->f, at, n);
		if (!p)
			return 4;
		if (c->opcode == NVME_READ)
			memcpy(p, disk + done, n);
		else
			memcpy(disk + done, p, n);
		done += n;
		if (done == bytes)
			break;
		if (!list && bytes - done <= 4096) {
			at = c->prp2;
		} else {
			if (!list)
				list = fake_dma(&m->f, c->prp2, (bytes - done + 4095) / 4096 * 8);
			if (!list)
				return 4;
			at = list[k++];
		}
		if (at & 4095)
			return 0x13;
	}
	return 0;
}

static u16 discard(struct model *m, const struct nvme_command *c, struct model_namespace *ns)
{
	u32 count = (c->dword10 & 0xFF) + 1;
	const struct nvme_range *r = fake_dma(&m->f, c->prp1, count * sizeof(*r));

	m->discards++;
	if (!r || !(c->dword11 & NVME_DATASET_DEALLOCATE))
		return NVME_STATUS_FIELD;
	for (u32 i = 0; i < count; i++) {
		u64 end = (r[i].start + r[i].blocks) << ns->shift;

		if (r[i].start + r[i].blocks > ns->blocks)
			return NVME_STATUS_LBA_RANGE;
		if (end <= ns->bytes)
			memset(ns->data + (r[i].start << ns->shift), 0,
			       (size_t)r[i].blocks << ns->shift);
	}
	return 0;
}

static u16 execute(struct model *m, const struct nvme_command *c)
{
	struct model_namespace *ns = &m->ns[(c->nsid - 1) % MODEL_NAMESPACES];
	u64 block = c->dword10 | (u64)c->dword11 << 32, count = (c->dword12 & 0xFFFF) + 1;

	if (m->errors) {
		m->errors--;
		return m->error_status;
	}
	if (!ns->there)
		return NVME_STATUS_NAMESPACE | NVME_STATUS_DNR;
	switch (c->opcode) {
	case NVME_FLUSH:
		m->flushes++;
		return 0;
	case NVME_READ:
	case NVME_WRITE:
		if (block + count > ns->blocks || (block + count) << ns->shift > ns->bytes)
			return NVME_STATUS_LBA_RANGE | NVME_STATUS_DNR;
		if (m->mdts && count << ns->shift > 4096ul << m->mdts)
			return NVME_STATUS_FIELD | NVME_STATUS_DNR;
		return move(m, c, ns->data + (block << ns->shift), count << ns->shift);
	case NVME_DATASET:
		return discard(m, c, ns);
	default:
		return NVME_STATUS_OPCODE | NVME_STATUS_DNR;
	}
}

static bool is_stuck(struct model *m, const struct nvme_command *c)
{
	if (c->opcode == NVME_FLUSH || c->dword10 != m->stuck_block || !m->stuck_times)
		return false;
	m->stuck_times--;
	return true;
}

static void run(struct model *m, const struct model_command *mc)
{
	if (mc->queue == 0) {
		admin(m, &mc->c);
		return;
	}
	if (!is_stuck(m, &mc->c))
		put(m, &m->q[1], mc->c.id, execute(m, &mc->c), 0);
}

void model_go(struct model *m, bool backwards)
{
	unsigned int n = m->held_count;

	m->held_count = 0;
	for (unsigned int i = 0; i < n; i++)
		run(m, &m->held[backwards ? n - 1 - i : i]);
}

static void sq_bell(struct model *m, u32 queue, u32 tail)
{
	struct model_queue *q = &m->q[queue];

	assert_true(q->there && tail < q->entries);
	m->sq_bells += queue;
	for (q->tail = tail; q->head != q->tail; q->head = (q->head + 1) % q->entries) {
		const struct nvme_command *c =
			fake_dma(&m->f, q->sq + q->head * sizeof(*c), sizeof(*c));
		struct model_command mc = {queue, {0}};

		if (!c)
			return;
		mc.c = *c;
		if (queue) {
			assert_true(m->seen_count < MODEL_SEEN);
			m->seen[m->seen_count++] = *c;
			if (m->fatal_on_io) {
				m->csts |= NVME_CSTS_FATAL;
				return;
			}
		}
		if (queue && m->hold) {
			assert_true(m->held_count < MODEL_HELD);
			m->held[m->held_count++] = mc;
		} else {
			run(m, &mc);
		}
	}
}

static void reset(struct model *m)
{
	m->resets++;
	memset(m->q, 0, sizeof(m->q));
	m->held_count = 0;
	m->event_asked = false;
	m->irq = false;
	if (!m->never_stops)
		m->csts = 0;
}

static void control(struct model *m, u32 cc)
{
	u32 old = m->cc;

	m->cc = cc;
	if (!(cc & 1) && (old & 1))
		reset(m);
	if ((cc & 1) && !(old & 1)) {
		assert_int_equal(m->csts & NVME_CSTS_READY, 0);
		assert_int_equal(cc >> 16 & 0xFF, 0x46);
		m->q[0] = (struct model_queue){.sq = m->asq,
					       .cq = m->acq,
					       .entries = (m->aqa & 0xFFF) + 1,
					       .cq_entries = (m->aqa >> 16) + 1,
					       .phase = NVME_PHASE,
					       .there = true,
					       .interrupts = true};
		if (!m->never_ready && !(m->ready_once && m->resets > 1))
			m->csts |= NVME_CSTS_READY;
	}
	if (cc & NVME_CC_SHN_NORMAL) {
		m->shutdowns++;
		m->csts |= NVME_CSTS_SHUT;
	}
}

static u64 reg_read(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width)
{
	struct model *m = f->model;

	assert_true(bar == 0 && width == 4);
	if (m->gone)
		return 0xFFFFFFFF;
	switch (offset) {
	case NVME_CAP:
		return (u32)m->cap;
	case NVME_CAP + 4:
		return m->cap >> 32;
	case NVME_CC:
		return m->cc;
	case NVME_CSTS:
		return m->csts;
	default:
		fail_msg("read of 0x%x", offset);
		return 0;
	}
}

static void half(u64 *v, bool high, u32 value)
{
	*v = high ? (u32)*v | (u64)value << 32 : (*v & ~0xFFFFFFFFull) | value;
}

static void reg_write(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width,
		      u64 value)
{
	struct model *m = f->model;
	u32 v = (u32)value, bell = (offset - NVME_BELLS) / (4u << DSTRD);

	assert_true(bar == 0 && width == 4);
	if (m->gone)
		return;
	if (offset == NVME_CC) {
		control(m, v);
	} else if (offset == NVME_AQA) {
		m->aqa = v;
	} else if ((offset & ~4u) == NVME_ASQ) {
		half(&m->asq, offset & 4, v);
	} else if ((offset & ~4u) == NVME_ACQ) {
		half(&m->acq, offset & 4, v);
	} else {
		assert_true(offset >= NVME_BELLS && bell < 4);
		if (bell & 1) {
			m->q[bell / 2].cq_head = v;
			m->cq_bells += bell / 2;
		} else if (!(m->csts & NVME_CSTS_FATAL)) {
			sq_bell(m, bell / 2, v);
		}
	}
}

void model_namespace(struct model *m, u32 nsid, u64 blocks, u8 shift)
{
	struct model_namespace *ns = &m->ns[nsid - 1];

	ns->there = blocks != 0;
	ns->blocks = blocks;
	ns->shift = shift;
	free(ns->data);
	ns->bytes = blocks << shift < MIB(2) ? blocks << shift : MIB(2);
	ns->data = calloc(1, ns->bytes ? ns->bytes : 1);
	for (size_t i = 0; i < ns->bytes; i++)
		ns->data[i] = (u8)(i * 7 + (i >> 9) + nsid);
}

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	fake_device_init(&m->f, &nvme_driver, m);
	m->f.read = reg_read;
	m->f.write = reg_write;
	m->f.d.bar_size[0] = 0x4000;
	m->f.d.id = (struct device_id){.class_code = 1, .subclass = 8, .prog_if = 2};
	m->cap = 1023 | 4ull << 24 | (u64)DSTRD << 32 | NVME_CAP_CSS_NVM;
	m->vwc = 1;
	m->oncs = NVME_ONCS_DATASET;
	m->stuck_block = ~0ull;
	/* Firmware left it running. */
	m->cc = NVME_CC_ENABLE;
	m->csts = NVME_CSTS_READY;
	model_namespace(m, 1, 4096, 9);
}

bool model_irq(struct model *m)
{
	bool was = m->irq;

	m->irq = false;
	if (was)
		fake_device_irq(&m->f, 0);
	return was;
}

void model_event(struct model *m, u32 result)
{
	if (!m->event_asked)
		return;
	m->event_asked = false;
	put(m, &m->q[0], m->event_id, 0, result);
	model_irq(m);
}

void model_end(struct model *m, bool gone)
{
	m->f.d.driver->detach(&m->f.d, gone);
	if (!gone && !m->gone)
		assert_int_equal(m->cc & NVME_CC_ENABLE, 0);
	assert_int_equal(m->f.timer_at, 0);
	fake_device_end(&m->f);
	for (unsigned int i = 0; i < MODEL_NAMESPACES; i++)
		free(m->ns[i].data);
}

static void done(struct block_request *r, enum block_status status)
{
	struct test_request *t = r->ctx;

	t->done++;
	t->status = status;
}

void request_make(struct model *m, struct test_request *t, enum block_op op, u64 sector, u32 bytes,
		  u32 offset)
{
	u32 at = offset, k = 0, end = offset + bytes;
	bool data = op == BLOCK_READ || op == BLOCK_WRITE;

	memset(t, 0, sizeof(*t));
	t->bytes = bytes;
	if (data) {
		t->data = aligned_alloc(4096, align_up(end, 4096));
		memset(t->data, 0xEE, align_up(end, 4096));
	}
	while (data && at < end) {
		u32 n = 4096 - at % 4096 < end - at ? 4096 - at % 4096 : end - at;

		/* Each page lies elsewhere for the device. */
		t->segments[k].bus = fake_dma_add(&m->f, t->data + at, n, 0);
		t->segments[k].cpu = t->data + at;
		t->segments[k++].bytes = n;
		at += n;
	}
	t->data += data ? offset : 0;
	t->r = (struct block_request){.op = op,
				      .sector = sector,
				      .count = bytes / BLOCK_SECTOR,
				      .segments = t->segments,
				      .segment_count = k,
				      .done = done,
				      .ctx = t};
}

void request_free(struct model *m, struct test_request *t)
{
	for (unsigned int i = 0; i < t->r.segment_count; i++)
		fake_dma_remove(&m->f, t->segments[i].cpu);
	if (t->data)
		free((void *)align_down((u64)(uintptr_t)t->data, 4096));
	t->data = NULL;
}

void request_submit(struct model *m, struct test_request *t, unsigned int disk)
{
	struct block_device *b = m->f.disks[disk];

	b->ops->submit(b, &t->r);
}

void kick(struct model *m, unsigned int disk)
{
	struct block_device *b = m->f.disks[disk];

	b->ops->kick(b);
}
