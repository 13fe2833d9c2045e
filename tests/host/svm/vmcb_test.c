/* SPDX-License-Identifier: BSD-2-Clause */
/* Permission maps and what a new control block intercepts. */
// links: core/lib/bitmap.c svm/vmcb.c svm/exit.c tests/fake/svm/cpu.c
// cflags: -include tests/fake/svm/cpu.h -include tests/fake/arch/x86_64/mm/paging.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/regs.h>
#include <core/domain.h>
#include <core/lib/bitmap.h>
#include <core/vcpu.h>
#include <svm/svm.h>
#include <xen/errno.h>

static unsigned char ram[1];
unsigned char *fake_ram = ram;
u32 svm_clean_mask;
bool svm_tcg;
static int pages;
static bool out_of_memory;
static unsigned int lines;

void log_line(const char *fmt, ...)
{
	(void)fmt;
	lines++;
}
hpa_t ept_root(const struct ept *e)
{
	(void)e;
	return hpa(0x7000);
}
void *domain_page_alloc(struct domain *d, unsigned int order)
{
	void *p;

	(void)d;
	if (out_of_memory)
		return NULL;
	pages += 1 << order;
	p = aligned_alloc(4096, 4096u << order);
	memset(p, 0, 4096u << order);
	return p;
}
void domain_page_free(struct domain *d, void *page, unsigned int order)
{
	(void)d;
	pages -= 1 << order;
	free(page);
}

static u8 map[MSRPM_SIZE];
static struct domain dom;
static struct vcpu v;

static int setup(void **state)
{
	(void)state;
	memset(&dom, 0, sizeof(dom));
	memset(&v, 0, sizeof(v));
	v.domain = &dom;
	memset(map, 0xFF, sizeof(map));
	out_of_memory = false;
	svm_maps_init();
	return 0;
}

static unsigned int zero_bits(const u8 *p, size_t n)
{
	unsigned int count = 0;

	for (size_t i = 0; i < n; i++)
		count += (unsigned int)__builtin_popcount((u8)~p[i]);
	return count;
}

