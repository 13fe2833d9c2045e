/* SPDX-License-Identifier: BSD-2-Clause */
/* The overlay's log: which cluster of the disk lies where. Appended to, never rewritten; when much
 * of it is out of date, a new one is written and then named by the other header. */
#include <dom0/cow/cow_internal.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/loop/loop.h>

static u64 sector_of(const struct cow *c, u32 place)
{
	return (u64)place * c->cluster_sectors;
}

static u32 records_of_cluster(const struct cow *c)
{
	return c->cluster_sectors * COW_SECTOR / c->log.header.record_bytes;
}

static u32 entries_of_record(const struct cow *c)
{
	return (c->log.header.record_bytes - (u32)sizeof(struct cow_record) - 4) /
	       (u32)sizeof(struct cow_entry);
}

#define LOG_RESERVE 8u /* places */

void cow_places_count(struct cow *c)
{
	c->free_places = 0;
	for (u32 i = COW_FIRST_CLUSTER; i < c->places; i++)
		c->free_places += !bit_get(c->used, i);
}

u32 cow_place_take(struct cow *c, bool for_log)
{
	if (!for_log && c->free_places <= LOG_RESERVE)
		return 0;
	for (u32 i = 0; i < c->places; i++) {
		u32 place = c->next_place;

		c->next_place = place + 1 < c->places ? place + 1 : COW_FIRST_CLUSTER;
		if (place >= COW_FIRST_CLUSTER && place < c->places && !bit_get(c->used, place)) {
			bit_set(c->used, place);
			c->free_places--;
			return place;
		}
	}
	return 0;
}

bool cow_header_valid(const struct cow_header *h)
{
	return h->magic == COW_MAGIC &&
	       h->checksum == cow_crc32c(h, offsetof(struct cow_header, checksum));
}

/* --- writing --- */

static enum block_status write_header(struct cow *c)
{
	struct cow_log *l = &c->log;
	u8 *sector = calloc(1, l->header.record_bytes);
	enum block_status s = BLOCK_ERROR;

	if (!sector)
		return s;
	l->header.checksum = cow_crc32c(&l->header, offsetof(struct cow_header, checksum));
	memcpy(sector, &l->header, sizeof(l->header));
	s = block_io(c->overlay, BLOCK_WRITE, COW_HEADER_SECTOR(l->slot), sector,
		     l->header.record_bytes);
	free(sector);
	return s == BLOCK_OK ? block_io(c->overlay, BLOCK_FLUSH, 0, NULL, 0) : s;
}

static bool remember_cluster(struct cow_log *l, u32 place)
{
	if (l->cluster_count == l->cluster_room) {
		u32 room = l->cluster_room ? l->cluster_room * 2 : 16;
		u32 *more = realloc(l->clusters, room * sizeof(*more));

		if (!more)
			return false;
		l->clusters = more;
		l->cluster_room = room;
	}
	l->clusters[l->cluster_count++] = place;
	return true;
}

static enum block_status write_record(struct cow *c, u8 *bytes, u32 count, u32 next)
{
	struct cow_log *l = &c->log;
	u32 n = l->header.record_bytes;
	struct cow_record r = {.magic = COW_RECORD_MAGIC,
			       .count = count,
			       .sequence = l->sequence,
			       .next = next,
			       .previous = l->previous};
	u64 at = sector_of(c, l->clusters[l->cluster_count - 1]) + (u64)l->place * (n / COW_SECTOR);
	u32 checksum;
	enum block_status s;

	memcpy(bytes, &r, sizeof(r));
	checksum = cow_crc32c(bytes, n - 4);
	memcpy(bytes + n - 4, &checksum, 4);
	s = block_io(c->overlay, BLOCK_WRITE, at, bytes, n);
	if (s != BLOCK_OK)
		return s;
	l->sequence++;
	l->previous = checksum;
	l->place++;
	l->records++;
	return BLOCK_OK;
}

/* The last record of a cluster says where the log goes on. */
static enum block_status extend(struct cow *c, u8 *bytes)
{
	struct cow_log *l = &c->log;
	u32 next = cow_place_take(c, true);
	enum block_status s;

