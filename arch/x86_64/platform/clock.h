/* SPDX-License-Identifier: BSD-2-Clause */
/* Time from the TSC, calibrated at boot against a clock of known frequency. */
#ifndef ARCH_X86_64_PLATFORM_CLOCK_H
#define ARCH_X86_64_PLATFORM_CLOCK_H

#include <core/types.h>

/* Nanoseconds = ((delta << shift, or >> -shift) * mul) >> 32: the form of Xen's pvclock. */
struct clock_scale {
	u32 mul;
	s8 shift;
};
/* The scale that multiplies by to/from, both 1..2^62: (NS_PER_SEC, hz) turns ticks into ns. Pure.
 */
struct clock_scale clock_scale_ratio(u64 to, u64 from);
static inline u64 clock_scale_apply(struct clock_scale s, u64 delta)
{
	delta = s.shift >= 0 ? delta << s.shift : delta >> -s.shift;
	return (u64)(((unsigned __int128)delta * s.mul) >> 32);
}

/* Time 0 of clock_ns() is now. */
void clock_begin(void);
/* Measures the TSC (under 60 ms), checks CPUID's claim, reads the CMOS clock. Needs acpi_init(). */
void clock_init(void);
/* Since boot, monotonic on one CPU, and on all if clock_tsc_stable. 0 before clock_init(). */
u64 clock_ns(void);
/* First TSC value at which clock_ns() is at least ns. */
u64 clock_ns_to_tsc(u64 ns);
/* system_time = ((tsc - tsc_base) shifted) * mul >> 32 */
void clock_params(u32 *mul, s8 *shift, u64 *tsc_base, u32 *khz);
/* UTC when clock_ns() was 0, in ns since 1970. */
u64 clock_utc_boot_ns(void);
/* The median of five runs. */
u64 clock_median(u64 (*run)(const void *ctx), const void *ctx);
/* Spins. */
void clock_delay_us(u32 us);

/* All CPUs' TSCs agree. Set by smp_start_all(). */
extern bool clock_tsc_stable;

/* Pure. Seconds since 1970 of a date of the Gregorian calendar; month and day from 1. */
u64 clock_date_to_seconds(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second);

#endif
