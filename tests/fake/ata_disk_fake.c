/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk behind the fake controllers. */
#include <ata_disk_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void put_text(u16 *words, unsigned int count, const char *text)
{
	size_t n = strlen(text);

	for (unsigned int i = 0; i < count; i++) {
		u8 a = i * 2 < n ? (u8)text[i * 2] : ' ';
		u8 b = i * 2 + 1 < n ? (u8)text[i * 2 + 1] : ' ';

		words[i] = (u16)(a << 8 | b);
	}
}

void fake_ata_init(struct fake_ata_disk *disk, u64 sectors, u32 sector_size, const char *serial)
{
	u16 *w = disk->identity;
	u64 small = sectors < 0x0FFFFFFF ? sectors : 0x0FFFFFFF;

	*disk = (struct fake_ata_disk){.sectors = sectors,
				       .backed = sectors,
				       .sector_size = sector_size,
				       .bad_lba = ~0ull};
	disk->cache = calloc(sectors, sector_size);
	disk->medium = calloc(sectors, sector_size);
	assert_true(disk->cache && disk->medium);
	put_text(w + 10, 10, serial);
	put_text(w + 27, 20, "FAKE DISK");
	w[49] = 0x0300; /* LBA, DMA */
	w[53] = 0x0006;
	w[60] = (u16)small;
	w[61] = (u16)(small >> 16);
	w[63] = 0x0007;
	w[75] = 31;
	w[76] = 0x0100; /* NCQ */
	w[82] = 0x0020;
	w[83] = 0x7400; /* flush, flush ext, LBA48 */
	w[84] = 0x4000;
	w[85] = 0x0020;
	w[86] = 0x3400;
	w[87] = 0x4000;
	w[88] = 0x203F;
	for (int i = 0; i < 4; i++)
		w[100 + i] = (u16)(sectors >> (16 * i));
	w[106] = (u16)(0x4000 | (sector_size > 512 ? 0x1000 : 0));
	w[117] = (u16)(sector_size / 2);
	w[169] = 1;
}

void fake_ata_free(struct fake_ata_disk *disk)
{
	free(disk->cache);
	free(disk->medium);
}

static u64 address(const struct fake_ata_command *c, bool ext)
{
	return ext ? c->lba : (c->lba & 0xFFFFFF) | (u64)(c->device & 0xF) << 24;
}

static u64 length(const struct fake_ata_command *c, bool ext)
{
	if (ext)
		return c->count ? c->count : 65536;
	return (c->count & 0xFF) ? c->count & 0xFFu : 256;
}

/* A read or write: where, how much. */
static bool extent(const struct fake_ata_command *c, u64 *lba, u64 *n, bool *write)
{
	bool ext = false;

	switch (c->opcode) {
	case 0x60:
	case 0x61:
		*lba = c->lba;
		*n = c->features ? c->features : 65536;
		*write = c->opcode == 0x61;
		return true;
	case 0x24:
	case 0x25:
	case 0x34:
	case 0x35:
		ext = true;
		break;
	case 0x20:
	case 0x30:
	case 0xC8:
	case 0xCA:
		break;
	default:
		return false;
	}
	*lba = address(c, ext);
	*n = length(c, ext);
	*write = c->opcode == 0x34 || c->opcode == 0x35 || c->opcode == 0x30 || c->opcode == 0xCA;
	return true;
}

bool fake_ata_shape(const struct fake_ata_disk *disk, const struct fake_ata_command *c,
		    size_t *bytes, bool *write)
{
	u64 lba, n;

	*bytes = 0;
	*write = false;
	if (extent(c, &lba, &n, write)) {
		*bytes = n * disk->sector_size;
		return true;
	}
	switch (c->opcode) {
	case 0xEC:
		*bytes = 512;
		return true;
	case 0x06:
		*bytes = (size_t)c->count * 512;
		*write = true;
		return true;
	case 0xE7:
	case 0xEA:
	case 0xEF:
		return true;
	default:
		return false;
	}
}

static bool trim(struct fake_ata_disk *disk, const struct fake_ata_command *c, const u8 *data)
{
	if (c->features != 1)
		return false;
	for (unsigned int i = 0; i < c->count * 64u; i++) {
		u64 entry, lba, n;

		memcpy(&entry, data + i * 8, 8);
		lba = entry & 0xFFFFFFFFFFFF;
		n = entry >> 48;
		if (lba + n > disk->sectors)
			return false;
		disk->trimmed += n;
		if (lba + n <= disk->backed)
			memset(disk->cache + lba * disk->sector_size, 0, n * disk->sector_size);
	}
	disk->trims++;
	return true;
}

static bool bad(struct fake_ata_disk *disk, u64 lba, u64 n)
{
	if (!disk->bad_times || disk->bad_lba < lba || disk->bad_lba >= lba + n)
		return false;
	disk->bad_times--;
	return true;
}

bool fake_ata_execute(struct fake_ata_disk *disk, const struct fake_ata_command *c, u8 *data)
{
	u64 lba, n;
	bool write;

	disk->commands++;
	if (extent(c, &lba, &n, &write)) {
		u8 *at = disk->cache + lba * disk->sector_size;

		if (lba + n > disk->backed || bad(disk, lba, n))
			return false;
		if (write)
			memcpy(at, data, n * disk->sector_size);
		else
			memcpy(data, at, n * disk->sector_size);
		disk->writes += write;
		disk->reads += !write;
		return true;
	}
	switch (c->opcode) {
	case 0xEC:
		memcpy(data, disk->identity, 512);
		return true;
	case 0xE7:
	case 0xEA:
		if (disk->flush_fails)
			return false;
		memcpy(disk->medium, disk->cache, disk->backed * disk->sector_size);
		disk->flushes++;
		return true;
	case 0xEF:
		disk->mode = (u8)c->count;
		return c->features == 3;
	case 0x06:
		return trim(disk, c, data);
	default:
		return false;
	}
}