	if (!next)
		return BLOCK_NO_SPACE;
	memset(bytes, 0, l->header.record_bytes);
	s = write_record(c, bytes, 0, next);
	if (s != BLOCK_OK)
		return s;
	l->place = 0;
	return remember_cluster(l, next) ? BLOCK_OK : BLOCK_ERROR;
}

/* Makes the next record of what changed, or of all, from cluster *from on. Returns its entries. */
static u32 collect(struct cow *c, bool all, u32 *from, u8 *bytes)
{
	u32 n = 0, most = entries_of_record(c);
	u8 *at = bytes + sizeof(struct cow_record);

	memset(bytes, 0, c->log.header.record_bytes);
	for (; *from < c->clusters && n < most; (*from)++) {
		struct cow_entry e = {.cluster = *from, .place = c->map[*from]};

		/* What changed since the data was flushed is for the next commit. */
		if (bit_get(c->changed, *from) || (all ? !e.place : !bit_get(c->recorded, *from)))
			continue;
		memcpy(at, &e, sizeof(e));
		at += sizeof(e);
		n++;
	}
	return n;
}

static enum block_status append(struct cow *c, bool all)
{
	u8 *bytes = malloc(c->log.header.record_bytes);
	enum block_status s = bytes ? BLOCK_OK : BLOCK_ERROR;
	u32 from = 0;

	while (s == BLOCK_OK) {
		u32 n;

		if (c->log.place + 1 == records_of_cluster(c)) {
			s = extend(c, bytes);
			continue;
		}
		n = collect(c, all, &from, bytes);
		if (!n)
			break;
		s = write_record(c, bytes, n, 0);
	}
	free(bytes);
	return s;
}

static u64 records_needed(const struct cow *c)
{
	u64 n = 0;

	for (u32 i = 0; i < c->clusters; i++)
		n += c->map[i] != 0;
	return n / entries_of_record(c) + 1;
}

static bool outgrown(const struct cow *c)
{
	return c->log.records > 2 * (u64)records_of_cluster(c) &&
	       c->log.records > 4 * records_needed(c);
}

static void start_log(struct cow_log *l, u32 place)
{
	l->header.generation++;
	l->header.log = place;
	l->header.sequence = l->sequence;
	l->header.checksum = cow_crc32c(&l->header, offsetof(struct cow_header, checksum));
	l->previous = l->header.checksum;
	l->place = 0;
	l->records = 0;
}

/* The same map as a new log, which holds when the other header names it. */
static enum block_status rewrite(struct cow *c)
{
	struct cow_log *l = &c->log;
	u32 *old = l->clusters, old_count = l->cluster_count, first = cow_place_take(c, true);
	enum block_status s;

	if (!first)
		return BLOCK_NO_SPACE;
	l->clusters = NULL;
	l->cluster_count = l->cluster_room = 0;
	start_log(l, first);
	s = remember_cluster(l, first) ? append(c, true) : BLOCK_ERROR;
	if (s == BLOCK_OK)
		s = block_io(c->overlay, BLOCK_FLUSH, 0, NULL, 0);
	l->slot ^= 1;
	if (s == BLOCK_OK)
		s = write_header(c);
	for (u32 i = 0; s == BLOCK_OK && i < old_count; i++)
		bit_clear(c->used, old[i]);
	free(old);
	return s;
}

static enum block_status commit(struct cow *c)
{
	enum block_status s;
	bool any = false;

	for (u32 i = 0; i < (c->clusters + 7) / 8; i++) {
		any |= c->changed[i] != 0;
		c->recorded[i] = c->changed[i];
		c->changed[i] = 0;
	}
	s = block_io(c->overlay, BLOCK_FLUSH, 0, NULL, 0);
	if (s != BLOCK_OK || !any)
		return s;
	if (outgrown(c))
		return rewrite(c);
	s = append(c, false);
	return s == BLOCK_OK ? block_io(c->overlay, BLOCK_FLUSH, 0, NULL, 0) : s;
}

enum block_status cow_log_commit(struct cow *c)
{
	u32 bytes = (c->places + 7) / 8;
	u8 *freed;
	enum block_status s;

