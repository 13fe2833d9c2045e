/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of a request through an IDE channel, which works on one at a time. */
#include <drivers/ata/channel.h>

/* Ticks of a second each. A disk may take 30 s to empty its cache (ACS-3, "FLUSH CACHE"). */
#define LIMIT_DATA 11u
#define LIMIT_LONG 31u
/* For the first sector of a PIO write there is no interrupt; a drive asks for it at once. */
#define DRQ_READS 2000u

void ide_drive_init(struct ide_channel *c, unsigned int index)
{
	struct ide_drive *v = &c->drive[index];

	v->channel = c;
	v->index = index;
	v->first = NULL;
	v->last = &v->first;
}

static void append(struct ide_drive *v, struct block_request *r)
{
	r->next = NULL;
	*v->last = r;
	v->last = &r->next;
}

static void prepend(struct ide_drive *v, struct block_request *r)
{
	r->next = v->first;
	if (!v->first)
		v->last = &r->next;
	v->first = r;
}

static struct block_request *take_first(struct ide_drive *v)
{
	struct block_request *r = v->first;

	v->first = r->next;
	if (!v->first)
		v->last = &v->first;
	return r;
}

static void hold(struct ide_channel *c, bool late)
{
	c->held = true;
	c->late = late;
	c->d->ops->need_service(c->d);
}

static void set_prd(struct ide_prd *prd, u64 bus, u32 bytes)
{
	prd->address = (u32)bus;
	prd->bytes = (u16)bytes; /* 64 KiB become 0 */
	prd->flags = 0;
}

/* SFF-8038i, "Standard Programming Sequence": table, direction, the drive's command, go. The bus
 * master's status was cleared when the last command ended. */
static void dma(struct ide_channel *c, const struct ata_command *command, unsigned int prds,
		bool to_drive)
{
	c->page->prd[prds - 1].flags = PRD_END;
	c->moving = true;
	c->direction = to_drive ? 0 : BM_TO_MEMORY;
	device_write32(c->d, BM_BAR, c->bm + BM_TABLE, (u32)c->page_bus);
	bm_write(c, BM_COMMAND, c->direction);
	ide_write_command(c, command);
	bm_write(c, BM_COMMAND, c->direction | BM_START);
}

/* A large sector may be spread over several segments. */
static void move_sector(struct ide_channel *c, bool to_drive)
{
	const struct block_request *r = c->current;
	u32 bytes = c->drive_of_current->id.sector_size;

	while (bytes && c->segment < r->segment_count) {
		const struct block_segment *s = &r->segments[c->segment];
		u32 n = (u32)min_u64(bytes, s->bytes - c->segment_at);

		ide_move(c, (u8 *)s->cpu + c->segment_at, n, to_drive);
		bytes -= n;
		c->segment_at += n;
		c->left -= n;
		if (c->segment_at == s->bytes) {
			c->segment++;
			c->segment_at = 0;
		}
	}
}

