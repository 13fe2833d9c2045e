/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: sizes and addresses of all kinds, and what cannot be one. */
// links: drivers/pci/pci_bar.c drivers/pci/pci_scan.c drivers/pci/pci_msi.c
// links: drivers/pci/pci_capability.c tests/fake/pci_fake.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pci_fake.h>

static struct fake_pci pci;
static struct fake_function *f;
static struct pci_bar bars[DEVICE_BARS];

static int set_up(void **state)
{
	(void)state;
	fake_pci_init(&pci);
	f = fake_pci_add(&pci, (struct pci_address){0, 0, 3, 0}, 0x00101B36, 0x010802);
	fake_pci_set(f, PCI_COMMAND, 2, 7);
	return 0;
}

static void look(void)
{
	u8 before[4096];

	memcpy(before, f->space, sizeof(before));
	pci_bars(&pci.config, f->address, bars);
	assert_memory_equal(before, f->space, sizeof(before)); /* all is put back */
	assert_int_equal(f->decoded_sizing, 0);
	assert_int_equal(pci.strange, 0);
}

static void is(unsigned int i, enum pci_bar_state state, u64 address, u64 size)
{
	assert_int_equal(bars[i].state, state);
	assert_true(bars[i].address == address && bars[i].size == size);
}

static void all_kinds(void **state)
{
	(void)state;
	fake_pci_bar(f, 0, 0xFEB00000, 0xFFFFC000); /* 16 KiB */
	fake_pci_bar(f, 1, 0x0000C041, 0xFFFFFFC0); /* 64 ports */
	fake_pci_bar(f, 2, 0xE000000C, 0xF0000000); /* 64 bits, 256 MiB, prefetchable */
	fake_pci_bar(f, 3, 0x00000038, 0xFFFFFFFF); /* its upper half */
	fake_pci_bar(f, 4, 0x0000C101, 0x0000FFF0); /* 16 ports, no upper half */
	look();
	is(0, PCI_BAR_GOOD, 0xFEB00000, 0x4000);
	is(1, PCI_BAR_GOOD, 0xC040, 64);
	is(2, PCI_BAR_GOOD, 0x38E0000000, 0x10000000);
	assert_true(bars[3].state == PCI_BAR_NONE && bars[3].upper);
	is(4, PCI_BAR_GOOD, 0xC100, 16);
	assert_int_equal(bars[5].state, PCI_BAR_NONE);
	assert_true(!bars[0].port && bars[1].port && !bars[2].port && bars[4].port);

	/* 8 GiB: all of the size is in the upper half. */
	fake_pci_bar(f, 2, 0x00000004, 0);
	fake_pci_bar(f, 3, 0x00000042, 0xFFFFFFFE);
	look();
	is(2, PCI_BAR_GOOD, 0x4200000000, 0x200000000);
}

static void without_address(void **state)
{
	(void)state;
	fake_pci_bar(f, 0, 0, 0xFFFFC000);
	fake_pci_bar(f, 1, 1, 0xFFFFFFC0);
	fake_pci_bar(f, 2, 4, 0xFFFF0000);
	fake_pci_bar(f, 3, 0, 0xFFFFFFFF);
	fake_pci_bar(f, 4, 0xFFFFF000, 0xFFFFF000);
	look();
	is(0, PCI_BAR_UNASSIGNED, 0, 0x4000);
	is(1, PCI_BAR_UNASSIGNED, 0, 64);
	is(2, PCI_BAR_UNASSIGNED, 0, 0x10000);
	assert_int_equal(bars[4].state, PCI_BAR_UNASSIGNED);
}

static void what_cannot_be(void **state)
{
	static const struct {
		u32 value, mask;
	} bad[] = {
		{0xFEB00000, 0xFFF0C000}, /* holes in the mask */
		{0x80000000, 0x80000008}, /* writable flags */
		{0xFEB00006, 0xFFFFC000}, /* a type that is none */
		{0x00FFC001, 0x00FFFFC0}, /* ports with a part of the upper half */
		{0x0001C041, 0xFFFFFFC0}, /* ports beyond the last one */
		{0x00100000, 0x00FFF000}, /* the highest bits missing */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_pci_bar(f, 0, bad[i].value, bad[i].mask);
		look();
		if (i == 1) /* a 2 GiB window: the flags do not count */
			is(0, PCI_BAR_UNASSIGNED, 0x80000000, 0x80000000);
		else
			assert_int_equal(bars[0].state, PCI_BAR_BROKEN);
	}
	/* A wide one without a second register. */
	fake_pci_bar(f, 0, 0, 0);
	fake_pci_bar(f, 5, 0xE0000004, 0xFFFF0000);
	look();
	assert_int_equal(bars[5].state, PCI_BAR_BROKEN);
	/* A wide one of which only some upper bits are there. */
	fake_pci_bar(f, 5, 0, 0);
	fake_pci_bar(f, 0, 0xE0000004, 0xFFFF0000);
	fake_pci_bar(f, 1, 0, 0x000000FF);
	look();
	assert_int_equal(bars[0].state, PCI_BAR_BROKEN);
}

