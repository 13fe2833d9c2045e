/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables. AMD64 Architecture Programmer's Manual, volume 2, "Segmented Virtual Memory"
 * and "Exceptions and Interrupts". */
#include <arch/x86_64/cpu/desc.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/cpu/vectors.h>

#define VECTORS   256u
#define STUB_SIZE 16u /* as trap_entry.S aligns them */

#define GDT_TSS_TYPE (0x89ull << 40) /* present, available 64-bit TSS */
#define GATE_INT     (0x8Eull << 40) /* present, interrupt gate: IF is cleared */

struct gate {
	u64 low, high;
};
_Static_assert(sizeof(struct gate) == 16, "long-mode gate");

static struct gate idt[VECTORS] __attribute__((aligned(4096)));
extern const u8 trap_stubs[VECTORS][STUB_SIZE];

void desc_setup(struct pcpu *p, const void *nmi_stack, const void *fatal_stack)
{
	struct cpu_tables *t = p->arch;
	u64 base = (u64)(uintptr_t)&t->tss, limit = sizeof(t->tss) - 1;

	t->tss.ist[IST_NMI - 1] = (u64)(uintptr_t)nmi_stack;
	t->tss.ist[IST_FATAL - 1] = (u64)(uintptr_t)fatal_stack;
	t->tss.iomap = sizeof(t->tss);
	t->gdt[SEL_CODE / 8] = GDT_CODE64;
	t->gdt[SEL_DATA / 8] = GDT_DATA;
	t->gdt[SEL_TSS / 8] =
		limit | (base & 0xffffff) << 16 | GDT_TSS_TYPE | ((base >> 24) & 0xff) << 56;
	t->gdt[SEL_TSS / 8 + 1] = base >> 32;
}

void desc_load(struct pcpu *p)
{
	struct cpu_tables *t = p->arch;
	struct desc_ptr gdtr = {sizeof(t->gdt) - 1, (u64)(uintptr_t)t->gdt};
	struct desc_ptr idtr = {sizeof(idt) - 1, idt_base()};

	/* A far return is the way to load CS in 64-bit mode. */
	__asm__ volatile("lgdt %0\n"
			 "lidt %1\n"
			 "ltr %w2\n"
			 "pushq %3\n"
			 "leaq 1f(%%rip), %%rax\n"
			 "pushq %%rax\n"
			 "lretq\n"
			 "1: movl %k4, %%ds\n"
			 "movl %k4, %%es\n"
			 "movl %k4, %%ss\n"
			 "xorl %%eax, %%eax\n"
			 "movl %%eax, %%fs\n"
			 "movl %%eax, %%gs\n" ::"m"(gdtr),
			 "m"(idtr), "r"(SEL_TSS), "i"(SEL_CODE), "r"(SEL_DATA)
			 : "rax", "memory");
	wrmsr(MSR_GS_BASE, (u64)(uintptr_t)p);
}

void idt_init(void)
{
	for (u32 v = 0; v < VECTORS; v++) {
		u64 at = (u64)(uintptr_t)trap_stubs[v];
		bool fatal = v == X86_DF || v == X86_MC;
		u64 ist = v == X86_NMI ? IST_NMI : fatal ? IST_FATAL : 0;

		idt[v].low = (at & 0xffff) | SEL_CODE << 16 | ist << 32 | GATE_INT |
			     ((at >> 16) & 0xffff) << 48;
		idt[v].high = at >> 32;
	}
}

u64 idt_base(void)
{
	return (u64)(uintptr_t)idt;
}
