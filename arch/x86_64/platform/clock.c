/* SPDX-License-Identifier: BSD-2-Clause */
/* The TSC as the clock: how fast it counts is measured, not believed. */
#include <arch/x86_64/platform/clock.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/acpi.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>

#define RUNS   5u
#define RUN_US 4000u

#define HPET_CAPABILITIES 0x000
#define HPET_CONFIG       0x010
#define HPET_COUNTER      0x0F0
#define HPET_ON           1u
#define FS_PER_SEC        1000000000000000ull
#define HPET_PERIOD_MAX   100000000u /* fs: IA-PC HPET Specification, "General Capabilities" */
#define PM_TIMER_HZ       3579545u
#define PIT_HZ            1193182u
#define PIT_COUNTER2      0x42
#define PIT_COMMAND       0x43
#define PIT_GATE          0x61

#define CMOS_INDEX    0x70
#define CMOS_DATA     0x71
#define CMOS_STATUS_A 0x0A
#define CMOS_STATUS_B 0x0B
#define CMOS_UPDATING 0x80
#define CMOS_BINARY   0x04
#define CMOS_24H      0x02
#define CMOS_PM       0x80

/* A clock of known frequency to measure against. */
struct reference {
	const char *name;
	u64 hz;
	u32 mask; /* of the counter's bits */
	u32 (*read)(void);
};

bool clock_tsc_stable = true;

static struct clock_scale to_ns, to_tsc;
static u64 tsc_base, tsc_hz, utc_boot_ns;
static u8 *hpet;

static u32 hpet_read(void)
{
	return mmio_read32(hpet + HPET_COUNTER);
}

static u32 pm_timer_read(void)
{
	return inl(acpi_info.pm_timer_port);
}

static u32 pit_read(void)
{
	u32 low;

	outb(PIT_COMMAND, 0x80); /* latch counter 2 */
	low = inb(PIT_COUNTER2);
	return ~(low | (u32)inb(PIT_COUNTER2) << 8); /* it counts down */
}

static bool hpet_start(struct reference *r)
{
	u64 capabilities, period;

	if (acpi_info.hpet_address == 0)
		return false;
	hpet = mmio_map(hpa(acpi_info.hpet_address), 0x400);
	if (hpet == NULL)
		return false;
	capabilities = mmio_read64(hpet + HPET_CAPABILITIES);
	period = capabilities >> 32;
	if (period == 0 || period > HPET_PERIOD_MAX)
		return false;
	mmio_write32(hpet + HPET_CONFIG, mmio_read32(hpet + HPET_CONFIG) | HPET_ON);
	*r = (struct reference){"HPET", FS_PER_SEC / period, ~0u, hpet_read};
	return true;
}

static void pit_start(struct reference *r)
{
	outb(PIT_GATE, (u8)((inb(PIT_GATE) & ~3u) | 1u)); /* gate on, speaker off */
	outb(PIT_COMMAND, 0xB4); /* counter 2, both bytes, rate generator: counts by one */
	outb(PIT_COUNTER2, 0);
	outb(PIT_COUNTER2, 0);
	*r = (struct reference){"PIT", PIT_HZ, 0xFFFF, pit_read};
}

/* One run: the TSC's frequency, or 0 if the reference stands still. */
static u64 measure(const struct reference *r)
{
	u32 want = (u32)(r->hz * RUN_US / 1000000), first, passed, last;
	u64 start, end;
	u32 stuck = 0;

	last = r->read() & r->mask;
	/* Begin at an edge, so that slow counters cost no accuracy. */
	while ((first = r->read() & r->mask) == last)
		if (++stuck > 1000000)
			return 0;
	start = rdtsc_ordered();
	do {
		u32 now = r->read() & r->mask;

		end = rdtsc_ordered();
		stuck = now == last ? stuck + 1 : 0;
		last = now;
		passed = (now - first) & r->mask;
	} while (passed < want && stuck < 1000000);
	return stuck < 1000000 ? (end - start) * r->hz / passed : 0;
}

static u64 measure_median(const struct reference *r)
{
	u64 hz[RUNS] = {0};

	for (u32 i = 0; i < RUNS; i++) {
		u64 v = measure(r);
		u32 at = i;

		for (; at > 0 && hz[at - 1] > v; at--)
			hz[at] = hz[at - 1];
		hz[at] = v;
	}
	return hz[RUNS / 2];
}

