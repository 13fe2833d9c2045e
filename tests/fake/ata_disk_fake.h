/* SPDX-License-Identifier: BSD-2-Clause */
/* An ATA disk for host tests of the controllers' drivers: IDENTIFY, reads, writes into a volatile
 * cache, flush, trim; and what goes wrong with them. */
#ifndef FAKE_ATA_DISK_FAKE_H
#define FAKE_ATA_DISK_FAKE_H

#include <core/types.h>

struct fake_ata_disk {
	u16 identity[256];
	u8 *cache, *medium; /* what is read back; what survives a power cut */
	u64 sectors;        /* of sector_size bytes */
	u64 backed;         /* so many of them have memory; no data is moved beyond */
	u64 trimmed;        /* sectors, in all */
	u32 sector_size;
	u64 bad_lba; /* commands that touch it fail, bad_times times; ~0: none */
	unsigned int bad_times;
	bool flush_fails;
	unsigned int commands, flushes, trims, writes, reads;
	u8 mode; /* what SET FEATURES chose */
};

/* As the registers or the FIS had it. */
struct fake_ata_command {
	u8 opcode, device;
	u16 features, count;
	u64 lba;
};

void fake_ata_init(struct fake_ata_disk *disk, u64 sectors, u32 sector_size, const char *serial);
void fake_ata_free(struct fake_ata_disk *disk);
/* How many bytes it moves, and whether to the disk. false: no such command. */
bool fake_ata_shape(const struct fake_ata_disk *disk, const struct fake_ata_command *c,
		    size_t *bytes, bool *write);
/* Does it; data is in one piece. false: it failed. */
bool fake_ata_execute(struct fake_ata_disk *disk, const struct fake_ata_command *c, u8 *data);

#endif
