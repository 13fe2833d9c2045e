/* SPDX-License-Identifier: BSD-2-Clause */
/* The walker: finds, maps, takes out and splits, so that a lookup at any instant sees the old or
 * the new mapping. */
#include <ept/ept.h>

#include <arch/x86_64/mm/paging.h>
#include <core/mm/frame.h>
#include <ept/store.h>
#include <xen/errno.h>

#define TOP          4u
#define LEVEL_BITS   9u
#define ENTRIES      512u
#define GFN_BITS     36u                   /* four levels: 48 bits of address */
#define HFN_BITS     40u                   /* the entry has room for 52 bits of address */
#define ENTRY_LARGE  bit64(7)              /* leaf, at level 2 and 3 */
#define ENTRY_ADDR   0x000FFFFFFFFFF000ull /* bits 51:12 */
#define TYPE_SHIFT   52u                   /* in a leaf: enum ept_type */
#define COUNT_SHIFT  52u                   /* in a table's entry: its entries in use, 1..512 */
#define COUNT_ONE    (1ull << COUNT_SHIFT)
#define COUNT(entry) ((unsigned int)((entry) >> COUNT_SHIFT) & 0x3FFu)
/* While a freed table waits, its first word links it to the next. A page's address has its low 12
 * bits clear, so hardware that still walks the table finds nothing there either. */
struct ept_table_page {
	struct ept_table_page *next;
};

static inline unsigned int level_order(unsigned int level)
{
	return (level - 1) * LEVEL_BITS;
}

static inline unsigned int index_at(gfn_t g, unsigned int level)
{
	return (unsigned int)(g.v >> level_order(level)) & (ENTRIES - 1);
}

static inline bool is_table(u64 entry, unsigned int level)
{
	return level > 1 && entry != 0 && !(entry & ENTRY_LARGE);
}

static inline u64 *table_of(u64 entry)
{
	return phys_to_virt(hpa(entry & ENTRY_ADDR));
}

static u64 make_rights(const struct ept_format *fmt, unsigned int rights)
{
	bool x = (rights & EPT_X) != 0;

	return (rights & (EPT_R | EPT_W)) | (u64)(x != fmt->execute_inverted) << fmt->execute_bit;
}

static u64 make_leaf(const struct ept_format *fmt, hfn_t f, unsigned int level, unsigned int rights,
		     enum ept_type type)
{
	return hfn_to_hpa(f).v | fmt->leaf[type] | make_rights(fmt, rights) |
	       (u64)type << TYPE_SHIFT | (level > 1 ? ENTRY_LARGE : 0);
}

static u64 make_table(const struct ept_format *fmt, const u64 *table, unsigned int count)
{
	return virt_to_phys(table).v | fmt->table | (u64)count << COUNT_SHIFT;
}

static inline struct ept_leaf decode(const struct ept_format *fmt, u64 entry, gfn_t g,
				     unsigned int level)
{
	struct ept_leaf leaf = {.order = level_order(level)};

	if (entry == 0)
		return leaf;
	leaf.frame.v = (entry & ENTRY_ADDR) >> PAGE_SHIFT | (g.v & low_mask(leaf.order));
	leaf.rights = (unsigned int)entry & (EPT_R | EPT_W);
	if ((entry >> fmt->execute_bit & 1) != fmt->execute_inverted)
		leaf.rights |= EPT_X;
	leaf.type = (enum ept_type)(entry >> TYPE_SHIFT & 7);
	return leaf;
}

struct ept_leaf ept_lookup(const struct ept *e, gfn_t g)
{
	const u64 *table = e->root;
	unsigned int level = TOP;
	u64 entry;

	if (unlikely(g.v >> GFN_BITS))
		return (struct ept_leaf){.order = level_order(TOP)};
	for (;;) {
		entry = READ_ONCE(table[index_at(g, level)]);
		if (!is_table(entry, level))
			return decode(e->format, entry, g, level);
		table = table_of(entry);
		level--;
	}
}

