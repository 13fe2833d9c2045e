/* SPDX-License-Identifier: BSD-2-Clause */
/* Building the control domain from the first boot module, and what only it has. */
#ifndef CORE_CONTROL_DOMAIN_H
#define CORE_CONTROL_DOMAIN_H

#include <core/types.h>
#include <plinth/control.h>

struct boot_info;
struct vcpu;

/* Creates domain 0, loads it, opens the devices to it, sets its vCPU up; it runs as soon as a CPU
 * is free. Returns NULL, or what is wrong, in words. bi stays in use. */
must_use const char *control_domain_build(const struct boot_info *bi);
/* Fills total_pages, hypervisor_pages, domains, foreign_*, rsdp. */
void control_domain_machine_info(struct plinth_ctl_machine_info *m);
/* Do all of these gfns lie in its window for other domains' pages? */
bool control_domain_in_window(u64 first, u64 count);
/* The control domain touched g, where nothing is mapped: maps the device there, uncached. false if
 * it may not have it (RAM, the hypervisor's own devices). */
bool control_domain_map_device(gpa_t g);

#endif
