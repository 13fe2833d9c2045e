/* SPDX-License-Identifier: BSD-2-Clause */
// links: tests/fake/device_fake.c tests/fake/usb/usb_fake.c tests/fake/usb/xhci_fake.c
// links: drivers/usb/xhci.c drivers/usb/xhci_ring.c drivers/usb/xhci_transfer.c
// links: drivers/usb/xhci_slot.c drivers/usb/xhci_port.c drivers/usb/xhci_start.c
// links: drivers/usb/usb.c drivers/usb/usb_enum.c drivers/usb/usb_hub.c drivers/usb/usb_desc.c
// links: drivers/usb/bot.c drivers/usb/msc.c drivers/usb/msc_unit.c drivers/usb/scsi.c
/* Sticks on an xHCI controller: found, read, written, pulled out, and misbehaving. */
#include <usb/xhci_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <tests/host/drivers/usb/io.h>

#define BLOCKS 4096u

static struct fake_xhci x;
static struct fake_usb stick;
static u8 disk[BLOCKS * 512];

static void begin(unsigned int port, enum usb_speed speed)
{
	fake_xhci_init(&x);
	machine = &x.f;
	fill(disk, sizeof(disk), 1);
	fake_stick(&stick, speed, disk, 512, BLOCKS);
	if (port)
		fake_xhci_plug(&x, port, &stick);
}

static void attach(void)
{
	assert_int_equal(fake_device_attach(&x.f), 0);
}

static void end(void)
{
	x.f.d.driver->detach(&x.f.d, x.gone);
	assert_int_equal(x.mistakes, 0);
	fake_device_end(&x.f);
}

static void check_read(u64 sector, u32 bytes, u32 piece)
{
	memset(memory, 0, bytes);
	assert_int_equal(do_io(BLOCK_READ, sector, memory, bytes, piece), BLOCK_OK);
	assert_memory_equal(memory, disk + sector * 512, bytes);
}

static void check_write(u64 sector, u32 bytes, u32 piece, unsigned int seed)
{
	fill(memory, bytes, seed);
	assert_int_equal(do_io(BLOCK_WRITE, sector, memory, bytes, piece), BLOCK_OK);
	assert_memory_equal(disk + sector * 512, memory, bytes);
}

/* --- what goes well --- */

static void finds(unsigned int port, enum usb_speed speed, bool wide, unsigned int scratch)
{
	const struct block_device *b;

	begin(port, speed);
	x.wide_contexts = wide;
	x.scratch = scratch;
	attach();
	assert_int_equal(x.f.disk_count, 1);
	b = x.f.disks[0];
	assert_int_equal(b->sectors, BLOCKS);
	assert_int_equal(b->sector_size, 512);
	assert_string_equal(b->model, "Plinth Test stick");
	assert_string_equal(b->serial, "AB12");
	assert_true(b->write_cache && !b->read_only);
	assert_int_equal(x.f.disk_names[0][0], 'p');
	assert_int_equal(x.f.disk_names[0][1], '0' + (int)port);
	assert_false(x.legacy & LEGACY_BIOS);
	check_read(0, 512, 512);
	check_read(7, 65536, 4096);
	check_write(100, 131072, 65536, 3);
	check_read(BLOCKS - 8, 4096, 1024);
	assert_int_equal(do_io(BLOCK_FLUSH, 0, NULL, 0, 1), BLOCK_OK);
	assert_int_equal(stick.syncs, 1);
	assert_true(x.interrupts > 0);
	end();
}

static void test_high(void **s)
{
	(void)s;
	finds(3, USB_HIGH, false, 0);
}
static void test_super(void **s)
{
	(void)s;
	finds(1, USB_SUPER, true, 4);
}
static void test_full(void **s)
{
	(void)s;
	finds(4, USB_FULL, true, 1);
}

/* Rings wrap again and again, with transfers of all sizes. */
static void test_many(void **s)
{
	(void)s;
	begin(1, USB_SUPER);
	attach();
	for (unsigned int i = 0; i < 400; i++) {
		u32 pieces = 1 + i * 37 % USB_SEGMENTS_MAX;

		if (i & 1)
			check_read(i, pieces * 1024, 1024);
		else
			check_write(i, pieces * 1024, 1024, i);
	}
	end();
}

