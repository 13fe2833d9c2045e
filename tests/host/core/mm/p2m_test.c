/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's memory from the nested table down to the frame allocator: what is given, how much,
 * that all of it comes back, and that no frame is free before the TLBs were flushed. */
// links: core/mm/p2m.c core/mm/frame.c ept/walk.c ept/npt.c
// cflags: -include tests/fake/arch/x86_64/mm/paging.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

#define FRAMES (2u << ORDER_1G)
#define RWX    (EPT_R | EPT_W | EPT_X)
#define SELF   5u
#define OTHER  6u
#define SOME   (1u << 14) /* frames: most tests need no more */

unsigned char *fake_ram;
static struct frame *table;
static struct domain d;
static u64 seed = 88172645463325252ull, free_before, free_at_flush;
static unsigned int flushes;

noreturn_fn void panic(const char *fmt, ...)
{
	mock_assert(0, fmt, __FILE__, __LINE__);
	abort();
}

/* What a guest could still reach by a stale translation is free only after this. */
void tlb_flush_domain(struct domain *of)
{
	assert_ptr_equal(of, &d);
	assert_int_equal(d.p2m_lock.state, -1);
	d.tlb_generation++;
	flushes++;
	free_at_flush = frames_free();
}

static u64 rnd(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static void machine(u64 frames, bool has_1g, u64 max_pages)
{
	frame_init(table, frames);
	frame_add_region(hpa(PAGE_SIZE), hpa(frames * PAGE_SIZE));
	free_before = frames_free();
	d = (struct domain){.id = SELF, .max_pages = max_pages};
	assert_int_equal(ept_init(&d.p2m, &npt_format, has_1g), 0);
	flushes = 0;
}

static int setup(void **state)
{
	(void)state;
	fake_ram = reserve(FRAMES * PAGE_SIZE);
	table = reserve(FRAMES * sizeof(*table));
	machine(SOME, true, SOME);
	return 0;
}

/* To the end; returns the number of pieces. */
static unsigned int tear_down(void)
{
	unsigned int pieces = 1;
	int err;

	d.p2m_lock = (rwlock_t){0}; /* a failed assertion may have left it */
	d.tear_down_gfn = 0;
	while ((err = p2m_tear_down(&d)) == -XEN_EAGAIN)
		pieces++;
	assert_int_equal(err, 0);
	assert_int_equal(d.pages, 0);
	assert_int_equal(d.p2m.table_pages, 1);
	return pieces;
}

static int finish(void **state)
{
	(void)state;
	tear_down();
	ept_destroy(&d.p2m);
	assert_int_equal(d.p2m.table_pages, 0);
	assert_int_equal(frames_free(), free_before);
	munmap(fake_ram, FRAMES * PAGE_SIZE);
	munmap(table, FRAMES * sizeof(*table));
	return 0;
}

/* All of the domain's RAM is its own, referenced, and counted; each frame once. */
static void check(void)
{
	static u8 seen[FRAMES];
	struct ept_leaf leaf;
	u64 pages = 0;
	gfn_t at;

	memset(seen, 0, sizeof(seen));
	for (gfn_t g = gfn(0); ept_next(&d.p2m, g, &at, &leaf); g.v = at.v + (1ull << leaf.order)) {
		if (leaf.type != EPT_TYPE_ram)
			continue;
		pages += 1ull << leaf.order;
		for (u64 i = 0; i < 1ull << leaf.order; i++) {
			assert_false(seen[leaf.frame.v + i]++);
			assert_int_equal(frame_owner(hfn(leaf.frame.v + i)), SELF);
			assert_true(frame_refs(hfn(leaf.frame.v + i)) >= 1);
		}
	}
	assert_int_equal(pages, d.pages);
	assert_null(d.p2m.freed);
	assert_int_equal(d.p2m_lock.state, 0);
}

/* As much as there is to get; the error that ended it. */
static int populate(u64 g, u64 count, u64 *total)
{
	u64 done;
	int err = 0;

	for (*total = 0; *total < count; *total += done) {
		err = p2m_populate(&d, gfn(g + *total), count - *total, &done);
		if (err) {
			assert_int_equal(done, 0);
			break;
		}
		assert_true(done > 0);
		assert_true(done < 4096 + (1u << ORDER_1G));
	}
	check();
	return err;
}

static void largest_pages(void **state)
{
	u64 done, g = 5ull << ORDER_1G;

	(void)state;
	machine(FRAMES, true, FRAMES);
	assert_int_equal(populate(g - 3, 3 + (1u << ORDER_1G) + 1024 + 7, &done), 0);
	assert_int_equal(p2m_lookup(&d, gfn(g - 1)).order, 0);
	assert_int_equal(p2m_lookup(&d, gfn(g)).order, ORDER_1G);
	assert_int_equal(p2m_lookup(&d, gfn(g + (1u << ORDER_1G))).order, ORDER_2M);
	assert_int_equal(p2m_lookup(&d, gfn(g + (1u << ORDER_1G) + 1024)).order, 0);
	assert_int_equal(p2m_lookup(&d, gfn(g + (1u << ORDER_1G) + 1024)).rights, RWX);
	assert_int_equal(d.pages, done);
	assert_int_equal(flushes, 0); /* nobody keeps holes */

	/* The giant leaf comes down in parts: no piece frees more than 16 times 2 MiB and a bit. */
	for (u64 before = frames_free(); p2m_tear_down(&d); before = frames_free())
		assert_in_range(frames_free() - before, 1, 8192 + 512 + 64 + 8);
	assert_int_equal(d.pages, 0);
	assert_int_equal(frames_free(), free_before - 1);

	/* Without a page for the split it still comes down, whole. */
	machine(FRAMES, true, FRAMES);
	assert_int_equal(populate(g, 1u << ORDER_1G, &done), 0);
	while (frames_free()) {
		hfn_t f;
		unsigned int order = FRAME_ORDER_MAX;

		while (frame_alloc(OTHER, order, &f))
			order--;
	}
	assert_int_equal(p2m_tear_down(&d), 0);
	assert_int_equal(frames_free(), (1u << ORDER_1G) + 1);
	machine(SOME, true, SOME);
}

static void no_1g(void **state)
{
	u64 done;

	(void)state;
	machine(FRAMES, false, FRAMES);
	assert_int_equal(populate(0, 1u << ORDER_1G, &done), 0);
	assert_int_equal(p2m_lookup(&d, gfn(0)).order, ORDER_2M);
	assert_int_equal(d.p2m.table_pages, 3);
	assert_int_equal(tear_down(), 512 / 16);
}

static void fresh(void **state)
{
	u64 done;
	u8 *p;

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(populate(0, 600, &done), 0);
		for (u64 g = 0; g < 600; g++) {
			p = frame_map(p2m_lookup(&d, gfn(g)).frame);
			assert_true(p[0] == 0 && memcmp(p, p + 1, PAGE_SIZE - 1) == 0);
			memset(p, 0xEE, PAGE_SIZE);
		}
		tear_down();
	}
}

