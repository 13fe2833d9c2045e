/* SPDX-License-Identifier: BSD-2-Clause */
/* Exception vectors, and who has which interrupt vector. */
#ifndef ARCH_X86_64_CPU_VECTORS_H
#define ARCH_X86_64_CPU_VECTORS_H

#define X86_DE  0
#define X86_DB  1
#define X86_NMI 2
#define X86_BP  3
#define X86_OF  4
#define X86_UD  6
#define X86_DF  8
#define X86_TS  10
#define X86_NP  11
#define X86_SS  12
#define X86_GP  13
#define X86_PF  14
#define X86_MF  16
#define X86_AC  17
#define X86_MC  18

/* 0x20..0x2F: the 8259s deliver their spurious interrupts there although masked. */
#define VECTOR_PIC_FIRST    0x20
#define VECTOR_SERIAL       0x30
#define VECTOR_DEVICE_FIRST 0x40 /* given out by core for the control domain's devices */
#define VECTOR_DEVICE_LAST  0xDF
#define VECTOR_TIMER        0xF0 /* local APIC timer: core sets the handler */
#define VECTOR_KICK         0xF1 /* does nothing but end a guest's run or a HLT */
#define VECTOR_SPURIOUS     0xFF

#endif
