/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's page tables: built once, then only MMIO is added. AMD64 Architecture
 * Programmer's Manual, volume 2, "Long-Mode Page Translation". */
#include <arch/x86_64/mm/paging.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <boot/multiboot2.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>

#define PTE_P      0x001ull
#define PTE_W      0x002ull
#define PTE_PWT    0x008ull
#define PTE_PCD    0x010ull
#define PTE_LARGE  0x080ull
#define PTE_GLOBAL 0x100ull
#define PTE_NX     bit64(63)
#define PTE_ADDR   0x000ffffffffff000ull

#define MAP_RW (PTE_W | PTE_NX | PTE_GLOBAL)
#define MAP_RO (PTE_NX | PTE_GLOBAL)
#define MAP_RX PTE_GLOBAL
#define MAP_IO (MAP_RW | PTE_PCD | PTE_PWT) /* PAT entry 3: uncached, as reset leaves it */

#define LEVELS  4
#define ENTRIES 512u

/* From the linker script. */
extern u8 image_start[], image_text_end[], image_rodata_end[], image_end[];

static u64 root[ENTRIES] __attribute__((aligned(4096)));
static u64 pool_next, pool_limit; /* physical; a limit of 0: page_alloc() has tables */
static spinlock_t window_lock;
static u64 window_next = WINDOW_BASE;

static u64 *table_alloc(void)
{
	u64 *table;

	if (pool_limit == 0)
		return page_alloc(0);
	if (pool_next + PAGE_SIZE > pool_limit)
		panic("the boot pool for page tables is too small");
	table = phys_to_virt(hpa(pool_next));
	pool_next += PAGE_SIZE;
	memset(table, 0, PAGE_SIZE);
	return table;
}

static u64 level_size(int level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

static u64 *entry_of(u64 *table, u64 va, int level)
{
	return &table[(va / level_size(level)) % ENTRIES];
}

static u64 *table_of(u64 entry)
{
	return phys_to_virt(hpa(entry & PTE_ADDR));
}

/* The entry for va at `level`, with the tables above it made. NULL when out of memory. */
static u64 *entry_make(u64 va, int level)
{
	u64 *table = root;

	for (int l = LEVELS; l > level; l--) {
		u64 *e = entry_of(table, va, l);

		if (!(*e & PTE_P)) {
			u64 *below = table_alloc();

			if (below == NULL)
				return NULL;
			*e = virt_to_phys(below).v | PTE_P | PTE_W;
		}
		assert(!(*e & PTE_LARGE));
		table = table_of(*e);
	}
	return entry_of(table, va, level);
}

static int best_level(u64 va, u64 pa, u64 size)
{
	int level = cpu_has(CPU_PAGE1GB) ? 3 : 2;

	while (level > 1 && (((va | pa) & (level_size(level) - 1)) || size < level_size(level)))
		level--;
	return level;
}

/* All page-aligned; nothing is mapped there yet. */
must_use static bool map_range(u64 va, u64 pa, u64 size, u64 flags)
{
	while (size > 0) {
		int level = best_level(va, pa, size);
		u64 *e = entry_make(va, level);

		if (e == NULL)
			return false;
		assert(!(*e & PTE_P));
		WRITE_ONCE(*e, pa | flags | PTE_P | (level > 1 ? PTE_LARGE : 0));
		va += level_size(level);
		pa += level_size(level);
		size -= level_size(level);
	}
	return true;
}

/* Part of the direct map, whose alias of the image's text and constants cannot be written. */
static void map_direct(u64 start, u64 end)
{
	u64 cuts[4] = {start, virt_to_phys(image_start).v, virt_to_phys(image_rodata_end).v, end};
	bool ok = true;

	for (int i = 0; i < 3; i++) {
		u64 s = max_u64(cuts[i], start), e = min_u64(cuts[i + 1], end);

		if (s < e)
			ok = ok &&
			     map_range(DIRECT_MAP_BASE + s, s, e - s, i == 1 ? MAP_RO : MAP_RW);
	}
	assert(ok);
}

/* The next stretch at or after from that RAM or ACPI ranges fill without a gap. */
static bool direct_next(const struct boot_info *bi, u64 from, u64 *start, u64 *end)
{
	*start = *end = 0;
	for (u32 i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->ranges[i];
		bool ram = r->type == BOOT_MEM_RAM;
		u64 s, e;

		if (!ram && r->type != BOOT_MEM_ACPI && r->type != BOOT_MEM_NVS)
			continue;
		s = ram ? align_up(r->start, PAGE_SIZE) : align_down(r->start, PAGE_SIZE);
		e = ram ? align_down(r->end, PAGE_SIZE) : align_up(r->end, PAGE_SIZE);
		s = max_u64(s, from);
		e = min_u64(e, DIRECT_MAP_SIZE);
		if (s >= e)
			continue;
		if (*end == 0)
			*start = s;
		else if (s > *end)
			break;
		*end = max_u64(*end, e);
	}
	return *end != 0;
}

u64 paging_pool_size(const struct boot_info *bi)
{
	u64 pages = 16, start, end; /* upper levels, and the image's */

	for (u64 from = 0; direct_next(bi, from, &start, &end); from = end) {
		pages += 6; /* partial tables at both ends */
		if (!cpu_has(CPU_PAGE1GB))
			pages += (end - start) >> 30;
		pages += (end - start) >> 39;
	}
	return pages * PAGE_SIZE;
}

void paging_init(const struct boot_info *bi, u64 *pool, u64 pool_end)
{
	const struct {
		u8 *start, *end;
		u64 flags;
	} parts[] = {
		{image_start, image_text_end, MAP_RX},
		{image_text_end, image_rodata_end, MAP_RO},
		{image_rodata_end, image_end, MAP_RW},
	};
	u64 start, end;

	pool_next = *pool;
	pool_limit = pool_end;
	for (u64 from = 0; direct_next(bi, from, &start, &end); from = end)
		map_direct(start, end);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		bool ok = map_range((u64)(uintptr_t)parts[i].start, virt_to_phys(parts[i].start).v,
				    (u64)(parts[i].end - parts[i].start), parts[i].flags);
		assert(ok);
	}
	write_cr3(virt_to_phys(root).v);
	*pool = pool_next;
	pool_limit = 0;
}

