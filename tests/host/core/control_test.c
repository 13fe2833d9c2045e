/* SPDX-License-Identifier: BSD-2-Clause */
/* The control interface: who may call it, and that a wrong argument of any operation gives an error
 * and changes nothing. */
// links: core/control.c core/control_memory.c core/vcpu_state.c core/lib/string.c
// links: core/grant.c core/grant_map.c core/grant_copy.c core/event.c core/event_port.c
// links: core/hypercall_op.c tests/fake/core_fake.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/platform/clock.h>
#include <arch/x86_64/platform/log.h>
#include <call.h>
#include <core/control_domain.h>
#include <core/cpuid.h>
#include <core/guest_access.h>
#include <core/irq.h>
#include <core/mm/frame.h>
#include <core_fake.h>
#include <sched/sched.h>
#include <xen/errno.h>

#define WINDOW 1024u /* the control domain's: gfns 1024..1535 */
#define ROOM   512u
#define BUFFER 4096u /* offset of what a call's buffer points to */

u32 cpu_count = 3;
struct cpuid_limits cpuid_limits = {.phys_bits = 40,
				    .xcr0 = 7,
				    .cr4 = CR4_PAE | CR4_PGE,
				    .efer = EFER_SCE | EFER_LME | EFER_LMA};

static struct domain *d0, *d1;
static unsigned int creates, destroys, pauses, waits, ups, binds, eois, weights;
static u64 affinity[2];
static int create_error;
static struct plinth_control c;

/* --- what is not under test --- */

static const struct hvm_ops ops = {.name = "fake"};
const struct hvm_ops *hvm = &ops;

struct ept_leaf ept_lookup(const struct ept *e, gfn_t g)
{
	struct domain *d = container_of(e, struct domain, p2m);

	assert_true(d->p2m_lock.state > 0);
	return p2m_lookup(d, g);
}
u64 frames_free(void)
{
	return FAKE_FRAMES - fake_frames_used();
}
void clock_params(u32 *mul, s8 *shift, u64 *base, u32 *khz)
{
	*mul = 1;
	*shift = 0;
	*base = 0;
	*khz = 2000000;
}
size_t log_ring_read(u64 *offset, char *buf, size_t n)
{
	static const char text[] = "the log of the machine";
	size_t left = *offset < sizeof(text) ? sizeof(text) - (size_t)*offset : 0;

	n = min_u64(n, left);
	memcpy(buf, text + (n ? *offset : 0), n);
	*offset += n;
	return n;
}
int domain_create(const struct plinth_ctl_domain_create *create, bool control, struct domain **out)
{
	(void)create;
	assert_false(control);
	if (create_error)
		return create_error;
	creates++;
	*out = fake_domain_new(7, 1);
	domain_ref(*out);
	return 0;
}
struct domain *domain_get_from(domid_t from)
{
	for (u32 id = from; id < 16; id++) {
		struct domain *d = domain_get((domid_t)id);

		if (d)
			return d;
	}
	return NULL;
}
int domain_destroy_step(struct domain *d)
{
	(void)d;
	return destroys++ ? 0 : -XEN_EAGAIN;
}
void domain_pause(struct domain *d)
{
	d->pause_count++;
	pauses++;
	for (u32 i = 0; i < d->max_vcpus; i++)
		d->vcpu[i]->wait |= VCPU_PAUSED;
}
int domain_unpause(struct domain *d)
{
	return d->pause_count ? (d->pause_count--, 0) : -XEN_EINVAL;
}
bool sched_on_cpu(const struct vcpu *v)
{
	return v->id == 1;
}
void sched_wait_off_cpu(const struct vcpu *v)
{
	(void)v;
	waits++;
}
void sched_set_weight(struct domain *d, u32 weight)
{
	d->sched.weight = weight;
	weights++;
}
void sched_set_cap(struct domain *d, u32 cap)
{
	d->sched.cap = cap;
	weights++;
}
int sched_set_affinity(struct vcpu *v, const struct cpuset *wanted)
{
	if (!(wanted->bits[0] & 15))
		return -XEN_EINVAL;
	affinity[v->id] = wanted->bits[0] & 15;
	weights++;
	return 0;
}
void sched_get_affinity(const struct vcpu *v, struct cpuset *allowed)
{
	*allowed = (struct cpuset){{affinity[v->id]}};
}
int irq_bind(u32 gsi, u32 flags, evtchn_port_t *port)
{
	(void)flags;
	if (gsi > 23)
		return -XEN_ENOENT;
	binds++;
	*port = gsi + 100;
	return 0;
}
int irq_bind_msi(struct plinth_ctl_msi *m)
{
	binds++;
	*m = (struct plinth_ctl_msi){.address = 0xFEE00000, .data = 0x41, .port = 77};
	return 0;
}
int irq_unbind(evtchn_port_t port)
{
	if (port != 104)
		return -XEN_ENOENT;
	binds--;
	return 0;
}
int irq_eoi(u32 gsi)
{
	eois++;
	return gsi == 5 ? 0 : -XEN_ENOENT;
}
void control_domain_machine_info(struct plinth_ctl_machine_info *m)
{
	m->foreign_gfn = WINDOW;
	m->foreign_pages = ROOM;
}
bool control_domain_in_window(u64 first, u64 count)
{
	return first >= WINDOW && count <= ROOM && first - WINDOW <= ROOM - count;
}
void vapic_set_cr8(struct vcpu *v, u64 value)
{
	(void)v;
	(void)value;
}
u64 vapic_get_cr8(const struct vcpu *v)
{
	(void)v;
	return 3;
}
void vcpu_up(struct vcpu *v)
{
	v->wait &= ~VCPU_DOWN;
	ups++;
}

