/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to a mass storage device: their queue, their errors, and the device's coming and going.
 */
#include <drivers/usb/msc.h>

#define ATTEMPTS 3u
#define MEDIA_NS (2000 * USB_MS)

enum { GET_MAX_LUN = 0xFE };
enum { CLASS_STORAGE = 8, SUBCLASS_SCSI = 6, PROTOCOL_BOT = 0x50 };

static void start_next(struct msc *m);

static struct device *device_of(const struct msc *m)
{
	return m->device->hc->device;
}

/* --- the queue --- */

static void enqueue(struct msc *m, struct block_request *r)
{
	r->next = NULL;
	*m->last = r;
	m->last = &r->next;
}

static struct block_request *dequeue(struct msc *m)
{
	struct block_request *r = m->first;

	if (r) {
		m->first = r->next;
		if (!m->first)
			m->last = &m->first;
	}
	return r;
}

static struct msc_lun *lun_of(const struct block_request *r)
{
	return (struct msc_lun *)(void *)(uintptr_t)r->deadline;
}

/* The request's place for a deadline holds the unit: the transport has one deadline for itself. */
static void set_lun(struct block_request *r, struct msc_lun *l)
{
	r->deadline = (u64)(uintptr_t)l;
}

/* Ends all waiting requests of l, NULL: of all units. Those that are submitted meanwhile go the
 * same way, in submit(). */
static void drop(struct msc *m, const struct msc_lun *l)
{
	struct block_request *r = m->first, *next;

	m->first = NULL;
	m->last = &m->first;
	for (; r; r = next) {
		next = r->next;
		if (!l || lun_of(r) == l)
			r->done(r, BLOCK_GONE);
		else
			enqueue(m, r);
	}
}

static void finish(struct msc *m, enum block_status status)
{
	struct block_request *r = m->current;

	m->current = NULL;
	m->trouble = MSC_NONE;
	m->current_lun = NULL;
	if (r)
		r->done(r, status);
}

static void command_done(struct bot_command *c, enum bot_result result)
{
	struct msc *m = c->ctx;

	if (result == BOT_GOOD && c->actual == c->bytes) {
		m->current_lun->forgiven = false;
		finish(m, BLOCK_OK);
		start_next(m);
		return;
	}
	m->held = true;
	m->trouble = result == BOT_FAILED ? MSC_SENSE : MSC_AGAIN;
	device_of(m)->ops->need_service(device_of(m));
}

static void start_current(struct msc *m)
{
	const struct block_request *r = m->current;
	struct msc_lun *l = m->current_lun;
	u32 ratio = l->capacity.block_bytes / BLOCK_SECTOR;
	bool write = r->op == BLOCK_WRITE;

	m->command = (struct bot_command){.lun = l->number, .done = command_done, .ctx = m};
	if (r->op == BLOCK_FLUSH) {
		m->command.cdb = scsi_synchronize_cache();
	} else {
		m->command.cdb = scsi_read_write(write, r->sector / ratio, (u32)(r->count / ratio));
		m->command.in = !write;
		m->command.segments = r->segments;
		m->command.segment_count = r->segment_count;
		m->command.bytes = (u32)(r->count * BLOCK_SECTOR);
	}
	bot_start(&m->bot, &m->command);
}

static void start_next(struct msc *m)
{
	if (m->current || m->held || m->gone)
		return;
	if (m->media_due) {
		/* service() is to have its turn between two requests. */
		device_of(m)->ops->need_service(device_of(m));
		return;
	}
	m->current = dequeue(m);
	if (!m->current)
		return;
	m->current_lun = lun_of(m->current);
	m->attempts = 0;
	start_current(m);
}

/* --- the block device --- */

static u64 bytes_of(const struct block_request *r)
{
	u64 bytes = 0;

	for (unsigned int i = 0; i < r->segment_count; i++)
		bytes += r->segments[i].bytes;
	return bytes;
}

static enum block_status check(const struct msc_lun *l, const struct block_request *r)
{
	const struct block_device *b = &l->block;
	u64 ratio = b->sector_size / BLOCK_SECTOR;

