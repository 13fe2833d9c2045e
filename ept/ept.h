/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested page tables of both vendors: one walker, two entry formats. */
#ifndef EPT_EPT_H
#define EPT_EPT_H

#include <core/types.h>

#define EPT_R (1u << 0)
#define EPT_W (1u << 1)
#define EPT_X (1u << 2)

/* What a leaf maps; kept in bits of the entry that hardware ignores, in both formats. */
enum ept_type {
	EPT_TYPE_none,    /* not present */
	EPT_TYPE_ram,     /* the domain's own frame */
	EPT_TYPE_foreign, /* another domain's frame, by the control interface: holds a reference */
	EPT_TYPE_grant, /* another domain's frame, by a grant: the grant code holds the reference */
	EPT_TYPE_shared, /* a hypervisor page shared with the domain (shared_info, grant table) */
	EPT_TYPE_mmio,   /* a device, uncached */
};

struct ept_leaf {
	hfn_t frame;         /* of the 4 KiB page that was asked for */
	unsigned int order;  /* of the leaf: 0, 9 or 18; for none: of the hole */
	unsigned int rights; /* EPT_R | EPT_W | EPT_X */
	enum ept_type type;
};

/* An entry format. Levels: 1 = 4 KiB leaf, 2 = 2 MiB, 3 = 1 GiB, 4 = top. Entries are u64, 0 = not
 * present in both. */
struct ept_format {
	const char *name;
	u64 (*make_leaf)(hpa_t a, unsigned int level, unsigned int rights, enum ept_type type);
	u64 (*make_table)(hpa_t table);
	bool (*is_present)(u64 entry);
	bool (*is_leaf)(u64 entry, unsigned int level);
	hpa_t (*address)(u64 entry, unsigned int level);
	unsigned int (*rights)(u64 entry);
	enum ept_type (*type)(u64 entry);
};
extern const struct ept_format npt_format;

/* One nested address space. The caller's lock guards it: readers may look up at the same time,
 * updates are exclusive. Table pages come from page_alloc(); freed ones wait on `freed` until
 * ept_flushed() says that no TLB can know them any more. */
struct ept {
	const struct ept_format *format;
	u64 *root;
	unsigned int max_order;   /* largest leaf this CPU can do: 9 or 18 */
	unsigned int table_pages; /* spent, those that wait for the flush included */
	struct ept_table_page *freed;
};

/* A result that can't be dropped: whether TLBs must be flushed before the old frames or tables are
 * used for anything else. err is 0 or negative; when negative nothing changed (but some tables
 * may have been added) and flush may still be owed. */
struct ept_result {
	int err;
	bool flush;
};

must_use int ept_init(struct ept *e, const struct ept_format *format, bool has_1g);
/* All tables freed at once: no CPU uses them any more. Leaves are not looked at. */
void ept_destroy(struct ept *e);
hpa_t ept_root(const struct ept *e);

/* Maps 2^order frames at g (both aligned to order; order 0, 9, 18 and <= max_order). -XEN_EEXIST if
 * anything is mapped there, -XEN_ENOMEM, -XEN_EINVAL (alignment, or beyond 48 bits). */
must_use struct ept_result ept_map(struct ept *e, gfn_t g, hfn_t f, unsigned int order,
				   unsigned int rights, enum ept_type type);
/* Takes out one 4 KiB page, or a whole leaf: if the leaf at g has exactly `order` it goes whole; a
 * larger leaf is split down to order first. *old says what was there (type none: nothing, err 0).
 */
must_use struct ept_result ept_unmap(struct ept *e, gfn_t g, unsigned int order,
				     struct ept_leaf *old);
/* Changes the rights of what is mapped at g (order as in ept_unmap). -XEN_ENOENT if nothing is. */
must_use struct ept_result ept_protect(struct ept *e, gfn_t g, unsigned int order,
				       unsigned int rights);
/* Finds what maps g. type none if nothing. */
struct ept_leaf ept_lookup(const struct ept *e, gfn_t g);
/* First leaf at or above g: fills *at and *leaf; false if there is none. For tearing down. */
bool ept_next(const struct ept *e, gfn_t g, gfn_t *at, struct ept_leaf *leaf);
/* The owed flush has been done on every CPU: free the waiting table pages. */
void ept_flushed(struct ept *e);

#endif
