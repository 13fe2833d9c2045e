/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio block device that the driver sees in tests. */
#include "virtio_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define BAR_COMMON 0x100u
#define BAR_ISR    0x200u
#define BAR_CONFIG 0x300u
#define BAR_NOTIFY 0x400u
#define MULTIPLIER 4u
#define NOTIFY_OFF 3u /* in units of it */

/* --- requests --- */

struct chain {
	struct virtio_desc d[140];
	unsigned int count;
};

/* Reads a chain as the specification has it, an indirect table included. */
static void read_chain(struct model *m, u16 head, struct chain *c)
{
	u32 size = m->queue_size;
	struct virtio_desc *t = fake_dma(&m->f, m->desc, size * sizeof(*t));
	u16 i = head;

	assert_non_null(t);
	c->count = 0;
	assert_true(head < size);
	if (t[i].flags & VIRTIO_DESC_INDIRECT) {
		assert_true(m->driver_features & VIRTIO_F_INDIRECT_DESC);
		assert_int_equal(t[i].flags, VIRTIO_DESC_INDIRECT);
		assert_int_equal(t[i].bytes % sizeof(*t), 0);
		size = t[i].bytes / (u32)sizeof(*t);
		t = fake_dma(&m->f, t[i].address, size * sizeof(*t));
		assert_non_null(t);
		i = 0;
	}
	for (;;) {
		assert_true(i < size && c->count < ARRAY_SIZE(c->d));
		c->d[c->count++] = t[i];
		if (!(t[i].flags & VIRTIO_DESC_NEXT))
			break;
		i = t[i].next;
	}
}

static void put_used(struct model *m, u32 id, u32 bytes)
{
	struct virtio_used *u = fake_dma(&m->f, m->used, 4 + m->queue_size * 8ul + 2);
	struct virtio_avail *a = fake_dma(&m->f, m->avail, 4 + m->queue_size * 2ul + 2);
	u16 event;

	if (!u || !a)
		return;
	event = a->ring[m->queue_size];
	u->ring[m->used_index % m->queue_size] = (struct virtio_used_entry){id, bytes};
	u->index = ++m->used_index;
	if (m->driver_features & VIRTIO_F_EVENT_IDX) {
		if ((u16)(m->used_index - 1) != event)
			return;
	} else if (a->flags & 1) {
		return;
	}
	m->irq = true;
	m->isr |= VIRTIO_ISR_QUEUE;
}

void model_return(struct model *m, u32 id, u32 bytes)
{
	put_used(m, id, bytes);
	m->irq = true;
	m->isr |= VIRTIO_ISR_QUEUE;
}

static u8 move(struct model *m, const struct chain *c, u64 sector, bool in, u32 *written)
{
	u64 at = sector * 512;

	for (unsigned int i = 1; i + 1 < c->count; i++) {
		u8 *p = fake_dma(&m->f, c->d[i].address, c->d[i].bytes);

		assert_int_equal(!!(c->d[i].flags & VIRTIO_DESC_WRITE), in);
		if (!p || at + c->d[i].bytes > m->bytes)
			return VIRTIO_BLK_S_IOERR;
		if (in) {
			memcpy(p, m->data + at, c->d[i].bytes);
			*written += c->d[i].bytes;
		} else {
			memcpy(m->data + at, p, c->d[i].bytes);
		}
		at += c->d[i].bytes;
	}
	return VIRTIO_BLK_S_OK;
}

static u8 discard(struct model *m, const struct chain *c)
{
	u32 n = c->d[1].bytes / 16;
	const struct virtio_blk_range *r = fake_dma(&m->f, c->d[1].address, c->d[1].bytes);

	if (!r || c->count != 3 || n > m->config.max_discard_seg)
		return VIRTIO_BLK_S_IOERR;
	for (u32 i = 0; i < n; i++) {
		if (r[i].sectors > m->config.max_discard_sectors)
			return VIRTIO_BLK_S_IOERR;
		assert_true(m->discard_count < 64);
		m->discarded[m->discard_count][0] = r[i].sector;
		m->discarded[m->discard_count++][1] = r[i].sectors;
	}
	return VIRTIO_BLK_S_OK;
}

static u8 execute(struct model *m, const struct chain *c, const struct virtio_blk_header *h,
		  u32 *written)
{
	u8 *p;

	if (m->errors && h->type != VIRTIO_BLK_T_GET_ID) {
		m->errors--;
		return m->error_status;
	}
	switch (h->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		return move(m, c, h->sector, h->type == VIRTIO_BLK_T_IN, written);
	case VIRTIO_BLK_T_FLUSH:
		assert_true(m->driver_features & VIRTIO_BLK_F_FLUSH);
		assert_int_equal(c->count, 2);
		m->flushes++;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
		assert_true(m->driver_features & VIRTIO_BLK_F_DISCARD);
		return discard(m, c);
	case VIRTIO_BLK_T_GET_ID:
		p = fake_dma(&m->f, c->d[1].address, 20);
		assert_true(p && c->d[1].bytes == 20);
		memset(p, 0, 20);
		memcpy(p,
		       "disk\x02"
		       "5",
		       6);
		*written = 20;
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPPORTED;
	}
}

