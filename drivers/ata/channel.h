/* SPDX-License-Identifier: BSD-2-Clause */
/* What the IDE driver's files share: the controller, its channels, their drives. */
#ifndef DRIVERS_ATA_CHANNEL_H
#define DRIVERS_ATA_CHANNEL_H

#include <drivers/ata/command.h>
#include <drivers/ata/ide_regs.h>
#include <drivers/device.h>

#define IDE_CHANNELS  2u
#define IDE_DRIVES    2u /* on a channel */
#define IDE_TRIES     3u
#define IDE_PRDS      256u
#define IDE_PIO_BYTES 65536u /* in one request: the processor moves them */

/* One page that device and driver share. */
struct ide_page {
	struct ide_prd prd[IDE_PRDS];
	u64 trim[ATA_TRIM_RANGES];
};
_Static_assert(sizeof(struct ide_page) <= PAGE_SIZE, "a table crosses no 64 KiB boundary");

struct ide;
struct ide_channel;

struct ide_drive {
	struct ide_channel *channel;
	unsigned int index;
	bool listed; /* the block layer knows the disk */
	bool dma;
	struct block_request *first, **last; /* waiting */
	u64 trim_done;                       /* BLOCK_SECTORs of the first request, a discard */
	struct ata_identity id;
	struct block_device disk;
};

/* Works on one request at a time; its drives take turns. */
struct ide_channel {
	struct ide *ide;
	struct device *d;
	unsigned int index, command_bar, control_bar;
	u32 bm; /* offset of its bus master */
	bool usable, dma;
	bool held; /* service() has it, or shall: nothing is begun */
	bool late; /* why: a time-out */
	unsigned int turn, selected;

	struct block_request *current;
	struct ide_drive *drive_of_current;
	u32 limit;        /* the tick at which it is late */
	bool moving;      /* by DMA */
	u8 direction;     /* of the bus master */
	u64 trim_sectors; /* of the command under way */
	/* PIO: where the next sector goes to or comes from, and how many bytes are left. */
	unsigned int segment;
	u32 segment_at, left;

	struct ide_page *page;
	u64 page_bus;
	struct ide_drive drive[IDE_DRIVES];
};

struct ide {
	struct device *d;
	unsigned int interrupts;
	bool ticking;
	u64 next_tick; /* ns */
	u32 tick;      /* counts seconds while requests are under way */
	struct ide_channel channel[IDE_CHANNELS];
};

static inline u8 ide_read(struct ide_channel *c, u32 reg)
{
	return device_read8(c->d, c->command_bar, reg);
}
static inline void ide_write(struct ide_channel *c, u32 reg, u8 value)
{
	device_write8(c->d, c->command_bar, reg, value);
}
static inline u8 ide_alternate(struct ide_channel *c)
{
	return device_read8(c->d, c->control_bar, IDE_ALTERNATE_STATUS);
}
static inline void ide_control(struct ide_channel *c, u8 value)
{
	device_write8(c->d, c->control_bar, IDE_CONTROL, value);
}
static inline u8 bm_read(struct ide_channel *c, u32 reg)
{
	return device_read8(c->d, BM_BAR, c->bm + reg);
}
static inline void bm_write(struct ide_channel *c, u32 reg, u8 value)
{
	device_write8(c->d, BM_BAR, c->bm + reg, value);
}

/* --- registers.c --- */

/* Addresses a drive of the channel; waits the 400 ns until its status can be read. */
void ide_select(struct ide_channel *c, unsigned int drive);
/* Writes a command for the selected drive. */
void ide_write_command(struct ide_channel *c, const struct ata_command *command);
/* Moves bytes between memory and the data register. */
void ide_move(struct ide_channel *c, void *p, u32 bytes, bool to_drive);
void ide_stop_dma(struct ide_channel *c);

/* --- request.c: the way of a request --- */

extern const struct block_device_ops ide_disk_ops;
void ide_drive_init(struct ide_channel *c, unsigned int index);
/* Begins with the next request, if there is one and nothing else under way. */
void ide_go_on(struct ide_channel *c);
/* The channel's interrupt, maybe. forced: look whether the command has ended although there was
 * none. */
void ide_channel_irq(struct ide_channel *c, bool forced);
/* One second has passed. */
void ide_check_late(struct ide_channel *c);
/* With the channel held: what is under way is to be done again, if it has tries left. */
void ide_put_back(struct ide_channel *c);
/* Ends all of a drive's requests. */
void ide_fail_all(struct ide_drive *v, enum block_status status);

/* --- probe.c: these sleep --- */

/* Resets the channel and looks for disks. */
void ide_probe(struct ide_channel *c);
/* Resets the held channel and goes on with the disks that still answer. */
void ide_recover(struct ide_channel *c);
void ide_drop(struct ide_drive *v, enum block_status status);
/* "p0" and so on. */
void ide_drive_name(const struct ide_drive *v, char name[3]);

/* --- ide.c --- */

/* A request is under way: its time is counted. */
void ide_tick_start(struct ide *ide);

#endif
