/* SPDX-License-Identifier: BSD-2-Clause */
/* Mass storage: logical units as block devices, one request at a time for all of a device's. */
#ifndef DRIVERS_USB_MSC_H
#define DRIVERS_USB_MSC_H

#include <drivers/usb/bot.h>

#define MSC_LUNS 8u

struct msc;

struct msc_lun {
	struct msc *msc;
	u8 number;
	bool added;    /* the block device is there */
	bool dull;     /* it is no disk, or cannot be used: not looked at again */
	bool no_sync;  /* it knows no SYNCHRONIZE CACHE */
	bool forgiven; /* a "medium may have changed" after our reset means nothing */
	struct scsi_inquiry inquiry;
	struct scsi_capacity capacity;
	struct block_device block;
	char name[28]; /* "p1", "p3.2l1" */
};

enum msc_trouble { MSC_NONE, MSC_SENSE, MSC_AGAIN };

struct msc {
	struct usb_device *device;
	struct bot bot;
	struct msc_lun lun[MSC_LUNS];
	unsigned int lun_count;
	struct block_request *first, **last; /* waiting */
	struct block_request *current;
	struct msc_lun *current_lun;
	struct bot_command command;
	unsigned int attempts;
	enum msc_trouble trouble;
	bool held; /* service() or attach() has the transport for itself */
	bool media_due, gone;
	u64 media_at;
};

/* --- between msc.c and msc_unit.c --- */

/* Finds out what the unit is and adds its disk, if there is one now. Sleeps. */
void msc_probe(struct msc_lun *l);
/* After a reset: waits until the unit is ready. false: it is not, or it is not the same medium any
 * more. Sleeps. */
must_use bool msc_verify(struct msc_lun *l);
/* What the last command of the unit failed of. Sleeps. */
must_use enum bot_result msc_sense(struct msc_lun *l, struct scsi_sense *out);
/* For msc_probe(): the functions of the block device. */
extern const struct block_device_ops msc_block_ops;

#endif
