/* SPDX-License-Identifier: BSD-2-Clause */
/* What RDMSR and WRMSR do for a guest: a table of MSRs, default deny. */
#ifndef CORE_MSR_H
#define CORE_MSR_H

#include <core/types.h>

struct vcpu;

/* 0, or -XEN_EINVAL: #GP(0). */
must_use int msr_read(struct vcpu *v, u32 index, u64 *value);
must_use int msr_write(struct vcpu *v, u32 index, u64 value);
void msr_reset(struct vcpu *v);

#endif
