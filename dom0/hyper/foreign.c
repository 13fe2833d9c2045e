/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' memory in the control domain's address space: ranges of the window, first fit. */
#include <dom0/hyper/foreign.h>

#include <stdlib.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/paging.h>
#include <dom0/hyper/hypercall.h>

#define RESERVED_PAGES 512u

/* Used ranges, in order of address. */
struct range {
	struct range *next;
	u64 first, count; /* gfns */
};

static struct range *ranges;
static u64 window_first, window_end;

void foreign_init(u64 window_gfn, u64 window_pages)
{
	window_first = window_gfn + RESERVED_PAGES;
	window_end = window_gfn + window_pages;
}

u64 foreign_shared_info_gfn(void)
{
	return window_first - RESERVED_PAGES;
}

/* Takes a range that is congruent to `like` modulo 2 MiB, so that large pages stay large. */
static struct range *take(u64 like, u64 count)
{
	struct range **link = &ranges, *r;
	u64 at = window_first + (like & 511);

	while (*link && (*link)->first < at + count) {
		at = align_up((*link)->first + (*link)->count, 512) + (like & 511);
		link = &(*link)->next;
	}
	if (at + count > window_end)
		return NULL;
	r = malloc(sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct range){.next = *link, .first = at, .count = count};
	*link = r;
	return r;
}

static void give_back(u64 first)
{
	for (struct range **link = &ranges; *link; link = &(*link)->next)
		if ((*link)->first == first) {
			struct range *r = *link;

			*link = r->next;
			free(r);
			return;
		}
}

static void unmap_pages(u64 first, u64 count)
{
	struct plinth_control c = {.u.mem = {.dst_gfn = first, .count = count}};

	if (control_mem_all(&c, PLINTH_CTL_mem_unmap))
		panic("foreign: cannot unmap %lu pages at gfn %#lx", count, first);
}

void *foreign_map(domid_t dom, u64 first, u64 count, int *err)
{
	struct range *r = take(first, count);
	struct plinth_control c = {.u.mem = {.domid = dom, .gfn = first, .count = count}};
	void *p;

	*err = XEN_ENOMEM;
	if (!r)
		return NULL;
	p = paging_reach(gpa(r->first << PAGE_SHIFT), count << PAGE_SHIFT);
	if (!p) {
		give_back(r->first);
		return NULL;
	}
	c.u.mem.dst_gfn = r->first;
	*err = -control_mem_all(&c, PLINTH_CTL_mem_map);
	if (*err) {
		if (c.u.mem.count < count)
			unmap_pages(r->first, count - c.u.mem.count);
		give_back(r->first);
		return NULL;
	}
	return p;
}

void foreign_unmap(void *p, u64 count)
{
	u64 first = (u64)(uintptr_t)p >> PAGE_SHIFT;

	unmap_pages(first, count);
	give_back(first);
}
