/* SPDX-License-Identifier: BSD-2-Clause */
/* The state in which a PVH guest's first vCPU starts: guest-abi 1.2. */
#ifndef PLINTH_START_STATE_H
#define PLINTH_START_STATE_H

#include <plinth/vcpu_state.h>

static inline struct plinth_vcpu_state plinth_pvh_start_state(uint64_t entry, uint64_t start_info)
{
	struct plinth_vcpu_state s = {.version = PLINTH_VCPU_STATE_VERSION,
				      .flags = PLINTH_VCPU_ONLINE,
				      .gpr[GPR_RBX] = start_info,
				      .rip = entry,
				      .rflags = 2,
				      .cr0 = 0x11,
				      .xcr0 = 1,
				      .dr6 = 0xFFFF0FF0,
				      .dr7 = 0x400,
				      .pat = 0x0007040600070406ull};

	for (unsigned int i = 0; i < SEG_COUNT; i++)
		s.seg[i] = (struct plinth_segment){.attr = 0xC93, .limit = ~0u};
	s.seg[SEG_CS].attr = 0xC9B;
	s.seg[SEG_LDTR] = (struct plinth_segment){.attr = 0x82, .limit = 0xFFFF};
	s.seg[SEG_TR] = (struct plinth_segment){.attr = 0x8B, .limit = 0x67};
	return s;
}

#endif
