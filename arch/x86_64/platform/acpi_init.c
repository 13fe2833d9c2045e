/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's own ACPI tables, read once. */
#include <arch/x86_64/platform/acpi.h>

#include <arch/x86_64/mm/paging.h>
#include <boot/multiboot2.h>
#include <core/lib/print.h>

struct acpi_info acpi_info;

static const void *map_firmware(void *ctx, u64 a, size_t size)
{
	(void)ctx;
	return paging_map_firmware(hpa(a), size);
}

void acpi_init(const struct boot_info *bi)
{
	u32 bad;

	if (acpi_parse(&acpi_info, bi->rsdp, bi->rsdp_size, map_firmware, NULL, &bad) != 0)
		log_line("acpi: no usable tables: one CPU, and no device interrupts");
	if (bad > 0)
		log_line("acpi: %u damaged tables skipped", bad);
	if (acpi_info.cpus_dropped > 0)
		log_line("acpi: %u CPUs more than the %u supported", acpi_info.cpus_dropped,
			 ACPI_MAX_CPUS);
	log_line("acpi: %u CPUs, %u I/O APICs", acpi_info.cpu_count, acpi_info.ioapic_count);
}
