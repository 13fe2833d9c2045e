/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing overlays: which base, which place, whether they belong together. */
#include <dom0/cow/cow.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/cow/cow_internal.h>
#include <dom0/fs/fs.h>

#define NAME_MAX_BYTES 384u

static int refuse(char why[BLOCK_WHY_MAX], const char *name, const char *what)
{
	snprintf(why, BLOCK_WHY_MAX, "%.120s: %.120s", name, what);
	return -1;
}

/* What the base is called on the medium, as well as it can be told: 0 for what has no name. */
static int identify(const char *name, u8 id[32], char why[BLOCK_WHY_MAX])
{
	struct block_info info;
	struct fs_stat st;

	memset(id, 0, 32);
	if (strchr(name, '/')) {
		if (fs_stat(name, &st, why))
			return -1;
		memcpy(id, st.uuid, 16);
		memcpy(id + 16, &st.inode, 4);
		memcpy(id + 20, &st.generation, 4);
		memcpy(id + 24, &st.modified, 8);
		return 0;
	}
	for (unsigned int i = 0; block_list(i, &info); i++) {
		unsigned int n = 0;

		if (strcmp(info.name, name) != 0)
			continue;
		for (const char *p = info.uuid; *p && n < 32; p++)
			if (*p != '-')
				id[n++] = (u8)*p;
	}
	return 0;
}

static int open_base(struct cow *c, const struct block_target *t, const char *holder,
		     char why[BLOCK_WHY_MAX])
{
	struct block_target base = {.kind = BLOCK_PHY, .name = t->name};
	char other[BLOCK_WHY_MAX];

	if (strchr(t->name, '/'))
		base.kind = BLOCK_FILE;
	c->base = block_open(&base, holder, why);
	if (c->base || base.kind == BLOCK_FILE)
		return c->base ? 0 : -1;
	base.kind = BLOCK_FILE; /* a boot module */
	c->base = block_open(&base, holder, other);
	return c->base ? 0 : -1;
}

/* --- sizes --- */

static void set_shift(struct cow *c, u32 shift)
{
	c->log.header.shift = shift;
	c->cluster_sectors = (1u << shift) / BLOCK_SECTOR;
	c->clusters = (u32)((c->device.sectors + c->cluster_sectors - 1) / c->cluster_sectors);
}

static u32 shift_for(u64 sectors)
{
	u32 shift = COW_SHIFT_MIN;

	while (shift < COW_SHIFT_MAX &&
	       sectors > (u64)COW_CLUSTERS_MAX * ((1u << shift) / BLOCK_SECTOR))
		shift++;
	return shift;
}

/* Clusters that an overlay of all of the disk takes, with two logs of the size at which one is
 * rewritten, and some to spare. */
static u64 places_wanted(const struct cow *c)
{
	u64 records = c->clusters / 16 + 2;
	u64 log = 4 * records * 512 / (1u << c->log.header.shift) + 4;

	return COW_FIRST_CLUSTER + c->clusters + 2 * log + 16;
}

static int take_memory(struct cow *c, const char *name, char why[BLOCK_WHY_MAX])
{
	u64 there = block_device_of(c->overlay)->sectors / c->cluster_sectors;

	c->places = (u32)min_u64(there, places_wanted(c));
	if (c->places < COW_FIRST_CLUSTER + 2)
		return refuse(why, name, "is too small for an overlay");
	c->map = calloc(c->clusters, sizeof(*c->map));
	c->changed = calloc(1, c->clusters / 8 + 1);
	c->recorded = calloc(1, c->clusters / 8 + 1);
	c->busy = calloc(1, c->clusters / 8 + 1);
	c->used = calloc(1, c->places / 8 + 1);
	c->freed = calloc(1, c->places / 8 + 1);
	if (!c->map || !c->changed || !c->recorded || !c->busy || !c->used || !c->freed)
		return refuse(why, name, "out of memory");
	c->next_place = COW_FIRST_CLUSTER;
	for (u32 i = 0; i < COW_FIRST_CLUSTER; i++)
		bit_set(c->used, i);
	cow_places_count(c);
	return 0;
}

/* --- headers --- */

