/* SPDX-License-Identifier: BSD-2-Clause */
// links: tests/fake/device_fake.c tests/fake/usb/usb_fake.c tests/fake/usb/ehci_fake.c
// links: drivers/usb/ehci.c drivers/usb/ehci_queue.c drivers/usb/ehci_port.c
// links: drivers/usb/ehci_start.c drivers/usb/ehci_device.c
// links: drivers/usb/usb.c drivers/usb/usb_enum.c drivers/usb/usb_hub.c drivers/usb/usb_desc.c
// links: drivers/usb/bot.c drivers/usb/msc.c drivers/usb/msc_unit.c drivers/usb/scsi.c
/* Sticks on an EHCI controller. What mass storage does wrong is in xhci_test.c; here is what
 * becomes of it in this controller's queues. */
#include <usb/ehci_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <tests/host/drivers/usb/io.h>

#define BLOCKS 4096u

static struct fake_ehci e;
static struct fake_usb stick;
static u8 disk[BLOCKS * 512];

static void begin(unsigned int port, enum usb_speed speed)
{
	fake_ehci_init(&e);
	machine = &e.f;
	first_address = 1u << 30; /* below 4 GiB */
	fill(disk, sizeof(disk), 1);
	fake_stick(&stick, speed, disk, 512, BLOCKS);
	if (port)
		fake_ehci_plug(&e, port, &stick);
}

static void attach(void)
{
	assert_int_equal(fake_device_attach(&e.f), 0);
}

