/* SPDX-License-Identifier: BSD-2-Clause */
/* Control structures and permission maps: what is intercepted, for whom. */
#include <vmx/vmx.h>

#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/irq/apic_regs.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/clock.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/mm/p2m.h>
#include <core/lib/bitmap.h>
#include <core/lib/print.h>
#include <core/lib/string.h>
#include <core/vcpu.h>
#include <vmx/entry_check.h>
#include <vmx/insn.h>
#include <xen/errno.h>

#define MSR_MAP_SIZE   0x1000u
#define IO_MAPS_SIZE   0x2000u /* A: ports below 0x8000, B: the others */
#define PLE_GAP_TICKS  128u    /* PAUSEs further apart than this are not one loop */
#define PLE_SPIN_TICKS 40000u
#define EPTP_WB        6ull
#define EPTP_WALK_4    (3ull << 3)
#define EPTP_AD        (1ull << 6)

u32 vmx_timer_shift, vmx_timer_watch;
static u8 guest_msr_map[MSR_MAP_SIZE] __attribute__((aligned(4096)));
static u8 x2apic_msr_map[MSR_MAP_SIZE] __attribute__((aligned(4096))); /* the APIC by the CPU */

/* The CPU holds the guest's values as long as its vCPU is there: by the VMCS (bases, SYSENTER), or
 * switched by hand with the vCPU. Time is native. Those that are switched by hand and never change
 * by themselves are written by core's rules, so that they need not be read back. */
static const struct {
	u32 msr;
	bool write;
} passed_msrs[] = {
	{MSR_TSC, false},           {MSR_FS_BASE, true},      {MSR_GS_BASE, true},
	{MSR_KERNEL_GS_BASE, true}, {MSR_STAR, false},        {MSR_LSTAR, false},
	{MSR_CSTAR, false},         {MSR_SFMASK, false},      {MSR_SYSENTER_CS, true},
	{MSR_SYSENTER_ESP, true},   {MSR_SYSENTER_EIP, true},
};

bool vmx_msr_allow(u8 *map, u32 msr, bool read, bool write)
{
	/* 1 KiB each: reads of low and high MSRs, then writes. */
	u32 n = msr >= 0xC0000000u ? msr - 0xC0000000u : msr;
	u32 at = (msr >= 0xC0000000u ? 0x400u : 0) + n / 8;
	u8 keep = (u8) ~(1u << (n % 8));

	if (n >= 0x2000)
		return false;
	if (read)
		map[at] &= keep;
	if (write)
		map[at + 0x800] &= keep;
	return true;
}

/* What the CPU does alone in x2APIC mode: TPR; with APIC-register virtualization it reads all that
 * is plain storage. PPR, the timer's count and ICR's upper half are not what its page holds. */
static void x2apic_map_init(void)
{
	static const u8 plain[][2] = {{REG_ID, REG_VERSION},
				      {REG_LDR, REG_LDR},
				      {REG_SVR, REG_ESR},
				      {REG_LVT, REG_INITIAL},
				      {REG_DIVIDE, REG_DIVIDE}};

	memcpy(x2apic_msr_map, guest_msr_map, sizeof(x2apic_msr_map));
	vmx_msr_allow(x2apic_msr_map, MSR_X2APIC_FIRST + REG_TPR, true, true);
	if (!(vmx_caps.secondary >> 32 & SECONDARY_APIC_REGS))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		for (u32 reg = plain[i][0]; reg <= plain[i][1]; reg++)
			vmx_msr_allow(x2apic_msr_map, MSR_X2APIC_FIRST + reg, true, false);
}

