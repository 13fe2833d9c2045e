/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-Vi against a unit made here from its specification: tables, commands, the event log. */
// links: arch/x86_64/iommu/amdvi.c arch/x86_64/iommu/space.c arch/x86_64/iommu/tables.c
// links: tests/fake/iommu/machine.c
// cflags: -include tests/fake/iommu/machine.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/iommu/unit.h>
#include <core/mm/frame.h>

#define BASE 0xFED80000ull

static u8 regs[4 * PAGE_SIZE];
static bool broken; /* completes nothing */
static u32 all_dropped, pages_dropped, devices_dropped;

static u64 *reg64(u32 at)
{
	return (u64 *)(void *)(regs + at);
}

void *mmio_map(hpa_t a, size_t size)
{
	assert_int_equal(a.v, BASE);
	assert_int_equal(size, sizeof(regs));
	return regs;
}
u32 mmio_read32(const volatile void *p)
{
	return *(const volatile u32 *)p;
}
u64 mmio_read64(const volatile void *p)
{
	return *(const volatile u64 *)p;
}
void mmio_write32(volatile void *p, u32 v)
{
	(void)p;
	fail_msg("32 bits: %x", v);
}

/* "Commands" */
static void run_one(u64 lo, u64 hi)
{
	switch (lo >> 60) {
	case 1:
		assert_int_equal(lo & 7, 1);
		if (!broken)
			*(u64 *)phys_to_virt(hpa(lo & 0x000FFFFFFFFFFFF8ull)) = hi;
		break;
	case 2:
		assert_int_equal(lo & 0x0FFFFFFFFFFF0000ull, 0);
		assert_int_equal(hi, 0);
		devices_dropped++;
		break;
	case 3:
		assert_int_equal(lo & 0x0FFFFFFFFFFFFFFFull, 1ull << 32); /* the domain */
		assert_int_equal(hi, 0x7FFFFFFFFFFFF003ull);              /* all, tables too */
		pages_dropped++;
		break;
	case 8:
		assert_int_equal(lo << 4, 0);
		all_dropped++;
		break;
	default:
		fail_msg("command %lx", (unsigned long)lo);
	}
}

void mmio_write64(volatile void *p, u64 v)
{
	u32 at = (u32)((volatile u8 *)p - regs);

	if (at == 0x2020) {
		*reg64(at) &= ~(v & 0x67);
		return;
	}
	*reg64(at) = v;
	if (at == 8)
		*reg64(0x2000) = 0;
	if (at != 0x2008 || (*reg64(0x18) & 0x1001) != 0x1001)
		return;
	for (u64 *q = phys_to_virt(hpa(*reg64(8) & 0x000FFFFFFFFFF000ull)); *reg64(0x2000) != v;
	     *reg64(0x2000) = (*reg64(0x2000) + 16) % PAGE_SIZE)
		run_one(q[*reg64(0x2000) / 8], q[*reg64(0x2000) / 8 + 1]);
}

static struct {
	u16 source;
	bool write;
	u64 address;
	u32 reason;
} blocked[512];
static u32 blocked_count, more;

void iommu_blocked(u16 source, bool write, u64 address, const char *what, u32 reason)
{
	(void)what;
	blocked[blocked_count].source = source;
	blocked[blocked_count].write = write;
	blocked[blocked_count].address = address;
	blocked[blocked_count++].reason = reason;
}
void iommu_blocked_more(void)
{
	more++;
}
bool iommu_wait(const volatile void *p, u32 mask, u32 value)
{
	return (mmio_read32(p) & mask) == value;
}

static struct iommu_space s;

static const char *start(u64 features)
{
	struct iommu_tables t = {.units = {BASE}, .unit_count = 1};
	const char *wrong;

	*reg64(0x30) = features;
	wrong = amdvi_kind.prepare(&t, &s);
	if (wrong)
		return wrong;
	s.root = page_alloc(0);
	return amdvi_kind.enable(&s);
}

static int begin(void **state)
{
	(void)state;
	memset(regs, 0, sizeof(regs));
	broken = false;
	all_dropped = pages_dropped = devices_dropped = blocked_count = more = 0;
	return 0;
}
static int end(void **state)
{
	(void)state;
	fake_machine_reset();
	return 0;
}

