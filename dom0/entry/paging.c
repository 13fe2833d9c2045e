/* SPDX-License-Identifier: BSD-2-Clause */
/* The control domain's own page tables. */
#include <dom0/entry/paging.h>

#define PTE_PRESENT 1ull
#define PTE_WRITE   2ull
#define PTE_LARGE   0x80ull
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000FFFFFFFFFF000ull
#define IMAGE_BASE  0xffffffff80000000ull
#define LEAF_2M     0x200000ull

extern const char dom0_text_start[], dom0_text_end[], dom0_rodata_end[], dom0_image_end[];

static u64 *root;
static u64 load_base;
static u64 pool, pool_limit; /* table pages not used yet */

static u64 *new_table(void)
{
	u64 *t = (u64 *)(uintptr_t)pool;

	if (pool + PAGE_SIZE > pool_limit)
		return NULL;
	pool += PAGE_SIZE;
	for (unsigned int i = 0; i < 512; i++)
		t[i] = 0;
	return t;
}

/* The entry for va at a level (1: 4 KiB, 2: 2 MiB), with the tables above it made. NULL: no more
 * table pages. */
static u64 *entry_at(u64 va, unsigned int level)
{
	u64 *table = root;

	for (unsigned int l = 4; l > level; l--) {
		u64 *e = &table[(va >> (12 + 9 * (l - 1))) & 511];

		if (!(*e & PTE_PRESENT)) {
			u64 *t = new_table();

			if (!t)
				return NULL;
			*e = (u64)(uintptr_t)t | PTE_PRESENT | PTE_WRITE;
		}
		table = (u64 *)(uintptr_t)(*e & PTE_ADDRESS);
	}
	return &table[(va >> (12 + 9 * (level - 1))) & 511];
}

static void map_image(const char *from, const char *to, u64 flags)
{
	for (u64 va = (u64)(uintptr_t)from; va < (u64)(uintptr_t)to; va += PAGE_SIZE)
		*entry_at(va, 1) = (va - IMAGE_BASE + load_base) | PTE_PRESENT | flags;
}

void *paging_reach(gpa_t at, u64 size)
{
	u64 last = at.v + (size ? size - 1 : 0);

	for (u64 a = align_down(at.v, LEAF_2M); a <= last; a += LEAF_2M) {
		u64 *e = entry_at(a, 2);

		if (!e)
			return NULL;
		if (!(*e & PTE_PRESENT))
			*e = a | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_NX;
	}
	return (void *)(uintptr_t)at.v;
}

gpa_t paging_gpa(const void *p)
{
	u64 va = (u64)(uintptr_t)p;

	return gpa(va >= IMAGE_BASE ? va - IMAGE_BASE + load_base : va);
}

void paging_init(u64 base, u64 pool_start, u64 pool_end)
{
	load_base = base;
	pool = pool_start;
	pool_limit = pool_end;
	root = new_table();
	map_image(dom0_text_start, dom0_text_end, 0);
	map_image(dom0_text_end, dom0_rodata_end, PTE_NX);
	map_image(dom0_rodata_end, dom0_image_end, PTE_NX | PTE_WRITE);
	paging_reach(gpa(0), GIB(4));
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}
