/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds places for the first page tables and for the frame table, and hands the rest of the RAM to
 * the frame allocator. */
#include <boot/memory.h>

#include <arch/x86_64/mm/paging.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>

extern u8 image_start[], image_end[];

/* What the hypervisor occupies of RAM for ever: low memory, image, table pool, frame table. */
#define TAKEN_MAX 4u
static struct taken {
	u64 start, end;
} taken[TAKEN_MAX];
static u32 taken_count;

static void take(u64 start, u64 end)
{
	assert(taken_count < TAKEN_MAX);
	taken[taken_count++] = (struct taken){start, end};
}

/* The first free stretch at or after from. */
static bool free_next(const struct boot_info *bi, u64 from, u64 *start, u64 *end)
{
	while (boot_ram_next(bi, from, start, end)) {
		bool clash = false;

		for (u32 i = 0; i < taken_count && !clash; i++) {
			if (*start >= taken[i].start && *start < taken[i].end) {
				from = taken[i].end;
				clash = true;
			} else if (taken[i].start > *start && taken[i].start < *end) {
				*end = taken[i].start;
			}
		}
		if (!clash)
			return true;
	}
	return false;
}

/* The highest free place below limit. */
static u64 place(const struct boot_info *bi, u64 size, u64 limit, const char *what)
{
	u64 start, end, best = 0;

	for (u64 from = 0; free_next(bi, from, &start, &end) && start < limit; from = end) {
		end = min_u64(end, limit);
		if (end - start >= size)
			best = end - size;
		end = max_u64(end, start + PAGE_SIZE);
	}
	if (best == 0)
		panic("not enough memory: no room for %s, %lu KiB", what, size >> 10);
	return best;
}

void memory_init(const struct boot_info *bi)
{
	u64 size = paging_pool_size(bi), pool, pool_start, frames = 0, table, start, end;

	taken_count = 0;
	take(0, MIB(1));
	take(virt_to_phys(image_start).v, virt_to_phys(image_end).v);
	pool = pool_start = place(bi, size, GIB(4), "page tables");
	paging_init(bi, &pool, pool_start + size);
	take(pool_start, pool); /* what was not needed is free again */

	for (u64 from = 0; boot_ram_next(bi, from, &start, &end); from = end)
		frames = min_u64(end, DIRECT_MAP_SIZE) >> PAGE_SHIFT;
	size = align_up(frames * sizeof(struct frame), PAGE_SIZE);
	table = place(bi, size, DIRECT_MAP_SIZE, "the frame table");
	take(table, table + size);
	frame_init(phys_to_virt(hpa(table)), frames);
	for (u64 from = 0; free_next(bi, from, &start, &end); from = end)
		frame_add_region(hpa(start), hpa(min_u64(end, DIRECT_MAP_SIZE)));
	log_line("memory: %lu MiB free in %u ranges; frame table %lu KiB", frames_free() >> 8,
		 bi->range_count, size >> 10);
}

bool memory_low_page(const struct boot_info *bi, hpa_t *page)
{
	u64 start, end;

	/* Page 0 has the BIOS's data; the startup vector reaches up to 0xFF000. */
	if (!boot_ram_next(bi, PAGE_SIZE, &start, &end) || start >= MIB(1) - PAGE_SIZE)
		return false;
	*page = hpa(start);
	return true;
}
