/* SPDX-License-Identifier: BSD-2-Clause */
/* The nested walker against a page-by-page model. Every store to a table is watched: after each one
 * a walk as the processor does it must find the old or the new mapping. */
// links: ept/walk.c ept/npt.c
// cflags: -include tests/fake/arch/x86_64/mm/paging.h -include tests/fake/ept/store.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <core/mm/frame.h>
#include <ept/ept.h>
#include <ept/store.h>
#include <xen/errno.h>

#define TABLES  8192u
#define WINDOWS 3u
#define WINDOW  (1u << 18)
#define PROBES  12u
#define RWX     (EPT_R | EPT_W | EPT_X)
#define NONE    0xFFFFFFFFFFFull

/* --- a page allocator that can fail on request --- */

unsigned char *fake_ram;
static bool live[TABLES];
static unsigned int live_count, fail_after; /* fail_after 0: never */
static bool must_keep;                      /* no flush was told: no table may be freed */

void *page_alloc(unsigned int order)
{
	static unsigned int hint;

	assert_int_equal(order, 0);
	if (fail_after > 0 && --fail_after == 0)
		return NULL;
	while (live[hint % TABLES])
		hint++;
	live[hint % TABLES] = true;
	live_count++;
	return memset(fake_ram + hint % TABLES * PAGE_SIZE, 0, PAGE_SIZE);
}

void page_free(void *page, unsigned int order)
{
	size_t i = (size_t)((unsigned char *)page - fake_ram) / PAGE_SIZE;

	assert_int_equal(order, 0);
	assert_true(i < TABLES && live[i]);
	assert_false(must_keep);
	live[i] = false;
	live_count--;
	memset(page, 0xFF, PAGE_SIZE); /* a walk that still comes here is noticed */
}

/* --- the model: what each page of three windows of 1 GiB maps to --- */

struct page {
	u64 frame; /* NONE: nothing */
	u8 rights, type, order;
};
static struct page *model[WINDOWS];
static const u64 window_base[WINDOWS] = {0, 0x3FFull << 18, (1ull << 36) - WINDOW};
static const struct page nothing = {.frame = NONE};

static struct page *model_at(u64 g)
{
	for (unsigned int w = 0; w < WINDOWS; w++)
		if (g >= window_base[w] && g - window_base[w] < WINDOW)
			return &model[w][g - window_base[w]];
	return NULL;
}

static struct page expect(u64 g)
{
	const struct page *p = model_at(g);

	return p ? *p : nothing;
}

static bool same(struct page a, struct page b)
{
	return a.frame == b.frame &&
	       (a.frame == NONE || (a.rights == b.rights && a.type == b.type));
}

/* --- a walk as the manual describes it --- */

static struct page hardware_walk(const struct ept *e, u64 g)
{
	u64 at = ept_root(e).v, addr = g << 12;
	unsigned int rights = RWX;

	for (unsigned int shift = 39;; shift -= 9) {
		u64 entry, table = at / PAGE_SIZE;
		struct page p = nothing;

		assert_true(table < TABLES && live[table]);
		memcpy(&entry, fake_ram + at + (addr >> shift & 511) * 8, 8);
		if (!(entry & 1))
			return p;
		assert_true(entry & 4); /* user */
		if (!(entry & 2))
			rights &= ~EPT_W;
		if (entry >> 63)
			rights &= ~EPT_X;
		at = entry & 0x000FFFFFFFFFF000ull;
		if (shift > 12 && !(entry & 0x80))
			continue;
		assert_true(shift != 39);
		if (shift == 12)
			assert_false(entry & 0x80); /* PAT */
		assert_int_equal(at & low_mask(shift), 0);
		p.frame = (at | (addr & low_mask(shift))) >> 12;
		p.rights = (u8)rights;
		p.type = (u8)(entry >> 52 & 7);
		p.order = (u8)(shift - 12);
		assert_int_equal(entry >> 3 & 3, p.type == EPT_TYPE_mmio ? 3 : 0);
		assert_int_equal(entry >> 5 & 3, 3); /* accessed, dirty */
		return p;
	}
}

/* --- the watch --- */

static struct {
	const struct ept *e;
	u64 g, size;     /* the block that changes */
	bool may_change; /* false: the operation must fail or change nothing */
	struct page (*now)(struct page before, u64 offset);
	u64 probe[PROBES];
	u64 stores;
} watch;

