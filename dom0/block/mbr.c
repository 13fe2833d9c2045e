/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions as on the first PCs: four in the first sector, one of which may hold a chain of more.
 * UEFI Specification 2.10, "LBA 0 Format", has the first sector; the chain is custom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/block/partition_table.h>

#define DISK_ID      440u
#define ENTRIES      446u
#define ENTRY_COUNT  4u
#define ENTRY_SIZE   16u
#define SIGNATURE    510u
#define LOGICAL_MOST 60u

struct mbr_entry {
	u8 status, type;
	u32 start, count;
};

static struct mbr_entry entry_at(const u8 *sector, unsigned int i)
{
	const u8 *e = sector + ENTRIES + (size_t)i * ENTRY_SIZE;

	return (struct mbr_entry){.status = e[0],
				  .type = e[4],
				  .start = partition_le32(e + 8),
				  .count = partition_le32(e + 12)};
}

static bool extended(u8 type)
{
	return type == 0x05 || type == 0x0F || type == 0x85;
}

static bool has_signature(const u8 *sector)
{
	return sector[SIGNATURE] == 0x55 && sector[SIGNATURE + 1] == 0xAA;
}

/* A file system's boot sector has the signature too, but code where the entries would be. */
enum mbr_kind mbr_kind_of(const u8 *sector)
{
	enum mbr_kind kind = MBR_NONE;

	if (!has_signature(sector))
		return MBR_NONE;
	for (unsigned int i = 0; i < ENTRY_COUNT; i++) {
		struct mbr_entry e = entry_at(sector, i);

		if (e.status & 0x7F)
			return MBR_NONE;
		if (e.type == 0xEE)
			return MBR_PROTECTIVE;
		if (e.type)
			kind = MBR_TABLE;
	}
	return kind;
}

static void add(const struct partition_disk *d, struct partition_table *t, u32 disk_id,
		unsigned int number, u64 start, u64 count, u64 first, u64 last)
{
	struct partition *p = partition_add(d, t, number, start, count, first, last);

	if (p)
		snprintf(p->uuid, sizeof(p->uuid), "%08x-%02x", disk_id, number);
}

/* Each link of the chain names a partition, from itself on, and the next link, from the extended
 * partition's beginning on. false: the chain ends here. */
static bool follow(const struct partition_disk *d, struct partition_table *t, const u8 *sector,
		   const struct mbr_entry *outer, u32 *link, unsigned int *number, u32 disk_id)
{
	struct mbr_entry own = entry_at(sector, 0), next = entry_at(sector, 1);
	u64 base = (u64)outer->start + *link;

	if (own.type && !extended(own.type) && own.count) {
		add(d, t, disk_id, *number, base + own.start, own.count, (u64)outer->start + 1,
		    (u64)outer->start + outer->count - 1);
		(*number)++;
	}
	*link = next.start;
	return extended(next.type) && next.start;
}

static void read_chain(const struct partition_disk *d, struct partition_table *t, u8 *sector,
		       const struct mbr_entry *outer, u32 disk_id)
{
	u32 visited[LOGICAL_MOST] = {0}, link = 0;
	unsigned int number = 5;

	for (unsigned int n = 0; n < LOGICAL_MOST; n++) {
		for (unsigned int i = 0; i < n; i++)
			if (visited[i] == link) {
				partition_log(d, "the chain of logical partitions is a circle");
				return;
			}
		visited[n] = link;
		if (link >= outer->count ||
		    !partition_read_sector(d, (u64)outer->start + link, sector) ||
		    !has_signature(sector)) {
			partition_log(d,
				      "the chain of logical partitions breaks off at sector %llu",
				      (unsigned long long)outer->start + link);
			return;
		}
		if (!follow(d, t, sector, outer, &link, &number, disk_id))
			return;
	}
	partition_log(d, "the chain of logical partitions is too long");
}

bool mbr_read(const struct partition_disk *d, const u8 *sector, struct partition_table *t)
{
	u32 disk_id = partition_le32(sector + DISK_ID);
	struct mbr_entry outer = {0};

	for (unsigned int i = 0; i < ENTRY_COUNT; i++) {
		struct mbr_entry e = entry_at(sector, i);

		if (!e.type || !e.count)
			continue;
		if (!extended(e.type))
			add(d, t, disk_id, i + 1, e.start, e.count, 1, ~0ull);
		else if (outer.type)
			partition_log(d, "partition %u is ignored: a second extended one", i + 1);
		else
			outer = e;
	}
	if (outer.type) {
		u8 *link = malloc(d->sector_size);

		if (!link)
			return false;
		read_chain(d, t, link, &outer, disk_id);
		free(link);
	}
	return true;
}
