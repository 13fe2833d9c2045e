/* SPDX-License-Identifier: BSD-2-Clause */
/* Enumeration: each function once, in order, whatever bridges claim; and silencing. */
// links: drivers/pci/pci_scan.c drivers/pci/pci_msi.c drivers/pci/pci_capability.c
// links: tests/fake/pci_fake.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pci_fake.h>

static struct fake_pci pci;
static struct pci_address seen[64];
static unsigned int seen_count;

static void found(void *ctx, struct pci_address a)
{
	assert_ptr_equal(ctx, &seen_count);
	assert_true(seen_count < ARRAY_SIZE(seen));
	seen[seen_count++] = a;
}

static unsigned int scan(struct pci_range r)
{
	seen_count = 0;
	pci.writes = 0;
	pci_scan(&pci.config, &r, found, &seen_count);
	assert_int_equal(pci.writes, 0);
	assert_int_equal(pci.strange, 0);
	for (unsigned int i = 1; i < seen_count; i++)
		assert_true(memcmp(&seen[i - 1].bus, &seen[i].bus, 3) < 0);
	return seen_count;
}

static struct fake_function *bridge(struct pci_address a, u8 secondary)
{
	struct fake_function *f = fake_pci_add(&pci, a, 0x00011B36, 0x060400);

	f->space[PCI_HEADER_TYPE] = 1;
	f->space[PCI_SECONDARY_BUS] = secondary;
	return f;
}

static int set_up(void **state)
{
	(void)state;
	fake_pci_init(&pci);
	return 0;
}

static void behind_bridges(void **state)
{
	(void)state;
	assert_int_equal(scan((struct pci_range){0, 0, 255, false}), 0);
	fake_pci_add(&pci, (struct pci_address){0, 0, 0, 0}, 0x12378086, 0x060000);
	bridge((struct pci_address){0, 0, 3, 0}, 2);
	bridge((struct pci_address){0, 2, 31, 0}, 9);
	fake_pci_add(&pci, (struct pci_address){0, 9, 0, 0}, 0x00101B36, 0x010802);
	fake_pci_add(&pci, (struct pci_address){0, 80, 0, 0}, 0x00101B36, 0x010802);
	assert_int_equal(scan((struct pci_range){0, 0, 255, false}), 4);
	assert_true(seen[3].bus == 9 && seen[3].slot == 0);
	assert_int_equal(scan((struct pci_range){0, 0, 255, true}), 5); /* a second root bus */
	assert_int_equal(seen[4].bus, 80);
	assert_int_equal(scan((struct pci_range){0, 0, 8, false}), 3);
	assert_int_equal(scan((struct pci_range){1, 0, 255, true}), 0);
	assert_int_equal(scan((struct pci_range){0, 80, 80, false}), 1);
}

static void above(void **state)
{
	struct fake_function *f = bridge((struct pci_address){0, 0, 3, 0}, 2);

	(void)state;
	f->space[PCI_LAST_BUS] = 5;
	for (u32 bus = 0; bus < 256; bus++)
		assert_int_equal(pci_is_above(&pci.config, f->address, (u8)bus),
				 bus >= 2 && bus <= 5);
	f->space[PCI_HEADER_TYPE] = 0;
	assert_false(pci_is_above(&pci.config, f->address, 3));
}

/* Buses that a bridge has not, or that would lead round in circles. */
static void lying_bridges(void **state)
{
	struct fake_function *a, *b;

	(void)state;
	a = bridge((struct pci_address){0, 0, 1, 0}, 0);
	b = bridge((struct pci_address){0, 5, 1, 0}, 5);
	assert_int_equal(scan((struct pci_range){0, 0, 255, false}), 1);
	a->space[PCI_SECONDARY_BUS] = 5;
	assert_int_equal(scan((struct pci_range){0, 0, 255, false}), 2);
	b->space[PCI_SECONDARY_BUS] = 0;
	assert_int_equal(scan((struct pci_range){0, 0, 255, false}), 2);
	b->space[PCI_SECONDARY_BUS] = 255;
	assert_int_equal(scan((struct pci_range){0, 0, 255, false}), 2);
	for (u32 type = 0; type < 256; type++) {
		a->space[PCI_HEADER_TYPE] = (u8)type;
		assert_true(scan((struct pci_range){0, 0, 255, false}) <= 2);
	}
}

