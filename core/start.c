/* SPDX-License-Identifier: BSD-2-Clause */
/* From a machine that is ours to one that runs guests. */
#include <core/start.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/smp.h>
#include <arch/x86_64/cpu/traps.h>
#include <arch/x86_64/platform/serial.h>
#include <core/control_domain.h>
#include <core/cpuid.h>
#include <core/event.h>
#include <core/hvm.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>
#include <core/run.h>
#include <core/timer.h>
#include <core/xstate.h>
#include <sched/sched.h>

static noreturn_fn void halt(void)
{
	log_line("halted");
	for (;;) {
		cli();
		hlt();
	}
}

static void timer_interrupt(u8 vector)
{
	(void)vector;
	this_cpu()->timer_due = true;
}

static void console_input(void)
{
	event_raise_global_virq(VIRQ_CONSOLE);
}

static void start_this_cpu(void)
{
	if (hvm->cpu_enable()) {
		log_line("CPU %u: %s cannot be turned on", this_cpu()->id, hvm->name);
		halt();
	}
	xstate_init_cpu();
	timer_init_cpu();
	sched_init_cpu();
}

noreturn_fn void core_start(const struct boot_info *bi)
{
	const char *why;

	if (hvm_select())
		halt();
	cpuid_init();
	sched_init();
	irq_set_handler(VECTOR_TIMER, timer_interrupt);
	start_this_cpu();
	why = control_domain_build(bi);
	if (why) {
		log_line("control domain: %s", why);
		halt();
	}
	serial_enable_input(console_input);
	log_line("%u CPUs, %s, %lu MiB free for guests", cpu_count, hvm->name, frames_free() >> 8);
	smp_release();
	run_loop();
}

noreturn_fn void core_start_cpu(void)
{
	start_this_cpu();
	run_loop();
}
