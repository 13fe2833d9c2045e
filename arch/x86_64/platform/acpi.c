/* SPDX-License-Identifier: BSD-2-Clause */
/* The table parser. Every length is checked before the bytes are looked at; firmware is not hostile
 * but often wrong. */
#include <arch/x86_64/platform/acpi.h>

#include <arch/x86_64/mm/paging.h>
#include <boot/multiboot2.h>
#include <core/lib/print.h>
#include <core/lib/string.h>
#include <xen/errno.h>

#define HEADER_SIZE    36u
#define TABLE_SIZE_MAX MIB(1)
#define RSDP_OLD_SIZE  20u
#define RSDP_NEW_SIZE  36u

#define GAS_MEMORY 0
#define GAS_IO     1

enum {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9,
};

struct acpi_info acpi_info;

/* Unaligned little-endian fields; the caller has checked that they are inside. */
static u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}
static u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}
static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static bool sum_is_zero(const u8 *p, size_t size)
{
	u8 sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (u8)(sum + p[i]);
	return sum == 0;
}

/* A whole table, its length and checksum good; else NULL, and it is counted. */
static const u8 *map_table(u64 a, u32 *size)
{
	const u8 *t = paging_map_firmware(hpa(a), HEADER_SIZE);

	if (t != NULL) {
		*size = get32(t + 4);
		t = *size >= HEADER_SIZE && *size <= TABLE_SIZE_MAX
			    ? paging_map_firmware(hpa(a), *size)
			    : NULL;
	}
	if (t != NULL && sum_is_zero(t, *size))
		return t;
	acpi_info.bad_tables++;
	return NULL;
}

static void add_cpu(u32 apic_id, u32 flags)
{
	if (!(flags & 1)) /* not enabled */
		return;
	for (u32 i = 0; i < acpi_info.cpu_count; i++)
		if (acpi_info.cpus[i] == apic_id)
			return;
	if (acpi_info.cpu_count == ACPI_MAX_CPUS)
		acpi_info.cpus_dropped++;
	else
		acpi_info.cpus[acpi_info.cpu_count++] = apic_id;
}

static void add_override(const u8 *e)
{
	u16 flags = get16(e + 8);

	/* Bus 0 is ISA; "conforms to the bus" means edge and high there. */
	if (e[2] != 0 || acpi_info.override_count == ACPI_MAX_OVERRIDES)
		return;
	acpi_info.overrides[acpi_info.override_count++] = (struct acpi_override){
		.irq = e[3],
		.level = ((flags >> 2) & 3) == 3,
		.low = (flags & 3) == 3,
		.gsi = get32(e + 4),
	};
}

static void madt_entry(const u8 *e, u32 size)
{
	switch (e[0]) {
	case MADT_LAPIC:
		if (size >= 8)
			add_cpu(e[3], get32(e + 4));
		break;
	case MADT_X2APIC:
		if (size >= 16)
			add_cpu(get32(e + 4), get32(e + 8));
		break;
	case MADT_IOAPIC:
		if (size >= 12 && acpi_info.ioapic_count < ACPI_MAX_IOAPICS)
			acpi_info.ioapics[acpi_info.ioapic_count++] =
				(struct acpi_ioapic){e[2], get32(e + 8), get32(e + 4)};
		break;
	case MADT_OVERRIDE:
		if (size >= 10)
			add_override(e);
		break;
	case MADT_LAPIC_ADDRESS:
		if (size >= 12)
			acpi_info.lapic_address = get64(e + 4);
		break;
	default:
		break;
	}
}

static void parse_madt(const u8 *t, u32 size)
{
	u32 at = HEADER_SIZE + 8;

	if (size < at) {
		acpi_info.bad_tables++;
		return;
	}
	acpi_info.lapic_address = get32(t + HEADER_SIZE);
	while (size - at >= 2) {
		u32 length = t[at + 1];

		if (length < 2 || length > size - at) {
			acpi_info.bad_tables++;
			break;
		}
		madt_entry(t + at, length);
		at += length;
	}
}

static void parse_hpet(const u8 *t, u32 size)
{
	if (size < 56)
		acpi_info.bad_tables++;
	else if (t[40] == GAS_MEMORY)
		acpi_info.hpet_address = get64(t + 44);
}

static void parse_fadt(const u8 *t, u32 size)
{
	if (size < 116) {
		acpi_info.bad_tables++;
		return;
	}
	acpi_info.century_register = t[108];
	acpi_info.pm_timer_32bit = (get32(t + 112) >> 8) & 1;
	if (t[91] == 4)
		acpi_info.pm_timer_port = get16(t + 76);
	if (size >= 220 && t[208] == GAS_IO && get64(t + 212) != 0)
		acpi_info.pm_timer_port = get16(t + 212);
}

static void note_dmar(const u8 *t, u32 size)
{
	acpi_info.dmar = (struct acpi_table){t, size};
}
static void note_ivrs(const u8 *t, u32 size)
{
	acpi_info.ivrs = (struct acpi_table){t, size};
}

static const struct {
	char signature[5];
	void (*parse)(const u8 *t, u32 size);
} parsers[] = {
	{"APIC", parse_madt}, {"HPET", parse_hpet}, {"FACP", parse_fadt},
	{"DMAR", note_dmar},  {"IVRS", note_ivrs},
};

static void parse_table(u64 a)
{
	const u8 *t = a != 0 ? paging_map_firmware(hpa(a), HEADER_SIZE) : NULL;
	u32 size;

	if (t == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
		if (memcmp(t, parsers[i].signature, 4) != 0)
			continue;
		t = map_table(a, &size);
		if (t != NULL)
			parsers[i].parse(t, size);
		return;
	}
}

static bool parse_root(u64 a, const char *signature, u32 entry)
{
	u32 size;
	const u8 *t = a != 0 ? map_table(a, &size) : NULL;

	if (t == NULL || memcmp(t, signature, 4) != 0)
		return false;
	for (u32 at = HEADER_SIZE; size - at >= entry; at += entry)
		parse_table(entry == 8 ? get64(t + at) : get32(t + at));
	return true;
}

int acpi_parse(const void *rsdp, size_t rsdp_size)
{
	const u8 *r = rsdp;

	memset(&acpi_info, 0, sizeof(acpi_info));
	if (rsdp_size < RSDP_OLD_SIZE || memcmp(r, "RSD PTR ", 8) != 0 ||
	    !sum_is_zero(r, RSDP_OLD_SIZE))
		return -XEN_EINVAL;
	/* Revision 2 on has the XSDT, and a second checksum over all of it. */
	if (rsdp_size >= RSDP_NEW_SIZE && r[15] >= 2 && sum_is_zero(r, RSDP_NEW_SIZE) &&
	    parse_root(get64(r + 24), "XSDT", 8))
		return 0;
	return parse_root(get32(r + 16), "RSDT", 4) ? 0 : -XEN_EINVAL;
}

void acpi_init(const struct boot_info *bi)
{
	if (acpi_parse(bi->rsdp, bi->rsdp_size) != 0)
		log_line("acpi: no usable tables: one CPU, and no device interrupts");
	if (acpi_info.bad_tables > 0)
		log_line("acpi: %u damaged tables skipped", acpi_info.bad_tables);
	if (acpi_info.cpus_dropped > 0)
		log_line("acpi: %u CPUs more than the %u supported", acpi_info.cpus_dropped,
			 ACPI_MAX_CPUS);
	log_line("acpi: %u CPUs, %u I/O APICs", acpi_info.cpu_count, acpi_info.ioapic_count);
}
