/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot modules as disks: what is written stays until the machine is switched off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/block/block_internal.h>
#include <dom0/console/machine_console.h>
#include <dom0/entry/modules.h>

struct ram_disk {
	struct ram_disk *next;
	struct block_device dev;
	struct block_node *node; /* for all openings, so that they know of each other */
	u8 *data;
};

static struct ram_disk *disks;

/* The request is within the disk, and its segments have cpu addresses: the block layer has looked.
 */
static void ram_submit(struct block_device *b, struct block_request *r)
{
	const struct ram_disk *d = b->owner;
	u8 *at = d->data + r->sector * BLOCK_SECTOR;

	if (r->op == BLOCK_DISCARD)
		memset(at, 0, r->count * BLOCK_SECTOR);
	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];

		if (r->op == BLOCK_READ)
			memcpy(s->cpu, at, s->bytes);
		else
			memcpy(at, s->cpu, s->bytes);
		at += s->bytes;
	}
	r->done(r, BLOCK_OK);
}

static void ram_kick(struct block_device *b)
{
	(void)b;
}

static const struct block_device_ops ram_ops = {.submit = ram_submit, .kick = ram_kick};

static struct ram_disk *make(const struct module *m)
{
	struct ram_disk *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->dev = (struct block_device){
		.ops = &ram_ops,
		.owner = d,
		.sectors = m->size / BLOCK_SECTOR,
		.sector_size = BLOCK_SECTOR,
		.physical_sector_size = BLOCK_SECTOR,
		.needs_cpu = true,
		.discard = true,
		.discard_granularity = BLOCK_SECTOR,
		.queue_depth = 1,
	};
	snprintf(d->dev.model, sizeof(d->dev.model), "RAM disk");
	d->data = (u8 *)(uintptr_t)m->data;
	d->node = node_hidden(&d->dev, m->name, 0);
	if (!d->node) {
		free(d);
		return NULL;
	}
	if (m->size % BLOCK_SECTOR)
		machine_console_line("%s: the last %u bytes are not a whole sector and left out",
				     m->name, (unsigned int)(m->size % BLOCK_SECTOR));
	d->next = disks;
	disks = d;
	return d;
}

struct block_node *ram_disk_node(const char *module, char why[BLOCK_WHY_MAX])
{
	const struct module *m = module_find(module);
	struct ram_disk *d = disks;

	if (!m || m->size < BLOCK_SECTOR) {
		snprintf(why, BLOCK_WHY_MAX,
			 m ? "%.128s is smaller than a sector"
			   : "there is no file %.128s on the boot medium",
			 module);
		return NULL;
	}
	while (d && d->data != m->data)
		d = d->next;
	if (!d)
		d = make(m);
	if (!d)
		snprintf(why, BLOCK_WHY_MAX, "out of memory");
	return d ? d->node : NULL;
}
