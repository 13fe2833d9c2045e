/* SPDX-License-Identifier: BSD-2-Clause */
/* The control domain's start, step by step. */
#include <string.h>
#include <core/types.h>
#include <dom0/console/machine_console.h>
#include <dom0/device/devices.h>
#include <dom0/device/reach.h>
#include <dom0/entry/modules.h>
#include <dom0/entry/paging.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/syscalls.h>
#include <dom0/entry/traps.h>
#include <dom0/hyper/foreign.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>
#include <dom0/platform/power.h>
#include <dom0/tool/commands.h>
#include <dom0/tool/guests.h>
#include <xen/start_info.h>

extern const char dom0_image_end[];
noreturn_fn void dom0_main(u64 start_info, u64 load_base);

/* Page tables for 1:1 memory up to some tens of GiB of windows; the heap gets the rest. */
#define TABLE_POOL (128 * PAGE_SIZE)

/* Memory after the image: tables, then the heap. */
static void memory_init(const struct hvm_start_info *s, u64 load_base)
{
	const struct hvm_memmap_entry *ram =
		(const struct hvm_memmap_entry *)(uintptr_t)s->memmap_paddr;
	u64 pool = align_up((u64)(uintptr_t)dom0_image_end - 0xffffffff80000000ull + load_base,
			    PAGE_SIZE);
	u64 heap = pool + TABLE_POOL;

	paging_init(load_base, pool, heap);
	heap_init((void *)(uintptr_t)heap, ram->addr + ram->size - heap);
	reach_exclude(ram->addr, ram->size);
}

/* Returns where the ACPI tables' root is. */
static u64 machine_init(void)
{
	struct plinth_control c;
	const struct plinth_ctl_machine_info *m = &c.u.machine_info;
	void *shared;

	if (control_op(&c, PLINTH_CTL_machine_info))
		panic("no machine information");
	foreign_init(m->foreign_gfn, m->foreign_pages);
	reach_exclude(m->foreign_gfn << PAGE_SHIFT, m->foreign_pages << PAGE_SHIFT);
	if (hyper_map_shared_info(foreign_shared_info_gfn()))
		panic("cannot map the shared info page");
	shared = paging_reach(gpa(foreign_shared_info_gfn() << PAGE_SHIFT), PAGE_SIZE);
	if (!shared)
		panic("no page tables for the shared info page");
	loop_init(shared);
	power_init(m->rsdp);
	return m->rsdp;
}

/* What may have to wait for devices. */
static void start_guests(void *ctx)
{
	(void)ctx;
	guests_start_all();
	machine_console_line("ready");
	commands_init();
}

noreturn_fn void dom0_main(u64 start_info, u64 load_base)
{
	const struct hvm_start_info *s = (const struct hvm_start_info *)(uintptr_t)start_info;
	u64 rsdp;

	hypercall_init();
	traps_init();
	memory_init(s, load_base);
	modules_init(s);
	rsdp = machine_init();
	machine_console_init();
	devices_init(rsdp);
	guests_init();
	commands_banner();
	if (!fiber_start(start_guests, NULL))
		panic("out of memory for the first fiber");
	loop_run();
}