static void limits(void **state)
{
	u64 done;

	(void)state;
	d.max_pages = 1000;
	assert_int_equal(populate(0, 1024, &done), -XEN_ENOMEM);
	assert_int_equal(done, 1000);
	assert_int_equal(p2m_lookup(&d, gfn(0)).order, ORDER_2M);
	assert_int_equal(p2m_lookup(&d, gfn(512)).order, 0); /* 488 pages do not fill 2 MiB */
	assert_int_equal(p2m_release_page(&d, gfn(3)), 0);
	assert_int_equal(populate(2000, 2, &done), -XEN_ENOMEM);
	assert_int_equal(done, 1);

	assert_int_equal(populate(0, 1, &done), -XEN_ENOMEM);
	d.max_pages = SOME;
	assert_int_equal(populate(0, 1, &done), -XEN_EEXIST);
	assert_int_equal(populate(1020, 1000, &done), -XEN_EEXIST); /* 2000 is taken */
	assert_int_equal(done, 980);
	assert_int_equal(populate(1ull << 36, 1, &done), -XEN_EINVAL);
	assert_int_equal(populate(0, (1ull << 36) + 1, &done), -XEN_EINVAL);
	assert_int_equal(populate((1ull << 36) - 2, 10, &done), -XEN_EINVAL);
	assert_int_equal(done, 2);
	assert_int_equal(populate(0, 0, &done), 0);
}