void ept_store(u64 *slot, u64 entry)
{
	WRITE_ONCE(*slot, entry);
	if (!watch.e)
		return;
	watch.stores++;
	for (unsigned int i = 0; i < PROBES; i++) {
		u64 g = watch.probe[i];
		struct page seen = hardware_walk(watch.e, g), old = expect(g);

		if (same(seen, old))
			continue;
		assert_true(watch.may_change && g - watch.g < watch.size);
		assert_true(same(seen, watch.now(old, g - watch.g)));
	}
}

static u64 seed = 0x9E3779B97F4A7C15ull;
static u64 rnd(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/* The block's own edges, its neighbours, and some places elsewhere. */
static void watch_begin(const struct ept *e, u64 g, unsigned int order, bool may_change,
			struct page (*now)(struct page, u64))
{
	u64 size = 1ull << order, mask = (1ull << 36) - 1;
	u64 probe[PROBES] = {g,
			     g + size - 1,
			     g + rnd(size),
			     (g + size) & mask,
			     (g - 1) & mask,
			     g ^ 1,
			     g ^ 512,
			     (g & ~511ull) | rnd(512),
			     (g & ~0x3FFFFull) | rnd(WINDOW),
			     window_base[rnd(WINDOWS)] + rnd(WINDOW),
			     window_base[rnd(WINDOWS)] + rnd(4096),
			     rnd(mask)};

	memcpy(watch.probe, probe, sizeof(probe));
	watch.g = g;
	watch.size = size;
	watch.may_change = may_change;
	watch.now = now;
	watch.stores = 0;
	watch.e = e;
}

static void check_lookups(const struct ept *e)
{
	for (unsigned int i = 0; i < PROBES; i++) {
		u64 g = watch.probe[i];
		struct ept_leaf leaf = ept_lookup(e, gfn(g));
		struct page want = expect(g);

		if (want.frame == NONE) {
			assert_int_equal(leaf.type, EPT_TYPE_none);
			assert_int_equal(leaf.rights, 0);
			continue;
		}
		assert_int_equal(leaf.frame.v, want.frame);
		assert_int_equal(leaf.rights, want.rights);
		assert_int_equal(leaf.type, want.type);
		assert_int_equal(leaf.order, want.order);
	}
}

/* Tables that wait for the flush are kept, and hold nothing for hardware that still has them. */
static void check_waiting(const struct ept *e)
{
	for (const u64 *t = (const u64 *)(const void *)e->freed; t;
	     t = (const u64 *)(uintptr_t)t[0]) {
		assert_true(live[((const unsigned char *)t - fake_ram) / (ptrdiff_t)PAGE_SIZE]);
		for (unsigned int i = 0; i < 512; i++)
			assert_int_equal(t[i] & 7, 0);
	}
	assert_int_equal(e->table_pages, live_count);
}

/* --- operations, on both sides --- */

static struct page op_new;
static struct page now_mapped(struct page before, u64 offset)
{
	struct page p = op_new;

	(void)before;
	p.frame += offset;
	return p;
}
static struct page now_gone(struct page before, u64 offset)
{
	(void)before;
	(void)offset;
	return nothing;
}
static struct page now_protected(struct page before, u64 offset)
{
	(void)offset;
	if (before.frame != NONE)
		before.rights = op_new.rights;
	return before;
}

static void model_set(u64 g, unsigned int order, struct page (*now)(struct page, u64))
{
	struct page *p = model_at(g);

	for (u64 i = 0; i < 1ull << order; i++)
		p[i] = now(p[i], i);
}

/* A larger leaf at g falls into pieces, the one at g of `order`. */
static void model_split(u64 g, unsigned int order)
{
	while (expect(g).frame != NONE && expect(g).order > order) {
		unsigned int from = expect(g).order;
		struct page *p = model_at(align_down(g, 1ull << from));

		for (u64 i = 0; i < 1ull << from; i++)
			p[i].order = (u8)(from - 9);
	}
}

static bool model_empty(u64 g, unsigned int order)
{
	for (u64 i = 0; i < 1ull << order; i++)
		if (model_at(g)[i].frame != NONE)
			return false;
	return true;
}

static bool has_small_leaves(u64 g, unsigned int order)
{
	for (u64 i = 0; i < 1ull << order; i++)
		if (model_at(g)[i].frame != NONE)
			return model_at(g)[i].order < order;
	return false;
}

static void do_map(struct ept *e, u64 g, unsigned int order)
{
	bool free = model_empty(g, order);
	struct ept_result r;

	op_new.frame = rnd(1ull << 20) << order;
	op_new.rights = (u8)(EPT_R | rnd(4) << 1);
	op_new.type = (u8)(1 + rnd(EPT_TYPES - 1));
	op_new.order = (u8)order;
	watch_begin(e, g, order, free, now_mapped);
	r = ept_map(e, gfn(g), hfn(op_new.frame), order, op_new.rights, op_new.type);
	watch.e = NULL;
	assert_false(r.flush);
	if (r.err == -XEN_ENOMEM && free)
		assert_int_equal(fail_after, 0);
	else
		assert_int_equal(r.err, free ? 0 : -XEN_EEXIST);
	if (r.err == 0)
		model_set(g, order, now_mapped);
}

static void do_unmap(struct ept *e, u64 g, unsigned int order)
{
	struct page before = expect(g);
	bool small = has_small_leaves(g, order), empty = model_empty(g, order);
	struct ept_leaf old;
	struct ept_result r;

	watch_begin(e, g, order, !small, now_gone);
	r = ept_unmap(e, gfn(g), order, &old);
	watch.e = NULL;
	if (r.err == -XEN_ENOMEM) {
		assert_int_equal(fail_after, 0);
		if (r.flush) /* the first of two splits was done */
			model_split(g, ORDER_2M);
		return;
	}
	assert_int_equal(r.err, small ? -XEN_EINVAL : 0);
	assert_int_equal(r.flush, !small && !empty);
	if (r.err)
		return;
	if (empty) {
		assert_int_equal(old.type, EPT_TYPE_none);
		assert_int_equal(watch.stores, 0);
		return;
	}
	assert_int_equal(old.frame.v, before.frame);
	assert_int_equal(old.rights, before.rights);
	assert_int_equal(old.type, before.type);
	assert_int_equal(old.order, order);
	model_split(g, order);
	model_set(g, order, now_gone);
}

static void do_protect(struct ept *e, u64 g, unsigned int order)
{
	struct page before = expect(g);
	bool small = has_small_leaves(g, order), empty = model_empty(g, order);
	struct ept_result r;

	op_new.rights = (u8)(EPT_R | rnd(4) << 1);
	watch_begin(e, g, order, !small && !empty, now_protected);
	r = ept_protect(e, gfn(g), order, op_new.rights);
	watch.e = NULL;
	if (r.err == -XEN_ENOMEM) {
		assert_int_equal(fail_after, 0);
		if (r.flush)
			model_split(g, ORDER_2M);
		return;
	}
	assert_int_equal(r.err, small ? -XEN_EINVAL : empty ? -XEN_ENOENT : 0);
	if (r.err)
		return;
	assert_int_equal(r.flush, before.order > order || (before.rights & ~op_new.rights) != 0);
	model_split(g, order);
	model_set(g, order, now_protected);
}

/* --- tests --- */

static struct ept ept;

static int setup(void **state)
{
	(void)state;
	fake_ram = aligned_alloc(PAGE_SIZE, TABLES * PAGE_SIZE);
	for (unsigned int w = 0; w < WINDOWS; w++) {
		model[w] = malloc(WINDOW * sizeof(struct page));
		for (u64 i = 0; i < WINDOW; i++)
			model[w][i] = nothing;
	}
	live_count = fail_after = 0;
	assert_int_equal(ept_init(&ept, &npt_format, true), 0);
	assert_int_equal(ept.table_pages, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ept_destroy(&ept);
	assert_int_equal(live_count, 0);
	assert_int_equal(ept.table_pages, 0);
	for (unsigned int w = 0; w < WINDOWS; w++)
		free(model[w]);
	free(fake_ram);
	return 0;
}

/* Empties a window as a domain's end does it; returns the pages that were mapped. */
static u64 empty_window(struct ept *e, unsigned int w)
{
	gfn_t at = gfn(window_base[w]);
	struct ept_leaf leaf, old;
	u64 pages = 0;

	while (ept_next(e, at, &at, &leaf) && at.v - window_base[w] < WINDOW) {
		assert_int_equal(at.v % (1ull << leaf.order), 0);
		assert_int_equal(leaf.frame.v, expect(at.v).frame);
		struct ept_result r = ept_unmap(e, at, leaf.order, &old);

		assert_int_equal(r.err, 0);
		assert_true(r.flush);
		assert_int_equal(old.frame.v, leaf.frame.v);
		model_set(at.v, leaf.order, now_gone);
		pages += 1ull << leaf.order;
	}
	return pages;
}

static u64 random_block(unsigned int order)
{
	u64 base = window_base[rnd(WINDOWS)];

	/* Mostly few places, so that operations meet. */
	return align_down(base + (rnd(4) ? rnd(2) * 512 + rnd(8) : rnd(WINDOW)), 1ull << order);
}

static void random_operations(void **state)
{
	(void)state;
	for (unsigned int step = 0; step < 15000; step++) {
		unsigned int order = rnd(60) == 0 ? ORDER_1G : rnd(4) == 0 ? ORDER_2M : ORDER_4K;
		u64 g = random_block(order);

		if (rnd(500) == 0) { /* rare by chance: a page of 1 GiB */
			unsigned int w = (unsigned int)rnd(WINDOWS);

			empty_window(&ept, w);
			do_map(&ept, window_base[w], ORDER_1G);
			assert_int_equal(expect(window_base[w]).order, ORDER_1G);
		}
		must_keep = rnd(8) != 0;
		if (!must_keep)
			fail_after = (unsigned int)(1 + rnd(3));
		switch (rnd(5)) {
		case 0:
		case 1:
			do_map(&ept, g, order);
			break;
		case 2:
		case 3:
			do_unmap(&ept, g, order);
			break;
		default:
			do_protect(&ept, g, order);
		}
		fail_after = 0;
		must_keep = false;
		check_lookups(&ept);
		check_waiting(&ept);
		if (rnd(16) == 0)
			ept_flushed(&ept);
	}
	for (unsigned int w = 0; w < WINDOWS; w++) {
		u64 mapped = 0;

		for (u64 i = 0; i < WINDOW; i++)
			mapped += model[w][i].frame != NONE;
		assert_int_equal(empty_window(&ept, w), mapped);
		assert_true(model_empty(window_base[w], ORDER_1G));
	}
	check_waiting(&ept);
	ept_flushed(&ept);
	assert_int_equal(ept.table_pages, 1);
}

static void freed_tables_wait(void **state)
{
	struct ept_leaf old;

	(void)state;
	assert_int_equal(ept_map(&ept, gfn(5), hfn(99), 0, RWX, EPT_TYPE_ram).err, 0);
	assert_int_equal(ept.table_pages, 4);
	assert_true(ept_unmap(&ept, gfn(5), 0, &old).flush);
	assert_int_equal(live_count, 4);
	assert_int_equal(ept.table_pages, 4);
	/* A large page right over the place of the tables that wait. */
	assert_int_equal(ept_map(&ept, gfn(0), hfn(0), ORDER_1G, RWX, EPT_TYPE_ram).err, 0);
	assert_int_equal(live_count, 5);
	ept_flushed(&ept);
	assert_int_equal(live_count, 2);
	assert_int_equal(ept.table_pages, 2);
	ept_flushed(&ept);
	/* Split down for one page in the middle, which owes a flush and keeps the rest. */
	assert_true(ept_unmap(&ept, gfn(0x12345), 0, &old).flush);
	assert_int_equal(old.frame.v, 0x12345);
	assert_int_equal(ept_lookup(&ept, gfn(0x12345)).type, EPT_TYPE_none);
	assert_int_equal(ept_lookup(&ept, gfn(0x12346)).frame.v, 0x12346);
	assert_int_equal(ept_lookup(&ept, gfn(0x12346)).order, 0);
	assert_int_equal(ept_lookup(&ept, gfn(0x12600)).order, ORDER_2M);
}

static void out_of_memory_leaves_nothing(void **state)
{
	struct ept_leaf old;
	struct ept_result r;

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		fail_after = i;
		assert_int_equal(ept_map(&ept, gfn(5), hfn(99), 0, RWX, EPT_TYPE_ram).err,
				 -XEN_ENOMEM);
		assert_int_equal(ept.table_pages, 1);
		assert_int_equal(live_count, 1);
	}
	assert_int_equal(ept_map(&ept, gfn(0), hfn(0), ORDER_1G, RWX, EPT_TYPE_ram).err, 0);
	fail_after = 2;
	r = ept_unmap(&ept, gfn(7), 0, &old);
	assert_int_equal(r.err, -XEN_ENOMEM);
	assert_true(r.flush);
	assert_int_equal(old.type, EPT_TYPE_none);
	assert_int_equal(ept_lookup(&ept, gfn(7)).frame.v, 7);
	fail_after = 1;
	struct ept other;
	assert_int_equal(ept_init(&other, &npt_format, true), -XEN_ENOMEM);
	ept_destroy(&other);
}

static void wrong_arguments(void **state)
{
	static const struct {
		u64 g, f;
		unsigned int order, rights, type;
	} wrong[] = {
		{1, 512, ORDER_2M, RWX, EPT_TYPE_ram},
		{512, 1, ORDER_2M, RWX, EPT_TYPE_ram},
		{0, 0, 1, RWX, EPT_TYPE_ram},
		{0, 0, 27, RWX, EPT_TYPE_ram},
		{1ull << 36, 0, 0, RWX, EPT_TYPE_ram},
		{~0ull, 0, 0, RWX, EPT_TYPE_ram},
		{0, 1ull << 40, 0, RWX, EPT_TYPE_ram},
		{0, 0, 0, EPT_W, EPT_TYPE_ram},
		{0, 0, 0, 0, EPT_TYPE_ram},
		{0, 0, 0, 9, EPT_TYPE_ram},
		{0, 0, 0, RWX, EPT_TYPE_none},
		{0, 0, 0, RWX, EPT_TYPES},
		{512, 512, ORDER_1G, RWX, EPT_TYPE_mmio},
	};
	struct ept small;
	struct ept_leaf old;
	gfn_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(ept_map(&ept, gfn(wrong[i].g), hfn(wrong[i].f), wrong[i].order,
					 wrong[i].rights, wrong[i].type)
					 .err,
				 -XEN_EINVAL);
	assert_int_equal(ept_unmap(&ept, gfn(1ull << 36), 0, &old).err, -XEN_EINVAL);
	assert_int_equal(ept_unmap(&ept, gfn(1), ORDER_2M, &old).err, -XEN_EINVAL);
	assert_int_equal(ept_protect(&ept, gfn(1), 0, EPT_X).err, -XEN_EINVAL);
	assert_int_equal(ept_protect(&ept, gfn(1), 0, EPT_R).err, -XEN_ENOENT);
	assert_int_equal(ept_lookup(&ept, gfn(1ull << 36)).type, EPT_TYPE_none);
	assert_int_equal(ept_lookup(&ept, gfn(~0ull)).type, EPT_TYPE_none);
	assert_false(ept_next(&ept, gfn(0), &at, &old));
	assert_false(ept_next(&ept, gfn(~0ull), &at, &old));
	assert_int_equal(ept.table_pages, 1);
	assert_int_equal(ept_init(&small, &npt_format, false), 0);
	assert_int_equal(ept_map(&small, gfn(0), hfn(0), ORDER_1G, RWX, EPT_TYPE_ram).err,
			 -XEN_EINVAL);
	assert_int_equal(ept_map(&small, gfn(0), hfn(0), ORDER_2M, RWX, EPT_TYPE_ram).err, 0);
	ept_destroy(&small);
}

/* The second format must fit the same data: read, write, execute as plain bits, memory type in
 * bits 5:3 (Intel SDM volume 3, "EPT Translation Mechanism"). */
static void a_second_format(void **state)
{
	static const struct ept_format like_ept = {
		.name = "EPT",
		.execute_bit = 2,
		.table = 7,
		.leaf = {[EPT_TYPE_ram] = 6 << 3, [EPT_TYPE_shared] = 6 << 3},
	};
	struct ept e;
	struct ept_leaf leaf;

	(void)state;
	assert_int_equal(ept_init(&e, &like_ept, true), 0);
	assert_int_equal(
		ept_map(&e, gfn(512), hfn(1024), ORDER_2M, EPT_R | EPT_X, EPT_TYPE_ram).err, 0);
	leaf = ept_lookup(&e, gfn(513));
	assert_int_equal(leaf.frame.v, 1025);
	assert_int_equal(leaf.rights, EPT_R | EPT_X);
	assert_int_equal(leaf.type, EPT_TYPE_ram);
	u64 top = *e.root;
	u64 *pd = (u64 *)(void *)(fake_ram +
				  (*(u64 *)(void *)(fake_ram + (top & 0xFFFFFFFFFF000ull)) &
				   0xFFFFFFFFFF000ull));
	assert_int_equal(top & 0xFFF, 7);
	assert_int_equal(pd[1], 1024ull << 12 | 0x80 | 6 << 3 | 5 | 1ull << 52);
	assert_int_equal(ept_protect(&e, gfn(512), ORDER_2M, RWX).err, 0);
	assert_int_equal(pd[1] & 7, 7);
	ept_destroy(&e);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {TEST(random_operations), TEST(freed_tables_wait),
					   TEST(out_of_memory_leaves_nothing),
					   TEST(wrong_arguments), TEST(a_second_format)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