/* --- calls --- */

static int set_up(void **state)
{
	(void)state;
	d0 = fake_domain_new(0, 1);
	d1 = fake_domain_new(1, 2);
	for (u32 i = 0; i < 2; i++) {
		d1->vcpu[i]->regs_valid = HVM_STATE_all;
		d1->vcpu[i]->regs.rip = 0x1000 + i;
		d1->vcpu[i]->wait = VCPU_DOWN;
	}
	d1->memmap = domain_page_alloc(d1, 0);
	d1->memmap_count = 1;
	d1->memmap[0].size = 0x1234;
	d1->sched.weight = 256;
	for (u64 g = 0; g < 8; g++)
		(void)fake_ram_at(d1, g);
	memset(fake_buffer, 0, sizeof(fake_buffer));
	creates = destroys = pauses = waits = ups = binds = eois = weights = 0;
	create_error = 0;
	return 0;
}

static int tear_down(void **state)
{
	struct ept_leaf old;

	(void)state;
	for (u64 g = WINDOW; g < WINDOW + ROOM; g++)
		if (p2m_unmap(d0, gfn(g), 0, EPT_TYPE_foreign, &old) == 0)
			frame_put(old.frame);
	fake_end();
	return 0;
}

static s64 raw(struct domain *by)
{
	memcpy(fake_buffer, &c, sizeof(c));
	return fake_call(do_plinth_control, by->vcpu[0], fake_gva(0), 0, 0);
}

static s64 call(void)
{
	s64 r;

	c.version = PLINTH_CONTROL_VERSION;
	r = raw(d0);
	memcpy(&c, fake_buffer, sizeof(c));
	return r;
}

static void with(u32 cmd)
{
	memset(&c, 0, sizeof(c));
	c.cmd = cmd;
	if (cmd != PLINTH_CTL_domain_info && cmd != PLINTH_CTL_domain_create)
		c.u.domain.domid = 1;
}

/* What a failed call must leave alone: all but locks. */
struct state {
	struct ept_leaf leaf[2][FAKE_GFNS];
	struct plinth_vcpu_state regs[2];
	u32 wait[2], refs[2], memmap_count, pause_count, weight;
	bool has_state[2], dying;
	u64 pages[2], used, ports, grants;
	struct hvm_memmap_entry map[DOMAIN_MAX_MEMMAP];
	struct grant_entry_v1 grant[8];
	unsigned int calls[8];
};

