/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device says of itself, checked. Virtual I/O Device (VIRTIO) Version 1.1, "Block Device",
 * "Device configuration layout". */
#include <drivers/virtio_blk/virtio_blk_private.h>

#include <errno.h>
#include <string.h>

#define GENERATIONS_MAX 16u
#define CONFIG(field)   offsetof(struct virtio_blk_config, field)

/* Two reads of the capacity's halves must not be of two capacities. */
static u64 read_capacity(struct virtio_blk *v)
{
	u64 low = 0, high = 0;

	for (u32 i = 0; i < GENERATIONS_MAX; i++) {
		u8 before = virtio_generation(v);

		low = virtio_config(v, CONFIG(capacity));
		high = virtio_config(v, CONFIG(capacity) + 4);
		/* The legacy interface has no generation: twice the same will do. */
		if (v->legacy ? low == virtio_config(v, CONFIG(capacity)) &&
					high == virtio_config(v, CONFIG(capacity) + 4)
			      : before == virtio_generation(v))
			break;
	}
	return low | high << 32;
}

u64 virtio_sectors(struct virtio_blk *v)
{
	u64 sectors = min_u64(read_capacity(v), 1ull << 54);

	return align_down(sectors, v->block.sector_size / BLOCK_SECTOR);
}

static int describe_sizes(struct virtio_blk *v)
{
	struct block_device *b = &v->block;
	u32 size = BLOCK_SECTOR, exponent = 0;

	if (v->features & VIRTIO_BLK_F_BLK_SIZE)
		size = virtio_config(v, CONFIG(blk_size));
	if (size < BLOCK_SECTOR || size > 65536 || (size & (size - 1))) {
		v->d->ops->log(v->d, "has blocks of %u bytes", size);
		return -ENODEV;
	}
	if (v->features & VIRTIO_BLK_F_TOPOLOGY)
		exponent = virtio_config(v, CONFIG(physical_block_exp)) & 0xFFu;
	b->sector_size = size;
	b->physical_sector_size =
		exponent < 8 && size << exponent <= 65536 ? size << exponent : size;
	b->sectors = virtio_sectors(v);
	return 0;
}

static void describe_discard(struct virtio_blk *v)
{
	struct block_device *b = &v->block;
	u32 alignment;

	if (!(v->features & VIRTIO_BLK_F_DISCARD))
		return;
	v->discard_sectors = (u32)align_down(virtio_config(v, CONFIG(max_discard_sectors)),
					     b->sector_size / BLOCK_SECTOR);
	v->discard_ranges = (u32)min_u64(virtio_config(v, CONFIG(max_discard_seg)), VIRTIO_RANGES);
	alignment = virtio_config(v, CONFIG(discard_sector_alignment));
	b->discard = v->discard_sectors && v->discard_ranges;
	b->discard_granularity = b->sector_size;
	if (alignment <= MIB(16) / BLOCK_SECTOR && (alignment & (alignment - 1)) == 0)
		b->discard_granularity =
			(u32)max_u64(b->sector_size, (u64)alignment * BLOCK_SECTOR);
}

int virtio_describe(struct virtio_blk *v)
{
	struct block_device *b = &v->block;
	u32 segments = v->ring.indirect ? VIRTIO_INDIRECT_ENTRIES - 2 : v->ring.size - 2u;
	u32 size_max = VIRTIO_MAX_BYTES;
	int rc = describe_sizes(v);

	if (rc)
		return rc;
	if (v->features & VIRTIO_BLK_F_SEG_MAX)
		segments = (u32)min_u64(segments, max_u64(virtio_config(v, CONFIG(seg_max)), 1));
	else
		segments = 1; /* nothing is said: what each device must take */
	if (v->features & VIRTIO_BLK_F_SIZE_MAX)
		size_max = (u32)min_u64(
			size_max, align_down(virtio_config(v, CONFIG(size_max)), b->sector_size));
	if (!size_max) {
		v->d->ops->log(v->d, "takes no segment of a block");
		return -ENODEV;
	}
	b->ops = &virtio_block_ops;
	b->owner = v;
	b->read_only = v->features & VIRTIO_BLK_F_RO;
	b->write_cache = v->features & VIRTIO_BLK_F_FLUSH;
	b->max_segments = segments;
	b->max_segment = size_max;
	b->max_bytes = (u32)min_u64(VIRTIO_MAX_BYTES, (u64)segments * size_max);
	b->address_limit = ~0ull;
	b->queue_depth = v->ring.indirect ? v->usable : v->ring.size / 3u;
	memcpy(b->model, "virtio", sizeof("virtio"));
	describe_discard(v);
	return 0;
}
