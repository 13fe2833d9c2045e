/* SPDX-License-Identifier: BSD-2-Clause */
/* Building the control domain: a PVH guest whose memory is mapped 1:1, with the devices' ports,
 * registers and interrupts. */
#include <core/control_domain.h>

#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/iommu/iommu.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/acpi.h>
#include <boot/multiboot2.h>
#include <core/control_image.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <core/vcpu.h>
#include <core/vcpu_state.h>
#include <plinth/start_state.h>
#include <xen/start_info.h>

#define CONTROL_MEMORY  MIB(32)
#define START_INFO_ROOM KIB(128) /* at the end of the memory */

/* Ports that stay with the hypervisor: its UART, the 8259s, the PIT. */
static const struct {
	u16 first, last;
} kept_ports[] = {{0x20, 0x21}, {0x40, 0x43}, {0xA0, 0xA1}, {0x3F8, 0x3FF}};

static const struct boot_info *boot;
static u64 ram_pages, foreign_gfn, foreign_pages, rsdp_gpa;

static u64 count_ram(void)
{
	u64 bytes = 0;

	for (u32 i = 0; i < boot->range_count; i++)
		if (boot->ranges[i].type == BOOT_MEM_RAM)
			bytes += boot->ranges[i].end - boot->ranges[i].start;
	return bytes >> PAGE_SHIFT;
}

void control_domain_machine_info(struct plinth_ctl_machine_info *m)
{
	u64 of_domains = 0;

	for (struct domain *d = domain_get_from(0); d;) {
		domid_t id = d->id;

		of_domains += d->pages;
		m->domains++;
		domain_put(d);
		d = domain_get_from((domid_t)(id + 1));
	}
	m->total_pages = ram_pages;
	m->hypervisor_pages = ram_pages - frames_free() - of_domains;
	m->foreign_gfn = foreign_gfn;
	m->foreign_pages = foreign_pages;
	m->rsdp = rsdp_gpa;
}

bool control_domain_in_window(u64 first, u64 count)
{
	return first >= foreign_gfn && count <= foreign_pages &&
	       first - foreign_gfn <= foreign_pages - count;
}

/* Is [page, page + 4 KiB) a device of the hypervisor's own? */
static bool is_own_device(u64 page)
{
	if (page == (acpi_info.lapic_address & ~PAGE_MASK) ||
	    page == (acpi_info.hpet_address & ~PAGE_MASK) || iommu_owns(page))
		return true;
	for (u32 i = 0; i < acpi_info.ioapic_count; i++)
		if (page == (acpi_info.ioapics[i].address & ~PAGE_MASK))
			return true;
	return false;
}

bool control_domain_map_device(gpa_t g)
{
	u64 page = g.v & ~PAGE_MASK;

	if (page >> cpu_features.phys_bits || is_own_device(page) ||
	    control_domain_in_window(page >> PAGE_SHIFT, 1) ||
	    boot_overlaps_ram(boot, page, page + PAGE_SIZE))
		return false;
	return p2m_map(control_domain, gpa_to_gfn(gpa(page)), hpa_to_hfn(hpa(page)), ORDER_4K,
		       EPT_R | EPT_W, EPT_TYPE_mmio) == 0;
}

static int map_memory(struct domain *d, hfn_t first)
{
	for (u64 i = 0; i < CONTROL_MEMORY >> PAGE_SHIFT; i += 1u << ORDER_2M) {
		int err = p2m_map(d, gfn(first.v + i), hfn(first.v + i), ORDER_2M,
				  EPT_R | EPT_W | EPT_X, EPT_TYPE_ram);

		if (err)
			return err;
		d->pages += 1u << ORDER_2M;
	}
	return 0;
}

/* Modules stay where the loader put them; one may be a disk that is written. Two may share a page.
 */
static int map_modules(struct domain *d)
{
	for (u32 i = 0; i < boot->module_count; i++) {
		const struct boot_module *m = &boot->modules[i];

		for (u64 a = m->start & ~PAGE_MASK; a < m->end; a += PAGE_SIZE) {
			int err;

			if (p2m_lookup(d, gpa_to_gfn(gpa(a))).type != EPT_TYPE_none)
				continue;
			err = p2m_map(d, gpa_to_gfn(gpa(a)), hpa_to_hfn(hpa(a)), ORDER_4K,
				      EPT_R | EPT_W, EPT_TYPE_shared);
			if (err)
				return err;
		}
	}
	return 0;
}

/* A cursor over the start-info room; it was sized for what boot_info can hold. */
struct writer {
	u8 *p;
	u64 at, end; /* guest-physical */
};

