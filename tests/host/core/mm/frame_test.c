/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame allocator against a model, and from several threads at once. */
// links: core/mm/frame.c
// cflags: -include tests/fake/arch/x86_64/mm/paging.h
// libs: -lpthread
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <core/lib/print.h>
#include <core/mm/frame.h>
#include <xen/errno.h>

#define FRAMES 24576u /* 96 MiB */
#define FIRST  100u
#define LAST   (FRAMES - 3u)

unsigned char *fake_ram;
static struct frame *table;
static u64 seed = 88172645463325252ull;

noreturn_fn void panic(const char *fmt, ...)
{
	mock_assert(0, fmt, __FILE__, __LINE__);
	abort();
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

static int setup(void **state)
{
	(void)state;
	fake_ram = reserve(FRAMES * PAGE_SIZE);
	table = reserve(FRAMES * sizeof(*table));
	memset(fake_ram, 0xAA, FRAMES * PAGE_SIZE); /* what the firmware left */
	frame_init(table, FRAMES);
	frame_add_region(hpa(FIRST * PAGE_SIZE - 5), hpa(LAST * PAGE_SIZE + 4095));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	munmap(fake_ram, FRAMES * PAGE_SIZE);
	munmap(table, FRAMES * sizeof(*table));
	return 0;
}

static bool all_bytes(u64 f, u64 n, unsigned char b)
{
	const unsigned char *p = fake_ram + f * PAGE_SIZE;

	return p[0] == b && memcmp(p, p + 1, n * PAGE_SIZE - 1) == 0;
}

/* Free blocks as the table tells them: disjoint, aligned, none with a free buddy of its order. */
static void check_blocks(void)
{
	u64 free = 0;

	for (u64 f = 0; f < FRAMES;) {
		if (!(table[f].flags & 1)) {
			f++;
			continue;
		}
		u64 size = 1ull << table[f].order, buddy = f ^ size;

		assert_int_equal(f % size, 0);
		assert_int_equal(table[f].owner, OWNER_FREE);
		if (table[f].order < FRAME_ORDER_MAX && buddy < FRAMES)
			assert_false((table[buddy].flags & 1) &&
				     table[buddy].order == table[f].order);
		for (u64 i = 1; i < size; i++)
			assert_false(table[f + i].flags & 1);
		free += size;
		f += size;
	}
	assert_int_equal(free, frames_free());
}

static void init_and_bounds(void **state)
{
	hfn_t f;

	(void)state;
	assert_int_equal(frames_free(), LAST - FIRST);
	check_blocks();
	assert_int_equal(frame_owner(hfn(FIRST - 1)), OWNER_RESERVED);
	assert_int_equal(frame_owner(hfn(LAST)), OWNER_RESERVED);
	assert_int_equal(frame_owner(hfn(FRAMES)), OWNER_RESERVED);
	assert_int_equal(frame_owner(hfn(~0ull)), OWNER_RESERVED);
	assert_int_equal(frame_refs(hfn(FRAMES)), 0);
	/* A second, overlapping region adds only what is new. */
	frame_add_region(hpa((FIRST - 10) * PAGE_SIZE), hpa((FIRST + 10) * PAGE_SIZE));
	assert_int_equal(frames_free(), LAST - FIRST + 10);
	check_blocks();
	assert_int_equal(frame_alloc(1, FRAME_ORDER_MAX, &f), -XEN_ENOMEM);
	assert_int_equal(frame_alloc(1, FRAME_ORDER_MAX + 1, &f), -XEN_ENOMEM);
	assert_int_equal(frame_get(hfn(FRAMES), 1), -XEN_EINVAL);
	assert_int_equal(frame_get(hfn(FIRST), OWNER_FREE), -XEN_EINVAL);
	assert_int_equal(frame_get(hfn(0), OWNER_RESERVED), -XEN_EINVAL);
}

static void scrubbed_both_ways(void **state)
{
	hfn_t f;

	(void)state;
	assert_int_equal(frame_alloc(7, 0, &f), 0); /* never used before */
	assert_true(all_bytes(f.v, 1, 0));
	memset(frame_map(f), 0x55, PAGE_SIZE);
	frame_free(f, 0);
	assert_true(all_bytes(f.v, 1, 0)); /* at once, not at the next use */
	assert_int_equal(frame_alloc(7, ORDER_2M, &f), 0);
	assert_true(all_bytes(f.v, 512, 0));
	memset(frame_map(f), 0x55, 512 * PAGE_SIZE);
	frame_free(f, ORDER_2M);
	assert_true(all_bytes(f.v, 512, 0));
	check_blocks();
}

static void references_keep_a_frame(void **state)
{
	hfn_t f;
	u64 before = frames_free();

	(void)state;
	assert_int_equal(frame_alloc(3, ORDER_2M, &f), 0);
	assert_int_equal(frame_get(hfn(f.v + 17), 4), -XEN_EINVAL);
	assert_int_equal(frame_get(hfn(f.v + 17), 3), 0);
	assert_int_equal(frame_get(hfn(f.v + 511), 3), 0);
	assert_int_equal(frame_get(hfn(f.v + 511), 3), 0);
	memset(fake_ram + (f.v + 17) * PAGE_SIZE, 0x33, PAGE_SIZE);
	frame_free(f, ORDER_2M);
	check_blocks();
	assert_int_equal(frames_free(), before - 2);
	assert_int_equal(frame_owner(hfn(f.v + 17)), 3);
	assert_int_equal(frame_refs(hfn(f.v + 511)), 2);
	assert_true(all_bytes(f.v + 17, 1, 0x33));
	frame_put(hfn(f.v + 17));
	assert_true(all_bytes(f.v + 17, 1, 0));
	frame_put(hfn(f.v + 511));
	frame_put(hfn(f.v + 511));
	assert_int_equal(frames_free(), before);
	assert_int_equal(frame_get(f, 3), -XEN_EINVAL);
	check_blocks();
	table[f.v].word = (u64)9 << 32 | UINT32_MAX; /* a full count */
	assert_int_equal(frame_get(f, 9), -XEN_EINVAL);
}

static void dropping_too_often_is_caught(void **state)
{
	hfn_t f;

	(void)state;
	assert_int_equal(frame_alloc(3, 0, &f), 0);
	frame_put(f);
	expect_assert_failure(frame_put(f));
	expect_assert_failure(frame_free(hfn(FRAMES - 1), 3));
}

static void contiguous(void **state)
{
	hfn_t hole, f, g;
	u64 before = frames_free();

	(void)state;
	assert_int_equal(frame_alloc_contiguous(1, 0, &f), -XEN_EINVAL);
	assert_int_equal(frame_alloc_contiguous(1, FRAMES, &f), -XEN_ENOMEM);
	assert_int_equal(frame_alloc_contiguous(1, 512 * 3 + 5, &f), 0);
	assert_int_equal(f.v % 512, 0);
	assert_true(all_bytes(f.v, 512 * 3 + 5, 0));
	assert_int_equal(frames_free(), before - 512 * 3 - 5);
	assert_int_equal(frame_owner(hfn(f.v + 512 * 3 + 4)), 1);
	assert_int_equal(frame_owner(hfn(f.v + 512 * 3 + 5)), OWNER_FREE);
	check_blocks();
	assert_int_equal(frame_alloc(2, ORDER_2M, &hole), 0);
	for (u64 i = 0; i < 3; i++)
		frame_free(hfn(f.v + 512 * i), ORDER_2M);
	for (u64 i = 0; i < 5; i++)
		frame_put(hfn(f.v + 512 * 3 + i));
	assert_int_equal(frame_alloc_contiguous(1, 20000, &g), 0);
	assert_true(g.v > hole.v || g.v + 20000 <= hole.v);
	for (u64 i = 0; i < 20000; i++)
		frame_put(hfn(g.v + i));
	frame_free(hole, ORDER_2M);
	assert_int_equal(frames_free(), before);
	check_blocks();
}

static void pages(void **state)
{
	unsigned char *p = page_alloc(1);

	(void)state;
	assert_non_null(p);
	assert_int_equal(frame_owner(page_to_hfn(p)), OWNER_HYPERVISOR);
	assert_int_equal(p[0] | p[2 * PAGE_SIZE - 1], 0);
	page_free(p, 1);
	assert_null(page_alloc(FRAME_ORDER_MAX));
}

#define HELD_MAX 600
/* Random operations; each allocation is filled with its own byte, so an overlap shows. */
static void random_model(void **state)
{
	static struct {
		u64 f;
		unsigned int order, extra;
		unsigned char tag;
	} held[HELD_MAX];
	unsigned int n = 0, i;
	u64 used = 0;
	hfn_t f;

	(void)state;
	for (unsigned int step = 0; step < 12000; step++) {
		u64 dice = rnd(10);

		if (dice < 5 && n < HELD_MAX) {
			unsigned int order = (unsigned int)(rnd(8) ? rnd(4) : rnd(11));
			int err = frame_alloc((u16)(n & 7), order, &f);

			if (err) {
				assert_int_equal(err, -XEN_ENOMEM);
				continue;
			}
			held[n].f = f.v;
			held[n].order = order;
			held[n].extra = 0;
			held[n].tag = (unsigned char)(1 + rnd(250));
			assert_int_equal(f.v % (1ull << order), 0);
			assert_true(all_bytes(f.v, 1ull << order, 0));
			memset(fake_ram + f.v * PAGE_SIZE, held[n].tag, PAGE_SIZE << order);
			for (u64 k = 0; k < 1ull << order; k++) {
				assert_int_equal(frame_owner(hfn(f.v + k)), n & 7);
				assert_int_equal(frame_refs(hfn(f.v + k)), 1);
			}
			used += 1ull << order;
			n++;
		} else if (n > 0 && dice < 7) {
			i = (unsigned int)rnd(n);
			u16 owner = frame_owner(hfn(held[i].f));

			assert_int_equal(frame_get(hfn(held[i].f), owner), 0);
			held[i].extra++;
		} else if (n > 0) {
			i = (unsigned int)rnd(n);
			u64 size = 1ull << held[i].order;

			assert_true(all_bytes(held[i].f, size, held[i].tag));
			frame_free(hfn(held[i].f), held[i].order);
			for (; held[i].extra > 0; held[i].extra--)
				frame_put(hfn(held[i].f));
			assert_true(all_bytes(held[i].f, size, 0));
			used -= size;
			held[i] = held[--n];
		}
		assert_int_equal(frames_free() + used, LAST - FIRST);
		if (step % 500 == 0)
			check_blocks();
	}
	while (n > 0) {
		n--;
		for (; held[n].extra > 0; held[n].extra--)
			frame_put(hfn(held[n].f));
		frame_free(hfn(held[n].f), held[n].order);
	}
	assert_int_equal(frames_free(), LAST - FIRST);
	check_blocks();
}

/* Until all is taken, then nothing leaks. */
static void exhaustion(void **state)
{
	u32 last = 0, count = 0;
	hfn_t f;

	(void)state;
	while (frame_alloc(1, 0, &f) == 0) {
		*(u32 *)frame_map(f) = last;
		last = (u32)f.v;
		count++;
	}
	assert_int_equal(count, LAST - FIRST);
	assert_int_equal(frames_free(), 0);
	while (count-- > 0) {
		u32 next = *(u32 *)frame_map(hfn(last));

		frame_put(hfn(last));
		last = next;
	}
	check_blocks();
	assert_int_equal(frames_free(), LAST - FIRST);
}

#define SHARED 64u
static hfn_t shared[SHARED];
static bool stop;

/* Takes references of frames that the other thread frees and allocates for changing owners. */
static void *getter(void *arg)
{
	u16 owner = (u16)(uintptr_t)arg;
	u64 taken = 0, x = owner;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		hfn_t f = {__atomic_load_n(&shared[(x = x * 5 + 3) % SHARED].v, __ATOMIC_RELAXED)};

		if (frame_get(f, owner) == 0) {
			if (frame_owner(f) != owner) /* held: it cannot change hands */
				abort();
			taken++;
			frame_put(f);
		}
	}
	return (void *)(uintptr_t)taken;
}

