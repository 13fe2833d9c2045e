/* SPDX-License-Identifier: BSD-2-Clause */
/* The control interface: hypercall 48. */
#include <core/hypercall.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/platform/clock.h>
#include <arch/x86_64/platform/log.h>
#include <core/control_domain.h>
#include <core/control_memory.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/irq.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <core/vcpu_state.h>
#include <sched/sched.h>
#include <xen/errno.h>

#define LOG_PIECE 1024u

static int ctl_machine_info(struct vcpu *v, struct plinth_control *c)
{
	struct plinth_ctl_machine_info *m = &c->u.machine_info;
	u32 mul, khz;
	u64 base;
	s8 shift;

	(void)v;
	*m = (struct plinth_ctl_machine_info){
		.total_pages = frames_total(), .free_pages = frames_free(), .cpus = cpu_count};
	control_domain_machine_info(m);
	clock_params(&mul, &shift, &base, &khz);
	m->tsc_khz = khz;
	string_copy(m->vendor, hvm->name, sizeof(m->vendor));
	for (struct domain *d = domain_get_from(0); d;) {
		domid_t id = d->id;

		m->domains++;
		domain_put(d);
		d = domain_get_from((domid_t)(id + 1));
	}
	return 0;
}

static int ctl_create(struct vcpu *v, struct plinth_control *c)
{
	struct domain *d;
	int err;

	(void)v;
	if (c->u.create.flags & ~(PLINTH_CREATE_x2apic | PLINTH_CREATE_scratch))
		return -XEN_EINVAL;
	err = domain_create(&c->u.create, false, &d);
	if (err)
		return err;
	c->u.create.domid = d->id;
	domain_put(d);
	return 0;
}

static int ctl_destroy(struct domain *d, struct plinth_control *c)
{
	int err = domain_destroy_step(d);

	c->u.domain.done = err == 0;
	return err == -XEN_EAGAIN ? 0 : err;
}

static int ctl_pause(struct domain *d, struct plinth_control *c)
{
	(void)c;
	domain_pause(d);
	return 0;
}

static int ctl_unpause(struct domain *d, struct plinth_control *c)
{
	(void)c;
	return d->scratch ? -XEN_EINVAL : domain_unpause(d);
}

static void sum_vcpus(struct domain *d, struct plinth_ctl_domain_info *i)
{
	bool all_blocked = true;

	for (u32 n = 0; n < d->max_vcpus; n++) {
		struct vcpu *v = d->vcpu[n];
		u32 wait;

		if (!v)
			continue;
		wait = READ_ONCE(v->wait);
		spin_lock(&v->runstate_lock);
		i->cpu_time_ns += v->runstate.time[RUNSTATE_running];
		if (v->runstate.state == RUNSTATE_running)
			i->cpu_time_ns += clock_ns() - v->runstate.state_entry_time;
		spin_unlock(&v->runstate_lock);
		if (wait & VCPU_DOWN)
			continue;
		i->online_vcpus++;
		if (!(wait & VCPU_BLOCKED))
			all_blocked = false;
		if (sched_on_cpu(v))
			i->flags |= PLINTH_DOM_running;
	}
	if (all_blocked && i->online_vcpus)
		i->flags |= PLINTH_DOM_blocked;
}

static void fill_info(struct domain *d, struct plinth_ctl_domain_info *i)
{
	*i = (struct plinth_ctl_domain_info){.domid = d->id,
					     .shutdown_reason = d->shutdown_reason,
					     .max_vcpus = d->max_vcpus,
					     .pages = d->pages,
					     .max_pages = d->max_pages,
					     .overhead_pages =
						     d->overhead_pages + d->p2m.table_pages,
					     .cpu_time_ns = d->cpu_time_retired};
	i->flags = (d->pause_count ? PLINTH_DOM_paused : 0) |
		   (d->shut_down ? PLINTH_DOM_shutdown : 0) | (d->dying ? PLINTH_DOM_dying : 0) |
		   (d->control ? PLINTH_DOM_control : 0) | (d->scratch ? PLINTH_DOM_scratch : 0);
	memcpy(i->uuid, d->uuid, sizeof(i->uuid));
	memcpy(i->name, d->name, sizeof(i->name));
	sum_vcpus(d, i);
}

