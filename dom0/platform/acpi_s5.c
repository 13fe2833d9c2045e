/* SPDX-License-Identifier: BSD-2-Clause */
/* FADT and \_S5. The package is looked for as bytes: an AML interpreter for one constant would be
 * larger than the control domain. */
#include <dom0/platform/acpi_s5.h>

#include <string.h>

/* One integer of a package: ZeroOp, OneOp, OnesOp, BytePrefix, WordPrefix, DWordPrefix. */
static bool aml_integer(const u8 *p, const u8 *end, u32 *value, u32 *used)
{
	static const u8 lengths[] = {[0x0A] = 2, [0x0B] = 3, [0x0C] = 5};

	if (p >= end)
		return false;
	*used = 1;
	*value = *p;
	if (*p == 0x00 || *p == 0x01)
		return true;
	if (*p == 0xFF || *p < 0x0A || *p > 0x0C || end - p < lengths[*p])
		return false;
	*used = lengths[*p];
	*value = *p == 0x0A ? p[1] : *p == 0x0B ? acpi_get16(p + 1) : acpi_get32(p + 1);
	return true;
}

/* Name (\_S5 or _S5_, Package { a, b, ... }) */
static bool find_s5(const u8 *dsdt, struct acpi_s5 *out)
{
	const u8 *end = dsdt + acpi_length(dsdt);

	for (const u8 *p = dsdt + ACPI_HEADER; p + 8 < end; p++) {
		const u8 *q = p + 4;
		u32 a, b, used;

		if (memcmp(p, "_S5_", 4) != 0 || *q != 0x12)
			continue;
		q++;
		q += 1 + (*q >> 6); /* PkgLength: 1 to 4 bytes */
		q++;                /* NumElements */
		if (!aml_integer(q, end, &a, &used))
			continue;
		q += used;
		if (!aml_integer(q, end, &b, &used))
			b = a;
		out->sleep_a = a & 7;
		out->sleep_b = b & 7;
		return true;
	}
	return false;
}

bool acpi_s5_find(struct acpi_s5 *out, u64 rsdp, acpi_read_fn *read)
{
	const u8 *fadt = acpi_find(rsdp, "FACP", read), *dsdt;
	u32 length;

	*out = (struct acpi_s5){0};
	if (!fadt || (length = acpi_length(fadt)) < 116)
		return false;
	out->smi_command = (u16)acpi_get32(fadt + 48);
	out->acpi_enable = fadt[52];
	out->pm1a_control = (u16)acpi_get32(fadt + 64);
	out->pm1b_control = (u16)acpi_get32(fadt + 68);
	/* RESET_REG: an address in I/O space, if flag RESET_REG_SUP is set. */
	if (length >= 129 && (acpi_get32(fadt + 112) & (1u << 10)) && fadt[116] == 1) {
		out->reset_port = (u16)acpi_get64(fadt + 120);
		out->reset_value = fadt[128];
	}
	dsdt = acpi_table_at(acpi_get32(fadt + 40), "DSDT", read);
	if (!dsdt && length >= 148)
		dsdt = acpi_table_at(acpi_get64(fadt + 140), "DSDT", read);
	return dsdt && out->pm1a_control && find_s5(dsdt, out);
}