static void machine_full(void **state)
{
	u64 done, left;
	hfn_t f = hfn(1);

	(void)state;
	d.max_pages = SOME * 2;
	assert_int_equal(populate(0, SOME, &done), -XEN_ENOMEM);
	assert_true(done > SOME - 600 && done == d.pages);
	assert_int_equal(p2m_lookup(&d, gfn(0)).order, ORDER_2M);
	assert_int_equal(p2m_lookup(&d, gfn(done - 1)).order, 0); /* the crumbs too */
	assert_true(frames_free() <= 1); /* a table for one more, and no page to put in it */
	for (left = 0; frame_alloc(SELF, 0, &f) == 0; left++)
		;
	/* A split needs a page: the error changes nothing. */
	assert_int_equal(p2m_release_page(&d, gfn(1)), -XEN_ENOMEM);
	assert_int_equal(p2m_lookup(&d, gfn(1)).order, ORDER_2M);
	assert_int_equal(p2m_map(&d, gfn(1ull << 30), f, 0, RWX, EPT_TYPE_grant), -XEN_ENOMEM);
	check();
	free_before -= left;
}

static void get_ram(void **state)
{
	u64 done, mark;
	hfn_t f, other;

	(void)state;
	assert_int_equal(populate(512, 512, &done), 0);
	assert_int_equal(p2m_get_ram(&d, gfn(511), false, &f), -XEN_EINVAL);
	assert_int_equal(p2m_get_ram(&d, gfn(1ull << 40), false, &f), -XEN_EINVAL);
	assert_int_equal(p2m_get_ram(&d, gfn(700), true, &f), 0);
	assert_int_equal(f.v, p2m_lookup(&d, gfn(700)).frame.v);
	assert_int_equal(frame_refs(f), 2);

	/* Released while it is in use: free with the last reference, and charged to nobody. */
	assert_int_equal(p2m_release_page(&d, gfn(700)), 0);
	assert_int_equal(p2m_release_page(&d, gfn(700)), -XEN_ENOENT);
	assert_int_equal(p2m_get_ram(&d, gfn(700), false, &other), -XEN_EINVAL);
	assert_int_equal(d.pages, 511);
	assert_int_equal(frame_owner(f), SELF);
	mark = frames_free();
	frame_put(f);
	assert_int_equal(frames_free(), mark + 1);
	check();

	/* Others' frames and hypervisor pages are not its RAM, whatever maps them. */
	assert_int_equal(frame_alloc(OTHER, 0, &f), 0);
	assert_int_equal(p2m_map(&d, gfn(0), f, 0, RWX, EPT_TYPE_foreign), 0);
	assert_int_equal(p2m_get_ram(&d, gfn(0), false, &other), -XEN_EINVAL);
	assert_int_equal(p2m_release_page(&d, gfn(0)), -XEN_ENOENT);
	assert_int_equal(frame_alloc(SELF, 0, &other), 0);
	assert_int_equal(p2m_map(&d, gfn(1), other, 0, EPT_R, EPT_TYPE_ram), 0);
	d.pages++;
	assert_int_equal(p2m_get_ram(&d, gfn(1), true, &f), -XEN_EINVAL); /* read-only */
	assert_int_equal(p2m_get_ram(&d, gfn(1), false, &f), 0);
	frame_put(f);
}

/* The control domain's devices reach its RAM for ever: no other domain may ever get it. */
static void control_keeps_its_ram(void **state)
{
	u64 done, where = ~0ull;

	(void)state;
	assert_int_equal(populate(0, 8, &done), 0);
	d.control = true;
	assert_int_equal(p2m_release_page(&d, gfn(3)), -XEN_EINVAL);
	assert_int_equal(p2m_place_shared(&d, gfn(3), hfn(1), &where), -XEN_EINVAL);
	assert_int_equal(p2m_lookup(&d, gfn(3)).type, EPT_TYPE_ram);
	assert_int_equal(d.pages, 8);
	d.control = false;
	assert_int_equal(p2m_release_page(&d, gfn(3)), 0);
}

