/* SPDX-License-Identifier: BSD-2-Clause */
/* The plan of a guest's memory, its start info and its ACPI tables, read as a guest reads them. */
// links: dom0/builder/start_info.c dom0/builder/acpi_tables.c dom0/builder/error.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/builder/acpi_tables.h>
#include <dom0/builder/bytes.h>
#include <dom0/builder/start_info.h>
#include <xen/start_info.h>

static struct guest_layout layout;
static struct build_error err;

static int plan(u64 memory, u64 kernel_end, u64 initrd)
{
	memset(&err, 0, sizeof(err));
	return guest_layout_plan(&layout, memory, MIB(16), kernel_end, initrd, 10, 1, &err);
}

static void plan_places(void **state)
{
	(void)state;
	assert_int_equal(plan(MIB(128), 0x3E00123, 5000), 0);
	assert_int_equal(layout.lowmem_size, MIB(128));
	assert_int_equal(layout.highmem_size, 0);
	assert_int_equal(layout.start_info.v, 0x3E01000);
	assert_int_equal(layout.initrd.v, 0x3E02000);
	assert_int_equal(layout.initrd_size, 5000);
	assert_int_equal(plan(GIB(6), MIB(62), 0), 0);
	assert_int_equal(layout.lowmem_size, 0xF0000000);
	assert_int_equal(layout.highmem_size, GIB(6) - 0xF0000000);
	assert_int_equal(layout.initrd.v, 0);
}

static void plan_refuses(void **state)
{
	(void)state;
	assert_int_equal(plan(MIB(64), MIB(62), MIB(10)), -ENOMEM);
	assert_string_equal(err.text,
			    "too little memory: asked 64 MiB, kernel and ramdisk need 73 MiB");
	assert_int_equal(plan(MIB(62), MIB(62), 0), -ENOMEM);
	assert_int_equal(plan(0, MIB(62), 0), -ENOMEM);
	/* exactly enough, and a byte too much */
	assert_int_equal(plan(MIB(64), MIB(62), MIB(2) - 4096), 0);
	assert_int_equal(plan(MIB(64), MIB(62), MIB(2) - 4095), -ENOMEM);
	assert_int_equal(plan(GIB(2), GIB(1), 0), -EINVAL);
	assert_int_equal(plan(GIB(8), MIB(62), 0xF0000001), -EINVAL);
	assert_int_equal(plan(GIB(8), MIB(62), ~0ull), -EINVAL);
	assert_int_equal(plan(GIB(8), ~0ull, 0), -EINVAL);
	assert_int_equal(guest_layout_plan(&layout, MIB(64), 0, MIB(1), 0, 2048, 1, &err), -EINVAL);
}

static void start_info_content(void **state)
{
	const struct hvm_memmap_entry want[] = {
		{0, 0xF0000000, XEN_HVM_MEMMAP_RAM, 0},
		{0xFC000000, 0x1000, XEN_HVM_MEMMAP_NVS, 0},
		{0xFEFF8000, 0x8000, XEN_HVM_MEMMAP_RESERVED, 0},
		{GIB(4), GIB(1) - MIB(768), XEN_HVM_MEMMAP_RAM, 0},
	};
	u8 *page = malloc(PAGE_SIZE);
	struct hvm_start_info info;
	struct hvm_modlist_entry module;
	char longest[GUEST_CMDLINE_MAX + 2];

	(void)state;
	assert_int_equal(plan(GIB(4), 0x3E00000, 777), 0);
	assert_int_equal(layout.start_info_size, PAGE_SIZE);
	memset(page, 0xAA, PAGE_SIZE);
	assert_int_equal(
		start_info_build(page, PAGE_SIZE, &layout, gpa(0xFC000000), "console=hvc0"), 0);
	memcpy(&info, page, sizeof(info));
	assert_int_equal(info.magic, 0x336EC578);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.nr_modules, 1);
	assert_int_equal(info.rsdp_paddr, 0xFC000000);
	assert_string_equal((char *)page + (info.cmdline_paddr - 0x3E00000), "console=hvc0");
	/* a guest copies 2048 bytes from there, whatever its length */
	assert_true(info.cmdline_paddr + 2048 <= 0x3E01000);
	memcpy(&module, page + (info.modlist_paddr - 0x3E00000), sizeof(module));
	assert_int_equal(module.paddr, 0x3E01000);
	assert_int_equal(module.size, 777);
	assert_int_equal(info.memmap_entries, 4);
	assert_memory_equal(page + (info.memmap_paddr - 0x3E00000), want, sizeof(want));
	/* no initrd: no modules */
	assert_int_equal(plan(MIB(128), 0x3E00000, 0), 0);
	assert_int_equal(start_info_build(page, PAGE_SIZE, &layout, gpa(0xFC000000), ""), 0);
	memcpy(&info, page, sizeof(info));
	assert_int_equal(info.nr_modules, 0);
	assert_int_equal(info.modlist_paddr, 0);
	assert_int_equal(info.memmap_entries, 3);
	/* bounds */
	memset(longest, 'x', sizeof(longest));
	longest[GUEST_CMDLINE_MAX + 1] = 0;
	assert_int_equal(start_info_build(page, PAGE_SIZE, &layout, gpa(0), longest), -ENOSPC);
	longest[GUEST_CMDLINE_MAX] = 0;
	assert_int_equal(start_info_build(page, PAGE_SIZE, &layout, gpa(0), longest), 0);
	assert_int_equal(start_info_build(page, PAGE_SIZE - 1, &layout, gpa(0), ""), -ENOSPC);
	free(page);
}

