/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI's configuration space on this machine. */
#include <dom0/device/config_space.h>

#include <dom0/console/machine_console.h>
#include <dom0/device/reach.h>
#include <dom0/entry/paging.h>
#include <dom0/platform/acpi.h>
#include <dom0/platform/ports.h>

#define ADDRESS_PORT 0xCF8u
#define DATA_PORT    0xCFCu
#define ENABLE       0x80000000u
#define PORT_SPACE   256u
#define SPACE        4096u
#define BUS_SPACE    MIB(1)

static struct acpi_ecam ecams[ACPI_ECAM_MAX];
static unsigned int ecam_count;
static bool ports;

static u32 all_ones(unsigned int width)
{
	return (u32)low_mask(8 * width);
}

static u16 select(struct pci_address a, u32 offset)
{
	out32(ADDRESS_PORT, ENABLE | (u32)a.bus << 16 | (u32)a.slot << 11 | (u32)a.function << 8 |
				    (offset & 0xFC));
	return (u16)(DATA_PORT + (offset & 3));
}

static u32 port_read(struct pci_address a, u32 offset, unsigned int width)
{
	u16 port = select(a, offset);

	return width == 1 ? in8(port) : width == 2 ? in16(port) : in32(port);
}

static void port_write(struct pci_address a, u32 offset, unsigned int width, u32 value)
{
	u16 port = select(a, offset);

	if (width == 1)
		out8(port, (u8)value);
	else if (width == 2)
		out16(port, (u16)value);
	else
		out32(port, value);
}

static volatile void *ecam_of(struct pci_address a, u32 offset)
{
	for (unsigned int i = 0; i < ecam_count; i++)
		if (ecams[i].segment == a.segment && a.bus >= ecams[i].first_bus &&
		    a.bus <= ecams[i].last_bus)
			return (volatile void *)(uintptr_t)(ecams[i].address + a.bus * BUS_SPACE +
							    ((u32)a.slot << 15 |
							     (u32)a.function << 12 | offset));
	return NULL;
}

static bool by_ports(struct pci_address a, u32 offset)
{
	return ports && a.segment == 0 && offset < PORT_SPACE;
}

static bool valid(struct pci_address a, u32 offset, unsigned int width)
{
	return a.slot < 32 && a.function < 8 && offset < SPACE && offset % width == 0;
}

/* By these instructions alone, as some processors ask for: AMD BIOS and Kernel Developer's Guide
 * for family 10h, "MMIO Configuration Coding Requirements". */
static u32 memory_read(const volatile void *p, unsigned int width)
{
	u32 v;

	if (width == 1)
		__asm__ volatile("movzbl %1, %0" : "=a"(v) : "m"(*(const volatile u8 *)p));
	else if (width == 2)
		__asm__ volatile("movzwl %1, %0" : "=a"(v) : "m"(*(const volatile u16 *)p));
	else
		__asm__ volatile("movl %1, %0" : "=a"(v) : "m"(*(const volatile u32 *)p));
	return v;
}

static void memory_write(volatile void *p, unsigned int width, u32 value)
{
	if (width == 1)
		__asm__ volatile("movb %1, %0" : "=m"(*(volatile u8 *)p) : "a"((u8)value));
	else if (width == 2)
		__asm__ volatile("movw %1, %0" : "=m"(*(volatile u16 *)p) : "a"((u16)value));
	else
		__asm__ volatile("movl %1, %0" : "=m"(*(volatile u32 *)p) : "a"(value));
}

static u32 config_read(struct pci_config *c, struct pci_address a, u32 offset, unsigned int width)
{
	const volatile void *p = NULL;

	(void)c;
	if (!valid(a, offset, width))
		return all_ones(width);
	/* Whether a function is there is asked by ports, so that the many that are not cost no page
	 * in the nested tables. */
	if (offset != PCI_VENDOR || !by_ports(a, offset))
		p = ecam_of(a, offset);
	if (p)
		return memory_read(p, width);
	return by_ports(a, offset) ? port_read(a, offset, width) : all_ones(width);
}

static void config_write(struct pci_config *c, struct pci_address a, u32 offset, unsigned int width,
			 u32 value)
{
	volatile void *p;

	(void)c;
	if (!valid(a, offset, width))
		return;
	p = ecam_of(a, offset);
	if (p)
		memory_write(p, width, value);
	else if (by_ports(a, offset))
		port_write(a, offset, width, value);
}

static struct pci_config config = {config_read, config_write};

static bool ports_there(void)
{
	u32 old = in32(ADDRESS_PORT), now;

	out32(ADDRESS_PORT, ENABLE);
	now = in32(ADDRESS_PORT);
	out32(ADDRESS_PORT, old);
	return now == ENABLE;
}

/* Does what is mapped there agree with what the ports say of the range's first function? */
static bool ecam_usable(const struct acpi_ecam *e)
{
	struct pci_address first = {e->segment, e->first_bus, 0, 0};
	u64 at = e->address + e->first_bus * BUS_SPACE;
	u64 size = (e->last_bus - e->first_bus + 1u) * BUS_SPACE;

	if (!reach_is_free(at, size) || !paging_reach(gpa(at), size))
		return false;
	return !by_ports(first, 0) || !pci_present(&config, first) ||
	       *(volatile u32 *)(uintptr_t)at == port_read(first, 0, 4);
}

static const void *read_physical(u64 a, u64 size)
{
	return paging_reach(gpa(a), size);
}

static void sort_by_segment(void)
{
	for (unsigned int i = 1; i < ecam_count; i++)
		for (unsigned int k = i; k && ecams[k].segment < ecams[k - 1].segment; k--) {
			struct acpi_ecam t = ecams[k];

			ecams[k] = ecams[k - 1];
			ecams[k - 1] = t;
		}
}

struct pci_config *config_space_init(u64 rsdp)
{
	struct acpi_ecam found[ACPI_ECAM_MAX];
	unsigned int count = acpi_mcfg(rsdp, found, read_physical);

	ecam_count = 0;
	ports = ports_there();
	for (unsigned int i = 0; i < count; i++) {
		if (ecam_usable(&found[i]))
			ecams[ecam_count++] = found[i];
		else
			machine_console_line("pci: the configuration space at %#llx is not there",
					     (unsigned long long)found[i].address);
	}
	sort_by_segment();
	return &config;
}

bool config_space_range(unsigned int i, struct pci_range *r)
{
	/* By ports each bus of segment 0 is looked at: a second root bus is behind no bridge. */
	if (ports && i == 0) {
		*r = (struct pci_range){0, 0, 255, true};
		return true;
	}
	i -= ports;
	for (unsigned int n = 0; n < ecam_count; n++)
		if (!(ports && ecams[n].segment == 0) && i-- == 0) {
			*r = (struct pci_range){ecams[n].segment, ecams[n].first_bus,
						ecams[n].last_bus, false};
			return true;
		}
	return false;
}
