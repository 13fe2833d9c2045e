/* SPDX-License-Identifier: BSD-2-Clause */
/* The line between what both vendors share and what one manual says: exits, events to inject,
 * and the one constant table of functions behind which svm/ and vmx/ stand. */
#ifndef CORE_HVM_H
#define CORE_HVM_H

#include <arch/x86_64/cpu/vectors.h>
#include <core/types.h>
#include <ept/ept.h>
#include <plinth/exit_reason.h>

struct vcpu;
struct domain;

struct hvm_exit {
	enum exit_reason reason;
	u8 insn_length; /* 0: not given by the hardware; vcpu_skip() then decodes */
	union {
		struct {
			u32 index;
			bool write;
		} msr; /* value in EDX:EAX */
		struct {
			u16 port;
			u8 width; /* 1, 2, 4 bytes */
			bool in, string, rep;
			u8 address_bytes; /* 2, 4, 8 (string) */
			u64 next_rip;     /* 0: not given, see insn_length */
		} io;
		struct {
			gpa_t gpa;
			unsigned int access; /* EPT_R, EPT_W, EPT_X */
			bool table_walk;     /* the access was the guest's own page walk */
		} npf;
		struct {
			u64 code, info1, info2;
		} raw; /* as the hardware gave it */
	} u;
};

enum hvm_event_type {
	EVENT_external = 0,
	EVENT_nmi = 2,
	EVENT_exception = 3,
	EVENT_software = 4, /* INT n */
};
/* To be delivered at the next entry. */
struct hvm_event {
	bool valid;
	bool has_error;
	u8 type; /* enum hvm_event_type, numbered as in EVENTINJ and the VM-entry field */
	u8 vector;
	u32 error;
	u8 insn_length; /* software events: bytes to skip */
};

/* Groups of struct plinth_vcpu_state. gpr[], rip and rflags are always current between exits and
 * always written at entry; these are fetched on demand (vcpu_need) and put back (vcpu_dirty). */
#define HVM_STATE_cr    (1u << 0) /* cr0 cr2 cr3 cr4 efer */
#define HVM_STATE_seg   (1u << 1) /* seg[] */
#define HVM_STATE_table (1u << 2) /* gdtr idtr */
#define HVM_STATE_msr   (1u << 3) /* pat star lstar cstar sfmask kernel_gs_base sysenter_* */
#define HVM_STATE_debug (1u << 4) /* dr[] dr6 dr7 */
#define HVM_STATE_apic  (1u << 5) /* the mode of the virtual APIC: put back only */
#define HVM_STATE_all   0x3Fu

struct hvm_ops {
	const char *name; /* "AMD-V", "VT-x" */
	const struct ept_format *ept;
	bool (*ept_has_1g)(void); /* leaves of 1 GiB; after probe() */

	/* Is the technology there and usable on this CPU? 0, or -XEN_ENOSYS (the CPU has none) or
	 * -XEN_EPERM (there, but something is missing); *why says what and what to change. */
	int (*probe)(const char **why);
	/* Turn on, on the calling CPU, once; and off. enable: 0, -XEN_ENOMEM, or
	 * -XEN_EPERM with a line in the log. */
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);

	/* v->domain, v->id are set; allocates v->hvm. 0 or -XEN_ENOMEM. */
	int (*vcpu_create)(struct vcpu *v);
	void (*vcpu_destroy)(struct vcpu *v);

	/* Fetch the groups into v->regs, or put them back from there. Not while v runs. */
	void (*load)(struct vcpu *v, unsigned int groups);
	void (*store)(struct vcpu *v, unsigned int groups);
	unsigned int (*cpl)(const struct vcpu *v);       /* 0..3 */
	unsigned int (*code_bits)(const struct vcpu *v); /* 16, 32, 64: how CS is decoded */

	/* v becomes, or ceases to be, the vCPU of this CPU: what one exit does not switch. */
	void (*switch_in)(struct vcpu *v);
	void (*switch_out)(struct vcpu *v);
	/* Enters the guest with v->event (consumed) and the windows that v->want_* ask for, returns
	 * at the exit with v->regs.{gpr,rip,rflags}, v->int_shadow, v->event (an event whose
	 * delivery the exit cut short) and *exit filled. Interrupts are off before and after. */
	void (*run)(struct vcpu *v, struct hvm_exit *exit);
	/* Guest TLB entries of v (its domain's nested table changed) must be gone before its next
	 * instruction. Called on v's own CPU before run(). */
	void (*flush)(struct vcpu *v);

	/* Opens ports first..last to the domain (control domain only), or closes them. */
	int (*set_ports)(struct domain *d, u16 first, u16 last, bool open);
	void (*domain_destroy)(struct domain *d); /* frees d->hvm */
	u8 hypercall_insn[3];
	/* Without XSaveErPtr, a restored x87 state without a pending exception keeps the addresses
	 * of what ran before, which another guest could read. */
	bool keeps_x87_pointers;
	void (*dump)(const struct vcpu *v); /* to the log, for a failed entry */
};

extern const struct hvm_ops svm_ops, vmx_ops;
extern const struct hvm_ops *hvm; /* the one boot picked */
/* run() comes back, with resched set, when the TSC reaches this CPU's slice_end: no timer of the
 * host is needed for it. */
extern bool hvm_ends_slices;

/* Picks the vendor whose probe succeeds; logs what is missing and returns -XEN_ENOSYS if none. */
must_use int hvm_select(void);

#endif