static void test_queue(void **s)
{
	static struct io io[32];

	(void)s;
	begin(3, USB_HIGH);
	attach();
	fill(memory, sizeof(memory), 9);
	for (unsigned int i = 0; i < 32; i++)
		submit(&io[i], BLOCK_WRITE, i * 8, memory + i * 4096, 4096, 4096);
	fake_device_pass(&x.f, SEC, SEC / 10000);
	for (unsigned int i = 0; i < 32; i++) {
		assert_int_equal(io[i].done, 1);
		assert_int_equal(io[i].status, BLOCK_OK);
		forget(&io[i]);
	}
	assert_memory_equal(disk, memory, 32 * 4096);
	end();
}

static void test_no_interrupts(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	x.f.interrupts = 0;
	attach();
	check_read(1, 4096, 4096);
	end();
}

static void test_large_blocks(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	fake_stick(&stick, USB_HIGH, disk, 4096, BLOCKS / 8);
	attach();
	assert_int_equal(x.f.disks[0]->sectors, BLOCKS);
	check_read(16, 8192, 4096);
	assert_int_equal(do_io(BLOCK_READ, 4, memory, 4096, 4096), BLOCK_INVALID);
	end();
}

static void test_bad_requests(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	attach();
	assert_int_equal(do_io(BLOCK_READ, BLOCKS, memory, 512, 512), BLOCK_INVALID);
	assert_int_equal(do_io(BLOCK_WRITE, BLOCKS - 1, memory, 1024, 512), BLOCK_INVALID);
	assert_int_equal(do_io(BLOCK_READ, ~0ull, memory, 1024, 512), BLOCK_INVALID);
	assert_int_equal(do_io(BLOCK_DISCARD, 0, NULL, 0, 1), BLOCK_UNSUPPORTED);
	assert_int_equal(stick.commands, 0);
	end();
}

static void test_read_only(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	stick.protected = true;
	stick.cached = false;
	stick.last_lun = 0xFF;
	attach();
	assert_true(x.f.disks[0]->read_only && !x.f.disks[0]->write_cache);
	assert_int_equal(do_io(BLOCK_WRITE, 0, memory, 512, 512), BLOCK_INVALID);
	check_read(0, 512, 512);
	end();
}

static void test_no_mode_page(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	stick.no_mode = true;
	stick.no_sync = true;
	attach();
	assert_true(x.f.disks[0]->write_cache);
	assert_int_equal(do_io(BLOCK_FLUSH, 0, NULL, 0, 1), BLOCK_OK);
	end();
}

/* --- plugging --- */

static void test_hot_plug(void **s)
{
	static struct io io[3];

	(void)s;
	begin(0, USB_HIGH);
	attach();
	assert_int_equal(x.f.disk_count, 0);
	for (unsigned int i = 0; i < 5; i++) {
		fake_xhci_plug(&x, 3, &stick);
		fake_device_pass(&x.f, 2 * SEC, SEC / 100);
		assert_int_equal(x.f.disk_count, 1);
		check_read(i, 4096, 4096);
		stick.dead = true; /* so that they are under way */
		for (unsigned int k = 0; k < 3; k++)
			submit(&io[k], BLOCK_READ, k, memory + k * 4096, 4096, 4096);
		fake_device_pass(&x.f, SEC / 100, SEC / 1000);
		fake_xhci_unplug(&x, 3);
		fake_device_pass(&x.f, SEC, SEC / 100);
		for (unsigned int k = 0; k < 3; k++) {
			assert_int_equal(io[k].done, 1);
			assert_int_equal(io[k].status, BLOCK_GONE);
			forget(&io[k]);
		}
		assert_int_equal(x.f.disk_count, 0);
	}
	assert_int_equal(x.f.removed, 5);
	end();
}

static void test_unplug_in_attach(void **s)
{
	(void)s;
	for (unsigned int n = 1; n < 40; n++) {
		begin(3, USB_HIGH);
		stick.hard = n & 1;
		attach();
		stick.hard = false;
		fake_xhci_unplug(&x, 3);
		fake_device_pass(&x.f, n * SEC / 1000, SEC / 1000);
		fake_xhci_plug(&x, 3, &stick);
		fake_device_pass(&x.f, n * SEC / 100, SEC / 1000);
		fake_xhci_unplug(&x, 3);
		fake_device_pass(&x.f, 3 * SEC, SEC / 100);
		assert_int_equal(x.f.disk_count, 0);
		end();
	}
}

static void test_replug_unnoticed(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	attach();
	fake_xhci_unplug(&x, 3);
	fake_xhci_plug(&x, 3, &stick);
	fake_device_pass(&x.f, 2 * SEC, SEC / 100);
	assert_int_equal(x.f.added, 2);
	assert_int_equal(x.f.removed, 1);
	check_read(3, 512, 512);
	end();
}

