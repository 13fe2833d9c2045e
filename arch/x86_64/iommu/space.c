/* SPDX-License-Identifier: BSD-2-Clause */
/* The page table of devices, with a count of users for each frame. The walker of ept/ does not fit:
 * it keeps a type and a count in bits of the entry that AMD-Vi reserves, and has no users. */
#include <arch/x86_64/iommu/unit.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/mm/paging.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>
#include <xen/errno.h>

#define ENTRIES    512u
#define LEVEL_BITS 9u
#define ENTRY_ADDR 0x000FFFFFFFFFF000ull
#define LINE       64u /* of the caches, the least there is */

/* VT-d Specification, "Second-Level Paging Entries". */
const struct iommu_format vtd_format = {.read = 1, .write = 2};
/* AMD I/O Virtualization Technology Specification, "I/O Page Tables". */
const struct iommu_format amdvi_format = {
	.present = 1ull << 0,
	.read = 1ull << 61,
	.write = 1ull << 62,
	.leaf = 1ull << 60, /* snoops the caches, whatever the device asks for */
	.level = 1ull << 9,
};

/* A table of the lowest level. GRANT_MAX_MAPS users of one kind fit the counts. */
struct leaves {
	u64 entry[ENTRIES]; /* what hardware reads */
	struct users {
		u16 readers, writers;
	} users[ENTRIES];
};
#define LEAVES_ORDER 1u
_Static_assert(sizeof(struct leaves) <= PAGE_SIZE << LEAVES_ORDER, "table and counts");

void iommu_space_written(const struct iommu_space *s, const void *p, size_t bytes)
{
	const u8 *line = p;

	for (size_t i = 0; !s->coherent && i < bytes; i += LINE)
		clflush(line + i);
}

static void store(const struct iommu_space *s, u64 *slot, u64 entry)
{
	WRITE_ONCE(*slot, entry);
	iommu_space_written(s, slot, sizeof(*slot));
}

/* The table below slot, which is of `level`. */
static u64 *table_make(const struct iommu_space *s, u64 *slot, unsigned int level)
{
	const struct iommu_format *f = s->format;
	u64 *table = page_alloc(level == 2 ? LEAVES_ORDER : 0);

	if (!table)
		return NULL;
	iommu_space_written(s, table, PAGE_SIZE);
	store(s, slot,
	      virt_to_phys(table).v | f->present | f->read | f->write | f->level * (level - 1));
	return table;
}

/* The lowest table for frame f. NULL: there is none, and it was not to be made or can't be. */
static struct leaves *find(const struct iommu_space *s, hfn_t f, bool make)
{
	u64 *table = s->root;

	if (f.v >> (LEVEL_BITS * s->levels))
		return NULL;
	for (unsigned int level = s->levels; table && level > 1; level--) {
		u64 *slot = &table[f.v >> (LEVEL_BITS * (level - 1)) & (ENTRIES - 1)];

		table = *slot ? phys_to_virt(hpa(*slot & ENTRY_ADDR)) : NULL;
		if (!table && make)
			table = table_make(s, slot, level);
	}
	return (struct leaves *)(void *)table;
}

/* Writes the entry that the users ask for, if it is another; true if there was one before. */
static bool update(const struct iommu_space *s, struct leaves *l, u64 i, hfn_t f)
{
	const struct iommu_format *fmt = s->format;
	u64 old = l->entry[i], entry = 0;

	if (l->users[i].writers)
		entry = fmt->write;
	if (l->users[i].writers || l->users[i].readers)
		entry |= hfn_to_hpa(f).v | fmt->present | fmt->read | fmt->leaf;
	if (entry == old)
		return false;
	store(s, &l->entry[i], entry);
	return old != 0 || s->settle_when_new;
}

int iommu_space_add(struct iommu_space *s, hfn_t f, bool write, bool *owed)
{
	struct leaves *l = find(s, f, true);
	u64 i = f.v & (ENTRIES - 1);

	if (!l)
		return -XEN_ENOMEM;
	if (write)
		l->users[i].writers++;
	else
		l->users[i].readers++;
	*owed |= update(s, l, i, f);
	return 0;
}

void iommu_space_remove(struct iommu_space *s, hfn_t f, bool write, bool *owed)
{
	struct leaves *l = find(s, f, false);
	u64 i = f.v & (ENTRIES - 1);
	u16 *users;

	assert(l);
	users = write ? &l->users[i].writers : &l->users[i].readers;
	assert(*users);
	(*users)--;
	*owed |= update(s, l, i, f);
}
