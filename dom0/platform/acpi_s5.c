/* SPDX-License-Identifier: BSD-2-Clause */
/* FADT and \_S5. The package is looked for as bytes: an AML interpreter for one constant would be
 * larger than the control domain. */
#include <dom0/platform/acpi_s5.h>

#include <string.h>

#define TABLE_MAX (1u << 20)
#define HEADER    36u

static u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) | (u32)get16(p + 2) << 16;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

/* A whole table with this signature, checksum and length right; NULL if not. */
static const u8 *table_at(u64 at, const char *signature, acpi_read_fn *read)
{
	const u8 *t = at ? read(at, HEADER) : NULL;
	u32 length;
	u8 sum = 0;

	if (!t || (signature && memcmp(t, signature, 4) != 0))
		return NULL;
	length = get32(t + 4);
	if (length < HEADER || length > TABLE_MAX)
		return NULL;
	t = read(at, length);
	for (u32 i = 0; t && i < length; i++)
		sum = (u8)(sum + t[i]);
	return sum == 0 ? t : NULL;
}

static const u8 *find_fadt(u64 rsdp, acpi_read_fn *read)
{
	const u8 *r = rsdp ? read(rsdp, 36) : NULL;
	const u8 *root = NULL;
	unsigned int entry = 8;

	if (!r || memcmp(r, "RSD PTR ", 8) != 0)
		return NULL;
	if (r[15] >= 2)
		root = table_at(get64(r + 24), "XSDT", read);
	if (!root) {
		root = table_at(get32(r + 16), "RSDT", read);
		entry = 4;
	}
	for (u32 at = HEADER; root && at + entry <= get32(root + 4); at += entry) {
		u64 where = entry == 8 ? get64(root + at) : get32(root + at);
		const u8 *t = table_at(where, "FACP", read);

		if (t)
			return t;
	}
	return NULL;
}

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
	*value = *p == 0x0A ? p[1] : *p == 0x0B ? get16(p + 1) : get32(p + 1);
	return true;
}

/* Name (\_S5 or _S5_, Package { a, b, ... }) */
static bool find_s5(const u8 *dsdt, struct acpi_s5 *out)
{
	const u8 *end = dsdt + get32(dsdt + 4);

	for (const u8 *p = dsdt + HEADER; p + 8 < end; p++) {
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
	const u8 *fadt = find_fadt(rsdp, read), *dsdt;
	u32 length;

	*out = (struct acpi_s5){0};
	if (!fadt || (length = get32(fadt + 4)) < 116)
		return false;
	out->smi_command = (u16)get32(fadt + 48);
	out->acpi_enable = fadt[52];
	out->pm1a_control = (u16)get32(fadt + 64);
	out->pm1b_control = (u16)get32(fadt + 68);
	/* RESET_REG: an address in I/O space, if flag RESET_REG_SUP is set. */
	if (length >= 129 && (get32(fadt + 112) & (1u << 10)) && fadt[116] == 1) {
		out->reset_port = (u16)get64(fadt + 120);
		out->reset_value = fadt[128];
	}
	dsdt = table_at(get32(fadt + 40), "DSDT", read);
	if (!dsdt && length >= 148)
		dsdt = table_at(get64(fadt + 140), "DSDT", read);
	return dsdt && out->pm1a_control && find_s5(dsdt, out);
}
