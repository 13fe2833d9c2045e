/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver's files share: the controller, its ports and their queues. */
#ifndef DRIVERS_AHCI_PORT_H
#define DRIVERS_AHCI_PORT_H

#include <drivers/ahci/regs.h>
#include <drivers/ata/command.h>
#include <drivers/device.h>

#define AHCI_TRIES 3u

enum ahci_port_state {
	PORT_EMPTY,   /* no disk that we drive */
	PORT_READY,   /* requests flow */
	PORT_TROUBLE, /* waits for service(); requests queue up */
};

enum ahci_trouble {
	TROUBLE_NONE,
	TROUBLE_LINK,  /* came, went, or both */
	TROUBLE_ERROR, /* a command failed, or the transfer of one */
	TROUBLE_LATE,  /* a command takes too long */
};

/* One page that device and driver share; what a port needs before it is known to have a disk. */
struct ahci_port_page {
	struct ahci_command_header headers[AHCI_SLOTS];
	u8 received[256]; /* FISes */
	u8 reserved[256];
	u16 identity[ATA_IDENTIFY_WORDS];
	u64 trim[ATA_TRIM_RANGES];
};
_Static_assert(offsetof(struct ahci_port_page, received) % 256 == 0, "FIS area's alignment");
_Static_assert(sizeof(struct ahci_port_page) <= PAGE_SIZE, "one page");

struct ahci;

struct ahci_port {
	struct ahci *hba;
	struct device *d;
	u32 base;
	unsigned int index;
	enum ahci_port_state state;
	enum ahci_trouble trouble;
	bool usable;  /* implemented, and has its memory */
	bool refused; /* what is there is left alone, or nothing answers */
	bool listed;  /* the block layer knows the disk */

	/* Requests wait in a FIFO, then sit in a slot. A bit of `held` is a slot that is filled but
	 * that the hardware was not told of, one of `issued` a slot that it works on. */
	struct block_request *first, **last;
	struct block_request *slot[AHCI_SLOTS];
	u32 limit[AHCI_SLOTS]; /* the tick at which it is late */
	u32 held, issued, slots;
	bool ncq;
	bool alone;       /* what is in a slot is no NCQ command, and the only one */
	u32 one_by_one;   /* so many requests at the head of the FIFO go alone, after an error */
	u64 trim_done;    /* BLOCK_SECTORs of the discard under way, earlier commands */
	u64 trim_sectors; /* those of the command under way */

	struct ahci_port_page *page;
	u64 page_bus;
	struct ahci_command_table *tables; /* one for each slot */
	u64 tables_bus;
	struct ata_identity id;
	struct block_device disk;
};

struct ahci {
	struct device *d;
	u32 cap, ports_implemented;
	bool polled; /* no interrupt */
	bool dead;   /* it does not answer any more */
	bool reset_wanted;
	bool ticking;
	u64 next_tick; /* ns */
	u32 tick;      /* counts seconds while requests are under way */
	struct ahci_port port[AHCI_PORTS];
};

static inline u32 port_read(struct ahci_port *p, u32 offset)
{
	return device_read32(p->d, AHCI_BAR, p->base + offset);
}
static inline void port_write(struct ahci_port *p, u32 offset, u32 value)
{
	device_write32(p->d, AHCI_BAR, p->base + offset, value);
}

/* --- queue.c: the way of a request --- */

extern const struct block_device_ops ahci_disk_ops;
void ahci_port_queue_init(struct ahci_port *p);
/* Ends what the hardware has done, and gives it more. */
void ahci_port_complete(struct ahci_port *p);
/* The same when no interrupt said so: after a reset from elsewhere, the bits of commands that were
 * not done are clear too. */
void ahci_port_complete_unasked(struct ahci_port *p);
/* Fills free slots from the FIFO and tells the hardware. */
void ahci_port_go_on(struct ahci_port *p);
/* With the port stopped: everything in a slot goes back to the head of the FIFO, to be issued one
 * by one. blame: that was a try; the third one was the last. */
void ahci_port_put_back(struct ahci_port *p, bool blame);
/* With the port stopped: ends everything. */
void ahci_port_fail_all(struct ahci_port *p, enum block_status status);
/* From now on requests queue up until service() has done something about it. */
void ahci_port_trouble(struct ahci_port *p, enum ahci_trouble what);
/* One second has passed: which request is late? */
void ahci_port_check_late(struct ahci_port *p);
/* Writes a command into a slot's table and header; data is described by segments. */
void ahci_fill_slot(struct ahci_port *p, unsigned int slot, const struct ata_command *c, bool write,
		    const struct block_segment *segments, unsigned int count);

/* --- link.c: engine, link and device of a port; these sleep --- */

/* false: it does not stop, only a reset of the controller helps. */
bool ahci_port_stop(struct ahci_port *p) must_use;
void ahci_port_set_up(struct ahci_port *p); /* memory, spin-up; the engine stands still */
/* Waits, not beyond `until` for a sign of a device, a second more for the link. */
bool ahci_port_wait_link(struct ahci_port *p, u64 until) must_use;
bool ahci_port_reset_link(struct ahci_port *p) must_use;
/* With the link up: waits for the device and starts the engine. NULL, or why it is not driven. */
const char *ahci_port_start(struct ahci_port *p) must_use;
/* NULL, or what went wrong. */
const char *ahci_port_identify(struct ahci_port *p, struct ata_identity *id) must_use;

/* --- disk.c: disks come, recover, go; these sleep --- */

/* With the link up. */
void ahci_disk_bring_up(struct ahci_port *p);
/* Does something about a port's trouble. */
void ahci_disk_recover(struct ahci_port *p);
/* With the port set up and stopped: resets the link, goes on with the same disk or without it. */
void ahci_disk_restart(struct ahci_port *p);
/* With the port stopped: the disk is no more, if there was one. */
void ahci_disk_drop(struct ahci_port *p, enum block_status status);
/* Interrupts of the port, from now on; and what came before. */
void ahci_port_listen(struct ahci_port *p);

/* --- hba.c --- */

/* Requests are under way: their time is counted from now on. */
void ahci_tick_start(struct ahci *h);

#endif
