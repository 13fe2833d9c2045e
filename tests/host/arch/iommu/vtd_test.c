/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-d against a unit made here from its specification: order of starting, invalidation by queue
 * and by registers, faults, and units that do not answer. */
// links: arch/x86_64/iommu/vtd.c arch/x86_64/iommu/space.c arch/x86_64/iommu/tables.c
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

#define BASE   0xFED90000ull
#define IRO    0x300u /* bytes */
#define FRO    0x220u
#define FAULTS 2u

static u8 regs[2 * PAGE_SIZE];
static u64 cap, ecap;
static bool mute;   /* answers no command */
static bool broken; /* does not finish invalidations */
static u32 iotlb_dropped, contexts_dropped, buffers_written;
static bool running, root_set;

static bool read_inside(const volatile void *p)
{
	return (const volatile u8 *)p >= regs && (const volatile u8 *)p < regs + sizeof(regs);
}

static u32 *reg(u32 at)
{
	return (u32 *)(void *)(regs + at);
}
static u64 *reg64(u32 at)
{
	return (u64 *)(void *)(regs + at);
}

void *mmio_map(hpa_t a, size_t size)
{
	assert_int_equal(a.v, BASE);
	assert_true(size <= sizeof(regs));
	return regs;
}

/* Outside the registers it is memory that the unit writes. */
u32 mmio_read32(const volatile void *p)
{
	return *(const volatile u32 *)p;
}
u64 mmio_read64(const volatile void *p)
{
	assert_true(read_inside(p));
	return *(const volatile u64 *)p;
}

static void command(u32 v)
{
	u32 lasting = v & ~(1u << 30 | 1u << 27);

	if (mute)
		return;
	if (v & 1u << 30)
		root_set = true;
	if (v & 1u << 27)
		buffers_written++;
	if (!(v & 1u << 26))
		*reg64(0x80) = 0;
	if (v & 1u << 31) {
		/* Nothing may be left of what was known before. */
		assert_true(running || (root_set && iotlb_dropped && contexts_dropped));
		running = true;
	} else {
		running = false;
	}
	*reg(0x1C) = lasting | (*reg(0x1C) & 1u << 30) | (v & 1u << 30);
}

static void queue(u64 tail)
{
	u64 *q = phys_to_virt(hpa(*reg64(0x90) & ~PAGE_MASK));

	assert_true(*reg(0x1C) & 1u << 26);
	for (u64 at = *reg64(0x80); at != tail; at = (at + 16) % PAGE_SIZE) {
		u64 lo = q[at / 8], hi = q[at / 8 + 1];

		if ((lo & 0xF) == 1)
			contexts_dropped++;
		else if ((lo & 0xF) == 2)
			iotlb_dropped++;
		else if ((lo & 0xF) == 5 && (lo & 1 << 5) && !broken)
			*(u32 *)phys_to_virt(hpa(hi)) = (u32)(lo >> 32);
		else if (!broken)
			fail_msg("descriptor %lx", (unsigned long)lo);
	}
	*reg64(0x80) = tail;
}

void mmio_write32(volatile void *p, u32 v)
{
	u32 at = (u32)((volatile u8 *)p - regs);

	assert_true(read_inside(p));
	if (at == 0x18)
		command(v);
	else if (at == 0x34)
		*reg(at) &= ~(v & 0x71u);
	else if (at >= FRO && at < FRO + 16 * FAULTS && at % 16 == 12)
		*reg(at) &= ~(v & 1u << 31);
	else
		*reg(at) = v;
}
void mmio_write64(volatile void *p, u64 v)
{
	u32 at = (u32)((volatile u8 *)p - regs);

	assert_true(read_inside(p));
	*reg64(at) = v;
	if (at == 0x88) {
		if (*reg(0x1C) & 1u << 26)
			queue(v);
	} else if (at == 0x28 && v >> 63) {
		contexts_dropped++;
		*reg64(at) = broken ? v : v & ~(1ull << 63);
	} else if (at == IRO + 8 && v >> 63) {
		assert_int_equal(v >> 60 & 3, 1); /* all there is */
		iotlb_dropped++;
		*reg64(at) = broken ? v : v & ~(1ull << 63);
	}
}

static struct {
	u16 source;
	bool write;
	u64 address;
	u32 reason;
} blocked[8];
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

static const char *start(void)
{
	struct iommu_tables t = {.units = {BASE}, .unit_count = 1};
	const char *wrong;

	*reg64(8) = cap;
	*reg64(16) = ecap;
	wrong = vtd_kind.prepare(&t, &s);
	if (wrong)
		return wrong;
	s.root = page_alloc(0);
	return vtd_kind.enable(&s);
}

static int begin(void **state)
{
	(void)state;
	memset(regs, 0, sizeof(regs));
	*reg(0) = 0x10;
	/* 3 and 4 levels. */
	cap = 6ull << 8 | (u64)(FRO / 16) << 24 | (u64)(FAULTS - 1) << 40;
	ecap = 1 | 2 | (u64)(IRO / 16) << 8;
	mute = broken = running = root_set = false;
	iotlb_dropped = contexts_dropped = buffers_written = blocked_count = more = 0;
	return 0;
}
static int end(void **state)
{
	(void)state;
	fake_machine_reset();
	return 0;
}

