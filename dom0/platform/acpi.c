/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding the firmware's tables, and the one that says where PCI's configuration space is. */
#include <dom0/platform/acpi.h>

#include <string.h>

#define TABLE_MAX    (1u << 20)
#define RSDP_SIZE    36u
#define MCFG_ENTRIES 44u /* offset of the first */
#define MCFG_ENTRY   16u
#define BUS_SPACE    MIB(1)

const u8 *acpi_table_at(u64 at, const char *signature, acpi_read_fn *read)
{
	const u8 *t = at ? read(at, ACPI_HEADER) : NULL;
	u32 length;
	u8 sum = 0;

	if (!t || memcmp(t, signature, 4) != 0)
		return NULL;
	length = acpi_length(t);
	if (length < ACPI_HEADER || length > TABLE_MAX)
		return NULL;
	t = read(at, length);
	for (u32 i = 0; t && i < length; i++)
		sum = (u8)(sum + t[i]);
	return sum == 0 ? t : NULL;
}

const u8 *acpi_find(u64 rsdp, const char *signature, acpi_read_fn *read)
{
	const u8 *r = rsdp ? read(rsdp, RSDP_SIZE) : NULL;
	const u8 *root = NULL;
	unsigned int entry = 8;

	if (!r || memcmp(r, "RSD PTR ", 8) != 0)
		return NULL;
	if (r[15] >= 2)
		root = acpi_table_at(acpi_get64(r + 24), "XSDT", read);
	if (!root) {
		root = acpi_table_at(acpi_get32(r + 16), "RSDT", read);
		entry = 4;
	}
	for (u32 at = ACPI_HEADER; root && at + entry <= acpi_length(root); at += entry) {
		u64 where = entry == 8 ? acpi_get64(root + at) : acpi_get32(root + at);
		const u8 *t = acpi_table_at(where, signature, read);

		if (t)
			return t;
	}
	return NULL;
}

static bool sound(const struct acpi_ecam *e, const struct acpi_ecam *others, unsigned int count)
{
	if (e->address == 0 || e->address % BUS_SPACE || e->address >> 52 ||
	    e->first_bus > e->last_bus)
		return false;
	for (unsigned int i = 0; i < count; i++)
		if (others[i].segment == e->segment && others[i].first_bus <= e->last_bus &&
		    e->first_bus <= others[i].last_bus)
			return false;
	return true;
}

unsigned int acpi_mcfg(u64 rsdp, struct acpi_ecam out[ACPI_ECAM_MAX], acpi_read_fn *read)
{
	const u8 *t = acpi_find(rsdp, "MCFG", read);
	unsigned int count = 0;

	for (u32 at = MCFG_ENTRIES; t && at + MCFG_ENTRY <= acpi_length(t) && count < ACPI_ECAM_MAX;
	     at += MCFG_ENTRY) {
		const struct acpi_ecam e = {.address = acpi_get64(t + at),
					    .segment = acpi_get16(t + at + 8),
					    .first_bus = t[at + 10],
					    .last_bus = t[at + 11]};

		if (sound(&e, out, count))
			out[count++] = e;
	}
	return count;
}
