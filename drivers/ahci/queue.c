/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of a request: FIFO, slot, hardware, done. Flushes and discards are no NCQ commands: they
 * wait until the slots are empty and hold back what came later. */
#include <drivers/ahci/port.h>

/* Ticks of a second each. A disk may take 30 s to empty its cache (ACS-3, "FLUSH CACHE"). */
#define LIMIT_DATA 11u
#define LIMIT_LONG 31u

void ahci_port_queue_init(struct ahci_port *p)
{
	p->first = NULL;
	p->last = &p->first;
}

static void append(struct ahci_port *p, struct block_request *r)
{
	r->next = NULL;
	*p->last = r;
	p->last = &r->next;
}

static void prepend(struct ahci_port *p, struct block_request *r)
{
	r->next = p->first;
	if (!p->first)
		p->last = &r->next;
	p->first = r;
}

static struct block_request *take_first(struct ahci_port *p)
{
	struct block_request *r = p->first;

	p->first = r->next;
	if (!p->first)
		p->last = &p->first;
	return r;
}

void ahci_fill_slot(struct ahci_port *p, unsigned int slot, const struct ata_command *c, bool write,
		    const struct block_segment *segments, unsigned int count)
{
	struct ahci_command_table *t = &p->tables[slot];
	struct ahci_command_header *h = &p->page->headers[slot];

	t->fis.type_flags_command_features =
		FIS_H2D | FIS_COMMAND | (u32)c->opcode << 16 | (u32)(c->features & 0xFF) << 24;
	t->fis.lba_low_device = (u32)(c->lba & 0xFFFFFF) | (u32)c->device << 24;
	t->fis.lba_high_features = (u32)(c->lba >> 24 & 0xFFFFFF) | (u32)(c->features >> 8) << 24;
	t->fis.count_control = c->count;
	for (unsigned int i = 0; i < count; i++) {
		struct ahci_prd *prd = &t->prd[i];

		prd->address = (u32)segments[i].bus;
		prd->address_high = (u32)(segments[i].bus >> 32);
		prd->bytes = segments[i].bytes - 1;
	}
	h->flags = HEADER_CFL | (write ? HEADER_WRITE : 0) | (u32)count << HEADER_PRDTL;
	h->bytes_done = 0;
}

static void fill_data(struct ahci_port *p, unsigned int slot, const struct block_request *r)
{
	bool write = r->op == BLOCK_WRITE;
	struct ata_command c = p->alone
				       ? ata_read_write(&p->id, ATA_DMA, write, r->sector, r->count)
				       : ata_queued(&p->id, write, r->sector, r->count, slot);

	p->limit[slot] = p->hba->tick + LIMIT_DATA;
	ahci_fill_slot(p, slot, &c, write, r->segments, r->segment_count);
}

static void fill_other(struct ahci_port *p, unsigned int slot, const struct block_request *r)
{
	struct block_segment s = {.bus = p->page_bus + offsetof(struct ahci_port_page, trim),
				  .bytes = ATA_TRIM_BYTES};
	struct ata_command c;

	p->limit[slot] = p->hba->tick + LIMIT_LONG;
	if (r->op == BLOCK_FLUSH) {
		c = ata_flush(&p->id);
		ahci_fill_slot(p, slot, &c, false, NULL, 0);
		return;
	}
	c = ata_trim();
	p->trim_sectors = ata_trim_fill(&p->id, p->page->trim, r->sector + p->trim_done,
					r->count - p->trim_done);
	ahci_fill_slot(p, slot, &c, true, &s, 1);
}

static void fill(struct ahci_port *p)
{
	while (p->first && p->state == PORT_READY && !p->alone) {
		bool alone = !p->ncq || p->one_by_one || p->first->op > BLOCK_WRITE;
		u32 busy = p->issued | p->held;
		struct block_request *r;
		unsigned int slot;

		if (alone ? busy != 0 : busy == p->slots)
			return;
		slot = (unsigned int)__builtin_ctz(~busy);
		r = take_first(p);
		if (unlikely(p->one_by_one != 0))
			p->one_by_one--;
		p->alone = alone;
		p->slot[slot] = r;
		p->held |= 1u << slot;
		if (likely(r->op <= BLOCK_WRITE))
			fill_data(p, slot, r);
		else
			fill_other(p, slot, r);
	}
}

/* Serial ATA AHCI 1.3.1, "Native Queued Commands": PxSACT first. */
static void tell(struct ahci_port *p)
{
	u32 held = p->held;

	if (!held || p->state != PORT_READY)
		return;
	p->held = 0;
	p->issued |= held;
	if (!p->alone)
		port_write(p, PORT_SACT, held);
	port_write(p, PORT_CI, held);
	if (unlikely(!p->hba->ticking))
		ahci_tick_start(p->hba);
}

