/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC: xAPIC by MMIO, x2APIC by MSR. */
#ifndef CORE_VAPIC_H
#define CORE_VAPIC_H

#include <core/timer.h>
#include <core/types.h>

struct vcpu;
struct domain;

#define VAPIC_BASE 0xFEE00000ull
#define VAPIC_REGS 64u
#define VAPIC_TPR  0x20u /* index in a vapic's page */

/* State of one. IRR and its hint are set by any CPU, atomically, as is esr_shadow; the rest belongs
 * to the vCPU's own CPU. There is no TMR: nothing here is level-triggered. */
struct vapic {
	u32 irr_hint;   /* bit w: word w of IRR may be non-zero; 0: nothing is pending. Atomic */
	u32 isr_hint;   /* bit w: word w of ISR is non-zero */
	u32 *page;      /* the registers by their offsets, as hardware that helps wants them: PPR,
			   the timer's count and ICR2 in x2APIC mode are not what a guest reads */
	u32 id;         /* = vCPU id */
	u32 divide;     /* as the timer has it; hardware may have written that of the page */
	u64 base_msr;   /* IA32_APIC_BASE: bit 8 BSP, 10 x2APIC, 11 enable */
	bool enabled;   /* by SVR, when it was last looked at */
	u32 esr_shadow; /* what came since ESR was last written */
	/* The timer counts down by 1 each ns at divide value 1: a bus clock of 1 GHz. */
	bool timer_running; /* false: one-shot and expired, or never started */
	u64 timer_start_ns; /* when the current period began */
	struct timer timer;
};

/* Power-on state; init: INIT keeps the mode (guest-abi 1.8). */
void vapic_reset(struct vcpu *v, bool init);
void vapic_stop(struct vcpu *v); /* disarms the timer: v goes away */

/* An access to the page at VAPIC_BASE, offset < 4096, of 1, 2, 4 or 8 bytes (others than aligned
 * 4-byte ones read and write what hardware would). xAPIC mode only; else reads are all ones. */
u64 vapic_mmio_read(struct vcpu *v, u32 offset, unsigned int width);
void vapic_mmio_write(struct vcpu *v, u32 offset, unsigned int width, u64 value);
/* Is the MMIO page live (enabled and not x2APIC)? */
bool vapic_mmio_active(const struct vcpu *v);
/* The CPU itself has stored what the guest wrote to the register at offset < 4096 of the page. */
void vapic_written(struct vcpu *v, u32 offset);
/* MSRs 0x1B and 0x800-0x8FF. 0, or -XEN_EINVAL: #GP. */
must_use int vapic_msr_read(struct vcpu *v, u32 index, u64 *value);
must_use int vapic_msr_write(struct vcpu *v, u32 index, u64 value);

/* Sets vector in IRR (any CPU) and wakes/kicks v. Ignored if the APIC is software-disabled. */
void vapic_set_irq(struct vcpu *v, u8 vector);
/* The highest vector above the processor priority, or -1. */
int vapic_pending(struct vcpu *v);
/* vector (from vapic_pending) is delivered: IRR to ISR. */
void vapic_accept(struct vcpu *v, u8 vector);
/* Its delivery was cut short for good: back from ISR to IRR. */
void vapic_unaccept(struct vcpu *v, u8 vector);
bool vapic_software_enabled(const struct vcpu *v);
/* CR8 as the guest reads and writes it. */
u64 vapic_get_cr8(const struct vcpu *v);
void vapic_set_cr8(struct vcpu *v, u64 value);

#endif
