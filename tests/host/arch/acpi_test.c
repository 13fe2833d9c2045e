/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI table parser over tables made here, good and damaged. */
// links: arch/x86_64/platform/acpi.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/acpi.h>
#include <core/lib/print.h>

/* Physical memory: 64 KiB from BASE. Each mapping is a copy of its own, so that the sanitizer sees
 * each byte read beyond what was asked for. */
#define BASE 0xE0000u
static u8 ram[65536];
static size_t used;
static void *copies[4096];
static size_t copy_count;

void log_line(const char *fmt, ...)
{
	(void)fmt;
}

const void *paging_map_firmware(hpa_t address, size_t size)
{
	u64 a = address.v;
	void *p;

	if (a < BASE || a - BASE > sizeof(ram) || size > sizeof(ram) - (a - BASE) ||
	    copy_count == 4096)
		return NULL;
	p = malloc(size);
	assert_non_null(p);
	memcpy(p, ram + (a - BASE), size);
	copies[copy_count++] = p;
	return p;
}

static void checksum(u8 *p, size_t size, size_t at)
{
	u8 sum = 0;

	p[at] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (u8)(sum + p[i]);
	p[at] = (u8)-sum;
}

static void set32(u8 *p, u32 v)
{
	memcpy(p, &v, 4);
}

/* A table with `body` bytes after the header, zero; returns its place in ram. */
static u8 *table(const char *signature, u32 body)
{
	u8 *t = ram + used;

	memcpy(t, signature, 4);
	set32(t + 4, 36 + body);
	used += 36 + body;
	return t;
}
static u32 address(const u8 *t)
{
	return BASE + (u32)(t - ram);
}
static void finish(u8 *t)
{
	u32 size;

	memcpy(&size, t + 4, 4);
	checksum(t, size, 9);
}

static u8 rsdp[36];
static u8 *xsdt;

static void root(u8 *const tables[], u32 count, bool extended)
{
	u32 entry = extended ? 8 : 4;

	xsdt = table(extended ? "XSDT" : "RSDT", entry * count);
	for (u32 i = 0; i < count; i++)
		set32(xsdt + 36 + entry * i, address(tables[i]));
	finish(xsdt);
	memset(rsdp, 0, sizeof(rsdp));
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = extended ? 2 : 0;
	set32(rsdp + (extended ? 24 : 16), address(xsdt));
	checksum(rsdp, 20, 8);
	checksum(rsdp, 36, 32);
}

static int parse(size_t rsdp_size)
{
	int rc = acpi_parse(rsdp, rsdp_size);

	while (copy_count > 0)
		free(copies[--copy_count]);
	return rc;
}

static u8 *madt(void)
{
	static const u8 entries[] = {
		0,  8,  0, 7, 1,    0,    0,    0, /* CPU 7 */
		0,  8,  1, 8, 0,    0,    0,    0, /* not enabled */
		0,  8,  2, 7, 1,    0,    0,    0, /* 7 again */
		9,  16, 0, 0, 0x34, 0x12, 0,    0,    1,    0, 0, 0,
		0,  0,  0, 0,                                        /* x2APIC id 0x1234 */
		1,  12, 2, 0, 0,    0,    0xC0, 0xFE, 24,   0, 0, 0, /* I/O APIC */
		2,  10, 0, 0, 2,    0,    0,    0,    0,    0,       /* 0 -> 2 */
		2,  10, 0, 9, 9,    0,    0,    0,    0x0F, 0,       /* 9: level, low */
		2,  10, 1, 5, 5,    0,    0,    0,    0x0F, 0,       /* not ISA */
		77, 3,  0,                                           /* unknown */
	};
	u8 *t = table("APIC", 8 + sizeof(entries));

	set32(t + 36, 0xFEE00000);
	memcpy(t + 44, entries, sizeof(entries));
	finish(t);
	return t;
}
static u8 *hpet(void)
{
	u8 *t = table("HPET", 20);

	set32(t + 44, 0xFED00000);
	finish(t);
	return t;
}
static u8 *fadt(u32 body)
{
	u8 *t = table("FACP", body);

	set32(t + 76, 0x608);
	t[91] = 4;
	t[108] = 0x32;
	t[113] = 1; /* 32-bit timer */
	finish(t);
	return t;
}
static void typical(bool extended)
{
	u8 *tables[5];

	memset(ram, 0, sizeof(ram));
	used = 64;
	tables[0] = fadt(80);
	tables[1] = table("SSDT", 4); /* not ours: not even its checksum matters */
	tables[2] = madt();
	tables[3] = hpet();
	tables[4] = table(extended ? "DMAR" : "IVRS", 12); /* looked into elsewhere */
	finish(tables[4]);
	root(tables, 5, extended);
}

