/* SPDX-License-Identifier: BSD-2-Clause */
/* The few ACPI tables that the hypervisor needs: MADT, HPET, FADT, and where DMAR and IVRS are.
 * ACPI Specification 6.4, chapter "ACPI Software Programming Model". */
#ifndef ARCH_X86_64_PLATFORM_ACPI_H
#define ARCH_X86_64_PLATFORM_ACPI_H

#include <core/types.h>

#define ACPI_MAX_CPUS      256u
#define ACPI_MAX_IOAPICS   16u
#define ACPI_MAX_OVERRIDES 24u

struct acpi_info {
	u32 cpus[ACPI_MAX_CPUS]; /* APIC ids of the enabled CPUs, in the MADT's order, no id twice
				  */
	u32 cpu_count;
	u32 cpus_dropped; /* enabled, but more than there is room for */
	u32 bad_tables;   /* skipped */
	struct acpi_ioapic {
		u32 id, gsi_base;
		u64 address;
	} ioapics[ACPI_MAX_IOAPICS];
	u32 ioapic_count;
	struct acpi_override {
		u8 irq; /* ISA */
		bool level, low;
		u32 gsi;
	} overrides[ACPI_MAX_OVERRIDES];
	u32 override_count;
	u64 lapic_address;   /* 0: no MADT */
	u64 hpet_address;    /* 0: none */
	u16 pm_timer_port;   /* 0: none */
	bool pm_timer_32bit; /* else 24 bits */
	u8 century_register; /* in the CMOS; 0: none */
	struct acpi_table {
		const u8 *bytes; /* NULL: none */
		u32 size;
	} dmar, ivrs; /* of IOMMUs: arch/x86_64/iommu/tables.c looks into them */
};

extern struct acpi_info acpi_info; /* constant after acpi_init() */

struct boot_info;
/* Fills acpi_info from the machine; logs what is wrong and goes on with what there is. */
void acpi_init(const struct boot_info *bi);
/* The same under an RSDP copy (rsdp_size bytes). Tables with a bad length or checksum are skipped
 * and counted. Returns 0, or -XEN_EINVAL if there is no usable root table. */
must_use int acpi_parse(const void *rsdp, size_t rsdp_size);

#endif
