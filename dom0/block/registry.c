/* SPDX-License-Identifier: BSD-2-Clause */
/* Which block devices there are. */
#include <dom0/block/block_internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <xen/errno.h>

/* So that a size in bytes fits 63 bits. */
#define SECTORS_MAX (1ull << 54)

static struct block_node *nodes;

struct block_node *node_first(void)
{
	return nodes;
}

struct block_node *node_named(const char *name)
{
	struct block_node *n = nodes;

	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

const struct block_device *node_device(const struct block_node *n)
{
	return n->parent ? &n->view : n->dev;
}

static bool power_of_two(u64 v)
{
	return v && (v & (v - 1)) == 0;
}

/* What is wrong with it, or NULL. */
static const char *complaint(const struct block_device *d, const char *name)
{
	if (!*name || strlen(name) >= BLOCK_NAME_MAX - 4)
		return "its name has no or too many characters";
	if (!power_of_two(d->sector_size) || d->sector_size < BLOCK_SECTOR ||
	    d->sector_size > 65536)
		return "its sectors have an impossible size";
	if (d->sectors > SECTORS_MAX || d->sectors % (d->sector_size / BLOCK_SECTOR))
		return "its size is impossible";
	if ((d->max_bytes && d->max_bytes < d->sector_size) ||
	    (d->max_segment && d->max_segment < d->sector_size))
		return "it does not take a whole sector";
	if (d->page_mask & (d->page_mask + 1) || d->segment_boundary & (d->segment_boundary + 1))
		return "its limits are not powers of two";
	return NULL;
}

/* Listed as they came, partitions behind their disk. */
static void append(struct block_node *n)
{
	struct block_node **at = &nodes;

	for (struct block_node **l = &nodes; *l; l = &(*l)->next)
		if (!n->parent || *l == n->parent || (*l)->parent == n->parent)
			at = &(*l)->next;
	n->next = *at;
	*at = n;
	n->listed = true;
}

static struct block_node *node_of(const struct block_device *dev)
{
	struct block_node *n = nodes;

	while (n && (n->dev != dev || n->parent))
		n = n->next;
	return n;
}

static int changed(struct block_node *n)
{
	if (complaint(n->dev, n->name))
		return -XEN_EINVAL;
	machine_console_line("%s: the size is now %llu MiB", n->name,
			     (unsigned long long)(n->dev->sectors >> 11));
	node_resized(n);
	partitions_scan(n);
	return 0;
}

int block_add(struct block_device *dev, const char *name)
{
	struct block_node *n = node_of(dev);
	const char *wrong = complaint(dev, n ? n->name : name);

	if (n)
		return changed(n);
	if (wrong) {
		machine_console_line("%s: not used: %s", name, wrong);
		return -XEN_EINVAL;
	}
	if (node_named(name))
		return -XEN_EEXIST;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -XEN_ENOMEM;
	n->dev = dev;
	n->title = n->name;
	snprintf(n->name, sizeof(n->name), "%s", name);
	append(n);
	partitions_scan(n);
	return 0;
}

int node_add_part(struct block_node *disk, unsigned int number, u64 start, u64 count,
		  const char *label, const char *uuid)
{
	struct block_node *n;
	char name[BLOCK_NAME_MAX];

	snprintf(name, sizeof(name), "%.*sp%u", (int)sizeof(name) - 5, disk->name, number % 1000);
	if (node_named(name))
		return -XEN_EEXIST;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -XEN_ENOMEM;
	n->dev = disk->dev;
	n->parent = disk;
	n->view = *disk->dev;
	n->view.sectors = count;
	n->start = start;
	n->number = number;
	n->title = n->name;
	memcpy(n->name, name, sizeof(name));
	snprintf(n->label, sizeof(n->label), "%s", label);
	snprintf(n->uuid, sizeof(n->uuid), "%s", uuid);
	append(n);
	return 0;
}

struct block_node *node_hidden(struct block_device *dev, const char *title, unsigned int level)
{
	struct block_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->dev = dev;
	n->title = title;
	n->level = level;
	snprintf(n->name, sizeof(n->name), "%s", title);
	return n;
}

void node_resized(struct block_node *n)
{
	for (struct block_use *u = n->uses, *next; u; u = next) {
		next = u->next;
		use_refresh(u);
		if (u->changed)
			u->changed(u->changed_ctx, BLOCK_RESIZED);
	}
}

static void unlink_node(const struct block_node *n)
{
	for (struct block_node **l = &nodes; *l; l = &(*l)->next)
		if (*l == n) {
			*l = n->next;
			return;
		}
}

static void drop(struct block_node *n)
{
	unlink_node(n);
	while (n->uses) {
		struct block_use *u = n->uses;

		n->uses = u->next;
		use_gone(u);
	}
	free(n);
}

static struct block_node *first_part(const struct block_node *disk)
{
	struct block_node *n = nodes;

	while (n && n->parent != disk)
		n = n->next;
	return n;
}

void node_remove(struct block_node *n)
{
	struct block_node *part;

	partitions_forget(n);
	while ((part = first_part(n)) != NULL)
		drop(part);
	drop(n);
}

void block_remove(struct block_device *dev)
{
	struct block_node *n = node_of(dev);

	if (n)
		node_remove(n);
}

static const struct block_use *first_holder(const struct block_node *n)
{
	const struct block_use *u = n->uses;

	while (u && u->hidden)
		u = u->next;
	return u;
}

bool block_list(unsigned int i, struct block_info *info)
{
	const struct block_node *n = nodes;
	const struct block_use *u;

	while (n && i--)
		n = n->next;
	if (!n)
		return false;
	*info = (struct block_info){.device = node_device(n),
				    .parent = n->parent ? n->parent->name : NULL};
	memcpy(info->name, n->name, sizeof(info->name));
	memcpy(info->label, n->label, sizeof(info->label));
	memcpy(info->uuid, n->uuid, sizeof(info->uuid));
	u = first_holder(n);
	info->holder = u ? u->holder : NULL;
	info->held_for_writing = u && u->write;
	return true;
}
