/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables that are good, damaged, or lie. */
// links: dom0/block/partition_table.c dom0/block/gpt.c dom0/block/mbr.c
// links: tests/fake/partition_fake.c
// libs: -lz
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/block/partition_table.h>
#include <partition_fake.h>
#include <zlib.h>

#define SECTORS 4096u /* of either size */

static u8 *disk;
static u32 sector_size;
static u64 unreadable; /* a sector */
static char lines[65536];
static struct partition_table table;
static struct gpt_maker maker;

static bool read_disk(void *ctx, u64 sector, void *data, size_t bytes)
{
	(void)ctx;
	assert_int_equal(bytes % sector_size, 0);
	assert_int_equal(sector * 512 % sector_size, 0);
	assert_true(sector * 512 + bytes <= (u64)SECTORS * sector_size);
	if (unreadable >= sector && unreadable < sector + bytes / 512)
		return false;
	memcpy(data, disk + sector * 512, bytes);
	return true;
}

static void log_line(void *ctx, const char *text)
{
	(void)ctx;
	assert_null(strchr(text, '\n'));
	strcat(lines, text);
	strcat(lines, "\n");
}

static bool read_table(void)
{
	struct partition_disk d = {.sectors = (u64)SECTORS * sector_size / 512,
				   .sector_size = sector_size,
				   .read = read_disk,
				   .log = log_line};

	lines[0] = 0;
	memset(&table, 0xAA, sizeof(table));
	return partition_table_read(&d, &table);
}

static const struct gpt_part three[] = {
	{100, 199, 0x11, "boot"}, {200, 999, 0x22, "root"}, {2000, 2000, 0x33, "tiny"}};

static void start(u32 size)
{
	free(disk);
	sector_size = size;
	unreadable = ~0ull;
	disk = calloc(SECTORS, size);
	maker = (struct gpt_maker){.disk = disk,
				   .sectors = SECTORS,
				   .sector_size = size,
				   .entries = 128,
				   .entry_size = 128};
}

static void start_gpt(u32 size)
{
	start(size);
	gpt_make(&maker, three, 3);
}

static void expect_three(void)
{
	u64 unit = sector_size / 512;

	assert_string_equal(table.kind, "GPT");
	assert_int_equal(table.count, 3);
	assert_true(table.parts[0].number == 1 && table.parts[0].start == 100 * unit &&
		    table.parts[0].count == 100 * unit);
	assert_true(table.parts[1].number == 2 && table.parts[1].start == 200 * unit &&
		    table.parts[1].count == 800 * unit);
	assert_true(table.parts[2].number == 3 && table.parts[2].count == unit);
	assert_string_equal(table.parts[1].label, "root");
	assert_string_equal(table.parts[0].uuid, "11111111-1111-1111-1111-111111111111");
}

static void good_gpt(void **state)
{
	static const u32 sizes[] = {512, 4096};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		start_gpt(sizes[i]);
		assert_true(read_table());
		expect_three();
		assert_string_equal(lines, "");
	}
	/* Larger entries, and a number of them that fills no whole sector. */
	start(512);
	maker.entries = 7;
	maker.entry_size = 256;
	gpt_make(&maker, three, 3);
	assert_true(read_table());
	expect_three();
}

/* The bytes of a GUID in the order in which it is written. */
static void guid_order(void **state)
{
	(void)state;
	start_gpt(512);
	for (u8 i = 0; i < 16; i++)
		gpt_entries(&maker, 1)[16 + i] = i;
	gpt_seal(&maker, 1);
	assert_true(read_table());
	assert_string_equal(table.parts[0].uuid, "03020100-0504-0706-0809-0a0b0c0d0e0f");
}

