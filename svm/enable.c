/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-V on and off, on each CPU: APM volume 2, "Enabling SVM" and "VM_HSAVE_PA MSR". */
#include <svm/svm.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/mm/paging.h>
#include <core/mm/frame.h>
#include <xen/errno.h>

int svm_cpu_enable(void)
{
	struct pcpu *cpu = this_cpu();
	u8 *pages = page_alloc(1);
	struct vmcb *host;
	u64 vm_cr;

	if (!pages)
		return -XEN_ENOMEM;
	host = (struct vmcb *)(void *)(pages + PAGE_SIZE);
	if (cpu->id == 0)
		svm_maps_init();
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS))
		wrmsr(MSR_VM_CR, vm_cr & ~(u64)VM_CR_SVMDIS); /* probe saw that it is not locked */
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, virt_to_phys(pages).v);
	/* FS, GS, TR and the system-call MSRs of the host never change from here on. */
	host->host.pa = virt_to_phys(host).v;
	__asm__ volatile("vmsave %0" ::"a"(host->host.pa) : "memory");
	cpu->hvm = pages;
	/* Generations of one CPU are congruent modulo MAX_CPUS, so one compare tells both whether
	 * an ASID is from this CPU and whether it is still good. The first one given out flushes
	 * whatever was in the TLB before. */
	cpu->asid_generation = cpu->id + MAX_CPUS;
	cpu->asid_next = UINT32_MAX;
	return 0;
}

void svm_cpu_disable(void)
{
	struct pcpu *cpu = this_cpu();

	if (!cpu->hvm)
		return;
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(u64)EFER_SVME);
	page_free(cpu->hvm, 1);
	cpu->hvm = NULL;
}
