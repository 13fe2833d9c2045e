/* SPDX-License-Identifier: BSD-2-Clause */
/* A current VMCS for tests, by encoding; include it first, in place of <vmx/insn.h>. The test
 * defines vmread(), and so sees what is read. */
#ifndef VMX_INSN_H
#define VMX_INSN_H

#include <core/types.h>

u64 vmread(u32 field);

#endif
