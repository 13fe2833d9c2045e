// SPDX-License-Identifier: BSD-2-Clause
// AHCI: taking the controller, requests, flushes, discards.
// links: drivers/ahci/hba.c drivers/ahci/queue.c drivers/ahci/link.c drivers/ahci/disk.c
// links: drivers/ata/command.c drivers/ata/identify.c
// links: tests/fake/device_fake.c tests/fake/ata_disk_fake.c tests/fake/block_client_fake.c
// links: tests/host/drivers/ahci/ahci_fake.c
#include "bed.h"

#include <drivers/ahci/ahci.h>

static void comes_and_goes(void **state)
{
	struct block_device *b = attach();
	struct device_id nvme = {.class_code = 1, .subclass = 8, .prog_if = 2};

	(void)state;
	assert_true(ahci_driver.match(&a.f.d.id));
	assert_false(ahci_driver.match(&nvme));
	assert_string_equal(a.f.disk_names[0], "p0");
	assert_int_equal(a.f.disk_count, 1);
	assert_int_equal(b->sectors, SECTORS);
	assert_int_equal(b->queue_depth, 32);
	assert_int_equal(b->address_limit, ~0ull);
	assert_true(b->write_cache && b->discard && !b->needs_cpu);
	assert_string_equal(b->serial, "S1");
	a.f.d.driver->detach(&a.f.d, false);
	assert_int_equal(a.hba_resets, 2);
	assert_int_equal(a.ghc & 2, 0);
}

static void thirty_two_in_one_go(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	a.backwards = true;
	for (unsigned int i = 0; i < 32; i++) {
		client_fill(i, (u8)i);
		client_submit(b, i, BLOCK_WRITE, (u64)i * 8, 8);
	}
	assert_int_equal(a.port[0].ci, 0);
	b->ops->kick(b);
	assert_int_equal(a.port[0].ci, ~0u);
	assert_int_equal(a.told, 1);
	assert_int_equal(fake_ahci_run(&a, 0, 5), 5);
	fake_device_irq(&a.f, 0);
	assert_int_equal(client[31].done, 1);
	assert_int_equal(client[26].done, 0);
	fake_ahci_run(&a, 0, 32);
	fake_device_irq(&a.f, 0);
	client_expect(32, BLOCK_OK);
	a.automatic = true;
	read_pages(b, 32);
}

static void more_than_the_slots(void **state)
{
	struct block_device *b = attach();

	(void)state;
	write_pages(b, 0, 100);
	pass(100 * MS);
	client_expect(100, BLOCK_OK);
	read_pages(b, 100);
	assert_int_equal(a.largest_batch, 32);
}

static void a_disk_with_a_short_queue(void **state)
{
	struct block_device *b;

	(void)state;
	disk.identity[75] = 3;
	b = attach();
	assert_int_equal(b->queue_depth, 4);
	a.automatic = false;
	write_pages(b, 0, 20);
	assert_int_equal(a.port[0].ci, 0xF);
	a.automatic = true;
	pass(100 * MS);
	client_expect(20, BLOCK_OK);
}

static void without_ncq(void **state)
{
	struct block_device *b;

	(void)state;
	a.cap &= ~(1u << 30);
	b = attach();
	assert_int_equal(b->queue_depth, 1);
	write_pages(b, 0, 20);
	pass(300 * MS);
	client_expect(20, BLOCK_OK);
	assert_int_equal(a.largest_batch, 1);
	assert_int_equal(a.told, 20);
	pass(300 * MS);
	a.told = 0;
	for (unsigned int i = 0; i < 20; i++)
		client_submit(b, i, BLOCK_READ, i * 8, 8);
	b->ops->kick(b);
	pass(300 * MS);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(client_has(i, (u8)i));
}

