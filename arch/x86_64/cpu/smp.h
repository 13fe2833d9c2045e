/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting the other CPUs, and talking to them. */
#ifndef ARCH_X86_64_CPU_SMP_H
#define ARCH_X86_64_CPU_SMP_H

#include <core/types.h>
#include <arch/x86_64/cpu/percpu.h>

struct boot_info;

/* Prepares the boot CPU's struct pcpu, tables and GS: very early, no allocation. */
void smp_init_boot_cpu(void);
/* Starts every CPU in the MADT, one after the other, and sets cpu_count. A CPU that does not come
 * is logged and left out. They wait until smp_release(). */
void smp_start_all(const struct boot_info *bi);
/* Lets the waiting CPUs go on into core_start_cpu(). */
void smp_release(void);

/* Ends the guest run or the HLT of CPU `cpu` (< cpu_count), with no other effect. */
void ipi_kick(u32 cpu);
/* NMIs all other CPUs; they halt for ever. For panic and power-off. */
void ipi_halt_all(void);

#endif