static void functions(void **state)
{
	struct fake_function *f;

	(void)state;
	f = fake_pci_add(&pci, (struct pci_address){0, 0, 4, 0}, 0x70008086, 0x060100);
	fake_pci_add(&pci, (struct pci_address){0, 0, 4, 1}, 0x70108086, 0x010180);
	fake_pci_add(&pci, (struct pci_address){0, 0, 4, 7}, 0x71138086, 0x068000);
	/* A function 0 of one function answers for all of them on some machines: not looked at. */
	assert_int_equal(scan((struct pci_range){0, 0, 0, false}), 1);
	f->space[PCI_HEADER_TYPE] = 0x80;
	assert_int_equal(scan((struct pci_range){0, 0, 0, false}), 3);
	assert_true(seen[1].function == 1 && seen[2].function == 7);
	f->there = false; /* no function 0, no device */
	assert_int_equal(scan((struct pci_range){0, 0, 0, false}), 0);
}

static void identity(void **state)
{
	struct pci_address a = {0, 0, 7, 0};
	struct fake_function *f = fake_pci_add(&pci, a, 0x10421AF4, 0x010802);
	struct device_id id;

	(void)state;
	fake_pci_set(f, PCI_SUBSYSTEM, 4, 0x56781234);
	pci_read_id(&pci.config, a, &id);
	assert_true(id.vendor == 0x1AF4 && id.product == 0x1042);
	assert_true(id.subsystem_vendor == 0x1234 && id.subsystem == 0x5678);
	assert_true(id.class_code == 1 && id.subclass == 8 && id.prog_if == 2 && id.revision == 3);
	assert_false(pci_is_platform(&pci.config, a));
	f->space[PCI_HEADER_TYPE] = 0x81; /* there the register is another one */
	pci_read_id(&pci.config, a, &id);
	assert_true(id.subsystem_vendor == 0 && id.subsystem == 0);
	assert_true(pci_is_platform(&pci.config, a));
	f->space[PCI_HEADER_TYPE] = 0;
	fake_pci_set(f, PCI_REVISION, 4, 0x06010000);
	assert_true(pci_is_platform(&pci.config, a));
	fake_pci_set(f, PCI_REVISION, 4, 0x08060000); /* AMD's IOMMU */
	assert_true(pci_is_platform(&pci.config, a));
	fake_pci_set(f, PCI_REVISION, 4, 0x08050000); /* an SD host */
	assert_false(pci_is_platform(&pci.config, a));
	assert_true(pci_present(&pci.config, a));
	f->there = false;
	assert_false(pci_present(&pci.config, a));
	f->there = true;
	fake_pci_set(f, PCI_VENDOR, 2, 0);
	assert_false(pci_present(&pci.config, a));
}

static void quiet(void **state)
{
	struct pci_address a = {0, 0, 7, 0};
	struct fake_function *f = fake_pci_add(&pci, a, 0x00101B36, 0x010802);

	(void)state;
	fake_pci_set(f, PCI_COMMAND, 2, 0x0007);
	fake_pci_capability(f, 0x40, PCI_CAP_MSIX, 0x60);
	fake_pci_capability(f, 0x60, PCI_CAP_MSI, 0);
	fake_pci_set(f, 0x42, 2, 0x8003);
	fake_pci_set(f, 0x62, 2, 0x0081);
	f->writable[0x43] = 0xC0;
	f->writable[0x62] = 0x71;
	pci_quiet(&pci.config, a);
	assert_int_equal(fake_pci_get(f, PCI_COMMAND, 2), 0x0403); /* its windows stay */
	assert_int_equal(fake_pci_get(f, 0x42, 2), 0x0003);
	assert_int_equal(fake_pci_get(f, 0x62, 2), 0x0080);
	assert_int_equal(pci.strange, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(behind_bridges), TEST(above),    TEST(lying_bridges),
		TEST(functions),      TEST(identity), TEST(quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
