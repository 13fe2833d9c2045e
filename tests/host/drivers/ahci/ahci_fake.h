/* SPDX-License-Identifier: BSD-2-Clause */
/* An AHCI controller with disks, and what may be wrong with it. It also checks that the driver
 * keeps to the rules of the interface. */
#ifndef HOST_DRIVERS_AHCI_AHCI_FAKE_H
#define HOST_DRIVERS_AHCI_AHCI_FAKE_H

#include <ata_disk_fake.h>
#include <device_fake.h>

#define FAKE_PORTS 4u

struct fake_port {
	struct fake_ata_disk *disk; /* what is plugged in; NULL: nothing */
	u32 signature;
	bool up;      /* the link */
	u64 ready_at; /* the device is busy until then */
	u32 clb, fb, is, ie, cmd, sctl, serr, sact, ci, tfd, sig;
	bool failed; /* a command did: nothing more until it is stopped */
	/* misbehaviour */
	u64 spin_up;           /* ns until ready after each reset of the link */
	bool hangs;            /* takes commands and does nothing */
	bool wedged;           /* likewise, until the link is reset */
	bool dead_after_reset; /* never becomes ready again */
	bool stuck;            /* the engine does not stop, until the controller is reset */
	unsigned int resets;   /* of the link */
};

struct fake_ahci {
	struct fake_device f; /* first */
	struct fake_port port[FAKE_PORTS];
	u32 cap, cap2, bohc, ghc, is, version;
	bool automatic;   /* commands are executed as time passes */
	bool backwards;   /* the highest slot first */
	bool mute;        /* interrupts get lost */
	bool gone;        /* all ones */
	bool reset_hangs; /* of the controller */
	unsigned int hba_resets, told, largest_batch;
	unsigned int bios_waits; /* reads of BOHC until the firmware lets go */
};

void fake_ahci_init(struct fake_ahci *a);
void fake_ahci_plug(struct fake_ahci *a, unsigned int port, struct fake_ata_disk *disk);
/* As when someone pulls it out. */
void fake_ahci_unplug(struct fake_ahci *a, unsigned int port);
/* Executes up to n of a port's commands, without an interrupt. Returns how many. */
unsigned int fake_ahci_run(struct fake_ahci *a, unsigned int port, unsigned int n);
/* The interrupt, if one is due. */
void fake_ahci_interrupt(struct fake_ahci *a);

#endif
