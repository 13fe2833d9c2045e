/* SPDX-License-Identifier: BSD-2-Clause */
/* What Virtual I/O Device (VIRTIO) Version 1.1 lays out for a block device on PCI with split rings.
 * Little-endian, as this machine is, the legacy interface too. */
#ifndef DRIVERS_VIRTIO_BLK_VIRTIO_BLK_REGS_H
#define DRIVERS_VIRTIO_BLK_VIRTIO_BLK_REGS_H

#include <core/types.h>

#define VIRTIO_VENDOR             0x1AF4u
#define VIRTIO_BLOCK              0x1042u
#define VIRTIO_BLOCK_TRANSITIONAL 0x1001u

/* PCI Local Bus Specification 3.0, "Capabilities List". */
#define PCI_STATUS              0x06u
#define PCI_STATUS_CAPABILITIES 0x10u
#define PCI_CAPABILITIES        0x34u
#define PCI_CAPABILITY_VENDOR   0x09u
#define PCI_CAPABILITY_MSIX     0x11u
#define PCI_MSIX_CONTROL        2u
#define PCI_MSIX_ENABLED        0x8000u

/* "Virtio Structure PCI Capabilities", offsets in the capability. */
#define VIRTIO_CAP_TYPE       3u
#define VIRTIO_CAP_BAR        4u
#define VIRTIO_CAP_OFFSET     8u
#define VIRTIO_CAP_LENGTH     12u
#define VIRTIO_CAP_MULTIPLIER 16u /* of the one for notifications */
#define VIRTIO_CAP_COMMON     1u
#define VIRTIO_CAP_NOTIFY     2u
#define VIRTIO_CAP_ISR        3u
#define VIRTIO_CAP_DEVICE     4u

/* "Common configuration structure layout" */
struct virtio_common {
	u32 device_feature_select, device_feature, driver_feature_select, driver_feature;
	u16 msix_config, num_queues;
	u8 device_status, config_generation;
	u16 queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
	u64 queue_desc, queue_driver, queue_device;
};
_Static_assert(sizeof(struct virtio_common) == 56, "virtio");
_Static_assert(offsetof(struct virtio_common, device_status) == 20, "virtio");
_Static_assert(offsetof(struct virtio_common, queue_select) == 22, "virtio");
_Static_assert(offsetof(struct virtio_common, queue_notify_off) == 30, "virtio");
_Static_assert(offsetof(struct virtio_common, queue_desc) == 32, "virtio");

/* "Legacy Interfaces: A Note on PCI Device Layout", in window 0. */
#define VIRTIO_LEGACY_DEVICE_FEATURES 0u
#define VIRTIO_LEGACY_DRIVER_FEATURES 4u
#define VIRTIO_LEGACY_QUEUE_ADDRESS   8u /* of a 4 KiB page */
#define VIRTIO_LEGACY_QUEUE_SIZE      12u
#define VIRTIO_LEGACY_QUEUE_SELECT    14u
#define VIRTIO_LEGACY_QUEUE_NOTIFY    16u
#define VIRTIO_LEGACY_STATUS          18u
#define VIRTIO_LEGACY_ISR             19u
#define VIRTIO_LEGACY_CONFIG_VECTOR   20u /* only with MSI-X on */
#define VIRTIO_LEGACY_QUEUE_VECTOR    22u /* only with MSI-X on */
#define VIRTIO_LEGACY_CONFIG          20u
#define VIRTIO_LEGACY_CONFIG_MSIX     24u
#define VIRTIO_LEGACY_ALIGN           4096u

#define VIRTIO_ISR_QUEUE  1u
#define VIRTIO_ISR_CONFIG 2u
#define VIRTIO_NO_VECTOR  0xFFFFu

/* "Device Status Field" */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER      2u
#define VIRTIO_STATUS_DRIVER_OK   4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u
#define VIRTIO_STATUS_GONE        0xFFu /* all ones: nothing answers */

/* "Feature Bits", "Reserved Feature Bits" */
#define VIRTIO_BLK_F_SIZE_MAX    (1ull << 1)
#define VIRTIO_BLK_F_SEG_MAX     (1ull << 2)
#define VIRTIO_BLK_F_RO          (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE    (1ull << 6)
#define VIRTIO_BLK_F_FLUSH       (1ull << 9)
#define VIRTIO_BLK_F_TOPOLOGY    (1ull << 10)
#define VIRTIO_BLK_F_DISCARD     (1ull << 13)
#define VIRTIO_F_INDIRECT_DESC   (1ull << 28)
#define VIRTIO_F_EVENT_IDX       (1ull << 29)
#define VIRTIO_F_VERSION_1       (1ull << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ull << 33)

/* "Device configuration layout" of the block device. */
struct virtio_blk_config {
	u64 capacity; /* 512 bytes */
	u32 size_max, seg_max;
	u16 cylinders;
	u8 heads, sectors;
	u32 blk_size;
	u8 physical_block_exp, alignment_offset;
	u16 min_io_size;
	u32 opt_io_size;
	u8 writeback, unused33;
	u16 num_queues;
	u32 max_discard_sectors, max_discard_seg, discard_sector_alignment;
};
_Static_assert(offsetof(struct virtio_blk_config, blk_size) == 20, "virtio");
_Static_assert(offsetof(struct virtio_blk_config, physical_block_exp) == 24, "virtio");
_Static_assert(offsetof(struct virtio_blk_config, max_discard_sectors) == 36, "virtio");
_Static_assert(sizeof(struct virtio_blk_config) == 48, "virtio");
#define VIRTIO_BLK_CONFIG_MIN 8u /* a device with no features has the capacity only */

/* "Device Operation" of the block device. */
struct virtio_blk_header {
	u32 type, reserved;
	u64 sector;
};
_Static_assert(sizeof(struct virtio_blk_header) == 16, "virtio");

struct virtio_blk_range {
	u64 sector;
	u32 sectors, flags;
};
_Static_assert(sizeof(struct virtio_blk_range) == 16, "virtio");

#define VIRTIO_BLK_T_IN      0u
#define VIRTIO_BLK_T_OUT     1u
#define VIRTIO_BLK_T_FLUSH   4u
#define VIRTIO_BLK_T_GET_ID  8u
#define VIRTIO_BLK_T_DISCARD 11u
#define VIRTIO_BLK_ID_BYTES  20u

#define VIRTIO_BLK_S_OK          0u
#define VIRTIO_BLK_S_IOERR       1u
#define VIRTIO_BLK_S_UNSUPPORTED 2u

/* "Split Virtqueues" */
struct virtio_desc {
	u64 address;
	u32 bytes;
	u16 flags, next;
};
_Static_assert(sizeof(struct virtio_desc) == 16, "virtio");

#define VIRTIO_DESC_NEXT     1u
#define VIRTIO_DESC_WRITE    2u /* the device writes it */
#define VIRTIO_DESC_INDIRECT 4u

struct virtio_avail {
	u16 flags, index;
	u16 ring[]; /* behind it: at which used index an interrupt is wanted */
};
_Static_assert(sizeof(struct virtio_avail) == 4, "virtio");

struct virtio_used_entry {
	u32 id, bytes;
};
struct virtio_used {
	u16 flags, index;
	struct virtio_used_entry ring[]; /* behind it: at which available index a notification is */
};
_Static_assert(sizeof(struct virtio_used) == 4, "virtio");
_Static_assert(sizeof(struct virtio_used_entry) == 8, "virtio");

#define VIRTIO_AVAIL_NO_INTERRUPT 1u
#define VIRTIO_USED_NO_NOTIFY     1u

#endif
