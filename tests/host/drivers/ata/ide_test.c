// SPDX-License-Identifier: BSD-2-Clause
// IDE disks: found, used, in trouble, gone.
// links: drivers/ata/ide.c drivers/ata/probe.c drivers/ata/request.c drivers/ata/registers.c
// links: drivers/ata/command.c drivers/ata/identify.c
// links: tests/fake/device_fake.c tests/fake/ata_disk_fake.c tests/fake/block_client_fake.c
// links: tests/host/drivers/ata/ide_fake.c
#include "ide_fake.h"

#include <drivers/ata/ata.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <block_client_fake.h>

#define MS      1000000ull
#define SECTORS 4096u

static struct fake_ide ide;
static struct fake_ata_disk disk[2];

static int set_up(void **state)
{
	(void)state;
	fake_ide_init(&ide);
	fake_ata_init(&disk[0], SECTORS, 512, "S0");
	fake_ata_init(&disk[1], SECTORS, 512, "S1");
	ide.channel[0].drive[0] = &disk[0];
	client_init(&ide.f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (ide.f.d.state)
		ide.f.d.driver->detach(&ide.f.d, ide.gone);
	fake_device_end(&ide.f);
	fake_ide_free(&ide);
	fake_ata_free(&disk[0]);
	fake_ata_free(&disk[1]);
	return 0;
}

static struct block_device *attach(void)
{
	assert_int_equal(fake_device_attach(&ide.f), 0);
	assert_non_null(ide.f.disks[0]);
	return ide.f.disks[0];
}

static void pass(u64 ns)
{
	fake_device_pass(&ide.f, ns, MS);
}

static void write_pages(struct block_device *b, unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++) {
		client_fill(i, (u8)i);
		client_submit(b, i, BLOCK_WRITE, (u64)i * 8, 8);
	}
	b->ops->kick(b);
}

static void read_pages(struct block_device *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		memset(client[i].data, 0, CLIENT_BYTES);
		client_submit(b, i, BLOCK_READ, (u64)i * 8, 8);
	}
	b->ops->kick(b);
	pass(n * 20 * MS);
	client_expect(n, BLOCK_OK);
	for (unsigned int i = 0; i < n; i++)
		assert_true(client_has(i, (u8)i));
}

static bool logged(const char *text)
{
	return strstr(ide.f.log, text) != NULL;
}

static void comes_and_goes(void **state)
{
	struct block_device *b = attach();
	struct device_id no_master = {.class_code = 1, .subclass = 1, .prog_if = 0x0A};

	(void)state;
	assert_true(ata_driver.match(&ide.f.d.id));
	assert_false(ata_driver.match(&no_master));
	assert_int_equal(ide.f.disk_count, 1);
	assert_string_equal(ide.f.disk_names[0], "p0");
	assert_int_equal(b->sectors, SECTORS);
	assert_int_equal(b->segment_boundary, 65535);
	assert_int_equal(b->address_limit, 0xFFFFFFFF);
	assert_int_equal(b->max_segment, 65536);
	assert_true(b->write_cache && b->discard && !b->needs_cpu);
	assert_true(ide.f.now < 1000 * MS); /* an empty channel is not waited for */
	assert_false(logged("s0") || logged("p1"));
	assert_int_equal(ide.channel[0].control, 0);
	ide.f.d.driver->detach(&ide.f.d, false);
	assert_int_equal(ide.channel[0].control, 2);
}

static void writes_and_reads(void **state)
{
	struct block_device *b = attach();

	(void)state;
	write_pages(b, 0, 100);
	pass(200 * MS);
	client_expect(100, BLOCK_OK);
	assert_memory_equal(disk[0].cache + 17 * 4096, client[17].data, 4096);
	read_pages(b, 100);
}

static void reads_beyond_28_bits(void **state)
{
	const u64 all = 0x10000000 + 100;
	struct block_device *b;

	(void)state;
	disk[0].sectors = all;
	for (int i = 0; i < 4; i++)
		disk[0].identity[100 + i] = (u16)(all >> (16 * i));
	b = attach();
	ide.automatic = false;
	client_submit(b, 0, BLOCK_READ, 0x10000010, 8);
	b->ops->kick(b);
	assert_int_equal(ide.channel[0].reg[0], 0x25);
	assert_int_equal(ide.channel[0].old[3], 0x10);
	assert_int_equal(ide.channel[0].reg[3], 0x10);
	assert_int_equal(ide.channel[0].old[2], 0);
	ide.automatic = true;
	pass(100 * MS); /* this fake has no memory there: it fails, three times */
	client_expect(1, BLOCK_ERROR);
}

