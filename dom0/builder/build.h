/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a domain from files: memory, kernel, initrd, tables, special pages, first vCPU. */
#ifndef DOM0_BUILDER_BUILD_H
#define DOM0_BUILDER_BUILD_H

#include <core/types.h>
#include <dom0/builder/error.h>
#include <plinth/control.h>

struct build_file {
	const char *name;
	const void *data;
	u64 size; /* 0: no such file given */
};
struct build_request {
	const char *name;
	u8 uuid[16];
	u32 vcpus;
	u64 memory_mib, max_memory_mib;
	struct build_file kernel, ramdisk;
	const char *cmdline;
};
struct built_domain {
	domid_t domid;
	evtchn_port_t store_port, console_port; /* the guest's ends */
	void *console_page, *store_page;        /* mapped; foreign_unmap(page, 1) ends that */
};

/* The domain is paused. On error nothing is left of it; err->text begins with the file at fault, if
 * one is. */
must_use int build_domain(const struct build_request *request, struct built_domain *out,
			  struct build_error *err);
/* Destroys a domain, all of it. */
void build_destroy(domid_t domid);

#endif
