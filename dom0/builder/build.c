/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a domain from files. */
#include <dom0/builder/build.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/builder/acpi_tables.h>
#include <dom0/builder/elf.h>
#include <dom0/builder/kernel_image.h>
#include <dom0/builder/start_info.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/foreign.h>
#include <dom0/hyper/hypercall.h>
#include <plinth/start_state.h>
#include <xen/start_info.h>

#define EXTRA_PAGES 64u /* ACPI tables and special pages, besides the RAM asked for */

/* A domain that only holds memory, for kernels while they are unpacked. */
struct scratch {
	domid_t domid;
	u8 *data;
	u64 pages;
};

struct build {
	const struct build_request *request;
	struct build_error *err;
	struct scratch scratch;
	struct elf_image elf;
	struct guest_layout layout;
	domid_t domid;
	bool created;
	u8 *ram; /* guest-physical 0 up to mapped_pages */
	u64 mapped_pages;
};

static u64 pages_of(u64 bytes)
{
	return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static int create(domid_t *domid, const struct build_request *r, u64 pages, u32 flags)
{
	struct plinth_control c = {
		.u.create = {.flags = flags, .max_vcpus = r ? r->vcpus : 1, .max_pages = pages}};
	int err;

	if (r) {
		memcpy(c.u.create.uuid, r->uuid, sizeof(r->uuid));
		strncpy(c.u.create.name, r->name, sizeof(c.u.create.name) - 1);
	} else {
		strcpy(c.u.create.name, "(unpacking)");
	}
	err = control_op(&c, PLINTH_CTL_domain_create);
	*domid = c.u.create.domid;
	return err;
}

static int populate(domid_t domid, u64 first, u64 count)
{
	struct plinth_control c = {.u.mem = {.domid = domid, .gfn = first, .count = count}};

	return control_mem_all(&c, PLINTH_CTL_mem_populate);
}

void build_destroy(domid_t domid)
{
	struct plinth_control c;
	int err;

	do {
		memset(&c, 0, sizeof(c));
		c.u.domain.domid = domid;
		err = control_op(&c, PLINTH_CTL_domain_destroy);
	} while (!err && !c.u.domain.done);
	if (err)
		panic("cannot destroy domain %u: error %d", domid, err);
}

static u64 free_mib(void)
{
	struct plinth_control c;

	if (control_op(&c, PLINTH_CTL_machine_info))
		panic("no machine information");
	return c.u.machine_info.free_pages >> 8;
}

static int no_memory(struct build *b, u64 mib, const char *what)
{
	return build_fail(b->err, ENOMEM, "too little memory %s: %llu MiB asked, %llu MiB free",
			  what, (unsigned long long)mib, (unsigned long long)free_mib());
}

static int scratch_get(struct build *b, u64 bytes)
{
	struct scratch *s = &b->scratch;
	int err;

	s->pages = align_up(pages_of(bytes), 512);
	if (create(&s->domid, NULL, s->pages, PLINTH_CREATE_scratch)) {
		s->pages = 0;
		return no_memory(b, s->pages >> 8, "to unpack the kernel");
	}
	if (populate(s->domid, 0, s->pages) == 0)
		s->data = foreign_map(s->domid, 0, s->pages, &err);
	return s->data ? 0 : no_memory(b, s->pages >> 8, "to unpack the kernel");
}

static void scratch_put(struct build *b)
{
	struct scratch *s = &b->scratch;

	if (s->data)
		foreign_unmap(s->data, s->pages);
	if (s->pages)
		build_destroy(s->domid);
	*s = (struct scratch){0};
}

/* Says which file the trouble is with. */
static int blame(struct build *b, const struct build_file *file, int err)
{
	char text[sizeof(b->err->text)];

	if (!err)
		return 0;
	memcpy(text, b->err->text, sizeof(text));
	build_fail(b->err, -err, "%s: %s", file->name, text);
	return err;
}

static int open_kernel(struct build *b)
{
	const struct build_file *f = &b->request->kernel;
	struct kernel_image image;
	int err = kernel_image_open(&image, f->data, f->size, b->err);
	const void *elf = image.payload;
	u64 unpacked;

	if (err)
		return blame(b, f, err);
	if (image.packed) {
		unpacked = align_up(image.unpacked_size, 16);
		err = scratch_get(b, unpacked + image.scratch_size);
		if (err)
			return err;
		err = kernel_image_unpack(&image, b->scratch.data, b->scratch.data + unpacked,
					  b->err);
		elf = b->scratch.data;
	}
	if (!err)
		err = elf_open(&b->elf, elf, image.unpacked_size, b->err);
	return blame(b, f, err);
}

static int make_memory(struct build *b)
{
	const struct build_request *r = b->request;
	const struct guest_layout *l = &b->layout;
	u64 free_now = free_mib();
	int err;

	if (r->memory_mib > free_now)
		return no_memory(b, r->memory_mib, "for the guest");
	err = create(&b->domid, r, (r->max_memory_mib << 8) + EXTRA_PAGES, 0);
	if (err)
		return no_memory(b, r->memory_mib, "for the guest's control blocks");
	b->created = true;
	err = populate(b->domid, 0, l->lowmem_size >> PAGE_SHIFT);
	if (!err)
		err = populate(b->domid, GIB(4) >> PAGE_SHIFT, l->highmem_size >> PAGE_SHIFT);
	if (!err)
		err = populate(b->domid, ACPI_TABLES_GPA >> PAGE_SHIFT, pages_of(l->acpi_size));
	if (!err)
		err = populate(b->domid, GUEST_XENSTORE_GFN, 1);
	if (!err)
		err = populate(b->domid, GUEST_CONSOLE_GFN, 1);
	return err ? no_memory(b, r->memory_mib, "for the guest") : 0;
}

static int store(void *ctx, u64 at, const void *data, u64 len)
{
	const struct build *b = ctx;

	memcpy(b->ram + at, data, len);
	return 0;
}

static int zero(void *ctx, u64 at, u64 len)
{
	(void)ctx; /* the guest's memory is zero from the start */
	(void)at;
	(void)len;
	return 0;
}

static int map_ram(struct build *b)
{
	u64 end = b->elf.end;
	int err;

	end = max_u64(end, b->layout.start_info.v + b->layout.start_info_size);
	end = max_u64(end, b->layout.initrd.v + b->layout.initrd_size);
	b->mapped_pages = pages_of(end);
	b->ram = foreign_map(b->domid, 0, b->mapped_pages, &err);
	if (!b->ram)
		return build_fail(b->err, ENOMEM, "cannot map the guest's memory (error %d)", err);
	return 0;
}

static int fill_memory(struct build *b)
{
	const struct build_request *r = b->request;
	const struct elf_sink sink = {store, zero, b};
	int err = map_ram(b);

	if (err)
		return err;
	err = blame(b, &r->kernel, elf_load(&b->elf, &sink, ELF_NOT_IN_GUEST, b->err));
	if (err)
		return err;
	if (r->ramdisk.size)
		memcpy(b->ram + b->layout.initrd.v, r->ramdisk.data, r->ramdisk.size);
	err = start_info_build(b->ram + b->layout.start_info.v, b->layout.start_info_size,
			       &b->layout, gpa(ACPI_TABLES_GPA), r->cmdline);
	return err ? build_fail(b->err, -err, "cannot write the start info") : 0;
}

static int write_acpi(struct build *b)
{
	u64 pages = pages_of(b->layout.acpi_size);
	int code, err;
	void *p = foreign_map(b->domid, ACPI_TABLES_GPA >> PAGE_SHIFT, pages, &code);

	if (!p)
		return build_fail(b->err, ENOMEM, "cannot map the guest's ACPI tables");
	err = acpi_tables_build(p, pages << PAGE_SHIFT, gpa(ACPI_TABLES_GPA), b->request->vcpus);
	foreign_unmap(p, pages);
	return err ? build_fail(b->err, -err, "cannot write the ACPI tables") : 0;
}

/* The hypervisor answers memory_map from the same list that the start info carries. */
static int set_memory_map(struct build *b)
{
	const struct hvm_start_info *s = (const void *)(b->ram + b->layout.start_info.v);
	struct plinth_control c = {.u.memory_map = {.domid = b->domid,
						    .count = s->memmap_entries,
						    .buffer = ptr_arg(b->ram + s->memmap_paddr)}};

	if (control_op(&c, PLINTH_CTL_memory_map_set))
		return build_fail(b->err, EINVAL, "the memory map was refused");
	return 0;
}

static int seed(struct build *b, grant_ref_t ref, u64 gfn_number)
{
	struct plinth_control c = {
		.u.seed = {.domid = b->domid, .to = 0, .ref = ref, .gfn = gfn_number}};

	return control_op(&c, PLINTH_CTL_grant_seed);
}

static int special_pages(struct build *b, struct built_domain *out)
{
	int err = hyper_alloc_unbound(b->domid, 0, &out->store_port), code;

	if (!err)
		err = hyper_alloc_unbound(b->domid, 0, &out->console_port);
	if (!err)
		err = hyper_set_param(b->domid, HVM_PARAM_STORE_PFN, GUEST_XENSTORE_GFN);
	if (!err)
		err = hyper_set_param(b->domid, HVM_PARAM_STORE_EVTCHN, out->store_port);
	if (!err)
		err = hyper_set_param(b->domid, HVM_PARAM_CONSOLE_PFN, GUEST_CONSOLE_GFN);
	if (!err)
		err = hyper_set_param(b->domid, HVM_PARAM_CONSOLE_EVTCHN, out->console_port);
	if (!err)
		err = seed(b, GNTTAB_RESERVED_CONSOLE, GUEST_CONSOLE_GFN);
	if (!err)
		err = seed(b, GNTTAB_RESERVED_XENSTORE, GUEST_XENSTORE_GFN);
	if (err)
		return build_fail(b->err, EINVAL, "cannot set up the special pages (error %d)",
				  err);
	out->console_page = foreign_map(b->domid, GUEST_CONSOLE_GFN, 1, &code);
	out->store_page = foreign_map(b->domid, GUEST_XENSTORE_GFN, 1, &code);
	if (!out->console_page || !out->store_page)
		return build_fail(b->err, ENOMEM, "cannot map the special pages");
	return 0;
}

static int set_vcpu(struct build *b)
{
	struct plinth_vcpu_state s = plinth_pvh_start_state(b->elf.entry, b->layout.start_info.v);
	struct plinth_control c = {.u.vcpu = {.domid = b->domid, .buffer = ptr_arg(&s)}};

	if (control_op(&c, PLINTH_CTL_vcpu_set))
		return build_fail(b->err, EINVAL, "the first vCPU's state was refused");
	return 0;
}

static int check_fit(struct build *b)
{
	const struct elf_ram ram[] = {{0, b->layout.lowmem_size}, {GIB(4), b->layout.highmem_size}};

	return blame(b, &b->request->kernel,
		     elf_check_memory(&b->elf, ram, b->layout.highmem_size ? 2 : 1, b->err));
}

int build_domain(const struct build_request *request, struct built_domain *out,
		 struct build_error *err)
{
	struct build b = {.request = request, .err = err};
	int rc;

	*out = (struct built_domain){0};
	rc = open_kernel(&b);
	if (!rc)
		rc = guest_layout_plan(&b.layout, request->memory_mib << 20, b.elf.start, b.elf.end,
				       request->ramdisk.size, strlen(request->cmdline),
				       request->vcpus, err);
	if (!rc)
		rc = check_fit(&b);
	if (!rc)
		rc = make_memory(&b);
	if (!rc)
		rc = fill_memory(&b);
	if (!rc)
		rc = write_acpi(&b);
	if (!rc)
		rc = set_memory_map(&b);
	if (!rc)
		rc = special_pages(&b, out);
	if (!rc)
		rc = set_vcpu(&b);
	out->domid = b.domid;
	if (b.ram)
		foreign_unmap(b.ram, b.mapped_pages);
	scratch_put(&b);
	if (rc) {
		if (out->console_page)
			foreign_unmap(out->console_page, 1);
		if (out->store_page)
			foreign_unmap(out->store_page, 1);
		if (b.created)
			build_destroy(b.domid);
	}
	return rc;
}