static void names(void **state)
{
	static const u16 text[] = {'a',    0xE4, 0x20AC, 0xD83D, 0xDE00,
				   0xD800, 'b',  0x1B,   0xDC00, 0x9B};
	u8 *name;

	(void)state;
	start_gpt(512);
	name = gpt_entries(&maker, 1) + 56;
	for (unsigned int i = 0; i < ARRAY_SIZE(text); i++) {
		name[2 * i] = (u8)text[i];
		name[2 * i + 1] = (u8)(text[i] >> 8);
	}
	/* The longest there is, and half a pair at its very end. */
	for (unsigned int i = 0; i < 36; i++) {
		name[128 + 2 * i] = 0xFF;
		name[128 + 2 * i + 1] = 0x4E;
	}
	name[128 + 71] = 0xD8;
	gpt_seal(&maker, 1);
	assert_true(read_table());
	assert_string_equal(table.parts[0].label,
			    "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBD"
			    "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	assert_int_equal(strlen(table.parts[1].label), 108);
}

static u8 *header(u64 lba)
{
	return disk + lba * sector_size;
}

/* The first copy is damaged in each way: the other one is used. */
static void damaged_first_copy(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 9; way++) {
		start_gpt(way % 2 ? 4096 : 512);
		switch (way) {
		case 0:
			header(1)[0] ^= 1;
			break;
		case 1:
			header(1)[60] ^= 1; /* the checksum of the header is wrong */
			break;
		case 2:
			gpt_entries(&maker, 1)[40] ^= 1; /* that of the entries */
			break;
		case 3:
			put_le32(header(1) + 12, 91);
			break;
		case 4:
			put_le32(header(1) + 12, 0xFFFFFFFF);
			break;
		case 5:
			put_le64(header(1) + 24, 2);
			gpt_seal(&maker, 1);
			break;
		case 6:
			unreadable = sector_size / 512;
			break;
		case 7:
			unreadable = 2 * sector_size / 512;
			break;
		case 8: /* also the protective MBR */
			memset(disk, 0, 3 * sector_size);
			break;
		}
		assert_true(read_table());
		expect_three();
		assert_non_null(strstr(lines, "copy at the end is used"));
	}
}

static void both_damaged(void **state)
{
	(void)state;
	start_gpt(512);
	header(1)[60] ^= 1;
	header(SECTORS - 1)[60] ^= 1;
	assert_true(read_table());
	assert_true(table.count == 0 && !table.kind);
	assert_non_null(strstr(lines, "both copies of the GPT are damaged"));
	start_gpt(512);
	unreadable = 0;
	assert_false(read_table());
}

/* A header with good checksums that lies. */
static void lying_headers(void **state)
{
	static const struct {
		unsigned int offset;
		u64 value;
		bool wide;
	} lies[] = {
		{80, 0, false},          {80, 0xFFFFFFFF, false}, {80, 1025, false},
		{84, 0, false},          {84, 64, false},         {84, 192, false},
		{84, 0x80000000, false}, {84, 4096, false},       {72, 0, true},
		{72, 1, true},           {72, SECTORS, true},     {72, SECTORS - 1, true},
		{72, ~0ull, true},       {72, 1ull << 63, true},  {12, 513, false},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(lies); i++) {
		u8 *h;

		start_gpt(512);
		h = header(1);
		if (lies[i].wide)
			put_le64(h + lies[i].offset, lies[i].value);
		else
			put_le32(h + lies[i].offset, (u32)lies[i].value);
		put_le32(h + 16, 0);
		/* Only the header's sum: the entries may be anywhere. */
		put_le32(h + 16, (u32)crc32(0, h, (uInt)min_u64(partition_le32(h + 12), 512)));
		assert_true(read_table());
		expect_three();
		assert_non_null(strstr(lines, "copy at the end is used"));
	}
}