/* As hardware goes: "DMA Remapping" for any bus and device number. */
static void check_tables(unsigned int levels)
{
	const u64 *root = phys_to_virt(hpa(*reg64(0x20)));

	assert_int_equal(*reg64(0x20) & PAGE_MASK, 0); /* legacy mode */
	for (u32 bus = 0; bus < 256; bus += 51) {
		const u64 *context = phys_to_virt(hpa(root[2 * bus] & ~PAGE_MASK));

		assert_int_equal(root[2 * bus] & PAGE_MASK, 1);
		assert_int_equal(root[2 * bus + 1], 0);
		for (u32 device = 0; device < 256; device += 17) {
			assert_int_equal(context[2 * device], virt_to_phys(s.root).v | 1);
			assert_int_equal(context[2 * device + 1] & 7, levels - 2);
			assert_int_equal(context[2 * device + 1] >> 8, 1);
		}
	}
}

static void by_queue(void **state)
{
	(void)state;
	assert_null(start());
	assert_true(running);
	check_tables(4);
	assert_int_equal(s.levels, 4);
	assert_true(s.coherent);
	assert_false(s.settle_when_new);
	for (u32 i = 0; i < 600; i++) { /* around the ring */
		iotlb_dropped = 0;
		vtd_kind.flush();
		assert_int_equal(iotlb_dropped, 1);
	}
	broken = true;
	expect_assert_failure(vtd_kind.flush());
}

static void by_registers(void **state)
{
	(void)state;
	ecap &= ~3ull;
	cap = (cap & ~(6ull << 8)) | 2ull << 8 | 1ull << 4 | 1ull << 5;
	*reg(0x64) = 1u << 31 | 1; /* what the firmware protects */
	assert_null(start());
	assert_true(running);
	check_tables(3);
	assert_int_equal(*reg(0x1C) >> 26 & 1, 0);
	assert_false(s.coherent);
	assert_true(s.settle_when_new);
	assert_true(fake_lines_written >= 2 * PAGE_SIZE / 64);
	assert_int_equal(*reg(0x64), 0);
	iotlb_dropped = buffers_written = 0;
	vtd_kind.flush();
	assert_int_equal(iotlb_dropped, 1);
	assert_int_equal(buffers_written, 1);
	broken = true;
	expect_assert_failure(vtd_kind.flush());
}

static void caches_holes(void **state)
{
	(void)state;
	cap |= 1ull << 7;
	assert_null(start());
	assert_true(s.settle_when_new);
}

/* What the firmware left on is replaced. */
static void was_on(void **state)
{
	(void)state;
	*reg(0x1C) = 1u << 31 | 1u << 26;
	*reg64(0x80) = 0; /* the head follows a new queue */
	assert_null(start());
	assert_true(running);
}

static void left_off(void **state)
{
	(void)state;
	*reg(0) = 0;
	assert_string_equal(start(), "VT-d registers that are not there");
	*reg(0) = 0x10;
	cap ^= 6ull << 8;
	assert_string_equal(start(), "VT-d without tables of 3 or 4 levels");
	cap ^= 6ull << 8;
	mute = true;
	assert_string_equal(start(), "a VT-d unit that does not answer");
	mute = false;
	broken = true;
	assert_string_equal(start(), "a VT-d unit that does not answer");
	assert_false(running);
	ecap &= ~2ull;
	assert_string_equal(start(), "a VT-d unit that does not answer");
	assert_false(running);
	broken = false;
	fake_pages_left = 2;
	assert_string_equal(start(), "too little memory for its tables");
	fake_pages_left = ~0u;
	assert_null(start());
}

static void set_fault(u32 i, u64 address, u16 source, bool write, u8 reason)
{
	*reg64(FRO + 16 * i) = address;
	*reg(FRO + 16 * i + 8) = source;
	*reg(FRO + 16 * i + 12) = 1u << 31 | (write ? 0 : 1u << 30) | reason;
	*reg(0x34) |= 2;
}

static void faults(void **state)
{
	(void)state;
	assert_null(start());
	vtd_kind.poll();
	assert_int_equal(blocked_count, 0);
	set_fault(1, 0x123456000, 0x0128, true, 5);
	vtd_kind.poll();
	assert_int_equal(blocked_count, 1);
	assert_int_equal(blocked[0].source, 0x0128);
	assert_true(blocked[0].write);
	assert_int_equal(blocked[0].address, 0x123456000);
	assert_int_equal(blocked[0].reason, 5);
	assert_int_equal(*reg(FRO + 16 + 12) >> 31, 0);
	*reg(0x34) = 0;
	vtd_kind.poll();
	assert_int_equal(blocked_count, 1);
	set_fault(0, 0x1000, 8, false, 6);
	set_fault(1, 0x2000, 8, true, 5);
	*reg(0x34) |= 1;
	vtd_kind.poll();
	assert_int_equal(blocked_count, 3);
	assert_false(blocked[1].write);
	assert_int_equal(more, 1);
	assert_int_equal(*reg(0x34) & 1, 0);
}

static void its_registers(void **state)
{
	(void)state;
	assert_null(start());
	assert_true(vtd_kind.owns(BASE));
	assert_false(vtd_kind.owns(BASE + PAGE_SIZE));
	assert_false(vtd_kind.owns(BASE - PAGE_SIZE));
	cap = (cap & ~(0x3FFull << 24)) |
	      0xFFull << 24; /* the last record ends in the second page */
	assert_null(start());
	assert_true(vtd_kind.owns(BASE + PAGE_SIZE));
	assert_false(vtd_kind.owns(BASE + 2 * PAGE_SIZE));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_queue), TEST(by_registers), TEST(caches_holes), TEST(was_on),
		TEST(left_off), TEST(faults),       TEST(its_registers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