/* A flush waits for what came before, and what comes later waits for it. */
static void a_flush_keeps_its_place(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 3);
	client_submit(b, 3, BLOCK_FLUSH, 0, 0);
	client_fill(4, 4);
	client_submit(b, 4, BLOCK_WRITE, 32, 8);
	b->ops->kick(b);
	assert_int_equal(a.port[0].ci, 7);
	fake_ahci_run(&a, 0, 2);
	fake_device_irq(&a.f, 0);
	assert_int_equal(a.port[0].ci, 4); /* not yet */
	fake_ahci_run(&a, 0, 1);
	fake_device_irq(&a.f, 0);
	assert_int_equal(disk.flushes, 0);
	assert_int_equal(fake_ahci_run(&a, 0, 32), 1); /* the flush alone */
	assert_int_equal(disk.flushes, 1);
	assert_memory_equal(disk.medium, client[0].data, CLIENT_BYTES);
	assert_int_equal(client[3].done, 0);
	fake_device_irq(&a.f, 0);
	assert_int_equal(client[3].done, 1);
	assert_int_equal(client[4].done, 0);
	assert_int_equal(fake_ahci_run(&a, 0, 32), 1);
	fake_device_irq(&a.f, 0);
	client_expect(5, BLOCK_OK);
}

static void no_cache_no_flush(void **state)
{
	struct block_device *b;

	(void)state;
	disk.identity[85] = 0;
	b = attach();
	assert_false(b->write_cache);
	client_submit(b, 0, BLOCK_FLUSH, 0, 0);
	client_expect(1, BLOCK_OK);
	assert_int_equal(disk.flushes, 0);
}

static void discards(void **state)
{
	struct block_device *b = attach();

	(void)state;
	write_pages(b, 0, 3);
	pass(50 * MS);
	client_expect(3, BLOCK_OK);
	client_submit(b, 0, BLOCK_DISCARD, 8, 8);
	b->ops->kick(b);
	pass(50 * MS);
	client_expect(1, BLOCK_OK);
	assert_int_equal(disk.trims, 1);
	for (unsigned int i = 0; i < CLIENT_BYTES; i++)
		assert_int_equal(disk.cache[CLIENT_BYTES + i], 0);
	assert_memory_equal(disk.cache + 2 * CLIENT_BYTES, client[2].data, CLIENT_BYTES);
}

/* 64 ranges of 65,535 sectors are one command; this takes three. A write waits behind it. */
static void a_long_discard(void **state)
{
	const u64 all = 3ull * 64 * 65535 - 1000;
	struct block_device *b;

	(void)state;
	disk.sectors = all;
	for (int i = 0; i < 4; i++)
		disk.identity[100 + i] = (u16)(all >> (16 * i));
	b = attach();
	client_submit(b, 0, BLOCK_DISCARD, 0, all);
	client_fill(1, 1);
	client_submit(b, 1, BLOCK_WRITE, 0, 8);
	b->ops->kick(b);
	pass(100 * MS);
	client_expect(2, BLOCK_OK);
	assert_int_equal(disk.trims, 3);
	assert_int_equal(disk.trimmed, all);
	assert_memory_equal(disk.cache, client[1].data, CLIENT_BYTES);
}

static void requests_that_cannot_be(void **state)
{
	struct block_device *b;

	(void)state;
	disk.identity[169] = 0;
	b = attach();
	client_submit(b, 0, BLOCK_DISCARD, 0, 8);
	client_expect(1, BLOCK_UNSUPPORTED);
	client_submit(b, 0, BLOCK_READ, 0, 0);
	client_expect(1, BLOCK_OK);
	client[1].r.segment_count = 0;
}

static void large_sectors(void **state)
{
	struct block_device *b;

	(void)state;
	fake_ata_free(&disk);
	fake_ata_init(&disk, 512, 4096, "S4K");
	b = attach();
	assert_int_equal(b->sector_size, 4096);
	assert_int_equal(b->sectors, 4096);
	write_pages(b, 0, 40);
	pass(50 * MS);
	client_expect(40, BLOCK_OK);
	assert_memory_equal(disk.cache + 5 * 4096, client[5].data, 4096);
	read_pages(b, 40);
	client_submit(b, 0, BLOCK_READ, 1, 8);
	client_expect(1, BLOCK_INVALID);
}

static void a_controller_of_32_bits(void **state)
{
	(void)state;
	a.cap &= ~(1u << 31);
	assert_int_equal(attach()->address_limit, 0xFFFFFFFF);
}

static void spin_up_by_turns(void **state)
{
	(void)state;
	a.cap |= 1u << 27;
	a.port[0].spin_up = 8000 * MS;
	a.port[2].spin_up = 8000 * MS;
	fake_ahci_plug(&a, 2, &disk);
	attach();
	assert_int_equal(a.f.disk_count, 2);
	assert_string_equal(a.f.disk_names[1], "p2");
	assert_true(a.f.now > 16000 * MS);
}