static int ctl_info(struct vcpu *v, struct plinth_control *c)
{
	struct domain *d = domain_get_from(c->u.info.domid);

	(void)v;
	if (!d)
		return -XEN_ESRCH;
	fill_info(d, &c->u.info);
	domain_put(d);
	return 0;
}

static int ctl_memory_map(struct vcpu *v, struct domain *d, struct plinth_control *c)
{
	const struct plinth_ctl_memory_map *m = &c->u.memory_map;

	if (m->count == 0 || m->count > DOMAIN_MAX_MEMMAP)
		return -XEN_EINVAL;
	d->memmap_count = 0;
	if (copy_from_guest(v, d->memmap, gva(m->buffer), m->count * sizeof(d->memmap[0])))
		return -XEN_EFAULT;
	d->memmap_count = m->count;
	return 0;
}

/* The vCPU must not be able to run meanwhile: its domain is paused or shut down. */
static struct vcpu *stopped_vcpu(struct domain *d, u32 id, int *err)
{
	struct vcpu *v = id < d->max_vcpus ? d->vcpu[id] : NULL;

	*err = 0;
	if (!v)
		*err = -XEN_ENOENT;
	else if (d->control || !(READ_ONCE(v->wait) & VCPU_PAUSED))
		*err = -XEN_EBUSY;
	if (*err)
		return NULL;
	sched_wait_off_cpu(v);
	return v;
}

static int ctl_vcpu_set(struct vcpu *v, struct domain *d, struct plinth_control *c)
{
	struct plinth_vcpu_state state;
	struct vcpu *target;
	int err;

	target = stopped_vcpu(d, c->u.vcpu.vcpu, &err);
	if (!target)
		return err;
	if (copy_from_guest(v, &state, gva(c->u.vcpu.buffer), sizeof(state)))
		return -XEN_EFAULT;
	return vcpu_state_set(target, &state);
}

static int ctl_vcpu_get(struct vcpu *v, struct domain *d, struct plinth_control *c)
{
	struct plinth_vcpu_state state;
	struct vcpu *target;
	int err;

	target = stopped_vcpu(d, c->u.vcpu.vcpu, &err);
	if (!target)
		return err;
	vcpu_state_get(target, &state);
	return copy_to_guest(v, gva(c->u.vcpu.buffer), &state, sizeof(state));
}

static int ctl_irq_bind(struct vcpu *v, struct plinth_control *c)
{
	(void)v;
	return irq_bind(c->u.irq.gsi, c->u.irq.flags, &c->u.irq.port);
}

static int ctl_irq_eoi(struct vcpu *v, struct plinth_control *c)
{
	(void)v;
	return irq_eoi(c->u.irq.gsi);
}

static int ctl_log_read(struct vcpu *v, struct plinth_control *c)
{
	struct plinth_ctl_log *l = &c->u.log;
	char buf[LOG_PIECE];
	size_t n = log_ring_read(&l->offset, buf, min_u64(l->length, sizeof(buf)));

	l->length = (u32)n;
	return copy_to_guest(v, gva(l->buffer), buf, n);
}

static int ctl_sched_set(struct domain *d, struct plinth_control *c)
{
	const struct plinth_ctl_sched *s = &c->u.sched;

	if (s->weight == 0 || s->weight > 65535)
		return -XEN_EINVAL;
	if (s->cap)
		return -XEN_EOPNOTSUPP; /* the policy has no caps */
	sched_set_weight(d, s->weight);
	return 0;
}

static int ctl_sched_get(struct domain *d, struct plinth_control *c)
{
	c->u.sched.weight = d->sched_weight;
	c->u.sched.cap = d->sched_cap;
	return 0;
}

static int ctl_grant_seed(struct domain *d, struct plinth_control *c)
{
	const struct plinth_ctl_grant_seed *s = &c->u.seed;

	return grant_seed(d, s->ref, s->to, gfn(s->gfn));
}