static void take(struct state *s)
{
	struct domain *d[] = {d0, d1};

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < 2; i++) {
		memcpy(s->leaf[i], fake_of(d[i])->leaf, sizeof(s->leaf[i]));
		s->refs[i] = d[i]->refs;
		s->pages[i] = d[i]->pages;
		s->regs[i] = d1->vcpu[i]->regs;
		s->wait[i] = d1->vcpu[i]->wait;
		s->has_state[i] = d1->vcpu[i]->has_state;
	}
	s->memmap_count = d1->memmap_count;
	s->pause_count = d1->pause_count;
	s->weight = d1->sched.weight;
	s->dying = d1->dying;
	s->used = fake_frames_used();
	memcpy(s->map, d1->memmap, sizeof(s->map));
	memcpy(s->grant, d1->grant.frame[0], sizeof(s->grant));
	memcpy(s->calls, (unsigned int[]){creates, destroys, pauses, ups, binds, weights},
	       6 * sizeof(unsigned int));
}

static void fails(s64 want)
{
	static struct state before, after;

	take(&before);
	assert_int_equal(call(), want);
	take(&after);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* --- tests --- */

static void callers(void **state)
{
	(void)state;
	for (u32 cmd = 0; cmd < PLINTH_CTL_COUNT + 2; cmd++) {
		with(cmd);
		c.version = PLINTH_CONTROL_VERSION;
		assert_int_equal(raw(d1), -XEN_EPERM);
		assert_memory_equal(fake_buffer, &c, sizeof(c));
		if (cmd == 0 || cmd >= PLINTH_CTL_COUNT)
			fails(-XEN_ENOSYS);
	}
	with(~0u);
	fails(-XEN_ENOSYS);
	with(PLINTH_CTL_domain_pause);
	c.version = 2;
	assert_int_equal(raw(d0), -XEN_EINVAL);
	c.version = PLINTH_CONTROL_VERSION;
	assert_int_equal(
		fake_call(do_plinth_control, d0->vcpu[0], fake_gva(FAKE_BUFFER - 191), 0, 0),
		-XEN_EFAULT);
	assert_int_equal(fake_call(do_plinth_control, d0->vcpu[0], 0, 0, 0), -XEN_EFAULT);
	assert_int_equal(pauses, 0);
}

/* Which domains an operation takes. */
static void subjects(void **state)
{
	static const u32 on_domain[] = {
		PLINTH_CTL_domain_destroy, PLINTH_CTL_domain_pause, PLINTH_CTL_domain_unpause,
		PLINTH_CTL_mem_populate,   PLINTH_CTL_mem_map,      PLINTH_CTL_memory_map_set,
		PLINTH_CTL_vcpu_set,       PLINTH_CTL_vcpu_get,     PLINTH_CTL_sched_set,
		PLINTH_CTL_sched_get,      PLINTH_CTL_grant_seed,   PLINTH_CTL_affinity_set,
		PLINTH_CTL_affinity_get};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(on_domain); i++) {
		bool sched = on_domain[i] == PLINTH_CTL_sched_set ||
			     on_domain[i] == PLINTH_CTL_sched_get ||
			     on_domain[i] == PLINTH_CTL_affinity_set ||
			     on_domain[i] == PLINTH_CTL_affinity_get;

		with(on_domain[i]);
		c.u.domain.domid = 9;
		fails(-XEN_ESRCH);
		with(on_domain[i]);
		c.u.domain.domid = DOMID_SELF; /* ids are plain here */
		fails(-XEN_ESRCH);
		with(on_domain[i]);
		c.u.domain.domid = 0;
		if (!sched)
			fails(-XEN_EINVAL);
		d1->dying = true;
		with(on_domain[i]);
		if (on_domain[i] != PLINTH_CTL_domain_destroy)
			fails(-XEN_ESRCH);
		d1->dying = false;
	}
}

static void life(void **state)
{
	(void)state;
	with(PLINTH_CTL_domain_create);
	c.u.create.flags = 4;
	fails(-XEN_EINVAL);
	c.u.create.flags = ~0u;
	fails(-XEN_EINVAL);
	c.u.create.flags = 0;
	create_error = -XEN_ENOMEM;
	fails(-XEN_ENOMEM);
	create_error = 0;
	assert_int_equal(call(), 0);
	assert_true(c.u.create.domid == 7 && creates == 1);

	with(PLINTH_CTL_domain_unpause);
	fails(-XEN_EINVAL);
	with(PLINTH_CTL_domain_pause);
	assert_int_equal(call(), 0);
	assert_int_equal(d1->pause_count, 1);
	with(PLINTH_CTL_domain_unpause);
	d1->scratch = true; /* has nothing to run */
	fails(-XEN_EINVAL);
	d1->scratch = false;
	assert_int_equal(call(), 0);

	with(PLINTH_CTL_domain_destroy); /* a piece, then the rest */
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.domain.done, 0);
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.domain.done, 1);
}

