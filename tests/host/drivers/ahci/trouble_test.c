// SPDX-License-Identifier: BSD-2-Clause
// AHCI when things go wrong: no request is lost, ended twice, or done to the wrong disk.
// links: drivers/ahci/hba.c drivers/ahci/queue.c drivers/ahci/link.c drivers/ahci/disk.c
// links: drivers/ata/command.c drivers/ata/identify.c
// links: tests/fake/device_fake.c tests/fake/ata_disk_fake.c tests/fake/block_client_fake.c
// links: tests/host/drivers/ahci/ahci_fake.c
#include "bed.h"

/* An error ends the whole queue; all of it is done again. */
static void one_error_among_32(void **state)
{
	struct block_device *b = attach();

	(void)state;
	disk.bad_lba = 8 * 13;
	disk.bad_times = 1;
	write_pages(b, 0, 40);
	pass(2000 * MS);
	client_expect(40, BLOCK_OK);
	assert_true(logged("a command failed"));
	read_pages(b, 40);
}

static void a_bad_sector(void **state)
{
	struct block_device *b = attach();

	(void)state;
	disk.bad_lba = 8 * 13;
	disk.bad_times = 100;
	write_pages(b, 0, 40);
	pass(5000 * MS);
	assert_int_equal(disk.bad_times, 97); /* three tries */
	assert_int_equal(client[13].status, BLOCK_ERROR);
	assert_int_equal(client[13].done, 1);
	client[13].status = BLOCK_OK;
	client_expect(40, BLOCK_OK);
	/* Queueing works again afterwards. */
	a.largest_batch = 0;
	write_pages(b, 50, 20);
	assert_int_equal(a.largest_batch, 20);
	pass(100 * MS);
	for (int i = 50; i < 70; i++)
		assert_int_equal(client[i].status, BLOCK_OK);
}

static void a_flush_that_fails(void **state)
{
	struct block_device *b = attach();

	(void)state;
	disk.flush_fails = true;
	client_submit(b, 0, BLOCK_FLUSH, 0, 0);
	write_pages(b, 1, 1);
	pass(5000 * MS);
	assert_int_equal(client[0].status, BLOCK_ERROR);
	assert_int_equal(client[1].status, BLOCK_OK);
	assert_int_equal(client[0].done, 1);
	assert_int_equal(client[1].done, 1);
}

static void reset_with_32_outstanding(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 48);
	assert_int_equal(fake_ahci_run(&a, 0, 10), 10); /* some are done, nobody knows */
	a.port[0].wedged = true;
	a.mute = true;
	pass(9000 * MS);
	assert_int_equal(client[0].done, 0);
	for (int i = 0; i < 10; i++)
		disk.cache[i * 4096] ^= 0xFF; /* who repeats these would undo it */
	assert_true(a.port[0].wedged);
	a.mute = false;
	a.automatic = true;
	pass(3000 * MS);
	assert_false(a.port[0].wedged);
	client_expect(48, BLOCK_OK);
	for (int i = 0; i < 10; i++)
		disk.cache[i * 4096] ^= 0xFF;
	read_pages(b, 48);
}

static void a_late_command(void **state)
{
	struct block_device *b = attach();
	unsigned int before = a.port[0].resets;

	(void)state;
	a.port[0].hangs = true;
	write_pages(b, 0, 40);
	pass(11500 * MS);
	assert_true(a.port[0].resets > before);
	assert_true(logged("a command takes too long"));
	/* IDENTIFY hangs, too: it is given up, in bounded time. */
	pass(60000 * MS);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(a.f.disk_count, 0);
}

static void a_lost_interrupt(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.mute = true;
	write_pages(b, 0, 32);
	pass(12000 * MS);
	client_expect(32, BLOCK_OK);
	assert_true(logged("an interrupt was lost"));
	assert_false(logged("too long"));
}

/* Registers cleared behind the driver's back: found soon, not one time-out after the other. */
static void reset_by_somebody_else(void **state)
{
	struct block_device *b = attach();
	unsigned int before = a.hba_resets;

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 32);
	fake_ahci_run(&a, 0, 5);
	device_write32(&a.f.d, 5, 4, 0x80000001); /* GHC: AE, HR */
	assert_int_equal(a.hba_resets, before + 1);
	a.automatic = true;
	pass(3000 * MS);
	assert_int_equal(a.hba_resets, before + 2);
	client_expect(32, BLOCK_OK);
	assert_false(logged("too long"));
	read_pages(b, 32);
}