static void run(struct model *m, u16 head)
{
	struct chain c;
	struct virtio_blk_header h;
	u8 *status, result;
	u32 written = 0;

	read_chain(m, head, &c);
	assert_true(c.count >= 2 && c.d[0].bytes == 16 && c.d[c.count - 1].bytes == 1);
	assert_true(c.d[c.count - 1].flags & VIRTIO_DESC_WRITE);
	memcpy(&h, fake_dma(&m->f, c.d[0].address, 16), 16);
	if (h.sector == m->stuck_sector && m->stuck_times && h.type <= VIRTIO_BLK_T_OUT) {
		m->stuck_times--;
		return;
	}
	result = execute(m, &c, &h, &written);
	status = fake_dma(&m->f, c.d[c.count - 1].address, 1);
	if (!m->no_status)
		*status = result;
	put_used(m, head, (u32)(written + 1 + m->length_off));
}

void model_go(struct model *m, bool backwards)
{
	unsigned int n = m->held_count;

	m->held_count = 0;
	for (unsigned int i = 0; i < n; i++)
		run(m, m->held[backwards ? n - 1 - i : i]);
}

static void note(struct model *m, u16 head)
{
	struct chain c;
	struct virtio_blk_header h;

	read_chain(m, head, &c);
	memcpy(&h, fake_dma(&m->f, c.d[0].address, 16), 16);
	if (h.type == VIRTIO_BLK_T_GET_ID)
		return;
	assert_true(m->seen_count < MODEL_SEEN);
	m->seen[m->seen_count++] = (struct model_seen){h.type, h.sector, c.count};
}

static void notified(struct model *m)
{
	struct virtio_avail *a = fake_dma(&m->f, m->avail, 4 + m->queue_size * 2ul + 2);
	struct virtio_used *u = fake_dma(&m->f, m->used, 4 + m->queue_size * 8ul + 2);

	assert_true(m->status & VIRTIO_STATUS_DRIVER_OK);
	assert_true(a && u && m->queue_enabled);
	m->notified++;
	if (m->silent)
		return;
	while (m->avail_index != a->index) {
		u16 head = a->ring[m->avail_index++ % m->queue_size];

		note(m, head);
		if (m->needs_reset_on_io) {
			m->status |= VIRTIO_STATUS_NEEDS_RESET;
			m->isr |= VIRTIO_ISR_CONFIG;
			return;
		}
		if (m->hold) {
			assert_true(m->held_count < MODEL_HELD);
			m->held[m->held_count++] = head;
		} else {
			run(m, head);
		}
	}
	if (m->driver_features & VIRTIO_F_EVENT_IDX)
		memcpy(&u->ring[m->queue_size], &m->avail_index, 2);
}

/* --- registers --- */

static void reset(struct model *m)
{
	m->resets++;
	m->avail_index = m->used_index = 0;
	m->held_count = 0;
	m->queue_enabled = m->irq = false;
	m->isr = 0;
	m->driver_features = 0;
	m->queue_size = m->queue_max;
	m->config_vector = m->queue_vector = VIRTIO_NO_VECTOR;
	if (!m->never_resets)
		m->status = 0;
}

static void set_status(struct model *m, u8 v)
{
	if (!v) {
		if (m->status)
			reset(m);
		return;
	}
	assert_int_equal(m->status & ~v & 0x3F, 0); /* bits are only added */
	if ((v & VIRTIO_STATUS_FEATURES_OK) && m->refuses_features)
		v &= (u8)~VIRTIO_STATUS_FEATURES_OK;
	m->status = v;
}

static u8 get_status(struct model *m)
{
	if (m->reset_delay && m->status == 0 && m->resets) {
		m->reset_delay--;
		return VIRTIO_STATUS_DRIVER_OK;
	}
	return m->status;
}

static u64 get(const void *p, unsigned int width)
{
	u64 v = 0;

	memcpy(&v, p, width);
	return v;
}

static u64 config_read(struct model *m, u32 offset, unsigned int width)
{
	u64 v;

	if (offset + width > sizeof(m->config))
		return 0;
	v = get((u8 *)&m->config + offset, width);
	if (offset == 0 && m->tearing) {
		m->tearing--;
		m->config.capacity += 1ull << 32;
		m->generation++;
	}
	return v;
}