static void test_hub(void **s)
{
	static struct fake_usb hub;

	(void)s;
	begin(0, USB_HIGH);
	fake_hub(&hub, USB_HIGH, 4);
	fake_hub_plug(&hub, 2, &stick);
	fake_xhci_plug(&x, 4, &hub);
	attach();
	fake_device_pass(&x.f, 2 * SEC, SEC / 100);
	assert_int_equal(x.f.disk_count, 1);
	assert_string_equal(x.f.disk_names[0], "p4.2");
	check_write(5, 8192, 4096, 4);
	fake_hub_plug(&hub, 2, NULL);
	fake_device_pass(&x.f, 8 * SEC, SEC / 100);
	assert_int_equal(x.f.disk_count, 0);
	fake_hub_plug(&hub, 3, &stick);
	fake_device_pass(&x.f, 2 * SEC, SEC / 100);
	assert_string_equal(x.f.disk_names[0], "p4.3");
	fake_xhci_unplug(&x, 4);
	fake_device_pass(&x.f, 2 * SEC, SEC / 100);
	assert_int_equal(x.f.disk_count, 0);
	end();
}

static void test_units(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	stick.last_lun = 2;
	attach();
	assert_int_equal(x.f.disk_count, 3);
	assert_string_equal(x.f.disk_names[2], "p3l2");
	end();
}

static void test_card_reader(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	stick.no_medium = true;
	attach();
	assert_int_equal(x.f.disk_count, 0);
	stick.no_medium = false;
	stick.unit_attention = 0x28;
	fake_device_pass(&x.f, 5 * SEC, SEC / 10);
	assert_int_equal(x.f.disk_count, 1);
	check_read(0, 512, 512);
	/* Another card: what was asked of the first one must not reach it. */
	stick.unit_attention = 0x28;
	assert_int_equal(do_io(BLOCK_WRITE, 0, memory, 512, 512), BLOCK_GONE);
	assert_int_equal(stick.writes, 0);
	assert_int_equal(x.f.added, 2);
	assert_int_equal(x.f.disk_count, 1);
	check_read(0, 512, 512);
	end();
}

/* --- misbehaviour --- */

static void test_faults(void **s)
{
	static const struct {
		enum fake_fault fault;
		bool reset;
	} cases[] = {
		{FAKE_CSW_SIGNATURE, true}, {FAKE_CSW_TAG, true},     {FAKE_CSW_SHORT, true},
		{FAKE_CSW_STALL, false},    {FAKE_CSW_EMPTY, false},  {FAKE_PHASE, true},
		{FAKE_RESIDUE, true},       {FAKE_DATA_STALL, false}, {FAKE_HANG, true},
		{FAKE_TRANSACTION, true},   {FAKE_HANG_HARD, false},
	};

	(void)s;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned int op = 0; op < 2; op++) {
			begin(3, USB_HIGH);
			attach();
			stick.fault = cases[i].fault;
			stick.at = 2;
			stick.times = 1;
			check_read(3, 4096, 4096);
			if (op)
				check_write(9, 16384, 4096, i);
			else
				check_read(9, 16384, 4096);
			assert_int_equal(stick.times, 0);
			assert_int_equal(stick.resets, cases[i].reset ? 1 : 0);
			assert_int_equal(x.f.removed, 0);
			check_read(9, 16384, 4096);
			check_write(200, 4096, 4096, i);
			assert_int_equal(x.mistakes, 0);
			end();
		}
}

/* Errors that stay end the request with an error, after three attempts; the disk stays. */
static void test_lasting_faults(void **s)
{
	static const enum fake_fault faults[] = {FAKE_CSW_SIGNATURE, FAKE_PHASE, FAKE_TRANSACTION,
						 FAKE_CHECK, FAKE_PART};

	(void)s;
	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++) {
		begin(3, USB_HIGH);
		attach();
		stick.fault = faults[i];
		stick.times = 100;
		assert_int_equal(do_io(BLOCK_READ, 8, memory, 4096, 4096), BLOCK_ERROR);
		assert_int_equal(stick.times, 97);
		stick.times = 0;
		check_read(8, 4096, 4096);
		end();
	}
}

