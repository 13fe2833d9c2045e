/* SPDX-License-Identifier: BSD-2-Clause */
/* See core_fake.h. */
#include <core_fake.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/iommu/iommu.h>
#include <arch/x86_64/platform/clock.h>
#include <arch/x86_64/platform/log.h>
#include <arch/x86_64/platform/serial.h>
#include <core/clock.h>
#include <core/guest_access.h>
#include <core/mm/frame.h>
#include <xen/errno.h>

struct domain *control_domain;
u8 fake_buffer[FAKE_BUFFER] __attribute__((aligned(4096)));
u64 fake_now = 1;
char fake_log[1u << 20];
size_t fake_log_length;
char fake_typed[256];
size_t fake_typed_length;
unsigned int fake_flushes, fake_pages_left = ~0u, fake_domains_living;
void (*fake_on_unmap)(void);
int fake_map_error, fake_allow_error;
u32 fake_dma[FAKE_FRAMES][2];

static struct fake_domain *list;

/* --- log, clock, serial --- */

void log_write_raw(const char *buf, size_t n)
{
	n = min_u64(n, sizeof(fake_log) - 1 - fake_log_length);
	memcpy(fake_log + fake_log_length, buf, n);
	fake_log_length += n;
	fake_log[fake_log_length] = 0;
}

void log_write_line(const char *line, size_t n)
{
	log_write_raw(line, n);
}

void log_line(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	log_write_raw(line, strlen(line));
}

size_t format_text(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return (size_t)n;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

u64 clock_ns(void)
{
	return fake_now;
}

void clock_write_time(struct vcpu_time_info *t)
{
	*t = (struct vcpu_time_info){.version = 2, .tsc_to_system_mul = 1};
}

size_t serial_read(char *buf, size_t n)
{
	n = min_u64(n, fake_typed_length);
	memcpy(buf, fake_typed, n);
	fake_typed_length -= n;
	memmove(fake_typed, fake_typed + n, fake_typed_length);
	return n;
}

void timer_stop(struct timer *t)
{
	t->armed = false;
}

void timer_end(struct timer *t)
{
	timer_stop(t);
}

/* --- frames --- */

static u8 memory[FAKE_FRAMES][PAGE_SIZE] __attribute__((aligned(4096)));
static struct {
	u32 refs;
	u16 owner;
	bool revoked; /* and not settled yet */
} frames[FAKE_FRAMES];
static u64 used;

int frame_alloc(u16 owner, unsigned int order, hfn_t *first)
{
	static u64 next;

	if (order != 0 || used == FAKE_FRAMES)
		return -XEN_ENOMEM;
	while (frames[next % FAKE_FRAMES].refs)
		next++;
	*first = hfn(next++ % FAKE_FRAMES);
	frames[first->v].refs = 1;
	frames[first->v].owner = owner;
	memset(memory[first->v], 0, PAGE_SIZE);
	used++;
	return 0;
}

int frame_get(hfn_t f, u16 owner)
{
	if (f.v >= FAKE_FRAMES || !frames[f.v].refs || frames[f.v].owner != owner)
		return -XEN_EINVAL;
	frames[f.v].refs++;
	return 0;
}

void frame_put(hfn_t f)
{
	if (f.v >= FAKE_FRAMES || !frames[f.v].refs)
		panic("frame_put of a free frame\n");
	if (frames[f.v].revoked)
		panic("frame_put while a device may reach the frame\n");
	if (--frames[f.v].refs == 0)
		used--;
}

int iommu_allow(hfn_t f, bool write)
{
	if (fake_allow_error)
		return fake_allow_error;
	fake_dma[f.v][write]++;
	return 0;
}

void iommu_revoke(hfn_t f, bool write)
{
	if (fake_dma[f.v][write]-- == 0)
		panic("iommu_revoke of what is not allowed\n");
	frames[f.v].revoked = true;
}

void iommu_settle(void)
{
	for (u32 i = 0; i < FAKE_FRAMES; i++)
		frames[i].revoked = false;
}

u32 frame_refs(hfn_t f)
{
	return frames[f.v].refs;
}

void *frame_map(hfn_t f)
{
	if (f.v >= FAKE_FRAMES || !frames[f.v].refs)
		panic("frame_map of a free frame\n");
	return memory[f.v];
}

void frame_unmap(const void *p)
{
	(void)p;
}

hfn_t page_to_hfn(const void *page)
{
	return hfn((u64)((const u8 *)page - memory[0]) / PAGE_SIZE);
}

u64 fake_frames_used(void)
{
	return used;
}

void *domain_page_alloc(struct domain *d, unsigned int order)
{
	hfn_t f;

	if (fake_pages_left == 0 || frame_alloc(OWNER_HYPERVISOR, order, &f))
		return NULL;
	fake_pages_left -= fake_pages_left != ~0u;
	d->overhead_pages++;
	return frame_map(f);
}

void domain_page_free(struct domain *d, void *page, unsigned int order)
{
	(void)order;
	d->overhead_pages--;
	frame_put(page_to_hfn(page));
}

/* --- the nested table --- */

static struct ept_leaf *leaf_at(struct domain *d, gfn_t g)
{
	return g.v < FAKE_GFNS ? &fake_of(d)->leaf[g.v] : NULL;
}

int p2m_map(struct domain *d, gfn_t g, hfn_t f, unsigned int order, unsigned int rights,
	    enum ept_type type)
{
	struct ept_leaf *l = leaf_at(d, g);

	if (fake_map_error)
		return fake_map_error;
	if (!l || order != 0)
		return -XEN_EINVAL;
	if (l->type != EPT_TYPE_none)
		return -XEN_EEXIST;
	*l = (struct ept_leaf){.frame = f, .rights = rights, .type = type};
	return 0;
}

int p2m_unmap(struct domain *d, gfn_t g, unsigned int order, enum ept_type type,
	      struct ept_leaf *old)
{
	struct ept_leaf *l = leaf_at(d, g);

	if (!l || order != 0 || l->type != type)
		return -XEN_ENOENT;
	*old = *l;
	*l = (struct ept_leaf){.type = EPT_TYPE_none};
	fake_flushes++;
	if (fake_on_unmap)
		fake_on_unmap();
	return 0;
}

void p2m_unmap_grants(struct domain *d, const gfn_t *at, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct ept_leaf *l = leaf_at(d, at[i]);

		if (l && l->type == EPT_TYPE_grant)
			*l = (struct ept_leaf){.type = EPT_TYPE_none};
	}
	fake_flushes++;
	if (fake_on_unmap)
		fake_on_unmap();
}