/* What CPUID claims; 0: nothing. */
static u64 cpuid_tsc_hz(void)
{
	struct cpuid_regs r;

	if (cpu_features.max_leaf < 0x15)
		return 0;
	r = cpuid(0x15, 0);
	if (r.eax != 0 && r.ebx != 0 && r.ecx != 0)
		return (u64)r.ecx * r.ebx / r.eax;
	return cpu_features.max_leaf >= 0x16 ? (cpuid(0x16, 0).eax & 0xffff) * 1000000ull : 0;
}

static void compare_with_cpuid(void)
{
	u64 claim = cpuid_tsc_hz(), off = claim > tsc_hz ? claim - tsc_hz : tsc_hz - claim;

	if (claim != 0 && off > tsc_hz / 100)
		log_line("clock: CPUID claims a TSC of %lu kHz: not believed", claim / 1000);
}

static u8 cmos_read(u8 reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

struct cmos_time {
	u8 second, minute, hour, day, month, year, century;
};

static void cmos_read_time(struct cmos_time *t)
{
	for (u32 i = 0; i < 100000 && (cmos_read(CMOS_STATUS_A) & CMOS_UPDATING); i++)
		cpu_relax();
	*t = (struct cmos_time){cmos_read(0),
				cmos_read(2),
				cmos_read(4),
				cmos_read(7),
				cmos_read(8),
				cmos_read(9),
				0};
	if (acpi_info.century_register != 0)
		t->century = cmos_read(acpi_info.century_register & 0x7f);
}

static u32 cmos_number(u8 v, u8 status)
{
	return status & CMOS_BINARY ? v : (v >> 4) * 10u + (v & 15u);
}

static u64 cmos_utc_seconds(void)
{
	struct cmos_time t, again;
	u8 status = cmos_read(CMOS_STATUS_B);
	u32 hour, year;

	cmos_read_time(&t);
	cmos_read_time(&again);
	if (t.second != again.second) /* it moved on: between two updates now */
		cmos_read_time(&again);
	hour = cmos_number(again.hour & 0x7f, status);
	if (!(status & CMOS_24H))
		hour = hour % 12 + (again.hour & CMOS_PM ? 12 : 0);
	year = cmos_number(again.year, status);
	year += again.century != 0 ? cmos_number(again.century, status) * 100 : 2000;
	return clock_date_to_seconds(
		year, cmos_number(again.month, status), cmos_number(again.day, status), hour,
		cmos_number(again.minute, status), cmos_number(again.second, status));
}

void clock_begin(void)
{
	tsc_base = rdtsc();
}

void clock_init(void)
{
	struct reference r = {NULL, 0, 0, NULL};

	if (hpet_start(&r))
		tsc_hz = measure_median(&r);
	if (tsc_hz == 0 && acpi_info.pm_timer_port != 0) {
		r = (struct reference){"ACPI PM timer", PM_TIMER_HZ,
				       acpi_info.pm_timer_32bit ? ~0u : 0xFFFFFF, pm_timer_read};
		tsc_hz = measure_median(&r);
	}
	if (tsc_hz == 0) {
		pit_start(&r);
		tsc_hz = measure_median(&r);
	}
	if (tsc_hz < 1000000)
		panic("clock: the TSC cannot be measured: no HPET, PM timer or PIT that counts");
	to_ns = clock_scale_ratio(NS_PER_SEC, tsc_hz);
	to_tsc = clock_scale_ratio(tsc_hz, NS_PER_SEC);
	utc_boot_ns = cmos_utc_seconds() * NS_PER_SEC - clock_ns();
	log_line("clock: TSC at %lu kHz by the %s", tsc_hz / 1000, r.name);
	compare_with_cpuid();
}

u64 clock_tsc_to_ns(u64 tsc)
{
	return clock_scale_apply(to_ns, tsc - tsc_base);
}

u64 clock_ns(void)
{
	return clock_tsc_to_ns(rdtsc());
}

u64 clock_ns_to_tsc(u64 ns)
{
	/* Both scales round down: a tick for each. */
	return ns >> 60 ? ~0ull : tsc_base + clock_scale_apply(to_tsc, ns) + 2;
}

void clock_params(u32 *mul, s8 *shift, u64 *base, u32 *khz)
{
	*mul = to_ns.mul;
	*shift = to_ns.shift;
	*base = tsc_base;
	*khz = (u32)(tsc_hz / 1000);
}

u64 clock_utc_boot_ns(void)
{
	return utc_boot_ns;
}

void clock_delay_us(u32 us)
{
	u64 end = clock_ns() + us * 1000ull;

	while (clock_ns() < end)
		cpu_relax();
}
