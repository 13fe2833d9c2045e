/* SPDX-License-Identifier: BSD-2-Clause */
/* See vcpu_env.h. */
#include <vcpu_env.h>

#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/platform/clock.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

struct domain env_domain;
struct vcpu env_vcpu[ENV_VCPUS];
struct env_leaf env_leaf[ENV_LEAVES];
unsigned int env_leaves, env_lookups;
static unsigned char ram[ENV_FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
unsigned char *env_ram = ram;
int env_frame_refs[ENV_FRAMES], env_maps;
u64 env_now, env_utc;
u32 env_mul = 0x80000000u, env_khz = 2000000;
s8 env_shift;
u64 env_tsc_base;
bool clock_tsc_stable = true;
unsigned int env_kicks[ENV_VCPUS], env_inits[ENV_VCPUS], env_startups[ENV_VCPUS];
u8 env_startup_vector;
unsigned int env_upcalls, env_virqs, env_downs, env_ups, env_loads;
struct vcpu_info env_info;
int env_register_error;
unsigned int env_cpl, env_code_bits = 64;
struct hvm_event env_raised;
u64 env_fault_address;
const struct fake_leaf *fake_leaves;
u64 fake_tsc, fake_xcr0 = 1, fake_msr_value;
bool fake_msr_there;

static struct timer *armed[64];
static unsigned int armed_count;

/* --- CPU --- */

struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	const struct fake_leaf *l = fake_leaves;

	for (; l && l->leaf != ~0u; l++)
		if (l->leaf == leaf && l->sub == subleaf)
			return l->regs;
	return (struct cpuid_regs){0};
}

static void load(struct vcpu *v, unsigned int groups)
{
	(void)v;
	(void)groups;
	env_loads++;
}

static unsigned int cpl(const struct vcpu *v)
{
	(void)v;
	return env_cpl;
}

static unsigned int code_bits(const struct vcpu *v)
{
	(void)v;
	return env_code_bits;
}

static const struct hvm_ops ops = {
	.name = "fake",
	.load = load,
	.cpl = cpl,
	.code_bits = code_bits,
	.hypercall_insn = {0x0F, 0x01, 0xD9},
};
const struct hvm_ops *hvm = &ops;

/* --- memory --- */

void *env_at(u64 gpa)
{
	return ram + gpa;
}

void env_map(u64 gfn_number, u64 frame, unsigned int order, unsigned int rights, enum ept_type type)
{
	if (env_leaves == ENV_LEAVES)
		abort();
	for (unsigned int i = 0; i < env_leaves; i++)
		if (gfn_number - env_leaf[i].gfn < 1ull << env_leaf[i].order)
			env_domain.removed_frame =
				hfn(env_leaf[i].frame + (gfn_number - env_leaf[i].gfn));
	env_domain.removed_pages = 1ull << order;
	env_domain.tlb_generation++;
	env_leaf[env_leaves++] = (struct env_leaf){gfn_number, frame, order, rights, type};
}

struct ept_leaf ept_lookup(const struct ept *e, gfn_t g)
{
	(void)e;
	env_lookups++;
	if (env_domain.p2m_lock.state <= 0)
		abort(); /* not under the lock */
	/* Later ones lie over earlier ones, which are then as if split into small pages. */
	for (unsigned int i = env_leaves; i-- > 0;) {
		const struct env_leaf *l = &env_leaf[i];

		if (g.v - l->gfn < 1ull << l->order)
			return (struct ept_leaf){hfn(l->frame + (g.v - l->gfn)),
						 env_leaves > 1 ? 0 : l->order, l->rights, l->type};
	}
	return (struct ept_leaf){.type = EPT_TYPE_none};
}

void *frame_map(hfn_t f)
{
	if (f.v < ENV_FIRST || f.v >= ENV_FIRST + ENV_FRAMES)
		abort();
	env_maps++;
	return ram + ((f.v - ENV_FIRST) << PAGE_SHIFT);
}

void frame_unmap(const void *p)
{
	if ((uintptr_t)p & PAGE_MASK || !env_maps)
		abort();
	env_maps--;
}

hfn_t page_to_hfn(const void *page)
{
	return hfn(ENV_FIRST + ((u64)((const unsigned char *)page - ram) >> PAGE_SHIFT));
}

void frame_put(hfn_t f)
{
	if (env_frame_refs[f.v - ENV_FIRST]-- <= 0)
		abort();
}