static void bad_entries(void **state)
{
	static const struct gpt_part parts[] = {
		{100, 199, 1, "good"},
		{150, 300, 2, "overlaps"},
		{10, 20, 3, "in the table"},
		{4000, 4095, 4, "over the copy"},
		{500, 400, 5, "backwards"},
		{5000, 6000, 6, "outside"},
		{600, ~0ull, 7, "endless"},
		{0, ~0ull, 8, "everything"},
		{200, 200, 9, "good too"},
		{199, 199, 10, "overlaps the end"},
		{90, 100, 11, "overlaps the start"},
		{50, 2000, 12, "contains"},
	};

	(void)state;
	start(512);
	gpt_make(&maker, parts, ARRAY_SIZE(parts));
	assert_true(read_table());
	assert_int_equal(table.count, 2);
	assert_string_equal(table.parts[0].label, "good");
	assert_string_equal(table.parts[1].label, "good too");
	assert_int_equal(table.parts[1].number, 9);
	assert_non_null(strstr(lines, "partition 2 is refused: it overlaps partition 1"));
	assert_non_null(strstr(lines, "partition 3 is refused: sectors 10 to 20 are out of range"));
	for (unsigned int i = 4; i <= 8; i++) {
		char what[40];

		snprintf(what, sizeof(what), "partition %u is refused: sectors", i);
		assert_non_null(strstr(lines, what));
	}
	/* More than there is room for. */
	start(512);
	maker.entries = 200;
	gpt_make(&maker, NULL, 0);
	for (unsigned int i = 0; i < 200; i++) {
		u8 *e = gpt_entries(&maker, 1) + (size_t)i * 128;

		e[0] = e[16] = 1;
		put_le64(e + 32, 100 + i);
		put_le64(e + 40, 100 + i);
	}
	gpt_seal(&maker, 1);
	assert_true(read_table());
	assert_int_equal(table.count, PARTITIONS_MAX);
	assert_non_null(strstr(lines, "partition 200 is refused: there are too many"));
}

/* The disk is smaller than when the table was made, or larger. */
static void other_size(void **state)
{
	struct gpt_maker larger;

	(void)state;
	start(512);
	larger = maker;
	larger.sectors = 2 * SECTORS;
	larger.disk = calloc(larger.sectors, 512);
	gpt_make(&larger,
		 (const struct gpt_part[]){{100, 199, 1, "fits"}, {4000, 4096, 2, "does not"}}, 2);
	memcpy(disk, larger.disk, (size_t)SECTORS * 512);
	free(larger.disk);
	assert_true(read_table());
	assert_int_equal(table.count, 1);
	assert_string_equal(table.parts[0].label, "fits");
}

/* --- MBR --- */

static void good_mbr(void **state)
{
	static const u32 sizes[] = {512, 4096};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		u64 unit = sizes[i] / 512;

		start(sizes[i]);
		put_le32(disk + 440, 0xDEADBEEF);
		disk[446] = 0x80;
		mbr_put(disk, 0, 0x83, 64, 100);
		mbr_put(disk, 2, 0x05, 1000, 1000);
		mbr_put(disk, 3, 0x07, 3000, 1096);
		mbr_put(header(1000), 0, 0x83, 10, 90);
		mbr_put(header(1000), 1, 0x05, 200, 300);
		mbr_put(header(1200), 0, 0x82, 1, 1);
		mbr_put(header(1200), 1, 0x05, 500, 500); /* an empty link */
		mbr_put(header(1500), 1, 0x0F, 600, 400);
		mbr_put(header(1600), 0, 0x83, 1, 399);
		assert_true(read_table());
		assert_string_equal(lines, "");
		assert_string_equal(table.kind, "MBR");
		assert_int_equal(table.count, 5);
		assert_true(table.parts[0].number == 1 && table.parts[0].start == 64 * unit);
		assert_true(table.parts[1].number == 4 && table.parts[1].count == 1096 * unit);
		assert_true(table.parts[2].number == 5 && table.parts[2].start == 1010 * unit &&
			    table.parts[2].count == 90 * unit);
		assert_true(table.parts[3].number == 6 && table.parts[3].start == 1201 * unit);
		assert_true(table.parts[4].number == 7 && table.parts[4].start == 1601 * unit);
		assert_string_equal(table.parts[0].uuid, "deadbeef-01");
		assert_string_equal(table.parts[4].uuid, "deadbeef-07");
		assert_string_equal(table.parts[0].label, "");
	}
}

