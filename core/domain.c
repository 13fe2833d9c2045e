/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: creation, look-up, shutdown and destruction. */
#include <core/domain.h>

#include <arch/x86_64/cpu/percpu.h>
#include <core/clock.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <core/vcpu.h>
#include <sched/sched.h>
#include <xen/errno.h>

struct domain *control_domain;

static spinlock_t list_lock; /* guards the list and next_id */
static struct list domains = {&domains, &domains};
static u32 next_id;

void domain_account_pages(struct domain *d, int pages)
{
	__atomic_fetch_add(&d->overhead_pages, (u32)pages, __ATOMIC_RELAXED);
}

void *domain_page_alloc(struct domain *d, unsigned int order)
{
	void *p = page_alloc(order);

	if (p)
		domain_account_pages(d, 1 << order);
	return p;
}

void domain_page_free(struct domain *d, void *page, unsigned int order)
{
	if (!page)
		return;
	page_free(page, order);
	domain_account_pages(d, -(1 << order));
}

void domain_ref(struct domain *d)
{
	__atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}

/* What does not need the id any more; also what is left of a creation that failed. */
static void domain_free(struct domain *d)
{
	for (u32 i = 0; d->vcpu && i < d->max_vcpus; i++)
		if (d->vcpu[i])
			vcpu_destroy(d->vcpu[i]);
	grant_domain_free(d);
	if (d->p2m.root)
		ept_destroy(&d->p2m);
	if (hvm->domain_destroy)
		hvm->domain_destroy(d);
	domain_page_free(d, d->vcpu, 0);
	domain_page_free(d, d->memmap, 0);
	domain_page_free(d, d->shared, 0);
	page_free(d, 0);
}

void domain_put(struct domain *d)
{
	if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL) == 0)
		domain_free(d);
}

struct domain *domain_get_from(domid_t from)
{
	struct domain *found = NULL;
	struct list *pos;

	spin_lock(&list_lock);
	list_for_each(pos, &domains)
	{
		struct domain *d = list_entry(pos, struct domain, link);

		if (d->id >= from) {
			domain_ref(d);
			found = d;
			break;
		}
	}
	spin_unlock(&list_lock);
	return found;
}

struct domain *domain_get(domid_t id)
{
	struct domain *d = domain_get_from(id);

	if (d && d->id != id) {
		domain_put(d);
		d = NULL;
	}
	return d;
}

struct domain *domain_get_for(struct vcpu *v, domid_t id, int *err)
{
	struct domain *d;

	*err = 0;
	if (id == DOMID_SELF || id == v->domain->id) {
		domain_ref(v->domain);
		return v->domain;
	}
	if (!v->domain->control) {
		*err = -XEN_EPERM;
		return NULL;
	}
	d = domain_get(id);
	if (d && d->dying) {
		domain_put(d);
		d = NULL;
	}
	if (!d)
		*err = -XEN_ESRCH;
	return d;
}

#define SCRATCH_FIRST_ID 0x7F00u /* up to DOMID_FIRST_RESERVED */

/* Ids of guests grow, so that an old one is not mistaken for a new one soon; they wrap at
 * SCRATCH_FIRST_ID. Scratch domains have ids of their own, not to leave gaps between guests'. */
static u32 candidate_id(const struct domain *d, u32 tries)
{
	if (d->control)
		return 0;
	if (d->scratch)
		return SCRATCH_FIRST_ID + tries % (DOMID_FIRST_RESERVED - SCRATCH_FIRST_ID);
	next_id = next_id % (SCRATCH_FIRST_ID - 1) + 1;
	return next_id;
}

static int give_id(struct domain *d)
{
	int err = -XEN_ENOSPC;

	spin_lock(&list_lock);
	for (u32 tries = 0; err && tries < SCRATCH_FIRST_ID; tries++) {
		u32 id = candidate_id(d, tries);
		struct list *pos;

		list_for_each(pos, &domains)
		{
			if (list_entry(pos, struct domain, link)->id >= id)
				break;
		}
		if (pos != &domains && list_entry(pos, struct domain, link)->id == id)
			continue;
		d->id = (domid_t)id;
		list_insert_before(pos, &d->link);
		err = 0;
	}
	spin_unlock(&list_lock);
	return err;
}

static void take_from_list(struct domain *d)
{
	spin_lock(&list_lock);
	list_remove(&d->link);
	spin_unlock(&list_lock);
}

