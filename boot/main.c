/* SPDX-License-Identifier: BSD-2-Clause */
/* How Plinth starts, on one page. */
#include <boot/main.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/smp.h>
#include <arch/x86_64/irq/ioapic.h>
#include <arch/x86_64/irq/lapic.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/acpi.h>
#include <arch/x86_64/platform/clock.h>
#include <arch/x86_64/platform/serial.h>
#include <boot/memory.h>
#include <boot/multiboot2.h>
#include <core/lib/print.h>
#include <core/start.h>

#define MBI_MAX MIB(16) /* far more than any loader leaves; lengths inside are checked */

static struct boot_info boot_info;

/* Copies what the loader told; its memory is not looked at again. */
static void read_boot_info(u32 magic, u32 mbi)
{
	const char *error;

	if (magic != MULTIBOOT2_MAGIC)
		panic("not started by a Multiboot2 loader (EAX is 0x%x)", magic);
	error = multiboot2_parse(&boot_info, phys_to_virt(hpa(mbi)),
				 min_u64(MBI_MAX, GIB(4) - mbi));
	if (error != NULL)
		panic("boot information: %s", error);
	log_line("loaded by %s with %u modules; command line \"%s\"", boot_info.loader,
		 boot_info.module_count, boot_info.cmdline);
}

static void check_no_writable_code(void)
{
	u64 va;

	if (paging_find_wx(&va))
		panic("page %016lx is both writable and executable", va);
}

void hypervisor_main(u32 magic, u32 mbi)
{
	clock_begin();
	smp_init_boot_cpu(); /* first of all: from here on a fault is reported */
	serial_init();
	log_line("Plinth hypervisor");
	features_init();
	features_enable();
	read_boot_info(magic, mbi);

	memory_init(&boot_info); /* final page tables, then the frame allocator */
	acpi_init(&boot_info);
	clock_init();

	lapic_init(hpa(acpi_info.lapic_address));
	lapic_timer_calibrate();
	ioapic_init();
	smp_start_all(&boot_info);

	check_no_writable_code();
	core_start(&boot_info); /* domains, the control domain, and the first guest entry */
}