	if (c->broken)
		return BLOCK_ERROR;
	/* Only what had been given up by now is said to be so by this commit. */
	freed = malloc(bytes);
	if (!freed)
		return BLOCK_ERROR;
	memcpy(freed, c->freed, bytes);
	memset(c->freed, 0, bytes);
	s = commit(c);
	for (u32 i = 0; s == BLOCK_OK && i < bytes; i++)
		c->used[i] &= (u8)~freed[i];
	cow_places_count(c);
	free(freed);
	/* The log's end is not known any more: the next record could stand behind a gap. */
	if (s != BLOCK_OK)
		c->broken = true;
	return s;
}

enum block_status cow_log_create(struct cow *c)
{
	struct cow_log *l = &c->log;
	u32 first = cow_place_take(c, true);

	if (!first)
		return BLOCK_NO_SPACE;
	/* Records of an earlier overlay that lie here do not follow this header. */
	l->header.generation = loop_wall_seconds() << 16;
	l->sequence = l->header.generation;
	start_log(l, first);
	l->slot = 0;
	return remember_cluster(l, first) ? write_header(c) : BLOCK_ERROR;
}

/* --- reading --- */

static bool record_valid(const struct cow *c, const u8 *bytes, struct cow_record *r)
{
	const struct cow_log *l = &c->log;
	u32 n = l->header.record_bytes, checksum;
	bool last = l->place + 1 == records_of_cluster(c);

	memcpy(r, bytes, sizeof(*r));
	memcpy(&checksum, bytes + n - 4, 4);
	return r->magic == COW_RECORD_MAGIC && r->sequence == l->sequence &&
	       r->previous == l->previous && r->count <= entries_of_record(c) &&
	       checksum == cow_crc32c(bytes, n - 4) && (r->next != 0) == last &&
	       (!last || (r->next >= COW_FIRST_CLUSTER && r->next < c->places));
}

static bool entry_valid(const struct cow *c, const struct cow_entry *e)
{
	return e->cluster < c->clusters &&
	       (e->place == COW_ZERO || (e->place >= COW_FIRST_CLUSTER && e->place < c->places));
}

static bool take_entries(struct cow *c, const u8 *bytes, u32 count)
{
	const u8 *at = bytes + sizeof(struct cow_record);

	for (u32 i = 0; i < count; i++, at += sizeof(struct cow_entry)) {
		struct cow_entry e;

		memcpy(&e, at, sizeof(e));
		if (!entry_valid(c, &e))
			return false;
		c->map[e.cluster] = e.place;
	}
	return true;
}

/* One record. false: the log ends before it. */
static bool take_record(struct cow *c, const u8 *bytes)
{
	struct cow_log *l = &c->log;
	struct cow_record r;

	if (!record_valid(c, bytes, &r) || !take_entries(c, bytes, r.count))
		return false;
	memcpy(&l->previous, bytes + l->header.record_bytes - 4, 4);
	l->sequence++;
	l->records++;
	l->place++;
	if (!r.next)
		return true;
	l->place = 0;
	return remember_cluster(l, r.next);
}

static void mark_used(struct cow *c)
{
	for (u32 i = 0; i < c->log.cluster_count; i++)
		bit_set(c->used, c->log.clusters[i]);
	for (u32 i = 0; i < c->clusters; i++)
		if (c->map[i] && c->map[i] != COW_ZERO)
			bit_set(c->used, c->map[i]);
}

enum block_status cow_log_replay(struct cow *c)
{
	struct cow_log *l = &c->log;
	u8 *bytes = malloc(COW_COPY_BYTES);
	u32 in_buffer = COW_COPY_BYTES / l->header.record_bytes;
	enum block_status s = BLOCK_ERROR;
	bool more = bytes && remember_cluster(l, (u32)l->header.log);

	l->sequence = l->header.sequence;
	l->previous = l->header.checksum;
	l->place = 0;
	while (more) {
		u64 at = sector_of(c, l->clusters[l->cluster_count - 1]) +
			 (u64)l->place * (l->header.record_bytes / COW_SECTOR);

		/* A cluster is a multiple of the buffer: the place is at a buffer's beginning. */
		s = block_io(c->overlay, BLOCK_READ, at, bytes, COW_COPY_BYTES);
		more = s == BLOCK_OK;
		for (u32 i = 0; more && i < in_buffer; i++)
			more = take_record(c, bytes + (size_t)i * l->header.record_bytes);
	}
	free(bytes);
	mark_used(c);
	cow_places_count(c);
	return s;
}