static void info(void **state)
{
	struct plinth_ctl_domain_info *i = &c.u.info;

	(void)state;
	with(PLINTH_CTL_domain_info);
	i->domid = 2;
	fails(-XEN_ESRCH);
	i->domid = 0xFFFF;
	fails(-XEN_ESRCH);
	i->domid = 0;
	assert_int_equal(call(), 0);
	assert_true(i->domid == 0 && (i->flags & PLINTH_DOM_control));
	d1->vcpu[1]->wait = VCPU_BLOCKED;
	d1->vcpu[1]->runstate.state = RUNSTATE_running;
	d1->vcpu[1]->runstate.state_entry_time = fake_now - 1;
	d1->vcpu[0]->runstate.state = RUNSTATE_offline;
	d1->vcpu[0]->runstate.time[RUNSTATE_running] = 40;
	d1->cpu_time_retired = 100;
	d1->shut_down = true;
	d1->shutdown_reason = SHUTDOWN_crash;
	i->domid = 1;
	assert_int_equal(call(), 0);
	assert_true(i->domid == 1 && i->max_vcpus == 2 && i->online_vcpus == 1 && i->pages == 8);
	assert_int_equal(i->cpu_time_ns, 141);
	assert_int_equal(i->flags, PLINTH_DOM_shutdown | PLINTH_DOM_blocked | PLINTH_DOM_running);
	assert_int_equal(i->shutdown_reason, SHUTDOWN_crash);
	assert_string_equal(i->name, "dom1");

	with(PLINTH_CTL_machine_info);
	assert_int_equal(call(), 0);
	assert_true(c.u.machine_info.cpus == 3 && c.u.machine_info.tsc_khz == 2000000);
	assert_true(c.u.machine_info.free_pages == frames_free());
	assert_string_equal(c.u.machine_info.vendor, "fake");
}

static void populate(void **state)
{
	(void)state;
	with(PLINTH_CTL_mem_populate);
	c.u.mem.gfn = 4;
	c.u.mem.count = 3;
	fails(-XEN_EEXIST);
	c.u.mem.gfn = FAKE_GFNS;
	fails(-XEN_EINVAL);
	c.u.mem.gfn = 100;
	d1->max_pages = 10;
	assert_int_equal(call(), 0);
	assert_true(c.u.mem.done == 2 && d1->pages == 10);
	c.u.mem.gfn = 102;
	fails(-XEN_ENOMEM);
}

static void map_args(u64 g, u64 dst, u64 count, u32 flags)
{
	with(PLINTH_CTL_mem_map);
	c.u.mem.gfn = g;
	c.u.mem.dst_gfn = dst;
	c.u.mem.count = count;
	c.u.mem.flags = flags;
}

