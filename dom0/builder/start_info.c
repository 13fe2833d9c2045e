/* SPDX-License-Identifier: BSD-2-Clause */
/* The plan of a guest's memory, and its start info. */
#include <dom0/builder/start_info.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <dom0/builder/acpi_tables.h>
#include <dom0/builder/bytes.h>
#include <xen/start_info.h>

#define MEMMAP_MAX 4u

/* The block's parts. The command line is last and has room for what a guest copies of it
 * regardless of its length. */
struct block {
	struct hvm_start_info info;
	u64 pad;
	struct hvm_modlist_entry module;
	struct hvm_memmap_entry memmap[MEMMAP_MAX];
	char cmdline[GUEST_CMDLINE_MAX + 1];
};
_Static_assert(sizeof(struct block) <= PAGE_SIZE, "start info must fit in a page");

static u64 to_mib(u64 bytes)
{
	return (bytes + MIB(1) - 1) >> 20;
}

int guest_layout_plan(struct guest_layout *layout, u64 memory, u64 kernel_start, u64 kernel_end,
		      u64 initrd_size, size_t cmdline_len, unsigned int vcpus,
		      struct build_error *err)
{
	u64 info, end;

	memset(layout, 0, sizeof(*layout));
	if (cmdline_len > GUEST_CMDLINE_MAX)
		return build_fail(err, EINVAL, "command line of %zu characters, at most %u",
				  cmdline_len, GUEST_CMDLINE_MAX);
	layout->lowmem_size = min_u64(align_down(memory, PAGE_SIZE), GUEST_LOWMEM_MAX);
	layout->highmem_size = align_down(memory, PAGE_SIZE) - layout->lowmem_size;
	layout->acpi_size = align_up(acpi_tables_size(vcpus), PAGE_SIZE);

	if (kernel_start > kernel_end || kernel_end > GUEST_LOWMEM_MAX ||
	    initrd_size > GUEST_LOWMEM_MAX)
		return build_fail(err, EINVAL, "kernel or ramdisk does not fit below 4 GiB");
	/* Address 0 would mean "absent" to the guest: a kernel never ends there. */
	info = align_up(max_u64(kernel_end, PAGE_SIZE), PAGE_SIZE);
	if (info + PAGE_SIZE > GIB(1))
		return build_fail(err, EINVAL,
				  "kernel ends at 0x%" PRIx64 ", start info must lie below 1 GiB",
				  kernel_end);
	layout->start_info = gpa(info);
	layout->start_info_size = PAGE_SIZE;
	end = info + PAGE_SIZE;
	if (initrd_size) {
		layout->initrd = gpa(end);
		layout->initrd_size = initrd_size;
		end += align_up(initrd_size, PAGE_SIZE);
	}
	if (end > layout->lowmem_size)
		return build_fail(err, ENOMEM,
				  "too little memory: asked %" PRIu64 " MiB, kernel and ramdisk "
				  "need %" PRIu64 " MiB",
				  memory >> 20, to_mib(end));
	return 0;
}

static u32 fill_memmap(struct hvm_memmap_entry *map, const struct guest_layout *layout)
{
	u32 n = 0;

	map[n++] = (struct hvm_memmap_entry){0, layout->lowmem_size, XEN_HVM_MEMMAP_RAM, 0};
	map[n++] = (struct hvm_memmap_entry){ACPI_TABLES_GPA, layout->acpi_size, XEN_HVM_MEMMAP_NVS,
					     0};
	map[n++] = (struct hvm_memmap_entry){GUEST_SPECIAL_GPA, GUEST_SPECIAL_SIZE,
					     XEN_HVM_MEMMAP_RESERVED, 0};
	if (layout->highmem_size)
		map[n++] = (struct hvm_memmap_entry){GIB(4), layout->highmem_size,
						     XEN_HVM_MEMMAP_RAM, 0};
	return n;
}

int start_info_build(void *buffer, u64 size, const struct guest_layout *layout, gpa_t rsdp,
		     const char *cmdline)
{
	const u64 base = layout->start_info.v;
	const size_t cmdline_len = strlen(cmdline);
	struct block block;

	if (size < layout->start_info_size || cmdline_len > GUEST_CMDLINE_MAX)
		return -ENOSPC;
	memset(&block, 0, sizeof(block));
	block.info.magic = XEN_HVM_START_MAGIC;
	block.info.version = 1;
	block.info.rsdp_paddr = rsdp.v;
	block.info.cmdline_paddr = base + offsetof(struct block, cmdline);
	memcpy(block.cmdline, cmdline, cmdline_len);
	block.info.memmap_paddr = base + offsetof(struct block, memmap);
	block.info.memmap_entries = fill_memmap(block.memmap, layout);
	if (layout->initrd_size) {
		block.info.nr_modules = 1;
		block.info.modlist_paddr = base + offsetof(struct block, module);
		block.module.paddr = layout->initrd.v;
		block.module.size = layout->initrd_size;
	}
	memset(buffer, 0, layout->start_info_size);
	memcpy(buffer, &block, sizeof(block));
	return 0;
}
