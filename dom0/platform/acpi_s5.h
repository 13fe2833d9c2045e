/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding out how a machine is switched off: FADT and the \_S5 package. ACPI Specification 6.4,
 * "Fixed ACPI Description Table (FADT)" and "\_Sx (System States)". */
#ifndef DOM0_PLATFORM_ACPI_S5_H
#define DOM0_PLATFORM_ACPI_S5_H

#include <core/types.h>
#include <dom0/platform/acpi.h>

struct acpi_s5 {
	u16 pm1a_control, pm1b_control; /* I/O ports; b may be 0 */
	u16 sleep_a, sleep_b;           /* SLP_TYP values, 0..7 */
	u16 smi_command;                /* 0: ACPI mode needs no enabling */
	u8 acpi_enable;
	u16 reset_port; /* 0: none */
	u8 reset_value;
};

/* false if there is no sound FADT or no \_S5 in its DSDT; reset_port may be known all the same. */
must_use bool acpi_s5_find(struct acpi_s5 *out, u64 rsdp, acpi_read_fn *read);

#endif