void vmx_maps_init(void)
{
	u64 base_ns;
	u32 mul, tsc_khz;
	s8 shift;

	clock_params(&mul, &shift, &base_ns, &tsc_khz);
	hvm_ends_slices = vmx_caps.pin >> 32 & PIN_TIMER;
	vmx_timer_shift = vmx_caps.misc & 31u;
	vmx_timer_watch = tsc_khz >> vmx_timer_shift;
	memset(guest_msr_map, 0xFF, sizeof(guest_msr_map));
	for (size_t i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		vmx_msr_allow(guest_msr_map, passed_msrs[i].msr, true, passed_msrs[i].write);
	if (cpu_has(CPU_RDTSCP))
		vmx_msr_allow(guest_msr_map, MSR_TSC_AUX, true, true);
	x2apic_map_init();
}

/* What a domain has, made when first asked for: the page whose address tells accesses to the
 * virtual APIC (guests; what is in it can be seen only where a vCPU's APIC is not at that address),
 * or port maps (the control domain). */
static unsigned int pages_order(const struct domain *d)
{
	return d->control ? 1 : 0;
}

static int domain_pages(struct domain *d)
{
	int err;

	if (d->hvm)
		return 0;
	d->hvm = domain_page_alloc(d, pages_order(d));
	if (!d->hvm)
		return -XEN_ENOMEM;
	memset(d->hvm, 0xFF, PAGE_SIZE << pages_order(d));
	if (d->control || !(vmx_caps.secondary >> 32 & SECONDARY_APIC_ACCESS))
		return 0;
	err = p2m_map(d, gpa_to_gfn(gpa(VAPIC_BASE)), hpa_to_hfn(virt_to_phys(d->hvm)), 0,
		      EPT_R | EPT_W, EPT_TYPE_mmio);
	if (err)
		vmx_domain_destroy(d);
	return err;
}

int vmx_set_ports(struct domain *d, u16 first, u16 last, bool open)
{
	if (!d->control || first > last)
		return -XEN_EINVAL;
	if (domain_pages(d))
		return -XEN_ENOMEM;
	bitmap_fill(d->hvm, first, last, !open);
	return 0;
}

void vmx_domain_destroy(struct domain *d)
{
	if (d->hvm)
		domain_page_free(d, d->hvm, pages_order(d));
	d->hvm = NULL;
}

u64 vmx_borrow(struct vmx_vcpu *x)
{
	u64 before = vmptrst();

	if (before != x->vmcs)
		vmptrld(x->vmcs);
	return before;
}

void vmx_give_back(struct vmx_vcpu *x, u64 before)
{
	if (before == x->vmcs)
		return;
	vmclear(x->vmcs); /* the next CPU to use it may be another */
	x->launched = false;
	if (before != VMCS_NONE)
		vmptrld(before);
}

/* What the CPU insists on is added; what is not allowed is left out: probe.c saw that all that is
 * needed is. */
static u32 adjust(u64 capability, u32 wanted)
{
	return (wanted | (u32)capability) & (u32)(capability >> 32);
}

static void write_controls(struct vmx_vcpu *x, const struct domain *d)
{
	u32 secondary = SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED | SECONDARY_WBINVD |
			SECONDARY_PAUSE_LOOP;

	if (cpu_has(CPU_RDTSCP))
		secondary |= SECONDARY_RDTSCP;
	if (cpu_has(CPU_INVPCID))
		secondary |= SECONDARY_INVPCID;
	x->primary = adjust(vmx_caps.primary,
			    PRIMARY_HLT | PRIMARY_MWAIT | PRIMARY_MONITOR | PRIMARY_RDPMC |
				    PRIMARY_TPR_SHADOW | PRIMARY_MOV_DR | PRIMARY_MSR_BITMAP |
				    PRIMARY_SECONDARY |
				    (d->control ? PRIMARY_IO_BITMAPS : PRIMARY_IO_ALL));
	x->secondary = adjust(vmx_caps.secondary, secondary);
	vmwrite(PIN_CONTROLS,
		adjust(vmx_caps.pin, PIN_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI | PIN_TIMER));
	vmwrite(PRIMARY_CONTROLS, x->primary);
	vmwrite(SECONDARY_CONTROLS, x->secondary);
	vmwrite(EXIT_CONTROLS,
		adjust(vmx_caps.exit, EXIT_CTL_SAVE_DEBUG | EXIT_CTL_HOST_64 |
					      EXIT_CTL_ACKNOWLEDGE | EXIT_CTL_SAVE_PAT |
					      EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER |
					      EXIT_CTL_LOAD_EFER));
	vmwrite(ENTRY_CONTROLS, adjust(vmx_caps.entry, ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT |
							       ENTRY_CTL_LOAD_EFER));
	if (x->secondary & SECONDARY_PAUSE_LOOP) {
		vmwrite(PLE_GAP, PLE_GAP_TICKS);
		vmwrite(PLE_WINDOW, PLE_SPIN_TICKS);
	}
	/* #UD finds VMMCALL. #DB and #AC: one whose delivery raises the next would hold the CPU in
	 * microcode for ever. #MC is the host's. */
	vmwrite(EXCEPTION_BITMAP, 1u << X86_DB | 1u << X86_UD | 1u << X86_AC | 1u << X86_MC);
}

/* The host's state as it is on all CPUs; what differs is written when the vCPU comes to one. */
static void write_host(void)
{
	vmwrite(HOST_CR0, read_cr0());
	vmwrite(HOST_CR3, paging_root().v);
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(HOST_CS_SELECTOR, SEL_CODE);
	vmwrite(HOST_SS_SELECTOR, SEL_DATA);
	vmwrite(HOST_DS_SELECTOR, SEL_DATA);
	vmwrite(HOST_ES_SELECTOR, SEL_DATA);
	vmwrite(HOST_FS_SELECTOR, 0);
	vmwrite(HOST_GS_SELECTOR, 0);
	vmwrite(HOST_TR_SELECTOR, SEL_TSS);
	vmwrite(HOST_FS_BASE, 0);
	vmwrite(HOST_IDTR_BASE, idt_base());
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_RIP, (u64)(uintptr_t)vmx_exit_entry);
}