static void unmap_grants(void **state)
{
	gfn_t at[] = {{2000}, {2001}, {2500}, {3}, {2000}};
	u64 done;

	(void)state;
	assert_int_equal(populate(0, 8, &done), 0);
	p2m_unmap_grants(&d, at, ARRAY_SIZE(at));
	assert_int_equal(flushes, 0); /* nothing was there, and RAM is no grant */
	assert_int_equal(p2m_lookup(&d, gfn(3)).type, EPT_TYPE_ram);
	for (u64 i = 0; i < 3; i++)
		assert_int_equal(p2m_map(&d, at[i], hfn(700 + i), 0, EPT_R, EPT_TYPE_grant), 0);
	p2m_unmap_grants(&d, at, 1);
	assert_int_equal(flushes, 1);
	assert_int_equal(d.removed_frame.v, 700);
	assert_int_equal(d.removed_pages, 1);
	p2m_unmap_grants(&d, at, ARRAY_SIZE(at));
	assert_int_equal(flushes, 2);
	assert_int_equal(d.removed_frame.v, 0);
	assert_int_equal(d.removed_pages, ~0ull);
	for (u64 i = 0; i < 3; i++)
		assert_int_equal(p2m_lookup(&d, at[i]).type, EPT_TYPE_none);
}

static void unmap(void **state)
{
	struct ept_leaf old;
	u64 done, mark;
	hfn_t f;

	(void)state;
	assert_int_equal(populate(0, 1024, &done), 0);
	assert_int_equal(p2m_unmap(&d, gfn(0), 0, EPT_TYPE_grant, &old), -XEN_ENOENT);
	assert_int_equal(p2m_unmap(&d, gfn(5000), 0, EPT_TYPE_ram, &old), -XEN_ENOENT);
	assert_int_equal(flushes, 0);
	assert_int_equal(p2m_unmap(&d, gfn(1), 0, EPT_TYPE_ram, &old), 0);
	assert_int_equal(old.order, 0);
	f = old.frame;
	assert_int_equal(d.tlb_generation, 1);
	assert_int_equal(p2m_unmap(&d, gfn(0), ORDER_2M, EPT_TYPE_ram, &old), -XEN_ENOENT);
	assert_int_equal(p2m_map(&d, gfn(0), hfn(512), ORDER_2M, RWX, EPT_TYPE_grant), -XEN_EEXIST);
	assert_int_equal(p2m_map(&d, gfn(1), f, 0, RWX, EPT_TYPE_ram), 0);
	assert_int_equal(p2m_unmap(&d, gfn(512), ORDER_2M, EPT_TYPE_ram, &old), 0);
	assert_int_equal(old.order, ORDER_2M);
	mark = frames_free();
	frame_free(old.frame, ORDER_2M);
	assert_int_equal(frames_free(), mark + 512);
	d.pages -= 512;

	/* Nothing is counted for foreign pages, but their references go with the domain. */
	assert_int_equal(frame_alloc(OTHER, 0, &f), 0);
	assert_int_equal(frame_get(f, OTHER), 0);
	assert_int_equal(p2m_map(&d, gfn(1024), f, 0, RWX, EPT_TYPE_foreign), 0);
	assert_int_equal(p2m_map(&d, gfn(1025), f, 0, 0, EPT_TYPE_foreign), -XEN_EINVAL);
	tear_down();
	assert_int_equal(frame_refs(f), 1);
	frame_put(f);
}

