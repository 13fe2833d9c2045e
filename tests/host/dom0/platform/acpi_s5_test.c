/* SPDX-License-Identifier: BSD-2-Clause */
/* How a machine is switched off, from tables that are sound, damaged, or cut short. Each read gives
 * an allocation of its exact size, so that a look beyond it is seen. */
// links: dom0/platform/acpi_s5.c dom0/platform/acpi.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/platform/acpi_s5.h>

#define SIZE 4096u
#define RSDP 0x10u
#define RSDT 0x80u
#define XSDT 0x100u
#define FADT 0x200u
#define DSDT 0x400u
#define SSDT 0x800u

static u8 memory[SIZE];
static void *given[4096];
static unsigned int given_count;

static const void *read_at(u64 at, u64 size)
{
	void *p;

	if (at > SIZE || size > SIZE - at)
		return NULL;
	assert_true(given_count < 4096);
	p = malloc(size);
	memcpy(p, memory + at, size);
	given[given_count++] = p;
	return p;
}

static bool find(struct acpi_s5 *s, u64 rsdp)
{
	bool found = acpi_s5_find(s, rsdp, read_at);

	while (given_count)
		free(given[--given_count]);
	return found;
}

static void put(u32 at, u64 value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		memory[at + i] = (u8)(value >> (i * 8));
}

static void seal(u32 at)
{
	u8 sum = 0;
	u32 length = memory[at + 4] | memory[at + 5] << 8;

	memory[at + 9] = 0;
	for (u32 i = 0; i < length; i++)
		sum = (u8)(sum + memory[at + i]);
	memory[at + 9] = (u8)-sum;
}

static void table(u32 at, const char *signature, u32 length)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, length, 4);
	seal(at);
}

static void aml(const char *code, size_t n)
{
	memset(memory + DSDT + 36, 0x3C, 64);
	memcpy(memory + DSDT + 50, code, n);
	seal(DSDT);
}
#define AML(code) aml(code, sizeof(code) - 1)

/* A machine of today: XSDT, a FADT of 244 bytes with a reset register, \_S5_ = {5, 6, 0, 0}. */
static void machine(void)
{
	memset(memory, 0, SIZE);
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = 2;
	put(RSDP + 16, RSDT, 4);
	put(RSDP + 24, XSDT, 8);
	put(RSDT + 36, SSDT, 4);
	put(RSDT + 40, FADT, 4);
	put(XSDT + 36, SSDT, 8);
	put(XSDT + 44, FADT, 8);
	table(SSDT, "SSDT", 40);
	table(RSDT, "RSDT", 44);
	table(XSDT, "XSDT", 52);
	put(FADT + 40, DSDT, 4);
	put(FADT + 48, 0xB2, 4);
	memory[FADT + 52] = 0xA0;
	put(FADT + 64, 0x604, 4);
	put(FADT + 68, 0x608, 4);
	put(FADT + 112, 1u << 10, 4);
	memory[FADT + 116] = 1;
	put(FADT + 120, 0xCF9, 8);
	memory[FADT + 128] = 6;
	put(FADT + 140, DSDT, 8);
	table(FADT, "FACP", 244);
	table(DSDT, "DSDT", 100);
	AML("\x08_S5_\x12\x0A\x04\x0A\x05\x0A\x06\x00\x00");
}

static void sound(void **state)
{
	struct acpi_s5 s;

	(void)state;
	machine();
	assert_true(find(&s, RSDP));
	assert_true(s.pm1a_control == 0x604 && s.pm1b_control == 0x608);
	assert_true(s.sleep_a == 5 && s.sleep_b == 6);
	assert_true(s.smi_command == 0xB2 && s.acpi_enable == 0xA0);
	assert_true(s.reset_port == 0xCF9 && s.reset_value == 6);

	memory[RSDP + 15] = 0; /* ACPI 1.0 */
	put(FADT + 4, 116, 4);
	seal(FADT);
	assert_true(find(&s, RSDP));
	assert_true(s.sleep_a == 5 && s.reset_port == 0);

	machine(); /* the XSDT is broken: the RSDT is there still */
	memory[XSDT + 9]++;
	assert_true(find(&s, RSDP));

	machine(); /* only the long address of the DSDT */
	put(FADT + 40, 0, 4);
	seal(FADT);
	assert_true(find(&s, RSDP));
}

