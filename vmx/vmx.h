/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of vmx/ share; core/ sees vmx_ops alone. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include <core/hvm.h>
#include <core/types.h>
#include <plinth/vcpu_state.h>
#include <vmx/vmcs.h>

#define FEATURE_CONTROL_LOCKED (1u << 0)
#define FEATURE_CONTROL_VMXON  (1u << 2) /* outside SMX */

/* What the capability MSRs say: SDM volume 3, appendix "VMX Capability Reporting Facility". Of the
 * controls the low half tells which must be 1, the high half which may be. */
struct vmx_caps {
	u64 basic, misc, ept_vpid;
	u64 pin, primary, secondary, exit, entry;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u32 phys_bits; /* of physical addresses: from CPUID */
};
#define CAP_EPT_AD (1ull << 21) /* ept_vpid: accessed and dirty flags */

/* CR0 and CR4 bits that are not the guest's to change: see state.c. */
#define CR0_HOST_OWNED (CR0_NE | CR0_NW | CR0_CD)

/* What we keep of each vCPU: two pages, this and the VMCS. The virtual-APIC page is core's. */
struct vmx_vcpu {
	u64 vmcs;       /* physical address */
	u64 generation; /* of the pCPU whose VPID this is; 0: none */
	u64 eptp;
	u64 host_rsp; /* what HOST_RSP holds */
	u64 cr0_shadow;
	u32 primary, secondary, threshold, interruptibility; /* what these fields hold */
	u16 vpid;
	bool launched;
	bool live;    /* this CPU's: its VMCS is current and its MSRs are in the CPU */
	bool timed;   /* GUEST_TIMER holds a slice's end */
	bool dr_live; /* so are DR0-3 and DR6, and not intercepted */
};
_Static_assert(sizeof(struct vmx_vcpu) <= PAGE_SIZE, "the VMCS is the next page");

/* probe.c */
extern struct vmx_caps vmx_caps; /* constant after vmx_probe() */
must_use int vmx_probe(const char **why);
bool vmx_ept_has_1g(void);

/* enable.c: each CPU's struct pcpu.hvm is its VMXON region. */
must_use int vmx_cpu_enable(void);
void vmx_cpu_disable(void);

/* vmcs.c */
extern u32 vmx_timer_shift; /* the preemption timer counts once in 2^shift TSC ticks */
extern u32 vmx_timer_watch; /* its counts in a millisecond */
void vmx_maps_init(void);   /* the maps of all guests, once, before the first vCPU */
must_use int vmx_vcpu_create(struct vcpu *v);
void vmx_vcpu_destroy(struct vcpu *v);
/* Tells the CPU which accesses to the virtual APIC it can do by itself. v's VMCS is current. */
void vmx_apic_mode(struct vcpu *v);
/* What a VMCS says of the CPU it runs on. v is this CPU's. */
void vmx_host_state(struct vmx_vcpu *x);
must_use int vmx_set_ports(struct domain *d, u16 first, u16 last, bool open);
void vmx_domain_destroy(struct domain *d);
/* In map (a page): lets reads or writes of an MSR through. False if the map has no place for it. */
bool vmx_msr_allow(u8 *map, u32 msr, bool read, bool write);
void vmx_dump(const struct vcpu *v);
/* Makes x's VMCS current for a moment: returns what to give back. */
u64 vmx_borrow(struct vmx_vcpu *x);
void vmx_give_back(struct vmx_vcpu *x, u64 before);

/* state.c */
void vmx_load(struct vcpu *v, unsigned int groups);
void vmx_store(struct vcpu *v, unsigned int groups);
unsigned int vmx_cpl(const struct vcpu *v);
unsigned int vmx_code_bits(const struct vcpu *v);
void vmx_switch_in(struct vcpu *v);
void vmx_switch_out(struct vcpu *v);
void vmx_debug_activate(struct vcpu *v); /* gives DR0-3, DR6 to the guest; v is this CPU's */

/* run.c */
void vmx_run(struct vcpu *v, struct hvm_exit *exit);
void vmx_flush(struct vcpu *v);

/* entry.S: enters the guest of the current VMCS, returns at its exit. RSP, RIP, RFLAGS go through
 * the VMCS, the other general registers through regs. *host_rsp: what HOST_RSP holds, kept current.
 * True: the entry was refused with a VM-instruction error. IF=0 before and after. */
bool vmx_enter(struct plinth_vcpu_state *regs, bool launched, u64 *host_rsp);
extern const u8 vmx_exit_entry[]; /* HOST_RIP */

#endif