static void place_shared(void **state)
{
	u64 where = ~0ull, done, mark;
	struct ept_leaf old;
	hfn_t f = page_to_hfn(page_alloc(0)), other = page_to_hfn(page_alloc(0));

	(void)state;
	assert_int_equal(populate(0, 512, &done), 0);
	mark = frames_free();
	/* Over RAM: a leaf is split (one table) and its page freed. */
	assert_int_equal(p2m_place_shared(&d, gfn(7), f, &where), 0);
	assert_int_equal(where, 7);
	assert_int_equal(frames_free(), mark);
	assert_int_equal(d.pages, 511);
	old = p2m_lookup(&d, gfn(7));
	assert_true(old.type == EPT_TYPE_shared && old.frame.v == f.v);
	assert_int_equal(old.rights, EPT_R | EPT_W);
	check();

	assert_int_equal(p2m_place_shared(&d, gfn(7), f, &where), 0); /* it is there already */
	assert_int_equal(p2m_place_shared(&d, gfn(9000), f, &where), 0);
	assert_int_equal(where, 9000);
	assert_int_equal(p2m_lookup(&d, gfn(7)).type, EPT_TYPE_none);

	/* Never over another shared page or a grant; what was there stays, so does the old place.
	 */
	done = ~0ull;
	assert_int_equal(p2m_place_shared(&d, gfn(9000), other, &done), -XEN_EINVAL);
	assert_int_equal(done, ~0ull);
	assert_int_equal(p2m_map(&d, gfn(20), f, 0, EPT_R, EPT_TYPE_grant), -XEN_EEXIST);
	assert_int_equal(p2m_map(&d, gfn(2000), other, 0, EPT_R, EPT_TYPE_grant), 0);
	assert_int_equal(p2m_place_shared(&d, gfn(2000), f, &where), -XEN_EINVAL);
	assert_int_equal(where, 9000);
	assert_int_equal(p2m_place_shared(&d, gfn(1ull << 36), f, &where), -XEN_EINVAL);
	check();
	assert_int_equal(p2m_unmap(&d, gfn(2000), 0, EPT_TYPE_grant, &old), 0);
	frame_put(other);

	/* The guest cannot free it; tearing down leaves it alone. */
	if (where != ~0ull)
		assert_int_equal(p2m_release_page(&d, gfn(where)), -XEN_ENOENT);
	tear_down();
	assert_int_equal(frame_refs(f), 1);
	frame_put(f);
}

static void flushed_before_free(void **state)
{
	u64 done, where = ~0ull, mark;
	hfn_t f = page_to_hfn(page_alloc(0));

	(void)state;
	assert_int_equal(populate(0, 1024, &done), 0);
	mark = frames_free();
	assert_int_equal(p2m_release_page(&d, gfn(3)), 0); /* a table, a page */
	assert_int_equal(d.tlb_generation, 1);
	assert_int_equal(free_at_flush, mark - 1);
	assert_int_equal(frames_free(), mark);
	assert_int_equal(p2m_place_shared(&d, gfn(4), f, &where), 0);
	assert_int_equal(free_at_flush, mark);
	assert_int_equal(frames_free(), mark + 1);
	for (u64 g = 0; g < 512; g++) {
		u64 generation = d.tlb_generation;

		mark = frames_free();
		if (p2m_release_page(&d, gfn(g)))
			continue;
		assert_int_equal(d.tlb_generation, generation + 1);
		assert_int_equal(free_at_flush, mark);
	}
	/* Its table is empty now but for the shared page; when that goes, the table goes after the
	 * flush. */
	mark = frames_free();
	assert_int_equal(p2m_place_shared(&d, gfn(600), f, &where), 0);
	check();
	tear_down();
	frame_put(f);
}

static void bounded_pieces(void **state)
{
	u64 done;

	(void)state;
	for (u64 g = 0; g < 200; g++)
		assert_int_equal(populate(g * 3, 1, &done), 0);
	assert_int_equal(tear_down(), 4);
	assert_int_equal(populate(0, 8192 + 512, &done), 0); /* 17 times 2 MiB */
	assert_int_equal(tear_down(), 2);
}

