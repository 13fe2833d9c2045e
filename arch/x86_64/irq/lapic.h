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
/* An interrupt that is already pending may still come. */
void lapic_timer_disarm(void);

/* apic_id is the hardware's number, not the CPU's index. */
void lapic_send_fixed(u32 apic_id, u8 vector);
void lapic_send_nmi(u32 apic_id);
void lapic_send_init(u32 apic_id);
/* page: bits 19:12 of the physical start address. */
void lapic_send_startup(u32 apic_id, u8 page);

#endif
