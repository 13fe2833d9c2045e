/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads, writes, flush and trim as ATA commands. */
#include <drivers/ata/command.h>

#define LBA28_END   0x0FFFFFFFull /* the highest address plus one that all disks take */
#define LBA28_COUNT 256u
#define LBA48_COUNT 65536u
#define RANGE_MAX   65535u

/* Enough to keep a disk streaming; more only makes others wait. */
#define MAX_BYTES (1024u * 1024u)

u32 ata_max_bytes(const struct ata_identity *id)
{
	u64 most = (u64)(id->lba48 ? LBA48_COUNT : LBA28_COUNT) * id->sector_size;

	return (u32)min_u64(most, MAX_BYTES);
}

static u8 read_write_opcode(enum ata_transfer how, bool write, bool ext)
{
	static const u8 opcodes[2][2][2] = {
		[ATA_PIO] = {{ATA_READ_SECTORS, ATA_READ_SECTORS_EXT},
			     {ATA_WRITE_SECTORS, ATA_WRITE_SECTORS_EXT}},
		[ATA_DMA] = {{ATA_READ_DMA, ATA_READ_DMA_EXT}, {ATA_WRITE_DMA, ATA_WRITE_DMA_EXT}},
	};

	return opcodes[how][write][ext];
}

struct ata_command ata_read_write(const struct ata_identity *id, enum ata_transfer how, bool write,
				  u64 sector, u64 count)
{
	unsigned int shift = ata_sector_shift(id);
	u64 lba = sector >> shift, n = count >> shift;
	/* The short form costs half the register writes. */
	bool ext = id->lba48 && (n > LBA28_COUNT || lba + n > LBA28_END);

	return (struct ata_command){
		.lba = ext ? lba : lba & 0xFFFFFF,
		.count = (u16)(ext ? n % LBA48_COUNT : n % LBA28_COUNT),
		.opcode = read_write_opcode(how, write, ext),
		.device = (u8)(ATA_DEVICE_LBA | (ext ? 0 : (lba >> 24) & 0xF)),
		.ext = ext,
	};
}

struct ata_command ata_flush(const struct ata_identity *id)
{
	return (struct ata_command){
		.opcode = id->flush_ext ? ATA_FLUSH_CACHE_EXT : ATA_FLUSH_CACHE,
		.device = ATA_DEVICE_LBA,
		.ext = id->flush_ext,
	};
}

u64 ata_trim_fill(const struct ata_identity *id, u64 block[ATA_TRIM_RANGES], u64 sector, u64 count)
{
	unsigned int shift = ata_sector_shift(id);
	u64 lba = sector >> shift, left = count >> shift;

	for (unsigned int i = 0; i < ATA_TRIM_RANGES; i++) {
		u64 n = min_u64(left, RANGE_MAX);

		/* An entry without sectors is skipped by the disk. */
		block[i] = n ? n << 48 | lba : 0;
		lba += n;
		left -= n;
	}
	return count - (left << shift);
}

struct ata_command ata_trim(void)
{
	return (struct ata_command){
		.features = ATA_FEATURE_TRIM,
		.count = 1,
		.opcode = ATA_DATA_SET_MANAGEMENT,
		.device = ATA_DEVICE_LBA,
		.ext = true,
	};
}
