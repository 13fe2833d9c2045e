/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller with a disk at port 0, for the AHCI driver's tests. */
#ifndef HOST_DRIVERS_AHCI_BED_H
#define HOST_DRIVERS_AHCI_BED_H

#include "ahci_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <block_client_fake.h>

#define MS      1000000ull
#define SECTORS 4096u

static struct fake_ahci a;
static struct fake_ata_disk disk;

static inline int set_up(void **state)
{
	(void)state;
	fake_ahci_init(&a);
	fake_ata_init(&disk, SECTORS, 512, "S1");
	fake_ahci_plug(&a, 0, &disk);
	client_init(&a.f);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	if (a.f.d.state)
		a.f.d.driver->detach(&a.f.d, a.gone);
	fake_device_end(&a.f);
	fake_ata_free(&disk);
	return 0;
}

static inline struct block_device *attach(void)
{
	assert_int_equal(fake_device_attach(&a.f), 0);
	assert_non_null(a.f.disks[0]);
	a.told = a.largest_batch = 0;
	return a.f.disks[0];
}

static inline void pass(u64 ns)
{
	fake_device_pass(&a.f, ns, 10 * MS);
}

/* n writes of a page each, request i with seed i, at page i. */
static inline void write_pages(struct block_device *b, unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++) {
		client_fill(i, (u8)i);
		client_submit(b, i, BLOCK_WRITE, (u64)i * CLIENT_SECTORS, CLIENT_SECTORS);
	}
	b->ops->kick(b);
}

/* Reads what write_pages() wrote and compares. */
static inline void read_pages(struct block_device *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		memset(client[i].data, 0, CLIENT_BYTES);
		client_submit(b, i, BLOCK_READ, (u64)i * CLIENT_SECTORS, CLIENT_SECTORS);
	}
	b->ops->kick(b);
	pass(50 * MS);
	client_expect(n, BLOCK_OK);
	for (unsigned int i = 0; i < n; i++)
		assert_true(client_has(i, (u8)i));
}

static inline bool logged(const char *text)
{
	return strstr(a.f.log, text) != NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
