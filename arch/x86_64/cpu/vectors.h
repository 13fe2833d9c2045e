/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has which interrupt vector. Plain constants, so that assembly can use them too. */
#ifndef ARCH_X86_64_CPU_VECTORS_H
#define ARCH_X86_64_CPU_VECTORS_H

#define TRAP_DE  0
#define TRAP_DB  1
#define TRAP_NMI 2
#define TRAP_BP  3
#define TRAP_OF  4
#define TRAP_BR  5
#define TRAP_UD  6
#define TRAP_NM  7
#define TRAP_DF  8
#define TRAP_TS  10
#define TRAP_NP  11
#define TRAP_SS  12
#define TRAP_GP  13
#define TRAP_PF  14
#define TRAP_MF  16
#define TRAP_AC  17
#define TRAP_MC  18
#define TRAP_XM  19

/* 0x20..0x2F: the 8259s deliver their spurious interrupts there although masked. */
#define VECTOR_PIC_FIRST    0x20
#define VECTOR_SERIAL       0x30
#define VECTOR_DEVICE_FIRST 0x40 /* given out by core for the control domain's devices */
#define VECTOR_DEVICE_LAST  0xDF
#define VECTOR_TIMER        0xF0 /* local APIC timer: core sets the handler */
#define VECTOR_KICK         0xF1 /* does nothing but end a guest's run or a HLT */
#define VECTOR_CALL         0xF2 /* core's own cross-CPU work: core sets the handler */
#define VECTOR_APIC_ERROR   0xFE
#define VECTOR_SPURIOUS     0xFF

#endif
