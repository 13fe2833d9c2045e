/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of an IDE channel: ATA/ATAPI-6, "I/O registers"; of its bus master: Programming
 * Interface for Bus Master IDE Controller 1.0 (SFF-8038i). */
#ifndef DRIVERS_ATA_IDE_REGS_H
#define DRIVERS_ATA_IDE_REGS_H

#include <core/types.h>

/* Command block. */
#define IDE_DATA          0u
#define IDE_ERROR         1u /* read */
#define IDE_FEATURES      1u /* written */
#define IDE_COUNT         2u
#define IDE_LBA_LOW       3u
#define IDE_LBA_MID       4u
#define IDE_LBA_HIGH      5u
#define IDE_DEVICE        6u
#define IDE_STATUS        7u /* read; ends the interrupt */
#define IDE_COMMAND       7u /* written */
#define IDE_COMMAND_BYTES 8u

/* Control block, of which only this exists. */
#define IDE_ALTERNATE_STATUS 2u /* read; changes nothing */
#define IDE_CONTROL          2u /* written */
#define IDE_CONTROL_BYTES    3u
#define CONTROL_NIEN         0x02u /* no interrupts */
#define CONTROL_SRST         0x04u

#define DEVICE_OLD_BITS 0xA0u
#define DEVICE_DRIVE    4u /* shift */

#define SIGNATURE_ATA   0x0000u /* LBA mid, high */
#define SIGNATURE_ATAPI 0xEB14u

/* Bus master, for each channel. */
#define BM_BAR        4u
#define BM_BYTES      8u
#define BM_COMMAND    0u
#define BM_START      0x01u
#define BM_TO_MEMORY  0x08u
#define BM_STATUS     2u
#define BM_ACTIVE     0x01u
#define BM_ERROR      0x02u /* written as 1: cleared */
#define BM_INTERRUPT  0x04u /* likewise */
#define BM_DRIVES_DMA 0x60u /* the firmware's notes */
#define BM_SIMPLEX    0x80u
#define BM_TABLE      4u

struct ide_prd {
	u32 address;
	u16 bytes; /* 0: 64 KiB */
	u16 flags;
};
#define PRD_END       0x8000u
#define PRD_MAX_BYTES 65536u
#define PRD_BOUNDARY  65535u

_Static_assert(sizeof(struct ide_prd) == 8, "PRD");

#endif