/* The engine does not stop: the controller is reset, and other ports come through unharmed. */
static void an_engine_that_does_not_stop(void **state)
{
	struct fake_ata_disk second;
	struct block_device *b, *c;

	(void)state;
	fake_ata_init(&second, SECTORS, 512, "S2");
	fake_ahci_plug(&a, 3, &second);
	b = attach();
	c = a.f.disks[1];
	disk.bad_lba = 8 * 13;
	disk.bad_times = 1;
	a.port[0].stuck = true;
	a.automatic = false;
	write_pages(b, 0, 32);
	write_pages(c, 32, 40);
	fake_ahci_run(&a, 3, 5);
	a.automatic = true;
	pass(5000 * MS);
	client_expect(72, BLOCK_OK);
	assert_int_equal(a.hba_resets, 2);
	assert_int_equal(a.f.removed, 0);
	assert_memory_equal(second.cache + 40 * 4096, client[40].data, 4096);
	read_pages(b, 32);
	a.f.d.driver->detach(&a.f.d, false);
	fake_ata_free(&second);
}

static void a_controller_that_no_reset_helps(void **state)
{
	struct block_device *b = attach();

	(void)state;
	disk.bad_lba = 8 * 13;
	disk.bad_times = 1;
	a.port[0].stuck = true;
	a.reset_hangs = true;
	write_pages(b, 0, 40);
	pass(5000 * MS);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(client[i].done, 1);
		assert_true(client[i].status == BLOCK_GONE || i < 13);
	}
	assert_int_equal(a.f.disk_count, 0);
	a.reset_hangs = false;
}

static void pulled_out(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 40);
	fake_ahci_run(&a, 0, 4);
	fake_ahci_unplug(&a, 0);
	fake_device_irq(&a.f, 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(client[i].status, BLOCK_OK);
		assert_int_equal(client[i].done, 1);
	}
	for (int i = 4; i < 40; i++) {
		assert_int_equal(client[i].status, BLOCK_GONE);
		assert_int_equal(client[i].done, 1);
	}
	assert_int_equal(a.f.removed, 1);
	a.automatic = true;
	fake_ahci_plug(&a, 0, &disk);
	pass(1000 * MS);
	assert_int_equal(a.f.disk_count, 1);
	assert_string_equal(a.f.disk_names[0], "p0");
	memset(client, 0, sizeof(client)); /* the segments, too */
	client_init(&a.f);
	write_pages(a.f.disks[0], 0, 40);
	pass(100 * MS);
	client_expect(40, BLOCK_OK);
}

static void plugged_in_later(void **state)
{
	struct fake_ata_disk second;

	(void)state;
	fake_ata_init(&second, SECTORS, 512, "S2");
	attach();
	fake_ahci_plug(&a, 2, &second);
	pass(1000 * MS);
	assert_int_equal(a.f.disk_count, 2);
	assert_string_equal(a.f.disk_names[1], "p2");
	a.f.d.driver->detach(&a.f.d, false);
	fake_ata_free(&second);
}

/* Exchanged before anybody looked: nothing of the old one's reaches the new one. */
static void exchanged(void **state)
{
	struct block_device *b = attach();
	struct fake_ata_disk second;

	(void)state;
	fake_ata_init(&second, SECTORS, 512, "S2");
	a.automatic = false;
	write_pages(b, 0, 40);
	fake_ahci_unplug(&a, 0);
	fake_ahci_plug(&a, 0, &second);
	a.automatic = true;
	fake_ahci_interrupt(&a);
	pass(1000 * MS);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(second.writes, 0);
	assert_int_equal(a.f.disk_count, 1);
	assert_int_equal(a.f.added, 2);
	assert_string_equal(a.f.disks[0]->serial, "S2");
	a.f.d.driver->detach(&a.f.d, false);
	fake_ata_free(&second);
}

/* A loose contact: the same disk is back at once. */
static void a_link_that_flaps(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 40);
	fake_ahci_unplug(&a, 0);
	fake_ahci_plug(&a, 0, &disk);
	a.automatic = true;
	fake_ahci_interrupt(&a);
	pass(1000 * MS);
	client_expect(40, BLOCK_OK);
	assert_int_equal(a.f.removed, 0);
	read_pages(b, 40);
}

static void the_controller_is_pulled_out(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 40);
	a.gone = true;
	fake_device_irq(&a.f, 0);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(a.f.disk_count, 0);
}

static void detached_under_load(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 40);
	a.f.d.driver->detach(&a.f.d, false);
	client_expect(40, BLOCK_GONE);
	assert_int_equal(a.port[0].cmd & 0x11, 0);
	assert_int_equal(fake_ahci_run(&a, 0, 40), 0);
}

static void detached_when_it_is_gone(void **state)
{
	struct block_device *b = attach();

	(void)state;
	a.automatic = false;
	write_pages(b, 0, 40);
	a.gone = true;
	a.f.d.driver->detach(&a.f.d, true);
	client_expect(40, BLOCK_GONE);
}

/* --- all of it at once --- */

