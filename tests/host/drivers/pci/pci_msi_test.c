/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities of devices that tell the truth and of those that do not, and messages. */
// links: drivers/pci/pci_msi.c drivers/pci/pci_capability.c tests/fake/pci_fake.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pci_fake.h>

static struct fake_pci pci;
static struct fake_function *f;
static const struct pci_bar bars[DEVICE_BARS] = {
	[0] = {.state = PCI_BAR_GOOD, .address = 0xFEB00000, .size = 0x1000},
	[2] = {.state = PCI_BAR_GOOD, .address = 0xC000, .size = 0x1000, .port = true},
	[3] = {.state = PCI_BAR_UNASSIGNED, .size = 0x1000},
};

static int set_up(void **state)
{
	(void)state;
	fake_pci_init(&pci);
	f = fake_pci_add(&pci, (struct pci_address){0, 0, 3, 0}, 0x00101B36, 0x010802);
	memset(f->writable + 0x40, 0xFF, 0xC0);
	return 0;
}

static u32 find(u8 id, u32 length)
{
	u32 at;

	pci.reads = 0;
	at = pci_capability(&pci.config, f->address, id, length);
	assert_true(pci.reads <= 64); /* however the list runs */
	assert_int_equal(pci.strange, 0);
	return at;
}

static void lists(void **state)
{
	(void)state;
	assert_int_equal(find(5, 10), 0);
	fake_pci_capability(f, 0x40, 1, 0x80);
	fake_pci_capability(f, 0x80, 0x11, 0x53); /* the lowest two bits are nothing */
	fake_pci_capability(f, 0x50, 5, 0);
	assert_int_equal(find(1, 8), 0x40);
	assert_int_equal(find(0x11, 12), 0x80);
	assert_int_equal(find(5, 10), 0x50);
	assert_int_equal(find(9, 4), 0);
	f->space[PCI_STATUS] = 0;
	assert_int_equal(find(5, 10), 0);
}

static void lying_lists(void **state)
{
	(void)state;
	fake_pci_capability(f, 0x40, 1, 0x40); /* its own next */
	assert_int_equal(find(5, 10), 0);
	f->space[0x41] = 0x60;
	fake_pci_capability(f, 0x60, 2, 0x40); /* a circle */
	assert_int_equal(find(5, 10), 0);
	f->space[0x61] = 0x10; /* into the header */
	f->space[0x10] = 5;
	assert_int_equal(find(5, 10), 0);
	f->space[0x61] = 0xFC; /* too near to the end */
	f->space[0xFC] = 5;
	assert_int_equal(find(5, 10), 0);
	assert_int_equal(find(5, 4), 0xFC);
	f->space[PCI_CAPABILITIES] = 0x20;
	assert_int_equal(find(5, 4), 0);
	memset(f->space, 0xFF, 256); /* gone */
	assert_int_equal(find(5, 4), 0);
}

static void any_list(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	for (unsigned int round = 0; round < 5000; round++) {
		struct pci_msi m;
		struct pci_msix x;

		for (unsigned int i = 0x34; i < 256; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			f->space[i] = (u8)(seed & 8 ? seed >> 20 : seed & 16 ? 5 : 0x11);
		}
		f->space[PCI_STATUS] = PCI_STATUS_LIST;
		pci_msi_find(&pci.config, f->address, &m);
		if (m.at)
			pci_msi_enable(&pci.config, f->address, &m, 0xFEE00000, 0x41);
		pci_msi_disable(&pci.config, f->address, &m);
		pci_msix_find(&pci.config, f->address, bars, &x);
		assert_true(!x.at || (x.bar == 0 && x.offset + 16ull * x.entries <= 0x1000));
		assert_int_equal(pci.strange, 0);
	}
	assert_int_equal(fake_pci_get(f, 0x104, 4), 0); /* nothing was written behind the end */
}

