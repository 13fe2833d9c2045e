/* SPDX-License-Identifier: BSD-2-Clause */
/* The GUID partition table: UEFI Specification 2.10, "GUID Partition Table (GPT) Disk Layout". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/block/partition_table.h>
#include <drivers/block.h>
#include <zlib.h>

#define HEADER_LEAST    92u
#define ENTRY_LEAST     128u
#define ENTRY_MOST      4096u
#define ENTRIES_MOST    1024u
#define ARRAY_MOST      (256u << 10) /* bytes */
#define NAME_CHARACTERS 36u

struct gpt_header {
	u64 first, last; /* usable, both included */
	u64 array;
	u32 entries, entry_size, array_crc;
};

static u32 crc_of(const u8 *p, size_t bytes)
{
	return (u32)crc32(0, p, (uInt)bytes);
}

static u32 header_crc(u8 *sector, u32 size)
{
	u8 stored[4];
	u32 crc;

	memcpy(stored, sector + 16, sizeof(stored));
	memset(sector + 16, 0, sizeof(stored));
	crc = crc_of(sector, size);
	memcpy(sector + 16, stored, sizeof(stored));
	return crc;
}

/* What is wrong with the header that was read from lba, or NULL. */
static const char *parse_header(const struct partition_disk *d, u64 lba, u8 *sector,
				struct gpt_header *h)
{
	u64 end = d->sectors / (d->sector_size / BLOCK_SECTOR);
	u32 size = partition_le32(sector + 12);
	u64 array_sectors;

	if (memcmp(sector, "EFI PART", 8) != 0)
		return "there is none";
	if (size < HEADER_LEAST || size > d->sector_size)
		return "its header has an impossible size";
	if (header_crc(sector, size) != partition_le32(sector + 16))
		return "its header's checksum is wrong";
	if (partition_le64(sector + 24) != lba)
		return "its header says that it lies elsewhere";
	*h = (struct gpt_header){.first = partition_le64(sector + 40),
				 .last = partition_le64(sector + 48),
				 .array = partition_le64(sector + 72),
				 .entries = partition_le32(sector + 80),
				 .entry_size = partition_le32(sector + 84),
				 .array_crc = partition_le32(sector + 88)};
	if (h->entry_size < ENTRY_LEAST || h->entry_size > ENTRY_MOST ||
	    (h->entry_size & (h->entry_size - 1)) || !h->entries || h->entries > ENTRIES_MOST ||
	    h->entries * h->entry_size > ARRAY_MOST)
		return "its entries have an impossible number or size";
	array_sectors = align_up(h->entries * h->entry_size, d->sector_size) / d->sector_size;
	if (h->array < 2 || h->array >= end || array_sectors > end - h->array)
		return "its entries lie outside the disk";
	return NULL;
}

/* The entries, checked; NULL: not readable, or wrong. The caller frees them. */
static u8 *read_entries(const struct partition_disk *d, const struct gpt_header *h)
{
	size_t bytes = (size_t)h->entries * h->entry_size;
	size_t whole = align_up(bytes, d->sector_size);
	u8 *p = malloc(whole);

	if (p && d->read(d->ctx, h->array * (d->sector_size / BLOCK_SECTOR), p, whole) &&
	    crc_of(p, bytes) == h->array_crc)
		return p;
	free(p);
	return NULL;
}

/* The first three fields of a GUID are little-endian: UEFI Specification, "EFI GUID". */
static void guid_text(const u8 *g, char *text)
{
	snprintf(text, PARTITION_UUID_MAX,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2],
		 g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
		 g[15]);
}

static char *put_utf8(char *at, u32 c)
{
	if (c < 0x80) {
		*at++ = (char)c;
	} else if (c < 0x800) {
		*at++ = (char)(0xC0 | c >> 6);
		*at++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*at++ = (char)(0xE0 | c >> 12);
		*at++ = (char)(0x80 | (c >> 6 & 63));
		*at++ = (char)(0x80 | (c & 63));
	} else {
		*at++ = (char)(0xF0 | c >> 18);
		*at++ = (char)(0x80 | (c >> 12 & 63));
		*at++ = (char)(0x80 | (c >> 6 & 63));
		*at++ = (char)(0x80 | (c & 63));
	}
	return at;
}

/* UTF-16 to UTF-8. Halves of pairs, and what would move a terminal's cursor, become U+FFFD. */
static void label_text(const u8 *name, char *text)
{
	for (unsigned int i = 0; i < NAME_CHARACTERS; i++) {
		u32 c = (u32)name[2 * i] | (u32)name[2 * i + 1] << 8;
		u32 low = 0;

		if (!c)
			break;
		if (i + 1 < NAME_CHARACTERS)
			low = (u32)name[2 * i + 2] | (u32)name[2 * i + 3] << 8;
		if (c >= 0xD800 && c < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
			i++;
		} else if ((c >= 0xD800 && c < 0xE000) || c < 0x20 || (c >= 0x7F && c < 0xA0)) {
			c = 0xFFFD;
		}
		text = put_utf8(text, c);
	}
	*text = '\0';
}

static void add_entries(const struct partition_disk *d, const struct gpt_header *h,
			const u8 *entries, struct partition_table *t)
{
	static const u8 unused[16];

	for (u32 i = 0; i < h->entries; i++) {
		const u8 *e = entries + (size_t)i * h->entry_size;
		u64 start = partition_le64(e + 32), end = partition_le64(e + 40);
		struct partition *p;

		if (memcmp(e, unused, sizeof(unused)) == 0)
			continue;
		/* An end before the start makes a count that is out of range, or none. */
		p = partition_add(d, t, i + 1, start, end < start ? 0 : end - start + 1, h->first,
				  h->last);
		if (!p)
			continue;
		guid_text(e + 16, p->uuid);
		label_text(e + 56, p->label);
	}
}

/* The copy whose header lies at lba. What is wrong with it, or NULL. */
static const char *read_copy(const struct partition_disk *d, u64 lba, u8 *sector,
			     struct partition_table *t)
{
	const char *wrong;
	struct gpt_header h;
	u8 *entries;

	if (!partition_read_sector(d, lba, sector))
		return "it cannot be read";
	wrong = parse_header(d, lba, sector, &h);
	if (wrong)
		return wrong;
	entries = read_entries(d, &h);
	if (!entries)
		return "its entries cannot be read, or their checksum is wrong";
	add_entries(d, &h, entries, t);
	free(entries);
	return NULL;
}

bool gpt_read(const struct partition_disk *d, struct partition_table *t)
{
	u64 end = d->sectors / (d->sector_size / BLOCK_SECTOR);
	u8 *sector = malloc(d->sector_size);
	const char *wrong = sector ? read_copy(d, 1, sector, t) : "out of memory";
	bool ok = !wrong;

	if (sector && wrong && end > 2 && !read_copy(d, end - 1, sector, t)) {
		partition_log(d, "the GPT's copy at the end is used, the first one is bad: %s",
			      wrong);
		ok = true;
	}
	free(sector);
	return ok;
}
