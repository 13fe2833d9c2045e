/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands around a vCPU's own devices in host tests: one domain with vCPUs, memory behind a
 * nested table that is an array of leaves, a clock that the test moves, and records of what was
 * woken. */
#ifndef FAKE_VCPU_ENV_H
#define FAKE_VCPU_ENV_H

#include <core/domain.h>
#include <core/vcpu.h>

#define ENV_VCPUS  20u
#define ENV_FRAMES 1024u /* of 4 KiB, from host frame ENV_FIRST on */
#define ENV_FIRST  0x100u
#define ENV_LEAVES 32u

struct env_leaf {
	u64 gfn, frame;
	unsigned int order, rights;
	enum ept_type type;
};

extern struct domain env_domain;
extern struct vcpu env_vcpu[ENV_VCPUS];
extern struct env_leaf env_leaf[ENV_LEAVES];
extern unsigned int env_leaves, env_lookups;
extern unsigned char *env_ram; /* host frame ENV_FIRST */
extern int env_frame_refs[ENV_FRAMES];
extern int env_maps; /* frame_map() less frame_unmap() */

extern u64 env_now, env_utc;
extern u32 env_mul, env_khz;
extern s8 env_shift;
extern u64 env_tsc_base;

extern unsigned int env_kicks[ENV_VCPUS], env_inits[ENV_VCPUS], env_startups[ENV_VCPUS];
extern u8 env_startup_vector;
extern unsigned int env_upcalls, env_virqs, env_downs, env_ups, env_loads;
extern struct vcpu_info env_info;
extern int env_register_error;
extern unsigned int env_cpl, env_code_bits;
extern struct hvm_event env_raised; /* last exception */
extern u64 env_fault_address;

/* Everything anew: vCPUs all zero, guest-physical 0.. mapped to the RAM
 * as one 2 MiB leaf. */
void env_reset(u32 vcpus, bool x2apic);
void env_map(u64 gfn_number, u64 frame, unsigned int order, unsigned int rights,
	     enum ept_type type);
/* Pointer to guest-physical memory, without any check. */
void *env_at(u64 gpa);
/* Moves the clock and runs the timers that are due, one by one, in order; how many fired. */
unsigned int env_run_until(u64 ns);

#endif
