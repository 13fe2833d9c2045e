/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and memory structures of Serial ATA AHCI 1.3.1, "HBA Memory Registers" and "System
 * Memory Structures"; FISes after Serial ATA 3.x, "FIS types". */
#ifndef DRIVERS_AHCI_REGS_H
#define DRIVERS_AHCI_REGS_H

#include <core/types.h>

#define AHCI_BAR        5u
#define AHCI_PORTS      32u
#define AHCI_SLOTS      32u
#define AHCI_PORT_BASE  0x100u
#define AHCI_PORT_BYTES 0x80u

/* Generic host control. */
#define AHCI_CAP     0x00u
#define CAP_NCS(cap) (((cap) >> 8 & 0x1F) + 1) /* command slots */
#define CAP_SCLO     (1u << 24)                /* command list override */
#define CAP_SSS      (1u << 27)                /* staggered spin-up */
#define CAP_SNCQ     (1u << 30)
#define CAP_S64A     (1u << 31)
#define AHCI_GHC     0x04u
#define GHC_HR       (1u << 0)
#define GHC_IE       (1u << 1)
#define GHC_AE       (1u << 31)
#define AHCI_IS      0x08u
#define AHCI_PI      0x0Cu
#define AHCI_VS      0x10u
#define VS_1_2       0x00010200u
#define AHCI_CAP2    0x24u
#define CAP2_BOH     (1u << 0)
#define AHCI_BOHC    0x28u
#define BOHC_BOS     (1u << 0)
#define BOHC_OOS     (1u << 1)
#define BOHC_OOC     (1u << 3)
#define BOHC_BB      (1u << 4)

/* Of each port. */
#define PORT_CLB  0x00u
#define PORT_CLBU 0x04u
#define PORT_FB   0x08u
#define PORT_FBU  0x0Cu
#define PORT_IS   0x10u
#define PORT_IE   0x14u
#define PORT_CMD  0x18u
#define PORT_TFD  0x20u
#define PORT_SIG  0x24u
#define PORT_SSTS 0x28u
#define PORT_SCTL 0x2Cu
#define PORT_SERR 0x30u
#define PORT_SACT 0x34u
#define PORT_CI   0x38u

#define PORT_IS_DHRS   (1u << 0)
#define PORT_IS_PSS    (1u << 1)
#define PORT_IS_SDBS   (1u << 3)
#define PORT_IS_PCS    (1u << 6)
#define PORT_IS_PRCS   (1u << 22)
#define PORT_IS_OFS    (1u << 24)
#define PORT_IS_IFS    (1u << 27)
#define PORT_IS_HBDS   (1u << 28)
#define PORT_IS_HBFS   (1u << 29)
#define PORT_IS_TFES   (1u << 30)
#define PORT_IS_ERRORS (PORT_IS_OFS | PORT_IS_IFS | PORT_IS_HBDS | PORT_IS_HBFS | PORT_IS_TFES)
#define PORT_IS_CHANGE (PORT_IS_PCS | PORT_IS_PRCS)
#define PORT_IS_USED   (PORT_IS_DHRS | PORT_IS_PSS | PORT_IS_SDBS | PORT_IS_ERRORS | PORT_IS_CHANGE)

#define PORT_CMD_ST     (1u << 0)
#define PORT_CMD_SUD    (1u << 1)
#define PORT_CMD_POD    (1u << 2)
#define PORT_CMD_CLO    (1u << 3)
#define PORT_CMD_FRE    (1u << 4)
#define PORT_CMD_FR     (1u << 14)
#define PORT_CMD_CR     (1u << 15)
#define PORT_CMD_ACTIVE (1u << 28)

#define SIG_DISK            0x00000101u
#define SIG_ATAPI           0xEB140101u
#define SIG_PORT_MULTIPLIER 0x96690101u

#define SSTS_DET(ssts)     ((ssts)&0xF)
#define DET_NONE           0u
#define DET_PRESENT        1u /* no communication yet */
#define DET_UP             3u
#define SCTL_DET_RESET     1u
#define SCTL_NO_LOW_POWER  0x300u
#define SCTL_DET_IPM_CLEAR 0xFFFFF0F0u

#define SERR_EXCHANGED (1u << 26) /* a device began anew */

struct ahci_command_header {
	u32 flags;
	u32 bytes_done;
	u32 table, table_high;
	u32 reserved[4];
};
#define HEADER_CFL   5u /* dwords of the command FIS */
#define HEADER_WRITE (1u << 6)
#define HEADER_PRDTL 16u /* shift */

struct ahci_prd {
	u32 address, address_high;
	u32 reserved;
	u32 bytes; /* less 1, in bits 0 to 21 */
};
#define PRD_MAX_BYTES 0x400000u

/* Register, host to device. */
struct fis_command {
	u32 type_flags_command_features;
	u32 lba_low_device;
	u32 lba_high_features;
	u32 count_control;
	u32 reserved;
};
#define FIS_H2D     0x27u
#define FIS_COMMAND (1u << 15)

#define AHCI_TABLE_PRDS 120u
struct ahci_command_table {
	struct fis_command fis;
	u8 reserved_fis[0x40 - sizeof(struct fis_command)];
	u8 atapi[0x40];
	struct ahci_prd prd[AHCI_TABLE_PRDS];
};

_Static_assert(sizeof(struct ahci_command_header) == 32, "command header");
_Static_assert(sizeof(struct ahci_prd) == 16, "PRD");
_Static_assert(sizeof(struct fis_command) == 20, "FIS");
_Static_assert(offsetof(struct ahci_command_table, prd) == 0x80, "command table");
_Static_assert(sizeof(struct ahci_command_table) == 2048, "command table");

#endif