static void other_devices_are_left_alone(void **state)
{
	struct fake_ata_disk other;

	(void)state;
	fake_ata_init(&other, 100, 512, "CD");
	fake_ahci_plug(&a, 1, &other);
	a.port[1].signature = 0xEB140101;
	fake_ahci_plug(&a, 2, &other);
	a.port[2].signature = 0x96690101;
	attach();
	assert_int_equal(a.f.disk_count, 1);
	assert_true(logged("port 1: an ATAPI device; left alone"));
	assert_true(logged("port 2: a port multiplier; left alone"));
	pass(1000 * MS);
	assert_int_equal(other.commands, 0);
	assert_int_equal(a.port[1].resets, 2); /* plugged in, and the controller's */
	fake_ata_free(&other);
}

static void disks_that_talk_nonsense(void **state)
{
	(void)state;
	memset(disk.identity, 0xFF, sizeof(disk.identity));
	assert_int_equal(fake_device_attach(&a.f), 0);
	assert_int_equal(a.f.disk_count, 0);
	assert_true(logged("left alone"));
}

static void a_disk_that_never_is_ready(void **state)
{
	(void)state;
	a.port[0].dead_after_reset = true;
	assert_int_equal(fake_device_attach(&a.f), 0);
	assert_int_equal(a.f.disk_count, 0);
	assert_true(a.f.now < 25000 * MS);
}

static void a_disk_that_ignores_identify(void **state)
{
	(void)state;
	a.port[0].hangs = true;
	assert_int_equal(fake_device_attach(&a.f), 0);
	assert_int_equal(a.f.disk_count, 0);
	assert_true(a.f.now < 8000 * MS);
}

static void the_firmware_lets_go(void **state)
{
	(void)state;
	a.cap2 = 1;
	a.bohc = 1;
	a.bios_waits = 3;
	attach();
	assert_int_equal(a.bohc & 3, 2);
	assert_false(logged("firmware"));
}

static void the_firmware_does_not_let_go(void **state)
{
	(void)state;
	a.cap2 = 1;
	a.bohc = 1 | 1u << 4;
	attach();
	assert_true(logged("firmware"));
	assert_true(a.f.now < 4000 * MS);
}

static void controllers_that_cannot_be_used(void **state)
{
	(void)state;
	a.f.out_of_memory = true;
	assert_true(fake_device_attach(&a.f) < 0);
	a.f.out_of_memory = false;
	a.reset_hangs = true;
	assert_true(fake_device_attach(&a.f) < 0);
	a.reset_hangs = false;
	a.gone = true;
	assert_true(fake_device_attach(&a.f) < 0);
	a.gone = false;
	a.f.d.bar_size[5] = 0;
	assert_true(fake_device_attach(&a.f) < 0);
	assert_null(a.f.d.state);
	assert_int_equal(a.f.allocations + a.f.dma_allocations, 0);
	a.f.d.bar_size[5] = 0x100 + FAKE_PORTS * 0x80;
	attach();
}

static void without_interrupts(void **state)
{
	struct block_device *b;

	(void)state;
	a.f.interrupts = 0;
	b = attach();
	write_pages(b, 0, 100);
	fake_device_pass(&a.f, 20 * MS, MS);
	client_expect(100, BLOCK_OK);
	pass(2000 * MS);
	assert_int_equal(a.f.timer_at, 0); /* nothing to look for */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_and_goes),
		TEST(thirty_two_in_one_go),
		TEST(more_than_the_slots),
		TEST(a_disk_with_a_short_queue),
		TEST(without_ncq),
		TEST(a_flush_keeps_its_place),
		TEST(no_cache_no_flush),
		TEST(discards),
		TEST(a_long_discard),
		TEST(requests_that_cannot_be),
		TEST(large_sectors),
		TEST(a_controller_of_32_bits),
		TEST(spin_up_by_turns),
		TEST(other_devices_are_left_alone),
		TEST(disks_that_talk_nonsense),
		TEST(a_disk_that_never_is_ready),
		TEST(a_disk_that_ignores_identify),
		TEST(the_firmware_lets_go),
		TEST(the_firmware_does_not_let_go),
		TEST(controllers_that_cannot_be_used),
		TEST(without_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
