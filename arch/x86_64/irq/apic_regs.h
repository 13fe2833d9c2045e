/* SPDX-License-Identifier: BSD-2-Clause */
/* A local APIC's registers, the machine's own and the guests'. Intel SDM vol. 3, "Advanced
 * Programmable Interrupt Controller"; AMD APM vol. 2, chapter of the same name. */
#ifndef ARCH_X86_64_IRQ_APIC_REGS_H
#define ARCH_X86_64_IRQ_APIC_REGS_H

/* MSR_APIC_BASE */
#define BASE_BSP  (1ull << 8)
#define BASE_EXTD (1ull << 10) /* x2APIC */
#define BASE_EN   (1ull << 11)

/* Registers by offset / 16, which is also MSR index - 0x800. */
#define REG_ID      0x02u
#define REG_VERSION 0x03u
#define REG_TPR     0x08u
#define REG_PPR     0x0Au
#define REG_EOI     0x0Bu
#define REG_LDR     0x0Du
#define REG_DFR     0x0Eu
#define REG_SVR     0x0Fu
#define REG_ISR     0x10u
#define REG_IRR     0x20u
#define REG_ESR     0x28u
#define REG_ICR     0x30u
#define REG_ICR2    0x31u
#define REG_LVT     0x32u
#define REG_INITIAL 0x38u
#define REG_CURRENT 0x39u
#define REG_DIVIDE  0x3Eu
#define REG_SELF    0x3Fu

/* From REG_LVT on */
#define LVT_TIMER    0u
#define LVT_PERF     2u
#define LVT_LINT0    3u
#define LVT_LINT1    4u
#define LVT_ERROR    5u
#define LVT_MASKED   (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define LVT_DEADLINE (1u << 18)

#define SVR_ENABLE (1u << 8)

#endif