/* The way down to an entry: slots from the top to `level`. */
struct path {
	u64 *slot[TOP + 1];
	unsigned int level;
};

/* Goes down to target, or to where a leaf or a hole ends the way. Returns the entry there. */
static u64 walk(const struct ept *e, gfn_t g, unsigned int target, struct path *p)
{
	u64 *table = e->root, entry;
	unsigned int level = TOP;

	for (;;) {
		p->slot[level] = &table[index_at(g, level)];
		entry = *p->slot[level];
		if (level == target || !is_table(entry, level))
			break;
		table = table_of(entry);
		level--;
	}
	p->level = level;
	return entry;
}

static u64 *new_table(struct ept *e)
{
	u64 *table = page_alloc(0);

	if (table)
		e->table_pages++;
	return table;
}

static void free_table(struct ept *e, void *table)
{
	page_free(table, 0);
	e->table_pages--;
}

/* Tables that carry `entry` from level `from` up to level `to`, not linked yet: returns the entry
 * for level `to`, or 0 when out of memory, with nothing left behind. */
static u64 make_chain(struct ept *e, gfn_t g, u64 entry, unsigned int from, unsigned int to)
{
	u64 *table;

	for (unsigned int level = from; level < to; level++) {
		table = new_table(e);
		if (!table) {
			while (level-- > from) {
				table = table_of(entry);
				entry = table[index_at(g, level)];
				free_table(e, table);
			}
			return 0;
		}
		ept_store(&table[index_at(g, level)], entry);
		entry = make_table(e->format, table, 1);
	}
	return entry;
}

/* The entry at the path's end is in use now: its table has one more. */
static void count_up(struct path *p)
{
	if (p->level < TOP)
		ept_store(p->slot[p->level + 1], *p->slot[p->level + 1] + COUNT_ONE);
}

/* The entry at the path's end was cleared: its table has one fewer, and an empty one is taken out;
 * CPUs may hold it in their paging-structure caches until the flush. */
static void count_down(struct ept *e, struct path *p)
{
	for (unsigned int level = p->level + 1; level <= TOP; level++) {
		u64 entry = *p->slot[level];
		struct ept_table_page *page;

		if (COUNT(entry) > 1) {
			ept_store(p->slot[level], entry - COUNT_ONE);
			return;
		}
		ept_store(p->slot[level], 0);
		page = (struct ept_table_page *)(void *)table_of(entry);
		page->next = e->freed;
		e->freed = page;
	}
}

static bool bad_block(const struct ept *e, gfn_t g, unsigned int order)
{
	return (order != ORDER_4K && order != ORDER_2M && order != ORDER_1G) ||
	       order > e->max_order || (g.v & low_mask(order)) || g.v >> GFN_BITS;
}

static bool bad_rights(unsigned int rights)
{
	return !(rights & EPT_R) || (rights & ~(EPT_R | EPT_W | EPT_X));
}

struct ept_result ept_map(struct ept *e, gfn_t g, hfn_t f, unsigned int order, unsigned int rights,
			  enum ept_type type)
{
	unsigned int level = order / LEVEL_BITS + 1;
	struct path p;
	u64 entry;

	if (bad_block(e, g, order) || (f.v & low_mask(order)) || f.v >> HFN_BITS ||
	    bad_rights(rights) || type == EPT_TYPE_none || type >= EPT_TYPES)
		return (struct ept_result){.err = -XEN_EINVAL};
	if (walk(e, g, level, &p) != 0)
		return (struct ept_result){.err = -XEN_EEXIST};
	entry = make_leaf(e->format, f, level, rights, type);
	entry = make_chain(e, g, entry, level, p.level);
	if (entry == 0)
		return (struct ept_result){.err = -XEN_ENOMEM};
	ept_store(p.slot[p.level], entry);
	count_up(&p);
	return (struct ept_result){0};
}