hpa_t paging_root(void)
{
	return virt_to_phys(root);
}

/* Whole pages at the next place of the window, after a gap. */
static u8 *window_map(u64 pa, u64 bytes, u64 gap, u64 flags)
{
	u8 *p = NULL;

	spin_lock(&window_lock);
	if (bytes + gap <= WINDOW_BASE + WINDOW_SIZE - window_next &&
	    map_range(window_next + gap, pa, bytes, flags)) {
		p = (u8 *)(uintptr_t)(window_next + gap);
		window_next += gap + bytes;
	}
	spin_unlock(&window_lock);
	return p;
}

void *mmio_map(hpa_t a, size_t size)
{
	u64 first = align_down(a.v, PAGE_SIZE);
	u8 *p = window_map(first, align_up(a.v + size, PAGE_SIZE) - first, 0, MAP_IO);

	return p != NULL ? p + (a.v - first) : NULL;
}

void *paging_map_stack(hpa_t a, size_t size)
{
	return window_map(a.v, size, PAGE_SIZE, MAP_RW);
}

void paging_unmap(const void *page)
{
	u64 va = (u64)(uintptr_t)page;

	WRITE_ONCE(*entry_make(va, 1), 0);
	invlpg(va);
}

const void *paging_map_firmware(hpa_t a, size_t size)
{
	u64 va = DIRECT_MAP_BASE + a.v, byte;

	if (a.v < DIRECT_MAP_SIZE && size < GIB(1)) {
		u64 at = align_down(va, PAGE_SIZE);

		while (at < va + size && read_u64_safe(at, &byte))
			at += PAGE_SIZE;
		if (at >= va + size)
			return (const void *)(uintptr_t)va;
	}
	return mmio_map(a, size);
}

bool paging_map_trampoline(hpa_t page)
{
	/* Not global: each CPU drops it by loading CR3. */
	return map_range(page.v, page.v, PAGE_SIZE, 0);
}

/* As deep as the tables are. NOLINTNEXTLINE(misc-no-recursion) */
static bool find_wx(const u64 *table, int level, u64 base, bool writable, u64 *va)
{
	for (u32 i = 0; i < ENTRIES; i++) {
		u64 e = table[i], at = base + i * level_size(level);
		bool w = writable && (e & PTE_W);

		/* Neither right comes back below. */
		if (!(e & PTE_P) || (e & PTE_NX) || !w)
			continue;
		if (level == 1 || (e & PTE_LARGE)) {
			*va = at < bit64(47) ? at : at | ~low_mask(48);
			return true;
		}
		if (find_wx(table_of(e), level - 1, at, w, va))
			return true;
	}
	return false;
}

bool paging_find_wx(u64 *va)
{
	return find_wx(root, LEVELS, 0, true, va);
}
