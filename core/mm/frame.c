/* SPDX-License-Identifier: BSD-2-Clause */
/* A buddy allocator whose every frame carries an owner and a count. */
#include <core/mm/frame.h>

#include <arch/x86_64/mm/paging.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>
#include <xen/errno.h>

/* How struct frame's first eight bytes read as one word. */
#define WORD_REFS(w)     ((u32)(w))
#define WORD_OWNER(w)    ((u16)((w) >> 32))
#define WORD_ORDER(w)    ((unsigned int)((w) >> 48) & 0xFFu)
#define WORD(owner)      ((u64)(owner) << 32)
#define WORD_HEAD        bit64(56) /* a free block starts here and is in a list */
#define WORD_DIRTY       bit64(57) /* RAM as the firmware left it: scrub before the first use */
#define WORD_HEAD_OF(o)  (WORD(OWNER_FREE) | (u64)(o) << 48 | WORD_HEAD)
#define WORD_IGNORE_DIRT (~WORD_DIRTY)

#define ORDERS (FRAME_ORDER_MAX + 1)
#define NIL    0xFFFFFFFFu

/* The lock guards the lists, the links and the words of frames in the lists. A frame taken off its
 * list belongs to the CPU that took it until refs becomes 1; one whose refs fell to 0 to the CPU
 * that dropped it until it is back in a list. Neither needs the lock, so scrubbing runs outside. */
static struct {
	spinlock_t lock;
	struct frame *table;
	u64 count; /* frames in the table */
	u64 free;
	u32 heads[ORDERS];
	u32 nonempty; /* bit n: heads[n] is not NIL */
} pool;

static inline u64 word_of(u64 f)
{
	return __atomic_load_n(&pool.table[f].word, __ATOMIC_ACQUIRE);
}

static inline void set_word(u64 f, u64 word)
{
	__atomic_store_n(&pool.table[f].word, word, __ATOMIC_RELEASE);
}

static void scrub(u64 f)
{
	void *p = phys_to_virt(hfn_to_hpa(hfn(f)));
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(n) : "a"(0ull) : "memory");
}

/* --- the lists; the lock is held --- */

static void list_push(u64 f, unsigned int order)
{
	struct frame *fr = &pool.table[f];
	u32 old = pool.heads[order];

	/* order is FRAME_ORDER_MAX at most. NOLINTNEXTLINE(clang-analyzer-core.*) */
	set_word(f, WORD_HEAD_OF(order) | (word_of(f) & WORD_DIRTY));
	fr->prev = NIL;
	fr->next = old;
	if (old != NIL)
		pool.table[old].prev = (u32)f;
	pool.heads[order] = (u32)f;
	pool.nonempty |= 1u << order;
}

static void list_remove(u64 f, unsigned int order)
{
	struct frame *fr = &pool.table[f];

	if (fr->next != NIL)
		pool.table[fr->next].prev = fr->prev;
	if (fr->prev != NIL)
		pool.table[fr->prev].next = fr->next;
	else if ((pool.heads[order] = fr->next) == NIL)
		pool.nonempty &= ~(1u << order);
	set_word(f, WORD(OWNER_FREE) | (word_of(f) & WORD_DIRTY));
}

static void insert_block(u64 f, unsigned int order)
{
	for (; order < FRAME_ORDER_MAX; order++) {
		u64 buddy = f ^ (1ull << order);

		if (buddy >= pool.count ||
		    (word_of(buddy) & WORD_IGNORE_DIRT) != WORD_HEAD_OF(order))
			break;
		list_remove(buddy, order);
		f &= buddy;
	}
	list_push(f, order);
}

/* Any run of frames goes back as the fewest aligned blocks. */
static void insert_run(u64 f, u64 n)
{
	pool.free += n;
	while (n > 0) {
		unsigned int order = 63u - (unsigned int)__builtin_clzll(n);

		if (f != 0 && (unsigned int)__builtin_ctzll(f) < order)
			order = (unsigned int)__builtin_ctzll(f);
		if (order > FRAME_ORDER_MAX)
			order = FRAME_ORDER_MAX;
		insert_block(f, order);
		f += 1ull << order;
		n -= 1ull << order;
	}
}

/* --- start-up --- */

void frame_init(struct frame *table, u64 frames)
{
	pool.table = table;
	pool.count = min_u64(frames, NIL); /* links have 32 bits: 16 TiB of RAM */
	pool.free = 0;
	pool.nonempty = 0;
	for (unsigned int order = 0; order < ORDERS; order++)
		pool.heads[order] = NIL;
	for (u64 f = 0; f < pool.count; f++)
		table[f].word = WORD(OWNER_RESERVED);
}

void frame_add_region(hpa_t start, hpa_t end)
{
	u64 f = start.v / PAGE_SIZE + (start.v % PAGE_SIZE != 0);
	u64 last = min_u64(end.v / PAGE_SIZE, pool.count);

	while (f < last) {
		u64 run = f;

		/* Firmware's maps may overlap: what was added before is left alone. */
		for (; f < last && WORD_OWNER(word_of(f)) == OWNER_RESERVED; f++)
			pool.table[f].word = WORD(OWNER_FREE) | WORD_DIRTY;
		insert_run(run, f - run);
		f++;
	}
}

