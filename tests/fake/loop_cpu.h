/* SPDX-License-Identifier: BSD-2-Clause */
/* host_cpu.h, and this_cpu() as a pointer that the test sets; waiting for interrupts is the test's
 * too. */
#ifndef FAKE_LOOP_CPU_H
#define FAKE_LOOP_CPU_H

#include <host_cpu.h>
#define this_cpu hardware_this_cpu
#include <arch/x86_64/cpu/percpu.h>
#undef this_cpu

extern __thread struct pcpu *fake_cpu; /* a thread may stand for a CPU */

static inline struct pcpu *this_cpu(void)
{
	return fake_cpu;
}
void sti_hlt_cli(void);
void sti_nop_cli(void);

#endif
