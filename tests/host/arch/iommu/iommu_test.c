/* SPDX-License-Identifier: BSD-2-Clause */
/* What is common to all IOMMUs: what is asked of them, when they are left off, what the log says.
 */
// links: arch/x86_64/iommu/iommu.c arch/x86_64/iommu/space.c boot/multiboot2.c
// links: tests/fake/iommu/machine.c
// cflags: -include tests/fake/iommu/machine.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/iommu/iommu.h>
#include <arch/x86_64/iommu/unit.h>
#include <arch/x86_64/platform/acpi.h>
#include <boot/multiboot2.h>
#include <core/mm/frame.h>
#include <core/timer.h>
#include <xen/errno.h>

#define OWN  0x400000u
#define SIZE MIB(16)
#define RMRR 0xBF000000ull

struct acpi_info acpi_info;
static struct boot_info boot;
static const struct iommu_space *space;
static const char *wrong_at[3]; /* parse, prepare, enable */
static struct iommu_range asked;
static u32 flushes;
static u32 faults; /* that poll() finds, each of another page */
static u32 same;   /* of one page, before these */

u32 mmio_read32(const volatile void *p)
{
	return *(const volatile u32 *)p;
}

static const char *parse(struct iommu_tables *out, const u8 *t, u32 size)
{
	assert_int_equal(*t, 7);
	assert_int_equal(size, 1);
	*out = (struct iommu_tables){.units = {0xFED90000}, .unit_count = 1};
	if (asked.end) {
		out->ranges[0] = asked;
		out->range_count = 1;
	}
	return wrong_at[0];
}
static const char *prepare(const struct iommu_tables *t, struct iommu_space *s)
{
	(void)t;
	*s = (struct iommu_space){.format = &vtd_format, .levels = 3, .coherent = true};
	return wrong_at[1];
}
static const char *enable(const struct iommu_space *s)
{
	space = s;
	return wrong_at[2];
}
static void flush(void)
{
	flushes++;
}
static void poll(void)
{
	for (; same; same--)
		iommu_blocked(0x0128, true, 0x5000 + same, "reason", 5);
	for (; faults; faults--)
		iommu_blocked(0x0128, false, (u64)faults << 12, "reason", 6);
}
static bool owns(u64 page)
{
	return page == 0xFED90000;
}
const struct iommu_kind vtd_kind = {"VT-d", parse, prepare, enable, flush, poll, owns};
const struct iommu_kind amdvi_kind = {"AMD-Vi", parse, prepare, enable, flush, poll, owns};

static struct timer *timer;
static u64 armed;

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}
void timer_set(struct timer *t, u64 expires)
{
	timer = t;
	armed = expires;
}

/* The next poll. */
static void tick(void)
{
	assert_in_range(armed - fake_now, 1, 100000000);
	fake_now = armed;
	timer->fn(timer);
}