int p2m_place_shared(struct domain *d, gfn_t g, hfn_t f, u64 *where)
{
	struct ept_leaf *l = leaf_at(d, g), old;

	if (!l)
		return -XEN_EINVAL;
	if (l->type == EPT_TYPE_shared && l->frame.v == f.v)
		return 0;
	if (l->type == EPT_TYPE_ram)
		(void)!p2m_release_page(d, g);
	else if (l->type != EPT_TYPE_none)
		return -XEN_EINVAL;
	if (*where != ~0ull)
		(void)!p2m_unmap(d, gfn(*where), 0, EPT_TYPE_shared, &old);
	*where = g.v;
	return p2m_map(d, g, f, 0, EPT_R | EPT_W, EPT_TYPE_shared);
}

int p2m_release_page(struct domain *d, gfn_t g)
{
	struct ept_leaf old;

	if (p2m_unmap(d, g, 0, EPT_TYPE_ram, &old))
		return -XEN_ENOENT;
	d->pages--;
	frame_put(old.frame);
	return 0;
}

int p2m_populate(struct domain *d, gfn_t g, u64 count, u64 *done)
{
	int err = 0;

	*done = 0;
	while (!err && *done < count && *done < 100) {
		hfn_t f;

		if (d->pages >= d->max_pages || frame_alloc(d->id, 0, &f))
			err = -XEN_ENOMEM;
		else if ((err = p2m_map(d, gfn(g.v + *done), f, 0, EPT_R | EPT_W | EPT_X,
					EPT_TYPE_ram)) != 0)
			frame_put(f);
		else {
			d->pages++;
			(*done)++;
		}
	}
	return *done ? 0 : err;
}

struct ept_leaf p2m_lookup(struct domain *d, gfn_t g)
{
	const struct ept_leaf *l = leaf_at(d, g);

	return l ? *l : (struct ept_leaf){.type = EPT_TYPE_none};
}

int p2m_get_ram(struct domain *d, gfn_t g, bool write, hfn_t *f)
{
	const struct ept_leaf *l = leaf_at(d, g);

	if (!l || l->type != EPT_TYPE_ram || (write && !(l->rights & EPT_W)))
		return -XEN_EINVAL;
	*f = l->frame;
	return frame_get(l->frame, d->id);
}

u8 *fake_ram_at(struct domain *d, u64 g)
{
	u64 done;

	if (p2m_populate(d, gfn(g), 1, &done))
		panic("fake_ram_at\n");
	return frame_map(leaf_at(d, gfn(g))->frame);
}

/* --- guest memory --- */

u64 fake_gva(size_t offset)
{
	return (u64)(uintptr_t)fake_buffer + offset;
}

static bool reachable(gva_t at, size_t n)
{
	u64 offset = at.v - fake_gva(0);

	return n <= FAKE_BUFFER && offset <= FAKE_BUFFER - n;
}

