/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDE controller: its channels, interrupts and clock. */
#include <drivers/ata/ata.h>

#include <drivers/ata/channel.h>

#define MS         1000000ull
#define TICK       (1000 * MS)
#define POLL       (1 * MS) /* without an interrupt */
#define SRST_READS 50u      /* of a register: 5 us at least */

static bool match(const struct device_id *id)
{
	return id->class_code == 0x01 && id->subclass == 0x01 && (id->prog_if & 0x80);
}

static bool init_channel(struct ide *ide, unsigned int index)
{
	struct ide_channel *c = &ide->channel[index];
	struct device *d = ide->d;

	c->ide = ide;
	c->d = d;
	c->index = index;
	c->command_bar = index * 2;
	c->control_bar = index * 2 + 1;
	c->bm = index * BM_BYTES;
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		ide_drive_init(c, i);
	if (d->bar_size[c->command_bar] < IDE_COMMAND_BYTES ||
	    d->bar_size[c->control_bar] < IDE_CONTROL_BYTES)
		return true;
	c->page = d->ops->dma_alloc(d, sizeof(*c->page), PAGE_SIZE, &c->page_bus);
	if (!c->page)
		return false;
	/* Some old controllers have one bus master for both channels. */
	c->dma = index == 0 || !(bm_read(c, BM_STATUS) & BM_SIMPLEX);
	c->usable = true;
	c->held = true;
	/* Both are quiet before one may interrupt. */
	ide_control(c, CONTROL_NIEN);
	ide_stop_dma(c);
	return true;
}

static void release(struct ide *ide)
{
	struct device *d = ide->d;

	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		if (ide->channel[i].page)
			d->ops->dma_free(d, ide->channel[i].page, sizeof(struct ide_page));
	d->state = NULL;
	d->ops->free(d, ide);
}

static int attach(struct device *d)
{
	struct ide *ide;

	if (d->bar_size[BM_BAR] < IDE_CHANNELS * BM_BYTES) {
		d->ops->log(d, "it has no bus master");
		return -1;
	}
	ide = d->ops->alloc(d, sizeof(*ide));
	if (!ide) {
		d->ops->log(d, "out of memory");
		return -1;
	}
	ide->d = d;
	d->state = ide;
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		if (!init_channel(ide, i)) {
			d->ops->log(d, "no memory for its channels");
			release(ide);
			return -1;
		}
	ide->interrupts = d->ops->irq_request(d, IDE_CHANNELS);
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		if (ide->channel[i].usable)
			ide_probe(&ide->channel[i]);
	return 0;
}

static void service(struct device *d)
{
	struct ide *ide = d->state;

	for (unsigned int i = 0; ide && i < IDE_CHANNELS; i++)
		if (ide->channel[i].usable && ide->channel[i].held)
			ide_recover(&ide->channel[i]);
}

static void irq(struct device *d, unsigned int index)
{
	struct ide *ide = d->state;

	for (unsigned int i = 0; ide && i < IDE_CHANNELS; i++)
		if (ide->channel[i].usable && (ide->interrupts == 1 || index == i))
			ide_channel_irq(&ide->channel[i], false);
}

static void set_timer(struct ide *ide, u64 now)
{
	ide->d->ops->timer_set(ide->d, ide->interrupts ? ide->next_tick : now + POLL);
}

void ide_tick_start(struct ide *ide)
{
	u64 now = ide->d->ops->now(ide->d);

	ide->ticking = true;
	ide->next_tick = now + TICK;
	set_timer(ide, now);
}

static void timer(struct device *d)
{
	struct ide *ide = d->state;
	bool second, busy = false;
	u64 now;

	if (!ide)
		return;
	now = d->ops->now(d);
	second = now >= ide->next_tick;
	if (second) {
		ide->next_tick = now + TICK;
		ide->tick++;
	}
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *c = &ide->channel[i];

		if (!c->usable)
			continue;
		if (!ide->interrupts)
			ide_channel_irq(c, false);
		if (second)
			ide_check_late(c);
		busy |= c->current != NULL;
	}
	ide->ticking = busy;
	if (busy)
		set_timer(ide, now);
}

/* Nothing moves any more, and no drive waits for data. */
static void quiet(struct ide_channel *c)
{
	ide_stop_dma(c);
	ide_control(c, CONTROL_NIEN);
	if (!c->current)
		return;
	ide_control(c, CONTROL_SRST | CONTROL_NIEN);
	for (unsigned int i = 0; i < SRST_READS; i++)
		(void)ide_alternate(c);
	ide_control(c, CONTROL_NIEN);
}

static void detach(struct device *d, bool gone)
{
	struct ide *ide = d->state;

	if (!ide)
		return;
	d->ops->timer_set(d, 0);
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *c = &ide->channel[i];

		if (!c->usable)
			continue;
		c->held = true;
		if (!gone)
			quiet(c);
		for (unsigned int k = 0; k < IDE_DRIVES; k++)
			ide_drop(&c->drive[k], BLOCK_GONE);
	}
	release(ide);
}

const struct driver ata_driver = {
	.name = "ata",
	.match = match,
	.attach = attach,
	.service = service,
	.irq = irq,
	.timer = timer,
	.detach = detach,
};