static void end(void)
{
	e.f.d.driver->detach(&e.f.d, e.gone);
	assert_int_equal(e.mistakes, 0);
	fake_device_end(&e.f);
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

static void test_finds(void **s)
{
	(void)s;
	for (int wide = 0; wide < 2; wide++) {
		begin(2, USB_HIGH);
		e.wide = wide;
		attach();
		assert_int_equal(e.f.disk_count, 1);
		assert_string_equal(e.f.disk_names[0], "p2");
		assert_true(e.f.disks[0]->address_limit == (wide ? ~0ull : 0xFFFFFFFFull));
		check_read(0, 512, 512);
		check_read(7, 65536, 4096);
		check_write(100, 131072, 65536, 3);
		check_read(BLOCKS - 8, 4096, 1024);
		assert_int_equal(do_io(BLOCK_FLUSH, 0, NULL, 0, 1), BLOCK_OK);
		assert_int_equal(stick.syncs, 1);
		assert_true(e.interrupts > 0);
		assert_true(e.f.config[0x6B] & 1); /* taken from the firmware */
		end();
	}
}

static void test_many(void **s)
{
	(void)s;
	begin(1, USB_HIGH);
	attach();
	for (unsigned int i = 0; i < 300; i++) {
		u32 pieces = 1 + i * 37 % USB_SEGMENTS_MAX;

		if (i & 1)
			check_read(i, pieces * 1024, 1024);
		else
			check_write(i, pieces * 1024, 1024, i);
	}
	end();
}

static void test_no_interrupts(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	e.f.interrupts = 0;
	attach();
	check_read(1, 4096, 4096);
	end();
}

static void test_slow_devices(void **s)
{
	(void)s;
	for (enum usb_speed speed = USB_LOW; speed <= USB_FULL; speed++) {
		begin(2, speed);
		attach();
		assert_int_equal(e.f.disk_count, 0);
		assert_true(e.portsc[2] & EPORT_OWNER);
		assert_non_null(strstr(e.f.log, "left to another controller"));
		fake_ehci_unplug(&e, 2);
		fake_device_pass(&e.f, SEC, SEC / 100);
		fake_stick(&stick, USB_HIGH, disk, 512, BLOCKS);
		fake_ehci_plug(&e, 2, &stick);
		fake_device_pass(&e.f, SEC, SEC / 100);
		assert_int_equal(e.f.disk_count, 1);
		end();
	}
}

static void test_hot_plug(void **s)
{
	static struct io io[3];

	(void)s;
	begin(0, USB_HIGH);
	attach();
	for (unsigned int i = 0; i < 5; i++) {
		fake_ehci_plug(&e, 3, &stick);
		fake_device_pass(&e.f, 2 * SEC, SEC / 100);
		assert_int_equal(e.f.disk_count, 1);
		check_read(i, 4096, 4096);
		stick.dead = true;
		for (unsigned int k = 0; k < 3; k++)
			submit(&io[k], BLOCK_READ, k, memory + k * 4096, 4096, 4096);
		fake_device_pass(&e.f, SEC / 100, SEC / 1000);
		fake_ehci_unplug(&e, 3);
		fake_device_pass(&e.f, SEC, SEC / 100);
		for (unsigned int k = 0; k < 3; k++) {
			assert_int_equal(io[k].done, 1);
			assert_int_equal(io[k].status, BLOCK_GONE);
			forget(&io[k]);
		}
		assert_int_equal(e.f.disk_count, 0);
	}
	end();
}

static void test_hub(void **s)
{
	static struct fake_usb hub, slow;
	static u8 other[512 * 8];

	(void)s;
	begin(0, USB_HIGH);
	fake_hub(&hub, USB_HIGH, 4);
	fake_stick(&slow, USB_FULL, other, 512, 8);
	fake_hub_plug(&hub, 1, &slow);
	fake_hub_plug(&hub, 2, &stick);
	fake_ehci_plug(&e, 1, &hub);
	attach();
	fake_device_pass(&e.f, 2 * SEC, SEC / 100);
	assert_int_equal(e.f.disk_count, 1);
	assert_string_equal(e.f.disk_names[0], "p1.2");
	check_write(5, 8192, 4096, 4);
	fake_ehci_unplug(&e, 1);
	fake_device_pass(&e.f, 2 * SEC, SEC / 100);
	assert_int_equal(e.f.disk_count, 0);
	end();
}

/* A request in the middle of 32 fails; none is lost, none done to the wrong place. */
static void test_faults_in_queue(void **s)
{
	static struct io io[32];

	(void)s;
	for (unsigned int f = FAKE_CSW_SIGNATURE; f <= FAKE_TRANSACTION; f++) {
		begin(1, USB_HIGH);
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
		assert_int_equal(e.f.removed, 0);
		assert_true(e.doorbells > 0);
		end();
	}
}

static void test_controller_fails(void **s)
{
	static struct io io[8];

	(void)s;
	begin(3, USB_HIGH);
	attach();
	fill(memory, sizeof(memory), 5);
	for (unsigned int i = 0; i < 8; i++)
		submit(&io[i], BLOCK_WRITE, i * 8, memory + i * 4096, 4096, 4096);
	e.dead = true;
	e.usbsts |= ESTS_HOST_ERROR;
	fake_device_pass(&e.f, 20 * SEC, SEC / 100);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(io[i].done, 1);
		assert_int_equal(io[i].status, BLOCK_OK);
		forget(&io[i]);
	}
	assert_memory_equal(disk, memory, 8 * 4096);
	assert_int_equal(e.starts, 2);
	assert_int_equal(e.f.removed, 0);
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
	e.gone = true;
	fake_device_pass(&e.f, 3 * SEC, SEC / 100);
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
	e.f.d.driver->detach(&e.f.d, false);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(io[i].status, BLOCK_GONE);
		forget(&io[i]);
	}
	assert_true(e.usbsts & ESTS_HALTED);
	fake_device_end(&e.f);
}

static void test_refuses(void **s)
{
	(void)s;
	begin(3, USB_HIGH);
	e.f.d.bar_size[0] = 0x40;
	assert_true(fake_device_attach(&e.f) < 0);
	fake_device_end(&e.f);
	begin(3, USB_HIGH);
	e.f.out_of_memory = true;
	assert_true(fake_device_attach(&e.f) < 0);
	fake_device_end(&e.f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),           cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_interrupts),   cmocka_unit_test(test_slow_devices),
		cmocka_unit_test(test_hot_plug),        cmocka_unit_test(test_hub),
		cmocka_unit_test(test_faults_in_queue), cmocka_unit_test(test_controller_fails),
		cmocka_unit_test(test_controller_gone), cmocka_unit_test(test_detach_busy),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