static u32 lines(const char *what)
{
	u32 n = 0;

	for (const char *p = fake_log; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* 0: blocked, 1: reading, 3: both. */
static unsigned int rights(u64 address)
{
	const u64 *table = space->root;
	u64 e = 0;

	for (unsigned int shift = 30; shift >= 12; shift -= 9) {
		e = table[address >> shift & 511];
		if (!e)
			return 0;
		table = phys_to_virt(hpa(e & 0x000FFFFFFFFFF000ull));
	}
	return (unsigned int)e & 3;
}

static int begin(void **state)
{
	static const u8 table[] = {7};

	(void)state;
	memset(&boot, 0, sizeof(boot));
	boot.ranges[0] = (struct boot_range){0x100000, 0xBE000000, BOOT_MEM_RAM};
	boot.ranges[1] = (struct boot_range){RMRR, RMRR + 0x10000, 2};
	boot.range_count = 2;
	boot.cmdline = "";
	acpi_info.dmar = (struct acpi_table){table, 1};
	memset(wrong_at, 0, sizeof(wrong_at));
	asked = (struct iommu_range){0, 0};
	flushes = faults = same = 0;
	timer = NULL;
	fake_log[0] = 0;
	return 0;
}

static void expect_off(const char *why)
{
	char line[200];

	iommu_init(&boot, hpa(OWN), SIZE);
	snprintf(line, sizeof(line), "IOMMU: %s: devices can reach all memory\n", why);
	assert_non_null(strstr(fake_log, line));
	assert_null(timer);
	assert_false(iommu_owns(0xFED90000));
	assert_int_equal(iommu_allow(hfn(5), true), 0); /* as if it were */
	iommu_revoke(hfn(5), true);
	iommu_settle();
	assert_int_equal(flushes, 0);
	fake_log[0] = 0;
}

/* First of all tests: what is turned on stays on. */
static void left_off(void **state)
{
	(void)state;
	acpi_info.dmar.bytes = NULL;
	expect_off("none");
	begin(state);
	boot.cmdline = "iommu=off";
	expect_off("left off by the command line");
	boot.cmdline = "quiet iommu=off more";
	expect_off("left off by the command line");
	boot.cmdline = "iommu=offside noiommu=off iommu=of";
	wrong_at[0] = "no unit";
	expect_off("no unit");
	boot.cmdline = "";
	wrong_at[0] = NULL;
	wrong_at[1] = "VT-d without tables of 3 or 4 levels";
	expect_off("VT-d without tables of 3 or 4 levels");
	wrong_at[1] = NULL;
	wrong_at[2] = "a VT-d unit that does not answer";
	expect_off("a VT-d unit that does not answer");
	wrong_at[2] = NULL;
	for (fake_pages_left = 0; fake_pages_left < 5;) {
		unsigned int pages = fake_pages_left;

		expect_off("too little memory for its tables");
		fake_pages_left = pages + 1;
	}
	fake_pages_left = ~0u;
	asked = (struct iommu_range){0x7FFFFFF000, 0x8000001000}; /* more than the tables reach */
	expect_off("too little memory for its tables");
}

static void what_devices_reach(void **state)
{
	(void)state;
	asked = (struct iommu_range){RMRR + 0x800, RMRR + 0x2800};
	iommu_init(&boot, hpa(OWN), SIZE);
	assert_int_equal(lines("IOMMU: VT-d at 0xfed90000, 3-level tables"), 1);
	assert_int_equal(lines("the firmware wants devices to reach 0xbf000800 to 0xbf0027ff\n"),
			 1);
	assert_true(iommu_owns(0xFED90000));
	assert_int_equal(rights(OWN), 3);
	assert_int_equal(rights(OWN - 1), 0);
	assert_int_equal(rights(OWN + SIZE - 1), 3);
	assert_int_equal(rights(OWN + SIZE), 0);
	assert_int_equal(rights(RMRR), 3);
	assert_int_equal(rights(RMRR + 0x2000), 3);
	assert_int_equal(rights(RMRR + 0x3000), 0);

	begin(state);
	asked = (struct iommu_range){0xBDFFF000, 0xBE001000};
	iommu_init(&boot, hpa(OWN), SIZE);
	assert_int_equal(lines("to 0xbe000fff: refused, that is RAM\n"), 1);
	assert_int_equal(rights(0xBDFFF000), 0);
	assert_int_equal(rights(0xBE000000), 0);
}

static void grants(void **state)
{
	(void)state;
	iommu_init(&boot, hpa(OWN), SIZE);
	iommu_settle();
	assert_int_equal(iommu_allow(hfn(0x9000), false), 0);
	assert_int_equal(iommu_allow(hfn(0x9001), true), 0);
	iommu_settle();
	assert_int_equal(flushes, 0);
	assert_int_equal(rights(0x9000000), 1);
	assert_int_equal(rights(0x9001000), 3);
	iommu_revoke(hfn(0x9000), false);
	iommu_revoke(hfn(0x9001), true);
	assert_int_equal(flushes, 0);
	iommu_settle(); /* one for both */
	assert_int_equal(flushes, 1);
	iommu_settle();
	assert_int_equal(flushes, 1);
	assert_int_equal(rights(0x9000000), 0);
	fake_pages_left = 0;
	assert_int_equal(iommu_allow(hfn(0x70000), true), -XEN_ENOMEM);
	fake_pages_left = ~0u;
}

/* Ten lines a second; the rest is counted. */
static void a_storm(void **state)
{
	(void)state;
	iommu_init(&boot, hpa(OWN), SIZE);
	fake_log[0] = 0;
	same = 500;
	tick();
	assert_string_equal(fake_log,
			    "IOMMU: device 01:05.0: write of 0x51f4 blocked: reason 0x5\n");
	fake_log[0] = 0;
	for (u32 i = 0; i < 8; i++) {
		faults = 100;
		tick();
	}
	assert_int_equal(lines("device 01:05.0: read of"), 9);
	tick();
	/* 499 of one page, and all but 9 of the others. */
	assert_int_equal(lines("IOMMU: 1290 or more others blocked\n"), 1);
	fake_log[0] = 0;
	for (u32 i = 0; i < 30; i++)
		tick();
	assert_string_equal(fake_log, "");
	same = 1; /* heard again */
	tick();
	assert_int_equal(lines("blocked: reason 0x5"), 1);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(left_off), TEST(what_devices_reach), TEST(grants),
					   TEST(a_storm)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_machine_reset();
	return failed;
}