static void foreign(void **state)
{
	struct ept_leaf leaf;
	hfn_t f;

	(void)state;
	map_args(0, WINDOW, 4, 2);
	fails(-XEN_EINVAL);
	map_args(0, WINDOW - 1, 1, 0);
	fails(-XEN_EINVAL);
	map_args(0, WINDOW + ROOM - 3, 4, 0);
	fails(-XEN_EINVAL);
	map_args(0, ~0ull, 4, 0);
	fails(-XEN_EINVAL);
	map_args(0, WINDOW, ~0ull, 0);
	fails(-XEN_EINVAL);
	map_args(1ull << 36, WINDOW, 1, 0);
	fails(-XEN_EINVAL);
	map_args(~0ull, WINDOW, 1, 0);
	fails(-XEN_EINVAL);
	map_args(50, WINDOW, 1, 0); /* nothing there */
	fails(-XEN_EINVAL);

	map_args(5, WINDOW + 3, 5, PLINTH_MAP_readonly); /* 5, 6, 7, then nothing */
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.mem.done, 3);
	leaf = p2m_lookup(d0, gfn(WINDOW + 5));
	f = p2m_lookup(d1, gfn(7)).frame;
	assert_true(leaf.type == EPT_TYPE_foreign && leaf.rights == EPT_R && leaf.frame.v == f.v);
	assert_int_equal(frame_refs(f), 2);
	map_args(0, WINDOW + 3, 1, 0);
	fails(-XEN_EEXIST);
	fake_map_error = -XEN_ENOMEM;
	map_args(0, WINDOW + 9, 1, 0);
	fails(-XEN_ENOMEM);
	fake_map_error = 0;
	assert_int_equal(frame_refs(p2m_lookup(d1, gfn(0)).frame), 1);

	/* A shared page, or one that is foreign itself, is nobody's to give. */
	assert_int_equal(p2m_map(d1, gfn(60), f, 0, EPT_R, EPT_TYPE_grant), 0);
	map_args(60, WINDOW + 20, 1, 0);
	fails(-XEN_EINVAL);
	assert_int_equal(p2m_unmap(d1, gfn(60), 0, EPT_TYPE_grant, &leaf), 0);

	map_args(0, WINDOW - 1, 1, 0);
	c.cmd = PLINTH_CTL_mem_unmap;
	fails(-XEN_EINVAL);
	map_args(0, WINDOW + 10, ROOM, 0);
	c.cmd = PLINTH_CTL_mem_unmap;
	fails(-XEN_EINVAL);
	map_args(0, WINDOW + 100, 1, 0);
	c.cmd = PLINTH_CTL_mem_unmap;
	fails(-XEN_ENOENT);
	map_args(0, WINDOW + 3, 5, 0);
	c.cmd = PLINTH_CTL_mem_unmap;
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.mem.done, 3);
	assert_int_equal(frame_refs(f), 1);
}

static void memory_map(void **state)
{
	struct plinth_ctl_memory_map *m = &c.u.memory_map;

	(void)state;
	with(PLINTH_CTL_memory_map_set);
	m->buffer = fake_gva(BUFFER);
	fails(-XEN_EINVAL); /* none */
	m->count = DOMAIN_MAX_MEMMAP + 1;
	fails(-XEN_EINVAL);
	m->count = ~0u;
	fails(-XEN_EINVAL);
	m->count = 3; /* the second one cannot be read */
	m->buffer = fake_gva(FAKE_BUFFER - 30);
	fails(-XEN_EFAULT);
	m->count = DOMAIN_MAX_MEMMAP;
	m->buffer = fake_gva(BUFFER);
	memset(fake_buffer + BUFFER, 0x77, m->count * sizeof(struct hvm_memmap_entry));
	assert_int_equal(call(), 0);
	assert_int_equal(d1->memmap_count, DOMAIN_MAX_MEMMAP);
	assert_memory_equal(d1->memmap, fake_buffer + BUFFER,
			    DOMAIN_MAX_MEMMAP * sizeof(struct hvm_memmap_entry));
}

static struct plinth_vcpu_state good(void)
{
	return (struct plinth_vcpu_state){.version = PLINTH_VCPU_STATE_VERSION,
					  .flags = PLINTH_VCPU_ONLINE,
					  .rip = 0x100000,
					  .rflags = 2,
					  .cr0 = 0x11,
					  .xcr0 = 1,
					  .dr6 = 0xFFFF0FF0,
					  .dr7 = 0x400};
}

