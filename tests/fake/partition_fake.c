/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables for host tests: UEFI Specification 2.10, "GUID Partition Table (GPT) Disk
 * Layout". */
#include <partition_fake.h>

#include <dom0/block/partition_table.h>
#include <string.h>
#include <zlib.h>

void put_le32(u8 *p, u32 v)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (u8)(v >> 8 * i);
}

void put_le64(u8 *p, u64 v)
{
	put_le32(p, (u32)v);
	put_le32(p + 4, (u32)(v >> 32));
}

void mbr_put(u8 *sector, unsigned int i, u8 type, u32 start, u32 count)
{
	u8 *e = sector + 446 + 16 * i;

	e[4] = type;
	put_le32(e + 8, start);
	put_le32(e + 12, count);
	sector[510] = 0x55;
	sector[511] = 0xAA;
}

static u8 *header_at(const struct gpt_maker *m, u64 lba)
{
	return m->disk + lba * m->sector_size;
}

u8 *gpt_entries(const struct gpt_maker *m, u64 lba)
{
	return m->disk + partition_le64(header_at(m, lba) + 72) * m->sector_size;
}

void gpt_seal(const struct gpt_maker *m, u64 lba)
{
	u8 *h = header_at(m, lba);
	u32 bytes = partition_le32(h + 80) * partition_le32(h + 84);

	put_le32(h + 88, (u32)crc32(0, gpt_entries(m, lba), bytes));
	put_le32(h + 16, 0);
	put_le32(h + 16, (u32)crc32(0, h, partition_le32(h + 12)));
}

static void make_copy(const struct gpt_maker *m, u64 lba, u64 other, u64 array,
		      const struct gpt_part *parts, unsigned int count)
{
	u8 *h = header_at(m, lba);

	memset(h, 0, m->sector_size);
	memcpy(h, "EFI PART\0\0\1\0", 12);
	put_le32(h + 12, 92);
	put_le64(h + 24, lba);
	put_le64(h + 32, other);
	put_le64(h + 40, m->first_usable);
	put_le64(h + 48, m->last_usable);
	memset(h + 56, 0xD1, 16);
	put_le64(h + 72, array);
	put_le32(h + 80, m->entries);
	put_le32(h + 84, m->entry_size);
	memset(gpt_entries(m, lba), 0, (size_t)m->entries * m->entry_size);
	for (unsigned int i = 0; i < count; i++) {
		u8 *e = gpt_entries(m, lba) + (size_t)i * m->entry_size;

		memset(e, 0x77, 16);
		memset(e + 16, parts[i].id, 16);
		put_le64(e + 32, parts[i].first);
		put_le64(e + 40, parts[i].last);
		for (unsigned int c = 0; parts[i].name[c]; c++)
			e[56 + 2 * c] = (u8)parts[i].name[c];
	}
	gpt_seal(m, lba);
}

void gpt_make(struct gpt_maker *m, const struct gpt_part *parts, unsigned int count)
{
	u64 array_sectors =
		align_up((u64)m->entries * m->entry_size, m->sector_size) / m->sector_size;

	m->first_usable = 2 + array_sectors;
	m->last_usable = m->sectors - 2 - array_sectors;
	memset(m->disk, 0, 512);
	mbr_put(m->disk, 0, 0xEE, 1, (u32)m->sectors - 1);
	make_copy(m, 1, m->sectors - 1, 2, parts, count);
	make_copy(m, m->sectors - 1, 1, m->last_usable + 1, parts, count);
}
