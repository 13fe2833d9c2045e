/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested page tables of both vendors: one walker, two entry formats. */
#ifndef EPT_EPT_H
#define EPT_EPT_H

#include <core/types.h>

#define EPT_R (1u << 0)
#define EPT_W (1u << 1)
#define EPT_X (1u << 2)

/* What a leaf maps; kept in bits of the entry that hardware ignores. */
enum ept_type {
	EPT_TYPE_none,    /* not present */
	EPT_TYPE_ram,     /* the domain's own frame */
	EPT_TYPE_foreign, /* another domain's frame, by the control interface: holds a reference */
	EPT_TYPE_grant, /* another domain's frame, by a grant: the grant code holds the reference */
	EPT_TYPE_shared, /* a hypervisor page shared with the domain (shared_info, grant table) */
	EPT_TYPE_mmio,   /* a device, uncached */
	EPT_TYPES
};

struct ept_leaf {
	hfn_t frame;         /* of the 4 KiB page that was asked for */
	unsigned int order;  /* of the leaf: 0, 9 or 18; for none: of the hole (27 too) */
	unsigned int rights; /* EPT_R | EPT_W | EPT_X */
	enum ept_type type;
};

/* An entry format, as data: what the two have in common is in the walker. That is: an entry of 0 is
 * not present; address in bits 51:12; bit 0 lets read and bit 1 write; bit 7 tells a 2 MiB or 1 GiB
 * leaf from a table; the bits 61:52 are ours (type of a leaf, entries in use of a table). Levels: 1
 * = 4 KiB leaf, 2 = 2 MiB, 3 = 1 GiB, 4 = top. */
struct ept_format {
	const char *name;
	unsigned int execute_bit; /* its number */
	bool execute_inverted;    /* set means: no execution */
	u64 table;                /* fixed bits of an entry that points to a table */
	u64 leaf[EPT_TYPES]; /* fixed bits of a leaf by its type: memory type, accessed, dirty */
};
extern const struct ept_format npt_format, ept_format;

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
 * used for anything else. err is 0 or negative; when negative no translation changed, but a large
 * leaf may have been split and flush may still be owed. */
struct ept_result {
	int err;
	bool flush;
};

must_use int ept_init(struct ept *e, const struct ept_format *format, bool has_1g);
/* All tables freed at once: no CPU uses them any more. Leaves are not looked at. */
void ept_destroy(struct ept *e);
hpa_t ept_root(const struct ept *e);

/* Maps 2^order frames at g (both aligned to order; order 0, 9, 18 and <= max_order). rights hold
 * EPT_R: AMD-V has no page that can't be read. -XEN_EEXIST if anything is mapped there,
 * -XEN_ENOMEM, -XEN_EINVAL (order, alignment, rights, or beyond 48 bits). Owes no flush: no TLB
 * keeps holes. */
must_use struct ept_result ept_map(struct ept *e, gfn_t g, hfn_t f, unsigned int order,
				   unsigned int rights, enum ept_type type);
/* Takes out one 4 KiB page, or a whole leaf: if the leaf at g has exactly `order` it goes whole; a
 * larger leaf is split down to order first; smaller leaves there are -XEN_EINVAL. *old says what
 * was there (type none: nothing, err 0). -XEN_ENOMEM if a split needs a page and there is none. */
must_use struct ept_result ept_unmap(struct ept *e, gfn_t g, unsigned int order,
				     struct ept_leaf *old);
/* Changes the rights of what is mapped at g (order, rights and errors as above). -XEN_ENOENT if
 * nothing is. Rights that only grow owe no flush: a CPU that still knows the old ones faults, walks
 * again and finds the new ones. */
must_use struct ept_result ept_protect(struct ept *e, gfn_t g, unsigned int order,
				       unsigned int rights);
/* Finds what maps g. type none if nothing. */
struct ept_leaf ept_lookup(const struct ept *e, gfn_t g);
/* First leaf at or above g, or the one that holds g: fills *at (the leaf's first page) and *leaf
 * (frame: of *at); false if there is none. For tearing down. */
bool ept_next(const struct ept *e, gfn_t g, gfn_t *at, struct ept_leaf *leaf);
/* The owed flush has been done on every CPU: free the waiting table pages. */
void ept_flushed(struct ept *e);

#endif
