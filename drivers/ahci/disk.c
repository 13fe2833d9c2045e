/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks come, recover from trouble, and go. */
#include <drivers/ahci/port.h>

#include <string.h>

static bool get_tables(struct ahci_port *p)
{
	size_t bytes = sizeof(*p->tables) * AHCI_SLOTS;

	if (p->tables)
		return true;
	p->tables = p->d->ops->dma_alloc(p->d, bytes, PAGE_SIZE, &p->tables_bus);
	if (!p->tables)
		return false;
	for (unsigned int i = 0; i < AHCI_SLOTS; i++) {
		u64 bus = p->tables_bus + i * sizeof(*p->tables);

		p->page->headers[i].table = (u32)bus;
		p->page->headers[i].table_high = (u32)(bus >> 32);
	}
	return true;
}

static void describe(struct ahci_port *p)
{
	struct ahci *h = p->hba;
	u32 slots = CAP_NCS(h->cap);

	p->ncq = (h->cap & CAP_SNCQ) && p->id.ncq && p->id.queue_depth > 1;
	if (!p->ncq)
		slots = 1;
	else if (slots > p->id.queue_depth)
		slots = p->id.queue_depth;
	p->slots = (u32)low_mask(slots);
	p->disk = (struct block_device){
		.ops = &ahci_disk_ops,
		.owner = p,
		.max_segments = AHCI_TABLE_PRDS,
		.max_bytes = ata_max_bytes(&p->id),
		.max_segment = ata_max_bytes(&p->id),
		.address_limit = h->cap & CAP_S64A ? ~0ull : 0xFFFFFFFF,
		.queue_depth = slots,
	};
	ata_describe(&p->id, &p->disk);
}

static const char *announce(struct ahci_port *p)
{
	char name[4] = "p";

	describe(p);
	if (p->index >= 10)
		name[1] = (char)('0' + p->index / 10);
	name[strlen(name)] = (char)('0' + p->index % 10);
	p->state = PORT_READY;
	p->listed = true;
	p->d->ops->log(p->d, "port %u: %s, %llu MiB, %s", p->index, p->id.model,
		       (unsigned long long)(p->id.sectors >> 11), p->ncq ? "NCQ" : "no NCQ");
	if (p->d->ops->block_add(p->d, &p->disk, name) == 0)
		return NULL;
	p->listed = false;
	return "a disk that nobody takes";
}

void ahci_port_listen(struct ahci_port *p)
{
	bool up, again = port_read(p, PORT_SERR) & SERR_EXCHANGED;

	port_write(p, PORT_SERR, ~0u);
	port_write(p, PORT_IS, ~0u);
	port_write(p, PORT_IE, p->state == PORT_READY ? PORT_IS_USED : PORT_IS_CHANGE);
	/* What changed before is not told by an interrupt any more. */
	up = SSTS_DET(port_read(p, PORT_SSTS)) == DET_UP;
	if (p->state == PORT_READY ? !up || again : up && !p->refused)
		ahci_port_trouble(p, TROUBLE_LINK);
}

static void refuse(struct ahci_port *p, const char *why)
{
	if (!ahci_port_stop(p))
		p->hba->reset_wanted = true;
	p->refused = true;
	p->d->ops->log(p->d, "port %u: %s; left alone", p->index, why);
	ahci_disk_drop(p, BLOCK_GONE);
}

void ahci_disk_bring_up(struct ahci_port *p)
{
	const char *why;

	p->refused = false;
	why = ahci_port_start(p);
	if (!why && !get_tables(p))
		why = "no memory for a disk";
	if (!why)
		why = ahci_port_identify(p, &p->id);
	if (!why)
		why = announce(p);
	if (why)
		refuse(p, why);
	ahci_port_listen(p);
}

void ahci_disk_drop(struct ahci_port *p, enum block_status status)
{
	p->state = PORT_EMPTY;
	ahci_port_fail_all(p, status);
	if (!p->listed)
		return;
	p->listed = false;
	p->d->ops->block_remove(p->d, &p->disk);
}

/* The link is up again: is it the same disk, and does it answer? NULL, or what is wrong. */
static const char *revive(struct ahci_port *p)
{
	struct ata_identity id;
	const char *why = ahci_port_start(p);

	if (!why)
		why = ahci_port_identify(p, &id);
	if (why) {
		if (!ahci_port_stop(p))
			p->hba->reset_wanted = true;
		return why;
	}
	if (ata_same_disk(&id, &p->id)) {
		p->state = PORT_READY;
		return NULL;
	}
	/* Requests for the old one must not reach it. */
	p->d->ops->log(p->d, "port %u: a different disk", p->index);
	ahci_disk_drop(p, BLOCK_GONE);
	p->id = id;
	why = announce(p);
	if (why)
		refuse(p, why);
	return NULL;
}

void ahci_disk_restart(struct ahci_port *p)
{
	const char *why = NULL;

	for (unsigned int i = 0; i < AHCI_TRIES; i++) {
		if (!ahci_port_reset_link(p)) {
			p->d->ops->log(p->d, "port %u: the disk is gone", p->index);
			ahci_disk_drop(p, BLOCK_GONE);
			ahci_port_listen(p);
			return;
		}
		why = revive(p);
		if (!why) {
			ahci_port_listen(p);
			ahci_port_go_on(p);
			return;
		}
	}
	refuse(p, why);
	ahci_port_listen(p);
}

static void tell_trouble(struct ahci_port *p, enum ahci_trouble what)
{
	static const char *const names[] = {
		[TROUBLE_NONE] = "is reset",
		[TROUBLE_LINK] = "the link changed",
		[TROUBLE_ERROR] = "a command failed",
		[TROUBLE_LATE] = "a command takes too long",
	};

	p->d->ops->log(p->d, "port %u: %s; status %x, SATA status %x, error %x, %u under way",
		       p->index, names[what], port_read(p, PORT_TFD), port_read(p, PORT_SSTS),
		       port_read(p, PORT_SERR), (unsigned int)__builtin_popcount(p->issued));
}

void ahci_disk_recover(struct ahci_port *p)
{
	enum ahci_trouble what = p->trouble;

	p->trouble = TROUBLE_NONE;
	if (p->state == PORT_EMPTY) {
		if (ahci_port_reset_link(p))
			ahci_disk_bring_up(p);
		else
			ahci_port_listen(p);
		return;
	}
	/* What it has done until now needs no repetition. */
	ahci_port_complete_unasked(p);
	tell_trouble(p, what);
	if (!ahci_port_stop(p)) {
		p->hba->reset_wanted = true;
		return;
	}
	ahci_port_put_back(p, true);
	ahci_disk_restart(p);
}
