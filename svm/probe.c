/* SPDX-License-Identifier: BSD-2-Clause */
/* Is AMD-V there, is it allowed, can it do what is needed? */
#include <svm/svm.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <xen/errno.h>

/* Checked in this order: what is missing, and what a person can do about it. */
static const struct {
	enum cpu_feature feature;
	int error;
	const char *why;
} required[] = {
	{CPU_SVM, -XEN_ENOSYS, "the CPU has no AMD-V (CPUID 0x80000001 ECX bit 2, SVM)"},
	{CPU_SVM_NPT, -XEN_EPERM,
	 "AMD-V has no nested paging (CPUID 0x8000000A EDX bit 0, NPT): a CPU of family 10h or "
	 "later is needed; under another hypervisor, let it offer nested paging"},
	{CPU_NX, -XEN_EPERM,
	 "no-execute pages are missing (CPUID 0x80000001 EDX bit 20, NX): switch on NX or "
	 "\"Execute Disable\" in the firmware setup"},
	{CPU_PAT, -XEN_EPERM, "the page attribute table is missing (CPUID 1 EDX bit 16, PAT)"},
};

u32 svm_asid_count(void)
{
	return cpuid(0x8000000A, 0).ebx;
}

/* APM volume 2, "Enabling SVM". An unlocked SVMDIS is cleared when a CPU is enabled. */
static bool firmware_forbids(void)
{
	u64 vm_cr;

	return rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS) && (vm_cr & VM_CR_LOCK);
}

/* Nested tables may hold what the CPU can walk itself. */
bool svm_npt_has_1g(void)
{
	return cpu_has(CPU_PAGE1GB);
}

int svm_probe(const char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		if (!cpu_has(required[i].feature)) {
			*why = required[i].why;
			return required[i].error;
		}
	}
	if (firmware_forbids()) {
		*why = "AMD-V is switched off and locked by the firmware (VM_CR.SVMDIS): switch on "
		       "\"SVM Mode\" or \"Virtualization\" in the firmware setup, then power off "
		       "and on";
		return -XEN_EPERM;
	}
	if (svm_asid_count() < 2) {
		*why = "AMD-V has no address space for guests (CPUID 0x8000000A EBX, ASIDs)";
		return -XEN_EPERM;
	}
	*why = NULL;
	return 0;
}
