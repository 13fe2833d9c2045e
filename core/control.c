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

/* One call under way. */
struct call {
	struct vcpu *v;   /* the caller */
	struct domain *d; /* whom it is about; NULL for operations on the machine */
	struct plinth_control c;
};

static int ctl_machine_info(struct call *k)
{
	struct plinth_ctl_machine_info *m = &k->c.u.machine_info;
	u32 mul, khz;
	u64 base;
	s8 shift;

	*m = (struct plinth_ctl_machine_info){.free_pages = frames_free(), .cpus = cpu_count};
	control_domain_machine_info(m);
	clock_params(&mul, &shift, &base, &khz);
	m->tsc_khz = khz;
	string_copy(m->vendor, hvm->name, sizeof(m->vendor));
	return 0;
}

static int ctl_create(struct call *k)
{
	struct plinth_ctl_domain_create *create = &k->c.u.create;
	struct domain *d;
	int err;

	if (create->flags & ~(PLINTH_CREATE_x2apic | PLINTH_CREATE_scratch))
		return -XEN_EINVAL;
	err = domain_create(create, false, &d);
	if (err)
		return err;
	create->domid = d->id;
	domain_put(d);
	return 0;
}

static int ctl_destroy(struct call *k)
{
	int err = domain_destroy_step(k->d);

	k->c.u.domain.done = err == 0;
	return err == -XEN_EAGAIN ? 0 : err;
}

static int ctl_pause(struct call *k)
{
	domain_pause(k->d);
	return 0;
}

static int ctl_unpause(struct call *k)
{
	return k->d->scratch ? -XEN_EINVAL : domain_unpause(k->d);
}