int copy_from_guest(struct vcpu *v, void *dst, gva_t src, size_t n)
{
	(void)v;
	if (!reachable(src, n))
		return -XEN_EFAULT;
	memcpy(dst, fake_buffer + (src.v - fake_gva(0)), n);
	return 0;
}

int copy_to_guest(struct vcpu *v, gva_t dst, const void *src, size_t n)
{
	(void)v;
	if (!reachable(dst, n))
		return -XEN_EFAULT;
	memcpy(fake_buffer + (dst.v - fake_gva(0)), src, n);
	return 0;
}

/* --- vCPUs --- */

void vcpu_kick(struct vcpu *v)
{
	__atomic_fetch_add(&fake_of(v->domain)->kicks[v->id], 1, __ATOMIC_RELAXED);
}

void vcpu_wake(struct vcpu *v)
{
	fake_of(v->domain)->wakes[v->id]++;
}

void vapic_set_irq(struct vcpu *v, u8 vector)
{
	fake_of(v->domain)->irqs[vector]++;
}

/* --- domains --- */

struct fake_domain *fake_of(struct domain *d)
{
	return container_of(d, struct fake_domain, d);
}

void domain_ref(struct domain *d)
{
	__atomic_fetch_add(&d->refs, 1, __ATOMIC_SEQ_CST);
}

void domain_put(struct domain *d)
{
	struct fake_domain *f = fake_of(d);

	u32 left = __atomic_sub_fetch(&d->refs, 1, __ATOMIC_SEQ_CST);

	if (left == ~0u)
		panic("domain_put of a dead domain\n");
	if (left > 0)
		return;
	grant_domain_free(d);
	domain_page_free(d, d->shared, 0);
	if (d->memmap)
		domain_page_free(d, d->memmap, 0);
	if (d->overhead_pages)
		panic("%u overhead pages left\n", d->overhead_pages);
	fake_domains_living--;
	free(f);
}

struct domain *domain_get(domid_t id)
{
	for (struct fake_domain *f = list; f; f = f->next)
		if (f->d.id == id) {
			domain_ref(&f->d);
			return &f->d;
		}
	return NULL;
}

struct domain *domain_get_for(struct vcpu *v, domid_t id, int *err)
{
	struct domain *d = v->domain;

	*err = 0;
	if (id == DOMID_SELF || id == d->id) {
		domain_ref(d);
		return d;
	}
	*err = -XEN_EPERM;
	if (!d->control)
		return NULL;
	d = domain_get(id);
	*err = d ? 0 : -XEN_ESRCH;
	return d;
}

struct domain *fake_domain_new(domid_t id, u32 vcpus)
{
	struct fake_domain *f = calloc(1, sizeof(*f));
	struct domain *d = &f->d;

	fake_domains_living++;
	d->id = id;
	d->control = id == 0;
	d->refs = 1;
	d->max_vcpus = vcpus;
	d->max_pages = 1024;
	snprintf(d->name, sizeof(d->name), "dom%u", id);
	d->vcpu = f->pointers;
	d->shared = domain_page_alloc(d, 0);
	for (u32 i = 0; i < vcpus; i++) {
		f->pointers[i] = &f->vcpus[i];
		f->vcpus[i].domain = d;
		f->vcpus[i].id = i;
		f->vcpus[i].info = i < XEN_LEGACY_MAX_VCPUS ? &d->shared->vcpu_info[i] : NULL;
	}
	event_domain_init(d);
	if (grant_domain_init(d))
		panic("grant_domain_init\n");
	if (d->control)
		control_domain = d;
	f->next = list;
	list = f;
	return d;
}

void fake_domain_destroy(struct domain *d)
{
	struct fake_domain **at = &list;
	struct ept_leaf old;

	d->dying = true;
	while (event_domain_destroy(d))
		;
	while (grant_domain_unmap_all(d))
		;
	for (u64 g = 0; g < FAKE_GFNS; g++) {
		(void)!p2m_release_page(d, gfn(g));
		(void)!p2m_unmap(d, gfn(g), 0, EPT_TYPE_shared, &old);
		if (fake_of(d)->leaf[g].type != EPT_TYPE_none)
			panic("gfn %lx still mapped\n", (unsigned long)g);
	}
	while (*at != fake_of(d))
		at = &(*at)->next;
	*at = fake_of(d)->next;
	if (control_domain == d)
		control_domain = NULL;
	domain_put(d);
}

void fake_end(void)
{
	fake_on_unmap = NULL;
	fake_map_error = fake_allow_error = 0;
	fake_pages_left = ~0u;
	fake_log_length = 0;
	while (list)
		fake_domain_destroy(&list->d);
	if (used || fake_domains_living)
		panic("%u frames, %u domains left\n", (unsigned int)used, fake_domains_living);
}
