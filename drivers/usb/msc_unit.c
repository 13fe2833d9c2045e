/* SPDX-License-Identifier: BSD-2-Clause */
/* What a logical unit is: a disk or not, with a medium or not, how large, write-protected, cached.
 */
#include <drivers/usb/msc.h>

#include <stdio.h>
#include <string.h>

#define READY_TRIES   100u
#define READY_WAIT_NS (100 * USB_MS)
#define BYTES_SLOW    131072u /* of one request, below SuperSpeed */

static struct device *device_of(const struct msc_lun *l)
{
	return l->msc->device->hc->device;
}

static enum bot_result run(struct msc_lun *l, struct scsi_cdb cdb, void *data, u32 bytes,
			   u32 *actual)
{
	return bot_run(&l->msc->bot, l->number, cdb, data, bytes, actual);
}

enum bot_result msc_sense(struct msc_lun *l, struct scsi_sense *out)
{
	u8 b[SCSI_SENSE_BYTES];
	u32 n;
	enum bot_result r = run(l, scsi_request_sense(), b, sizeof(b), &n);

	*out = (struct scsi_sense){0};
	if (r == BOT_GOOD && !scsi_parse_sense(b, n, out))
		return BOT_FAILED;
	return r;
}

enum readiness { READY, NO_MEDIUM, NOT_READY };

/* Unit attentions are taken note of and swallowed here. */
static enum readiness wait_ready(struct msc_lun *l)
{
	struct device *dev = device_of(l);

	for (unsigned int i = 0; i < READY_TRIES && !l->msc->bot.gone; i++) {
		struct scsi_sense sense;
		u32 n;
		enum bot_result r = run(l, scsi_test_unit_ready(), NULL, 0, &n);

		if (r == BOT_GOOD)
			return READY;
		if (r == BOT_FAILED && msc_sense(l, &sense) == BOT_GOOD) {
			if (sense.key == SENSE_NOT_READY && sense.asc == ASC_NO_MEDIUM)
				return NO_MEDIUM;
			if (sense.key == SENSE_UNIT_ATTENTION)
				continue;
		}
		dev->ops->sleep(dev, READY_WAIT_NS);
	}
	return NOT_READY;
}

static bool read_inquiry(struct msc_lun *l, struct scsi_inquiry *out)
{
	u8 b[SCSI_INQUIRY_BYTES];
	u32 n;

	return run(l, scsi_inquiry(), b, sizeof(b), &n) == BOT_GOOD &&
	       scsi_parse_inquiry(b, n, out);
}

static bool read_capacity(struct msc_lun *l, struct scsi_capacity *out)
{
	u8 b[SCSI_CAPACITY_BYTES];
	u32 n;

	if (run(l, scsi_read_capacity10(), b, 8, &n) != BOT_GOOD ||
	    !scsi_parse_capacity10(b, n, out))
		return false;
	if (out->blocks)
		return true;
	return run(l, scsi_read_capacity16(), b, sizeof(b), &n) == BOT_GOOD &&
	       scsi_parse_capacity16(b, n, out);
}

static void read_mode(struct msc_lun *l, struct scsi_mode *out)
{
	u8 b[SCSI_MODE_BYTES];
	u32 n;
	enum bot_result r = run(l, scsi_mode_sense(), b, sizeof(b), &n);
	struct scsi_sense sense;

	if (r == BOT_FAILED && msc_sense(l, &sense) == BOT_GONE)
		n = 0;
	scsi_parse_mode(b, r == BOT_GOOD ? n : 0, out);
}

static void describe(struct msc_lun *l, const struct scsi_mode *mode)
{
	struct usb_device *d = l->msc->device;
	u32 limit = d->speed == USB_SUPER ? USB_TRANSFER_MAX : BYTES_SLOW;

	l->block = (struct block_device){
		.ops = &msc_block_ops,
		.owner = l,
		.sectors = l->capacity.blocks * (l->capacity.block_bytes / BLOCK_SECTOR),
		.sector_size = l->capacity.block_bytes,
		.physical_sector_size = l->capacity.physical_bytes,
		.read_only = mode->write_protected,
		.removable = true,
		.write_cache = mode->write_cache,
		.max_segments = USB_SEGMENTS_MAX,
		.max_bytes = limit,
		.max_segment = d->hc->max_segment,
		.segment_boundary = d->hc->segment_boundary,
		.address_limit = d->hc->address_limit,
		.queue_depth = 1,
	};
	memcpy(l->block.serial, d->serial, sizeof(l->block.serial));
	memcpy(l->block.model, l->inquiry.model, sizeof(l->block.model));
}

static void add_disk(struct msc_lun *l)
{
	struct device *dev = device_of(l);
	struct scsi_mode mode;

	read_mode(l, &mode);
	if (l->msc->bot.gone)
		return;
	describe(l, &mode);
	l->no_sync = false;
	if (l->number)
		snprintf(l->name, sizeof(l->name),
			 "p%s"
			 "l%u",
			 l->msc->device->path, l->number & 15u);
	else
		snprintf(l->name, sizeof(l->name), "p%s", l->msc->device->path);
	dev->ops->log(dev, "%s: %s, %llu sectors of %u bytes%s%s", l->name, l->block.model,
		      (unsigned long long)l->capacity.blocks, l->capacity.block_bytes,
		      mode.write_protected ? ", write-protected" : "",
		      mode.write_cache ? "" : ", no write cache");
	l->added = true;
	if (dev->ops->block_add(dev, &l->block, l->name) < 0) {
		l->added = false;
		l->dull = true;
	}
}

void msc_probe(struct msc_lun *l)
{
	struct device *dev = device_of(l);

	if (!read_inquiry(l, &l->inquiry) || l->inquiry.type != 0) {
		l->dull = true;
		dev->ops->log(dev, "port %s, unit %u: not a disk", l->msc->device->path, l->number);
		return;
	}
	switch (wait_ready(l)) {
	case NO_MEDIUM:
		return;
	case NOT_READY:
		break;
	case READY:
		if (read_capacity(l, &l->capacity)) {
			add_disk(l);
			return;
		}
	}
	l->dull = true;
	dev->ops->log(dev, "port %s, unit %u: does not get ready or has no usable size",
		      l->msc->device->path, l->number);
}

bool msc_verify(struct msc_lun *l)
{
	struct scsi_inquiry inquiry;
	struct scsi_capacity capacity;

	return wait_ready(l) == READY && read_inquiry(l, &inquiry) &&
	       inquiry.type == l->inquiry.type && !strcmp(inquiry.model, l->inquiry.model) &&
	       read_capacity(l, &capacity) && capacity.blocks == l->capacity.blocks &&
	       capacity.block_bytes == l->capacity.block_bytes;
}
