/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the device's structures are: behind PCI capabilities, or the legacy interface's one window.
 * Virtual I/O Device (VIRTIO) Version 1.1, "Virtio Over PCI Bus". */
#include <drivers/virtio_blk/virtio_blk_private.h>

#include <errno.h>

#define CAPABILITIES_MAX 48u /* as many as fit: their list may be a ring */

#define COMMON(field) ((u32)offsetof(struct virtio_common, field))

static u32 config_of(struct virtio_blk *v, u32 offset, unsigned int width)
{
	return v->d->ops->config_read(v->d, offset, width);
}

/* The next capability of this kind behind `at` (0: the first); 0: no more. */
static u32 next_capability(struct virtio_blk *v, u32 at, u8 kind)
{
	u32 left = CAPABILITIES_MAX;

	if (!(config_of(v, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES))
		return 0;
	at = config_of(v, at ? at + 1 : PCI_CAPABILITIES, 1) & 0xFCu;
	for (; at >= 0x40 && left; left--) {
		if ((u8)config_of(v, at, 1) == kind)
			return at;
		at = config_of(v, at + 1, 1) & 0xFCu;
	}
	return 0;
}

/* What the capability says, if it lies within the device's windows. */
static bool read_window(struct virtio_blk *v, u32 at, struct virtio_window *w)
{
	u32 bar = config_of(v, at + VIRTIO_CAP_BAR, 1);
	u32 offset = config_of(v, at + VIRTIO_CAP_OFFSET, 4);
	u32 bytes = config_of(v, at + VIRTIO_CAP_LENGTH, 4);

	if (bar >= DEVICE_BARS || !bytes || (u64)offset + bytes > v->d->bar_size[bar] ||
	    (u64)offset + bytes > 0xFFFFFFFFu)
		return false;
	*w = (struct virtio_window){.bar = bar, .offset = offset, .bytes = bytes};
	return true;
}

/* The first of each kind that is usable is the one that the device prefers. */
static void find_windows(struct virtio_blk *v)
{
	u32 at = 0;

	for (u32 i = 0; i < CAPABILITIES_MAX; i++) {
		struct virtio_window w, *to = NULL;

		at = next_capability(v, at, PCI_CAPABILITY_VENDOR);
		if (!at || at + VIRTIO_CAP_MULTIPLIER + 4 > 256)
			return;
		switch (config_of(v, at + VIRTIO_CAP_TYPE, 1)) {
		case VIRTIO_CAP_COMMON:
			to = &v->common;
			break;
		case VIRTIO_CAP_NOTIFY:
			to = &v->notify;
			break;
		case VIRTIO_CAP_ISR:
			to = &v->isr;
			break;
		case VIRTIO_CAP_DEVICE:
			to = &v->config;
			break;
		default:
			break;
		}
		if (!to || to->bytes || !read_window(v, at, &w))
			continue;
		*to = w;
		if (to == &v->notify)
			v->notify_multiplier = config_of(v, at + VIRTIO_CAP_MULTIPLIER, 4);
	}
}

int virtio_find(struct virtio_blk *v)
{
	find_windows(v);
	if (v->common.bytes >= sizeof(struct virtio_common) && v->common.offset % 4 == 0 &&
	    v->notify.bytes >= 2 && v->notify.offset % 2 == 0 && v->isr.bytes &&
	    v->config.bytes >= VIRTIO_BLK_CONFIG_MIN && v->config.offset % 4 == 0)
		return 0;
	v->legacy = v->d->id.product == VIRTIO_BLOCK_TRANSITIONAL;
	if (!v->legacy || v->d->bar_size[0] < VIRTIO_LEGACY_CONFIG_MSIX + VIRTIO_BLK_CONFIG_MIN) {
		v->d->ops->log(v->d, "has no usable windows of registers");
		return -ENODEV;
	}
	v->isr = (struct virtio_window){.offset = VIRTIO_LEGACY_ISR, .bytes = 1};
	v->notify = (struct virtio_window){.offset = VIRTIO_LEGACY_QUEUE_NOTIFY, .bytes = 2};
	v->notify_at = v->notify.offset;
	return 0;
}

void virtio_find_msix(struct virtio_blk *v)
{
	u32 at = next_capability(v, 0, PCI_CAPABILITY_MSIX);

	v->msix = at && (config_of(v, at + PCI_MSIX_CONTROL, 2) & PCI_MSIX_ENABLED);
	if (v->legacy) {
		/* The legacy interface moves its configuration when MSI-X is on. */
		u32 offset = v->msix ? VIRTIO_LEGACY_CONFIG_MSIX : VIRTIO_LEGACY_CONFIG;

		v->config.offset = offset;
		v->config.bytes = (u32)min_u64(v->d->bar_size[0] - offset, 256);
	}
}

/* --- registers --- */

static u32 common_read(struct virtio_blk *v, u32 offset, unsigned int width)
{
	return (u32)v->d->ops->read(v->d, v->common.bar, v->common.offset + offset, width);
}

static void common_write(struct virtio_blk *v, u32 offset, unsigned int width, u32 value)
{
	v->d->ops->write(v->d, v->common.bar, v->common.offset + offset, width, value);
}

u8 virtio_status(struct virtio_blk *v)
{
	if (v->legacy)
		return device_read8(v->d, 0, VIRTIO_LEGACY_STATUS);
	return (u8)common_read(v, COMMON(device_status), 1);
}

void virtio_set_status(struct virtio_blk *v, u8 status)
{
	if (v->legacy)
		device_write8(v->d, 0, VIRTIO_LEGACY_STATUS, status);
	else
		common_write(v, COMMON(device_status), 1, status);
}

u64 virtio_features(struct virtio_blk *v)
{
	u64 low, high;

	if (v->legacy)
		return device_read32(v->d, 0, VIRTIO_LEGACY_DEVICE_FEATURES);
	common_write(v, COMMON(device_feature_select), 4, 0);
	low = common_read(v, COMMON(device_feature), 4);
	common_write(v, COMMON(device_feature_select), 4, 1);
	high = common_read(v, COMMON(device_feature), 4);
	return low | high << 32;
}

void virtio_set_features(struct virtio_blk *v, u64 features)
{
	if (v->legacy) {
		device_write32(v->d, 0, VIRTIO_LEGACY_DRIVER_FEATURES, (u32)features);
		return;
	}
	common_write(v, COMMON(driver_feature_select), 4, 0);
	common_write(v, COMMON(driver_feature), 4, (u32)features);
	common_write(v, COMMON(driver_feature_select), 4, 1);
	common_write(v, COMMON(driver_feature), 4, (u32)(features >> 32));
}

u8 virtio_isr(struct virtio_blk *v)
{
	return device_read8(v->d, v->isr.bar, v->isr.offset);
}

u32 virtio_config(struct virtio_blk *v, size_t offset)
{
	if (offset + 4 > v->config.bytes)
		return 0;
	return device_read32(v->d, v->config.bar, v->config.offset + (u32)offset);
}

u8 virtio_generation(struct virtio_blk *v)
{
	return v->legacy ? 0 : (u8)common_read(v, COMMON(config_generation), 1);
}

/* --- the queue --- */

u16 virtio_queue_size(struct virtio_blk *v)
{
	if (v->legacy) {
		device_write16(v->d, 0, VIRTIO_LEGACY_QUEUE_SELECT, 0);
		return device_read16(v->d, 0, VIRTIO_LEGACY_QUEUE_SIZE);
	}
	common_write(v, COMMON(queue_select), 2, 0);
	return (u16)common_read(v, COMMON(queue_size), 2);
}

/* Vector 0 is the queue's; the configuration's is the last one there is. false: the device cannot.
 */
static bool set_vectors(struct virtio_blk *v)
{
	u16 config = v->vectors > 1;

	if (v->legacy) {
		device_write16(v->d, 0, VIRTIO_LEGACY_CONFIG_VECTOR, config);
		device_write16(v->d, 0, VIRTIO_LEGACY_QUEUE_VECTOR, 0);
		return device_read16(v->d, 0, VIRTIO_LEGACY_QUEUE_VECTOR) != VIRTIO_NO_VECTOR;
	}
	common_write(v, COMMON(msix_config), 2, config);
	common_write(v, COMMON(queue_msix_vector), 2, 0);
	return common_read(v, COMMON(queue_msix_vector), 2) != VIRTIO_NO_VECTOR;
}

static void write64(struct virtio_blk *v, u32 offset, u64 value)
{
	common_write(v, offset, 4, (u32)value);
	common_write(v, offset + 4, 4, (u32)(value >> 32));
}

int virtio_queue_start(struct virtio_blk *v)
{
	u64 at;

	if (v->msix && !set_vectors(v)) {
		v->d->ops->log(v->d, "takes no interrupt vector: polled");
		v->polled = true;
	}
	if (v->legacy) {
		device_write32(v->d, 0, VIRTIO_LEGACY_QUEUE_ADDRESS,
			       (u32)(v->ring.bus / VIRTIO_LEGACY_ALIGN));
		return 0;
	}
	common_write(v, COMMON(queue_size), 2, v->ring.size);
	write64(v, COMMON(queue_desc), v->ring.bus);
	write64(v, COMMON(queue_driver), v->ring.avail_bus);
	write64(v, COMMON(queue_device), v->ring.used_bus);
	at = (u64)common_read(v, COMMON(queue_notify_off), 2) * v->notify_multiplier;
	if (at + 2 > v->notify.bytes || at % 2) {
		v->d->ops->log(v->d, "wants to be notified outside its window");
		return -ENODEV;
	}
	v->notify_at = v->notify.offset + (u32)at;
	common_write(v, COMMON(queue_enable), 2, 1);
	return 0;
}