static int ctl_populate(struct domain *d, struct plinth_control *c)
{
	return d->control ? -XEN_EINVAL
			  : p2m_populate(d, gfn(c->u.mem.gfn), c->u.mem.count, &c->u.mem.done);
}

static int ctl_map(struct domain *d, struct plinth_control *c)
{
	return control_memory_map(d, &c->u.mem);
}

static int ctl_unmap(struct vcpu *v, struct plinth_control *c)
{
	(void)v;
	return control_memory_unmap(&c->u.mem);
}

/* Each sub-operation has one of three forms: on the machine, on a domain, on a domain with a buffer
 * of the caller. Those on a domain have its id first in their arguments. */
static const struct {
	int (*machine)(struct vcpu *v, struct plinth_control *c);
	int (*domain)(struct domain *d, struct plinth_control *c);
	int (*buffer)(struct vcpu *v, struct domain *d, struct plinth_control *c);
	bool not_control; /* makes no sense on the control domain itself */
} ops[PLINTH_CTL_COUNT] = {
	[PLINTH_CTL_machine_info] = {.machine = ctl_machine_info},
	[PLINTH_CTL_domain_create] = {.machine = ctl_create},
	[PLINTH_CTL_domain_destroy] = {.domain = ctl_destroy, .not_control = true},
	[PLINTH_CTL_domain_pause] = {.domain = ctl_pause, .not_control = true},
	[PLINTH_CTL_domain_unpause] = {.domain = ctl_unpause, .not_control = true},
	[PLINTH_CTL_domain_info] = {.machine = ctl_info},
	[PLINTH_CTL_mem_populate] = {.domain = ctl_populate, .not_control = true},
	[PLINTH_CTL_mem_map] = {.domain = ctl_map, .not_control = true},
	[PLINTH_CTL_mem_unmap] = {.machine = ctl_unmap},
	[PLINTH_CTL_memory_map_set] = {.buffer = ctl_memory_map, .not_control = true},
	[PLINTH_CTL_vcpu_set] = {.buffer = ctl_vcpu_set, .not_control = true},
	[PLINTH_CTL_vcpu_get] = {.buffer = ctl_vcpu_get, .not_control = true},
	[PLINTH_CTL_irq_bind] = {.machine = ctl_irq_bind},
	[PLINTH_CTL_irq_eoi] = {.machine = ctl_irq_eoi},
	[PLINTH_CTL_log_read] = {.machine = ctl_log_read},
	[PLINTH_CTL_sched_set] = {.domain = ctl_sched_set},
	[PLINTH_CTL_sched_get] = {.domain = ctl_sched_get},
	[PLINTH_CTL_grant_seed] = {.domain = ctl_grant_seed, .not_control = true},
};

static int on_domain(struct vcpu *v, struct plinth_control *c)
{
	struct domain *d = domain_get(c->u.domain.domid);
	int err;

	if (!d)
		return -XEN_ESRCH;
	if (d->control && ops[c->cmd].not_control)
		err = -XEN_EINVAL;
	else if (d->dying && c->cmd != PLINTH_CTL_domain_destroy)
		err = -XEN_ESRCH;
	else if (ops[c->cmd].domain)
		err = ops[c->cmd].domain(d, c);
	else
		err = ops[c->cmd].buffer(v, d, c);
	domain_put(d);
	return err;
}

s64 do_plinth_control(struct vcpu *v, u64 arg)
{
	struct plinth_control c;
	int err;

	if (copy_from_guest(v, &c, gva(arg), sizeof(c)))
		return -XEN_EFAULT;
	if (c.version != PLINTH_CONTROL_VERSION)
		return -XEN_EINVAL;
	if (c.cmd >= PLINTH_CTL_COUNT)
		return -XEN_ENOSYS;
	if (ops[c.cmd].machine)
		err = ops[c.cmd].machine(v, &c);
	else if (ops[c.cmd].domain || ops[c.cmd].buffer)
		err = on_domain(v, &c);
	else
		return -XEN_ENOSYS;
	if (copy_to_guest(v, gva(arg), &c, sizeof(c)))
		return -XEN_EFAULT;
	return err;
}