void ahci_port_go_on(struct ahci_port *p)
{
	fill(p);
	tell(p);
}

/* What needs no command. */
static bool end_early(struct ahci_port *p, struct block_request *r)
{
	const struct block_device *b = &p->disk;
	u64 mask = b->sector_size / BLOCK_SECTOR - 1;
	enum block_status status;

	if (p->state == PORT_EMPTY)
		status = BLOCK_GONE;
	else if (r->op == BLOCK_FLUSH && !b->write_cache)
		status = BLOCK_OK;
	else if (r->op == BLOCK_DISCARD && !b->discard)
		status = BLOCK_UNSUPPORTED;
	else if (r->segment_count > AHCI_TABLE_PRDS || ((r->sector | r->count) & mask))
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
	struct ahci_port *p = b->owner;

	if (end_early(p, r))
		return;
	r->tag = 0; /* tries */
	append(p, r);
	fill(p);
}

static void kick(struct block_device *b)
{
	tell(b->owner);
}

const struct block_device_ops ahci_disk_ops = {.submit = submit, .kick = kick};

/* A discard may take several commands; other requests one. */
static void end_request(struct ahci_port *p, struct block_request *r)
{
	if (unlikely(r->op == BLOCK_DISCARD)) {
		p->trim_done += p->trim_sectors;
		if (p->trim_done < r->count) {
			prepend(p, r);
			return;
		}
		p->trim_done = 0;
	}
	r->done(r, BLOCK_OK);
}

void ahci_port_complete(struct ahci_port *p)
{
	u32 finished;

	if (!p->issued)
		return;
	finished = p->issued & ~port_read(p, p->alone ? PORT_CI : PORT_SACT);
	if (!finished)
		return;
	if (p->alone)
		p->alone = false;
	/* done() may submit, which takes slots that were freed here, never those still to come. */
	for (; finished; finished &= finished - 1) {
		unsigned int slot = (unsigned int)__builtin_ctz(finished);

		p->issued &= ~(1u << slot);
		end_request(p, p->slot[slot]);
	}
	ahci_port_go_on(p);
}

void ahci_port_complete_unasked(struct ahci_port *p)
{
	if (port_read(p, PORT_CMD) & PORT_CMD_ST)
		ahci_port_complete(p);
}

void ahci_port_put_back(struct ahci_port *p, bool blame)
{
	u32 told = p->issued, all = p->issued | p->held;
	struct block_request *failed = NULL, *r;

	p->issued = p->held = 0;
	p->alone = false;
	for (unsigned int slot = AHCI_SLOTS; slot-- > 0;) {
		if (!(all >> slot & 1))
			continue;
		r = p->slot[slot];
		if (blame && (told >> slot & 1) && ++r->tag >= AHCI_TRIES) {
			r->next = failed;
			failed = r;
			continue;
		}
		prepend(p, r);
		p->one_by_one++;
	}
	while ((r = failed)) {
		failed = r->next;
		if (r->op == BLOCK_DISCARD)
			p->trim_done = 0;
		r->done(r, BLOCK_ERROR);
	}
}

void ahci_port_fail_all(struct ahci_port *p, enum block_status status)
{
	ahci_port_put_back(p, false);
	p->one_by_one = 0;
	p->trim_done = 0;
	while (p->first) {
		struct block_request *r = take_first(p);

		r->done(r, status);
	}
}

void ahci_port_trouble(struct ahci_port *p, enum ahci_trouble what)
{
	port_write(p, PORT_IE, 0);
	if (p->state == PORT_READY)
		p->state = PORT_TROUBLE;
	/* What happened to the link explains the rest. */
	if (p->trouble != TROUBLE_LINK)
		p->trouble = what;
	p->d->ops->need_service(p->d);
}

void ahci_port_check_late(struct ahci_port *p)
{
	u32 now = p->hba->tick, before = p->issued;
	bool late = false;

	if (p->state != PORT_READY)
		return;
	for (u32 left = before; left; left &= left - 1) {
		unsigned int slot = (unsigned int)__builtin_ctz(left);

		late |= (s32)(now - p->limit[slot]) >= 0;
	}
	if (!late)
		return;
	/* Was it only the interrupt that got lost? */
	ahci_port_complete_unasked(p);
	if (p->issued == before)
		ahci_port_trouble(p, TROUBLE_LATE);
	else
		p->d->ops->log(p->d, "port %u: an interrupt was lost", p->index);
}
