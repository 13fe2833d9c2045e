/* SPDX-License-Identifier: BSD-2-Clause */
/* How commands and data get through an IDE channel's registers. */
#include <drivers/ata/channel.h>

#include <string.h>

#define SELECT_READS 5u /* of a register: 100 ns each at least */

void ide_select(struct ide_channel *c, unsigned int drive)
{
	c->selected = drive;
	ide_write(c, IDE_DEVICE, (u8)(DEVICE_OLD_BITS | ATA_DEVICE_LBA | drive << DEVICE_DRIVE));
	for (unsigned int i = 0; i < SELECT_READS; i++)
		(void)ide_alternate(c);
}

/* Registers of 48-bit commands hold two values: the high ones are written first. */
void ide_write_command(struct ide_channel *c, const struct ata_command *command)
{
	u64 lba = command->lba;

	if (command->ext) {
		ide_write(c, IDE_FEATURES, (u8)(command->features >> 8));
		ide_write(c, IDE_COUNT, (u8)(command->count >> 8));
		ide_write(c, IDE_LBA_LOW, (u8)(lba >> 24));
		ide_write(c, IDE_LBA_MID, (u8)(lba >> 32));
		ide_write(c, IDE_LBA_HIGH, (u8)(lba >> 40));
	}
	if (command->ext || command->features)
		ide_write(c, IDE_FEATURES, (u8)command->features);
	ide_write(c, IDE_COUNT, (u8)command->count);
	ide_write(c, IDE_LBA_LOW, (u8)lba);
	ide_write(c, IDE_LBA_MID, (u8)(lba >> 8));
	ide_write(c, IDE_LBA_HIGH, (u8)(lba >> 16));
	ide_write(c, IDE_DEVICE,
		  (u8)(DEVICE_OLD_BITS | command->device | c->selected << DEVICE_DRIVE));
	ide_write(c, IDE_COMMAND, command->opcode);
}

void ide_move(struct ide_channel *c, void *p, u32 bytes, bool to_drive)
{
	u8 *at = p;
	u16 word;

	for (u32 i = 0; i + 1 < bytes; i += 2) {
		if (to_drive) {
			memcpy(&word, at + i, 2);
			device_write16(c->d, c->command_bar, IDE_DATA, word);
		} else {
			word = device_read16(c->d, c->command_bar, IDE_DATA);
			memcpy(at + i, &word, 2);
		}
	}
}

void ide_stop_dma(struct ide_channel *c)
{
	bm_write(c, BM_COMMAND, 0);
	bm_write(c, BM_STATUS, (bm_read(c, BM_STATUS) & BM_DRIVES_DMA) | BM_INTERRUPT | BM_ERROR);
}
