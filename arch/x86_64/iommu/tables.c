/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables that tell of IOMMUs: DMAR (VT-d Specification, "BIOS Considerations") and IVRS
 * (AMD I/O Virtualization Technology Specification, "I/O Virtualization ACPI Table"). */
#include <arch/x86_64/iommu/unit.h>

#include <core/lib/string.h>

#define ENTRIES     48u /* where both tables' entries begin */
#define DMAR_DRHD   0u
#define DMAR_RMRR   1u
#define IVHD_FIRST  0x10u
#define IVHD_11     0x11u
#define IVHD_40     0x40u
#define IVMD_FIRST  0x20u
#define IVMD_LAST   0x22u
#define IVMD_UNITY  1u
#define IVMD_EXCEPT (1u << 3) /* an exclusion range: needs a mapping as it is, too */

static u64 get(const u8 *p, unsigned int bytes)
{
	u64 v = 0;

	memcpy(&v, p, bytes);
	return v;
}

/* Tables describe a unit more than once, for software of several ages. */
static const char *add_unit(struct iommu_tables *out, u64 base)
{
	if (base == 0 || (base & PAGE_MASK) || base >= bit64(52))
		return "a unit with an impossible address";
	for (u32 i = 0; i < out->unit_count; i++)
		if (out->units[i] == base)
			return NULL;
	if (out->unit_count == IOMMU_MAX_UNITS)
		return "more units than are supported";
	out->units[out->unit_count++] = base;
	return NULL;
}

static const char *add_range(struct iommu_tables *out, u64 start, u64 end)
{
	if (start >= end || end > bit64(48) || end - start > IOMMU_RANGE_MAX)
		return "an impossible range of memory";
	if (out->range_count == IOMMU_MAX_RANGES)
		return "more ranges of memory than are supported";
	out->ranges[out->range_count++] = (struct iommu_range){start, end};
	return NULL;
}

static const char *dmar_entry(struct iommu_tables *out, const u8 *e, u32 size)
{
	u64 type = get(e, 2);

	if ((type == DMAR_DRHD && size < 16) || (type == DMAR_RMRR && size < 24))
		return "an entry that is too short";
	if (type == DMAR_DRHD)
		return add_unit(out, get(e + 8, 8));
	if (type == DMAR_RMRR)
		return add_range(out, get(e + 8, 8), get(e + 16, 8) + 1);
	return NULL;
}

static const char *ivrs_entry(struct iommu_tables *out, const u8 *e, u32 size)
{
	bool ivhd = e[0] == IVHD_FIRST || e[0] == IVHD_11 || e[0] == IVHD_40;
	bool ivmd = e[0] >= IVMD_FIRST && e[0] <= IVMD_LAST;

	if ((ivhd && size < 24) || (ivmd && size < 32))
		return "an entry that is too short";
	if (ivhd)
		return add_unit(out, get(e + 8, 8));
	if (ivmd && (e[1] & (IVMD_UNITY | IVMD_EXCEPT)))
		return add_range(out, get(e + 16, 8), get(e + 16, 8) + get(e + 24, 8));
	return NULL;
}

/* Both tables' entries have their length in bytes 3:2. */
static const char *parse(struct iommu_tables *out, const u8 *t, u32 size,
			 const char *(*entry)(struct iommu_tables *out, const u8 *e, u32 size))
{
	const char *wrong = size < ENTRIES ? "no room for an entry" : NULL;

	*out = (struct iommu_tables){0};
	for (u32 at = ENTRIES, length; !wrong && size - at >= 4; at += length) {
		length = (u32)get(t + at + 2, 2);
		if (length < 4 || length > size - at)
			return "an entry with an impossible length";
		wrong = entry(out, t + at, length);
	}
	return !wrong && out->unit_count == 0 ? "no unit" : wrong;
}

const char *iommu_parse_dmar(struct iommu_tables *out, const u8 *t, u32 size)
{
	return parse(out, t, size, dmar_entry);
}

const char *iommu_parse_ivrs(struct iommu_tables *out, const u8 *t, u32 size)
{
	return parse(out, t, size, ivrs_entry);
}
