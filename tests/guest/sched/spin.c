/* SPDX-License-Identifier: BSD-2-Clause */
/* One of several that compete for CPUs: sleeps, spins, and says how much it got between two moments
 * of the clock, the same for all. Command line, in ms: from=, until=; end= (it spins up to then, so
 * that the others have somebody to compete with). The harness judges: tests/boot/sched_cases.py. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "shares of CPUs";
#define NS_PER_MS 1000000ull
#define AHEAD_NS  (200 * NS_PER_MS) /* spins for so long before it counts */
#define PIECE     1000u             /* steps between two looks at the clock */

/* The number behind this key on the command line. */
static u64 key_ns(const char *key)
{
	const char *p = (const char *)start_info()->cmdline_paddr;
	size_t n = strlen(key);
	u64 value = 0;

	for (; *p; p++) {
		if (memcmp(p, key, n))
			continue;
		for (p += n; *p >= '0' && *p <= '9'; p++)
			value = value * 10 + (u64)(*p - '0');
		return value * NS_PER_MS;
	}
	test_error("the command line has no %s", key);
}

static void sleep_until(u64 when)
{
	struct sched_poll p = {.nr_ports = 0, .timeout = when};

	while (clock_ns() < when)
		CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "sleep");
}

/* Steps done until then. */
static u64 spin_until(u64 when)
{
	u64 steps = 0;

	for (; clock_ns() < when; steps += PIECE)
		for (u32 i = 0; i < PIECE; i++)
			barrier();
	return steps;
}

static struct vcpu_runstate_info runstate(void)
{
	struct vcpu_runstate_info r;

	CHECK_EQ(vcpu_op(VCPUOP_get_runstate_info, 0, &r), 0, "runstate");
	return r;
}

void test_main(void)
{
	u64 from = key_ns("from="), until = key_ns("until="), end = key_ns("end="), steps;
	struct vcpu_runstate_info a, b;

	event_init();
	CHECK(clock_ns() + AHEAD_NS < from, "started too late to be there at the beginning");
	sleep_until(from - AHEAD_NS);
	(void)spin_until(from);
	a = runstate();
	steps = spin_until(until);
	b = runstate();
	(void)spin_until(end);
	print("SHARE ran=%lu waited=%lu slept=%lu steps=%lu\n",
	      (unsigned long)(b.time[RUNSTATE_running] - a.time[RUNSTATE_running]),
	      (unsigned long)(b.time[RUNSTATE_runnable] - a.time[RUNSTATE_runnable]),
	      (unsigned long)(b.time[RUNSTATE_blocked] - a.time[RUNSTATE_blocked]),
	      (unsigned long)steps);
}
// guest: boot=own
