/* SPDX-License-Identifier: BSD-2-Clause */
/* Lays out a guest's ACPI tables (ACPI 6.0, "ACPI Software Programming Model"). Hardware-reduced:
 * the guest looks for no PIC, PIT or SCI. */
#include <dom0/builder/acpi_tables.h>

#include <errno.h>
#include <string.h>
#include <dom0/builder/bytes.h>

#define LAPIC_BASE 0xFEE00000u

#define HEADER_SIZE 36u
#define RSDP_SIZE   36u
#define XSDT_SIZE   (HEADER_SIZE + 2 * 8u)
#define FADT_SIZE   276u
#define MADT_FIXED  44u
#define LAPIC_SIZE  8u
#define X2APIC_SIZE 16u
/* An xAPIC id has 8 bits, of which 255 addresses everyone. */
#define LAPIC_IDS 255u

/* Offsets from base; each a multiple of 16. */
#define XSDT_AT 0x40u
#define FADT_AT 0x80u
#define DSDT_AT 0x1A0u
#define MADT_AT 0x1E0u

/* An empty \_SB scope: the smallest DSDT with a name space. */
static const u8 dsdt_body[] = {0x10, 0x06, 0x5C, 0x5F, 0x53, 0x42, 0x5F};

_Static_assert(RSDP_SIZE <= XSDT_AT && XSDT_AT + XSDT_SIZE <= FADT_AT &&
		       FADT_AT + FADT_SIZE <= DSDT_AT &&
		       DSDT_AT + HEADER_SIZE + sizeof(dsdt_body) <= MADT_AT,
	       "tables overlap");

static u32 madt_size(unsigned int vcpus)
{
	u32 small = vcpus < LAPIC_IDS ? vcpus : LAPIC_IDS;

	return MADT_FIXED + small * LAPIC_SIZE + (vcpus - small) * X2APIC_SIZE;
}

u64 acpi_tables_size(unsigned int vcpus)
{
	return MADT_AT + madt_size(vcpus);
}

/* Sets the byte at position so that all size bytes add up to 0. */
static void set_checksum(u8 *table, u32 size, u32 position)
{
	u8 sum = 0;
	u32 i;

	table[position] = 0;
	for (i = 0; i < size; i++)
		sum = (u8)(sum + table[i]);
	table[position] = (u8)(0x100 - sum);
}

/* The common header; last, since it carries the checksum. */
static void seal(u8 *table, const char *signature, u32 size, u8 revision)
{
	memcpy(table, signature, 4);
	put_le32(table + 4, size);
	table[8] = revision;
	memcpy(table + 10, "PLINTH", 6);
	memcpy(table + 16, "PLINTHVM", 8);
	put_le32(table + 24, 1);
	memcpy(table + 28, "PLTH", 4);
	put_le32(table + 32, 1);
	set_checksum(table, size, 9);
}

static void build_rsdp(u8 *t, u64 base)
{
	memcpy(t, "RSD PTR ", 8);
	memcpy(t + 9, "PLINTH", 6);
	t[15] = 2;
	put_le32(t + 20, RSDP_SIZE);
	put_le64(t + 24, base + XSDT_AT);
	set_checksum(t, 20, 8);
	set_checksum(t, RSDP_SIZE, 32);
}

static void build_xsdt(u8 *t, u64 base)
{
	put_le64(t + HEADER_SIZE, base + FADT_AT);
	put_le64(t + HEADER_SIZE + 8, base + MADT_AT);
	seal(t, "XSDT", XSDT_SIZE, 1);
}

/* All register blocks stay 0: there are none. */
static void build_fadt(u8 *t, u64 base)
{
	put_le16(t + 109, 1u << 2 | 1u << 5); /* no VGA, no CMOS clock; no 8042 either */
	/* WBINVD works, no fixed power or sleep button, hardware-reduced */
	put_le32(t + 112, 1u << 0 | 1u << 4 | 1u << 5 | 1u << 20);
	put_le64(t + 140, base + DSDT_AT);
	seal(t, "FACP", FADT_SIZE, 6);
}

static void build_dsdt(u8 *t)
{
	memcpy(t + HEADER_SIZE, dsdt_body, sizeof(dsdt_body));
	seal(t, "DSDT", HEADER_SIZE + sizeof(dsdt_body), 2);
}

/* The flags stay 0: PCAT_COMPAT would make a guest look for an 8259. */
static void build_madt(u8 *t, unsigned int vcpus)
{
	u8 *e = t + MADT_FIXED;
	u32 n;

	put_le32(t + 36, LAPIC_BASE);
	for (n = 0; n < vcpus; n++) {
		if (n < LAPIC_IDS) {
			e[0] = 0;
			e[1] = LAPIC_SIZE;
			e[2] = e[3] = (u8)n;
			put_le32(e + 4, 1);
			e += LAPIC_SIZE;
		} else {
			e[0] = 9;
			e[1] = X2APIC_SIZE;
			put_le32(e + 4, n);
			put_le32(e + 8, 1);
			put_le32(e + 12, n);
			e += X2APIC_SIZE;
		}
	}
	seal(t, "APIC", madt_size(vcpus), 4);
}

int acpi_tables_build(void *buffer, u64 size, gpa_t base, unsigned int vcpus)
{
	u8 *b = buffer;

	if (vcpus == 0 || vcpus > ACPI_TABLES_VCPUS_MAX || base.v % 16 || base.v >= GIB(4))
		return -EINVAL;
	if (size < acpi_tables_size(vcpus))
		return -ENOSPC;
	memset(b, 0, acpi_tables_size(vcpus));
	build_rsdp(b, base.v);
	build_xsdt(b + XSDT_AT, base.v);
	build_fadt(b + FADT_AT, base.v);
	build_dsdt(b + DSDT_AT);
	build_madt(b + MADT_AT, vcpus);
	return 0;
}