static void fill(struct domain *d, const struct plinth_ctl_domain_create *c, bool control)
{
	d->control = control;
	d->scratch = c->flags & PLINTH_CREATE_scratch;
	d->x2apic = c->flags & PLINTH_CREATE_x2apic;
	d->refs = 1;
	d->pause_count = control ? 0 : 1;
	d->max_vcpus = c->max_vcpus;
	d->max_pages = c->max_pages;
	d->sched.weight = POLICY_DEFAULT_WEIGHT;
	d->log_tokens = 0;
	memcpy(d->uuid, c->uuid, sizeof(d->uuid));
	string_copy(d->name, c->name, sizeof(d->name));
	d->hvm_param[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_reboot;
	list_init(&d->link);
}

static int allocate(struct domain *d)
{
	d->vcpu = domain_page_alloc(d, 0);
	d->memmap = domain_page_alloc(d, 0);
	d->shared = domain_page_alloc(d, 0);
	if (!d->vcpu || !d->memmap || !d->shared)
		return -XEN_ENOMEM;
	clock_write_wall(d->shared);
	for (u32 i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		clock_write_time(&d->shared->vcpu_info[i].time);
	event_domain_init(d);
	return ept_init(&d->p2m, hvm->ept, hvm->ept_has_1g());
}

int domain_create(const struct plinth_ctl_domain_create *c, bool control, struct domain **out)
{
	struct domain *d;
	int err;

	if (c->max_vcpus == 0 || c->max_vcpus > PLINTH_MAX_VCPUS || c->max_pages > 1ull << 36)
		return -XEN_EINVAL;
	if (strnlen(c->name, sizeof(c->name)) == sizeof(c->name))
		return -XEN_EINVAL;
	d = page_alloc(0);
	if (!d)
		return -XEN_ENOMEM;
	_Static_assert(sizeof(*d) <= PAGE_SIZE, "a domain is one page");
	fill(d, c, control);
	d->overhead_pages = 1;
	err = allocate(d);
	if (!err)
		err = grant_domain_init(d);
	if (!err)
		err = give_id(d);
	if (err)
		goto fail;
	for (u32 i = 0; !err && !d->scratch && i < d->max_vcpus; i++)
		err = vcpu_create(d, i);
	if (err) {
		take_from_list(d);
		domain_put(d); /* a guest may have found it, and hold a reference */
		return err;
	}
	domain_ref(d); /* the caller's, besides the list's */
	*out = d;
	return 0;
fail:
	domain_free(d);
	return err;
}

/* Under shutdown_lock. */
static void apply_pause(struct domain *d)
{
	bool paused = d->pause_count || d->shut_down || d->dying;

	for (u32 i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			vcpu_pause_bit(d->vcpu[i], paused);
}

static void wait_off_cpus(struct domain *d)
{
	for (u32 i = 0; i < d->max_vcpus; i++) {
		struct vcpu *v = d->vcpu[i];

		if (v && v != this_cpu()->current)
			sched_wait_off_cpu(v);
	}
}

void domain_pause(struct domain *d)
{
	spin_lock(&d->shutdown_lock);
	d->pause_count++;
	apply_pause(d);
	spin_unlock(&d->shutdown_lock);
	wait_off_cpus(d);
}

int domain_unpause(struct domain *d)
{
	int err = 0;

	spin_lock(&d->shutdown_lock);
	if (d->pause_count == 0)
		err = -XEN_EINVAL;
	else
		d->pause_count--;
	if (!err)
		apply_pause(d);
	spin_unlock(&d->shutdown_lock);
	return err;
}

static const char *const reason_names[] = {"poweroff", "reboot",   "suspend",
					   "crash",    "watchdog", "soft reset"};

void domain_shutdown(struct domain *d, u8 reason)
{
	bool first;

	spin_lock(&d->shutdown_lock);
	first = !d->shut_down;
	if (first) {
		d->shut_down = true;
		d->shutdown_reason = reason;
		apply_pause(d);
	}
	spin_unlock(&d->shutdown_lock);
	if (!first)
		return;
	/* The beginning of a line that will not go on. */
	while (d->debug_length && !domain_debug_text(d, "\n", 1))
		cpu_relax();
	if (reason != SHUTDOWN_poweroff && reason != SHUTDOWN_reboot)
		log_line("%s (domain %u): shut down: %s", d->name, d->id,
			 reason < ARRAY_SIZE(reason_names) ? reason_names[reason] : "unknown");
	if (d->control)
		log_line("the control domain is gone; guests go on without their devices");
	event_raise_global_virq(VIRQ_DOM_EXC);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	format_text_v(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line("%s (domain %u): %s", d->name, d->id, text);
	domain_shutdown(d, SHUTDOWN_crash);
}

int domain_destroy_step(struct domain *d)
{
	int err;

	if (!d->dying) {
		spin_lock(&d->shutdown_lock);
		d->dying = true;
		apply_pause(d);
		spin_unlock(&d->shutdown_lock);
		wait_off_cpus(d);
	}
	err = event_domain_destroy(d);
	if (!err)
		err = grant_domain_unmap_all(d);
	if (!err)
		err = p2m_tear_down(d);
	if (err)
		return err;
	for (u32 i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i]) {
			vcpu_destroy(d->vcpu[i]);
			d->vcpu[i] = NULL;
		}
	take_from_list(d);
	domain_put(d); /* the list's */
	return 0;
}
