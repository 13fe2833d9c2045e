/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the virtual local APIC share. Intel SDM vol. 3, "Advanced Programmable
 * Interrupt Controller"; AMD APM vol. 2, chapter of the same name. */
#ifndef CORE_VAPIC_PRIVATE_H
#define CORE_VAPIC_PRIVATE_H

#include <arch/x86_64/irq/apic_regs.h>
#include <core/vapic.h>
#include <core/vcpu.h>

#define ESR_SEND_VECTOR     (1u << 5)
#define ESR_RECEIVED_VECTOR (1u << 6)
#define ESR_REGISTER        (1u << 7)

#define VECTOR_LOWEST 16u /* those below are the exceptions' */

/* A register, by its offset / 16. */
#define REG(apic, reg) ((apic)->page[(reg)*4u])

static inline bool vapic_is_x2(const struct vapic *a)
{
	return a->base_msr & BASE_EXTD;
}

/* Sets vector in IRR; was it there already? Any CPU. First the bit, then the hint: the owner clears
 * the hint before its last look at the bits. */
static inline bool vapic_irr_set(struct vapic *a, u8 vector)
{
	u32 bit = 1u << (vector & 31);
	u32 old = __atomic_fetch_or(&REG(a, REG_IRR + (vector >> 5)), bit, __ATOMIC_SEQ_CST);

	if (!(READ_ONCE(a->irr_hint) >> (vector >> 5) & 1))
		__atomic_fetch_or(&a->irr_hint, 1u << (vector >> 5), __ATOMIC_SEQ_CST);
	return old & bit;
}

/* Notes an ESR bit and delivers the error interrupt. Any CPU. */
void vapic_error(struct vcpu *v, u32 esr_bit);
/* The interrupt of an LVT entry of fixed delivery mode. Any CPU. */
void vapic_lvt_raise(struct vcpu *v, unsigned int entry);

/* core/vapic_ipi.c: a write of ICR; dest as the mode has it, 8 or 32 bits. v is the caller's own.
 */
void vapic_send(struct vcpu *v, u32 low, u32 dest);

/* core/vapic_timer.c; the last three after the LVT entry is written, or instead of writing the
 * register. */
void vapic_timer_init(struct vcpu *v);
void vapic_timer_stop(struct vcpu *v);
u32 vapic_timer_current(const struct vcpu *v);
void vapic_timer_lvt_changed(struct vcpu *v);
void vapic_timer_set_initial(struct vcpu *v, u32 count);
void vapic_timer_set_divide(struct vcpu *v, u32 value);

#endif
