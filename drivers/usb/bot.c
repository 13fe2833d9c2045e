/* SPDX-License-Identifier: BSD-2-Clause */
/* Bulk-Only Transport 1.0. What goes well is done where transfers complete; trouble waits for
 * bot_service(), which can wait. */
#include <drivers/usb/bot.h>

#include <string.h>

#define COMMAND_NS (10000 * USB_MS)
#define TICK_NS    (1000 * USB_MS)

#define CBW_BYTES     31u
#define CSW_BYTES     13u
#define CBW_SIGNATURE 0x43425355u
#define CSW_SIGNATURE 0x53425355u
/* Where they lie in the page. */
#define CBW_AT  0u
#define CSW_AT  64u
#define DATA_AT 512u

enum { CSW_PASSED = 0, CSW_FAILED = 1 };
enum { BULK_ONLY_RESET = 0xFF };

static void transfer_done(struct usb_transfer *t);

int bot_init(struct bot *b, struct usb_device *d)
{
	struct device *dev = d->hc->device;

	*b = (struct bot){.device = d, .in = &d->ep[0], .out = &d->ep[1]};
	b->page = dev->ops->dma_alloc(dev, USB_PAGE, USB_PAGE, &b->page_bus);
	return b->page ? 0 : -1;
}

void bot_end(struct bot *b)
{
	struct device *dev = b->device->hc->device;

	b->state = BOT_IDLE;
	b->command = NULL;
	if (b->page)
		dev->ops->dma_free(dev, b->page, USB_PAGE);
	b->page = NULL;
}

static void put_le32(u8 *p, u32 v)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (u8)(v >> (8 * i));
}

static u32 le32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static void finish(struct bot *b, enum bot_result result)
{
	struct bot_command *c = b->command;

	b->command = NULL;
	b->state = BOT_IDLE;
	if (c)
		c->done(c, result);
}

static void fault(struct bot *b, enum bot_fault why)
{
	struct device *dev = b->device->hc->device;

	b->state = BOT_FAULT;
	b->fault = why;
	dev->ops->need_service(dev);
}

static void submit(struct bot *b, enum bot_state state, bool in, const struct block_segment *s,
		   unsigned int count, u32 bytes)
{
	struct usb_hc *hc = b->device->hc;

	b->state = state;
	b->transfer = (struct usb_transfer){.endpoint = in ? b->in : b->out,
					    .in = in,
					    .segments = s,
					    .segment_count = count,
					    .bytes = bytes,
					    .done = transfer_done,
					    .ctx = b};
	hc->ops->submit(&b->transfer);
}

static void submit_page(struct bot *b, enum bot_state state, bool in, u32 at, u32 bytes)
{
	b->segment = (struct block_segment){
		.bus = b->page_bus + at, .cpu = b->page + at, .bytes = bytes};
	submit(b, state, in, &b->segment, 1, bytes);
}

static void set_deadline(struct bot *b)
{
	struct device *dev = b->device->hc->device;
	u64 now = dev->ops->now(dev);

	b->deadline = now + COMMAND_NS;
	usb_want_tick(b->device->hc, now + TICK_NS);
}

void bot_start(struct bot *b, struct bot_command *c)
{
	u8 *p = b->page + CBW_AT;

	b->command = c;
	b->csw_again = false;
	b->moved = 0;
	b->tag++;
	c->actual = 0;
	memset(p, 0, CBW_BYTES);
	put_le32(p, CBW_SIGNATURE);
	put_le32(p + 4, b->tag);
	put_le32(p + 8, c->bytes);
	p[12] = c->in ? 0x80 : 0;
	p[13] = c->lun & 15;
	p[14] = c->cdb.bytes;
	memcpy(p + 15, c->cdb.b, c->cdb.bytes);
	set_deadline(b);
	submit_page(b, BOT_CBW, false, CBW_AT, CBW_BYTES);
}

static void ask_status(struct bot *b)
{
	memset(b->page + CSW_AT, 0, CSW_BYTES);
	submit_page(b, BOT_CSW, true, CSW_AT, CSW_BYTES);
}

/* "Valid and Meaningful CSW"; all else ends in a reset. */
static void status_came(struct bot *b, u32 bytes)
{
	u8 csw[CSW_BYTES];
	u32 residue;

	if (bytes == 0 && !b->csw_again) {
		/* Some devices end their data with an empty packet more than is right. */
		b->csw_again = true;
		ask_status(b);
		return;
	}
	memcpy(csw, b->page + CSW_AT, sizeof(csw));
	residue = le32(csw + 8);
	if (bytes != CSW_BYTES || le32(csw) != CSW_SIGNATURE || le32(csw + 4) != b->tag ||
	    csw[12] > CSW_FAILED || residue > b->command->bytes) {
		fault(b, BOT_FAULT_RESET);
		return;
	}
	b->command->actual = (u32)min_u64(b->moved, b->command->bytes - residue);
	finish(b, csw[12] == CSW_PASSED ? BOT_GOOD : BOT_FAILED);
}