/* Two drives on one channel take turns, whoever asks more. */
static void two_drives_take_turns(void **state)
{
	struct block_device *b, *c;

	(void)state;
	ide.channel[0].drive[1] = &disk[1];
	b = attach();
	c = ide.f.disks[1];
	assert_string_equal(ide.f.disk_names[1], "p1");
	ide.automatic = false;
	write_pages(b, 0, 20);
	write_pages(c, 20, 2);
	for (int i = 0; i < 4; i++) {
		assert_true(fake_ide_run(&ide, 0));
		fake_ide_interrupt(&ide);
	}
	assert_int_equal(client[21].done, 1);
	ide.automatic = true;
	pass(100 * MS);
	client_expect(22, BLOCK_OK);
	assert_memory_equal(disk[1].cache + 21 * 4096, client[21].data, 4096);
	assert_int_equal(disk[1].writes, 2);
}

static void two_channels_at_once(void **state)
{
	struct block_device *c;

	(void)state;
	ide.channel[1].drive[1] = &disk[1];
	attach();
	c = ide.f.disks[1];
	assert_string_equal(ide.f.disk_names[1], "s1");
	ide.automatic = false;
	write_pages(ide.f.disks[0], 0, 2);
	write_pages(c, 2, 2);
	assert_true(ide.channel[0].pending && ide.channel[1].pending);
	ide.automatic = true;
	pass(100 * MS);
	client_expect(4, BLOCK_OK);
}

static void one_interrupt_for_both(void **state)
{
	(void)state;
	ide.f.interrupts = 1;
	ide.channel[1].drive[0] = &disk[1];
	attach();
	write_pages(ide.f.disks[0], 0, 20);
	write_pages(ide.f.disks[1], 20, 20);
	pass(100 * MS);
	client_expect(40, BLOCK_OK);
	assert_false(logged("lost"));
}

static void without_interrupts(void **state)
{
	(void)state;
	ide.f.interrupts = 0;
	attach();
	write_pages(ide.f.disks[0], 0, 20);
	pass(100 * MS);
	client_expect(20, BLOCK_OK);
	pass(2000 * MS);
	assert_int_equal(ide.f.timer_at, 0);
}

static void an_atapi_drive_is_left_alone(void **state)
{
	(void)state;
	ide.channel[1].drive[0] = &disk[1];
	ide.channel[1].atapi[0] = true;
	attach();
	assert_int_equal(ide.f.disk_count, 1);
	assert_true(logged("s0: an ATAPI device; left alone"));
	assert_int_equal(ide.channel[1].commands, 0);
}

static void flushes(void **state)
{
	struct block_device *b = attach();

	(void)state;
	write_pages(b, 0, 2);
	client_submit(b, 2, BLOCK_FLUSH, 0, 0);
	write_pages(b, 3, 1);
	ide.automatic = false;
	pass(MS);
	ide.automatic = true;
	pass(100 * MS);
	client_expect(4, BLOCK_OK);
	assert_int_equal(disk[0].flushes, 1);
	assert_memory_equal(disk[0].medium, client[0].data, 4096);
	assert_int_not_equal(memcmp(disk[0].medium + 3 * 4096, client[3].data, 4096), 0);
}

static void discards(void **state)
{
	const u64 all = 2ull * 64 * 65535 + 5;
	struct block_device *b;

	(void)state;
	disk[0].sectors = all;
	for (int i = 0; i < 4; i++)
		disk[0].identity[100 + i] = (u16)(all >> (16 * i));
	b = attach();
	client_submit(b, 0, BLOCK_DISCARD, 0, all);
	write_pages(b, 1, 1);
	pass(100 * MS);
	client_expect(2, BLOCK_OK);
	assert_int_equal(disk[0].trims, 3);
	assert_int_equal(disk[0].trimmed, all);
	assert_memory_equal(disk[0].cache + 4096, client[1].data, 4096);
}

