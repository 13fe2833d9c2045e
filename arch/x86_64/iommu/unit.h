/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two kinds of IOMMU, their ACPI tables and their page table have in common. */
#ifndef ARCH_X86_64_IOMMU_UNIT_H
#define ARCH_X86_64_IOMMU_UNIT_H

#include <core/types.h>

#define IOMMU_MAX_UNITS  16u
#define IOMMU_MAX_RANGES 32u
#define IOMMU_RANGE_MAX  GIB(4) /* of memory that one entry of the tables demands */

/* What DMAR or IVRS say. */
struct iommu_tables {
	u64 units[IOMMU_MAX_UNITS]; /* addresses of registers */
	u32 unit_count;
	struct iommu_range {
		u64 start, end;     /* bytes */
	} ranges[IOMMU_MAX_RANGES]; /* memory that devices need as it is */
	u32 range_count;
};
/* t: a table of `size` bytes whose header was checked. NULL, or what is wrong, in words. Pure. */
must_use const char *iommu_parse_dmar(struct iommu_tables *out, const u8 *t, u32 size);
must_use const char *iommu_parse_ivrs(struct iommu_tables *out, const u8 *t, u32 size);

/* An entry format: bits for "there is something", reading, writing; what a leaf has besides; and
 * what a table's entry has for each level that the table below it stands for. */
struct iommu_format {
	u64 present, read, write, leaf, level;
};
extern const struct iommu_format vtd_format, amdvi_format;

/* The page table of the one space that all devices have. Leaves are 4 KiB. Tables stay: with the
 * counts they are 1/256 of the memory that was ever granted in each 2 MiB. */
struct iommu_space {
	const struct iommu_format *format;
	u64 *root;
	unsigned int levels;  /* 3 or 4 */
	bool coherent;        /* else hardware reads memory behind the caches' back */
	bool settle_when_new; /* hardware may keep holes, or has buffers to write back */
};
/* Count the users of a frame up or down; *owed is set if hardware may know better, else left. */
must_use int iommu_space_add(struct iommu_space *s, hfn_t f, bool write, bool *owed);
void iommu_space_remove(struct iommu_space *s, hfn_t f, bool write, bool *owed);
/* Makes memory that was written visible to a table walk. */
void iommu_space_written(const struct iommu_space *s, const void *p, size_t bytes);

/* A kind of IOMMU. prepare() finds out what all units can do and sets *s but for its root; then
 * enable() turns all of them on. NULL, or what is wrong, in words, and all are off. */
struct iommu_kind {
	const char *name;
	must_use const char *(*parse)(struct iommu_tables *out, const u8 *t, u32 size);
	must_use const char *(*prepare)(const struct iommu_tables *t, struct iommu_space *s);
	must_use const char *(*enable)(const struct iommu_space *s);
	void (*flush)(void); /* returns when no unit knows what the table does not say */
	void (*poll)(void);  /* reports what came to the units' logs */
	bool (*owns)(u64 page);
};
extern const struct iommu_kind vtd_kind, amdvi_kind;

/* A line for a DMA that was blocked; or a count of them, when there are too many. */
void iommu_blocked(u16 source, bool write, u64 address, const char *what, u32 reason);
/* Some more were blocked that the hardware had no room to tell of. */
void iommu_blocked_more(void);
/* Waits until the 32 bits at reg, masked, are value; at most a second. */
must_use bool iommu_wait(const volatile void *reg, u32 mask, u32 value);

#endif
