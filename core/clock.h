/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' time: pvclock, wall clock, runstate. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <core/types.h>
#include <core/vcpu.h>
#include <xen/shared_info.h>

/* Fills t for the guest's clock (version even; a new odd/even cycle). t is guest memory: written
 * in the order of guest-abi 4.1. */
void clock_write_time(struct vcpu_time_info *t);
/* Wall clock of the domain's shared_info. */
void clock_write_wall(struct shared_info *s);
/* v enters state (RUNSTATE_*) at now: accounts the time of the old one and, if an area is
 * registered and write_area, writes it. Any CPU. */
void clock_runstate(struct vcpu *v, int state, u64 now, bool write_area);

/* VCPUOP 5 and 13: addr is linear in the caller's (cur's) page tables; 0 drops the time area. */
must_use int clock_register_runstate(struct vcpu *cur, struct vcpu *v, gva_t addr);
must_use int clock_register_time(struct vcpu *cur, struct vcpu *v, gva_t addr);
void clock_release_areas(struct vcpu *v); /* drops the frames: v goes away */

#endif
