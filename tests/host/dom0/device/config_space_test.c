/* SPDX-License-Identifier: BSD-2-Clause */
/* The way into configuration space: ports, memory, which of them when, and tables that lie. */
// links: dom0/device/config_space.c dom0/device/reach.c drivers/pci/pci_scan.c
// links: drivers/pci/pci_msi.c drivers/pci/pci_capability.c
// cflags: -include tests/fake/ports_fake.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <dom0/console/machine_console.h>
#include <dom0/device/config_space.h>
#include <dom0/device/reach.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/paging.h>
#include <dom0/platform/acpi.h>

#define BUSES 4u

static struct {
	bool ports_there, reach_fails;
	u32 address; /* 0xCF8 */
	u8 space[BUSES][32][256];
	unsigned int port_accesses;
} machine;
static u8 *memory; /* ECAM of the buses 0.. */
static struct acpi_ecam mcfg[4];
static unsigned int mcfg_count, lines;
static struct pci_config *config;

void panic(const char *format, ...)
{
	(void)format;
	fail();
	abort();
}
void machine_console_line(const char *fmt, ...)
{
	(void)fmt;
	lines++;
}
unsigned int acpi_mcfg(u64 rsdp, struct acpi_ecam out[ACPI_ECAM_MAX], acpi_read_fn *read)
{
	(void)rsdp;
	(void)read;
	memcpy(out, mcfg, sizeof(mcfg));
	return mcfg_count;
}
void *paging_reach(gpa_t at, u64 size)
{
	(void)size;
	return machine.reach_fails ? NULL : (void *)(uintptr_t)at.v;
}

static u8 *selected(u16 port)
{
	u32 bus = machine.address >> 16 & 0xFF, function = machine.address >> 8 & 7;

	assert_true(port >= 0xCFC && port < 0xD00);
	if (!(machine.address & 0x80000000) || bus >= BUSES || function)
		return NULL;
	return &machine.space[bus][machine.address >> 11 & 31]
			     [(machine.address & 0xFC) + (port & 3)];
}
u32 fake_in(u16 port, unsigned int width)
{
	u32 v = 0;

	if (!machine.ports_there)
		return ~0u;
	if (port == 0xCF8)
		return machine.address;
	machine.port_accesses++;
	if (!selected(port))
		return ~0u;
	memcpy(&v, selected(port), width);
	return v;
}
void fake_out(u16 port, unsigned int width, u32 value)
{
	if (!machine.ports_there)
		return;
	if (port == 0xCF8) {
		assert_int_equal(width, 4);
		machine.address = value;
		return;
	}
	machine.port_accesses++;
	if (selected(port))
		memcpy(selected(port), &value, width);
}

static struct pci_address at(u16 segment, u8 bus, u8 slot)
{
	return (struct pci_address){segment, bus, slot, 0};
}

static u8 *mapped(struct pci_address a)
{
	return memory + ((u32)a.bus << 20 | (u32)a.slot << 15 | (u32)a.function << 12);
}