void vmx_host_state(struct vmx_vcpu *x)
{
	struct pcpu *cpu = this_cpu();
	const struct cpu_tables *t = cpu->arch;

	vmwrite(HOST_GS_BASE, (u64)(uintptr_t)cpu);
	vmwrite(HOST_TR_BASE, (u64)(uintptr_t)&t->tss);
	vmwrite(HOST_GDTR_BASE, (u64)(uintptr_t)t->gdt);
	x->host_rsp = 0;
}

int vmx_vcpu_create(struct vcpu *v)
{
	struct domain *d = v->domain;
	struct vmx_vcpu *x;
	u64 before;
	int err;

	err = domain_pages(d);
	if (err)
		return err;
	x = domain_page_alloc(d, 1);
	if (!x)
		return -XEN_ENOMEM;
	x->vmcs = virt_to_phys(x).v + PAGE_SIZE;
	*(u32 *)(void *)((u8 *)x + PAGE_SIZE) = (u32)vmx_caps.basic & 0x7FFFFFFFu;
	x->eptp = ept_root(&d->p2m).v | EPTP_WB | EPTP_WALK_4;
	if (vmx_caps.ept_vpid & CAP_EPT_AD)
		x->eptp |= EPTP_AD;
	v->hvm = x;
	vmclear(x->vmcs);
	before = vmx_borrow(x);
	write_controls(x, d);
	write_host();
	if (hvm_ends_slices)
		vmwrite(GUEST_TIMER, vmx_timer_watch); /* reloaded by each entry */
	if (d->control) {
		vmwrite(IO_BITMAP_A, virt_to_phys(d->hvm).v);
		vmwrite(IO_BITMAP_B, virt_to_phys(d->hvm).v + PAGE_SIZE);
	} else {
		vmwrite(APIC_ACCESS_PAGE, virt_to_phys(d->hvm).v);
	}
	vmwrite(VIRTUAL_APIC_PAGE, virt_to_phys(v->vapic.page).v);
	vmwrite(TPR_THRESHOLD, 0);
	vmwrite(EPT_POINTER, x->eptp);
	vmwrite(LINK_POINTER, VMCS_NONE);
	vmwrite(CR0_MASK, CR0_HOST_OWNED);
	vmwrite(CR4_MASK, ~cpuid_limits.cr4);
	vmwrite(CR4_SHADOW, 0);
	vmwrite(EXIT_MSR_STORE_COUNT, 0);
	vmwrite(EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_EVENT, 0);
	vmwrite(GUEST_DEBUGCTL, 0);
	vmwrite(GUEST_INTERRUPTIBILITY, 0);
	vmwrite(GUEST_ACTIVITY, 0); /* HLT and waiting for STARTUP are core's */
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmx_give_back(x, before);
	return 0;
}

void vmx_apic_mode(struct vcpu *v)
{
	const u32 modes = SECONDARY_APIC_ACCESS | SECONDARY_X2APIC | SECONDARY_APIC_REGS;
	struct vmx_vcpu *x = v->hvm;
	u32 mode = vapic_mmio_active(v)            ? SECONDARY_APIC_ACCESS | SECONDARY_APIC_REGS
		   : v->vapic.base_msr & BASE_EXTD ? SECONDARY_X2APIC | SECONDARY_APIC_REGS
						   : 0;

	mode &= (u32)(vmx_caps.secondary >> 32);
	if (v->domain->control)
		mode &= ~SECONDARY_APIC_ACCESS;
	x->secondary = (x->secondary & ~modes) | mode;
	x->generation = 0; /* TLBs know of these modes */
	vmwrite(SECONDARY_CONTROLS, x->secondary);
	vmwrite(MSR_BITMAP,
		virt_to_phys(mode & SECONDARY_X2APIC ? x2apic_msr_map : guest_msr_map).v);
}

void vmx_vcpu_destroy(struct vcpu *v)
{
	domain_page_free(v->domain, v->hvm, 1);
	v->hvm = NULL;
}

void vmx_dump(const struct vcpu *v)
{
	struct vmx_vcpu *x = v->hvm;
	u64 before = vmx_borrow(x), value;

	log_line("VMCS of domain %u vCPU %u (fields that are 0 are left out):", v->domain->id,
		 v->id);
	for (size_t i = 0; i < vmcs_field_count; i++) {
		value = vmread_if_there(vmcs_fields[i].encoding);
		if (value)
			log_line("  %-24s %#lx", vmcs_fields[i].name, value);
	}
	vmx_give_back(x, before);
	for (unsigned int i = 0; i < GPR_COUNT; i++)
		log_line("  gpr[%u] %#lx", i, v->regs.gpr[i]);
}
