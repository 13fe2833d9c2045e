/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls in host tests. */
#ifndef FAKE_CALL_H
#define FAKE_CALL_H

#include <core/hypercall.h>

/* One pass of fn, as the guest's registers would ask for it. */
static inline s64 fake_call(hypercall_fn *fn, struct vcpu *v, u64 rdi, u64 rsi, u64 rdx)
{
	v->regs.gpr[GPR_RDI] = rdi;
	v->regs.gpr[GPR_RSI] = rsi;
	v->regs.gpr[GPR_RDX] = rdx;
	return fn(v);
}

#endif