static void sums_to_zero(const u8 *p, u32 len)
{
	u8 sum = 0;

	while (len--)
		sum = (u8)(sum + *p++);
	assert_int_equal(sum, 0);
}

static const u8 *table(const u8 *buffer, u64 base, u64 address, const char *signature)
{
	const u8 *t = buffer + (address - base);

	assert_memory_equal(t, signature, 4);
	sums_to_zero(t, get_le32(t + 4));
	return t;
}

static void check_acpi(unsigned int vcpus)
{
	const u64 base = ACPI_TABLES_GPA, size = acpi_tables_size(vcpus);
	u8 *b = malloc(size);
	const u8 *xsdt, *fadt, *madt, *dsdt, *e;
	u32 n = 0;

	memset(b, 0xAA, size);
	assert_int_equal(acpi_tables_build(b, size, gpa(base), vcpus), 0);
	assert_memory_equal(b, "RSD PTR ", 8);
	assert_int_equal(b[15], 2);
	sums_to_zero(b, 20);
	sums_to_zero(b, 36);
	xsdt = table(b, base, get_le64(b + 24), "XSDT");
	assert_int_equal(get_le32(xsdt + 4), 36 + 16);
	fadt = table(b, base, get_le64(xsdt + 36), "FACP");
	assert_int_equal(get_le32(fadt + 4), 276);
	assert_int_equal(fadt[8], 6);
	assert_int_equal(get_le16(fadt + 109), 0x24);
	assert_int_equal(get_le32(fadt + 112), 0x100031);
	dsdt = table(b, base, get_le64(fadt + 140), "DSDT");
	assert_int_equal(get_le32(dsdt + 4), 43);
	assert_memory_equal(dsdt + 36, "\x10\x06\x5C\x5F\x53\x42\x5F", 7);
	madt = table(b, base, get_le64(xsdt + 44), "APIC");
	assert_int_equal(get_le32(madt + 36), 0xFEE00000);
	assert_int_equal(get_le32(madt + 40), 0);
	for (e = madt + 44; e < madt + get_le32(madt + 4); e += e[1], n++) {
		if (e[0] == 0) {
			assert_int_equal(e[1], 8);
			assert_int_equal(e[2], n);
			assert_int_equal(e[3], n);
			assert_int_equal(get_le32(e + 4), 1);
			continue;
		}
		assert_int_equal(e[0], 9);
		assert_int_equal(e[1], 16);
		assert_true(n >= 255);
		assert_int_equal(get_le32(e + 4), n);
		assert_int_equal(get_le32(e + 8), 1);
		assert_int_equal(get_le32(e + 12), n);
	}
	assert_int_equal(n, vcpus);
	free(b);
}

static void acpi(void **state)
{
	u8 b[1024];

	(void)state;
	check_acpi(1);
	check_acpi(4);
	check_acpi(32);
	check_acpi(300);
	assert_int_equal(acpi_tables_build(b, sizeof(b), gpa(0xFC000000), 0), -EINVAL);
	assert_int_equal(acpi_tables_build(b, sizeof(b), gpa(0xFC000008), 1), -EINVAL);
	assert_int_equal(acpi_tables_build(b, acpi_tables_size(2) - 1, gpa(0xFC000000), 2),
			 -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_places),
		cmocka_unit_test(plan_refuses),
		cmocka_unit_test(start_info_content),
		cmocka_unit_test(acpi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
