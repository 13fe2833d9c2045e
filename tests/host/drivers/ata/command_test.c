// SPDX-License-Identifier: BSD-2-Clause
// What IDENTIFY tells, and the commands made of requests.
// links: drivers/ata/command.c drivers/ata/identify.c tests/fake/ata_disk_fake.c
#include <drivers/ata/command.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <ata_disk_fake.h>

static struct ata_identity parsed(const u16 *words)
{
	struct ata_identity id;

	assert_null(ata_identify_parse(words, &id));
	return id;
}

static struct fake_ata_disk disk;

static int set_up(void **state)
{
	(void)state;
	fake_ata_init(&disk, 1000, 512, "  SER 1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_ata_free(&disk);
	return 0;
}

static void a_usual_disk(void **state)
{
	struct ata_identity id = parsed(disk.identity);
	struct block_device b = {0};

	(void)state;
	assert_int_equal(id.sectors, 1000);
	assert_int_equal(id.sector_size, 512);
	assert_int_equal(id.physical_sector_size, 512);
	assert_int_equal(id.queue_depth, 32);
	assert_true(id.lba48 && id.ncq && id.trim && id.dma && id.dma_selected);
	assert_true(id.write_cache && id.flush && id.flush_ext && !id.removable);
	assert_string_equal(id.serial, "SER 1");
	assert_string_equal(id.model, "FAKE DISK");
	ata_describe(&id, &b);
	assert_string_equal(b.model, "FAKE DISK");
	assert_true(b.write_cache && b.discard);
	assert_int_equal(b.sectors, 1000);
	assert_true(ata_same_disk(&id, &id));
}

static void sector_sizes(void **state)
{
	struct ata_identity id;
	u16 *w = disk.identity;

	(void)state;
	w[106] = 0x6003; /* eight logical ones in a physical one */
	id = parsed(w);
	assert_int_equal(id.sector_size, 512);
	assert_int_equal(id.physical_sector_size, 4096);
	w[106] = 0x5000;
	w[117] = 2048; /* words */
	id = parsed(w);
	assert_int_equal(id.sector_size, 4096);
	assert_int_equal(id.sectors, 8000);
	for (u32 bad = 0; bad < 4; bad++) {
		static const u32 sizes[4] = {0, 0xFFFFFFFF, 500, 128};

		w[117] = (u16)sizes[bad];
		w[118] = (u16)(sizes[bad] >> 16);
		assert_non_null(ata_identify_parse(w, &id));
	}
	w[106] = 0xFFFF; /* not valid: the words mean nothing */
	assert_int_equal(parsed(w).sector_size, 512);
}

static void sums(void **state)
{
	struct ata_identity id;
	u16 *w = disk.identity;
	u8 sum = 0;

	(void)state;
	w[255] = 0x00A5;
	for (int i = 0; i < 256; i++)
		sum = (u8)(sum + (w[i] & 0xFF) + (w[i] >> 8));
	w[255] = (u16)(0xA5 | (u16)(u8)-sum << 8);
	assert_null(ata_identify_parse(w, &id));
	w[100] ^= 4;
	assert_non_null(ata_identify_parse(w, &id));
}

static void sizes_of_the_disk(void **state)
{
	u16 *w = disk.identity;
	struct ata_identity id;

	(void)state;
	memset(w + 100, 0xFF, 8); /* absurd: the short form counts */
	assert_int_equal(parsed(w).sectors, 1000);
	memset(w + 60, 0xFF, 4); /* absurd, too: no more than 28 bits reach */
	assert_int_equal(parsed(w).sectors, 0x0FFFFFFF);
	memset(w + 60, 0, 4);
	assert_non_null(ata_identify_parse(w, &id));
	memset(w + 100, 0, 8);
	w[69] = 8; /* extended number of sectors */
	w[230] = 77;
	assert_int_equal(parsed(w).sectors, 77);
}

static void old_and_odd_disks(void **state)
{
	u16 *w = disk.identity;
	struct ata_identity id;
	struct block_device b = {0};

	(void)state;
	w[83] = 0; /* says nothing of its abilities */
	id = parsed(w);
	assert_false(id.lba48 || id.ncq || id.trim || id.flush || id.flush_ext || id.write_cache);
	assert_int_equal(id.queue_depth, 1);
	w[83] = 0x4000;
	id = parsed(w); /* has a cache but nothing to flush it by */
	assert_true(id.write_cache);
	ata_describe(&id, &b);
	assert_false(b.write_cache);
	w[83] = 0x7400;
	w[76] = 0xFFFF; /* a parallel disk */
	assert_false(parsed(w).ncq);
	w[49] = 0x0100;
	assert_non_null(ata_identify_parse(w, &id));
	w[49] = 0x0300;
	w[0] = 0x8000;
	assert_non_null(ata_identify_parse(w, &id));
	memset(w, 0xFF, 512);
	assert_non_null(ata_identify_parse(w, &id));
	memset(w, 0, 512);
	assert_non_null(ata_identify_parse(w, &id));
}

static void transfer_modes(void **state)
{
	u16 *w = disk.identity;

	(void)state;
	w[88] = 0x003F;
	assert_false(parsed(w).dma_selected);
	w[63] = 0x0407;
	assert_true(parsed(w).dma_selected);
	w[63] = 0x0007;
	w[88] = 0x203F;
	w[53] = 0; /* word 88 means nothing */
	assert_false(parsed(w).dma_selected);
	w[49] = 0x0200;
	assert_false(parsed(w).dma);
}

static void long_and_short_forms(void **state)
{
	struct ata_identity id = parsed(disk.identity);
	struct ata_command c = ata_read_write(&id, ATA_DMA, false, 0x0ABCDEF0, 256);

	(void)state;
	assert_int_equal(c.opcode, ATA_READ_DMA);
	assert_int_equal(c.lba, 0xBCDEF0);
	assert_int_equal(c.device, 0x4A);
	assert_int_equal(c.count, 0);
	assert_false(c.ext);
	c = ata_read_write(&id, ATA_DMA, true, 0x0FFFFFFE, 1);
	assert_int_equal(c.opcode, ATA_WRITE_DMA);
	c = ata_read_write(&id, ATA_DMA, true, 0x0FFFFFFE, 2);
	assert_int_equal(c.opcode, ATA_WRITE_DMA_EXT);
	assert_int_equal(c.lba, 0x0FFFFFFE);
	assert_int_equal(c.device, 0x40);
	c = ata_read_write(&id, ATA_PIO, false, 0, 257);
	assert_int_equal(c.opcode, ATA_READ_SECTORS_EXT);
	assert_int_equal(c.count, 257);
	c = ata_read_write(&id, ATA_PIO, true, 5, 65536);
	assert_int_equal(c.opcode, ATA_WRITE_SECTORS_EXT);
	assert_int_equal(c.count, 0);
	c = ata_queued(&id, true, 0x123456789ABC, 8, 17);
	assert_int_equal(c.opcode, ATA_WRITE_FPDMA_QUEUED);
	assert_int_equal(c.features, 8);
	assert_int_equal(c.count, 17 << 3);
	id.sector_size = 4096;
	c = ata_queued(&id, false, 80, 16, 0);
	assert_int_equal(c.lba, 10);
	assert_int_equal(c.features, 2);
	id.lba48 = false;
	id.sector_size = 512;
	assert_int_equal(ata_max_bytes(&id), 131072);
}

static void flushes(void **state)
{
	struct ata_identity id = parsed(disk.identity);

	(void)state;
	assert_int_equal(ata_flush(&id).opcode, ATA_FLUSH_CACHE_EXT);
	id.flush_ext = false;
	assert_int_equal(ata_flush(&id).opcode, ATA_FLUSH_CACHE);
}

static void trims(void **state)
{
	struct ata_identity id = parsed(disk.identity);
	u64 block[64];

	(void)state;
	assert_int_equal(ata_trim_fill(&id, block, 100, 65536), 65536);
	assert_int_equal(block[0], 65535ull << 48 | 100);
	assert_int_equal(block[1], 1ull << 48 | 65635);
	for (int i = 2; i < 64; i++)
		assert_int_equal(block[i], 0);
	assert_int_equal(ata_trim_fill(&id, block, 0, 1ull << 40), 64 * 65535);
	id.sector_size = 4096;
	assert_int_equal(ata_trim_fill(&id, block, 8, 16), 16);
	assert_int_equal(block[0], 2ull << 48 | 1);
	assert_int_equal(ata_trim().features, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_usual_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sector_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sums, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sizes_of_the_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_and_odd_disks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(transfer_modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_and_short_forms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flushes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(trims, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
