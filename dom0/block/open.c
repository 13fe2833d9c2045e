/* SPDX-License-Identifier: BSD-2-Clause */
/* From the name of a device, a partition, a file or a module to an opening of it. */
#include <dom0/block/block_internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <dom0/console/machine_console.h>
#include <dom0/cow/cow.h>
#include <dom0/fs/fs.h>

static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* The value of "LABEL=..." or "UUID=...", as for a partition or not; NULL: it is a plain name. */
static const char *label_of(const char *name)
{
	const char *v = after(name, "LABEL=");

	return v ? v : after(name, "PARTLABEL=");
}

static const char *uuid_of(const char *name)
{
	const char *v = after(name, "UUID=");

	return v ? v : after(name, "PARTUUID=");
}

static bool matches(const struct block_node *n, const char *name)
{
	const char *label = label_of(name), *uuid = uuid_of(name), *plain = after(name, "/dev/");

	if (label)
		return *label && strcmp(n->label, label) == 0;
	if (uuid)
		return *uuid && strcasecmp(n->uuid, uuid) == 0;
	return strcmp(n->name, plain ? plain : name) == 0;
}

static struct block_node *find(const char *name, char why[BLOCK_WHY_MAX])
{
	struct block_node *found = NULL;

	snprintf(why, BLOCK_WHY_MAX, "there is no disk or partition %.128s", name);
	for (struct block_node *n = node_first(); n; n = n->next) {
		if (!matches(n, name))
			continue;
		if (found) {
			snprintf(why, BLOCK_WHY_MAX, "%.128s is ambiguous: it is %s and %s", name,
				 found->name, n->name);
			return NULL;
		}
		found = n;
	}
	return found;
}

static bool being_scanned(const struct block_node *n)
{
	return n->parent ? n->parent->scanned : n->scanned;
}

static struct block_node *find_device(const char *name, char why[BLOCK_WHY_MAX])
{
	struct block_node *n = find(name, why);

	/* What is looked for may be in a table that is read just now. A disk that is there and
	 * known does not wait for another one that does not answer. */
	if (!n || label_of(name) || uuid_of(name) || being_scanned(n)) {
		partitions_wait();
		n = find(name, why);
	}
	return n;
}

static struct block_use *open_node(struct block_node *n, bool write, const char *holder,
				   char why[BLOCK_WHY_MAX])
{
	struct block_use *u;

	if (write && node_device(n)->read_only) {
		snprintf(why, BLOCK_WHY_MAX, "%s is read-only", n->title);
		return NULL;
	}
	if (!use_allowed(n, write, why))
		return NULL;
	u = use_new(n, write, holder);
	if (!u)
		snprintf(why, BLOCK_WHY_MAX, "out of memory");
	return u;
}

/* A device that is there for this opening only. */
static struct block_use *open_own(struct block_device *dev, void (*release)(struct block_device *),
				  const struct block_target *t, const char *holder,
				  char why[BLOCK_WHY_MAX])
{
	struct block_node *n;
	struct block_use *u;

	if (!dev)
		return NULL;
	if (t->write && dev->read_only) {
		snprintf(why, BLOCK_WHY_MAX, "%.128s is read-only", t->name);
		release(dev);
		return NULL;
	}
	n = node_hidden(dev, t->name, t->kind == BLOCK_COW ? 2 : 1);
	u = n ? use_new(n, t->write, holder) : NULL;
	if (!u) {
		free(n);
		release(dev);
		snprintf(why, BLOCK_WHY_MAX, "out of memory");
		return NULL;
	}
	n->title = n->name;
	n->release = release;
	return u;
}

static struct block_use *open_file(const struct block_target *t, const char *holder,
				   char why[BLOCK_WHY_MAX])
{
	struct block_node *n;

	if (strchr(t->name, '/'))
		return open_own(fs_file_open(t->name, t->write, holder, why), fs_file_close, t,
				holder, why);
	n = ram_disk_node(t->name, why);
	return n ? open_node(n, t->write, holder, why) : NULL;
}

struct block_use *block_open(const struct block_target *t, const char *holder,
			     char why[BLOCK_WHY_MAX])
{
	struct block_node *n;

	switch (t->kind) {
	case BLOCK_PHY:
		n = find_device(t->name, why);
		return n ? open_node(n, t->write, holder, why) : NULL;
	case BLOCK_FILE:
		return open_file(t, holder, why);
	case BLOCK_COW:
		return open_own(cow_open(t, holder, why), cow_close, t, holder, why);
	}
	snprintf(why, BLOCK_WHY_MAX, "there is no such kind of disk");
	return NULL;
}

void block_close(struct block_use *u)
{
	struct block_node *n;
	bool written;

	if (u->write && u->view.write_cache && block_io(u, BLOCK_FLUSH, 0, NULL, 0) != BLOCK_OK)
		machine_console_line("%s: cannot be flushed: what %s wrote may be lost",
				     u->node ? u->node->title : "a disk that went away", u->holder);
	n = u->node; /* only now: it may have gone meanwhile */
	written = u->write;
	use_free(u);
	/* What was written may be a partition table. */
	if (n && written && n->listed && !n->parent)
		partitions_scan(n);
	if (n && n->release) {
		n->release(n->dev);
		free(n);
	}
}

int block_grow(struct block_use *u, u64 bytes, char why[BLOCK_WHY_MAX])
{
	struct block_node *n = u->node;

	if (!n || n->release != fs_file_close) {
		snprintf(why, BLOCK_WHY_MAX, "%s is no file of a file system",
			 n ? n->title : "a disk that went away");
		return -1;
	}
	if (fs_file_grow(n->dev, bytes, why))
		return -1;
	node_resized(n);
	return 0;
}

const struct block_device *block_device_of(const struct block_use *u)
{
	return &u->view;
}

void block_on_change(struct block_use *u, void (*fn)(void *ctx, enum block_change what), void *ctx)
{
	u->changed = fn;
	u->changed_ctx = ctx;
}