/* Each of the four forms. */
static void msi(void **state)
{
	(void)state;
	for (unsigned int form = 0; form < 4; form++) {
		bool wide = form & 1, maskable = form & 2;
		u32 data = wide ? 0x5C : 0x58, mask = data + 4;
		struct pci_msi m;

		set_up(NULL);
		fake_pci_capability(f, 0x50, PCI_CAP_MSI, 0);
		fake_pci_set(f, 0x52, 2, (wide ? 0x80 : 0) | (maskable ? 0x100 : 0) | 0x0A | 0x70);
		f->writable[0x52] = 0x71; /* the rest is the device's */
		f->writable[0x53] = 0;
		memset(f->space + 0x54, 0xEE, 24);
		pci_msi_find(&pci.config, f->address, &m);
		assert_true(m.at == 0x50 && m.wide == wide && m.maskable == maskable);
		pci_msi_enable(&pci.config, f->address, &m, 0x1FEE03000, 0x41);
		assert_int_equal(fake_pci_get(f, 0x54, 4), 0xFEE03000);
		if (wide)
			assert_int_equal(fake_pci_get(f, 0x58, 4), 1);
		assert_int_equal(fake_pci_get(f, data, 2), 0x41);
		assert_int_equal(fake_pci_get(f, data + 2, 2), 0xEEEE);
		assert_int_equal(fake_pci_get(f, mask, 4), maskable ? 0 : 0xEEEEEEEE);
		/* On, one message, what the device said is as it was. */
		assert_int_equal(fake_pci_get(f, 0x52, 2),
				 (wide ? 0x80 : 0) | (maskable ? 0x100 : 0) | 0x0B);
		pci_msi_disable(&pci.config, f->address, &m);
		assert_int_equal(fake_pci_get(f, 0x52, 2) & 1, 0);
	}
	/* A short one fits where a long one would not. */
	set_up(NULL);
	fake_pci_capability(f, 0xF4, PCI_CAP_MSI, 0);
	struct pci_msi m;

	pci_msi_find(&pci.config, f->address, &m);
	assert_int_equal(m.at, 0xF4);
	fake_pci_set(f, 0xF6, 2, 0x80);
	pci_msi_find(&pci.config, f->address, &m);
	assert_int_equal(m.at, 0);
}

static void msix(void **state)
{
	struct pci_msix m;
	u32 *table;

	(void)state;
	fake_pci_capability(f, 0x60, PCI_CAP_MSIX, 0);
	fake_pci_set(f, 0x62, 2, 0x0003); /* four entries */
	fake_pci_set(f, 0x64, 4, 0x0800);
	f->writable[0x62] = 0;
	f->writable[0x63] = 0xC0;
	pci_msix_find(&pci.config, f->address, bars, &m);
	assert_true(m.at == 0x60 && m.bar == 0 && m.offset == 0x800 && m.entries == 4);

	table = malloc(4 * 16);
	memset(table, 0, 4 * 16);
	pci_msix_enable(&pci.config, f->address, &m, table);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(table[4 * i + 3], 1);
	assert_int_equal(fake_pci_get(f, 0x62, 2), 0x8003);
	pci_msix_set(table, 2, 0x1FEE00000, 0x55);
	assert_true(table[8] == 0xFEE00000 && table[9] == 1 && table[10] == 0x55 && table[11] == 0);
	assert_true(table[7] == 1 && table[15] == 1);
	pci_msix_disable(&pci.config, f->address, &m);
	assert_int_equal(fake_pci_get(f, 0x62, 2), 0x0003);
	free(table);

	/* Tables that are nowhere. */
	static const struct {
		u32 size, table;
	} bad[] = {
		{0x000, 0x1000},     /* behind the window */
		{0x001, 0x0FF0},     /* half of it */
		{0x7FF, 0x0000},     /* larger than the window */
		{0x000, 0x0001},     /* no such window */
		{0x000, 0x0002},     /* of ports */
		{0x000, 0x0003},     /* without address */
		{0x000, 0x0006},     /* no such register */
		{0x000, 0xFFFFFFF8}, /* far away */
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_pci_set(f, 0x62, 2, bad[i].size);
		fake_pci_set(f, 0x64, 4, bad[i].table);
		pci_msix_find(&pci.config, f->address, bars, &m);
		assert_int_equal(m.at, 0);
	}
	fake_pci_set(f, 0x62, 2, 0x00FF);
	fake_pci_set(f, 0x64, 4, 0); /* fills it exactly */
	pci_msix_find(&pci.config, f->address, bars, &m);
	assert_int_equal(m.entries, 256);
}

static void power(void **state)
{
	(void)state;
	assert_false(pci_power_on(&pci.config, f->address));
	fake_pci_capability(f, 0x60, PCI_CAP_POWER, 0);
	assert_false(pci_power_on(&pci.config, f->address));
	fake_pci_set(f, 0x64, 2, 0x8103); /* D3, an event pending: that is left alone */
	assert_true(pci_power_on(&pci.config, f->address));
	assert_int_equal(fake_pci_get(f, 0x64, 2), 0x0100);
	f->there = false;
	assert_false(pci_power_on(&pci.config, f->address));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(lists), TEST(lying_lists), TEST(any_list), TEST(msi), TEST(msix), TEST(power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