static void pio(void **state)
{
	struct block_device *b;

	(void)state;
	disk[0].identity[49] = 0x0200;
	b = attach();
	assert_true(b->needs_cpu);
	assert_false(b->discard);
	write_pages(b, 0, 20);
	pass(400 * MS);
	client_expect(20, BLOCK_OK);
	assert_memory_equal(disk[0].cache + 17 * 4096, client[17].data, 4096);
	client_submit(b, 0, BLOCK_FLUSH, 0, 0);
	b->ops->kick(b);
	pass(10 * MS);
	client_expect(1, BLOCK_OK);
	assert_int_equal(disk[0].flushes, 1);
	read_pages(b, 20);
}

static void pio_with_large_sectors(void **state)
{
	struct block_segment pieces[2];
	struct block_device *b;

	(void)state;
	fake_ata_free(&disk[0]);
	fake_ata_init(&disk[0], 512, 4096, "S4K");
	disk[0].identity[49] = 0x0200;
	b = attach();
	write_pages(b, 0, 3);
	pass(100 * MS);
	client_expect(3, BLOCK_OK);
	/* A sector in two pieces. */
	pieces[0] = (struct block_segment){.cpu = client[5].data, .bytes = 1536};
	pieces[1] = (struct block_segment){.cpu = client[6].data, .bytes = 2560};
	client_submit(b, 0, BLOCK_READ, 8, 8);
	client[0].r.segments = pieces;
	client[0].r.segment_count = 2;
	b->ops->kick(b);
	pass(100 * MS);
	client_expect(1, BLOCK_OK);
	client_fill(4, 1);
	assert_memory_equal(client[5].data, client[4].data, 1536);
	assert_memory_equal(client[6].data, client[4].data + 1536, 2560);
}

static void a_mode_is_chosen_if_there_is_none(void **state)
{
	(void)state;
	disk[0].identity[88] = 0x003F;
	attach();
	assert_int_equal(disk[0].mode, 0x20);
	assert_false(ide.f.disks[0]->needs_cpu);
}

static void one_bus_master_for_both(void **state)
{
	(void)state;
	ide.channel[1].bm_status |= 0x80;
	ide.channel[1].drive[0] = &disk[1];
	attach();
	assert_false(ide.f.disks[0]->needs_cpu);
	assert_true(ide.f.disks[1]->needs_cpu);
}

static void errors(void **state)
{
	struct block_device *b = attach();

	(void)state;
	disk[0].bad_lba = 8 * 3;
	disk[0].bad_times = 2;
	write_pages(b, 0, 10);
	pass(100 * MS);
	client_expect(10, BLOCK_OK);
	disk[0].bad_times = 100;
	write_pages(b, 0, 10);
	pass(100 * MS);
	assert_int_equal(client[3].status, BLOCK_ERROR);
	assert_int_equal(disk[0].bad_times, 97);
	client[3].status = BLOCK_OK;
	client_expect(10, BLOCK_OK);
	assert_int_equal(ide.channel[0].resets, 1);
}

static void errors_of_pio(void **state)
{
	struct block_device *b;

	(void)state;
	disk[0].identity[49] = 0x0200;
	b = attach();
	disk[0].bad_lba = 8 * 3;
	disk[0].bad_times = 100;
	write_pages(b, 0, 10);
	pass(400 * MS);
	assert_int_equal(client[3].status, BLOCK_ERROR);
	client[3].status = BLOCK_OK;
	client_expect(10, BLOCK_OK);
}

static void errors_of_the_bus(void **state)
{
	struct block_device *b = attach();

	(void)state;
	ide.channel[0].bus_error = true;
	write_pages(b, 0, 10);
	pass(100 * MS);
	client_expect(10, BLOCK_OK);
	/* A transfer that ends early without an error is one. */
	memset(disk[0].cache, 0, SECTORS * 512);
	ide.channel[0].short_dma = true;
	write_pages(b, 0, 10);
	pass(100 * MS);
	client_expect(10, BLOCK_OK);
	read_pages(b, 10);
}