static u64 common_read(struct model *m, u32 offset, unsigned int width)
{
	struct virtio_common c = {
		.device_feature = (u32)(m->offered >> (m->device_select ? 32 : 0)),
		.config_generation = m->generation,
		.num_queues = 1,
		.queue_size = m->queue_size,
		.queue_msix_vector = m->queue_vector,
		.msix_config = m->config_vector,
		.queue_notify_off = NOTIFY_OFF,
	};

	if (offset == offsetof(struct virtio_common, device_status))
		c.device_status = get_status(m);
	assert_true(offset + width <= sizeof(c));
	return get((u8 *)&c + offset, width);
}

static void half(u64 *v, bool high, u64 value)
{
	*v = high ? (u32)*v | value << 32 : (*v & ~0xFFFFFFFFull) | value;
}

static void common_write(struct model *m, u32 offset, u64 v)
{
	switch (offset) {
	case offsetof(struct virtio_common, device_feature_select):
		m->device_select = (u32)v;
		break;
	case offsetof(struct virtio_common, driver_feature_select):
		m->driver_select = (u32)v;
		break;
	case offsetof(struct virtio_common, driver_feature):
		half(&m->driver_features, m->driver_select, v);
		assert_int_equal(m->driver_features & ~m->offered, 0);
		break;
	case offsetof(struct virtio_common, msix_config):
		m->config_vector = m->no_vectors ? VIRTIO_NO_VECTOR : (u16)v;
		break;
	case offsetof(struct virtio_common, queue_msix_vector):
		m->queue_vector = m->no_vectors ? VIRTIO_NO_VECTOR : (u16)v;
		break;
	case offsetof(struct virtio_common, device_status):
		set_status(m, (u8)v);
		break;
	case offsetof(struct virtio_common, queue_select):
		m->queue_select = (u16)v;
		break;
	case offsetof(struct virtio_common, queue_size):
		assert_true(v <= m->queue_max && (v & (v - 1)) == 0);
		m->queue_size = (u16)v;
		break;
	case offsetof(struct virtio_common, queue_enable):
		assert_true(m->status & VIRTIO_STATUS_FEATURES_OK);
		m->queue_enabled = true;
		break;
	default:
		assert_true(offset >= 32 && offset < 56);
		half(offset < 40 ? &m->desc : offset < 48 ? &m->avail : &m->used, offset & 4, v);
	}
}

static u64 modern_read(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width)
{
	struct model *m = f->model;

	assert_int_equal(bar, 4);
	if (m->gone)
		return ~0ull >> (64 - 8 * width);
	if (offset >= BAR_COMMON && offset < BAR_COMMON + 56)
		return common_read(m, offset - BAR_COMMON, width);
	if (offset == BAR_ISR) {
		u8 isr = m->isr;

		m->isr = 0;
		return isr;
	}
	assert_true(offset >= BAR_CONFIG && offset < BAR_NOTIFY);
	return config_read(m, offset - BAR_CONFIG, width);
}

static void modern_write(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width,
			 u64 v)
{
	struct model *m = f->model;

	(void)width;
	assert_int_equal(bar, 4);
	if (m->gone)
		return;
	if (offset == BAR_NOTIFY + NOTIFY_OFF * MULTIPLIER) {
		assert_true(v == 0 && width == 2);
		notified(m);
		return;
	}
	assert_true(offset >= BAR_COMMON && offset < BAR_COMMON + 56);
	common_write(m, offset - BAR_COMMON, v);
}

static u64 legacy_read(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width)
{
	struct model *m = f->model;
	u32 config = m->msix ? 24 : 20;
	u8 isr = m->isr;

	assert_int_equal(bar, 0);
	if (m->gone)
		return ~0ull >> (64 - 8 * width);
	switch (offset) {
	case VIRTIO_LEGACY_DEVICE_FEATURES:
		return (u32)m->offered;
	case VIRTIO_LEGACY_QUEUE_SIZE:
		return m->queue_max;
	case VIRTIO_LEGACY_STATUS:
		return get_status(m);
	case VIRTIO_LEGACY_ISR:
		m->isr = 0;
		return isr;
	}
	if (m->msix && offset == VIRTIO_LEGACY_QUEUE_VECTOR)
		return m->queue_vector;
	assert_true(offset >= config);
	return config_read(m, offset - config, width);
}

static void legacy_write(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width,
			 u64 v)
{
	struct model *m = f->model;

	(void)width;
	assert_int_equal(bar, 0);
	if (m->gone)
		return;
	switch (offset) {
	case VIRTIO_LEGACY_DRIVER_FEATURES:
		m->driver_features = v;
		assert_int_equal(v & ~m->offered, 0);
		return;
	case VIRTIO_LEGACY_QUEUE_SELECT:
		assert_int_equal(v, 0);
		return;
	case VIRTIO_LEGACY_QUEUE_ADDRESS:
		m->desc = v * 4096;
		m->avail = m->desc + m->queue_max * 16ul;
		m->used = align_up(m->avail + 4 + m->queue_max * 2ul + 2, 4096);
		m->queue_enabled = v != 0;
		return;
	case VIRTIO_LEGACY_QUEUE_NOTIFY:
		assert_int_equal(v, 0);
		notified(m);
		return;
	case VIRTIO_LEGACY_STATUS:
		set_status(m, (u8)v);
		return;
	}
	assert_true(m->msix);
	if (offset == VIRTIO_LEGACY_CONFIG_VECTOR)
		m->config_vector = (u16)v;
	else
		m->queue_vector = m->no_vectors ? VIRTIO_NO_VECTOR : (u16)v;
}

