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
	u32 mask;                           /* of the counter's bits */
	bool (*start)(struct reference *r); /* false: there is none */
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
	u64 period;

	hpet = acpi_info.hpet_address ? mmio_map(hpa(acpi_info.hpet_address), 0x400) : NULL;
	if (hpet == NULL)
		return false;
	period = mmio_read64(hpet + HPET_CAPABILITIES) >> 32;
	if (period == 0 || period > HPET_PERIOD_MAX)
		return false;
	mmio_write32(hpet + HPET_CONFIG, mmio_read32(hpet + HPET_CONFIG) | HPET_ON);
	r->hz = FS_PER_SEC / period;
	return true;
}

static bool pm_timer_start(struct reference *r)
{
	if (acpi_info.pm_timer_32bit)
		r->mask = ~0u;
	return acpi_info.pm_timer_port != 0;
}

static bool pit_start(struct reference *r)
{
	(void)r;
	outb(PIT_GATE, (u8)((inb(PIT_GATE) & ~3u) | 1u)); /* gate on, speaker off */
	outb(PIT_COMMAND, 0xB4); /* counter 2, both bytes, rate generator: counts by one */
	outb(PIT_COUNTER2, 0);
	outb(PIT_COUNTER2, 0);
	return true;
}

/* The best first. */
static struct reference references[] = {
	{"HPET", 0, ~0u, hpet_start, hpet_read},
	{"ACPI PM timer", 3579545, 0xFFFFFF, pm_timer_start, pm_timer_read},
	{"PIT", 1193182, 0xFFFF, pit_start, pit_read},
};

/* One run: the TSC's frequency, or 0 if the reference stands still. */
static u64 measure(const void *reference)
{
	const struct reference *r = reference;
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

u64 clock_median(u64 (*run)(const void *ctx), const void *ctx)
{
	u64 results[RUNS] = {0};

	for (u32 i = 0; i < RUNS; i++) {
		u64 v = run(ctx);
		u32 at = i;

		for (; at > 0 && results[at - 1] > v; at--)
			results[at] = results[at - 1];
		results[at] = v;
	}
	return results[RUNS / 2];
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

/* Seconds, minutes, hours, day, month, year, century. */
#define CMOS_FIELDS 7u

static void cmos_read_time(u8 t[CMOS_FIELDS])
{
	const u8 registers[CMOS_FIELDS] = {0, 2, 4, 7, 8, 9, acpi_info.century_register & 0x7f};

	for (u32 i = 0; i < 100000 && (cmos_read(CMOS_STATUS_A) & CMOS_UPDATING); i++)
		cpu_relax();
	for (u32 i = 0; i < CMOS_FIELDS; i++)
		t[i] = cmos_read(registers[i]);
}

static u64 cmos_utc_seconds(void)
{
	u8 before[CMOS_FIELDS], t[CMOS_FIELDS], status = cmos_read(CMOS_STATUS_B);
	u32 n[CMOS_FIELDS];
	bool pm;

	cmos_read_time(before);
	cmos_read_time(t);
	if (before[0] != t[0]) /* it moved on: between two updates now */
		cmos_read_time(t);
	pm = t[2] & CMOS_PM;
	t[2] &= 0x7f;
	for (u32 i = 0; i < CMOS_FIELDS; i++)
		n[i] = status & CMOS_BINARY ? t[i] : (t[i] >> 4) * 10u + (t[i] & 15u);
	if (!(status & CMOS_24H))
		n[2] = n[2] % 12 + (pm ? 12 : 0);
	n[5] += acpi_info.century_register != 0 && n[6] != 0 ? n[6] * 100 : 2000;
	return clock_date_to_seconds(n[5], n[4], n[3], n[2], n[1], n[0]);
}

void clock_begin(void)
{
	tsc_base = rdtsc();
}

void clock_init(void)
{
	const char *name = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(references) && tsc_hz == 0; i++) {
		name = references[i].name;
		if (references[i].start(&references[i]))
			tsc_hz = clock_median(measure, &references[i]);
	}
	if (tsc_hz < 1000000)
		panic("clock: the TSC cannot be measured: no HPET, PM timer or PIT that counts");
	to_ns = clock_scale_ratio(NS_PER_SEC, tsc_hz);
	to_tsc = clock_scale_ratio(tsc_hz, NS_PER_SEC);
	utc_boot_ns = cmos_utc_seconds() * NS_PER_SEC - clock_ns();
	log_line("clock: TSC at %lu kHz by the %s", tsc_hz / 1000, name);
	compare_with_cpuid();
}

u64 clock_ns(void)
{
	return clock_scale_apply(to_ns, rdtsc() - tsc_base);
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
