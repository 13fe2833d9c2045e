/* SPDX-License-Identifier: BSD-2-Clause */
/* Where PCI's configuration space is, from tables that are sound, damaged, or lie. Each read gives
 * an allocation of its exact size, so that a look beyond it is seen. */
// links: dom0/platform/acpi.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/platform/acpi.h>

#define SIZE 4096u
#define RSDP 0x10u
#define XSDT 0x100u
#define MCFG 0x400u

static u8 memory[SIZE];
static void *given[64];
static unsigned int given_count;
static struct acpi_ecam out[ACPI_ECAM_MAX];

static const void *read_at(u64 at, u64 size)
{
	void *p;

	if (at > SIZE || size > SIZE - at)
		return NULL;
	assert_true(given_count < ARRAY_SIZE(given));
	p = malloc(size);
	memcpy(p, memory + at, size);
	given[given_count++] = p;
	return p;
}

static void forget(void)
{
	while (given_count)
		free(given[--given_count]);
}

static unsigned int look(void)
{
	unsigned int n;

	memset(out, 0xEE, sizeof(out));
	n = acpi_mcfg(RSDP, out, read_at);
	forget();
	assert_true(n <= ACPI_ECAM_MAX);
	return n;
}

static void put(u32 at, u64 value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		memory[at + i] = (u8)(value >> (i * 8));
}

static void seal(u32 at)
{
	u8 sum = 0;
	u32 length = acpi_length(memory + at);

	memory[at + 9] = 0;
	for (u32 i = 0; i < length && at + i < SIZE; i++)
		sum = (u8)(sum + memory[at + i]);
	memory[at + 9] = (u8)-sum;
}

static void table(u32 at, const char *signature, u32 length)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, length, 4);
	seal(at);
}

static void entry(unsigned int i, u64 address, u16 segment, u8 first, u8 last)
{
	u32 at = MCFG + 44 + 16 * i;

	put(at, address, 8);
	put(at + 8, segment, 2);
	memory[at + 10] = first;
	memory[at + 11] = last;
	table(MCFG, "MCFG", 44 + 16 * (i + 1));
}

static int set_up(void **state)
{
	(void)state;
	memset(memory, 0, SIZE);
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = 2;
	put(RSDP + 24, XSDT, 8);
	put(XSDT + 36, MCFG, 8);
	table(XSDT, "XSDT", 44);
	table(MCFG, "MCFG", 44);
	return 0;
}

static void sound(void **state)
{
	(void)state;
	assert_int_equal(look(), 0);
	entry(0, 0xB0000000, 0, 0, 255);
	assert_int_equal(look(), 1);
	assert_true(out[0].address == 0xB0000000 && out[0].segment == 0 && out[0].first_bus == 0 &&
		    out[0].last_bus == 255);
	entry(1, 0x38000000000, 1, 0x80, 0x8F);
	entry(2, 0x39000000000, 1, 0x90, 0x90);
	assert_int_equal(look(), 3);
	assert_true(out[2].segment == 1 && out[2].first_bus == 0x90);
	for (unsigned int i = 0; i < 40; i++)
		entry(i, 0xB0000000, (u16)i, 0, 1);
	assert_int_equal(look(), ACPI_ECAM_MAX);
}

static void lies(void **state)
{
	(void)state;
	entry(0, 0, 0, 0, 255);                /* no address */
	entry(1, 0xB0080000, 0, 0, 255);       /* not aligned */
	entry(2, 0x10000000000000, 0, 0, 255); /* beyond what there can be */
	entry(3, 0xB0000000, 0, 5, 4);         /* no bus */
	entry(4, 0xB0000000, 0, 16, 31);
	entry(5, 0xC0000000, 0, 31, 40); /* a bus that is in another */
	entry(6, 0xC0000000, 0, 0, 255);
	entry(7, 0xC0000000, 0, 32, 40);
	assert_int_equal(look(), 2);
	assert_true(out[0].first_bus == 16 && out[1].first_bus == 32);
	put(MCFG + 4, 44 + 16 * 8 - 1, 4); /* the last one is cut off */
	seal(MCFG);
	assert_int_equal(look(), 1);
	memory[MCFG + 60]++; /* the sum */
	assert_int_equal(look(), 0);
	for (u32 length = 0; length < 60; length++) {
		put(MCFG + 4, length, 4);
		seal(MCFG);
		assert_int_equal(look(), 0);
	}
	put(MCFG + 4, ~0u, 4);
	assert_int_equal(look(), 0);
}

static void finding(void **state)
{
	(void)state;
	assert_null(acpi_find(RSDP, "FACP", read_at));
	assert_non_null(acpi_find(RSDP, "MCFG", read_at));
	assert_null(acpi_find(0, "MCFG", read_at));
	assert_null(acpi_find(~0ull, "MCFG", read_at));
	assert_null(acpi_table_at(0, "MCFG", read_at));
	assert_non_null(acpi_table_at(MCFG, "MCFG", read_at));
	assert_null(acpi_table_at(MCFG, "DSDT", read_at));
	/* Two of one name, the first one damaged. */
	put(XSDT + 36, 0x800, 8);
	put(XSDT + 44, MCFG, 8);
	table(XSDT, "XSDT", 52);
	table(0x800, "MCFG", 44);
	memory[0x810]++;
	assert_memory_equal(acpi_find(RSDP, "MCFG", read_at), memory + MCFG, 44);
	forget();
}

static void any_bytes(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int n;

		set_up(NULL);
		for (unsigned int i = 0; i < 12; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			entry(i, (seed & 0xFFFFF) << 20, (u16)(seed >> 62), (u8)(seed >> 24),
			      (u8)(seed >> 32));
		}
		memory[MCFG + (seed >> 40) % 256] ^= (u8)(1u << (seed >> 61));
		seal(MCFG);
		n = look();
		for (unsigned int i = 0; i < n; i++)
			for (unsigned int k = 0; k < i; k++)
				assert_true(out[i].segment != out[k].segment ||
					    out[i].first_bus > out[k].last_bus ||
					    out[k].first_bus > out[i].last_bus);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(sound),
		TEST(lies),
		TEST(finding),
		TEST(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