static void starting(void **state)
{
	const u64 *devices;

	(void)state;
	*reg64(0x18) = 0xFFFF; /* the firmware's */
	assert_null(start(1 << 6));
	assert_int_equal(*reg64(0x18), 0x1405);
	assert_int_equal(*reg64(0) & PAGE_MASK, 0x1FF);
	assert_int_equal(*reg64(8) >> 56, 8);
	assert_int_equal(*reg64(0x10) >> 56, 8);
	assert_int_equal(all_dropped, 1);
	devices = phys_to_virt(hpa(*reg64(0) & 0x000FFFFFFFFFF000ull));
	for (u32 id = 0; id < 65536; id++, devices += 4) {
		/* Valid, 4 levels, reading and writing; domain 1; interrupts as they are. */
		assert_int_equal(devices[0], virt_to_phys(s.root).v | 3 | 4 << 9 | 3ull << 61);
		assert_int_equal(devices[1], 1);
		assert_int_equal(devices[2], 0);
		assert_int_equal(devices[3], 0);
	}
	for (u32 i = 0; i < 600; i++)
		amdvi_kind.flush();
	assert_int_equal(pages_dropped, 600);
	broken = true;
	expect_assert_failure(amdvi_kind.flush());
}

/* Each entry by itself where the unit can't drop all. */
static void old_unit(void **state)
{
	(void)state;
	assert_null(start(0));
	assert_int_equal(devices_dropped, 65536);
	assert_int_equal(pages_dropped, 1);
	assert_int_equal(all_dropped, 0);
}

static void left_off(void **state)
{
	(void)state;
	assert_string_equal(start(~0ull), "AMD-Vi registers that are not there");
	broken = true;
	assert_string_equal(start(0), "an AMD-Vi unit that does not answer");
	assert_int_equal(*reg64(0x18), 0);
	broken = false;
	fake_pages_left = 1;
	assert_string_equal(start(0), "too little memory for its tables");
	fake_pages_left = 3;
	assert_string_equal(start(0), "too little memory for its tables");
	assert_int_equal(*reg64(0x18), 0);
}

/* "Event Log" */
static void put_event(u64 code, u16 source, bool write, u64 address)
{
	u64 *log = phys_to_virt(hpa(*reg64(0x10) & 0x000FFFFFFFFFF000ull));

	log[*reg64(0x2018) / 8] = code << 60 | (write ? 1ull << 53 : 0) | 1ull << 32 | source;
	log[*reg64(0x2018) / 8 + 1] = address;
	*reg64(0x2018) = (*reg64(0x2018) + 16) % PAGE_SIZE;
}

static void events(void **state)
{
	(void)state;
	assert_null(start(1 << 6));
	amdvi_kind.poll();
	assert_int_equal(blocked_count, 0);
	put_event(2, 0x0128, true, 0x123456780);
	put_event(1, 0xFFFF, false, 0x40);
	amdvi_kind.poll();
	assert_int_equal(blocked_count, 2);
	assert_int_equal(blocked[0].source, 0x0128);
	assert_true(blocked[0].write);
	assert_int_equal(blocked[0].address, 0x123456780);
	assert_int_equal(blocked[0].reason, 2);
	assert_false(blocked[1].write);
	assert_int_equal(blocked[1].reason, 1);
	for (u32 i = 0; i < 255; i++)
		put_event(2, 8, false, i * PAGE_SIZE);
	*reg64(0x2020) = 1 | 1 << 3; /* more than there was room for */
	amdvi_kind.poll();
	assert_int_equal(blocked_count, 257);
	assert_int_equal(blocked[256].address, 254 * PAGE_SIZE);
	assert_int_equal(more, 1);
	assert_int_equal(*reg64(0x2020) & 1, 0);
	assert_int_equal(*reg64(0x18), 0x1405);
	*reg64(0x2018) = ~0ull; /* registers that lie are walked in the ring */
	amdvi_kind.poll();
}

static void its_registers(void **state)
{
	(void)state;
	assert_null(start(1 << 6));
	assert_true(amdvi_kind.owns(BASE + 0x3000));
	assert_false(amdvi_kind.owns(BASE + 0x4000));
	assert_null(start(1 << 6 | 1 << 9));
	assert_true(amdvi_kind.owns(BASE + 0x7F000));
	assert_false(amdvi_kind.owns(BASE + 0x80000));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(starting), TEST(old_unit), TEST(left_off),
					   TEST(events), TEST(its_registers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
