/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots with a button, and ports that only look like it. */
// links: drivers/pci/pci_slot.c drivers/pci/pci_capability.c tests/fake/pci_fake.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pci_fake.h>

static struct fake_pci pci;
static struct fake_function *f;
static struct pci_slot s;

static int set_up(void **state)
{
	(void)state;
	fake_pci_init(&pci);
	f = fake_pci_add(&pci, (struct pci_address){0, 0, 3, 0}, 0x000C1B36, 0x060400);
	fake_pci_capability(f, 0x54, PCI_CAP_EXPRESS, 0);
	fake_pci_set(f, 0x56, 2, 0x0142);
	fake_pci_set(f, 0x68, 4, 0x0053);
	memset(f->writable + 0x6C, 0xFF, 2);
	memset(f->ones_clear + 0x6E, 0x1F, 1);
	return 0;
}

static void look(void)
{
	pci_slot_find(&pci.config, f->address, &s);
	assert_int_equal(pci.strange, 0);
}

static void which_ports(void **state)
{
	(void)state;
	look();
	assert_true(s.at == 0x54 && s.power && s.indicator);
	fake_pci_set(f, 0x68, 4, 0x0041);
	look();
	assert_true(s.at == 0x54 && !s.power && !s.indicator);
	fake_pci_set(f, 0x68, 4, 0x0012); /* nothing is plugged while it runs */
	look();
	assert_int_equal(s.at, 0);
	fake_pci_set(f, 0x68, 4, 0x0052); /* no button */
	look();
	assert_int_equal(s.at, 0);
	fake_pci_set(f, 0x68, 4, 0x0053);
	fake_pci_set(f, 0x56, 2, 0x0042); /* a port without slot */
	look();
	assert_int_equal(s.at, 0);
	f->space[PCI_CAPABILITIES] = 0xF0; /* it would not fit */
	fake_pci_set(f, 0xF0, 4, 0x01420010);
	look();
	assert_int_equal(s.at, 0);
}

static void button(void **state)
{
	(void)state;
	look();
	assert_false(pci_slot_pressed(&pci.config, f->address, &s));
	fake_pci_set(f, 0x6E, 2, 0x0049); /* and presence has changed: stays for who asks for it */
	assert_true(pci_slot_pressed(&pci.config, f->address, &s));
	assert_int_equal(fake_pci_get(f, 0x6E, 2), 0x0048);
	assert_false(pci_slot_pressed(&pci.config, f->address, &s));
	f->there = false;
	assert_false(pci_slot_pressed(&pci.config, f->address, &s));
}

static void power(void **state)
{
	(void)state;
	look();
	fake_pci_set(f, 0x6C, 2, 0x1101);
	assert_false(pci_slot_is_off(&pci.config, f->address, &s));
	pci_slot_switch(&pci.config, f->address, &s, false);
	assert_int_equal(fake_pci_get(f, 0x6C, 2), 0x1701);
	assert_true(pci_slot_is_off(&pci.config, f->address, &s));
	pci_slot_switch(&pci.config, f->address, &s, true);
	assert_int_equal(fake_pci_get(f, 0x6C, 2), 0x1101);
	fake_pci_set(f, 0x68, 4, 0x0041); /* neither power nor light */
	fake_pci_set(f, 0x6C, 2, 0x0601);
	look();
	pci_slot_switch(&pci.config, f->address, &s, false);
	pci_slot_switch(&pci.config, f->address, &s, true);
	assert_int_equal(fake_pci_get(f, 0x6C, 2), 0x0601);
	assert_false(pci_slot_is_off(&pci.config, f->address, &s));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(which_ports),
		TEST(button),
		TEST(power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