/* A guest that scatters pages over its address space cannot take the machine's memory. */
static void tables_are_limited(void **state)
{
	u64 done, n, mark, where = ~0ull;
	hfn_t f;
	int err = 0;

	(void)state;
	d.max_pages = 12672;
	for (n = 0; !err && n < 1000; n++)
		err = populate(n << 27, 1, &done);
	assert_int_equal(err, -XEN_ENOMEM);
	assert_in_range(d.p2m.table_pages, 64 + 99 - 2, 64 + 99);

	/* Pages beside those that are there need no table and are fine, and so is giving back. */
	assert_int_equal(populate(1, 511, &done), 0);
	assert_int_equal(frame_alloc(OTHER, 0, &f), 0);
	assert_int_equal(p2m_map(&d, gfn((1ull << 36) - 1), f, 0, EPT_R, EPT_TYPE_grant),
			 -XEN_ENOMEM);
	assert_int_equal(p2m_map(&d, gfn(1000), f, 0, EPT_R, EPT_TYPE_grant), -XEN_ENOMEM);
	assert_int_equal(p2m_map(&d, gfn(3), f, 0, EPT_R, EPT_TYPE_grant), -XEN_EEXIST);
	mark = d.p2m.table_pages;
	assert_int_equal(p2m_place_shared(&d, gfn((1ull << 36) - 1), f, &where), -XEN_ENOMEM);
	assert_int_equal(where, ~0ull);
	assert_int_equal(d.p2m.table_pages, mark);
	assert_int_equal(p2m_release_page(&d, gfn(1ull << 27)), 0);
	assert_true(d.p2m.table_pages < mark);
	assert_int_equal(p2m_map(&d, gfn(1000), f, 0, EPT_R, EPT_TYPE_grant), 0);

	/* The control domain maps its guests' memory. */
	d.control = true;
	for (n = 500; n < 800; n++)
		assert_int_equal(p2m_map(&d, gfn((n << 20) + 2), f, 0, EPT_R, EPT_TYPE_grant), 0);
	tear_down();
	frame_put(f);
}

/* Large pages that are split and given back but for one small page each cost a table each. */
static void splits_are_limited(void **state)
{
	u64 done, most;
	int err = 0;

	(void)state;
	d.max_pages = 6400;
	for (u64 n = 0; !err && n < 3000; n++) {
		err = p2m_populate(&d, gfn(n << 18), 512, &done);
		for (u64 i = 0; !err && i < 511; i++)
			assert_int_equal(p2m_release_page(&d, gfn((n << 18) + i)), 0);
	}
	assert_int_equal(err, -XEN_ENOMEM);
	most = 64 + d.max_pages / 128 + d.max_pages / 512 + 1;
	assert_in_range(d.p2m.table_pages, 64 + d.max_pages / 128 - 2, most);
	check();
}

static void any_order(void **state)
{
	static u64 where = ~0ull;
	hfn_t shared = page_to_hfn(page_alloc(0)), grant, f, held[64];
	unsigned int holding = 0;
	struct ept_leaf old;
	u64 done;

	(void)state;
	assert_int_equal(frame_alloc(OTHER, 0, &grant), 0);
	d.max_pages = 5000;
	for (int round = 0; round < 5000; round++) {
		u64 g = rnd(4) ? rnd(3000) : rnd(8) << 18 | rnd(1100), mark = frames_free();
		u64 flushed = d.tlb_generation;

		switch (rnd(7)) {
		case 0:
			(void)!p2m_populate(&d, gfn(rnd(2) ? g : g & ~511ull), rnd(1500) + 1,
					    &done);
			break;
		case 1:
		case 2:
			for (u64 i = 0, n = rnd(300); i < n; i++)
				(void)!p2m_release_page(&d, gfn(g + i));
			break;
		case 3:
			(void)!p2m_place_shared(&d, gfn(g), shared, &where);
			break;
		case 4:
			(void)!p2m_map(&d, gfn(g), grant, 0, EPT_R, EPT_TYPE_grant);
			break;
		case 5:
			(void)!p2m_unmap(&d, gfn(g), 0, EPT_TYPE_grant, &old);
			break;
		default:
			if (holding < ARRAY_SIZE(held) && !p2m_get_ram(&d, gfn(g), true, &f))
				held[holding++] = f;
			else if (holding)
				frame_put(held[--holding]);
			continue;
		}
		if (frames_free() > mark)
			assert_true(d.tlb_generation > flushed);
		if (round % 100 == 0)
			check();
	}
	check();
	tear_down();
	while (holding)
		frame_put(held[--holding]);
	frame_put(grant);
	frame_put(shared);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, finish)
	const struct CMUnitTest tests[] = {
		TEST(largest_pages),
		TEST(no_1g),
		TEST(fresh),
		TEST(limits),
		TEST(machine_full),
		TEST(get_ram),
		TEST(unmap),
		TEST(unmap_grants),
		TEST(control_keeps_its_ram),
		TEST(place_shared),
		TEST(flushed_before_free),
		TEST(bounded_pieces),
		TEST(tables_are_limited),
		TEST(splits_are_limited),
		TEST(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
