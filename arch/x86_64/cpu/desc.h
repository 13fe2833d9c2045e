/* SPDX-License-Identifier: BSD-2-Clause */
/* Segment and gate descriptors of each CPU: flat segments, a TSS with the fault stacks, the IDT. */
#ifndef ARCH_X86_64_CPU_DESC_H
#define ARCH_X86_64_CPU_DESC_H

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS  0x18

#define GDT_CODE64 0x00af9b000000ffff
#define GDT_DATA   0x00cf93000000ffff

#define IST_NMI   1
#define IST_FATAL 2

#ifndef __ASSEMBLER__
#include <core/types.h>
#include <arch/x86_64/cpu/percpu.h>

struct __attribute__((packed)) tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7]; /* ist[n - 1] is IST n */
	u64 reserved2;
	u16 reserved3, iomap;
};
_Static_assert(sizeof(struct tss) == 104, "TSS, AMD64 APM volume 2, \"64-Bit Task State Segment\"");

/* What pcpu.arch points to: this CPU's tables. */
struct cpu_tables {
	u64 gdt[5]; /* null, code, data, TSS (two entries) */
	struct tss tss;
};

/* As LGDT and LIDT want it. */
struct __attribute__((packed)) desc_ptr {
	u16 limit;
	u64 base;
};

/* Fills p's GDT and TSS. The stacks are given by their tops; fatal is that of #DF and #MC. */
void desc_setup(struct pcpu *p, const void *nmi_stack, const void *fatal_stack);
/* Loads GDT, TSS, IDT and GS of this CPU. Also repairs limits after a VM exit: VT-x leaves GDTR and
 * IDTR limits at 0xFFFF, which is harmless, so only a new CPU needs it. */
void desc_load(struct pcpu *p);
/* Fills the IDT, once, on the boot CPU. */
void idt_init(void);
/* Where VT-x's host state fields point. */
u64 idt_base(void);
#endif

#endif
