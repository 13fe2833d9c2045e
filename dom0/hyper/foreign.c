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

void *foreign_reserve(u64 count)
{
	struct range *r = take(0, count);
	void *p;

	if (!r)
		return NULL;
	p = paging_reach(gpa(r->first << PAGE_SHIFT), count << PAGE_SHIFT);
	if (!p)
		give_back(r->first);
	return p;
}

void foreign_release(void *p)
{
	give_back((u64)(uintptr_t)p >> PAGE_SHIFT);
}

static void unmap_grants(u64 at, const grant_handle_t *handles, unsigned int count)
{
	struct gnttab_unmap_grant_ref ops[FOREIGN_GRANTS_MAX];

	for (unsigned int i = 0; i < count; i++)
		ops[i] = (struct gnttab_unmap_grant_ref){.host_addr = at + i * PAGE_SIZE,
							 .handle = handles[i]};
	if (hyper_grant_unmap(ops, count))
		panic("foreign: cannot unmap grants at %#lx", at);
	for (unsigned int i = 0; i < count; i++)
		if (ops[i].status != GNTST_okay)
			panic("foreign: cannot unmap a grant (status %d)", ops[i].status);
}

/* Those that are mapped at `at` when the rest is not; returns the first status that is not 0. */
static s16 settle(u64 at, const struct gnttab_map_grant_ref *ops, grant_handle_t *handles,
		  unsigned int count)
{
	s16 status = GNTST_okay;

	for (unsigned int i = 0; i < count; i++) {
		handles[i] = ops[i].handle;
		if (ops[i].status != GNTST_okay && status == GNTST_okay)
			status = ops[i].status;
	}
	for (unsigned int i = 0; status != GNTST_okay && i < count; i++)
		if (ops[i].status == GNTST_okay)
			unmap_grants(at + i * PAGE_SIZE, &handles[i], 1);
	return status;
}

s16 foreign_map_grants(domid_t dom, const grant_ref_t *refs, unsigned int count,
		       grant_handle_t *handles, void **p)
{
	struct gnttab_map_grant_ref ops[FOREIGN_GRANTS_MAX];
	s16 status;

	if (count > FOREIGN_GRANTS_MAX)
		return GNTST_general_error;
	*p = foreign_reserve(count);
	if (!*p)
		return GNTST_no_space;
	for (unsigned int i = 0; i < count; i++)
		ops[i] = (struct gnttab_map_grant_ref){.host_addr = ptr_arg(*p) + i * PAGE_SIZE,
						       .flags = GNTMAP_host_map,
						       .ref = refs[i],
						       .dom = dom,
						       .status = GNTST_general_error};
	status = hyper_grant_map(ops, count) ? GNTST_general_error
					     : settle(ptr_arg(*p), ops, handles, count);
	if (status != GNTST_okay)
		foreign_release(*p);
	return status;
}

void foreign_unmap_grants(void *p, const grant_handle_t *handles, unsigned int count)
{
	unmap_grants(ptr_arg(p), handles, count);
	foreign_release(p);
}
