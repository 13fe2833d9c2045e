/* SPDX-License-Identifier: BSD-2-Clause */
/* ATA commands as the registers or the FIS that carry them want them, and what IDENTIFY DEVICE
 * tells. Pure; shared by AHCI and IDE. After AT Attachment 8 - ATA/ATAPI Command Set (ACS-3). */
#ifndef DRIVERS_ATA_COMMAND_H
#define DRIVERS_ATA_COMMAND_H

#include <core/types.h>
#include <drivers/block.h>

enum ata_opcode {
	ATA_DATA_SET_MANAGEMENT = 0x06,
	ATA_READ_SECTORS = 0x20,
	ATA_READ_SECTORS_EXT = 0x24,
	ATA_READ_DMA_EXT = 0x25,
	ATA_WRITE_SECTORS = 0x30,
	ATA_WRITE_SECTORS_EXT = 0x34,
	ATA_WRITE_DMA_EXT = 0x35,
	ATA_READ_FPDMA_QUEUED = 0x60,
	ATA_WRITE_FPDMA_QUEUED = 0x61,
	ATA_READ_DMA = 0xC8,
	ATA_WRITE_DMA = 0xCA,
	ATA_FLUSH_CACHE = 0xE7,
	ATA_FLUSH_CACHE_EXT = 0xEA,
	ATA_IDENTIFY_DEVICE = 0xEC,
	ATA_SET_FEATURES = 0xEF,
};

#define ATA_FEATURE_TRIM          0x01u /* of DATA SET MANAGEMENT */
#define ATA_FEATURE_TRANSFER_MODE 0x03u /* of SET FEATURES; the mode is the count */
#define ATA_MODE_MULTIWORD_DMA    0x20u

/* The status register. */
#define ATA_STATUS_BSY 0x80u
#define ATA_STATUS_DF  0x20u
#define ATA_STATUS_DRQ 0x08u
#define ATA_STATUS_ERR 0x01u

#define ATA_DEVICE_LBA 0x40u

struct ata_command {
	u64 lba;
	u16 features, count; /* as the registers hold them: 0 stands for 256 or 65,536 */
	u8 opcode, device;   /* device: with bits 24 to 27 of a 28-bit address, without the drive */
	bool ext;            /* 48 bits: each register is written twice */
};

enum ata_transfer { ATA_PIO, ATA_DMA };

/* A disk, as far as drivers care. */
struct ata_identity {
	u64 sectors; /* of BLOCK_SECTOR bytes */
	u32 sector_size, physical_sector_size;
	unsigned int queue_depth; /* commands, 1 without NCQ */
	bool lba48, ncq, trim, removable;
	bool dma, dma_selected; /* can do it; some mode of it was chosen */
	bool write_cache;       /* and it is on */
	bool flush, flush_ext;
	char serial[21], model[41];
};

#define ATA_IDENTIFY_WORDS 256u

/* NULL, or why this is no disk that can be used. */
const char *ata_identify_parse(const u16 words[ATA_IDENTIFY_WORDS],
			       struct ata_identity *id) must_use;
/* Whether both are the same medium, as far as one can tell. */
bool ata_same_disk(const struct ata_identity *a, const struct ata_identity *b) must_use;
/* Sizes, abilities and names of b; its limits are the driver's to say. */
void ata_describe(const struct ata_identity *id, struct block_device *b);
/* What one read or write may have at most, in bytes. */
u32 ata_max_bytes(const struct ata_identity *id) must_use;

/* sector and count of a request, in units of BLOCK_SECTOR and whole sectors of the disk. */
struct ata_command ata_read_write(const struct ata_identity *id, enum ata_transfer how, bool write,
				  u64 sector, u64 count) must_use;
struct ata_command ata_flush(const struct ata_identity *id) must_use;

/* One block of DATA SET MANAGEMENT: 64 ranges of 65,535 sectors of the disk at most. */
#define ATA_TRIM_BYTES  512u
#define ATA_TRIM_RANGES 64u
/* Fills block for as much of the range as it holds and returns how many BLOCK_SECTORs these are. */
u64 ata_trim_fill(const struct ata_identity *id, u64 block[ATA_TRIM_RANGES], u64 sector,
		  u64 count) must_use;
struct ata_command ata_trim(void) must_use;

/* log2 of how many BLOCK_SECTORs a sector of the disk has. */
static inline unsigned int ata_sector_shift(const struct ata_identity *id)
{
	return (unsigned int)__builtin_ctz(id->sector_size / BLOCK_SECTOR);
}

/* READ or WRITE FPDMA QUEUED; here the features hold the count. */
static inline struct ata_command ata_queued(const struct ata_identity *id, bool write, u64 sector,
					    u64 count, unsigned int tag)
{
	unsigned int shift = ata_sector_shift(id);

	return (struct ata_command){
		.lba = sector >> shift,
		.features = (u16)(count >> shift),
		.count = (u16)(tag << 3),
		.opcode = write ? ATA_WRITE_FPDMA_QUEUED : ATA_READ_FPDMA_QUEUED,
		.device = ATA_DEVICE_LBA,
		.ext = true,
	};
}

#endif
