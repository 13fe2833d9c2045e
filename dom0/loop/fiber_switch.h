/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing stacks: the part of fibers that is not C. */
#ifndef DOM0_LOOP_FIBER_SWITCH_H
#define DOM0_LOOP_FIBER_SWITCH_H

#include <core/types.h>

/* Saves what the ABI lets a callee keep on the stack in use, notes it in *from, and returns on the
 * stack `to`, where an earlier call left it. System V ABI, AMD64 supplement, "Registers". */
void fiber_switch(void **from, void *to);

/* A stack (its end, 16-byte aligned) whose first switch enters fn, as a call would. */
static inline void *fiber_prepare(u64 *end, void (*fn)(void))
{
	end[-1] = 0; /* where fn would return to: it does not */
	end[-2] = (u64)(uintptr_t)fn;
	for (int i = 3; i <= 8; i++)
		end[-i] = 0; /* the six registers */
	end[-9] =
		0x37F00001F80ull; /* x87 control word and MXCSR as after reset, exceptions masked */
	return end - 9;
}

#endif
