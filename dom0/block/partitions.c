/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads disks' partition tables, each in a fiber, and makes devices of the partitions. */
#include <dom0/block/block_internal.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/block/partition_table.h>
#include <dom0/console/machine_console.h>
#include <dom0/loop/fiber.h>

_Static_assert(sizeof(((struct partition *)NULL)->label) ==
			       sizeof(((struct block_node *)NULL)->label) &&
		       sizeof(((struct partition *)NULL)->uuid) ==
			       sizeof(((struct block_node *)NULL)->uuid),
	       "what a table says fits a device");

struct scan {
	struct scan *next;
	struct block_node *disk; /* NULL: it went away meanwhile */
	struct block_use *use;
	struct partition_table table;
};

struct waiter {
	struct waiter *next;
	struct fiber *fiber;
};

static struct scan *scans;
static struct waiter *waiters;

static bool read_disk(void *ctx, u64 sector, void *data, size_t bytes)
{
	struct scan *s = ctx;

	return block_io(s->use, BLOCK_READ, sector, data, bytes) == BLOCK_OK;
}

static void log_line(void *ctx, const char *text)
{
	const struct scan *s = ctx;

	if (s->disk)
		machine_console_line("%s: %s", s->disk->name, text);
}

static bool still_there(const struct partition_table *t, const struct block_node *n)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct partition *p = &t->parts[i];

		if (p->number == n->number)
			return p->start == n->start && p->count == n->view.sectors &&
			       strcmp(p->label, n->label) == 0 && strcmp(p->uuid, n->uuid) == 0;
	}
	return false;
}

static bool beyond_the_end(const struct block_node *n)
{
	u64 end = n->dev->sectors;

	return n->start > end || n->view.sectors > end - n->start;
}

/* Takes away the partitions that are not as before. t: NULL if the table could not be read: then
 * only those that the disk has no room for any more. */
static void remove_stale(const struct block_node *disk, const struct partition_table *t)
{
	struct block_node *n = node_first();

	while (n)
		if (n->parent == disk && (beyond_the_end(n) || (t && !still_there(t, n)))) {
			machine_console_line("%s: the partition is gone", n->name);
			node_remove(n);
			n = node_first();
		} else {
			n = n->next;
		}
}

static bool known(const struct block_node *disk, unsigned int number)
{
	const struct block_node *n = node_first();

	while (n && (n->parent != disk || n->number != number))
		n = n->next;
	return n != NULL;
}

static void add_new(struct block_node *disk, const struct partition_table *t)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct partition *p = &t->parts[i];

		if (known(disk, p->number))
			continue;
		if (node_add_part(disk, p->number, p->start, p->count, p->label, p->uuid))
			machine_console_line("%s: partition %u cannot be used: out of memory, or "
					     "there is a disk of that name",
					     disk->name, p->number);
	}
}

static void scan_once(struct scan *s)
{
	const struct block_device *dev = &s->use->view;
	struct partition_disk d = {.sectors = dev->sectors,
				   .sector_size = dev->sector_size,
				   .read = read_disk,
				   .log = log_line,
				   .ctx = s};
	bool ok = partition_table_read(&d, &s->table);

	if (!s->disk)
		return;
	if (!ok)
		log_line(s, "the partition table cannot be read");
	remove_stale(s->disk, ok ? &s->table : NULL);
	if (!ok)
		return;
	add_new(s->disk, &s->table);
	machine_console_line("%s: %llu MiB, %s%s%u partitions", s->disk->name,
			     (unsigned long long)(s->disk->dev->sectors >> 11),
			     s->table.kind ? s->table.kind : "", s->table.kind ? ", " : "",
			     s->table.count);
}

static void end(struct scan *s)
{
	for (struct scan **l = &scans; *l; l = &(*l)->next)
		if (*l == s) {
			*l = s->next;
			break;
		}
	if (s->disk)
		s->disk->scanned = false;
	if (s->use)
		use_free(s->use);
	free(s);
	while (!scans && waiters) {
		struct waiter *w = waiters;

		waiters = w->next;
		fiber_wake(w->fiber);
	}
}

static void scan_fiber(void *ctx)
{
	struct scan *s = ctx;

	do {
		if (s->disk)
			s->disk->rescan = false;
		scan_once(s);
	} while (s->disk && s->disk->rescan);
	end(s);
}

void partitions_scan(struct block_node *disk)
{
	struct scan *s;

	if (disk->scanned) {
		disk->rescan = true;
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s) {
		s->disk = disk;
		s->use = use_new(disk, false, "the block layer");
		s->next = scans;
		scans = s;
		disk->scanned = true;
		if (s->use)
			s->use->hidden = true;
		if (s->use && fiber_start(scan_fiber, s))
			return;
		end(s);
	}
	machine_console_line("%s: out of memory for the partition table", disk->name);
}

static void forget_waiter(const struct waiter *w)
{
	for (struct waiter **l = &waiters; *l; l = &(*l)->next)
		if (*l == w) {
			*l = w->next;
			return;
		}
}

void partitions_wait(void)
{
	while (scans) {
		struct waiter w = {.next = waiters, .fiber = fiber_self()};

		waiters = &w;
		fiber_wait();
		forget_waiter(&w); /* woken for another reason, it is still there */
	}
}

void partitions_forget(struct block_node *disk)
{
	for (struct scan *s = scans; s; s = s->next)
		if (s->disk == disk)
			s->disk = NULL;
}
