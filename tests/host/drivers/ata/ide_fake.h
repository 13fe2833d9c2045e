/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI IDE controller with up to four drives, and what may be wrong with it. */
#ifndef HOST_DRIVERS_ATA_IDE_FAKE_H
#define HOST_DRIVERS_ATA_IDE_FAKE_H

#include <ata_disk_fake.h>
#include <device_fake.h>

struct fake_ide_channel {
	struct fake_ata_disk *drive[2]; /* NULL: none */
	bool atapi[2];
	u8 reg[7], old[7]; /* as last written, and before */
	u16 signature;     /* LBA mid and high as read, after a reset or an ATAPI device's abort */
	bool signed_now;
	u8 status, error, control;
	bool pending; /* a command waits to be executed */
	bool irq;
	u8 bm_command, bm_status;
	u32 bm_table;
	u8 *buffer; /* PIO */
	size_t at, bytes;
	bool to_drive;
	/* misbehaviour */
	bool wedged;           /* takes commands and does nothing, until it is reset */
	bool dead_after_reset; /* busy for ever */
	bool bus_error;        /* the next DMA fails */
	bool short_dma;        /* the next DMA ends early without an error */
	unsigned int resets, commands;
};

struct fake_ide {
	struct fake_device f; /* first */
	struct fake_ide_channel channel[2];
	bool automatic; /* commands are executed as time passes */
	bool mute;      /* interrupts get lost, and the bus master does not note them */
	bool gone;      /* all ones */
};

void fake_ide_init(struct fake_ide *ide);
void fake_ide_free(struct fake_ide *ide);
/* Executes what is pending on a channel, without delivering the interrupt. false: nothing was. */
bool fake_ide_run(struct fake_ide *ide, unsigned int channel);
void fake_ide_interrupt(struct fake_ide *ide);

#endif