/* --- allocation --- */

/* Frames just taken off the lists get their owner; only now can others take references. */
static void claim(u64 f, u64 n, u16 owner)
{
	for (u64 end = f + n; f < end; f++) {
		if (unlikely(word_of(f) & WORD_DIRTY))
			scrub(f);
		set_word(f, WORD(owner) | 1);
	}
}

int frame_alloc(u16 owner, unsigned int order, hfn_t *first)
{
	unsigned int from;
	u64 f;

	if (order > FRAME_ORDER_MAX)
		return -XEN_ENOMEM;
	spin_lock(&pool.lock);
	if (pool.nonempty >> order == 0) {
		spin_unlock(&pool.lock);
		return -XEN_ENOMEM;
	}
	from = order + (unsigned int)__builtin_ctz(pool.nonempty >> order);
	f = pool.heads[from];
	list_remove(f, from);
	while (from > order) {
		from--;
		list_push(f + (1ull << from), from);
	}
	pool.free -= 1ull << order;
	spin_unlock(&pool.lock);

	claim(f, 1ull << order, owner);
	*first = hfn(f);
	return 0;
}

/* First of the lowest run of free blocks, each 2 MiB or more, with n frames; pool.count if none.
 * Blocks are aligned to their size, so the scan always meets a block at its head. */
static u64 find_run(u64 n)
{
	u64 start = 0, f = 0;

	while (f < pool.count) {
		u64 word = word_of(f);

		if ((word & WORD_HEAD) && WORD_ORDER(word) >= ORDER_2M) {
			f += 1ull << WORD_ORDER(word);
			if (f - start >= n)
				return start;
		} else {
			f += 1ull << ORDER_2M;
			start = f;
		}
	}
	return pool.count;
}

int frame_alloc_contiguous(u16 owner, u64 frames, hfn_t *first)
{
	u64 start, f;

	if (frames == 0)
		return -XEN_EINVAL;
	spin_lock(&pool.lock);
	start = find_run(frames);
	if (start == pool.count) {
		spin_unlock(&pool.lock);
		return -XEN_ENOMEM;
	}
	for (f = start; f < start + frames;) {
		unsigned int order = WORD_ORDER(word_of(f));

		list_remove(f, order);
		pool.free -= 1ull << order;
		f += 1ull << order;
	}
	insert_run(start + frames, f - (start + frames));
	spin_unlock(&pool.lock);

	claim(start, frames, owner);
	*first = hfn(start);
	return 0;
}

/* --- references --- */

int frame_get(hfn_t f, u16 owner)
{
	u64 word;

	if (f.v >= pool.count)
		return -XEN_EINVAL;
	word = word_of(f.v);
	do {
		u32 refs = WORD_REFS(word);

		if (WORD_OWNER(word) != owner || refs == 0 || refs == UINT32_MAX)
			return -XEN_EINVAL;
	} while (!__atomic_compare_exchange_n(&pool.table[f.v].word, &word, word + 1, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
	return 0;
}

/* Drops one reference; true if it was the last: then the frame is the caller's to put back. */
static bool drop(u64 f)
{
	u64 word = word_of(f), next;

	do {
		assert(WORD_REFS(word) != 0);
		next = WORD_REFS(word) == 1 ? WORD(OWNER_FREE) : word - 1;
	} while (!__atomic_compare_exchange_n(&pool.table[f].word, &word, next, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	if (next != WORD(OWNER_FREE))
		return false;
	scrub(f);
	return true;
}

void frame_free(hfn_t first, unsigned int order)
{
	u64 f = first.v, end = f + (1ull << order);

	assert(order <= FRAME_ORDER_MAX && end <= pool.count);
	while (f < end) {
		u64 run = f;

		while (f < end && drop(f))
			f++;
		if (f > run) {
			spin_lock(&pool.lock);
			insert_run(run, f - run);
			spin_unlock(&pool.lock);
		}
		f++; /* this one is still in use: the last frame_put() frees it */
	}
}

void frame_put(hfn_t f)
{
	assert(f.v < pool.count);
	if (likely(!drop(f.v)))
		return;
	spin_lock(&pool.lock);
	insert_run(f.v, 1);
	spin_unlock(&pool.lock);
}

u16 frame_owner(hfn_t f)
{
	return f.v < pool.count ? WORD_OWNER(word_of(f.v)) : (u16)OWNER_RESERVED;
}

u32 frame_refs(hfn_t f)
{
	return f.v < pool.count ? WORD_REFS(word_of(f.v)) : 0;
}

u64 frames_free(void)
{
	return READ_ONCE(pool.free);
}

/* --- access --- */

void *page_alloc(unsigned int order)
{
	hfn_t f;

	return frame_alloc(OWNER_HYPERVISOR, order, &f) ? NULL : frame_map(f);
}

void page_free(void *page, unsigned int order)
{
	frame_free(page_to_hfn(page), order);
}

void *frame_map(hfn_t f)
{
	return phys_to_virt(hfn_to_hpa(f));
}

void frame_unmap(const void *p)
{
	(void)p;
}

hfn_t page_to_hfn(const void *page)
{
	return hpa_to_hfn(virt_to_phys(page));
}
