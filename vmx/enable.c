/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-x on and off, on each CPU: SDM volume 3, "Enabling and Entering VMX Operation". */
#include <vmx/vmx.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/mm/paging.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>
#include <vmx/insn.h>
#include <xen/errno.h>

/* True: VMXON is allowed, and stays so until the next reset. */
static bool unlock(void)
{
	u64 control = rdmsr(MSR_FEATURE_CONTROL);

	if (!(control & FEATURE_CONTROL_LOCKED)) {
		control |= FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON;
		wrmsr(MSR_FEATURE_CONTROL, control);
	}
	return control & FEATURE_CONTROL_VMXON;
}

int vmx_cpu_enable(void)
{
	struct pcpu *cpu = this_cpu();
	u32 *region;

	if (!unlock()) {
		log_line("CPU %u: the firmware forbids VT-x here, though not on CPU 0", cpu->id);
		return -XEN_EPERM;
	}
	region = page_alloc(0);
	if (!region)
		return -XEN_ENOMEM;
	if (cpu->id == 0)
		vmx_maps_init();
	*region = (u32)vmx_caps.basic & 0x7FFFFFFFu; /* revision */
	write_cr0((read_cr0() | vmx_caps.cr0_fixed0) & vmx_caps.cr0_fixed1);
	write_cr4((read_cr4() | vmx_caps.cr4_fixed0 | CR4_VMXE) & vmx_caps.cr4_fixed1);
	if (!vmxon(virt_to_phys(region).v)) {
		log_line("CPU %u: VMXON failed", cpu->id);
		page_free(region, 0);
		return -XEN_EPERM;
	}
	invept(INVEPT_ALL, 0); /* whoever had VT-x on before us may have left something */
	cpu->hvm = region;
	/* Generations of one CPU are congruent modulo MAX_CPUS, so one compare tells both whether a
	 * VPID is from this CPU and whether it is still good. */
	cpu->asid_generation = cpu->id + MAX_CPUS;
	cpu->asid_next = 1;
	return 0;
}

void vmx_cpu_disable(void)
{
	struct pcpu *cpu = this_cpu();
	u64 vmcs;

	if (!cpu->hvm)
		return;
	vmcs = vmptrst();
	if (vmcs != VMCS_NONE)
		vmclear(vmcs);
	vmxoff();
	write_cr4(read_cr4() & ~(u64)CR4_VMXE);
	page_free(cpu->hvm, 0);
	cpu->hvm = NULL;
}
