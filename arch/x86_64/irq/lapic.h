/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC, through MMIO or, when the CPU has it, x2APIC MSRs. AMD64 Architecture
 * Programmer's Manual, volume 2, "Advanced Programmable Interrupt Controller". */
#ifndef ARCH_X86_64_IRQ_LAPIC_H
#define ARCH_X86_64_IRQ_LAPIC_H

#include <core/types.h>

/* Boot CPU: choose the mode, map the registers, mask the 8259s. Then lapic_init_cpu(). */
void lapic_init(hpa_t base);
/* Every CPU: enable it, mask its local interrupts. */
void lapic_init_cpu(void);
/* Boot CPU, after clock_init(): how fast the timer counts. */
void lapic_timer_calibrate(void);

bool lapic_is_x2apic(void);
u32 lapic_id(void);
void lapic_eoi(void);

/* VECTOR_TIMER fires on this CPU once clock_ns() has reached abs_ns; a time that is past fires at
 * once. Replaces what was armed. A time far away (over about 2 s) may fire early: look at the clock
 * and arm again. */
void lapic_timer_arm(u64 abs_ns);
/* Sends an interrupt to apic_id, the hardware's number, not the CPU's index: a vector, or one of
 * the below. */
#define LAPIC_NMI     0x0400u
#define LAPIC_INIT    0x0500u
#define LAPIC_STARTUP 0x0600u /* and bits 19:12 of the physical start address */
void lapic_send(u32 apic_id, u32 command);

#endif