static void transfer_failed(struct bot *b, enum usb_status status)
{
	if (status == USB_STALL && b->state == BOT_DATA)
		fault(b, BOT_FAULT_DATA_STALL);
	else if (status == USB_STALL && b->state == BOT_CSW && !b->csw_again)
		fault(b, BOT_FAULT_CSW_STALL);
	else
		fault(b, BOT_FAULT_RESET);
}

static void transfer_done(struct usb_transfer *t)
{
	struct bot *b = t->ctx;
	struct bot_command *c = b->command;

	if (b->state == BOT_IDLE || b->state == BOT_FAULT)
		return;
	if (t->status != USB_OK) {
		transfer_failed(b, t->status);
	} else if (b->state == BOT_CSW) {
		status_came(b, t->actual);
	} else if (b->state == BOT_DATA) {
		b->moved = t->actual;
		ask_status(b);
	} else if (t->actual != CBW_BYTES) {
		fault(b, BOT_FAULT_RESET);
	} else if (c->bytes) {
		submit(b, BOT_DATA, c->in, c->segments, c->segment_count, c->bytes);
	} else {
		ask_status(b);
	}
}

/* --- trouble --- */

/* "Reset Recovery". */
static int reset_recovery(struct bot *b)
{
	struct usb_device *d = b->device;
	const struct usb_hc_ops *ops = d->hc->ops;

	/* What is still under way ends first. */
	if (ops->endpoint_reset(b->in) < 0 || ops->endpoint_reset(b->out) < 0)
		return -1;
	if (usb_control(d, USB_TO_INTERFACE | USB_CLASS_REQUEST, BULK_ONLY_RESET, 0,
			d->interface.number, NULL, 0) < 0)
		return -1;
	if (usb_clear_halt(b->in) < 0 || usb_clear_halt(b->out) < 0)
		return -1;
	return 0;
}

static void recover(struct bot *b)
{
	struct device *dev = b->device->hc->device;

	dev->ops->log(dev, "port %s: reset of the mass storage transport", b->device->path);
	if (reset_recovery(b) < 0) {
		b->port_resets++;
		if (usb_device_reset(b->device) < 0)
			b->gone = true;
	}
	finish(b, b->gone ? BOT_GONE : BOT_BROKEN);
}

void bot_service(struct bot *b)
{
	struct usb_endpoint *halted;

	if (b->state != BOT_FAULT)
		return;
	if (b->fault == BOT_FAULT_RESET) {
		recover(b);
		return;
	}
	/* "The host shall clear the stall, then receive the CSW." */
	halted = b->fault == BOT_FAULT_CSW_STALL || b->command->in ? b->in : b->out;
	if (b->fault == BOT_FAULT_CSW_STALL)
		b->csw_again = true;
	if (usb_clear_halt(halted) < 0) {
		recover(b);
		return;
	}
	set_deadline(b);
	ask_status(b);
}

void bot_restarted(struct bot *b)
{
	b->port_resets++;
	finish(b, BOT_BROKEN);
}

u64 bot_tick(struct bot *b, u64 now)
{
	if (b->state == BOT_IDLE)
		return 0;
	if (b->state != BOT_FAULT && now >= b->deadline)
		fault(b, BOT_FAULT_RESET);
	return now + TICK_NS;
}

/* --- waiting --- */

static void run_done(struct bot_command *c, enum bot_result result)
{
	c->finished = true;
	c->result = result;
}

static void wait_finished(struct bot *b, const struct bot_command *c)
{
	struct usb_hc *hc = b->device->hc;
	struct device *dev = hc->device;
	u64 step = 20000;

	while (!c->finished) {
		if (b->state == BOT_FAULT) {
			bot_service(b);
			continue;
		}
		hc->ops->poll(hc);
		if (c->finished || b->state == BOT_FAULT)
			continue;
		if (dev->ops->now(dev) >= b->deadline || !usb_connected(b->device)) {
			fault(b, BOT_FAULT_RESET);
			continue;
		}
		dev->ops->sleep(dev, step);
		step = min_u64(step * 2, USB_MS);
	}
}

enum bot_result bot_run(struct bot *b, u8 lun, struct scsi_cdb cdb, void *data, u32 bytes,
			u32 *actual)
{
	struct block_segment segment = {
		.bus = b->page_bus + DATA_AT, .cpu = b->page + DATA_AT, .bytes = bytes};
	struct bot_command c = {.lun = lun,
				.in = true,
				.cdb = cdb,
				.segments = &segment,
				.segment_count = bytes ? 1 : 0,
				.bytes = bytes,
				.done = run_done};

	*actual = 0;
	if (b->gone || bytes > BOT_DATA_MAX || b->state != BOT_IDLE)
		return b->gone ? BOT_GONE : BOT_BROKEN;
	bot_start(b, &c);
	wait_finished(b, &c);
	if (bytes && c.actual)
		memcpy(data, b->page + DATA_AT, c.actual);
	*actual = c.actual;
	return c.result;
}
