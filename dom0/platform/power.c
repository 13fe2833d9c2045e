/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching the machine off and restarting it. */
#include <dom0/platform/power.h>

#include <dom0/console/machine_console.h>
#include <dom0/entry/paging.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/loop.h>
#include <dom0/platform/acpi_s5.h>
#include <dom0/platform/ports.h>

#define SLP_EN 0x2000u
#define SCI_EN 0x0001u

static struct acpi_s5 s5;
static bool can_power_off;

static const void *read_physical(u64 a, u64 size)
{
	return paging_reach(gpa(a), size);
}

void power_init(u64 rsdp)
{
	can_power_off = acpi_s5_find(&s5, rsdp, read_physical);
}

static void sleep_now(u16 port, u16 type)
{
	if (port)
		out16(port, (u16)((in16(port) & 0xC3FFu) | (u32)type << 10 | SLP_EN));
}

/* The machine may take its time. */
static void wait_for_it(void)
{
	u64 end = loop_now() + 3000000000ull;

	while (loop_now() < end)
		__builtin_ia32_pause();
}

void power_off(void)
{
	if (can_power_off) {
		if (s5.smi_command && s5.acpi_enable && !(in16(s5.pm1a_control) & SCI_EN)) {
			out8((u16)s5.smi_command, s5.acpi_enable);
			for (unsigned int i = 0; i < 100000 && !(in16(s5.pm1a_control) & SCI_EN);
			     i++)
				continue;
		}
		sleep_now(s5.pm1a_control, s5.sleep_a);
		sleep_now(s5.pm1b_control, s5.sleep_b);
		wait_for_it();
	}
	machine_console_line("The machine does not switch itself off (no usable ACPI _S5): "
			     "switch it off now.");
	hyper_shutdown(SHUTDOWN_poweroff);
}

void power_reset(void)
{
	if (s5.reset_port)
		out8(s5.reset_port, s5.reset_value);
	out8(0xCF9, 2); /* then the chipset's reset register, then the keyboard controller */
	out8(0xCF9, 6);
	out8(0x64, 0xFE);
	wait_for_it();
	hyper_shutdown(SHUTDOWN_reboot);
}