static void aml_forms(void **state)
{
	struct acpi_s5 s;

	(void)state;
	machine();
	AML("\x08\\_S5_\x12\x06\x04\x00\x01\x00\x00"); /* ZeroOp, OneOp */
	assert_true(find(&s, RSDP) && s.sleep_a == 0 && s.sleep_b == 1);
	AML("\x08_S5_\x12\x47\x00\x02\x0B\x07\x00\x0C\x02\x00\x00\x00"); /* words, long PkgLength */
	assert_true(find(&s, RSDP) && s.sleep_a == 7 && s.sleep_b == 2);
	AML("\x08_S5_\x12\x04\x01\x0A\x0D\x5B"); /* one element: both; SLP_TYP has three bits */
	assert_true(find(&s, RSDP) && s.sleep_a == 5 && s.sleep_b == 5);
	/* The name elsewhere first: a reference, then the object. */
	AML("_S5_\x70_S5_\x12\x08_S5_\x12\x06\x04\x01\x01\x00\x00");
	assert_true(find(&s, RSDP) && s.sleep_a == 1);
	AML("\x08_S4_\x12\x06\x04\x00\x01\x00\x00");
	assert_false(find(&s, RSDP));
	AML("\x08_S5_\x11\x06\x04\x00\x01\x00\x00"); /* a buffer */
	assert_false(find(&s, RSDP));
	AML("\x08_S5_\x12\x06\x04\\ABC"); /* a name in it */
	assert_false(find(&s, RSDP));
	assert_int_equal(s.reset_port, 0xCF9); /* that much is known */

	/* Cut off at any byte. */
	for (u32 length = 36; length < 66; length++) {
		machine();
		put(DSDT + 4, length, 4);
		seal(DSDT);
		(void)!find(&s, RSDP);
		assert_true(s.sleep_a == 5 || s.sleep_a == 0);
	}
}

static void missing(void **state)
{
	static const u64 nowhere[] = {0, SIZE, SIZE - 35, ~0ull, RSDT};
	struct acpi_s5 s;

	(void)state;
	machine();
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		assert_false(find(&s, nowhere[i]));
#define BAD(change, at)                       \
	do {                                  \
		machine();                    \
		change;                       \
		seal(at);                     \
		assert_false(find(&s, RSDP)); \
	} while (0)
	BAD(memory[RSDP] = 'r', RSDT);
	BAD((put(RSDP + 16, 0, 4), put(RSDP + 24, 0, 8)), RSDT);
	BAD((put(RSDP + 16, ~0u, 4), put(RSDP + 24, ~0ull, 8)), RSDT);
	BAD((put(XSDT + 4, 44, 4), put(RSDT + 4, 40, 4), seal(RSDT)), XSDT); /* FADT not listed */
	BAD((put(XSDT + 4, 51, 4), put(RSDT + 4, 43, 4), seal(RSDT)), XSDT); /* cut in an entry */
	BAD((put(XSDT + 4, 20, 4), put(RSDT + 4, ~0u, 4)), XSDT);
	BAD((put(XSDT + 44, ~0ull - 5, 8), put(RSDT + 40, SIZE - 8, 4), seal(RSDT)), XSDT);
	BAD(memory[FADT] = 'X', FADT);
	BAD(put(FADT + 4, 115, 4), FADT);
	BAD(put(FADT + 4, 0x100001, 4), DSDT);
	BAD(put(FADT + 64, 0, 4), FADT); /* no register */
	BAD((put(FADT + 40, 0, 4), put(FADT + 140, 0, 8)), FADT);
	BAD((put(FADT + 40, 0, 4), put(FADT + 4, 147, 4)), FADT);
	BAD(memory[DSDT] = 'X', DSDT);

	machine(); /* sums */
	memory[FADT + 9]++;
	assert_false(find(&s, RSDP));
	machine();
	memory[DSDT + 9]++;
	assert_false(find(&s, RSDP));
	assert_int_equal(s.reset_port, 0xCF9);

	/* A reset register in memory, or one that the flags deny. */
	machine();
	memory[FADT + 116] = 0;
	seal(FADT);
	assert_true(find(&s, RSDP) && s.reset_port == 0);
	machine();
	put(FADT + 112, 0, 4);
	seal(FADT);
	assert_true(find(&s, RSDP) && s.reset_port == 0);
}

static void any_bytes(void **state)
{
	u64 seed = 88172645463325252ull;
	struct acpi_s5 s;

	(void)state;
	for (unsigned int round = 0; round < 60000; round++) {
		static const u32 tables[] = {RSDT, XSDT, FADT, DSDT};

		machine();
		for (unsigned int n = 0; n < 1 + round % 6; n++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			memory[(seed >> 20) % 0x480] = (u8)(seed >> 8);
		}
		for (unsigned int i = 0; i < 4; i++)
			if ((memory[tables[i] + 5] & 0xFC) == 0)
				seal(tables[i]);
		(void)!find(&s, RSDP);
		assert_true(s.sleep_a <= 7 && s.sleep_b <= 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(aml_forms),
		cmocka_unit_test(missing),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