/* A request in the middle of 32 fails; none is lost, none done to the wrong place. */
static void test_faults_in_queue(void **s)
{
	static struct io io[32];

	(void)s;
	for (unsigned int f = FAKE_CSW_SIGNATURE; f <= FAKE_TRANSACTION; f++) {
		begin(1, USB_SUPER);
		attach();
		stick.fault = f;
		stick.at = 11;
		stick.times = f == FAKE_HANG_HARD ? 1 : 2;
		fill(memory, sizeof(memory), f);
		for (unsigned int i = 0; i < 32; i++)
			submit(&io[i], BLOCK_WRITE, i * 8, memory + i * 4096, 4096, 1024);
		finish(io, 32);
		for (unsigned int i = 0; i < 32; i++) {
			assert_int_equal(io[i].done, 1);
			assert_int_equal(io[i].status, BLOCK_OK);
			forget(&io[i]);
		}
		assert_memory_equal(disk, memory, 32 * 4096);
		assert_int_equal(x.f.removed, 0);
		end();
	}
}

/* After a reset by us "medium may have changed" is forgiven, if it looks the same. */
static void test_forgiven(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	attach();
	stick.fault = FAKE_HANG_HARD;
	stick.times = 1;
	check_read(0, 4096, 4096);
	assert_int_equal(x.f.removed, 0);
	assert_int_equal(stick.port_resets, 3); /* plugged in, enumerated, recovered */
	end();
}

/* The device that comes back after a reset is another one. */
static void test_other_device(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	attach();
	stick.fault = FAKE_HANG_HARD;
	stick.times = 1;
	stick.device[10] ^= 1;
	assert_int_equal(do_io(BLOCK_WRITE, 0, memory, 512, 512), BLOCK_GONE);
	assert_int_equal(x.f.removed, 1);
	assert_int_equal(x.f.added, 2); /* under its own name */
	end();
}

/* --- the controller --- */

static void test_controller_fails(void **s)
{
	static struct io io[8];

	(void)s;
	begin(3, USB_HIGH);
	attach();
	fill(memory, sizeof(memory), 5);
	for (unsigned int i = 0; i < 8; i++)
		submit(&io[i], BLOCK_WRITE, i * 8, memory + i * 4096, 4096, 4096);
	x.dead = true;
	x.usbsts |= STS_CONTROLLER_ERROR;
	fake_device_pass(&x.f, 20 * SEC, SEC / 100);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(io[i].done, 1);
		assert_int_equal(io[i].status, BLOCK_OK);
		forget(&io[i]);
	}
	assert_memory_equal(disk, memory, 8 * 4096);
	assert_int_equal(x.starts, 2);
	assert_int_equal(x.f.removed, 0);
	end();
}

static void test_controller_gone(void **s)
{
	static struct io io;

	(void)s;
	begin(3, USB_HIGH);
	attach();
	stick.dead = true;
	submit(&io, BLOCK_READ, 0, memory, 4096, 4096);
	x.gone = true;
	fake_device_pass(&x.f, 3 * SEC, SEC / 100);
	assert_int_equal(io.done, 1);
	assert_int_equal(io.status, BLOCK_GONE);
	forget(&io);
	end();
}

static void test_detach_busy(void **s)
{
	static struct io io[4];

	(void)s;
	begin(3, USB_HIGH);
	attach();
	stick.dead = true;
	for (unsigned int i = 0; i < 4; i++)
		submit(&io[i], BLOCK_READ, i, memory + i * 4096, 4096, 4096);
	x.f.d.driver->detach(&x.f.d, false);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(io[i].status, BLOCK_GONE);
		forget(&io[i]);
	}
	assert_true(x.usbsts & STS_HALTED);
	fake_device_end(&x.f);
}

static void test_lies(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	x.lies = true;
	attach();
	assert_int_equal(x.f.disk_count, 0);
	end();
	begin(3, USB_HIGH);
	x.f.d.bar_size[0] = 0x1000; /* the registers that it names lie beyond */
	assert_true(fake_device_attach(&x.f) < 0);
	fake_device_end(&x.f);
	begin(3, USB_HIGH);
	x.f.out_of_memory = true;
	assert_true(fake_device_attach(&x.f) < 0);
	fake_device_end(&x.f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_high),
		cmocka_unit_test(test_super),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_no_interrupts),
		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_no_mode_page),
		cmocka_unit_test(test_hot_plug),
		cmocka_unit_test(test_unplug_in_attach),
		cmocka_unit_test(test_replug_unnoticed),
		cmocka_unit_test(test_hub),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_card_reader),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_lasting_faults),
		cmocka_unit_test(test_faults_in_queue),
		cmocka_unit_test(test_forgiven),
		cmocka_unit_test(test_other_device),
		cmocka_unit_test(test_controller_fails),
		cmocka_unit_test(test_controller_gone),
		cmocka_unit_test(test_detach_busy),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
