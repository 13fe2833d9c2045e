/* SPDX-License-Identifier: BSD-2-Clause */
/* Is VT-x there, is it allowed, can it do what is needed? */
#include <vmx/vmx.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <xen/errno.h>

#define BASIC_IO_INFO       (1ull << 54) /* INS and OUTS report their address size */
#define BASIC_TRUE_CONTROLS (1ull << 55)
#define BASIC_TYPE          (15ull << 50) /* memory type of a VMCS */
#define BASIC_TYPE_WB       (6ull << 50)
#define EPT_WALK_4          (1ull << 6)
#define EPT_TYPE_WB         (1ull << 14)
#define EPT_2M              (1ull << 16)
#define EPT_1G              (1ull << 17)
#define EPT_INVEPT          (1ull << 20 | 1ull << 25 | 1ull << 26) /* one context, and all */

struct vmx_caps vmx_caps;

static const struct {
	u32 msr;
	u16 offset;
} sources[] = {
	{0x480, offsetof(struct vmx_caps, basic)},
	{0x485, offsetof(struct vmx_caps, misc)},
	{0x486, offsetof(struct vmx_caps, cr0_fixed0)},
	{0x487, offsetof(struct vmx_caps, cr0_fixed1)},
	{0x488, offsetof(struct vmx_caps, cr4_fixed0)},
	{0x489, offsetof(struct vmx_caps, cr4_fixed1)},
	{0x48B, offsetof(struct vmx_caps, secondary)},
	{0x48C, offsetof(struct vmx_caps, ept_vpid)},
	{0x48D, offsetof(struct vmx_caps, pin)},
	{0x48E, offsetof(struct vmx_caps, primary)},
	{0x48F, offsetof(struct vmx_caps, exit)},
	{0x490, offsetof(struct vmx_caps, entry)},
};

/* Checked in this order: all of `bits` must be allowed in the control's high half, or be set in the
 * capability itself. What is missing, and what a person can do about it. */
#define CONTROL(field, bits, why)                                        \
	{                                                                \
		offsetof(struct vmx_caps, field), (u64)(bits) << 32, why \
	}
#define CAPABILITY(field, bits, why)                        \
	{                                                   \
		offsetof(struct vmx_caps, field), bits, why \
	}
#define OLD     ": a Core processor of the Westmere generation (2010) or later is needed; under "
#define OTHERS  "another hypervisor, let it offer this to its guests"
#define UNUSUAL " is missing; the CPU, or a hypervisor below, offers an unusual set"
static const struct {
	u16 offset;
	u64 bits;
	const char *why;
} required[] = {
	CAPABILITY(basic, BASIC_TRUE_CONTROLS,
		   "VT-x has no flexible controls (IA32_VMX_BASIC bit 55)" OLD OTHERS),
	CONTROL(primary, PRIMARY_SECONDARY,
		"VT-x has no secondary controls, so neither EPT nor unrestricted guests" OLD
			OTHERS),
	CONTROL(secondary, SECONDARY_EPT, "VT-x has no nested paging (EPT)" OLD OTHERS),
	CONTROL(secondary, SECONDARY_UNRESTRICTED,
		"VT-x cannot run guests in real mode (unrestricted guest)" OLD OTHERS),
	CONTROL(secondary, SECONDARY_VPID, "VT-x cannot tag TLB entries (VPID)" OLD OTHERS),
	CAPABILITY(ept_vpid, EPT_WALK_4, "EPT: a walk of 4 levels" UNUSUAL),
	CAPABILITY(ept_vpid, EPT_TYPE_WB, "EPT: write-back memory" UNUSUAL),
	CAPABILITY(ept_vpid, EPT_2M, "EPT: 2 MiB pages" UNUSUAL),
	CAPABILITY(ept_vpid, EPT_INVEPT, "EPT: INVEPT with both types" UNUSUAL),
	CAPABILITY(basic, BASIC_IO_INFO, "VT-x: information on INS and OUTS" UNUSUAL),
	CONTROL(pin, PIN_INTERRUPT | PIN_NMI, "VT-x: exits by interrupts and NMIs" UNUSUAL),
	CONTROL(pin, PIN_VIRTUAL_NMI, "VT-x: virtual NMIs" UNUSUAL),
	CONTROL(primary, PRIMARY_TPR_SHADOW, "VT-x: the TPR shadow" UNUSUAL),
	CONTROL(primary, PRIMARY_IO_ALL | PRIMARY_IO_BITMAPS, "VT-x: exits by ports" UNUSUAL),
	CONTROL(primary, PRIMARY_MSR_BITMAP, "VT-x: the MSR bitmap" UNUSUAL),
	CONTROL(primary,
		PRIMARY_IRQ_WINDOW | PRIMARY_NMI_WINDOW | PRIMARY_HLT | PRIMARY_MWAIT |
			PRIMARY_MONITOR | PRIMARY_RDPMC | PRIMARY_MOV_DR,
		"VT-x: exits by HLT, MWAIT, MONITOR, RDPMC, MOV DR or windows" UNUSUAL),
	CONTROL(exit, EXIT_CTL_HOST_64 | EXIT_CTL_ACKNOWLEDGE | EXIT_CTL_SAVE_DEBUG,
		"VT-x: exits to 64-bit mode that acknowledge interrupts" UNUSUAL),
	CONTROL(exit,
		EXIT_CTL_SAVE_PAT | EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER | EXIT_CTL_LOAD_EFER,
		"VT-x: exits that switch PAT and EFER" UNUSUAL),
	CONTROL(entry,
		ENTRY_CTL_LONG_MODE | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER |
			ENTRY_CTL_LOAD_DEBUG,
		"VT-x: entries that switch PAT and EFER" UNUSUAL),
};

static u64 *cap(size_t offset)
{
	return (u64 *)(void *)((u8 *)&vmx_caps + offset);
}

static void read_capabilities(void)
{
	/* An MSR that a CPU lacks says that nothing is allowed. */
	vmx_caps.phys_bits = cpu_features.phys_bits;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (!rdmsr_safe(sources[i].msr, cap(sources[i].offset)))
			*cap(sources[i].offset) = 0;
}

/* SDM volume 3, "Enabling and Entering VMX Operation". One that is not locked is set when a CPU is
 * enabled. */
static bool firmware_forbids(void)
{
	u64 control;

	return !rdmsr_safe(MSR_FEATURE_CONTROL, &control) ||
	       ((control & FEATURE_CONTROL_LOCKED) && !(control & FEATURE_CONTROL_VMXON));
}

int vmx_probe(const char **why)
{
	*why = "the CPU has no VT-x (CPUID 1 ECX bit 5, VMX)";
	if (!cpu_has(CPU_VMX))
		return -XEN_ENOSYS;
	*why = "VT-x is switched off and locked by the firmware (IA32_FEATURE_CONTROL): switch on "
	       "\"Intel Virtualization Technology\" in the firmware setup, then power off and on";
	if (firmware_forbids())
		return -XEN_EPERM;
	read_capabilities();
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		*why = required[i].why;
		if (required[i].bits & ~*cap(required[i].offset))
			return -XEN_EPERM;
	}
	*why = "a VMCS cannot lie in write-back memory (IA32_VMX_BASIC bits 53:50)";
	if ((vmx_caps.basic & BASIC_TYPE) != BASIC_TYPE_WB)
		return -XEN_EPERM;
	*why = NULL;
	return 0;
}

bool vmx_ept_has_1g(void)
{
	return vmx_caps.ept_vpid & EPT_1G;
}