/* Replaces the large leaf at slot by a table of leaves one level lower that say the same. */
static int split(struct ept *e, u64 *slot, unsigned int level)
{
	u64 *table = new_table(e);
	u64 entry = *slot, step = PAGE_SIZE << level_order(level - 1);

	if (!table)
		return -XEN_ENOMEM;
	if (level == 2)
		entry &= ~ENTRY_LARGE;
	for (unsigned int i = 0; i < ENTRIES; i++, entry += step)
		ept_store(&table[i], entry);
	ept_store(slot, make_table(e->format, table, ENTRIES));
	return 0;
}

/* Finds the leaf or hole at g for a change of 2^order frames; a larger leaf is split first. */
static struct ept_result find(struct ept *e, gfn_t g, unsigned int order, struct path *p,
			      u64 *entry)
{
	unsigned int level = order / LEVEL_BITS + 1;
	struct ept_result r = {0};

	if (bad_block(e, g, order))
		return (struct ept_result){.err = -XEN_EINVAL};
	for (;;) {
		*entry = walk(e, g, level, p);
		if (*entry == 0 || p->level == level)
			break;
		r.err = split(e, p->slot[p->level], p->level);
		if (r.err)
			return r;
		r.flush = true; /* a CPU may hold the large leaf */
	}
	if (is_table(*entry, p->level))
		r.err = -XEN_EINVAL;
	return r;
}

struct ept_result ept_unmap(struct ept *e, gfn_t g, unsigned int order, struct ept_leaf *old)
{
	struct path p;
	u64 entry;
	struct ept_result r = find(e, g, order, &p, &entry);

	*old = (struct ept_leaf){0};
	if (r.err)
		return r;
	*old = decode(e->format, entry, g, p.level);
	if (entry == 0)
		return r;
	ept_store(p.slot[p.level], 0);
	count_down(e, &p);
	r.flush = true;
	return r;
}

struct ept_result ept_protect(struct ept *e, gfn_t g, unsigned int order, unsigned int rights)
{
	struct path p;
	struct ept_result r;
	struct ept_leaf old;
	u64 entry;

	if (bad_rights(rights))
		return (struct ept_result){.err = -XEN_EINVAL};
	r = find(e, g, order, &p, &entry);
	if (r.err)
		return r;
	if (entry == 0) {
		r.err = -XEN_ENOENT;
		return r;
	}
	old = decode(e->format, entry, g, p.level);
	if (old.rights != rights)
		ept_store(p.slot[p.level],
			  make_leaf(e->format, old.frame, p.level, rights, old.type));
	r.flush |= (old.rights & ~rights) != 0;
	return r;
}

bool ept_next(const struct ept *e, gfn_t g, gfn_t *at, struct ept_leaf *leaf)
{
	while (!(g.v >> GFN_BITS)) {
		struct ept_leaf l = ept_lookup(e, g);

		g.v = align_down(g.v, 1ull << l.order);
		if (l.type != EPT_TYPE_none) {
			l.frame.v = align_down(l.frame.v, 1ull << l.order);
			*at = g;
			*leaf = l;
			return true;
		}
		g.v += 1ull << l.order;
	}
	return false;
}

void ept_flushed(struct ept *e)
{
	while (e->freed) {
		struct ept_table_page *page = e->freed;

		e->freed = page->next;
		free_table(e, page);
	}
}

int ept_init(struct ept *e, const struct ept_format *format, bool has_1g)
{
	*e = (struct ept){.format = format, .max_order = has_1g ? ORDER_1G : ORDER_2M};
	e->root = new_table(e);
	return e->root ? 0 : -XEN_ENOMEM;
}

/* Depth is bounded by the number of levels. NOLINTNEXTLINE(misc-no-recursion) */
static void free_tables(struct ept *e, u64 *table, unsigned int level)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		if (is_table(table[i], level))
			free_tables(e, table_of(table[i]), level - 1);
	free_table(e, table);
}

void ept_destroy(struct ept *e)
{
	ept_flushed(e);
	if (e->root)
		free_tables(e, e->root, TOP);
	e->root = NULL;
}

hpa_t ept_root(const struct ept *e)
{
	return virt_to_phys(e->root);
}
