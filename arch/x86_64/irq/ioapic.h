/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O APICs: where device interrupts (GSIs) are routed. */
#ifndef ARCH_X86_64_IRQ_IOAPIC_H
#define ARCH_X86_64_IRQ_IOAPIC_H

#include <core/types.h>

/* Maps what the MADT lists and masks every input. */
void ioapic_init(void);
/* Sends gsi to vector on CPU `cpu` (index) and leaves it masked. level: level-triggered, low:
 * active low. Returns 0, -XEN_ENOENT (no such input) or -XEN_EINVAL (bad cpu, or its APIC id does
 * not fit the 8 bits of a redirection entry). Takes the I/O APIC lock, like all below. */
must_use int ioapic_route(u32 gsi, u8 vector, u32 cpu, bool level, bool low);
/* Masks gsi or lets it through; nothing for a GSI that does not exist. A level interrupt is masked
 * in the handler, before the local APIC's EOI, and unmasked once its cause is gone. */
void ioapic_mask(u32 gsi, bool mask);

/* The GSI of ISA interrupt irq (0..15), and how the MADT says that it behaves. */
u32 irq_isa_to_gsi(u8 irq, bool *level, bool *low);

#endif
