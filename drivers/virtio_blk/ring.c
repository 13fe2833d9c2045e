/* SPDX-License-Identifier: BSD-2-Clause */
/* The split ring: Virtual I/O Device (VIRTIO) Version 1.1, "Split Virtqueues". Its memory is laid
 * out as the legacy interface demands; the other one takes any layout. */
#include <drivers/virtio_blk/virtio_blk_private.h>

#include <errno.h>
#include <string.h>

/* Behind each ring of indices stands the event index of the other side. */
static u16 *used_event(const struct virtio_ring *r)
{
	return &r->avail->ring[r->size];
}

static const u16 *avail_event(const struct virtio_ring *r)
{
	return (const u16 *)(const void *)&r->used->ring[r->size];
}

int virtio_ring_alloc(struct virtio_blk *v, u16 size)
{
	struct virtio_ring *r = &v->ring;
	size_t avail = size * sizeof(*r->desc);
	size_t used = align_up(avail + sizeof(*r->avail) + (size + 1u) * sizeof(u16),
			       VIRTIO_LEGACY_ALIGN);
	u8 *p;

	r->bytes = used + align_up(sizeof(*r->used) + size * sizeof(r->used->ring[0]) + sizeof(u16),
				   VIRTIO_LEGACY_ALIGN);
	p = v->d->ops->dma_alloc(v->d, r->bytes, VIRTIO_LEGACY_ALIGN, &r->bus);
	if (!p)
		return -ENOMEM;
	r->size = size;
	r->desc = (void *)p;
	r->avail = (void *)(p + avail);
	r->used = (void *)(p + used);
	r->avail_bus = r->bus + avail;
	r->used_bus = r->bus + used;
	return 0;
}

void virtio_ring_free(struct virtio_blk *v)
{
	if (v->ring.desc)
		v->d->ops->dma_free(v->d, v->ring.desc, v->ring.bytes);
	v->ring.desc = NULL;
}

void virtio_ring_reset(struct virtio_ring *r, bool polled)
{
	memset(r->desc, 0, r->bytes);
	r->avail_index = r->told = r->used_index = 0;
	r->avail->flags = polled ? VIRTIO_AVAIL_NO_INTERRUPT : 0;
}

void virtio_ring_put(struct virtio_ring *r, u16 head)
{
	WRITE_ONCE(r->avail->ring[r->avail_index & (r->size - 1u)], head);
	r->avail_index++;
}

void virtio_ring_kick(struct virtio_blk *v)
{
	struct virtio_ring *r = &v->ring;
	u16 told = r->told, index = r->avail_index;

	if (told == index)
		return;
	r->told = index;
	__atomic_store_n(&r->avail->index, index, __ATOMIC_RELEASE);
	/* The device must see the index before we look whether it sleeps; it does the reverse. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->event_index) {
		u16 event = READ_ONCE(*avail_event(r));

		/* "Driver notifications": whether the event lies in what was put now. */
		if ((u16)(index - event - 1) >= (u16)(index - told))
			return;
	} else if (READ_ONCE(r->used->flags) & VIRTIO_USED_NO_NOTIFY) {
		return;
	}
	device_write16(v->d, v->notify.bar, v->notify_at, 0);
}

u16 virtio_ring_used(const struct virtio_ring *r)
{
	return (u16)(__atomic_load_n(&r->used->index, __ATOMIC_ACQUIRE) - r->used_index);
}

struct virtio_used_entry virtio_ring_take(struct virtio_ring *r)
{
	const struct virtio_used_entry *at = &r->used->ring[r->used_index & (r->size - 1u)];
	struct virtio_used_entry e = {.id = READ_ONCE(at->id), .bytes = READ_ONCE(at->bytes)};

	r->used_index++;
	return e;
}

void virtio_ring_ask(struct virtio_ring *r)
{
	if (!r->event_index)
		return;
	WRITE_ONCE(*used_event(r), r->used_index);
	/* What the device returned before it could see this comes without an interrupt: the caller
	 * looks once more. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