static unsigned int seed;
static u8 expected[SECTORS / 8]; /* what each page holds, as a client's seed */
static u64 busy_pages[SECTORS / 8 / 64];
static struct block_device *soak_disk;
static unsigned int soak_left, soak_errors;
static u8 soak_page[CLIENT_REQUESTS], soak_seed[CLIENT_REQUESTS];

static unsigned int dice(unsigned int n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static void soak_submit(unsigned int i)
{
	unsigned int page = dice(250);

	if (!soak_left)
		return;
	soak_left--;
	while (busy_pages[page / 64] >> (page % 64) & 1)
		page = (page + 1) % 256;
	busy_pages[page / 64] |= 1ull << (page % 64);
	soak_page[i] = (u8)page;
	if (dice(16) == 0) {
		client_submit(soak_disk, i, BLOCK_FLUSH, 0, 0);
	} else if (dice(2)) {
		soak_seed[i] = (u8)dice(256);
		client_fill(i, soak_seed[i]);
		client_submit(soak_disk, i, BLOCK_WRITE, page * 8, 8);
	} else {
		memset(client[i].data, 0, CLIENT_BYTES);
		client_submit(soak_disk, i, BLOCK_READ, page * 8, 8);
	}
	if (dice(3) == 0)
		soak_disk->ops->kick(soak_disk);
}

static void soak_done(struct client_request *c)
{
	unsigned int i = (unsigned int)(c - client), page = soak_page[i];

	busy_pages[page / 64] &= ~(1ull << (page % 64));
	if (c->status == BLOCK_OK && c->r.op == BLOCK_WRITE)
		expected[page] = soak_seed[i];
	else if (c->status == BLOCK_OK && c->r.op == BLOCK_READ)
		assert_true(client_has(i, expected[page]));
	else if (c->status != BLOCK_OK)
		soak_errors++;
	soak_submit(i);
}

static void mishap(void)
{
	switch (dice(12)) {
	case 0:
		disk.bad_lba = dice(2048);
		disk.bad_times = 1;
		break;
	case 1:
		a.mute = !a.mute;
		break;
	case 2:
		a.port[0].wedged = true;
		pass(11000 * MS);
		break;
	case 3:
		fake_ahci_unplug(&a, 0);
		fake_ahci_plug(&a, 0, &disk);
		break;
	case 4:
		a.port[0].stuck = true;
		break;
	case 5:
		a.backwards = !a.backwards;
		break;
	default:
		fake_ahci_run(&a, 0, dice(32));
		break;
	}
}

static void soak(void **state)
{
	(void)state;
	seed = 5;
	soak_disk = attach();
	write_pages(soak_disk, 0, 128);
	pass(200 * MS);
	client_expect(128, BLOCK_OK);
	for (unsigned int i = 0; i < 256; i++)
		expected[i] = (u8)(i < 128 ? i : 0);
	for (unsigned int i = 128; i < 256; i++) {
		client_fill(0, 0);
		memcpy(disk.cache + i * 4096, client[0].data, 4096);
	}
	soak_left = 20000;
	for (unsigned int i = 0; i < 64; i++) {
		client[i].then = soak_done;
		soak_submit(i);
	}
	for (unsigned int i = 0; i < 4000 && (soak_left || a.port[0].ci); i++) {
		soak_disk->ops->kick(soak_disk);
		mishap();
		pass(dice(30) * MS);
		if (a.f.disk_count == 0)
			break;
	}
	a.mute = false;
	a.automatic = true;
	soak_disk->ops->kick(soak_disk);
	pass(60000 * MS);
	for (unsigned int i = 0; i < 64; i++)
		assert_false(client[i].under_way);
	assert_int_equal(soak_left, 0);
	assert_int_equal(a.f.removed, 0);
	assert_true(a.hba_resets > 3 && a.port[0].resets > 20);
	for (unsigned int i = 0; i < 256; i++) {
		client_fill(0, expected[i]);
		assert_memory_equal(disk.cache + i * 4096, client[0].data, 4096);
	}
	print_message("%u errors, %u resets of the link, %u of the controller\n", soak_errors,
		      a.port[0].resets, a.hba_resets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_error_among_32),
		TEST(a_bad_sector),
		TEST(a_flush_that_fails),
		TEST(reset_with_32_outstanding),
		TEST(a_late_command),
		TEST(a_lost_interrupt),
		TEST(reset_by_somebody_else),
		TEST(an_engine_that_does_not_stop),
		TEST(a_controller_that_no_reset_helps),
		TEST(pulled_out),
		TEST(plugged_in_later),
		TEST(exchanged),
		TEST(a_link_that_flaps),
		TEST(the_controller_is_pulled_out),
		TEST(detached_under_load),
		TEST(detached_when_it_is_gone),
		TEST(soak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
