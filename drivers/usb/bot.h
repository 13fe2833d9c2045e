/* SPDX-License-Identifier: BSD-2-Clause */
/* USB Mass Storage Class, Bulk-Only Transport: one command at a time, and back to order after each
 * kind of trouble. */
#ifndef DRIVERS_USB_BOT_H
#define DRIVERS_USB_BOT_H

#include <drivers/usb/scsi.h>
#include <drivers/usb/usb.h>

enum bot_result {
	BOT_GOOD,
	BOT_FAILED, /* the command; REQUEST SENSE knows why */
	BOT_BROKEN, /* the transport; it was reset since. The command may or may not be done */
	BOT_GONE,   /* the device does not come back */
};

struct bot_command {
	u8 lun;
	bool in;
	struct scsi_cdb cdb;
	const struct block_segment *segments;
	unsigned int segment_count;
	u32 bytes;
	void (*done)(struct bot_command *c, enum bot_result result);
	void *ctx;
	u32 actual; /* bytes that moved and were meant, by both sides' account */
	/* While it is under way, the transport's. */
	bool finished;
	enum bot_result result;
};

enum bot_state { BOT_IDLE, BOT_CBW, BOT_DATA, BOT_CSW, BOT_FAULT };
enum bot_fault { BOT_FAULT_RESET, BOT_FAULT_DATA_STALL, BOT_FAULT_CSW_STALL };

struct bot {
	struct usb_device *device;
	struct usb_endpoint *in, *out;
	u8 *page; /* command and status block, and what bot_run() has room for */
	u64 page_bus;
	struct usb_transfer transfer;
	struct block_segment segment;
	enum bot_state state;
	enum bot_fault fault;
	bool csw_again; /* it was asked for a second time */
	bool gone;
	struct bot_command *command;
	u32 tag, moved;
	u64 deadline;
	unsigned int port_resets; /* so far: units have forgotten what they were told */
};

#define BOT_DATA_MAX 512u /* of bot_run() */

must_use int bot_init(struct bot *b, struct usb_device *d);
/* With no transfer under way. The command, if there is one, is forgotten. */
void bot_end(struct bot *b);
/* From anywhere, with no command under way and the device not gone. */
void bot_start(struct bot *b, struct bot_command *c);
/* Brings things back to order, where they are not. Sleeps. */
void bot_service(struct bot *b);
/* From the timer. Returns when to look again, 0: nothing is under way. */
u64 bot_tick(struct bot *b, u64 now);
/* A command with up to BOT_DATA_MAX bytes from the device, waited for. Sleeps. *actual: bytes in
 * data. */
must_use enum bot_result bot_run(struct bot *b, u8 lun, struct scsi_cdb cdb, void *data, u32 bytes,
				 u32 *actual);
/* The controller was reset, the device is configured again: the command, if any, is broken. */
void bot_restarted(struct bot *b);

#endif
