/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables of a guest: enough for it to find its CPUs, and nothing that needs code. */
#ifndef DOM0_BUILDER_ACPI_TABLES_H
#define DOM0_BUILDER_ACPI_TABLES_H

#include <core/types.h>

/* Where they go: a hole below 4 GiB that the memory map lists as NVS. */
#define ACPI_TABLES_GPA 0xFC000000ull

#define ACPI_TABLES_VCPUS_MAX 1024u

/* Bytes the tables take for vcpus vCPUs. */
u64 acpi_tables_size(unsigned int vcpus);

/* Writes RSDP, XSDT, FADT, MADT and DSDT to buffer, which the guest will see at base (16-byte
 * aligned, below 4 GiB). vCPU n has ACPI uid n and APIC id n. The RSDP comes first, so its
 * address is base. Returns 0, -EINVAL for a bad count or base, -ENOSPC if size is too small. */
int acpi_tables_build(void *buffer, u64 size, gpa_t base, unsigned int vcpus) must_use;

#endif