int p2m_get_ram(struct domain *d, gfn_t g, bool write, hfn_t *f)
{
	struct ept_leaf leaf;

	read_lock(&d->p2m_lock);
	leaf = ept_lookup(&d->p2m, g);
	read_unlock(&d->p2m_lock);
	if (leaf.type != EPT_TYPE_ram || (write && !(leaf.rights & EPT_W)))
		return -XEN_EINVAL;
	*f = leaf.frame;
	env_frame_refs[f->v - ENV_FIRST]++;
	return 0;
}

/* --- time --- */

u64 clock_ns(void)
{
	return env_now;
}

u64 clock_utc_boot_ns(void)
{
	return env_utc;
}

void clock_params(u32 *mul, s8 *shift, u64 *base, u32 *khz)
{
	*mul = env_mul;
	*shift = env_shift;
	*base = env_tsc_base;
	*khz = env_khz;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){.fn = fn, .expires = TIMER_NEVER};
}

void timer_stop(struct timer *t)
{
	t->armed = false;
	for (unsigned int i = 0; i < armed_count; i++)
		if (armed[i] == t)
			armed[i--] = armed[--armed_count];
}

void timer_set(struct timer *t, u64 expires)
{
	timer_stop(t);
	t->expires = expires;
	t->armed = true;
	armed[armed_count++] = t;
}

unsigned int env_run_until(u64 ns)
{
	unsigned int fired = 0;

	for (;; fired++) {
		struct timer *first = NULL;

		for (unsigned int i = 0; i < armed_count; i++)
			if (armed[i]->expires <= ns &&
			    (!first || armed[i]->expires < first->expires))
				first = armed[i];
		if (!first)
			break;
		env_now = max_u64(env_now, first->expires);
		timer_stop(first);
		first->fn(first);
	}
	env_now = ns;
	return fired;
}

/* --- vCPUs and events --- */

void vcpu_kick(struct vcpu *v)
{
	env_kicks[v->id]++;
}
void vcpu_init_signal(struct vcpu *v)
{
	env_inits[v->id]++;
}
void vcpu_startup(struct vcpu *v, u8 vector)
{
	env_startups[v->id]++;
	env_startup_vector = vector;
}
void vcpu_down(struct vcpu *v)
{
	v->wait |= VCPU_DOWN;
	env_downs++;
}
void vcpu_up(struct vcpu *v)
{
	v->wait &= ~VCPU_DOWN;
	env_ups++;
}
void vcpu_raise_error(struct vcpu *v, u8 vector, u32 error)
{
	(void)v;
	env_raised = (struct hvm_event){.valid = true, .vector = vector, .error = error};
}
void vcpu_raise_page_fault(struct vcpu *v, gva_t address, u32 error)
{
	vcpu_raise_error(v, X86_PF, error);
	env_fault_address = address.v;
}
void event_raise_virq(struct vcpu *v, u32 virq)
{
	if (virq != VIRQ_TIMER || !v)
		abort();
	env_virqs++;
}
int event_register_info(struct vcpu *v, gfn_t frame, u32 offset)
{
	(void)v;
	(void)frame;
	(void)offset;
	return env_register_error;
}

void env_reset(u32 vcpus, bool x2apic)
{
	static struct vcpu *pointers[ENV_VCPUS];
	static u32 pages[ENV_VCPUS][PAGE_SIZE / 4];

	armed_count = 0;
	memset(&env_domain, 0, sizeof(env_domain));
	memset(env_vcpu, 0, sizeof(env_vcpu));
	memset(ram, 0, sizeof(ram));
	memset(env_kicks, 0, sizeof(env_kicks));
	memset(env_inits, 0, sizeof(env_inits));
	memset(env_startups, 0, sizeof(env_startups));
	memset(&env_info, 0, sizeof(env_info));
	env_upcalls = env_virqs = env_downs = env_ups = env_loads = env_cpl = env_leaves = 0;
	env_code_bits = 64;
	env_raised.valid = false;
	env_now = 1000000000;
	env_domain.id = 7;
	env_domain.max_vcpus = vcpus;
	env_domain.vcpu = pointers;
	env_domain.x2apic = x2apic;
	for (u32 i = 0; i < ENV_VCPUS; i++) {
		pointers[i] = i < vcpus ? &env_vcpu[i] : NULL;
		env_vcpu[i].domain = &env_domain;
		env_vcpu[i].info = &env_info;
		env_vcpu[i].vapic.page = pages[i];
		env_vcpu[i].id = i;
		env_vcpu[i].regs_valid = HVM_STATE_all;
	}
	env_map(0, ENV_FIRST, ORDER_2M, EPT_R | EPT_W | EPT_X, EPT_TYPE_ram);
}