	if (l->msc->gone || !l->added)
		return BLOCK_GONE;
	if (r->op == BLOCK_DISCARD)
		return BLOCK_UNSUPPORTED;
	if (r->op == BLOCK_FLUSH)
		return BLOCK_OK;
	if (r->op == BLOCK_WRITE && b->read_only)
		return BLOCK_INVALID;
	if (!r->count || r->count > b->max_bytes / BLOCK_SECTOR || r->sector >= b->sectors ||
	    r->count > b->sectors - r->sector || r->sector % ratio || r->count % ratio)
		return BLOCK_INVALID;
	if (r->segment_count > b->max_segments || bytes_of(r) != r->count * BLOCK_SECTOR)
		return BLOCK_INVALID;
	return BLOCK_OK;
}

static void submit(struct block_device *b, struct block_request *r)
{
	struct msc_lun *l = b->owner;
	enum block_status status = check(l, r);

	if (status != BLOCK_OK) {
		r->done(r, status);
		return;
	}
	if (r->op == BLOCK_FLUSH && (!b->write_cache || l->no_sync)) {
		r->done(r, BLOCK_OK);
		return;
	}
	set_lun(r, l);
	enqueue(l->msc, r);
	start_next(l->msc);
}

static void kick(struct block_device *b)
{
	(void)b; /* one at a time: nothing was held back */
}

const struct block_device_ops msc_block_ops = {.submit = submit, .kick = kick};

/* --- trouble --- */

/* The medium is another one, or there is none: its requests must not reach the next one. */
static void lose_medium(struct msc_lun *l)
{
	struct msc *m = l->msc;
	struct device *dev = device_of(m);

	dev->ops->log(dev, "%s: the medium was removed", l->name);
	l->added = false;
	if (m->current_lun == l)
		finish(m, BLOCK_GONE);
	drop(m, l);
	dev->ops->block_remove(dev, &l->block);
	m->media_due = true;
}

static void say_failed(struct msc *m, const struct scsi_sense *s)
{
	const struct block_request *r = m->current;
	struct device *dev = device_of(m);

	dev->ops->log(dev, "%s: %s of %llu sectors at %llu failed: sense %x, %02x/%02x",
		      m->current_lun->name,
		      r->op == BLOCK_READ    ? "reading"
		      : r->op == BLOCK_WRITE ? "writing"
					     : "a flush",
		      (unsigned long long)r->count, (unsigned long long)r->sector, s->key, s->asc,
		      s->ascq);
}

static void try_again(struct msc *m, const struct scsi_sense *s)
{
	struct msc_lun *l = m->current_lun;

	if (++m->attempts >= ATTEMPTS) {
		say_failed(m, s);
		finish(m, BLOCK_ERROR);
		return;
	}
	if (!msc_verify(l)) {
		if (!m->bot.gone)
			lose_medium(l);
		return;
	}
	m->trouble = MSC_NONE;
	start_current(m);
}

/* The device completed the command with an error. */
static void judge(struct msc *m, const struct scsi_sense *s)
{
	struct msc_lun *l = m->current_lun;

	if (s->key == SENSE_ILLEGAL_REQUEST && m->current->op == BLOCK_FLUSH) {
		/* Then there is nothing that could be asked for more. */
		l->no_sync = true;
		finish(m, BLOCK_OK);
	} else if (s->key == SENSE_ILLEGAL_REQUEST || s->key == SENSE_DATA_PROTECT) {
		say_failed(m, s);
		finish(m, BLOCK_ERROR);
	} else if (s->asc == ASC_NO_MEDIUM && s->key == SENSE_NOT_READY) {
		lose_medium(l);
	} else if (s->key == SENSE_UNIT_ATTENTION && s->asc == ASC_MEDIUM_CHANGED && !l->forgiven) {
		lose_medium(l);
	} else {
		try_again(m, s);
	}
}

static void resolve(struct msc *m)
{
	struct scsi_sense sense = {0};
	enum msc_trouble trouble = m->trouble;
	unsigned int resets = m->bot.port_resets;

	if (trouble == MSC_NONE || !m->current || m->bot.gone)
		return;
	if (trouble == MSC_SENSE && msc_sense(m->current_lun, &sense) == BOT_GOOD)
		judge(m, &sense);
	else if (!m->bot.gone)
		try_again(m, &sense);
	for (unsigned int i = 0; i < m->lun_count && resets != m->bot.port_resets; i++)
		m->lun[i].forgiven = true;
}