static void *take(struct writer *w, u64 bytes, u64 *at)
{
	void *p = w->p;

	assert(w->at + bytes <= w->end);
	*at = w->at;
	bytes = align_up(bytes, 16);
	w->p += bytes;
	w->at += bytes;
	return p;
}

static u64 put_string(struct writer *w, const char *s)
{
	u64 at;

	memcpy(take(w, strlen(s) + 1, &at), s, strlen(s) + 1);
	return at;
}

static u64 write_start_info(u64 base)
{
	u64 at = base + CONTROL_MEMORY - START_INFO_ROOM, modlist, memmap, start;
	struct writer w = {phys_to_virt(hpa(at)), at, base + CONTROL_MEMORY};
	struct hvm_start_info *s = take(&w, sizeof(*s), &start);
	struct hvm_modlist_entry *m = take(&w, boot->module_count * sizeof(*m), &modlist);
	struct hvm_memmap_entry *e = take(&w, sizeof(*e), &memmap);

	*s = (struct hvm_start_info){.magic = XEN_HVM_START_MAGIC,
				     .version = 1,
				     .flags = SIF_PRIVILEGED | SIF_INITDOMAIN,
				     .nr_modules = boot->module_count,
				     .modlist_paddr = modlist,
				     .memmap_paddr = memmap,
				     .memmap_entries = 1};
	*e = (struct hvm_memmap_entry){
		.addr = base, .size = CONTROL_MEMORY - START_INFO_ROOM, .type = XEN_HVM_MEMMAP_RAM};
	for (u32 i = 0; i < boot->module_count; i++)
		m[i] = (struct hvm_modlist_entry){
			.paddr = boot->modules[i].start,
			.size = boot->modules[i].end - boot->modules[i].start,
			.cmdline_paddr = put_string(&w, boot->modules[i].cmdline)};
	s->cmdline_paddr = boot->module_count ? m[0].cmdline_paddr : 0;
	if (boot->rsdp_size) {
		memcpy(take(&w, BOOT_RSDP_MAX, &rsdp_gpa), boot->rsdp, boot->rsdp_size);
		s->rsdp_paddr = rsdp_gpa;
	}
	return start;
}

static int open_ports(struct domain *d)
{
	int err = hvm->set_ports(d, 0, 0xFFFF, true);

	for (unsigned int i = 0; !err && i < ARRAY_SIZE(kept_ports); i++)
		err = hvm->set_ports(d, kept_ports[i].first, kept_ports[i].last, false);
	return err;
}

const char *control_domain_build(const struct boot_info *bi)
{
	struct plinth_ctl_domain_create c = {
		.max_vcpus = 1, .max_pages = CONTROL_MEMORY >> PAGE_SHIFT, .name = "Domain-0"};
	struct control_image image;
	struct domain *d;
	struct plinth_vcpu_state start;
	const char *why;
	hfn_t first;
	u64 base;

	boot = bi;
	ram_pages = count_ram();
	foreign_gfn = 1ull << (cpuid_limits.phys_bits - 2 - PAGE_SHIFT);
	foreign_pages = foreign_gfn;
	if (bi->module_count == 0)
		return "no control domain: the boot loader passed no module (the first one must "
		       "be the control domain's image)";
	why = control_image_check(&image, phys_to_virt(hpa(bi->modules[0].start)),
				  bi->modules[0].end - bi->modules[0].start,
				  CONTROL_MEMORY - START_INFO_ROOM);
	if (why)
		return why;
	if (domain_create(&c, true, &d))
		return "too little memory for the control domain's control blocks";
	control_domain = d;
	/* The lowest piece; many devices reach 4 GiB only. */
	if (frame_alloc_contiguous(d->id, CONTROL_MEMORY >> PAGE_SHIFT, &first) ||
	    hfn_to_hpa(first).v + CONTROL_MEMORY > GIB(4))
		return "too little memory: the control domain needs 32 MiB in one piece below 4 "
		       "GiB";
	base = hfn_to_hpa(first).v;
	control_image_load(&image, phys_to_virt(hpa(base)));
	if (map_memory(d, first) || map_modules(d) || open_ports(d))
		return "too little memory for the control domain's page tables";
	start = plinth_pvh_start_state(base + image.entry, write_start_info(base));
	if (vcpu_state_set(d->vcpu[0], &start))
		return "the control domain's entry point cannot be used";
	iommu_init(bi, hpa(base), CONTROL_MEMORY);
	log_line("control domain: %lu MiB at %#lx, entry %#lx", (u64)(CONTROL_MEMORY >> 20), base,
		 base + image.entry);
	return NULL;
}