/* --- the test's side --- */

static u8 capability(struct model *m, u8 at, u8 type, u32 offset, u32 bytes)
{
	u8 *c = m->f.config + at;

	c[0] = PCI_CAPABILITY_VENDOR;
	c[1] = (u8)(at + 20);
	c[2] = 20;
	c[3] = type;
	c[4] = 4;
	memcpy(c + 8, &offset, 4);
	memcpy(c + 12, &bytes, 4);
	memcpy(c + 16, &(u32){MULTIPLIER}, 4);
	return (u8)(at + 20);
}

void model_capabilities(struct model *m)
{
	u8 at = 0x40;

	m->f.config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
	m->f.config[PCI_CAPABILITIES] = at;
	/* One that lies outside the windows comes first: it is passed over. */
	at = capability(m, at, VIRTIO_CAP_COMMON, 0xFFFFFF00, 0x200);
	at = capability(m, at, VIRTIO_CAP_COMMON, BAR_COMMON, 56);
	at = capability(m, at, VIRTIO_CAP_ISR, BAR_ISR, 1);
	at = capability(m, at, VIRTIO_CAP_DEVICE, BAR_CONFIG, 48);
	at = capability(m, at, VIRTIO_CAP_NOTIFY, BAR_NOTIFY, 16);
	m->f.config[at] = PCI_CAPABILITY_MSIX;
	m->f.config[at + 3] = m->msix ? 0x80 : 0;
}

void model_init(struct model *m, bool legacy)
{
	memset(m, 0, sizeof(*m));
	fake_device_init(&m->f, &virtio_blk_driver, m);
	m->legacy = legacy;
	m->f.read = legacy ? legacy_read : modern_read;
	m->f.write = legacy ? legacy_write : modern_write;
	m->f.d.bar_size[0] = legacy ? 128 : 0;
	m->f.d.bar_is_port[0] = legacy;
	m->f.d.bar_size[4] = legacy ? 0 : 0x1000;
	m->f.d.id = (struct device_id){.vendor = 0x1AF4, .product = legacy ? 0x1001 : 0x1042};
	if (!legacy)
		model_capabilities(m);
	m->offered = VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD |
		     VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_TOPOLOGY | VIRTIO_F_INDIRECT_DESC |
		     VIRTIO_F_EVENT_IDX | 1ull << 11 | 1ull << 14;
	if (!legacy)
		m->offered |= VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | 1ull << 34;
	m->queue_max = 256;
	m->bytes = MIB(2);
	m->config = (struct virtio_blk_config){
		.capacity = m->bytes / 512,
		.seg_max = 126,
		.blk_size = 512,
		.physical_block_exp = 3,
		.max_discard_sectors = 1000,
		.max_discard_seg = 2,
		.discard_sector_alignment = 8,
	};
	m->stuck_sector = ~0ull;
	m->data = calloc(1, m->bytes);
	for (size_t i = 0; i < m->bytes; i++)
		m->data[i] = (u8)(i * 5 + (i >> 9));
	/* Firmware left it running. */
	m->status = 7;
}

bool model_irq(struct model *m)
{
	bool was = m->irq;

	m->irq = false;
	m->interrupts += was;
	if (was)
		fake_device_irq(&m->f, 0);
	return was;
}

void model_resize(struct model *m, u64 sectors)
{
	m->config.capacity = sectors;
	m->generation++;
	m->isr |= VIRTIO_ISR_CONFIG;
	if (!m->msix)
		fake_device_irq(&m->f, 0);
	else if (m->config_vector != VIRTIO_NO_VECTOR)
		fake_device_irq(&m->f, m->config_vector);
}

void model_end(struct model *m, bool gone)
{
	m->f.d.driver->detach(&m->f.d, gone);
	if (!gone && !m->gone)
		assert_int_equal(m->status, 0);
	assert_int_equal(m->f.timer_at, 0);
	fake_device_end(&m->f);
	free(m->data);
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

void request_submit(struct model *m, struct test_request *t)
{
	m->f.disks[0]->ops->submit(m->f.disks[0], &t->r);
}

void kick(struct model *m)
{
	m->f.disks[0]->ops->kick(m->f.disks[0]);
}