static void threads(void **state)
{
	pthread_t t[2];
	u64 taken = 0;

	(void)state;
	for (unsigned int i = 0; i < SHARED; i++)
		assert_int_equal(frame_alloc((u16)(1 + i % 2), 0, &shared[i]), 0);
	__atomic_store_n(&stop, false, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, getter, (void *)(uintptr_t)(i + 1)),
				 0);
	for (unsigned int i = 0; i < 60000; i++) {
		unsigned int k = (unsigned int)rnd(SHARED);
		hfn_t f;

		frame_free(shared[k], 0);
		assert_int_equal(frame_alloc((u16)(1 + rnd(2)), 0, &f), 0);
		__atomic_store_n(&shared[k].v, f.v, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++) {
		void *count;

		pthread_join(t[i], &count);
		taken += (uintptr_t)count;
	}
	assert_true(taken > 0);
	for (unsigned int i = 0; i < SHARED; i++) {
		assert_int_equal(frame_refs(shared[i]), 1);
		frame_put(shared[i]);
	}
	assert_int_equal(frames_free(), LAST - FIRST);
	check_blocks();
}

/* A machine of 5 GiB: blocks of 1 GiB form (nothing of it is touched). */
static void one_gib_blocks(void **state)
{
	u64 frames = GIB(5) / PAGE_SIZE;
	struct frame *big = reserve(frames * sizeof(*big));

	(void)state;
	frame_init(big, frames);
	frame_add_region(hpa(MIB(1)), hpa(GIB(5)));
	for (u64 g = 1; g < 5; g++) {
		assert_int_equal(big[g << 18].order, ORDER_1G);
		assert_int_equal(big[g << 18].flags & 1, 1);
	}
	munmap(big, frames * sizeof(*big));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {TEST(init_and_bounds),
					   TEST(scrubbed_both_ways),
					   TEST(references_keep_a_frame),
					   TEST(dropping_too_often_is_caught),
					   TEST(contiguous),
					   TEST(pages),
					   TEST(random_model),
					   TEST(exhaustion),
					   TEST(threads),
					   TEST(one_gib_blocks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