static void look_at_media(struct msc *m)
{
	bool absent = false;

	m->media_due = false;
	for (unsigned int i = 0; i < m->lun_count && !m->bot.gone; i++) {
		struct msc_lun *l = &m->lun[i];

		if (!l->added && !l->dull)
			msc_probe(l);
		absent |= !l->added && !l->dull;
	}
	m->media_at = absent ? device_of(m)->ops->now(device_of(m)) + MEDIA_NS : 0;
	if (absent)
		usb_want_tick(m->device->hc, m->media_at);
}

static int service(struct usb_device *d)
{
	struct msc *m = d->state;

	/* A request that runs well is left to run. */
	if (m->bot.state != BOT_IDLE && m->bot.state != BOT_FAULT)
		return 0;
	m->held = true;
	bot_service(&m->bot);
	resolve(m);
	if (m->media_due && !m->current && !m->bot.gone)
		look_at_media(m);
	if (m->bot.gone)
		return -1;
	/* While a command runs again, what went wrong may go wrong again. */
	m->held = m->trouble != MSC_NONE;
	start_next(m);
	return 0;
}

static void restarted(struct usb_device *d)
{
	struct msc *m = d->state;

	for (unsigned int i = 0; i < m->lun_count; i++)
		m->lun[i].forgiven = true;
	bot_restarted(&m->bot);
}

static u64 tick(struct usb_device *d, u64 now)
{
	struct msc *m = d->state;
	u64 next = bot_tick(&m->bot, now);

	if (m->media_at && now >= m->media_at) {
		m->media_at = 0;
		m->media_due = true;
		d->hc->device->ops->need_service(d->hc->device);
	}
	if (m->media_at && (!next || m->media_at < next))
		next = m->media_at;
	return next;
}

/* --- coming and going --- */

static bool match(const struct usb_device *d, const struct usb_interface_desc *f)
{
	(void)d;
	return f->class_code == CLASS_STORAGE && f->subclass == SUBCLASS_SCSI &&
	       f->protocol == PROTOCOL_BOT;
}

static unsigned int count_luns(struct usb_device *d)
{
	u8 last = 0;

	/* Devices with one unit may stall this request. */
	if (usb_control(d, USB_IN | USB_TO_INTERFACE | USB_CLASS_REQUEST, GET_MAX_LUN, 0,
			d->interface.number, &last, 1) != 1)
		return 1;
	return last < MSC_LUNS ? last + 1u : MSC_LUNS;
}

static void msc_remove(struct usb_device *d)
{
	struct msc *m = d->state;
	struct device *dev = device_of(m);

	m->gone = true;
	finish(m, BLOCK_GONE);
	drop(m, NULL);
	for (unsigned int i = 0; i < m->lun_count; i++)
		if (m->lun[i].added) {
			m->lun[i].added = false;
			dev->ops->block_remove(dev, &m->lun[i].block);
		}
	bot_end(&m->bot);
	d->state = NULL;
	dev->ops->free(dev, m);
}

static int attach(struct usb_device *d)
{
	struct device *dev = d->hc->device;
	struct msc *m;

	if (!d->ep[0].desc.address || !d->ep[1].desc.max_packet)
		return -1;
	m = dev->ops->alloc(dev, sizeof(*m));
	if (!m)
		return -1;
	*m = (struct msc){.device = d, .held = true};
	m->last = &m->first;
	if (bot_init(&m->bot, d) < 0) {
		dev->ops->free(dev, m);
		return -1;
	}
	m->lun_count = count_luns(d);
	for (unsigned int i = 0; i < m->lun_count; i++) {
		m->lun[i].msc = m;
		m->lun[i].number = (u8)i;
	}
	d->state = m;
	look_at_media(m);
	m->held = false;
	if (m->bot.gone)
		dev->ops->need_service(dev);
	start_next(m);
	return 0;
}

const struct usb_class usb_msc_class = {
	.name = "mass storage",
	.match = match,
	.attach = attach,
	.remove = msc_remove,
	.service = service,
	.restarted = restarted,
	.tick = tick,
};
