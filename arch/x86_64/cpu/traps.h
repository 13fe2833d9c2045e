/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts taken while the hypervisor itself runs. */
#ifndef ARCH_X86_64_CPU_TRAPS_H
#define ARCH_X86_64_CPU_TRAPS_H

#include <core/types.h>
#include <arch/x86_64/cpu/vectors.h>

/* What the stubs in trap_entry.S build on the stack, lowest address first. */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "as pushed by trap_entry.S");

/* fn runs with interrupts off; the local APIC gets its EOI after fn returns. NULL: back to "logged
 * as unexpected". Handlers are set at start-up or with the source masked: no lock. */
void irq_set_handler(u8 vector, void (*fn)(u8 vector));
/* What the stub does for an interrupt: for VT-x, whose exit acknowledges the interrupt itself. */
void irq_dispatch(u8 vector);
/* What an NMI does: stop here for ever if the hypervisor is panicking, nothing otherwise. For the
 * exit path that got an NMI as an exit. */
void nmi_service(void);

/* Name and offset of the function that holds address; "?" if unknown. */
const char *symbol_find(u64 address, u64 *offset);

#endif
