/* SPDX-License-Identifier: BSD-2-Clause */
/* All memory that belongs to one CPU from its first C instruction on. */
#ifndef ARCH_X86_64_CPU_AREA_H
#define ARCH_X86_64_CPU_AREA_H

#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/mm/layout.h>

struct cpu_area {
	union {
		struct {
			struct pcpu pcpu;
			struct cpu_tables tables;
		};
		u8 first_page[PAGE_SIZE];
	};
	u8 nmi_stack[PAGE_SIZE];
	u8 fatal_stack[PAGE_SIZE]; /* #DF and #MC: none of them returns */
	u8 guard[PAGE_SIZE];       /* not mapped below the stack that is in use */
	u8 stack[CPU_STACK_SIZE];
};
_Static_assert(sizeof(struct cpu_area) == CPU_AREA_SIZE, "the start-up code's stack top");

#endif
