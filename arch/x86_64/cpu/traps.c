/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: recovered by the fixup table, or the end. Interrupts: dispatched to their handlers.
 */
#include <arch/x86_64/cpu/traps.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/smp.h>
#include <arch/x86_64/irq/lapic.h>
#include <arch/x86_64/platform/log.h>
#include <core/lib/print.h>

#define EXCEPTIONS      32u
#define BACKTRACE_DEPTH 24u

struct fixup {
	u64 fault, landing;
};
extern const struct fixup fixup_start[], fixup_end[];

static void (*irq_handlers[256])(u8 vector);
static u32 panicking; /* 0, or 1 + the CPU that panics */

void trap_handle(struct trap_frame *f);

static const char trap_names[][4] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
				     "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
				     "#PF", "",    "#MF", "#AC", "#MC", "#XM"};

void irq_set_handler(u8 vector, void (*fn)(u8 vector))
{
	irq_handlers[vector] = fn;
}

void irq_dispatch(u8 vector)
{
	if (vector >= VECTOR_PIC_FIRST && vector < VECTOR_PIC_FIRST + 16)
		return; /* a spurious one of the 8259s: not known to the local APIC */
	if (vector == VECTOR_SPURIOUS)
		return; /* gets no EOI */
	if (irq_handlers[vector] != NULL)
		irq_handlers[vector](vector);
	else if (vector != VECTOR_KICK)
		log_line("interrupt 0x%02x on CPU %u: nobody wants it", vector, this_cpu()->id);
	lapic_eoi();
}

noreturn_fn static void halt_for_ever(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

void nmi_service(void)
{
	if (READ_ONCE(panicking) != 0)
		halt_for_ever();
}

/* The first CPU to come goes on, the others are stopped; a panic within the panic halts. */
static void panic_enter(void)
{
	u32 me = this_cpu()->id + 1, nobody = 0;

	cli();
	if (!__atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		if (nobody == me)
			log_line("and again while that was logged; halted");
		halt_for_ever();
	}
	ipi_halt_all();
	log_break_lock();
}

static void backtrace_log(u64 rip, u64 rbp)
{
	for (u32 i = 0; i < BACKTRACE_DEPTH && rip != 0; i++) {
		u64 offset, next;
		/* A return address may lie behind the last instruction of its function. */
		const char *name = symbol_find(i > 0 ? rip - 1 : rip, &offset);

		log_line("  [<%016lx>] %s+0x%lx", rip, name, i > 0 ? offset + 1 : offset);
		if (!read_u64_safe(rbp + 8, &rip) || !read_u64_safe(rbp, &next) || next <= rbp)
			break;
		rbp = next;
	}
}

static void dump_registers(const struct trap_frame *f)
{
	log_line("rip %04lx:%016lx  rflags %08lx  rsp %04lx:%016lx", f->cs, f->rip, f->rflags,
		 f->ss, f->rsp);
	log_line("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	log_line("rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	log_line("r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx", f->r9, f->r10, f->r11, f->r12);
	log_line("r13 %016lx  r14 %016lx  r15 %016lx", f->r13, f->r14, f->r15);
	log_line("cr0 %08lx  cr2 %016lx  cr3 %016lx  cr4 %08lx", read_cr0(), read_cr2(), read_cr3(),
		 read_cr4());
}

noreturn_fn static void panic_end(u64 rip, u64 rbp)
{
	backtrace_log(rip, rbp);
	log_line("Plinth halted.");
	halt_for_ever();
}

noreturn_fn static void trap_fatal(const struct trap_frame *f)
{
	const char *name = f->vector < ARRAY_SIZE(trap_names) ? trap_names[f->vector] : "reserved";

	panic_enter();
	log_line("PANIC: CPU %u: exception %lu (%s), error 0x%lx", this_cpu()->id, f->vector, name,
		 f->error);
	dump_registers(f);
	panic_end(f->rip, f->rbp);
}

void panic(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	panic_enter();
	va_start(ap, fmt);
	format_text_v(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line("PANIC: CPU %u: %s", this_cpu()->id, text);
	panic_end((u64)(uintptr_t)__builtin_return_address(0),
		  *(const u64 *)__builtin_frame_address(0));
}

static bool fixup_apply(struct trap_frame *f)
{
	for (const struct fixup *x = fixup_start; x != fixup_end; x++) {
		if (x->fault == f->rip) {
			f->rip = x->landing;
			return true;
		}
	}
	return false;
}

void trap_handle(struct trap_frame *f)
{
	if (f->vector >= EXCEPTIONS)
		irq_dispatch((u8)f->vector);
	else if (f->vector == X86_NMI)
		nmi_service();
	else if (f->vector == X86_MC || f->vector == X86_DF || !fixup_apply(f))
		trap_fatal(f);
}