static bool all_zero(const u8 *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

/* Both headers' 4 KiB. 1: nothing is there yet; 0: c->log.header is the one that holds. */
static int read_headers(struct cow *c, const char *name, char why[BLOCK_WHY_MAX])
{
	u8 *area = malloc(2 * COW_RECORD_MAX);
	struct cow_header h[2];
	int best = -1;
	bool empty, ours;

	if (!area)
		return refuse(why, name, "out of memory");
	if (block_io(c->overlay, BLOCK_READ, 0, area, 2 * COW_RECORD_MAX) != BLOCK_OK) {
		free(area);
		return refuse(why, name, "the overlay cannot be read");
	}
	for (int i = 0; i < 2; i++) {
		memcpy(&h[i], area + (size_t)i * COW_RECORD_MAX, sizeof(h[i]));
		if (cow_header_valid(&h[i]) && (best < 0 || h[i].generation > h[0].generation))
			best = i;
	}
	empty = all_zero(area, 2 * COW_RECORD_MAX);
	ours = h[0].magic == COW_MAGIC || h[1].magic == COW_MAGIC;
	free(area);
	if (empty)
		return 1;
	if (best < 0)
		return refuse(why, name,
			      ours ? "is an overlay whose headers are damaged"
				   : "has something else than an overlay on it: not touched");
	c->log.header = h[best];
	c->log.slot = (unsigned int)best;
	return 0;
}

static int check_header(struct cow *c, const u8 id[32], const char *name, char why[BLOCK_WHY_MAX])
{
	const struct cow_header *h = &c->log.header;
	u32 r = h->record_bytes;

	if (h->version != COW_VERSION)
		return refuse(why, name, "is an overlay of a newer version than is known here");
	if (h->base_sectors != c->device.sectors || h->sectors != c->device.sectors)
		return refuse(why, name, "belongs to a base of another size");
	if (memcmp(h->base_id, id, 32) != 0)
		return refuse(why, name, "belongs to another base, or the base was changed since");
	if (h->shift < COW_SHIFT_MIN || h->shift > COW_SHIFT_MAX || r < COW_SECTOR ||
	    r > COW_RECORD_MAX || (r & (r - 1)) != 0 || h->shift < shift_for(h->sectors))
		return refuse(why, name, "is an overlay whose header makes no sense");
	if (r < block_device_of(c->overlay)->sector_size)
		return refuse(why, name, "was made on a disk with smaller sectors");
	return 0;
}

/* --- making one --- */

static enum block_status write_zero_cluster(struct cow *c)
{
	u8 *zeroes = calloc(1, COW_COPY_BYTES);
	enum block_status s = zeroes ? BLOCK_OK : BLOCK_ERROR;

	for (u32 at = 0; s == BLOCK_OK && at < c->cluster_sectors;
	     at += COW_COPY_BYTES / BLOCK_SECTOR)
		s = block_io(c->overlay, BLOCK_WRITE,
			     (u64)COW_ZERO_CLUSTER * c->cluster_sectors + at, zeroes,
			     COW_COPY_BYTES);
	free(zeroes);
	return s == BLOCK_OK ? block_io(c->overlay, BLOCK_FLUSH, 0, NULL, 0) : s;
}

static int make(struct cow *c, const u8 id[32], const char *name, char why[BLOCK_WHY_MAX])
{
	const struct block_device *below = block_device_of(c->overlay);
	struct cow_header *h = &c->log.header;
	enum block_status s;

	*h = (struct cow_header){.magic = COW_MAGIC,
				 .version = COW_VERSION,
				 .sectors = c->device.sectors,
				 .base_sectors = c->device.sectors,
				 .record_bytes = below->physical_sector_size};
	if (h->record_bytes < COW_SECTOR || h->record_bytes > COW_RECORD_MAX)
		h->record_bytes = COW_RECORD_MAX;
	memcpy(h->base_id, id, 32);
	set_shift(c, shift_for(c->device.sectors));
	if (take_memory(c, name, why))
		return -1;
	s = write_zero_cluster(c);
	if (s == BLOCK_OK)
		s = cow_log_create(c);
	if (s == BLOCK_OK)
		return 0;
	return refuse(why, name,
		      s == BLOCK_NO_SPACE ? "there is no space for the overlay"
					  : "the overlay cannot be written");
}

static int load(struct cow *c, const u8 id[32], const char *name, char why[BLOCK_WHY_MAX])
{
	if (check_header(c, id, name, why))
		return -1;
	set_shift(c, c->log.header.shift);
	if (take_memory(c, name, why))
		return -1;
	if (c->log.header.log < COW_FIRST_CLUSTER || c->log.header.log >= c->places)
		return refuse(why, name, "is an overlay whose log lies outside of it");
	if (cow_log_replay(c) != BLOCK_OK)
		return refuse(why, name, "the overlay's log cannot be read");
	return 0;
}

/* A file that is all hole, of the size that the overlay may ever have. */
static int create_file(struct cow *c, const char *name, char why[BLOCK_WHY_MAX])
{
	struct fs_stat st;
	int there;

	if (!c->write || !strchr(name, '/'))
		return 0;
	there = fs_stat(name, &st, why);
	if (there != 1)
		return there;
	set_shift(c, shift_for(c->device.sectors));
	return fs_create(name, places_wanted(c) << c->log.header.shift, why);
}

static int open_overlay(struct cow *c, const char *base_name, const char *name, const char *holder,
			char why[BLOCK_WHY_MAX])
{
	struct block_target t = {.kind = strchr(name, '/') ? BLOCK_FILE : BLOCK_PHY,
				 .name = name,
				 .write = c->write};
	u8 id[32];
	int empty;

	if (identify(base_name, id, why) || create_file(c, name, why))
		return -1;
	c->overlay = block_open(&t, holder, why);
	if (!c->overlay)
		return -1;
	empty = read_headers(c, name, why);
	if (empty == 0)
		return load(c, id, name, why);
	if (empty < 0)
		return -1;
	if (!c->write)
		return refuse(why, name, "there is no overlay on it");
	return make(c, id, name, why);
}

/* --- opening --- */

static int name_beside(const char *base, const char *holder, char name[NAME_MAX_BYTES],
		       char why[BLOCK_WHY_MAX])
{
	size_t n = strlen(base);

	if (!strchr(base, '/'))
		return refuse(why, base, "is not a file: say where the overlay shall lie");
	if (n + strlen(holder) + sizeof("..cow") > NAME_MAX_BYTES)
		return refuse(why, base, "is too long a name");
	snprintf(name, NAME_MAX_BYTES, "%s.%s.cow", base, holder);
	for (char *p = name + n + 1; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_' && *p != '-')
			*p = '-';
	return 0;
}

static void describe(struct cow *c)
{
	const struct block_device *base = block_device_of(c->base);
	const struct block_device *over = block_device_of(c->overlay);

	c->device.sector_size = (u32)max_u64(base->sector_size, over->sector_size);
	c->device.physical_sector_size =
		(u32)max_u64(base->physical_sector_size, over->physical_sector_size);
	c->device.read_only = !c->write;
	c->device.needs_cpu = base->needs_cpu || over->needs_cpu;
	c->device.write_cache = c->write;
	c->device.discard = c->write;
	c->device.discard_granularity = c->cluster_sectors * BLOCK_SECTOR;
	c->device.max_segments = COW_PART_SEGMENTS - 1;
	c->device.max_bytes = COW_MAX_BYTES;
	c->device.max_segment = COW_MAX_BYTES;
	c->device.address_limit = ~0ull;
	c->device.queue_depth = COW_JOBS / 2;
	snprintf(c->device.model, sizeof(c->device.model), "overlay");
}

static void give_up(struct cow *c)
{
	cow_requests_end(c);
	if (c->overlay)
		block_close(c->overlay);
	if (c->base)
		block_close(c->base);
	free(c->map);
	free(c->changed);
	free(c->recorded);
	free(c->busy);
	free(c->used);
	free(c->freed);
	free(c->log.clusters);
	free(c);
}

static int prepare(struct cow *c, const struct block_target *t, const char *holder,
		   char why[BLOCK_WHY_MAX])
{
	char beside[NAME_MAX_BYTES];
	const char *name = t->overlay;

	if (!name) {
		if (name_beside(t->name, holder, beside, why))
			return -1;
		name = beside;
	}
	if (open_base(c, t, holder, why))
		return -1;
	c->device.sectors = block_device_of(c->base)->sectors;
	if (!c->device.sectors || c->device.sectors > (u64)COW_CLUSTERS_MAX << (COW_SHIFT_MAX - 9))
		return refuse(why, t->name, "is empty, or larger than an overlay can be (1 TiB)");
	if (open_overlay(c, t->name, name, holder, why))
		return -1;
	describe(c);
	if (!cow_requests_begin(c))
		return refuse(why, name, "out of memory");
	return 0;
}

struct block_device *cow_open(const struct block_target *t, const char *holder,
			      char why[BLOCK_WHY_MAX])
{
	struct cow *c = calloc(1, sizeof(*c));

	if (!c) {
		(void)refuse(why, t->name, "out of memory");
		return NULL;
	}
	c->device.ops = &cow_ops;
	c->device.owner = c;
	c->write = t->write;
	if (prepare(c, t, holder, why) == 0)
		return &c->device;
	give_up(c);
	return NULL;
}

void cow_close(struct block_device *dev)
{
	struct cow *c = (struct cow *)dev;

	if (c->write && cow_log_commit(c) != BLOCK_OK)
		machine_console_line("an overlay cannot be closed: what was written last is lost");
	give_up(c);
}
