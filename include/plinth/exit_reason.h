/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a guest's run ended, the same for both vendors. Behind a reason stands the member of struct
 * hvm_exit's union that goes with it. A part of the control interface: exits are counted by it. */
#ifndef PLINTH_EXIT_REASON_H
#define PLINTH_EXIT_REASON_H

enum exit_reason {
	EXIT_interrupt,  /* host interrupt or NMI: open the interrupt window, go on */
	EXIT_irq_window, /* the guest can take an interrupt now */
	EXIT_nmi_window,
	EXIT_hypercall, /* VMCALL or VMMCALL */
	EXIT_cpuid,
	EXIT_msr, /* msr */
	EXIT_io,  /* io */
	EXIT_npf, /* npf */
	EXIT_hlt,
	EXIT_pause,
	EXIT_cache, /* INVD, WBINVD: nothing to do but skip */
	EXIT_xsetbv,
	EXIT_undefined,    /* an instruction that the guest must not have: #UD */
	EXIT_shutdown,     /* triple fault */
	EXIT_apic_written, /* the CPU stored what was written to the virtual APIC's page at code */
	EXIT_handled,      /* the vendor's code dealt with it */
	EXIT_invalid,      /* entry failed: code */
	EXIT_unknown,      /* code */
	EXIT_COUNT
};

#endif