static u64 time_of(struct vcpu *v)
{
	u64 now = clock_ns(), ns;

	spin_lock(&v->runstate_lock);
	ns = v->runstate.time[RUNSTATE_running];
	if (v->runstate.state == RUNSTATE_running && now > v->runstate.state_entry_time)
		ns += now - v->runstate.state_entry_time;
	spin_unlock(&v->runstate_lock);
	return ns;
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
		i->cpu_time_ns += time_of(v);
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

static int ctl_info(struct call *k)
{
	struct domain *d = domain_get_from(k->c.u.info.domid);

	if (!d)
		return -XEN_ESRCH;
	fill_info(d, &k->c.u.info);
	domain_put(d);
	return 0;
}

static int ctl_memory_map(struct call *k)
{
	const struct plinth_ctl_memory_map *m = &k->c.u.memory_map;
	struct hvm_memmap_entry map[DOMAIN_MAX_MEMMAP];

	if (m->count == 0 || m->count > DOMAIN_MAX_MEMMAP)
		return -XEN_EINVAL;
	if (copy_from_guest(k->v, map, gva(m->buffer), m->count * sizeof(map[0])))
		return -XEN_EFAULT;
	memcpy(k->d->memmap, map, m->count * sizeof(map[0]));
	k->d->memmap_count = m->count;
	return 0;
}

/* Those on a vCPU have its id behind the domain's. NULL: there is none. */
static struct vcpu *vcpu_of(const struct call *k)
{
	u32 id = k->c.u.vcpu.vcpu;

	return id < k->d->max_vcpus ? k->d->vcpu[id] : NULL;
}

/* The vCPU must not be able to run meanwhile: its domain is paused or shut down. */
static int stopped_vcpu(struct call *k, struct vcpu **out)
{
	struct vcpu *v = vcpu_of(k);

	if (!v)
		return -XEN_ENOENT;
	if (k->d->control || !(READ_ONCE(v->wait) & VCPU_PAUSED))
		return -XEN_EBUSY;
	sched_wait_off_cpu(v);
	*out = v;
	return 0;
}

static int ctl_vcpu(struct call *k)
{
	gva_t buffer = gva(k->c.u.vcpu.buffer);
	struct plinth_vcpu_state state;
	struct vcpu *target;
	int err = stopped_vcpu(k, &target);

	if (err)
		return err;
	if (k->c.cmd == PLINTH_CTL_vcpu_get) {
		vcpu_state_get(target, &state);
		return copy_to_guest(k->v, buffer, &state, sizeof(state));
	}
	err = copy_from_guest(k->v, &state, buffer, sizeof(state));
	return err ? err : vcpu_state_set(target, &state);
}

static int ctl_irq_bind(struct call *k)
{
	return irq_bind(k->c.u.irq.gsi, k->c.u.irq.flags, &k->c.u.irq.port);
}

static int ctl_irq_eoi(struct call *k)
{
	return irq_eoi(k->c.u.irq.gsi);
}

static int ctl_msi_bind(struct call *k)
{
	return irq_bind_msi(&k->c.u.msi);
}

static int ctl_irq_unbind(struct call *k)
{
	return irq_unbind(k->c.u.irq.port);
}

static int ctl_log_read(struct call *k)
{
	struct plinth_ctl_log *l = &k->c.u.log;
	char buf[LOG_PIECE];
	size_t n = log_ring_read(&l->offset, buf, min_u64(l->length, sizeof(buf)));

	l->length = (u32)n;
	return copy_to_guest(k->v, gva(l->buffer), buf, n);
}

static int ctl_sched_set(struct call *k)
{
	const struct plinth_ctl_sched *s = &k->c.u.sched;

	if (s->weight == 0 || s->weight > 65535 || s->cap > 100 * k->d->max_vcpus)
		return -XEN_EINVAL;
	sched_set_weight(k->d, s->weight);
	if (s->cap != k->d->sched.cap)
		sched_set_cap(k->d, s->cap);
	return 0;
}

static int ctl_sched_get(struct call *k)
{
	k->c.u.sched.weight = k->d->sched.weight;
	k->c.u.sched.cap = k->d->sched.cap;
	return 0;
}

static int ctl_affinity(struct call *k)
{
	struct plinth_ctl_affinity *a = &k->c.u.affinity;
	struct vcpu *v = vcpu_of(k);
	struct cpuset set;

	_Static_assert(sizeof(set) == sizeof(a->cpus), "a bit for each CPU");
	if (!v)
		return -XEN_ENOENT;
	memcpy(&set, a->cpus, sizeof(set));
	if (k->c.cmd == PLINTH_CTL_affinity_set)
		return sched_set_affinity(v, &set);
	sched_get_affinity(v, &set);
	memcpy(a->cpus, &set, sizeof(set));
	a->cpu = READ_ONCE(v->cpu);
	a->running = sched_on_cpu(v);
	return 0;
}

static int ctl_vcpu_stats(struct call *k)
{
	struct plinth_ctl_vcpu_stats *s = &k->c.u.stats;
	struct vcpu *v = vcpu_of(k);
	u32 wait;

	if (!v)
		return -XEN_ENOENT;
	wait = READ_ONCE(v->wait);
	s->flags = (sched_on_cpu(v) ? PLINTH_VCPU_running : 0) |
		   (wait & VCPU_BLOCKED ? PLINTH_VCPU_blocked : 0) |
		   (wait & VCPU_DOWN ? 0 : PLINTH_VCPU_online);
	s->cpu = READ_ONCE(v->cpu);
	s->cpu_time_ns = time_of(v);
	memset(s->exits, 0, sizeof(s->exits));
	memcpy(s->exits, v->exits, sizeof(v->exits));
	return 0;
}

static int ctl_grant_seed(struct call *k)
{
	const struct plinth_ctl_grant_seed *s = &k->c.u.seed;

	return grant_seed(k->d, s->ref, s->to, gfn(s->gfn));
}

static int ctl_populate(struct call *k)
{
	struct plinth_ctl_mem *m = &k->c.u.mem;

	return p2m_populate(k->d, gfn(m->gfn), m->count, &m->done);
}

static int ctl_map(struct call *k)
{
	return control_memory_map(k->d, &k->c.u.mem);
}

static int ctl_unmap(struct call *k)
{
	return control_memory_unmap(&k->c.u.mem);
}

/* Those on a domain have its id first in their arguments. */
enum subject {
	MACHINE,
	DOMAIN,
	GUEST, /* not the control domain itself */
};
static const struct {
	int (*fn)(struct call *k);
	enum subject subject;
} ops[PLINTH_CTL_COUNT] = {
	[PLINTH_CTL_machine_info] = {ctl_machine_info, MACHINE},
	[PLINTH_CTL_domain_create] = {ctl_create, MACHINE},
	[PLINTH_CTL_domain_destroy] = {ctl_destroy, GUEST},
	[PLINTH_CTL_domain_pause] = {ctl_pause, GUEST},
	[PLINTH_CTL_domain_unpause] = {ctl_unpause, GUEST},
	[PLINTH_CTL_domain_info] = {ctl_info, MACHINE},
	[PLINTH_CTL_mem_populate] = {ctl_populate, GUEST},
	[PLINTH_CTL_mem_map] = {ctl_map, GUEST},
	[PLINTH_CTL_mem_unmap] = {ctl_unmap, MACHINE},
	[PLINTH_CTL_memory_map_set] = {ctl_memory_map, GUEST},
	[PLINTH_CTL_vcpu_set] = {ctl_vcpu, GUEST},
	[PLINTH_CTL_vcpu_get] = {ctl_vcpu, GUEST},
	[PLINTH_CTL_irq_bind] = {ctl_irq_bind, MACHINE},
	[PLINTH_CTL_irq_eoi] = {ctl_irq_eoi, MACHINE},
	[PLINTH_CTL_log_read] = {ctl_log_read, MACHINE},
	[PLINTH_CTL_sched_set] = {ctl_sched_set, DOMAIN},
	[PLINTH_CTL_sched_get] = {ctl_sched_get, DOMAIN},
	[PLINTH_CTL_grant_seed] = {ctl_grant_seed, GUEST},
	[PLINTH_CTL_affinity_set] = {ctl_affinity, DOMAIN},
	[PLINTH_CTL_affinity_get] = {ctl_affinity, DOMAIN},
	[PLINTH_CTL_vcpu_stats] = {ctl_vcpu_stats, DOMAIN},
	[PLINTH_CTL_msi_bind] = {ctl_msi_bind, MACHINE},
	[PLINTH_CTL_irq_unbind] = {ctl_irq_unbind, MACHINE},
};

static int on_domain(struct call *k)
{
	struct domain *d = domain_get(k->c.u.domain.domid);
	int err;

	if (!d)
		return -XEN_ESRCH;
	k->d = d;
	if (d->control && ops[k->c.cmd].subject == GUEST)
		err = -XEN_EINVAL;
	else if (d->dying && k->c.cmd != PLINTH_CTL_domain_destroy)
		err = -XEN_ESRCH;
	else
		err = ops[k->c.cmd].fn(k);
	domain_put(d);
	return err;
}

s64 do_plinth_control(struct vcpu *v)
{
	gva_t at = gva(v->regs.gpr[GPR_RDI]);
	struct call k = {.v = v};
	int err;

	if (!v->domain->control)
		return -XEN_EPERM;
	if (copy_from_guest(v, &k.c, at, sizeof(k.c)))
		return -XEN_EFAULT;
	if (k.c.version != PLINTH_CONTROL_VERSION)
		return -XEN_EINVAL;
	if (k.c.cmd >= PLINTH_CTL_COUNT || !ops[k.c.cmd].fn)
		return -XEN_ENOSYS;
	err = ops[k.c.cmd].subject == MACHINE ? ops[k.c.cmd].fn(&k) : on_domain(&k);
	if (copy_to_guest(v, at, &k.c, sizeof(k.c)))
		return -XEN_EFAULT;
	return err;
}