static void reset_with_32_outstanding(void **state)
{
	struct block_device *b, *c;

	(void)state;
	ide.channel[0].drive[1] = &disk[1];
	b = attach();
	c = ide.f.disks[1];
	ide.channel[0].wedged = true;
	write_pages(b, 0, 32);
	write_pages(c, 32, 32);
	pass(9000 * MS);
	assert_int_equal(client[0].done, 0);
	pass(5000 * MS);
	client_expect(64, BLOCK_OK);
	assert_int_equal(ide.channel[0].resets, 2);
	assert_true(logged("a command takes too long"));
	read_pages(b, 32);
	for (unsigned int i = 32; i < 64; i++) {
		client_fill(0, (u8)i);
		assert_memory_equal(disk[1].cache + i * 4096, client[0].data, 4096);
	}
}

static void wedged_again_and_again(void **state)
{
	struct block_device *b = attach();

	(void)state;
	write_pages(b, 0, 4);
	for (int i = 0; i < 3; i++) {
		ide.channel[0].wedged = true;
		pass(12000 * MS);
	}
	pass(100 * MS);
	assert_int_equal(ide.f.disk_count, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(client[i].done, 1);
}

static void a_drive_that_dies(void **state)
{
	struct block_device *b = attach();

	(void)state;
	ide.channel[0].wedged = true;
	ide.channel[0].dead_after_reset = true;
	write_pages(b, 0, 40);
	pass(20000 * MS);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(ide.f.disk_count, 0);
	assert_true(ide.f.now < 300000 * MS);
}

/* After the reset another disk answers: it must not get the first one's data. */
static void exchanged(void **state)
{
	struct block_device *b = attach();

	(void)state;
	ide.channel[0].wedged = true;
	write_pages(b, 0, 40);
	ide.channel[0].drive[0] = &disk[1];
	pass(20000 * MS);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(disk[1].writes, 0);
}

static void a_lost_interrupt(void **state)
{
	struct block_device *b = attach();

	(void)state;
	ide.mute = true;
	write_pages(b, 0, 2);
	pass(30000 * MS);
	client_expect(2, BLOCK_OK);
	assert_true(logged("an interrupt was lost"));
	assert_int_equal(ide.channel[0].resets, 1);
}

static void the_controller_is_gone(void **state)
{
	struct block_device *b = attach();

	(void)state;
	ide.automatic = false;
	write_pages(b, 0, 40);
	ide.gone = true;
	pass(20000 * MS);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(ide.f.disk_count, 0);
}

static void detached_under_load(void **state)
{
	struct block_device *b = attach();

	(void)state;
	ide.automatic = false;
	write_pages(b, 0, 40);
	ide.f.d.driver->detach(&ide.f.d, false);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(ide.channel[0].bm_command & 1, 0);
	assert_false(fake_ide_run(&ide, 0));
}

static void controllers_that_cannot_be_used(void **state)
{
	(void)state;
	ide.f.out_of_memory = true;
	assert_true(fake_device_attach(&ide.f) < 0);
	ide.f.out_of_memory = false;
	ide.f.d.bar_size[4] = 0;
	assert_true(fake_device_attach(&ide.f) < 0);
	ide.f.d.bar_size[4] = 16;
	ide.f.d.bar_size[2] = 0; /* the secondary channel is switched off */
	attach();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(comes_and_goes),
		TEST(writes_and_reads),
		TEST(reads_beyond_28_bits),
		TEST(two_drives_take_turns),
		TEST(two_channels_at_once),
		TEST(one_interrupt_for_both),
		TEST(without_interrupts),
		TEST(an_atapi_drive_is_left_alone),
		TEST(flushes),
		TEST(discards),
		TEST(pio),
		TEST(pio_with_large_sectors),
		TEST(a_mode_is_chosen_if_there_is_none),
		TEST(one_bus_master_for_both),
		TEST(errors),
		TEST(errors_of_pio),
		TEST(errors_of_the_bus),
		TEST(reset_with_32_outstanding),
		TEST(wedged_again_and_again),
		TEST(a_drive_that_dies),
		TEST(exchanged),
		TEST(a_lost_interrupt),
		TEST(the_controller_is_gone),
		TEST(detached_under_load),
		TEST(controllers_that_cannot_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