static int set_up(void **state)
{
	(void)state;
	if (!memory) {
		memory = mmap(NULL, (BUSES + 1) << 20, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(memory, MAP_FAILED);
		memory = (u8 *)(uintptr_t)align_up((u64)(uintptr_t)memory, MIB(1));
	}
	memset(memory, 0, BUSES << 20);
	memset(&machine, 0, sizeof(machine));
	memset(machine.space, 0xFF, sizeof(machine.space));
	machine.ports_there = true;
	mcfg[0] = (struct acpi_ecam){(u64)(uintptr_t)memory, 0, 0, BUSES - 1};
	mcfg_count = lines = 0;
	return 0;
}

/* The host bridge, seen on both ways. */
static void host_bridge(void)
{
	u32 id = 0x29C08086;

	memcpy(machine.space[0][0], &id, 4);
	memcpy(mapped(at(0, 0, 0)), &id, 4);
}

static unsigned int ranges(void)
{
	struct pci_range r;
	unsigned int n = 0;

	while (config_space_range(n, &r))
		n++;
	return n;
}

static void by_ports_alone(void **state)
{
	struct pci_range r;

	(void)state;
	host_bridge();
	config = config_space_init(0);
	assert_int_equal(config->read(config, at(0, 0, 0), 0, 4), 0x29C08086);
	assert_int_equal(config->read(config, at(0, 0, 0), 2, 2), 0x29C0);
	assert_int_equal(config->read(config, at(0, 0, 0), 3, 1), 0x29);
	config->write(config, at(0, 1, 9), 0x3D, 1, 0x55);
	config->write(config, at(0, 1, 9), 0x3E, 2, 0x7766);
	config->write(config, at(0, 1, 9), 0x40, 4, 0x12345678);
	assert_memory_equal(machine.space[1][9] + 0x3C, "\xFF\x55\x66\x77\x78\x56\x34\x12", 8);
	/* Beyond what ports reach, and beyond what there is. */
	machine.port_accesses = 0;
	assert_int_equal(config->read(config, at(0, 0, 0), 0x100, 4), ~0u);
	assert_int_equal(config->read(config, at(1, 0, 0), 0, 2), 0xFFFF);
	assert_int_equal(config->read(config, at(0, 0, 32), 0, 4), ~0u);
	assert_int_equal(config->read(config, at(0, 0, 0), 1, 4), ~0u);
	assert_int_equal(config->read(config, at(0, 0, 0), 0x1000, 4), ~0u);
	config->write(config, at(0, 0, 0), 0x100, 4, 0);
	config->write(config, at(0, 0, 0), 0x1000, 4, 0);
	config->write(config, at(0, 0, 32), 0, 4, 0);
	assert_int_equal(machine.port_accesses, 0);
	assert_true(config_space_range(0, &r) && r.probe_all && r.first_bus == 0 &&
		    r.last_bus == 255);
	assert_int_equal(ranges(), 1);
}

static void by_memory(void **state)
{
	(void)state;
	host_bridge();
	mcfg_count = 1;
	config = config_space_init(0);
	assert_int_equal(lines, 0);
	memcpy(mapped(at(0, 3, 31)) + 0xFFC, "\x01\x02\x03\x04", 4);
	memcpy(mapped(at(0, 3, 31)) + 0x40, "\x11\x12\x13\x14", 4);
	machine.port_accesses = 0;
	assert_int_equal(config->read(config, at(0, 3, 31), 0xFFC, 4), 0x04030201);
	assert_int_equal(config->read(config, at(0, 3, 31), 0xFFE, 2), 0x0403);
	assert_int_equal(config->read(config, at(0, 3, 31), 0x43, 1), 0x14);
	config->write(config, at(0, 3, 31), 0x44, 4, 0x87654321);
	config->write(config, at(0, 3, 31), 0x48, 2, 0x1234);
	config->write(config, at(0, 3, 31), 0x4B, 1, 0x99);
	assert_memory_equal(mapped(at(0, 3, 31)) + 0x44, "\x21\x43\x65\x87\x34\x12\x00\x99", 8);
	assert_int_equal(machine.port_accesses, 0);
	/* Presence by ports; a bus that is not mapped by ports too. */
	assert_false(pci_present(config, at(0, 3, 31)));
	assert_true(machine.port_accesses > 0);
	assert_int_equal(config->read(config, at(0, 200, 0), 0x40, 4), ~0u);
	assert_int_equal(ranges(), 1);
}

static void several_segments(void **state)
{
	struct pci_range r;

	(void)state;
	host_bridge();
	mcfg[0].last_bus = 0;
	mcfg[1] = (struct acpi_ecam){(u64)(uintptr_t)memory, 7, 1, 2};
	mcfg[2] = (struct acpi_ecam){(u64)(uintptr_t)memory, 3, 3, 3};
	mcfg_count = 3;
	config = config_space_init(0);
	assert_int_equal(lines, 0);
	assert_int_equal(ranges(), 3);
	assert_true(config_space_range(1, &r) && r.segment == 3 && !r.probe_all &&
		    r.first_bus == 3 && r.last_bus == 3);
	assert_true(config_space_range(2, &r) && r.segment == 7 && r.first_bus == 1);
	memcpy(mapped(at(0, 2, 5)), "\x86\x80\x34\x12", 4);
	assert_int_equal(config->read(config, at(7, 2, 5), 0, 4), 0x12348086);
	assert_int_equal(config->read(config, at(7, 3, 5), 0, 4), ~0u);
	assert_int_equal(config->read(config, at(3, 2, 5), 0, 4), ~0u);
}

static void no_ports(void **state)
{
	struct pci_range r;

	(void)state;
	host_bridge();
	machine.ports_there = false;
	mcfg_count = 1;
	config = config_space_init(0);
	assert_true(pci_present(config, at(0, 0, 0)));
	assert_true(config_space_range(0, &r) && !r.probe_all && r.last_bus == BUSES - 1);
	assert_int_equal(ranges(), 1);
	assert_int_equal(config->read(config, at(0, 200, 0), 0, 4), ~0u);
}

static void nothing_at_all(void **state)
{
	(void)state;
	machine.ports_there = false;
	config = config_space_init(0);
	assert_int_equal(ranges(), 0);
	assert_false(pci_present(config, at(0, 0, 0)));
}

/* What firmware says is not where configuration space is. */
static void lying_table(void **state)
{
	(void)state;
	host_bridge();
	mcfg_count = 1;
	memset(mapped(at(0, 0, 0)), 0xFF, 4); /* not switched on */
	config = config_space_init(0);
	assert_int_equal(lines, 1);
	assert_int_equal(config->read(config, at(0, 0, 0), 0x100, 4), ~0u);
	assert_int_equal(config->read(config, at(0, 0, 0), 2, 2), 0x29C0);
}

static void table_in_memory(void **state)
{
	(void)state;
	host_bridge();
	mcfg_count = 1;
	machine.reach_fails = true;
	config = config_space_init(0);
	assert_int_equal(lines, 1);
	machine.reach_fails = false;
	reach_exclude((u64)(uintptr_t)memory + MIB(BUSES) - 1, 1);
	config = config_space_init(0);
	assert_int_equal(lines, 2);
	assert_int_equal(config->read(config, at(0, 1, 0), 0x100, 4), ~0u);
}

static void excluded_ranges(void **state)
{
	(void)state;
	reach_exclude(0x1000, 0x1000);
	assert_true(reach_is_free(0x0FFF, 1) && reach_is_free(0x2000, 1));
	assert_false(reach_is_free(0x0FFF, 2) || reach_is_free(0x1FFF, 1) ||
		     reach_is_free(0, 0x10000));
	assert_false(reach_is_free(0x3000, 0));
	assert_false(reach_is_free(~0ull - 10, 100));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(by_ports_alone),  TEST(by_memory),       TEST(several_segments),
		TEST(no_ports),        TEST(nothing_at_all),  TEST(lying_table),
		TEST(excluded_ranges), TEST(table_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
