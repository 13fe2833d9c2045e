/* SPDX-License-Identifier: BSD-2-Clause */
/* EPT entries as the processor reads them: SDM volume 3, "EPT Translation Mechanism". */
// links: ept/walk.c ept/ept_format.c
// cflags: -include tests/fake/arch/x86_64/mm/paging.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <core/mm/frame.h>
#include <ept/ept.h>

#define PAGES 160u

unsigned char *fake_ram;
static unsigned int used;

void *page_alloc(unsigned int order)
{
	assert_int_equal(order, 0);
	assert_true(used < PAGES);
	return memset(fake_ram + used++ * PAGE_SIZE, 0, PAGE_SIZE);
}
void page_free(void *page, unsigned int order)
{
	(void)page;
	(void)order;
}

static struct ept tables;

/* The entry that maps g; all above it are checked on the way. */
static u64 entry_of(u64 g, unsigned int order)
{
	u64 *table = tables.root, entry;

	for (unsigned int shift = 27;; shift -= 9) {
		entry = table[g >> shift & 511];
		if (shift == order)
			return entry;
		/* Read, write, execute; not a leaf; bits 6:3 are reserved in a table's entry. */
		assert_int_equal(entry & 0xFF, 7);
		assert_int_equal(entry >> 8 & 1, 1); /* accessed */
		table = phys_to_virt(hpa(entry & 0x000FFFFFFFFFF000ull));
	}
}

static void one(u64 g, u64 f, unsigned int order, unsigned int rights, enum ept_type type)
{
	struct ept_result r = ept_map(&tables, gfn(g), hfn(f), order, rights, type);
	struct ept_leaf leaf = ept_lookup(&tables, gfn(g));
	u64 entry = entry_of(g, order);

	assert_int_equal(r.err, 0);
	assert_int_equal(entry & 7, rights);
	assert_int_equal(entry >> 3 & 7, type == EPT_TYPE_mmio ? 0 : 6);
	assert_int_equal(entry >> 6 & 1, 0); /* the guest's PAT counts */
	assert_int_equal(entry >> 7 & 1, order > 0);
	assert_int_equal(entry >> 8 & 3, 3); /* accessed, dirty */
	assert_int_equal(entry >> 63, 0);
	assert_int_equal((entry & 0x000FFFFFFFFFF000ull) >> 12, f);
	assert_int_equal(leaf.frame.v, f);
	assert_int_equal(leaf.order, order);
	assert_int_equal(leaf.rights, rights);
	assert_int_equal(leaf.type, type);
}

static void every_leaf(void **state)
{
	static const unsigned int rights[] = {EPT_R, EPT_R | EPT_W, EPT_R | EPT_X,
					      EPT_R | EPT_W | EPT_X};
	u64 g = 0;

	(void)state;
	used = 0;
	assert_int_equal(ept_init(&tables, &ept_format, true), 0);
	for (enum ept_type type = EPT_TYPE_ram; type < EPT_TYPES; type++)
		for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
			one(g, 0x1000000 + g, ORDER_1G, rights[i], type);
			g += 1ull << ORDER_1G;
			one(g, 0x1000000 + g, ORDER_2M, rights[i], type);
			one(g + 512 * 3 + 1, 0xFFFFFFFFFF, ORDER_4K, rights[i], type);
			g += 1ull << ORDER_1G;
		}
}

/* Memory type and rights survive a split. */
static void split(void **state)
{
	struct ept_leaf old;
	struct ept_result r;

	(void)state;
	used = 0;
	assert_int_equal(ept_init(&tables, &ept_format, true), 0);
	one(0, 0x40000, ORDER_1G, EPT_R | EPT_X, EPT_TYPE_ram);
	r = ept_unmap(&tables, gfn(5), ORDER_4K, &old);
	assert_int_equal(r.err, 0);
	assert_true(r.flush);
	assert_int_equal(entry_of(5, ORDER_4K), 0);
	assert_int_equal(entry_of(6, ORDER_4K) & 0xFFF, 0x335);
	assert_int_equal(entry_of(512, ORDER_2M) & 0xFFF, 0x3B5);
	assert_int_equal((entry_of(512, ORDER_2M) & 0x000FFFFFFFFFF000ull) >> 12, 0x40200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_leaf), cmocka_unit_test(split)};
	int failed;

	fake_ram = aligned_alloc(PAGE_SIZE, PAGES * PAGE_SIZE);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(fake_ram);
	return failed;
}