static void vcpus(void **state)
{
	struct plinth_vcpu_state s;

	(void)state;
	for (u32 cmd = PLINTH_CTL_vcpu_set; cmd <= PLINTH_CTL_vcpu_get; cmd++) {
		with(cmd);
		c.u.vcpu.buffer = fake_gva(BUFFER);
		fails(-XEN_EBUSY); /* it may run */
		c.u.vcpu.vcpu = 2;
		fails(-XEN_ENOENT);
		c.u.vcpu.vcpu = ~0u;
		fails(-XEN_ENOENT);
	}
	domain_pause(d1);
	for (u32 cmd = PLINTH_CTL_vcpu_set; cmd <= PLINTH_CTL_vcpu_get; cmd++) {
		with(cmd);
		c.u.vcpu.buffer = fake_gva(FAKE_BUFFER - 495);
		fails(-XEN_EFAULT);
	}
#define BAD(change)                                          \
	do {                                                 \
		s = good();                                  \
		change;                                      \
		memcpy(fake_buffer + BUFFER, &s, sizeof(s)); \
		with(PLINTH_CTL_vcpu_set);                   \
		c.u.vcpu.buffer = fake_gva(BUFFER);          \
		fails(-XEN_EINVAL);                          \
	} while (0)
	BAD(s.version = 2);
	BAD(s.flags = 2);
	BAD(s.cr0 = 1ull << 32);
	BAD(s.cr0 = CR0_PG); /* without PE */
	BAD(s.cr4 = CR4_VMXE);
	BAD(s.cr4 = 1ull << 32);
	BAD(s.cr3 = 1ull << 40);
	BAD(s.efer = EFER_SVME);
	BAD((s.efer = EFER_LME, s.cr0 |= CR0_PG)); /* without PAE */
	BAD(s.xcr0 = 0);
	BAD(s.xcr0 = 9);
	BAD(s.dr6 = 1ull << 32);
	BAD(s.dr7 = 1ull << 32);
	BAD(s.rflags = 0);
	BAD(s.rflags = 2 | 1ull << 22);
	BAD(s.cr8 = 16);

	waits = 0;
	s = good();
	memcpy(fake_buffer + BUFFER, &s, sizeof(s));
	with(PLINTH_CTL_vcpu_set);
	c.u.vcpu.buffer = fake_gva(BUFFER);
	assert_int_equal(call(), 0);
	assert_true(waits == 1 && ups == 1 && d1->vcpu[0]->has_state);
	assert_int_equal(d1->vcpu[0]->regs.rip, 0x100000);
	assert_int_equal(d1->vcpu[0]->regs_dirty, HVM_STATE_all);

	memset(fake_buffer + BUFFER, 0, sizeof(s));
	with(PLINTH_CTL_vcpu_get);
	c.u.vcpu.buffer = fake_gva(BUFFER);
	assert_int_equal(call(), 0);
	memcpy(&s, fake_buffer + BUFFER, sizeof(s));
	assert_true(s.rip == 0x100000 && s.cr8 == 3 && s.flags == PLINTH_VCPU_ONLINE);
	c.u.vcpu.vcpu = 1;
	assert_int_equal(call(), 0);
	memcpy(&s, fake_buffer + BUFFER, sizeof(s));
	assert_true(s.rip == 0x1001 && s.flags == 0);
}

static void machine(void **state)
{
	(void)state;
	with(PLINTH_CTL_irq_bind);
	c.u.irq.gsi = 24;
	fails(-XEN_ENOENT);
	c.u.irq.gsi = 4;
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.irq.port, 104);
	with(PLINTH_CTL_irq_eoi);
	c.u.irq.gsi = 4;
	fails(-XEN_ENOENT);
	c.u.irq.gsi = 5;
	assert_int_equal(call(), 0);
	with(PLINTH_CTL_irq_unbind);
	c.u.irq.port = 103;
	fails(-XEN_ENOENT);
	c.u.irq.port = 104;
	assert_int_equal(call(), 0);
	assert_int_equal(binds, 0);
	with(PLINTH_CTL_msi_bind);
	assert_int_equal(call(), 0);
	assert_true(c.u.msi.address == 0xFEE00000 && c.u.msi.data == 0x41 && c.u.msi.port == 77);

	with(PLINTH_CTL_log_read);
	c.u.log.offset = 4;
	c.u.log.length = ~0u; /* more than there is, and than a piece */
	c.u.log.buffer = fake_gva(BUFFER);
	assert_int_equal(call(), 0);
	assert_true(c.u.log.length == 19 && c.u.log.offset == 23);
	assert_string_equal((char *)fake_buffer + BUFFER, "log of the machine");
	c.u.log.length = 10;
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.log.length, 0);
	with(PLINTH_CTL_log_read);
	c.u.log.length = 10;
	c.u.log.buffer = 16;
	fails(-XEN_EFAULT);
}

static void scheduling(void **state)
{
	(void)state;
	with(PLINTH_CTL_sched_set);
	fails(-XEN_EINVAL);
	c.u.sched.weight = 65536;
	fails(-XEN_EINVAL);
	c.u.sched.weight = 512;
	c.u.sched.cap = 201; /* more than two vCPUs can use */
	fails(-XEN_EINVAL);
	c.u.sched.cap = 50;
	assert_int_equal(call(), 0);
	with(PLINTH_CTL_sched_get);
	assert_int_equal(call(), 0);
	assert_true(c.u.sched.weight == 512 && c.u.sched.cap == 50);
}