static void check_typical(void)
{
	assert_int_equal(acpi_info.bad_tables, 0);
	assert_non_null(acpi_info.iommu.bytes);
	assert_int_equal(acpi_info.iommu.size, 48);
	assert_int_equal(acpi_info.cpu_count, 2);
	assert_int_equal(acpi_info.cpus[0], 7);
	assert_int_equal(acpi_info.cpus[1], 0x1234);
	assert_int_equal(acpi_info.ioapic_count, 1);
	assert_int_equal(acpi_info.ioapics[0].address, 0xFEC00000);
	assert_int_equal(acpi_info.ioapics[0].gsi_base, 24);
	assert_int_equal(acpi_info.override_count, 2);
	assert_int_equal(acpi_info.overrides[0].gsi, 2);
	assert_false(acpi_info.overrides[0].level || acpi_info.overrides[0].low);
	assert_true(acpi_info.overrides[1].level && acpi_info.overrides[1].low);
	assert_int_equal(acpi_info.lapic_address, 0xFEE00000);
	assert_int_equal(acpi_info.hpet_address, 0xFED00000);
	assert_int_equal(acpi_info.pm_timer_port, 0x608);
	assert_true(acpi_info.pm_timer_32bit);
	assert_int_equal(acpi_info.century_register, 0x32);
}

static void test_xsdt(void **state)
{
	(void)state;
	typical(true);
	assert_int_equal(parse(36), 0);
	check_typical();
}

static void test_rsdt(void **state)
{
	(void)state;
	typical(false);
	assert_int_equal(parse(20), 0);
	check_typical();
}

static void test_bad_rsdp(void **state)
{
	(void)state;
	typical(true);
	assert_int_not_equal(parse(0), 0);
	assert_int_not_equal(parse(19), 0);
	rsdp[33] ^= 1; /* second checksum: back to the RSDT, of which there is none */
	assert_int_not_equal(parse(36), 0);
	rsdp[33] ^= 1;
	rsdp[0] = 'X';
	assert_int_not_equal(parse(36), 0);
}

static void test_bad_checksums(void **state)
{
	(void)state;
	typical(true);
	ram[64 + 76] ^= 1; /* the FADT */
	assert_int_equal(parse(36), 0);
	assert_int_equal(acpi_info.bad_tables, 1);
	assert_int_equal(acpi_info.pm_timer_port, 0);
	assert_int_equal(acpi_info.cpu_count, 2);
	xsdt[40] ^= 1;
	assert_int_not_equal(parse(36), 0);
}

/* Each table cut to each length, with a good checksum. */
static void test_every_length(void **state)
{
	static u8 *(*const make[])(void) = {madt, hpet};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (u32 size = 0; size < 180; size++) {
			u8 *t;

			memset(ram, 0, sizeof(ram));
			used = 64;
			t = make[i]();
			set32(t + 4, size);
			if (size > 9)
				checksum(t, size, 9);
			used += 256;
			root(&t, 1, true);
			assert_int_equal(parse(36), 0);
			assert_true(acpi_info.cpu_count <= 2);
		}
	}
}

static void test_wild(void **state)
{
	(void)state;
	srand(1);
	for (u32 round = 0; round < 3000; round++) {
		typical(round % 2);
		for (u32 i = 0; i < 6; i++) {
			size_t at = 64 + (size_t)rand() % (used - 64);

			ram[at] = (u8)rand();
		}
		/* Good sums again, so that the bytes are looked at. */
		for (size_t at = 64; at + 36 < used; at++)
			if (memcmp(ram + at, "APIC", 4) == 0 || memcmp(ram + at, "FACP", 4) == 0 ||
			    memcmp(ram + at, "HPET", 4) == 0 || memcmp(ram + at, "SDT", 3) == 0) {
				u32 size;

				memcpy(&size, ram + at + 4, 4);
				if (size > 9 && size < used - at)
					checksum(ram + at, size, 9);
			}
		(void)parse(36);
		assert_true(acpi_info.cpu_count <= ACPI_MAX_CPUS);
	}
}

static void test_many_cpus(void **state)
{
	u8 *t;

	(void)state;
	memset(ram, 0, sizeof(ram));
	used = 64;
	t = table("APIC", 8 + 300 * 16);
	for (u32 i = 0; i < 300; i++) {
		u8 *e = t + 44 + i * 16;

		e[0] = 9;
		e[1] = 16;
		set32(e + 4, 1000 + i);
		e[8] = 1;
	}
	finish(t);
	root(&t, 1, true);
	assert_int_equal(parse(36), 0);
	assert_int_equal(acpi_info.cpu_count, ACPI_MAX_CPUS);
	assert_int_equal(acpi_info.cpus_dropped, 300 - ACPI_MAX_CPUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xsdt),         cmocka_unit_test(test_rsdt),
		cmocka_unit_test(test_bad_rsdp),     cmocka_unit_test(test_bad_checksums),
		cmocka_unit_test(test_every_length), cmocka_unit_test(test_wild),
		cmocka_unit_test(test_many_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
