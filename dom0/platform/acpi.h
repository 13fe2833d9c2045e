/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's tables. ACPI Specification 6.4, "ACPI Software Programming Model"; PCI Firmware
 * Specification 3.2, "MCFG Table Description". A damaged or lying table is as good as none. */
#ifndef DOM0_PLATFORM_ACPI_H
#define DOM0_PLATFORM_ACPI_H

#include <core/types.h>

#define ACPI_HEADER   36u /* bytes that every table begins with */
#define ACPI_ECAM_MAX 16u

/* Gives size readable bytes at physical address a, or NULL. */
typedef const void *acpi_read_fn(u64 a, u64 size);

/* The table at that address if it has this signature, a sound length and checksum; else NULL. */
const u8 *acpi_table_at(u64 at, const char *signature, acpi_read_fn *read);
/* The first sound table with this signature that the root table lists. */
const u8 *acpi_find(u64 rsdp, const char *signature, acpi_read_fn *read);

/* Configuration space of buses first_bus to last_bus, 1 MiB each; address is where bus 0's is or
 * would be. */
struct acpi_ecam {
	u64 address;
	u16 segment;
	u8 first_bus, last_bus;
};
/* Returns how many there are in out; no bus is in two of them. */
unsigned int acpi_mcfg(u64 rsdp, struct acpi_ecam out[ACPI_ECAM_MAX], acpi_read_fn *read);

static inline u16 acpi_get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}
static inline u32 acpi_get32(const u8 *p)
{
	return (u32)acpi_get16(p) | (u32)acpi_get16(p + 2) << 16;
}
static inline u64 acpi_get64(const u8 *p)
{
	return acpi_get32(p) | (u64)acpi_get32(p + 4) << 32;
}
/* Of a table that was found. */
static inline u32 acpi_length(const u8 *table)
{
	return acpi_get32(table + 4);
}

#endif
