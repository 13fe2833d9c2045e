/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC. x2APIC has the registers of the MMIO page as MSRs. Intel SDM, volume 3, "Advanced
 * Programmable Interrupt Controller (APIC)". */
#include <arch/x86_64/irq/lapic.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/cpu/vectors.h>
#include <arch/x86_64/irq/apic_regs.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/clock.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>

#define DIVIDE_BY_1 0xBu
#define ICR_PENDING 0x1000u
#define ICR_ASSERT  0x4000u

#define PIC1_COMMAND 0x20
#define PIC1_DATA    0x21
#define PIC2_COMMAND 0xA0
#define PIC2_DATA    0xA1

#define CALIBRATE_NS    2000000ull
#define ONE_SHOT_MAX_NS 2000000000ull

static bool x2apic, deadline;
static u8 *registers;            /* NULL in x2APIC mode, or while there is none */
static struct clock_scale ticks; /* from ns to timer ticks */

static u32 reg_read(u32 reg)
{
	return x2apic ? (u32)rdmsr(MSR_X2APIC_FIRST + reg) : mmio_read32(registers + 16 * reg);
}

static void reg_write(u32 reg, u32 v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC_FIRST + reg, v);
	else
		mmio_write32(registers + 16 * reg, v);
}

/* The 8259s deliver nothing; what they spuriously do stays clear of the exceptions. */
static void pic_mask(void)
{
	/* First vector; which input the second one is at; 8086 mode; the mask. */
	static const u8 words[][2] = {
		{VECTOR_PIC_FIRST, VECTOR_PIC_FIRST + 8}, {4, 2}, {1, 1}, {0xFF, 0xFF}};

	outb(PIC1_COMMAND, 0x11); /* begin initialisation */
	outb(PIC2_COMMAND, 0x11);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		outb(PIC1_DATA, words[i][0]);
		outb(PIC2_DATA, words[i][1]);
	}
}

void lapic_init(hpa_t base)
{
	x2apic = cpu_has(CPU_X2APIC);
	deadline = cpu_has(CPU_TSC_DEADLINE);
	if (!x2apic) {
		registers = mmio_map(base.v != 0 ? base
						 : hpa(rdmsr(MSR_APIC_BASE) & ~PAGE_MASK &
						       low_mask(cpu_features.phys_bits)),
				     PAGE_SIZE);
		if (registers == NULL)
			panic("no memory to map the local APIC");
	}
	pic_mask();
	lapic_init_cpu();
	log_line("lapic: %s, timer by %s", x2apic ? "x2APIC" : "xAPIC",
		 deadline ? "TSC deadline" : "one-shot count");
}

void lapic_init_cpu(void)
{
	static const u32 masked[] = {LVT_TIMER, LVT_LINT0, LVT_LINT1, LVT_ERROR};
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_EN;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_EXTD); /* only from the enabled state */
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		reg_write(REG_LVT + masked[i], LVT_MASKED);
	if (((reg_read(REG_VERSION) >> 16) & 0xff) >= 4)
		reg_write(REG_LVT + LVT_PERF, LVT_MASKED);
	reg_write(REG_TPR, 0);
	reg_write(REG_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	reg_write(REG_DIVIDE, DIVIDE_BY_1);
	reg_write(REG_LVT + LVT_TIMER, VECTOR_TIMER | (deadline ? LVT_DEADLINE : 0));
	/* The mode must be set before the first deadline is written. */
	__asm__ volatile("mfence" ::: "memory");
}

static u64 count_ticks(const void *ctx)
{
	u64 start = clock_ns(), end;
	u32 left;

	(void)ctx;
	reg_write(REG_INITIAL, ~0u);
	do
		end = clock_ns();
	while (end - start < CALIBRATE_NS);
	left = reg_read(REG_CURRENT);
	reg_write(REG_INITIAL, 0);
	return (~0u - left) * NS_PER_SEC / (end - start);
}

void lapic_timer_calibrate(void)
{
	u64 hz;

	if (deadline)
		return;
	reg_write(REG_LVT + LVT_TIMER, LVT_MASKED);
	hz = clock_median(count_ticks, NULL);
	reg_write(REG_LVT + LVT_TIMER, VECTOR_TIMER);
	if (hz < 1000)
		panic("the local APIC timer does not count");
	ticks = clock_scale_ratio(hz, NS_PER_SEC);
	log_line("lapic: timer at %lu kHz", hz / 1000);
}

bool lapic_is_x2apic(void)
{
	return x2apic;
}

u32 lapic_id(void)
{
	u32 id = reg_read(REG_ID);

	return x2apic ? id : id >> 24;
}

void lapic_eoi(void)
{
	reg_write(REG_EOI, 0);
}

void lapic_timer_arm(u64 abs_ns)
{
	u64 now, delta;

	if (deadline) {
		wrmsr(MSR_TSC_DEADLINE, clock_ns_to_tsc(abs_ns) | 1);
		return;
	}
	now = clock_ns();
	delta = abs_ns > now ? min_u64(abs_ns - now, ONE_SHOT_MAX_NS) : 0;
	/* One more: never early by a part of a tick. */
	reg_write(REG_INITIAL, (u32)min_u64(clock_scale_apply(ticks, delta) + 1, ~0u));
}

void lapic_send(u32 apic_id, u32 command)
{
	command |= ICR_ASSERT;
	if (x2apic) {
		/* Not serialising, unlike the MMIO write: what the target shall see comes first. */
		__asm__ volatile("mfence\n lfence" ::: "memory");
		wrmsr(MSR_X2APIC_FIRST + REG_ICR, (u64)apic_id << 32 | command);
		return;
	}
	if (registers == NULL)
		return;
	while (reg_read(REG_ICR) & ICR_PENDING)
		cpu_relax();
	reg_write(REG_ICR2, apic_id << 24);
	reg_write(REG_ICR, command);
}