static void gone(void **state)
{
	(void)state;
	f->there = false;
	pci_bars(&pci.config, f->address, bars);
	for (unsigned int i = 0; i < DEVICE_BARS; i++)
		assert_int_equal(bars[i].state, PCI_BAR_NONE);
}

/* Whatever the registers hold: a good window is a power of two, aligned, and does not wrap. */
static void any_registers(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		for (unsigned int i = 0; i < DEVICE_BARS; i++) {
			u32 mask;

			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			mask = round % 3 ? ~0u << (seed >> 59) : (u32)(seed >> 11);
			fake_pci_bar(f, i, (u32)(seed >> 32), mask);
		}
		look();
		for (unsigned int i = 0; i < DEVICE_BARS; i++) {
			const struct pci_bar *b = &bars[i];

			if (b->state != PCI_BAR_GOOD)
				continue;
			assert_true(b->size && (b->size & (b->size - 1)) == 0);
			assert_true(b->address % b->size == 0 && b->address != 0);
			assert_true(b->address + (b->size - 1) >= b->address);
			assert_true(!b->port || b->address + b->size <= 0x10000);
		}
	}
}

static void rooms(void **state)
{
	struct pci_room room;

	(void)state;
	fake_pci_set(f, PCI_BRIDGE_MEMORY, 4, 0xFE90FE80);
	pci_bridge_room(&pci.config, f->address, &room);
	assert_true(room.next == 0xFE800000 && room.end == 0xFEA00000);
	fake_pci_set(f, PCI_BRIDGE_MEMORY, 4, 0xFE80FE90); /* shut */
	pci_bridge_room(&pci.config, f->address, &room);
	assert_true(room.next == 0 && room.end == 0);
	fake_pci_set(f, PCI_BRIDGE_MEMORY, 4, 0xFFF0FFF0);
	pci_bridge_room(&pci.config, f->address, &room);
	assert_true(room.next == 0xFFF00000 && room.end == 0x100000000);
}

static void assigned(void **state)
{
	struct pci_room room = {0xFE801000, 0xFE810000};

	(void)state;
	fake_pci_bar(f, 0, 4, 0xFFFFC000); /* wide */
	fake_pci_bar(f, 1, 0, 0xFFFFFFFF);
	fake_pci_bar(f, 2, 1, 0xFFFFFFC0);          /* ports: not from there */
	fake_pci_bar(f, 3, 0xE0000000, 0xFFFFF000); /* has one */
	fake_pci_bar(f, 4, 0, 0xFFFF0000);          /* too large */
	fake_pci_bar(f, 5, 0, 0xFFFF8000);          /* just fits */
	pci_bars(&pci.config, f->address, bars);
	pci_assign(&pci.config, f->address, bars, &room);
	look();
	is(0, PCI_BAR_GOOD, 0xFE804000, 0x4000);
	assert_int_equal(bars[2].state, PCI_BAR_UNASSIGNED);
	is(3, PCI_BAR_GOOD, 0xE0000000, 0x1000);
	assert_int_equal(bars[4].state, PCI_BAR_UNASSIGNED);
	is(5, PCI_BAR_GOOD, 0xFE808000, 0x8000);
	assert_true(room.next == room.end);
	fake_pci_bar(f, 0, 4, 0xFFFFC000);
	look();
	pci_assign(&pci.config, f->address, bars, &room);
	assert_int_equal(bars[0].state, PCI_BAR_UNASSIGNED);
}

static void ide(void **state)
{
	struct device_id id = {.class_code = 1, .subclass = 1, .prog_if = 0x80};

	(void)state;
	fake_pci_bar(f, 0, 1, 0xFFFFFFF8); /* without address, as in this mode */
	fake_pci_bar(f, 2, 0xD001, 0xFFFFFFF8);
	fake_pci_bar(f, 3, 0xD009, 0xFFFFFFFC);
	fake_pci_bar(f, 4, 0xC001, 0xFFFFFFF0);
	look();
	assert_int_equal(pci_ide_compatible(&id, bars), 3);
	is(0, PCI_BAR_GOOD, 0x1F0, 8);
	is(1, PCI_BAR_GOOD, 0x3F4, 4);
	is(2, PCI_BAR_GOOD, 0x170, 8);
	is(3, PCI_BAR_GOOD, 0x374, 4);
	is(4, PCI_BAR_GOOD, 0xC000, 16);
	assert_true(bars[0].port && bars[1].port && bars[2].port && bars[3].port);

	look();
	id.prog_if = 0x84; /* the second channel is native */
	assert_int_equal(pci_ide_compatible(&id, bars), 1);
	is(1, PCI_BAR_GOOD, 0x3F4, 4);
	is(2, PCI_BAR_GOOD, 0xD000, 8);
	look();
	id.prog_if = 0x8F;
	assert_int_equal(pci_ide_compatible(&id, bars), 0);
	is(0, PCI_BAR_UNASSIGNED, 0, 8);
	id = (struct device_id){.class_code = 1, .subclass = 6};
	assert_int_equal(pci_ide_compatible(&id, bars), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(all_kinds), TEST(without_address), TEST(what_cannot_be),
		TEST(gone),      TEST(any_registers),   TEST(ide),
		TEST(rooms),     TEST(assigned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