static void bad_mbr(void **state)
{
	(void)state;
	start(512);
	mbr_put(disk, 0, 0x83, 0, 100);        /* over the table itself */
	mbr_put(disk, 1, 0x83, 4000, 97);      /* one too long */
	mbr_put(disk, 2, 0x83, 0xFFFFFFFF, 2); /* around the end of all numbers */
	mbr_put(disk, 3, 0x83, 4000, 96);
	assert_true(read_table());
	assert_true(table.count == 1 && table.parts[0].number == 4);
	/* Two extended ones, and a logical one that leaves its own. */
	start(512);
	mbr_put(disk, 0, 0x05, 100, 100);
	mbr_put(disk, 1, 0x0F, 300, 100);
	mbr_put(header(100), 0, 0x83, 50, 51);
	assert_true(read_table());
	assert_int_equal(table.count, 0);
	assert_non_null(strstr(lines, "a second extended one"));
	assert_non_null(strstr(lines, "partition 5 is refused"));
	/* A file system's first sector. */
	start(512);
	memset(disk, 0x41, 510);
	disk[510] = 0x55;
	disk[511] = 0xAA;
	assert_true(read_table());
	assert_true(table.count == 0 && !table.kind && lines[0] == 0);
	/* Nothing at all. */
	start(512);
	assert_true(read_table());
	assert_true(table.count == 0 && !table.kind && lines[0] == 0);
}

static void bad_chains(void **state)
{
	(void)state;
	/* In a circle. */
	start(512);
	mbr_put(disk, 0, 0x05, 100, 1000);
	mbr_put(header(100), 0, 0x83, 1, 10);
	mbr_put(header(100), 1, 0x05, 50, 100);
	mbr_put(header(150), 0, 0x83, 1, 10);
	mbr_put(header(150), 1, 0x05, 20, 100);
	mbr_put(header(120), 1, 0x05, 50, 100);
	assert_true(read_table());
	assert_int_equal(table.count, 2);
	assert_non_null(strstr(lines, "is a circle"));
	/* Without an end. */
	start(512);
	mbr_put(disk, 0, 0x05, 100, 3000);
	for (u32 i = 0; i < 900; i++) {
		mbr_put(header(100 + 3 * i), 0, 0x83, 1, 1);
		mbr_put(header(100 + 3 * i), 1, 0x05, 3 * i + 3, 3);
	}
	assert_true(read_table());
	assert_int_equal(table.count, 60);
	assert_non_null(strstr(lines, "too long"));
	/* To where there is none, and out of the extended partition, and off the disk. */
	for (u32 way = 0; way < 3; way++) {
		start(512);
		mbr_put(disk, 0, 0x05, 100, way == 2 ? 0xFFFFFFFF : 1000);
		mbr_put(header(100), 0, 0x83, 1, 10);
		mbr_put(header(100), 1, 0x05, way == 0 ? 300 : way == 1 ? 1000 : 0xFFFFFFF0, 10);
		mbr_put(header(1100), 0, 0x83, 1, 10);
		assert_true(read_table());
		assert_int_equal(table.count, 1);
		assert_non_null(strstr(lines, "breaks off"));
	}
	/* One that cannot be read. */
	start(512);
	mbr_put(disk, 0, 0x05, 100, 1000);
	unreadable = 100;
	assert_true(read_table());
	assert_non_null(strstr(lines, "breaks off"));
}

static void last(void **state)
{
	(void)state;
	free(disk);
	disk = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_gpt),     cmocka_unit_test(guid_order),
		cmocka_unit_test(names),        cmocka_unit_test(damaged_first_copy),
		cmocka_unit_test(both_damaged), cmocka_unit_test(lying_headers),
		cmocka_unit_test(bad_entries),  cmocka_unit_test(other_size),
		cmocka_unit_test(good_mbr),     cmocka_unit_test(bad_mbr),
		cmocka_unit_test(bad_chains),   cmocka_unit_test(last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