static void start_pio(struct ide_channel *c, const struct ata_command *command)
{
	u32 reads = 0;

	c->segment = c->segment_at = 0;
	c->left = (u32)(c->current->count * BLOCK_SECTOR);
	ide_write_command(c, command);
	if (c->current->op == BLOCK_READ)
		return;
	while ((ide_alternate(c) & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != ATA_STATUS_DRQ)
		if (++reads == DRQ_READS || (ide_alternate(c) & ATA_STATUS_ERR)) {
			hold(c, false);
			return;
		}
	move_sector(c, true);
}

static void start_data(struct ide_channel *c, struct ide_drive *v, const struct block_request *r)
{
	bool write = r->op == BLOCK_WRITE;
	struct ata_command command =
		ata_read_write(&v->id, v->dma ? ATA_DMA : ATA_PIO, write, r->sector, r->count);

	c->limit = c->ide->tick + LIMIT_DATA;
	if (!v->dma) {
		start_pio(c, &command);
		return;
	}
	for (unsigned int i = 0; i < r->segment_count; i++)
		set_prd(&c->page->prd[i], r->segments[i].bus, r->segments[i].bytes);
	dma(c, &command, r->segment_count, write);
}

static void start_other(struct ide_channel *c, struct ide_drive *v, const struct block_request *r)
{
	struct ata_command command;

	c->limit = c->ide->tick + LIMIT_LONG;
	if (r->op == BLOCK_FLUSH) {
		command = ata_flush(&v->id);
		ide_write_command(c, &command);
		return;
	}
	command = ata_trim();
	c->trim_sectors = ata_trim_fill(&v->id, c->page->trim, r->sector + v->trim_done,
					r->count - v->trim_done);
	set_prd(&c->page->prd[0], c->page_bus + offsetof(struct ide_page, trim), ATA_TRIM_BYTES);
	dma(c, &command, 1, true);
}

static void start(struct ide_channel *c)
{
	struct ide_drive *v = c->drive_of_current;
	const struct block_request *r = c->current;

	c->moving = false;
	if (unlikely(!c->ide->ticking))
		ide_tick_start(c->ide);
	if (c->selected != v->index)
		ide_select(c, v->index);
	if (ide_alternate(c) & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) {
		c->limit = c->ide->tick;
		hold(c, false);
		return;
	}
	if (r->op <= BLOCK_WRITE)
		start_data(c, v, r);
	else
		start_other(c, v, r);
}

void ide_go_on(struct ide_channel *c)
{
	struct ide_drive *v = &c->drive[c->turn];

	if (c->current || c->held)
		return;
	if (!v->first)
		v = &c->drive[c->turn ^ 1];
	if (!v->first)
		return;
	c->turn = v->index ^ 1;
	c->current = take_first(v);
	c->drive_of_current = v;
	start(c);
}

static void finish(struct ide_channel *c, enum block_status status)
{
	struct block_request *r = c->current;
	struct ide_drive *v = c->drive_of_current;

	c->current = NULL;
	if (unlikely(r->op == BLOCK_DISCARD)) {
		v->trim_done += c->trim_sectors;
		if (status == BLOCK_OK && v->trim_done < r->count) {
			prepend(v, r);
			ide_go_on(c);
			return;
		}
		v->trim_done = 0;
	}
	r->done(r, status);
	ide_go_on(c);
}

/* The drive said that it could not, and is ready for the next command. */
static void failed(struct ide_channel *c, u8 status)
{
	struct block_request *r = c->current;
	char name[3];

	ide_drive_name(c->drive_of_current, name);
	c->d->ops->log(c->d, "%s: a command failed at sector %llu; status %x, error %x", name,
		       (unsigned long long)r->sector, status, ide_read(c, IDE_ERROR));
	if (++r->tag >= IDE_TRIES)
		finish(c, BLOCK_ERROR);
	else
		start(c);
}

static void dma_ended(struct ide_channel *c, u8 bm, u8 status)
{
	bm_write(c, BM_COMMAND, c->direction);
	bm_write(c, BM_STATUS, (bm & BM_DRIVES_DMA) | BM_INTERRUPT | BM_ERROR);
	if (unlikely(status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
		hold(c, false);
	else if (unlikely((status & (ATA_STATUS_ERR | ATA_STATUS_DF)) ||
			  (bm & (BM_ERROR | BM_ACTIVE))))
		failed(c, status);
	else
		finish(c, BLOCK_OK);
}

static void pio_step(struct ide_channel *c, u8 status)
{
	bool data = c->current->op <= BLOCK_WRITE, read = c->current->op == BLOCK_READ;
	bool wants = status & ATA_STATUS_DRQ;

	if (status & (ATA_STATUS_ERR | ATA_STATUS_DF)) {
		if (wants)
			hold(c, false);
		else
			failed(c, status);
		return;
	}
	/* Data is wanted or offered when, and only when, some is left. */
	if (wants != (data && c->left != 0)) {
		hold(c, false);
		return;
	}
	if (wants)
		move_sector(c, !read);
	/* A read's last sector has no interrupt after it, a write's has. */
	if (!wants || (read && !c->left))
		finish(c, BLOCK_OK);
}

void ide_channel_irq(struct ide_channel *c, bool forced)
{
	u8 bm, status;

	if (c->held)
		return;
	bm = bm_read(c, BM_STATUS);
	if (!(bm & BM_INTERRUPT) && !forced)
		return;
	if (unlikely(!c->current)) {
		(void)ide_read(c, IDE_STATUS);
		bm_write(c, BM_STATUS, (bm & BM_DRIVES_DMA) | BM_INTERRUPT | BM_ERROR);
		return;
	}
	if (c->moving) {
		dma_ended(c, bm, ide_read(c, IDE_STATUS));
		return;
	}
	bm_write(c, BM_STATUS, (bm & BM_DRIVES_DMA) | BM_INTERRUPT | BM_ERROR);
	status = ide_read(c, IDE_STATUS);
	if (!(status & ATA_STATUS_BSY))
		pio_step(c, status);
}

void ide_check_late(struct ide_channel *c)
{
	if (!c->current || c->held || (s32)(c->ide->tick - c->limit) < 0)
		return;
	/* Was it only the interrupt that got lost? */
	if ((ide_alternate(c) & ATA_STATUS_BSY) ||
	    (c->moving && (bm_read(c, BM_STATUS) & BM_ACTIVE))) {
		hold(c, true);
		return;
	}
	c->d->ops->log(c->d, "an interrupt was lost");
	ide_channel_irq(c, true);
}

void ide_put_back(struct ide_channel *c)
{
	struct block_request *r = c->current;
	struct ide_drive *v = c->drive_of_current;

	c->current = NULL;
	if (!r)
		return;
	if (++r->tag < IDE_TRIES) {
		prepend(v, r);
		return;
	}
	if (r->op == BLOCK_DISCARD)
		v->trim_done = 0;
	r->done(r, BLOCK_ERROR);
}

void ide_fail_all(struct ide_drive *v, enum block_status status)
{
	struct ide_channel *c = v->channel;

	if (c->current && c->drive_of_current == v) {
		prepend(v, c->current);
		c->current = NULL;
	}
	v->trim_done = 0;
	while (v->first) {
		struct block_request *r = take_first(v);

		r->done(r, status);
	}
}

/* What needs no command. */
static bool end_early(struct ide_drive *v, struct block_request *r)
{
	const struct block_device *b = &v->disk;
	u64 mask = b->sector_size / BLOCK_SECTOR - 1;
	enum block_status status;

	if (!v->listed)
		status = BLOCK_GONE;
	else if (r->op == BLOCK_FLUSH && !b->write_cache)
		status = BLOCK_OK;
	else if (r->op == BLOCK_DISCARD && !b->discard)
		status = BLOCK_UNSUPPORTED;
	else if (r->segment_count > b->max_segments || ((r->sector | r->count) & mask))
		status = BLOCK_INVALID;
	else if (r->op != BLOCK_FLUSH && r->count == 0)
		status = BLOCK_OK;
	else
		return false;
	r->done(r, status);
	return true;
}

static void submit(struct block_device *b, struct block_request *r)
{
	struct ide_drive *v = b->owner;

	if (end_early(v, r))
		return;
	r->tag = 0; /* tries */
	append(v, r);
}

static void kick(struct block_device *b)
{
	ide_go_on(((struct ide_drive *)b->owner)->channel);
}

const struct block_device_ops ide_disk_ops = {.submit = submit, .kick = kick};
