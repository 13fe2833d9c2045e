/* SPDX-License-Identifier: BSD-2-Clause */
/* Control blocks and permission maps: what is intercepted, for whom. */
#include <svm/svm.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/mm/paging.h>
#include <core/domain.h>
#include <core/lib/bitmap.h>
#include <core/lib/print.h>
#include <core/lib/string.h>
#include <core/vcpu.h>
#include <xen/errno.h>

#define PAUSE_COUNT 3000u /* spins before the CPU tells us: far above a short critical section */

static u8 guest_msrpm[MSRPM_SIZE] __attribute__((aligned(4096)));
static u8 guest_iopm[IOPM_SIZE] __attribute__((aligned(4096)));

/* Switched by VMLOAD and VMSAVE with each run, or (TSC_AUX) with the vCPU. Time is native. Not
 * PAT: emulators do not switch it, and a wrong value would make entries fail. */
static const struct {
	u32 msr;
	bool write;
} passed_msrs[] = {
	{MSR_TSC, false},           {MSR_FS_BASE, true},      {MSR_GS_BASE, true},
	{MSR_KERNEL_GS_BASE, true}, {MSR_STAR, true},         {MSR_LSTAR, true},
	{MSR_CSTAR, true},          {MSR_SFMASK, true},       {MSR_SYSENTER_CS, true},
	{MSR_SYSENTER_ESP, true},   {MSR_SYSENTER_EIP, true},
};

bool svm_msrpm_allow(u8 *map, u32 msr, bool read, bool write)
{
	/* Each 2 KiB of the map: 8192 MSRs from here on, two bits for each. */
	static const u32 first[] = {0, 0xC0000000u, 0xC0010000u};

	for (u32 i = 0; i < ARRAY_SIZE(first); i++) {
		u32 n = msr - first[i];

		if (n < 0x2000) {
			unsigned int mask = (read ? 1u : 0u) | (write ? 2u : 0u);
			u8 *byte = &map[i * 0x800u + n / 4];

			*byte &= (u8) ~(mask << (n % 4 * 2));
			return true;
		}
	}
	return false;
}

void svm_maps_init(void)
{
	memset(guest_iopm, 0xFF, sizeof(guest_iopm));
	memset(guest_msrpm, 0xFF, sizeof(guest_msrpm));
	for (size_t i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		svm_msrpm_allow(guest_msrpm, passed_msrs[i].msr, true, passed_msrs[i].write);
	if (cpu_has(CPU_RDTSCP))
		svm_msrpm_allow(guest_msrpm, MSR_TSC_AUX, true, true);
	/* "TCGT" is how its leaf begins. */
	svm_tcg = cpu_has(CPU_HYPERVISOR) && cpuid(0x40000000, 0).ebx == 0x54474354;
	svm_clean_mask = cpu_has(CPU_SVM_CLEAN_BITS) ? CLEAN_ALL : 0;
}

/* The control domain has a map of its own, made when first asked for. NULL: out of memory. */
static u8 *iopm_of(struct domain *d)
{
	if (!d->control)
		return guest_iopm;
	if (!d->hvm) {
		d->hvm = domain_page_alloc(d, IOPM_ORDER);
		if (d->hvm)
			memset(d->hvm, 0xFF, IOPM_SIZE);
	}
	return d->hvm;
}

static void set_intercepts(struct vmcb *b)
{
	svm_intercept_all(b);
	svm_intercept(b, CODE_CR8_WRITE, false);
	svm_intercept(b, CODE_IRET, false);
	if (cpu_has(CPU_SVM_PAUSE_FILTER))
		b->pause_count = PAUSE_COUNT;
	else
		svm_intercept(b, CODE_PAUSE, false);
}

int svm_vcpu_create(struct vcpu *v)
{
	struct domain *d = v->domain;
	const u8 *iopm = iopm_of(d);
	struct vmcb *b;

	if (!iopm)
		return -XEN_ENOMEM;
	b = domain_page_alloc(d, 0);
	if (!b)
		return -XEN_ENOMEM;
	set_intercepts(b);
	b->iopm_pa = virt_to_phys(iopm).v;
	b->msrpm_pa = virt_to_phys(guest_msrpm).v;
	b->np_enable = NP_ENABLE;
	b->n_cr3 = ept_root(&d->p2m).v;
	b->host.pa = virt_to_phys(b).v;
	v->hvm = b;
	return 0;
}

void svm_vcpu_destroy(struct vcpu *v)
{
	domain_page_free(v->domain, v->hvm, 0);
	v->hvm = NULL;
}

int svm_set_ports(struct domain *d, u16 first, u16 last, bool open)
{
	u8 *map;

	if (!d->control || first > last)
		return -XEN_EINVAL;
	map = iopm_of(d);
	if (!map)
		return -XEN_ENOMEM;
	bitmap_fill(map, first, last, !open);
	return 0;
}

void svm_domain_destroy(struct domain *d)
{
	if (d->hvm)
		domain_page_free(d, d->hvm, IOPM_ORDER);
	d->hvm = NULL;
}

/* All of the block that is not 0, by the manual's offsets. */
void svm_dump(const struct vcpu *v)
{
	const struct vmcb *b = v->hvm;
	const u64 *words = v->hvm;

	log_line("VMCB of domain %u vCPU %u: exit %#lx, info %#lx %#lx, event %#lx", v->domain->id,
		 v->id, b->exit_code, b->exit_info1, b->exit_info2, b->event_inj);
	log_line("  rip %#lx rflags %#lx cr0 %#lx cr3 %#lx cr4 %#lx efer %#lx cpl %u", b->rip,
		 b->rflags, b->cr0, b->cr3, b->cr4, b->efer, b->cpl);
	for (u32 i = 0; i < PAGE_SIZE / 8; i++)
		if (words[i] != 0)
			log_line("  %03x: %016lx", i * 8, words[i]);
	for (unsigned int i = 0; i < GPR_COUNT; i++)
		log_line("  gpr[%u] %#lx", i, v->regs.gpr[i]);
}