static void affinities(void **state)
{
	(void)state;
	with(PLINTH_CTL_affinity_set);
	c.u.affinity.vcpu = 1;
	c.u.affinity.cpus[1] = 1; /* none that is there */
	fails(-XEN_EINVAL);
	c.u.affinity.cpus[0] = 5;
	assert_int_equal(call(), 0);
	c.u.affinity.vcpu = 2;
	fails(-XEN_ENOENT);
	with(PLINTH_CTL_affinity_get);
	c.u.affinity.vcpu = 2;
	fails(-XEN_ENOENT);
	c.u.affinity.vcpu = 1;
	d1->vcpu[1]->cpu = 2;
	assert_int_equal(call(), 0);
	assert_true(c.u.affinity.cpus[0] == 5 && c.u.affinity.cpus[1] == 0);
	assert_true(c.u.affinity.cpu == 2 && c.u.affinity.running == 1);
}

static void stats(void **state)
{
	(void)state;
	with(PLINTH_CTL_vcpu_stats);
	c.u.stats.vcpu = 2;
	fails(-XEN_ENOENT);
	c.u.stats.vcpu = ~0u;
	fails(-XEN_ENOENT);
	c.u.stats.vcpu = 1;
	memset(c.u.stats.exits, 0xFF, sizeof(c.u.stats.exits));
	d1->vcpu[1]->wait = VCPU_BLOCKED;
	d1->vcpu[1]->cpu = 2;
	d1->vcpu[1]->exits[0] = 3;
	d1->vcpu[1]->exits[EXIT_unknown] = 4;
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.stats.flags,
			 PLINTH_VCPU_running | PLINTH_VCPU_blocked | PLINTH_VCPU_online);
	assert_int_equal(c.u.stats.cpu, 2);
	assert_true(c.u.stats.exits[0] == 3 && c.u.stats.exits[EXIT_unknown] == 4);
	assert_true(c.u.stats.exits[1] == 0 && c.u.stats.exits[EXIT_COUNT] == 0);
	c.u.stats.vcpu = 0;
	d1->vcpu[0]->wait = VCPU_DOWN | VCPU_PAUSED;
	assert_int_equal(call(), 0);
	assert_int_equal(c.u.stats.flags, 0);
}

static void seeds(void **state)
{
	(void)state;
	with(PLINTH_CTL_grant_seed);
	c.u.seed.ref = 8; /* only the reserved ones */
	c.u.seed.gfn = 3;
	fails(-XEN_EINVAL);
	c.u.seed.ref = ~0u;
	fails(-XEN_EINVAL);
	c.u.seed.ref = 1;
	c.u.seed.gfn = 1ull << 32; /* an entry has room for 32 bits */
	fails(-XEN_EINVAL);
	c.u.seed.gfn = 3;
	assert_int_equal(call(), 0);
	assert_int_equal(d1->grant.frame[0][1].frame, 3);
	assert_int_equal(d1->grant.frame[0][1].domid, 0);
}

/* Whatever is in the structure: no access beyond the domains, and no reference is lost. */
static void any_arguments(void **state)
{
	u64 seed = 88172645463325252ull;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		u64 *words = (u64 *)(void *)&c.u;
		u32 refs;

		for (size_t i = 0; i < sizeof(c.u) / 8; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			words[i] = seed & 1 ? seed : seed & 2 ? seed >> 48 : seed >> 53;
			if (seed & 4)
				words[i] = fake_gva(seed >> 47);
		}
		c.cmd = (u32)(seed >> 20) % PLINTH_CTL_COUNT;
		if (c.cmd == PLINTH_CTL_domain_create)
			continue;
		c.u.domain.domid = seed >> 30 & 1;
		refs = d1->refs;
		(void)!call();
		assert_int_equal(d1->refs, refs);
		assert_true(d1->memmap_count <= DOMAIN_MAX_MEMMAP);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(callers),  TEST(subjects),      TEST(life),       TEST(info),
		TEST(populate), TEST(foreign),       TEST(memory_map), TEST(vcpus),
		TEST(machine),  TEST(scheduling),    TEST(affinities), TEST(stats),
		TEST(seeds),    TEST(any_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