static void msr_map(void **state)
{
	static const struct {
		u32 msr;
		bool ok;
		u32 bit; /* of the read permission */
	} cases[] = {
		{0, true, 0},
		{0x1FFF, true, 0x3FFE},
		{0x2000, false, 0},
		{0xBFFFFFFF, false, 0},
		{0xC0000000, true, 0x4000},
		{0xC0000080, true, 0x4100},
		{0xC0001FFF, true, 0x7FFE},
		{0xC0010000, true, 0x8000},
		{0xC0011FFF, true, 0xBFFE},
		{0xC0012000, false, 0},
		{0xFFFFFFFF, false, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 bit = cases[i].bit;

		setup(state);
		assert_int_equal(svm_msrpm_allow(map, cases[i].msr, true, false), cases[i].ok);
		assert_int_equal(zero_bits(map, sizeof(map)), cases[i].ok ? 1 : 0);
		if (!cases[i].ok)
			continue;
		assert_false(map[bit / 8] & (1u << bit % 8));
		assert_true(svm_msrpm_allow(map, cases[i].msr, false, true));
		bit++;
		assert_false(map[bit / 8] & (1u << bit % 8));
		assert_int_equal(zero_bits(map, sizeof(map)), 2);
	}
}

static void port_ranges(void **state)
{
	static const struct {
		u16 first, last;
	} cases[] = {{0, 0},       {7, 8},           {0x3F8, 0x3FF}, {0x3F9, 0x3FE},
		     {0x60, 0x64}, {0xFFFF, 0xFFFF}, {0, 0xFFFF},    {5, 0xFFFE}};
	static u8 io[IOPM_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(io, 0xFF, sizeof(io));
		bitmap_fill(io, cases[i].first, cases[i].last, false);
		for (u32 port = 0; port < IOPM_SIZE * 8; port++) {
			bool open = port >= cases[i].first && port <= cases[i].last;

			assert_int_equal(io[port / 8] >> port % 8 & 1, !open);
		}
		bitmap_fill(io, cases[i].first, cases[i].last, true);
		assert_int_equal(zero_bits(io, sizeof(io)), 0);
	}
}

static void guests_share_maps(void **state)
{
	struct vmcb *b;
	const u8 *io, *msr;

	(void)state;
	cpu_features.words[CPU_E1_EDX] |= 1u << 27; /* RDTSCP */
	svm_maps_init();
	assert_int_equal(svm_vcpu_create(&v), 0);
	b = v.hvm;
	io = fake_ram + b->iopm_pa;
	msr = fake_ram + b->msrpm_pa;
	assert_int_equal(zero_bits(io, IOPM_SIZE), 0);
	/* TSC for reading; eleven others both ways. */
	assert_int_equal(zero_bits(msr, MSRPM_SIZE), 1 + 2 * 11);
	assert_int_equal(b->n_cr3, 0x7000);
	assert_int_equal(b->np_enable, 1);
	assert_int_equal(b->intercept[0], 0);
	assert_int_equal(b->intercept[1], ~0u);
	assert_int_equal(b->intercept[2], 1u << 1 | 1u << 6 | 1u << 17 | 1u << 18);
	/* INTR NMI SMI INIT VINTR RDPMC CPUID INVD HLT INVLPGA IOIO MSR FERR_FREEZE SHUTDOWN */
	assert_int_equal(b->intercept[3], 0xDD44801Fu);
	/* VMRUN, which VMRUN insists on, to SKINIT; WBINVD MONITOR MWAIT XSETBV RDPRU */
	assert_int_equal(b->intercept[4], 0x7E7Fu);
	assert_int_equal(b->intercept[5], 0);
	assert_int_equal(svm_set_ports(&dom, 0x60, 0x64, true), -XEN_EINVAL);
	svm_dump(&v);
	assert_true(lines >= 16 + 2 + 7);
	svm_vcpu_destroy(&v);
	assert_null(v.hvm);
	svm_domain_destroy(&dom);
	assert_int_equal(pages, 0);
}

static void pause_filter_if_there(void **state)
{
	struct vmcb *b;

	(void)state;
	cpu_features.words[CPU_EA_EDX] |= 1u << 10;
	assert_int_equal(svm_vcpu_create(&v), 0);
	b = v.hvm;
	assert_true(b->intercept[3] & 1u << 23);
	assert_int_not_equal(b->pause_count, 0);
	svm_vcpu_destroy(&v);
	cpu_features.words[CPU_EA_EDX] = 0;
}

static void control_domain_has_its_own(void **state)
{
	const u8 *io;

	(void)state;
	dom.control = true;
	assert_int_equal(svm_set_ports(&dom, 0x64, 0x60, true), -XEN_EINVAL);
	assert_int_equal(svm_vcpu_create(&v), 0);
	assert_int_equal(pages, 1 + 4);
	io = fake_ram + ((struct vmcb *)v.hvm)->iopm_pa;
	assert_ptr_equal(io, dom.hvm);
	assert_int_equal(svm_set_ports(&dom, 0x60, 0x64, true), 0);
	assert_int_equal(zero_bits(io, IOPM_SIZE), 5);
	assert_int_equal(svm_set_ports(&dom, 0x61, 0x63, false), 0);
	assert_int_equal(zero_bits(io, IOPM_SIZE), 2);
	svm_vcpu_destroy(&v);
	svm_domain_destroy(&dom);
	assert_null(dom.hvm);
	assert_int_equal(pages, 0);
}

static void out_of_pages(void **state)
{
	(void)state;
	out_of_memory = true;
	assert_int_equal(svm_vcpu_create(&v), -XEN_ENOMEM);
	dom.control = true;
	assert_int_equal(svm_vcpu_create(&v), -XEN_ENOMEM);
	assert_int_equal(svm_set_ports(&dom, 0, 1, true), -XEN_ENOMEM);
	assert_null(v.hvm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(msr_map, setup),
		cmocka_unit_test_setup(port_ranges, setup),
		cmocka_unit_test_setup(guests_share_maps, setup),
		cmocka_unit_test_setup(pause_filter_if_there, setup),
		cmocka_unit_test_setup(control_domain_has_its_own, setup),
		cmocka_unit_test_setup(out_of_pages, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
